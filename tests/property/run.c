/* Histories: one with everything in it, and others that must show the same.
 *
 *   lazy      never brings an item up to date before finalize does, and never reverts (Sameness)
 *   knows     does nothing through one version and its descendants, but has them (Revert)
 *   knows_not the same, and they were never added
 *   chain     does nothing through one version in the middle (Composition)
 *   merged    has that version's steps in its successor instead */
#include "quiet.h"
#include "run_int.h"

#include <stdarg.h>

const char *const law_names[N_LAWS] = {"none",      "GetPut",      "PutGet",  "PutPut",  "No loss", "Sameness",
                                       "Revert", "Composition", "Freedom", "Totality", "the store"};

bool broken(struct run *r, enum law law, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    r->verdict->law = law;
    r->verdict->op = r->op;
    vsnprintf(r->verdict->text, sizeof r->verdict->text, fmt, ap);
    va_end(ap);
    return false;
}

bool run_look(struct run *r, struct table *ret_was)
{
    struct err e = ERR_INIT;
    if (ret_was)
        *ret_was = r->now;
    else
        table_free(&r->now);
    r->now = (struct table){0};
    r->st->checks[LAW_TOTALITY]++;
    return table_take(&r->main, &r->now, &e) == 0 || broken(r, LAW_TOTALITY, "%s", e.text);
}

/* ---- The script ---- */

/* Where an item is, or a new one is to be: it == NULL. */
static void say_path(struct run *r, const struct view *vw, const struct w_item *it, const char *key)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    if (it)
        world_shows(&r->main, vw, it, &b);
    fprintf(r->script, "'%s/%s/%s.json'", vw->v->name, vw->s->name, it ? buf_str(&b) : key);
}

static void say_put(struct run *r, const struct view *vw, const struct w_item *it, const char *key,
                    struct span text)
{
    if (!r->script)
        return;
    bool ends = text.n && text.p[text.n - 1] == '\n';
    fprintf(r->script, "cat > ");
    say_path(r, vw, it, key);
    fprintf(r->script, " <<'EOF'\n%.*s%sEOF\n", (int)text.n, text.p, ends ? "" : "\n");
}

static void say(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct run *r, const char *fmt, ...)
{
    va_list ap;
    if (!r->script)
        return;
    va_start(ap, fmt);
    vfprintf(r->script, fmt, ap);
    va_end(ap);
}

static void say_add(struct run *r, unsigned version)
{
    const struct case_version *v = &r->k->v[version];
    struct buf yaml BUF_CLEANUP = BUF_INIT;
    if (!r->script)
        return;
    case_yaml(v, v->from < 0 ? NULL : &r->k->v[v->from], &yaml);
    fprintf(r->script, "cat > schemas/%s.yaml <<'EOF'\n%sEOF\necho %s > control/add\n", v->name,
            buf_str(&yaml), v->name);
}

/* ---- One operation in the main history ---- */

static bool main_put(struct run *r, const struct op *op, const struct view *vw)
{
    struct buf text BUF_CLEANUP = BUF_INIT, was BUF_CLEANUP = BUF_INIT;
    struct w_item *it = world_target(&r->main, vw, op->key);
    struct err e = ERR_INIT;

    case_text(&op->text, op->style, &text);
    say_put(r, vw, it, op->key, buf_span(&text));
    if (it && world_text(&r->main, vw, it, false, &was, &e))
        return broken(r, LAW_TOTALITY, "%s", e.text);
    struct written wr = {.op = op,
                         .vw = vw,
                         .id = it ? it->id : 0,
                         .key = op->key,
                         .text = buf_span(&text),
                         .before = it ? buf_span(&was) : (struct span){0}};
    return laws_write(r, &wr);
}

struct opened {
    struct buf was, base, text;
};

static bool open_edit(struct run *r, const struct op *op, const struct view *vw, uint64_t id,
                      const struct members *m, struct opened *ret)
{
    struct err e = ERR_INIT;
    if (world_text(&r->main, vw, world_by_id(&r->main, id), false, &ret->was, &e) ||
        world_open(&r->main, vw, world_by_id(&r->main, id), &ret->base, &e))
        return broken(r, LAW_TOTALITY, "%s/%s/%s: %s", vw->v->name, vw->s->name, op->key, e.text);
    case_edit(buf_span(&ret->was), m, op->style, &ret->text);
    return true;
}

