/* The engine against model.c, on random chains and histories.
 *
 *   model [--cases N] [--seed S]    cases S, S + 1, ... (3000 from 1; 300,000 with SCHEMAFS_LONG
 * set) model --case S                  that one, printed as a script
 *
 * After every write, backfill, revert and re-add each item's text in each version must be what the
 * model says. Operations that are not needed for a difference are cut before it is printed. Status:
 * 0 no difference, 1 one. */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "model.h"
#include "rand.h"
#include "world.h"

#define MAX_OPS 60

enum m_op_kind { MO_ADD, MO_WRITE, MO_BACKFILL, MO_REVERT, MO_WAKE };
struct m_op {
    enum m_op_kind kind;
    size_t version;
    const char *key, *values[MODEL_FIELDS];
    uint64_t salt;
    bool edit, cut;
};

struct m_case {
    struct arena a;
    struct rnd r;
    struct model shape;         /* without items: the chain */
    size_t last[CASE_VERSIONS]; /* the node that each version is */
    struct kase k;
    struct m_op ops[MAX_OPS];
    size_t n_ops;
    uint64_t kinds[M_KINDS];
};

/* ---- Chains ---- */

static const char *format(struct m_case *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static const char *format(struct m_case *c, const char *fmt, ...)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    MUST(buf_vprintf(&b, fmt, ap));
    va_end(ap);
    const char *p = arena_strdup(&c->a, buf_str(&b));
    MUST(p);
    return p;
}

typedef bool field_test(const struct m_field *f);
static bool is_plain(const struct m_field *f)
{
    return !f->list && !f->read_only && !f->def;
}
static bool is_list(const struct m_field *f)
{
    return f->list;
}
static bool is_text(const struct m_field *f)
{
    return !f->list;
}
static bool is_own(const struct m_field *f)
{
    return is_plain(f) && !f->seeded && f->old;
}
static bool has_default(const struct m_field *f)
{
    return f->def != NULL;
}
static bool is_any(const struct m_field *f)
{
    return f != NULL;
}

static const char *some_field(struct m_case *c, field_test *test, const char *but)
{
    const struct m_node *n = &c->shape.nodes[c->shape.n - 1];
    size_t at = rnd_below(&c->r, n->n);
    for (size_t i = 0; i < n->n; i++) {
        const struct m_field *f = &n->f[(at + i) % n->n];
        if (test(f) && (!but || strcmp(f->name, but) != 0))
            return f->name;
    }
    return NULL;
}

static const char *new_name(struct m_case *c)
{
    return format(c, "f%zu_%u", c->shape.n, rnd_below(&c->r, 1000));
}

/* What each kind wants: a from `of`, b from `with`, new names for the rest. */
static const struct {
    field_test *of, *with;
    bool new_a, new_b, new_c;
    unsigned weight;
} wants[M_KINDS] = {
    [M_RENAME_TYPE] = {.new_b = true, .weight = 1},
    [M_RENAME_FIELD] = {.of = is_any, .new_b = true, .weight = 3},
    [M_REORDER] = {.of = is_any, .weight = 1},
    [M_ADD] = {.new_a = true, .weight = 3},
    [M_ADD_UP] = {.with = is_text, .new_a = true, .weight = 4},
    [M_REMOVE] = {.of = is_any, .weight = 3},
    [M_REMOVE_DOWN] = {.of = is_own, .with = is_text, .weight = 3},
    [M_DEFAULT] = {.of = has_default, .weight = 1},
    [M_COMPUTE] = {.with = is_text, .new_a = true, .weight = 2},
    [M_WRAP] = {.of = is_plain, .weight = 3},
    [M_UNWRAP] = {.of = is_list, .weight = 4},
    [M_MAP] = {.of = is_plain, .weight = 4},
    [M_SPLIT] = {.of = is_plain, .new_b = true, .new_c = true, .weight = 3},
    [M_MERGE] = {.of = is_plain, .with = is_plain, .new_c = true, .weight = 3},
};

static const char *const defaults[] = {NULL, "\"none\"", "\"pending\""};

