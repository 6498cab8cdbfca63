/* The engine against model.c, on random chains and histories.
 *
 *   model [--cases N] [--seed S]    cases S, S + 1, ... (3000 from 1; 300,000 with SCHEMAFS_LONG
 * set) model --case S                  that one, printed as a script
 *   model ... --all 1               all cases that differ are named, none is cut down
 *
 * After every write, backfill, revert and re-add each item's text in each version must be what the
 * model says. Operations that are not needed for a difference are cut before it is printed. Status:
 * 0 no difference, 1 one (or a kind of step that no case of a long run had). */
#include <string.h>
#include <time.h>

#include "model_inside.h"
#include "model_run.h"

/* ---- One case ---- */

/* What the engine says of the write must be what the model says. */
static bool put_both(struct m_run *r, const struct m_op *op, const struct view *vw,
                     struct span text, const struct buf *base)
{
    struct err e = ERR_INIT;
    const struct w_item *it = m_same_item(r, model_item(&r->model, op->node, op->key));
    bool refused = world_put(&r->w, vw, it ? it->id : 0, op->key, text, base, &e) != 0;
    bool taken = model_write(&r->model, op->version * MODEL_NODES + op->node + 1, &r->c->shows[op->version],
                             op->node, op->key, op->values);
    if (taken && !refused && !it)
        r->ids[model_item(&r->model, op->node, op->key)->number] = r->w.last;
    if (taken == !refused)
        return true;
    snprintf(r->why, sizeof r->why, "%s/%s/%s: the engine %s a write, the model does not: %s\n",
             vw->v->name, vw->s->name, op->key, refused ? "refuses" : "takes", e.text);
    return false;
}

/* Of the items that the node shows the first to which others refer; else_key: there is none. */
static const char *referred_to(struct m_run *r, size_t node, const char *else_key)
{
    const struct m_node *n = &r->model.nodes[node];
    for (size_t i = 0; i < r->model.n_items; i++) {
        const struct m_item *it = &r->model.items[i];
        const char *key = model_shows(&r->model, node, it) ? it->v[n->key] : NULL;
        if (key && m_is_referred_to(&r->model, it, NULL))
            return m_format(r->c, "%.*s", (int)strlen(key) - 2, key + 1);
    }
    return else_key;
}

/* The keys that the operation names, of the items that there are now. */
static void choose_keys(struct m_run *r, const struct m_op *op, struct m_op *ret)
{
    const struct m_node *n = &r->model.nodes[op->node];
    *ret = *op;
    if (!r->added[op->version])
        return;
    if (op->key)
        ret->key = m_key_now(r->c, &r->model, op->node, op->key, "k1");
    if (op->kind == MO_REMOVE && op->salt >> 40 & 3)
        ret->key = referred_to(r, op->node, ret->key);
    const struct m_item *it = op->key ? model_item(&r->model, op->node, ret->key) : NULL;
    for (size_t i = 0; i < n->n && it; i++) /* the tag that it has, mostly */
        if (n->f[i].tag && op->salt >> 24 & 7)
            ret->values[i] = r->model.nodes[m_node_for(&r->model, op->node, it)].tag;
    for (size_t i = 0; i < n->n; i++)
        if (n->f[i].type == M_INSIDE && op->kind == MO_WRITE) {
            ret->values[i] = m_inside_drawn(r->c, &r->model, &r->c->shows[op->version], &n->f[i],
                                            it ? it->v[n->f[i].id] : NULL, op->salt + i);
        } else if (op->values[i] && op->values[i][0] == '?') {
            size_t to = m_node_of_line(&r->model, &r->c->shows[op->version], n->f[i].refers);
            const char *key = m_key_now(r->c, &r->model, to, op->values[i], NULL);
            ret->values[i] = key ? m_format(r->c, "\"%s\"", key) : NULL;
        }
}

/* A field keeps what it shows where the version computes it. */
static bool write_item(struct m_run *r, const struct m_op *op)
{
    const struct m_node *n = &r->model.nodes[op->node];
    const struct view *vw = world_view(&r->w, (unsigned)op->version, n->type);
    struct members m = {arena_alloc(&r->c->a, (n->n + 1) * sizeof(struct member)), 0};
    struct buf text BUF_CLEANUP = BUF_INIT, base BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    if (vw)
        m_look(r, vw);
    const struct w_item *it = m_same_item(r, model_item(&r->model, op->node, op->key));
    if (!vw || (!it && r->model.n_items > MODEL_ITEMS / 2))
        return true;
    for (size_t i = 0; i < n->n; i++)
        if (op->values[i] && !n->f[i].read_only)
            m.m[m.n++] = (struct member){.name = n->f[i].name, .json = op->values[i]};
    case_text(&m, 0, &text);
    if (r->script)
        fprintf(r->script, "cat > '%s/%s/%s.json' <<'EOF'\n%sEOF\n", vw->v->name, n->type, op->key,
                buf_str(&text));
    if (op->edit && it && world_open(&r->w, vw, it, &base, &e))
        case_die("an item can't be opened", e.text);
    return put_both(r, op, vw, buf_span(&text), base.n ? &base : NULL);
}