static void opened_free(struct opened *o)
{
    buf_free(&o->was);
    buf_free(&o->base);
    buf_free(&o->text);
}

static bool save_edit(struct run *r, const struct op *op, const struct view *vw, uint64_t id,
                      const struct opened *o, bool merges)
{
    struct written wr = {.op = op,
                         .vw = vw,
                         .id = id,
                         .key = op->key,
                         .text = buf_span(&o->text),
                         .before = buf_span(&o->was),
                         .base = &o->base,
                         .merges = merges};
    say_put(r, vw, world_by_id(&r->main, id), op->key, wr.text);
    return laws_write(r, &wr);
}

static bool main_edit(struct run *r, const struct op *op, const struct view *vw)
{
    struct opened mine __attribute__((cleanup(opened_free))) = {0};
    struct opened other __attribute__((cleanup(opened_free))) = {0};
    const struct w_item *it = world_target(&r->main, vw, op->key);
    const struct view *vw2 = NULL;
    uint64_t id = it ? it->id : 0;
    struct err e = ERR_INIT;

    if (!id)
        return true;
    if (op->kind == OP_RACE) {
        vw2 = world_view(&r->main, op->version2, op->type2);
        if (!vw2)
            return true;
        if (world_derive(&r->main, vw2, false, &e))
            return broken(r, LAW_TOTALITY, "%s/%s: %s", vw2->v->name, vw2->s->name, e.text);
        if (!quiet_shows(&r->main, vw2, id)) /* another type, or a part that it is not in */
            return true;
        say(r, "# the second of these two opened the file before the first saved:\n");
    }
    if (!open_edit(r, op, vw, id, &op->text, &mine))
        return false;
    if (vw2 && (!open_edit(r, op, vw2, id, &op->other, &other) ||
                !save_edit(r, op, vw2, id, &other, false)))
        return false;
    return !quiet_shows(&r->main, vw, id) || save_edit(r, op, vw, id, &mine, vw2 != NULL);
}

static bool main_rekey(struct run *r, const struct op *op, const struct view *vw)
{
    struct w_item *it = world_target(&r->main, vw, op->key);
    struct table before TABLE_CLEANUP = {0};
    struct buf now BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    if (!it || world_has_key(&r->main, vw, op->new_key))
        return true;
    uint64_t id = it->id;
    say(r, "mv ");
    if (r->script)
        say_path(r, vw, it, NULL);
    say(r, " '%s/%s/%s.json'\n", vw->v->name, vw->s->name, op->new_key);
    if (world_rekey(&r->main, vw, id, op->new_key, &e))
        return broken(r, LAW_FREEDOM, "renaming is refused: %s", e.text);
    if (!world_shows(&r->main, vw, world_by_id(&r->main, id), &now) ||
        strcmp(buf_str(&now), op->new_key) != 0)
        return broken(r, LAW_PUTGET, "%s/%s: renamed to %s it is %s", vw->v->name, vw->s->name,
                      op->new_key, buf_str(&now));
    return run_look(r, &before) && laws_rekeyed(r, vw, id, &before);
}

static bool main_delete(struct run *r, const struct op *op, const struct view *vw)
{
    struct w_item *it = world_target(&r->main, vw, op->key);
    uint64_t id = it ? it->id : 0;
    struct table before TABLE_CLEANUP = {0};
    char why[3000];

    if (!it || world_is_referred_to(&r->main, id))
        return true;
    r->st->deletes++;
    say(r, "rm ");
    if (r->script)
        say_path(r, vw, it, NULL);
    say(r, "\n");
    world_remove(&r->main, id);
    if (!run_look(r, &before))
        return false;
    for (size_t i = 0; i < r->now.n; i++)
        if (r->now.cells[i].id == id)
            return broken(r, LAW_NO_LOSS, "%s/%s still has it", r->now.cells[i].v->name, op->key);
    return table_same(&before, &r->now, TABLE_LINE | TABLE_RAW, TABLE_ALL_ITEMS, why, sizeof why) ||
           broken(r, LAW_NO_LOSS, "%s, by deleting %s", why, op->key);
}