static bool make_step(struct m_case *c, struct m_step *s)
{
    static const char *const froms[] = {"a", "pending", "done"}, *const tos[] = {"x", "y", "done"};
    const struct m_node *n = &c->shape.nodes[c->shape.n - 1];
    unsigned total = 0, at, kind = 0;
    for (size_t i = 0; i < M_KINDS; i++)
        total += wants[i].weight;
    for (at = rnd_below(&c->r, total); at >= wants[kind].weight; kind++)
        at -= wants[kind].weight;
    *s = (struct m_step){.kind = (enum m_kind)kind, .expr = rnd_below(&c->r, n_m_exprs), .n = 3};
    s->def = defaults[(s->kind == M_DEFAULT) + rnd_below(&c->r, s->kind == M_DEFAULT ? 2 : 3)];
    s->a = wants[kind].new_a ? new_name(c)
           : wants[kind].of  ? some_field(c, wants[kind].of, NULL)
                             : "";
    s->b = wants[kind].new_b  ? new_name(c)
           : wants[kind].with ? some_field(c, wants[kind].with, s->a)
                              : "";
    s->c = wants[kind].new_c ? new_name(c) : "";
    for (size_t i = 0; i < 3; i++) {
        s->from[i] = froms[i];
        s->to[i] = tos[(i + (rnd_below(&c->r, 2) ? 1 : 0)) % 3];
    }
    if (s->kind == M_RENAME_TYPE)
        s->b = format(c, "T%zu", c->shape.n);
    return s->a && s->b && n->n + 2 < MODEL_FIELDS && (n->n > 1 || s->kind == M_ADD);
}

static const char *step_yaml(struct m_case *c, const struct m_step *s, const char *type)
{
    const char *sql = s->b ? format(c, "%s", "") : "";
    if (s->kind == M_ADD_UP || s->kind == M_REMOVE_DOWN || s->kind == M_COMPUTE) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        char out[200];
        snprintf(out, sizeof out, m_expr_sql[s->expr], s->b);
#pragma GCC diagnostic pop
        sql = format(c, "%s", out);
    }
    switch (s->kind) {
    case M_RENAME_TYPE:
        return format(c, "rename_type: {from: %s, to: %s}", type, s->b);
    case M_RENAME_FIELD:
        return format(c, "rename_field: {type: %s, from: %s, to: %s}", type, s->a, s->b);
    case M_REORDER:
        return format(c, "reorder_fields: {type: %s, fields: [%s]}", type, s->a);
    case M_ADD:
        return s->def
                   ? format(c, "add_field: {type: %s, field: %s, as: {type: string, default: %s}}",
                            type, s->a, s->def)
                   : format(c, "add_field: {type: %s, field: %s, as: string}", type, s->a);
    case M_ADD_UP:
        return format(c, "add_field: {type: %s, field: %s, as: string, up: \"%s\"}", type, s->a,
                      sql);
    case M_REMOVE:
        return format(c, "remove_field: {type: %s, field: %s}", type, s->a);
    case M_REMOVE_DOWN:
        return format(c, "remove_field: {type: %s, field: %s, down: \"%s\"}", type, s->a, sql);
    case M_DEFAULT:
        return format(c, "change_default: {type: %s, field: %s, default: %s}", type, s->a, s->def);
    case M_COMPUTE:
        return format(c, "compute_field: {type: %s, field: %s, as: string, value: \"%s\"}", type,
                      s->a, sql);
    case M_WRAP:
        return format(c, "wrap_list: {type: %s, field: %s}", type, s->a);
    case M_UNWRAP:
        return format(c, "unwrap_list: {type: %s, field: %s}", type, s->a);
    case M_MAP:
        return format(c, "map_values: {type: %s, field: %s, values: {%s: %s, %s: %s, %s: %s}}",
                      type, s->a, s->from[0], s->to[0], s->from[1], s->to[1], s->from[2], s->to[2]);
    case M_SPLIT:
        return format(
            c,
            "split_field: {type: %s, field: %s, into: {%s: {as: string, up: \"substr(%s, 1, "
            "1)\"}, %s: {as: string, up: \"substr(%s, 2)\"}}, down: \"%s || %s\"}",
            type, s->a, s->b, s->a, s->c, s->a, s->b, s->c);
    case M_MERGE:
        return format(
            c,
            "merge_fields: {type: %s, fields: {%s: \"substr(%s, 1, instr(%s || '|', '|') - "
            "1)\", %s: \"substr(%s, instr(%s || '|', '|') + 1)\"}, into: %s, as: string, up: "
            "\"coalesce(%s, '') || '|' || coalesce(%s, '')\"}",
            type, s->a, s->c, s->c, s->b, s->c, s->c, s->c, s->a, s->b);
    case M_KINDS:
        break;
    }
    return NULL;
}