static void say(struct m_run *r, const char *verb, size_t version)
{
    if (r->script)
        fprintf(r->script, "echo %s > control/%s\n", r->c->k.v[version].name, verb);
}

static void add_version(struct m_run *r, size_t version)
{
    const struct case_version *v = &r->c->k.v[version];
    const struct m_shows *sh = &r->c->shows[version];
    if (r->model.known > sh->first || (version && !r->added[v->from]))
        return;
    if (r->script) {
        struct buf yaml BUF_CLEANUP = BUF_INIT;
        case_yaml(v, version ? &r->c->k.v[v->from] : NULL, &yaml);
        fprintf(r->script, "cat > schemas/%s.yaml <<'EOF'\n%sEOF\n", v->name, buf_str(&yaml));
    }
    say(r, "add", version);
    r->added[version] = true;
    world_add(&r->w, (unsigned)version);
    while (r->model.known < sh->first)
        model_skip(&r->model);
    while (r->model.known < sh->end)
        model_next(&r->model);
}

static bool is_live(const struct m_run *r, size_t version)
{
    const struct m_shows *sh = &r->c->shows[version];
    size_t i = 0;
    while (r->model.nodes[sh->node[i]].object)
        i++;
    return world_view(&r->w, (unsigned)version, r->model.nodes[sh->node[i]].type) != NULL;
}

static void finalize(struct m_run *r, size_t version)
{
    struct m_final f = {.oldest = version};
    struct err e = ERR_INIT;

    say(r, "backfill", version);
    say(r, "finalize", version);
    if (world_finalize(&r->w, (unsigned)version, &e))
        case_die("an item can't be brought up to date", e.text);
    for (size_t i = 0; i < r->w.n_entries; i++) {
        const struct m_shows *sh = &r->c->shows[r->w.index[i]];
        bool gone = r->w.entries[i].state == VERSION_GONE;
        for (size_t to = sh->first; to < sh->end; to++) {
            f.gone[to] = gone;
            f.begins[to] = r->w.index[i] == version;
        }
        for (size_t k = 0; k < sh->n && !gone; k++)
            f.shown[sh->node[k]] = f.shown[m_also(&r->model, sh->node[k])] = true;
    }
    model_finalize(&r->model, &f);
}

/* Fields of versions that are not gone, by node, the oldest first. */
static size_t nodes_left(const struct m_run *r, size_t ret[CASE_VERSIONS * MODEL_SHOWN])
{
    size_t n = 0;
    for (size_t i = 0; i < r->w.n_entries; i++) {
        const struct m_shows *sh = &r->c->shows[r->w.index[i]];
        for (size_t k = 0; r->w.entries[i].state != VERSION_GONE && k < sh->n; k++)
            ret[n++] = sh->node[k];
    }
    return n;
}

/* Of one that is referred to it is refused, but where the references become unset, or their items go along; where no
 * version shows by what, the model does not say. */
static bool remove_item(struct m_run *r, const struct m_op *op)
{
    const struct m_node *n = &r->model.nodes[op->node];
    const struct view *vw = world_view(&r->w, (unsigned)op->version, n->type);
    struct m_item *it = model_item(&r->model, op->node, op->key);
    int says[MODEL_IDS];
    struct m_going going;
    size_t left[CASE_VERSIONS * MODEL_SHOWN];
    struct err e = ERR_INIT;

    if (!vw || !it)
        return true;
    if (r->script)
        fprintf(r->script, "rm '%s/%s/%s.json'\n", vw->v->name, n->type, op->key);
    m_shown_fields(r, says);
    m_look(r, vw);
    uint64_t id = m_same_item(r, it)->id;
    for (size_t i = 0; i < r->w.st.n_items && r->linked; i++)
        MUST(world_bring(&r->w, i, r->w.cat->last_step, &e) == 0); /* what they refer to is stored */
    m_find_going(&r->model, it, says, &going);
    bool removed = world_delete(&r->w, id), busy = m_is_held(&r->model, &going, says, M_RESTRICTS);
    if (removed ? busy : !busy && !m_is_held(&r->model, &going, says, -1)) {
        snprintf(r->why, sizeof r->why, "%s/%s/%s: the engine %s its removal, the model does not\n",
                 vw->v->name, vw->s->name, op->key, removed ? "takes" : "refuses");
        return false;
    }
    for (size_t i = 0; removed && i < r->model.n_items; i++)
        r->c->along += going.is[i] && &r->model.items[i] != it;
    if (removed)
        model_delete(&r->model, &going, left, nodes_left(r, left));
    return true;
}

