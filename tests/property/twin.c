/* The laws hold for the engine (run.c), with a world in place of a store. What a store adds, it must not change: it
 * derives types at their first use, settles what formulas give, keeps indexes of names, references and unique
 * keys, is backfilled in part, sweeps what no version shows, and is closed and opened between two operations. */
#include "twin.h"

#include <dirent.h>
#include <unistd.h>

#include "quiet.h"
#include "store/internal.h"
#include "store/verbs.h"

struct twin {
    const struct kase *k;
    struct verdict *verdict;
    struct stats *st;
    struct world w;
    struct store *s;
    size_t op; /* in progress */
    char dir[64], path[96];
    bool apart; /* what the store refused in the middle of an operation can't be left out here */
};

static bool differs(struct twin *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool differs(struct twin *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    t->verdict->law = LAW_STORE;
    t->verdict->op = t->op;
    vsnprintf(t->verdict->text, sizeof t->verdict->text, fmt, ap);
    va_end(ap);
    return false;
}

/* ---- The store's file ---- */

static void open_store(struct twin *t)
{
    const struct store_options o = {.create = true};
    struct err e = ERR_INIT;
    if (store_open(t->path, &o, &t->s, &e))
        case_die("a store can't be opened", e.text);
}

static void make_store(struct twin *t)
{
    const char *tmp = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm"; /* a disk makes it four times as slow */
    int n = snprintf(t->dir, sizeof t->dir, "%s/schemafs-twin-XXXXXX", tmp);
    MUST(n > 0 && (size_t)n < sizeof t->dir && mkdtemp(t->dir));
    snprintf(t->path, sizeof t->path, "%s/store", t->dir);
    open_store(t);
}

static void remove_store(struct twin *t)
{
    store_close(t->s);
    DIR *d = opendir(t->dir);
    for (struct dirent *f; d && (f = readdir(d));)
        (void)unlinkat(dirfd(d), f->d_name, 0); /* but . and .. */
    if (d)
        closedir(d);
    (void)rmdir(t->dir);
}

/* ---- Verbs ---- */

static const struct verb_caller nobody;

static int add(struct twin *t, size_t version, struct err *e)
{
    const struct case_version *v = &t->k->v[version];
    struct buf yaml BUF_CLEANUP = BUF_INIT, file BUF_CLEANUP = BUF_INIT, report BUF_CLEANUP = BUF_INIT;
    case_yaml(v, v->from < 0 ? NULL : &t->k->v[v->from], &yaml);
    MUST(buf_printf(&file, "%s.yaml", v->name));
    return store_add(t->s, buf_str(&file), buf_span(&yaml), &nobody, &report, e);
}

/* The version, and those that came from it. */
static int wake(struct twin *t, const struct op *op, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < t->w.n_entries && rc == 0; i++)
        if (t->w.entries[i].state == VERSION_DORMANT &&
            version_descends(t->w.entries[i].v, t->w.c->v[op->version]))
            rc = add(t, t->w.index[i], e);
    return rc;
}

static int finalize(struct twin *t, struct span version, struct err *e)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    if (store_backfill(t->s, version, &nobody, &report, e))
        return -1;
    MUST(store_wait_jobs(t->s, 60000, &nobody) == 0);
    return store_finalize(t->s, version, &nobody, &report, e);
}

/* Some of the items, some of the way. */
static int bring_some(struct store_tx *tx, void *arg, struct err *e)
{
    const struct op *op = arg;
    struct id_list ids ID_LIST_CLEANUP = {0};
    uint32_t upto;
    sqlite3_stmt *st;
    bool row;
    int rc;

    if (conn_prepare(tx->c, "SELECT id FROM item", &st, e))
        return -1;
    while (!(rc = conn_step(tx->c, st, &row, e)) && row && !rc)
        rc = id_list_add(&ids, column_id(st, 0), e);
    sqlite3_finalize(st);
    for (size_t i = 0; i < ids.n && rc == 0; i++) {
        struct item_row item ITEM_ROW_CLEANUP = {0};
        bool found, changed;
        if (!quiet_brings(op, i, tx->cat->last_step, &upto))
            continue;
        rc = item_row_get(tx->c, ids.ids[i], &item, &found, e);
        if (rc == 0 && found)
            rc = item_materialize(tx, &item, upto, &changed, e);
    }
    return rc;
}