/* What is neither written nor renamed shows what it showed. */
static bool main_quiet(struct run *r, const struct op *op)
{
    struct table before TABLE_CLEANUP = {0};
    struct err e = ERR_INIT;
    char why[3000];

    enum law law = op->kind == OP_BACKFILL || op->kind == OP_FINALIZE ? LAW_SAMENESS : LAW_REVERT;
    r->st->checks[law]++;
    if (op->kind == OP_ADD) {
        say_add(r, op->version);
        world_add(&r->main, op->version);
    } else if (op->kind == OP_BACKFILL) {
        say(r, "echo %s > control/backfill   # of items %x, and interrupted\n",
            r->main.entries[r->main.n_entries - 1].v->name, (unsigned)(op->salt & 255));
        quiet_bring(&r->main, op, &e);
    } else if (op->kind == OP_FINALIZE) {
        say(r, "echo %s > control/backfill\necho %s > control/finalize\n",
            r->k->v[op->version].name, r->k->v[op->version].name);
        r->st->finalizes++;
        world_finalize(&r->main, op->version, &e);
    } else {
        bool wake = op->kind == OP_WAKE;
        say(r, "echo %s > control/%s\n", r->k->v[op->version].name, wake ? "add" : "revert");
        world_state(&r->main, op->version, wake ? VERSION_LIVE : VERSION_DORMANT);
    }
    if (e.code)
        return broken(r, LAW_TOTALITY, "an item can't be brought up to date: %s", e.text);
    if (!run_look(r, &before))
        return false;
    if (table_same(&before, &r->now, TABLE_LINE | TABLE_RAW, TABLE_ALL_ITEMS, why, sizeof why))
        return laws_get_put(r, op->salt);
    return broken(r, law, "%s", why);
}

static bool main_op(struct run *r, const struct op *op)
{
    const struct view *vw;
    struct err e = ERR_INIT;
    if (!r->main.c->v[op->version] || (op->kind != OP_ADD && !r->main.n_entries))
        return true;
    r->yielded = r->main.yielded;
    if (op->kind == OP_ADD || op->kind >= OP_BACKFILL)
        return main_quiet(r, op);
    if (!(vw = world_view(&r->main, op->version, op->type)))
        return true;
    if (world_derive(&r->main, vw, false, &e))
        return broken(r, LAW_TOTALITY, "%s/%s: %s", vw->v->name, vw->s->name, e.text);
    if (op->kind == OP_REKEY)
        return main_rekey(r, op, vw);
    if (op->kind == OP_DELETE)
        return main_delete(r, op, vw);
    return op->kind == OP_PUT ? main_put(r, op, vw) : main_edit(r, op, vw);
}

/* ---- Two histories that show the same ---- */

static bool worlds_same(struct run *r, struct world *a, struct world *b, enum law law)
{
    struct table x TABLE_CLEANUP = {0}, y TABLE_CLEANUP = {0};
    struct err e = ERR_INIT;
    char why[3000];
    r->st->checks[law]++;
    if (table_take(a, &x, &e) || table_take(b, &y, &e))
        return broken(r, LAW_TOTALITY, "%s", e.text);
    return table_same(&x, &y, TABLE_LINE | TABLE_RAW | TABLE_BY_KEY, TABLE_ALL_ITEMS, why,
                      sizeof why) ||
           broken(r, law, "%s", why);
}