static void make_root(struct m_case *c)
{
    static const char *const names[] = {"name", "state", "note", "kind"};
    struct case_version *v = &c->k.v[0];
    struct m_node *n = &c->shape.nodes[0];

    c->shape.a = &c->a;
    snprintf(n->type, sizeof n->type, "Dog");
    v->blocks = arena_alloc(&c->a, sizeof *v->blocks);
    v->blocks[0] = (struct block){.kind = SHAPE_ITEM, .name = "Dog"};
    v->blocks[0].fields.m = arena_alloc(&c->a, 8 * sizeof(struct member));
    for (size_t i = 0, fields = 2 + rnd_below(&c->r, 3); i < fields; i++) {
        bool list = rnd_chance(&c->r, 25);
        n->f[n->n++] = (struct m_field){.name = names[i], .list = list, .old = true};
        v->blocks[0].fields.m[v->blocks[0].fields.n++] =
            (struct member){names[i], list ? "list<string>" : "string"};
    }
    v->n_blocks = c->shape.n = c->k.n_v = 1;
    v->from = -1;
    snprintf(v->name, sizeof v->name, "v1");
}

static void make_version(struct m_case *c)
{
    size_t i = c->k.n_v++, n = 1 + rnd_below(&c->r, 2);
    struct case_version *v = &c->k.v[i];
    snprintf(v->name, sizeof v->name, "v%zu", i + 1);
    v->from = (int)i - 1;
    v->steps = arena_alloc(&c->a, n * sizeof *v->steps);
    for (int tries = 0; v->n_steps < n && tries < 20; tries++) {
        struct m_step s;
        const char *type = format(c, "%s", c->shape.nodes[c->shape.n - 1].type);
        if (!make_step(c, &s) || !model_add(&c->shape, &s))
            continue;
        v->steps[v->n_steps++] = step_yaml(c, &s, type);
        c->kinds[s.kind]++;
    }
    c->last[i] = c->shape.n - 1;
}

/* ---- Histories ---- */

static const char *some_value(struct m_case *c, const struct m_field *f)
{
    static const char *const texts[] = {"\"a\"", "\"b\"",     "\"pending\"", "\"done\"",
                                        "\"\"",  "\"x|y z\"", "\"y\"",       "\"Ab\""};
    static const char *const lists[] = {"[]", "[\"a\"]", "[\"a\", \"b\"]",
                                        "[\"done\", \"a\", \"b\"]"};
    if (!f->def && rnd_chance(&c->r, 20))
        return NULL;
    return f->list ? lists[rnd_below(&c->r, 4)] : texts[rnd_below(&c->r, 8)];
}

static void make_op(struct m_case *c, enum m_op_kind kind, size_t version)
{
    static const char *const keys[] = {"k1", "k2", "k3"};
    const struct m_node *n = &c->shape.nodes[c->last[version]];
    if (c->n_ops == MAX_OPS)
        return;
    struct m_op *op = &c->ops[c->n_ops++];
    *op = (struct m_op){.kind = kind,
                        .version = version,
                        .key = keys[rnd_below(&c->r, 3)],
                        .edit = rnd_chance(&c->r, 50),
                        .salt = rnd_next(&c->r)};
    for (size_t i = 0; kind == MO_WRITE && i < n->n; i++)
        op->values[i] = some_value(c, &n->f[i]);
}

static void make_ops(struct m_case *c)
{
    size_t added = 1, live = 1;
    make_op(c, MO_ADD, 0);
    while (c->n_ops < MAX_OPS) {
        unsigned n = rnd_below(&c->r, 100);
        if (n < 18 && added < c->k.n_v && live == added) {
            make_op(c, MO_ADD, added);
            live = ++added;
        } else if (n < 75) {
            make_op(c, MO_WRITE, rnd_below(&c->r, live));
        } else if (n < 85) {
            make_op(c, MO_BACKFILL, 0);
        } else if (n < 90 && live > 1) {
            live = 1 + rnd_below(&c->r, live - 1);
            make_op(c, MO_REVERT, live);
        } else if (live < added) {
            make_op(c, MO_WAKE, live);
            live = added;
        }
    }
}