static int backfill(struct twin *t, const struct op *op, struct err *e)
{
    return store_write(t->s, TX_ALONE, bring_some, (void *)op, e);
}

/* ---- Items ---- */

struct place {
    struct catalog *c; /* held */
    const struct version *v;
    const struct shape *s;
};

static bool place(struct twin *t, const struct view *vw, struct place *ret)
{
    ret->c = store_catalog(t->s);
    ret->v = catalog_version(ret->c, span_of(vw->v->name));
    ret->s = ret->v ? version_shape_named(ret->v, span_of(vw->s->name)) : NULL;
    return ret->s != NULL;
}

static void place_free(struct place *p)
{
    catalog_unref(p->c);
}
#define PLACE_CLEANUP __attribute__((cleanup(place_free)))

struct edited {
    uint64_t number;
    struct store_base *base;
    struct buf text;
};

static void edited_free(struct edited *ed)
{
    store_base_free(ed->base);
    buf_free(&ed->text);
}
#define EDITED_CLEANUP __attribute__((cleanup(edited_free)))

static int open_edit(struct twin *t, const struct place *p, uint64_t number, const struct members *m, unsigned style,
                     struct edited *ret, struct err *e)
{
    struct buf was BUF_CLEANUP = BUF_INIT;
    ret->number = number;
    if (store_base_get(t->s, p->c, p->v, p->s, number, &ret->base, &was, e))
        return -1;
    case_edit(buf_span(&was), m, style, &ret->text);
    return 0;
}

static int save_edit(struct twin *t, const struct place *p, const struct edited *ed, struct err *e)
{
    struct store_put put = {.number = ed->number, .base = ed->base, .text = buf_span(&ed->text)};
    return store_put(t->s, p->v, p->s, &put, NULL, e);
}

/* The other writer opens after this one, and saves first. */
static int race(struct twin *t, const struct op *op, uint64_t number, struct err *e)
{
    const struct view *vw2 = world_view(&t->w, op->version2, op->type2);
    struct edited other EDITED_CLEANUP = {0};
    struct place p PLACE_CLEANUP = {0};
    struct err quiet = ERR_INIT;

    if (!vw2 || !place(t, vw2, &p))
        return 1;
    if (open_edit(t, &p, number, &op->other, op->style, &other, &quiet))
        return quiet.code == ERR_NOT_FOUND ? 1 : 0;
    int rc = save_edit(t, &p, &other, &quiet);
    if (rc && quiet.code == ERR_EXISTS)
        return err_set(e, ERR_EXISTS, "%s", quiet.text);
    t->apart = true;
    return 0;
}

static int edit(struct twin *t, const struct op *op, const struct place *p, struct span key, struct err *e)
{
    struct edited mine EDITED_CLEANUP = {0};
    struct item_stat stat;

    if (store_lookup(t->s, p->c, p->v, p->s, key, &stat, NULL, e) ||
        open_edit(t, p, stat.number, &op->text, op->style, &mine, e))
        return -1;
    if (op->kind == OP_RACE) {
        int rc = race(t, op, stat.number, e);
        if (rc)
            return rc < 0 ? -1 : 0;
    }
    return save_edit(t, p, &mine, e);
}

static int rekey(struct twin *t, const struct op *op, const struct place *p, struct span key, struct err *e)
{
    struct item_stat stat;
    return store_lookup(t->s, p->c, p->v, p->s, key, &stat, NULL, e) ||
           store_rename(t->s, p->v, p->s, p->s, stat.number, span_of(op->new_key), true, e);
}

static int delete(struct twin *t, const struct place *p, struct span key, struct err *e)
{
    struct item_stat stat;
    return store_lookup(t->s, p->c, p->v, p->s, key, &stat, NULL, e) ||
           store_delete(t->s, p->v, p->s, stat.number, e);
}