static bool main_and_lazy(struct run *r)
{
    struct world lazy;
    bool ok = true;
    world_init(&lazy, r->main.env, r->main.c);
    for (r->op = 0; r->op < r->k->n_ops && ok; r->op++) {
        const struct op *op = &r->k->ops[r->op];
        bool hidden = op->kind > OP_ADD && op->kind < OP_BACKFILL &&
                      !world_view(&r->main, op->version, op->type);
        if (op->kind == OP_FINALIZE) /* takes the reverted versions along */
            world_like(&lazy, &r->main);
        ok = main_op(r, op);
        if (ok && !hidden)
            quiet_op(&lazy, op, true);
        if (lazy.removed != r->main.removed)
            break; /* what is computed later may refer to an item as well */
        if (ok && lazy.n_entries && (op->salt >> 11 & 3) == 0)
            ok = worlds_same(r, &r->main, &lazy, LAW_SAMENESS);
    }
    if (ok && lazy.n_entries && lazy.removed == r->main.removed)
        ok = worlds_same(r, &r->main, &lazy, LAW_SAMENESS);
    world_deinit(&lazy);
    return ok;
}

static bool through(const struct compiled *c, const struct op *op, unsigned version)
{
    const struct version *v = c->v[version];
    bool race = op->kind == OP_RACE && c->v[op->version2];
    if (op->kind == OP_BACKFILL || !c->v[op->version])
        return false;
    return version_descends(c->v[op->version], v) ||
           (race && version_descends(c->v[op->version2], v));
}

static bool revert(struct run *r)
{
    struct world knows, knows_not;
    const struct compiled *c = r->main.c;
    bool ok = true;

    if (r->k->without >= r->k->n_v || !c->v[r->k->without] || r->k->v[r->k->without].from < 0)
        return true;
    world_init(&knows, r->main.env, c);
    world_init(&knows_not, r->main.env, c);
    for (r->op = 0; r->op < r->k->n_ops && ok; r->op++) {
        const struct op *op = &r->k->ops[r->op];
        bool theirs = through(c, op, r->k->without);
        if (!theirs || op->kind == OP_ADD || (op->kind >= OP_BACKFILL && op->kind != OP_FINALIZE))
            quiet_op(&knows, op, false);
        if (!theirs)
            quiet_op(&knows_not, op, false);
        if (knows.removed != knows_not.removed)
            break; /* the version's own references count as well */
        if (knows_not.n_entries && (r->op + 1 == r->k->n_ops || (op->salt >> 11 & 3) == 0))
            ok = worlds_same(r, &knows_not, &knows, LAW_REVERT);
    }
    world_deinit(&knows);
    world_deinit(&knows_not);
    return ok;
}

/* The case with `middle` left out, its steps in its only successor; false when there is none. */
static bool merge_middle(const struct kase *k, struct kase *ret, const char ***ret_steps)
{
    unsigned m = k->middle, n = 0;
    size_t successor = 0;
    if (m >= k->n_v || k->v[m].from < 0)
        return false;
    for (size_t i = 0; i < k->n_v; i++)
        if (k->v[i].from == (int)m) {
            successor = i;
            n++;
        }
    if (n != 1)
        return false;
    *ret = *k;
    struct case_version *to = &ret->v[successor];
    const char **steps = calloc(to->n_steps + k->v[m].n_steps + 1, sizeof *steps);
    MUST(steps);
    memcpy(steps, k->v[m].steps, k->v[m].n_steps * sizeof *steps);
    memcpy(steps + k->v[m].n_steps, to->steps, to->n_steps * sizeof *steps);
    to->steps = *ret_steps = steps;
    to->n_steps += k->v[m].n_steps;
    to->from = k->v[m].from;
    ret->v[m].from = (int)m; /* its own parent: refused */
    return true;
}

/* What is done while the version in the middle is there and its successor is not yet. */
struct meantime {
    bool written;      /* or renamed, or deleted */
    bool renamed_since; /* then or later */
};

static struct meantime meantime_of(const struct run *r)
{
    struct meantime m = {0};
    bool there = false, over = false;
    for (size_t i = 0; i < r->k->n_ops; i++) {
        const struct op *op = &r->k->ops[i];
        over |= op->kind == OP_ADD && r->k->v[op->version].from == (int)r->k->middle;
        there |= op->kind == OP_ADD && op->version == r->k->middle;
        m.written |= there && !over && op->kind > OP_ADD && op->kind < OP_BACKFILL;
        m.renamed_since |= there && op->kind == OP_REKEY;
    }
    m.written &= over;
    return m;
}