/* ---- One case ---- */

struct m_run {
    struct m_case *c;
    struct world w;
    struct model model;
    size_t known; /* nodes that are added */
    char why[3000];
    FILE *script;
    uint64_t compared;
};

static bool differs(struct m_run *r)
{
    for (size_t i = 0; i < r->w.n_views; i++)
        for (size_t k = 0; k < r->model.n_items; k++) {
            const struct view *vw = &r->w.views[i];
            const struct m_item *it = &r->model.items[k];
            struct buf is BUF_CLEANUP = BUF_INIT, should BUF_CLEANUP = BUF_INIT;
            struct err e = ERR_INIT;
            const struct w_item *w = world_item(&r->w, vw->s->coll, it->key);
            if (!w || world_text(&r->w, vw, w, true, &is, &e))
                case_die("an item can't be read", w ? e.text : it->key);
            model_line(&r->model, r->c->last[vw->index], it, &should);
            r->compared++;
            if (span_eq(buf_span(&is), buf_span(&should)))
                continue;
            snprintf(r->why, sizeof r->why, "%s/%s/%s reads\n#   %s# and the model says\n#   %s",
                     vw->v->name, vw->s->name, it->key, buf_str(&is), buf_str(&should));
            return true;
        }
    return false;
}

/* A field keeps what it shows where the version computes it. */
static void write_item(struct m_run *r, const struct m_op *op)
{
    size_t node = r->c->last[op->version];
    const struct m_node *n = &r->model.nodes[node];
    const struct view *vw = world_view(&r->w, (unsigned)op->version, n->type);
    struct members m = {arena_alloc(&r->c->a, (n->n + 1) * sizeof(struct member)), 0};
    struct buf text BUF_CLEANUP = BUF_INIT, base BUF_CLEANUP = BUF_INIT;
    const struct w_item *it = vw ? world_item(&r->w, vw->s->coll, op->key) : NULL;
    struct err e = ERR_INIT;

    if (!vw)
        return;
    for (size_t i = 0; i < n->n; i++)
        if (op->values[i] && !n->f[i].read_only)
            m.m[m.n++] = (struct member){n->f[i].name, op->values[i]};
    case_text(&m, 0, &text);
    if (r->script)
        fprintf(r->script, "cat > %s/%s/%s.json <<'EOF'\n%sEOF\n", vw->v->name, n->type, op->key,
                buf_str(&text));
    if (op->edit && it && world_open(&r->w, vw, it, &base, &e))
        case_die("an item can't be opened", e.text);
    if (world_put(&r->w, vw, op->key, buf_span(&text), base.n ? &base : NULL, &e))
        case_die("a write is refused", e.text);
    model_write(&r->model, node, op->key, op->values);
}

static void add_version(struct m_run *r, size_t version)
{
    if (r->script) {
        struct buf yaml BUF_CLEANUP = BUF_INIT;
        case_yaml(&r->c->k.v[version], version ? &r->c->k.v[version - 1] : NULL, &yaml);
        fprintf(r->script, "cat > schemas/v%zu.yaml <<'EOF'\n%sEOF\necho v%zu > control/add\n",
                version + 1, buf_str(&yaml), version + 1);
    }
    world_add(&r->w, (unsigned)version);
    while (r->model.n <= r->c->last[version])
        MUST(model_add(&r->model, &r->c->shape.nodes[r->model.n].step));
}

static void backfill(struct m_run *r, const struct m_op *op)
{
    struct err e = ERR_INIT;
    uint32_t last = r->w.cat->last_step;
    uint32_t upto = op->salt >> 8 & 1 ? last : (uint32_t)(op->salt >> 16) % (last + 1);
    if (r->script)
        fprintf(r->script, "echo v%zu > control/backfill   # of some items, up to a step\n",
                r->w.n_entries);
    for (size_t i = 0; i < r->w.st.n_items; i++)
        if (op->salt >> i & 1 && world_bring(&r->w, i, upto, &e))
            case_die("an item can't be brought up to date", e.text);
}