static int put(struct twin *t, const struct op *op, const struct place *p, struct span key, struct err *e)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct store_put put = {.key = key};
    case_text(&op->text, op->style, &text);
    put.text = buf_span(&text);
    return store_put(t->s, p->v, p->s, &put, NULL, e);
}

/* ---- What both show ---- */

struct shown_text {
    char *key, *text;
};
struct listing {
    struct shown_text *l;
    size_t n;
};

static void listing_free(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->l[i].key);
        free(l->l[i].text);
    }
    free(l->l);
}
#define LISTING_CLEANUP __attribute__((cleanup(listing_free)))

static int take(void *arg, struct span key, const struct item_stat *stat, struct span text)
{
    struct listing *l = arg;
    (void)stat;
    l->l = reallocarray(l->l, l->n + 1, sizeof *l->l);
    MUST(l->l);
    l->l[l->n++] = (struct shown_text){strndup(key.p, key.n), strndup(text.p, text.n)};
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct shown_text *)a)->key, ((const struct shown_text *)b)->key);
}

static void sort(struct listing *l)
{
    if (l->n)
        qsort(l->l, l->n, sizeof *l->l, by_key);
}

static int list_world(struct twin *t, const struct view *vw, struct listing *ret, struct err *e)
{
    if (world_derive(&t->w, vw, false, e))
        return -1;
    for (size_t i = 0; i < t->w.st.n_items; i++) {
        struct buf key BUF_CLEANUP = BUF_INIT, text BUF_CLEANUP = BUF_INIT;
        if (!world_shows(&t->w, vw, &t->w.st.items[i], &key))
            continue;
        if (world_text(&t->w, vw, &t->w.st.items[i], false, &text, e))
            return -1;
        take(ret, buf_span(&key), NULL, buf_span(&text));
    }
    sort(ret);
    return 0;
}

static bool same_lists(struct twin *t, const struct view *vw, const struct listing *is, const struct listing *should)
{
    for (size_t i = 0; i < is->n || i < should->n; i++) {
        const struct shown_text *a = i < is->n ? &is->l[i] : NULL, *b = i < should->n ? &should->l[i] : NULL;
        int order = !a ? 1 : !b ? -1 : strcmp(a->key, b->key);
        if (order)
            return differs(t, "%s/%s: %s %s", vw->v->name, vw->s->name, order < 0 ? a->key : b->key,
                           order < 0 ? "is listed and should not be" : "is not listed");
        if (strcmp(a->text, b->text) != 0)
            return differs(t, "%s/%s/%s is\n#   %s# in the store, where it should be\n#   %s", vw->v->name, vw->s->name,
                           a->key, a->text, b->text);
    }
    return true;
}

static bool same_type(struct twin *t, const struct view *vw)
{
    struct listing is LISTING_CLEANUP = {0}, should LISTING_CLEANUP = {0};
    struct place p PLACE_CLEANUP = {0};
    struct err e = ERR_INIT;

    if (!place(t, vw, &p))
        return differs(t, "%s/%s is not in the store", vw->v->name, vw->s->name);
    if (store_list(t->s, p.c, p.v, p.s, 0, LIST_TEXT, take, &is, &e))
        return differs(t, "%s/%s can't be read: %s", vw->v->name, vw->s->name, e.text);
    if (list_world(t, vw, &should, &e))
        case_die("an item can't be read", e.text);
    sort(&is);
    t->st->compared += is.n;
    return same_lists(t, vw, &is, &should);
}

/* Nothing is added twice while its lists are compared: the views stay. */
static bool same(struct twin *t)
{
    struct err e = ERR_INIT;
    if (!t->w.n_entries)
        return true;
    t->st->checks[LAW_STORE]++;
    if (world_settle_past(&t->w, &e) || world_purge(&t->w, &e))
        case_die("an item can't be brought up to date", e.text);
    for (size_t i = 0; i < t->w.n_views; i++)
        if (!same_type(t, &t->w.views[i]))
            return false;
    return true;
}

static bool is_sound(struct twin *t)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    size_t findings = 0;
    if (store_fsck(t->s, &report, &findings, &e))
        return differs(t, "fsck: %s", e.text);
    return !findings || differs(t, "fsck finds %s", buf_str(&report));
}