/* Of a part: mostly another one of the same type. */
static size_t renamed_to(const struct m_run *r, const struct m_op *op)
{
    const struct m_shows *sh = &r->c->shows[op->version];
    const struct m_node *n = &r->model.nodes[op->node];
    for (size_t i = 0; i < sh->n && n->part; i++) {
        size_t to = sh->node[(op->salt + i) % sh->n];
        if (r->model.nodes[to].part && r->model.nodes[to].parts == n->parts)
            return to;
    }
    return op->node;
}

static bool rename_item(struct m_run *r, const struct m_op *op)
{
    const struct m_node *n = &r->model.nodes[op->node], *to = &r->model.nodes[renamed_to(r, op)];
    const struct view *vw = world_view(&r->w, (unsigned)op->version, to->type);
    struct m_item *it = model_item(&r->model, op->node, op->key);
    bool keeps = n != to && op->salt >> 16 & 1;
    const char *key = keeps ? op->key : op->to;
    struct err e = ERR_INIT;

    if (!vw || !it || (!keeps && m_key_is_taken(&r->model, op->node, key))) /* it would take the other's place */
        return true;
    if (r->script)
        fprintf(r->script, "mv '%s/%s/%s.json' '%s/%s/%s.json'\n", vw->v->name, n->type, op->key, vw->v->name,
                to->type, key);
    m_look(r, vw);
    if (world_rekey(&r->w, vw, m_same_item(r, it)->id, key, &e) == 0) {
        model_rename(&r->model, (size_t)(to - r->model.nodes), it, key);
        return true;
    }
    snprintf(r->why, sizeof r->why, "%s/%s/%s: the engine refuses to rename it: %s\n", vw->v->name,
             vw->s->name, op->key, e.text);
    return false;
}

static void backfill(struct m_run *r, const struct m_op *op)
{
    struct err e = ERR_INIT;
    uint32_t last = r->w.cat->last_step;
    uint32_t upto = op->salt >> 8 & 1 ? last : (uint32_t)(op->salt >> 16) % (last + 1);
    if (r->script)
        fprintf(r->script, "echo %s > control/backfill   # of some items, up to a step\n",
                r->w.entries[r->w.n_entries - 1].v->name);
    for (size_t i = 0; i < r->w.st.n_items; i++)
        if (op->salt >> i & 1 && world_bring(&r->w, i, upto, &e))
            case_die("an item can't be brought up to date", e.text);
}

/* false: the model says otherwise. */
static bool do_op(struct m_run *r, const struct m_op *as_drawn)
{
    bool known = r->added[as_drawn->version], wake = as_drawn->kind == MO_WAKE;
    struct m_op with_keys, *op = &with_keys;
    choose_keys(r, as_drawn, op);
    switch (op->kind) {
    case MO_ADD:
        add_version(r, op->version);
        break;
    case MO_WRITE:
        return !known || write_item(r, op);
    case MO_REMOVE:
        return !known || remove_item(r, op);
    case MO_RENAME:
        return !known || rename_item(r, op);
    case MO_BACKFILL:
        if (r->w.n_entries)
            backfill(r, op);
        break;
    case MO_FINALIZE:
        if (known && is_live(r, op->version))
            finalize(r, op->version);
        break;
    case MO_REVERT:
    case MO_WAKE:
        if (!known)
            break;
        say(r, wake ? "add" : "revert", op->version);
        world_state(&r->w, (unsigned)op->version, wake ? VERSION_LIVE : VERSION_DORMANT);
    }
    return true;
}

static bool agree_after(struct m_run *r, const struct m_op *op)
{
    if (!do_op(r, op))
        return false;
    m_purge(&r->model);
    return !m_differs(r, op->salt & 1);
}