static bool quotes_keys(const struct version *v, const struct link *l)
{
    bool quotes = false;
    for (size_t i = 0; i < v->n_shapes; i++)
        quotes |= v->shapes[i]->kind == SHAPE_ITEM && link_quotes(l, v->shapes[i]->coll);
    return quotes;
}

/* move_field: an older version's write leaves its value in the item referred to, also when it refers to
 * another later; where the step comes after the write, it finds only what is there then. So nothing may
 * be written between the version in the middle and its successor. extract_type: a record of a reference
 * is called by the key that the item had when the record was made, which may have another one where the step
 * comes later. */
static bool decides_early(const struct run *r)
{
    const struct version *v = r->main.c->v[r->k->middle];
    struct meantime m = meantime_of(r);
    bool early = false;
    for (size_t i = 0; v && i < v->n_links; i++)
        early |= m.written && (v->links[i]->kind == LINK_MOVE ||
                               (v->links[i]->kind == LINK_EXTRACT && m.renamed_since && quotes_keys(v, v->links[i])));
    return early;
}

/* What finalize drops between the two a step of the version in the middle has seen, and the same step of its
 * successor is refused (restore_field); and a case that was cut down may not add the one in the middle. What is done
 * through a version that only one of them has says nothing. */
static bool same_versions(const struct run *r, const struct world *chain, const struct world *merged)
{
    for (unsigned i = 0; i < r->k->n_v; i++)
        if (i != r->k->middle && world_has(chain, i) != world_has(merged, i))
            return false;
    return true;
}

/* merge_types: who gave its name away while the version in the middle had the step, and outlived the other, keeps
 * what it is called (decision 08); where the step comes after that, it has its own key. */
static bool same_names(const struct run *r, const struct op *op, const struct world *chain, const struct world *merged)
{
    bool joins = op->kind == OP_ADD && r->k->v[op->version].from == (int)r->k->middle;
    return !joins || world_outlived(chain) == world_outlived(merged);
}

static bool compose(struct run *r)
{
    struct world chain, merged;
    const char **steps = NULL;
    struct kase shorter;
    struct compiled c;
    bool ok = true;

    if (!merge_middle(r->k, &shorter, &steps))
        return true;
    case_compile(&shorter, r->main.env, &c);
    for (size_t i = 0; i < r->k->n_v; i++)
        if (!c.v[i] && i != r->k->middle && r->main.c->v[i])
            ok = false; /* it names the version that is gone */
    world_init(&chain, r->main.env, r->main.c);
    world_init(&merged, r->main.env, &c);
    if (!ok || !r->main.c->v[r->k->middle] || decides_early(r))
        goto out;
    for (r->op = 0; r->op < r->k->n_ops && ok; r->op++) {
        const struct op *op = &r->k->ops[r->op];
        bool middle = op->version == r->k->middle ||
                      (op->kind == OP_RACE && op->version2 == r->k->middle);
        if (op->kind == OP_ADD || !middle)
            quiet_op(&chain, op, false);
        if (!middle)
            quiet_op(&merged, op, false);
        if (chain.removed != merged.removed || !same_versions(r, &chain, &merged) ||
            !same_names(r, op, &chain, &merged))
            break; /* likewise */
        if (merged.n_entries && (r->op + 1 == r->k->n_ops || (op->salt >> 11 & 3) == 0))
            ok = worlds_same(r, &chain, &merged, LAW_COMPOSITION);
    }
out:
    world_deinit(&chain);
    world_deinit(&merged);
    compiled_free(&c);
    free(steps);
    return ok || !r->verdict->law;
}

void run_case(const struct kase *k, struct expr_env *env, struct verdict *ret, struct stats *st,
              FILE *script)
{
    struct run r = {.k = k, .verdict = ret, .st = st, .script = script};
    struct compiled c;

    ret->law = LAW_NONE;
    case_compile(k, env, &c);
    world_init(&r.main, env, &c);
    if (main_and_lazy(&r) && (!(k->parts & CASE_REVERT) || revert(&r)) &&
        (k->parts & CASE_COMPOSE))
        compose(&r);
    table_free(&r.now);
    world_deinit(&r.main);
    compiled_free(&c);
}