/* ---- One operation ---- */

/* 0, -1 = the store refuses it, 1 = it makes no sense here. */
static int on_items(struct twin *t, const struct op *op, struct err *e)
{
    const struct view *vw = world_view(&t->w, op->version, op->type);
    struct buf shown BUF_CLEANUP = BUF_INIT;
    struct place p PLACE_CLEANUP = {0};

    if (!vw || !place(t, vw, &p))
        return 1;
    if (world_derive(&t->w, vw, false, e))
        return -1;
    const struct w_item *it = world_target(&t->w, vw, op->key); /* it may be its own key that is given */
    if (it)
        world_shows(&t->w, vw, it, &shown);
    struct span key = it ? buf_span(&shown) : span_of(op->key);
    if (op->kind == OP_PUT)
        return put(t, op, &p, key, e);
    if (!it)
        return 1;
    if (op->kind == OP_DELETE)
        return world_is_referred_to(&t->w, it->id) ? 1 : delete(t, &p, key, e) ? -1 : 0;
    if (op->kind == OP_REKEY)
        return world_has_key(&t->w, vw, op->new_key) ? 1 : rekey(t, op, &p, key, e) ? -1 : 0;
    return edit(t, op, &p, key, e);
}

static int in_store(struct twin *t, const struct op *op, struct err *e)
{
    const struct version *v = t->w.c->v[op->version];
    struct buf report BUF_CLEANUP = BUF_INIT;

    if (!v || (op->kind != OP_ADD && !world_has(&t->w, op->version)))
        return 1;
    switch (op->kind) {
    case OP_ADD:
        return world_has(&t->w, op->version) ? 1 : add(t, op->version, e);
    case OP_BACKFILL:
        return backfill(t, op, e);
    case OP_REVERT:
        return store_revert(t->s, span_of(v->name), &nobody, &report, e);
    case OP_WAKE:
        return wake(t, op, e);
    case OP_FINALIZE:
        return finalize(t, span_of(v->name), e);
    default:
        return on_items(t, op, e);
    }
}

/* What the world can't know: unique keys, and that a version's items have to fit it when it is added. */
static bool is_stores_own(const struct op *op, const struct err *why)
{
    return op->kind == OP_ADD || op->kind >= OP_REVERT || why->code == ERR_EXISTS;
}

static void count(struct stats *st, enum op_kind kind, int rc)
{
    bool writes = kind > OP_ADD && kind < OP_REKEY;
    st->writes += writes && rc <= 0;
    st->refused_writes += writes && rc < 0;
    st->deletes += kind == OP_DELETE && rc == 0;
    st->finalizes += kind == OP_FINALIZE && rc == 0;
}

static bool twin_op(struct twin *t, const struct op *op)
{
    struct err e = ERR_INIT;
    t->apart = false;
    int rc = in_store(t, op, &e);
    count(t->st, op->kind, rc);
    if (rc < 0 && is_stores_own(op, &e)) {
        t->st->refused_by_store++;
        return !t->apart;
    }
    if (rc <= 0)
        quiet_op(&t->w, op, false);
    if ((op->salt >> 13 & 15) == 0) {
        store_close(t->s);
        open_store(t);
    }
    return (op->salt >> 11 & 3) || same(t);
}

void twin_case(const struct kase *k, struct expr_env *env, struct verdict *ret, struct stats *st, FILE *script)
{
    struct twin t = {.k = k, .verdict = ret, .st = st};
    struct compiled c;
    bool ok = true;

    if (script) /* what it does to an empty mount */
        run_case(k, env, ret, st, script);
    *ret = (struct verdict){0};
    case_compile(k, env, &c);
    world_init(&t.w, env, &c);
    make_store(&t);
    for (; t.op < k->n_ops && ok; t.op++)
        ok = twin_op(&t, &k->ops[t.op]);
    if (ok && same(&t))
        is_sound(&t);
    remove_store(&t);
    world_deinit(&t.w);
    compiled_free(&c);
}