/* true: they agree. */
static bool run(struct m_case *c, const struct compiled *comp, struct expr_env *env, char why[3000],
                uint64_t *compared, FILE *script)
{
    struct m_run *r = calloc(1, sizeof *r);
    bool ok = true;

    MUST(r);
    r->c = c; /* each by itself: a value of the whole would be larger than the stack */
    r->script = script;
    r->model = c->shape;
    world_init(&r->w, env, comp);
    for (size_t i = 0; i < c->shape.n; i++)
        r->linked |= c->shape.nodes[i].link.is;
    for (size_t i = 0; i < c->n_ops && ok; i++)
        ok = c->ops[i].cut || agree_after(r, &c->ops[i]);
    world_deinit(&r->w);
    *compared += r->compared;
    memcpy(why, r->why, sizeof r->why);
    free(r);
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

static void print_schemas(const struct m_case *c, FILE *out)
{
    for (size_t i = 0; i < c->k.n_v; i++) {
        const struct case_version *v = &c->k.v[i];
        struct buf yaml BUF_CLEANUP = BUF_INIT;
        case_yaml(v, i ? &c->k.v[v->from] : NULL, &yaml);
        fprintf(out, "%s\n", buf_str(&yaml));
    }
}

/* A step that is refused is a fault of model_gen.c. */
static void compile(struct m_case *c, uint64_t seed, struct expr_env *env, struct compiled *ret)
{
    struct err e = ERR_INIT;
    char text[900];
    *ret = (struct compiled){.next = {{1, 1, SLOT_FIRST, 1}}};
    for (size_t i = 0; i < c->k.n_v; i++)
        if (case_compile_one(&c->k, i, env, ret, &e)) {
            err_format(&e, text, sizeof text);
            fprintf(stderr, "case %llu\n", (unsigned long long)seed);
            print_schemas(c, stderr);
            case_die(text, "a step is refused");
        }
}

struct totals {
    uint64_t compared, along, kinds[2][M_KINDS];
};

static bool one(uint64_t seed, bool show, bool brief, struct totals *t)
{
    struct m_case *c = calloc(1, sizeof *c);
    struct compiled comp;
    struct expr_env *env;
    struct err e = ERR_INIT;
    char why[3000];

    MUST(c && expr_env_new(&env, &e) == 0);
    c->r.state = seed;
    struct rnd apart = {.state = ~seed}; /* the others are what they are without these */
    c->whole = rnd_chance(&apart, 30);
    c->merges = c->whole && rnd_chance(&apart, 35);
    c->inside = rnd_chance(&apart, 30);
    c->moves = !c->whole && !c->inside && rnd_chance(&apart, 35);
    m_gen_chain(c);
    compile(c, seed, env, &comp);
    m_gen_ops(c);
    bool ok = run(c, &comp, env, why, &t->compared, show ? stdout : NULL);
    if (!ok && brief) {
        printf("# case %llu: %s", (unsigned long long)seed, why);
    } else if (!ok && !show) {
        printf("# the engine and the model differ: again with model --case %llu\n",
               (unsigned long long)seed);
        shrink(c, &comp, env, why);
    } else if (!ok) {
        printf("# %s", why);
    }
    for (size_t i = 0; i < 2 * M_KINDS; i++)
        t->kinds[i / M_KINDS][i % M_KINDS] += c->kinds[i / M_KINDS][i % M_KINDS];
    t->along += c->along;
    compiled_free(&comp);
    expr_env_free(env);
    arena_free(&c->a);
    free(c);
    return ok;
}

/* A run that is long enough has every kind of step in it, and deletions that take others along. */
#define ALL_KINDS_CASES 1000
static bool check_kinds(const struct totals *t, uint64_t cases)
{
    bool ok = t->along != 0 || cases < ALL_KINDS_CASES;
    for (int over = 0; over < 2; over++) {
        printf(over ? "steps over objects:" : "steps:");
        for (int i = 0, n = 0; i < M_KINDS; i++) {
            if (over && !m_fits_objects((enum m_kind)i))
                continue;
            printf("%s %s %llu", n++ ? "," : "", m_kind_name((enum m_kind)i), (unsigned long long)t->kinds[over][i]);
            ok &= t->kinds[over][i] != 0 || cases < ALL_KINDS_CASES;
        }
        printf("\n");
    }
    return ok;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, cases = getenv("SCHEMAFS_LONG") ? 300000 : 3000;
    struct totals totals = {0};
    bool show = false, all = false, ok = true;
    struct timespec t0, t1;

    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t n = strtoull(argv[i + 1], NULL, 10);
        if (!strcmp(argv[i], "--cases"))
            cases = n;
        else if (!strcmp(argv[i], "--all"))
            all = n != 0;
        else
            seed = n;
        if (!strcmp(argv[i], "--case")) {
            cases = 1;
            show = true;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &t0);
    uint64_t done = 0;
    for (; done < cases && (ok || all); done++)
        ok &= one(seed + done, show, all, &totals);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    printf("figures: model: %llu cases, %llu texts compared, %llu items went with others, %.1f s\n", (unsigned long long)done,
           (unsigned long long)totals.compared, (unsigned long long)totals.along,
           (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
    return !(check_kinds(&totals, done) && ok);
}