static void do_op(struct m_run *r, const struct m_op *op)
{
    bool known = op->version < r->w.n_entries;
    if (op->kind == MO_ADD && op->version == r->w.n_entries)
        add_version(r, op->version);
    else if (op->kind == MO_WRITE && known)
        write_item(r, op);
    else if (op->kind == MO_BACKFILL)
        backfill(r, op);
    else if ((op->kind == MO_REVERT || op->kind == MO_WAKE) && known) {
        if (r->script)
            fprintf(r->script, "echo v%zu > control/%s\n", op->version + 1,
                    op->kind == MO_WAKE ? "add" : "revert");
        world_state(&r->w, (unsigned)op->version,
                    op->kind == MO_WAKE ? VERSION_LIVE : VERSION_DORMANT);
    }
}

/* true: they agree. */
static bool run(struct m_case *c, const struct compiled *comp, struct expr_env *env, char why[3000],
                uint64_t *compared, FILE *script)
{
    struct m_run r = {.c = c, .script = script};
    bool ok = true;

    r.model.a = &c->a;
    r.model.nodes[0] = c->shape.nodes[0];
    r.model.n = 1;
    world_init(&r.w, env, comp);
    for (size_t i = 0; i < c->n_ops && ok; i++) {
        if (c->ops[i].cut)
            continue;
        do_op(&r, &c->ops[i]);
        ok = !differs(&r);
    }
    world_deinit(&r.w);
    *compared += r.compared;
    memcpy(why, r.why, sizeof r.why);
    return ok;
}

static void shrink(struct m_case *c, const struct compiled *comp, struct expr_env *env, char *why)
{
    uint64_t n = 0;
    for (int round = 0; round < 3; round++)
        for (size_t i = c->n_ops; i-- > 0;)
            if (!c->ops[i].cut) {
                c->ops[i].cut = true;
                c->ops[i].cut = !run(c, comp, env, why, &n, NULL);
            }
    run(c, comp, env, why, &n, stdout);
    printf("# %s", why);
}

static bool one(uint64_t seed, bool show, uint64_t *compared, uint64_t kinds[M_KINDS])
{
    struct m_case *c = calloc(1, sizeof *c);
    struct compiled comp;
    struct expr_env *env;
    struct err e = ERR_INIT;
    char why[3000];

    MUST(c && expr_env_new(&env, &e) == 0);
    c->r.state = seed;
    make_root(c);
    for (size_t i = 0, n = 1 + rnd_below(&c->r, 8); i < n; i++)
        make_version(c);
    case_compile(&c->k, env, &comp);
    for (size_t i = 1; i < c->k.n_v; i++)
        if (!comp.v[i]) /* a step is refused: the chain ends before it */
            c->k.n_v = i;
    make_ops(c);
    bool ok = run(c, &comp, env, why, compared, show ? stdout : NULL);
    if (!ok && !show) {
        printf("# the engine and the model differ: again with model --case %llu\n",
               (unsigned long long)seed);
        shrink(c, &comp, env, why);
    }
    for (size_t i = 0; i < M_KINDS; i++)
        kinds[i] += c->kinds[i];
    compiled_free(&comp);
    expr_env_free(env);
    arena_free(&c->a);
    free(c);
    return ok;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, cases = getenv("SCHEMAFS_LONG") ? 300000 : 3000, compared = 0,
             kinds[M_KINDS] = {0};
    bool show = false, ok = true;
    struct timespec t0, t1;

    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t n = strtoull(argv[i + 1], NULL, 10);
        if (!strcmp(argv[i], "--cases"))
            cases = n;
        else
            seed = n;
        if (!strcmp(argv[i], "--case")) {
            cases = 1;
            show = true;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &t0);
    uint64_t done = 0;
    for (; done < cases && ok; done++)
        ok = one(seed + done, show, &compared, kinds);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    printf("figures: model: %llu cases, %llu texts compared, %.1f s\n", (unsigned long long)done,
           (unsigned long long)compared,
           (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
    return !ok;
}
