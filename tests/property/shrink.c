/* One thing is taken out at a time, and stays out when the same law is still broken; round after
 * round until nothing more can go. What makes no sense any more without it (a write to a type that
 * is gone) is skipped by the run, so a cut needs to repair nothing. */
#include "shrink.h"

#define MAX_RUNS 6000

struct shrink {
    case_fn run;
    struct kase k;
    struct expr_env *env;
    struct arena *a;
    struct verdict verdict;
    enum law law;
    unsigned runs;
    bool cut;
};

static void *copy_of(struct shrink *s, const void *p, size_t n, size_t size)
{
    void *to = arena_alloc(s->a, (n + 1) * size);
    MUST(to);
    if (n)
        memcpy(to, p, n * size);
    return to;
}

static void copy_members(struct shrink *s, struct members *m)
{
    m->m = copy_of(s, m->m, m->n, sizeof *m->m);
}

/* Everything but the texts. */
static void copy_case(struct shrink *s, const struct kase *k, struct kase *ret)
{
    *ret = *k;
    ret->ops = copy_of(s, k->ops, k->n_ops, sizeof *k->ops);
    for (size_t i = 0; i < ret->n_ops; i++) {
        copy_members(s, &ret->ops[i].text);
        copy_members(s, &ret->ops[i].other);
    }
    for (size_t i = 0; i < ret->n_v; i++) {
        struct case_version *v = &ret->v[i];
        v->steps = copy_of(s, v->steps, v->n_steps, sizeof *v->steps);
        v->blocks = copy_of(s, v->blocks, v->n_blocks, sizeof *v->blocks);
        for (size_t j = 0; j < v->n_blocks; j++)
            copy_members(s, &v->blocks[j].fields);
    }
}

/* Still broken: the candidate is the case from now on. */
static bool keep_if_broken(struct shrink *s, const struct kase *k)
{
    struct stats st = {0};
    struct verdict v;
    if (s->runs++ >= MAX_RUNS)
        return false;
    s->run(k, s->env, &v, &st, NULL);
    if (v.law != s->law)
        return false;
    s->k = *k;
    s->verdict = v;
    return s->cut = true;
}

static void remove_at(void *p, size_t *n, size_t i, size_t size)
{
    char *at = (char *)p + i * size;
    memmove(at, at + size, (*n - i - 1) * size);
    --*n;
}

/* Each cut takes a fresh copy, changes it, and tries it. */
static bool cut_op(struct shrink *s, size_t i)
{
    struct kase k;
    copy_case(s, &s->k, &k);
    remove_at(k.ops, &k.n_ops, i, sizeof *k.ops);
    return keep_if_broken(s, &k);
}

static bool cut_step(struct shrink *s, size_t v, size_t i)
{
    struct kase k;
    copy_case(s, &s->k, &k);
    remove_at(k.v[v].steps, &k.v[v].n_steps, i, sizeof *k.v[v].steps);
    return keep_if_broken(s, &k);
}

static bool cut_member(struct shrink *s, size_t op, bool other, size_t i)
{
    struct kase k;
    copy_case(s, &s->k, &k);
    struct members *m = other ? &k.ops[op].other : &k.ops[op].text;
    remove_at(m->m, &m->n, i, sizeof *m->m);
    return keep_if_broken(s, &k);
}

static void remove_named(struct members *m, const char *name)
{
    for (size_t i = m->n; i-- > 0;)
        if (!strcmp(m->m[i].name, name))
            remove_at(m->m, &m->n, i, sizeof *m->m);
}

/* A field of the root, from the texts too. */
static bool cut_field(struct shrink *s, size_t block, size_t i)
{
    struct kase k;
    copy_case(s, &s->k, &k);
    struct block *b = &k.v[0].blocks[block];
    const char *name = b->fields.m[i].name;
    remove_at(b->fields.m, &b->fields.n, i, sizeof *b->fields.m);
    if (keep_if_broken(s, &k))
        return true;
    for (size_t j = 0; b->kind == SHAPE_ITEM && j < k.n_ops; j++)
        if (k.ops[j].type && !strcmp(k.ops[j].type, b->name)) {
            remove_named(&k.ops[j].text, name);
            remove_named(&k.ops[j].other, name);
        }
    return keep_if_broken(s, &k);
}

static bool cut_block(struct shrink *s, size_t i)
{
    struct kase k;
    copy_case(s, &s->k, &k);
    remove_at(k.v[0].blocks, &k.v[0].n_blocks, i, sizeof *k.v[0].blocks);
    return keep_if_broken(s, &k);
}

/* A version whose steps are all gone: its successors come from its parent. */
static bool cut_version(struct shrink *s, size_t i)
{
    struct kase k;
    copy_case(s, &s->k, &k);
    for (size_t j = i + 1; j < k.n_v; j++)
        if (k.v[j].from == (int)i)
            k.v[j].from = k.v[i].from;
    for (size_t j = k.n_ops; j-- > 0;)
        if (k.ops[j].version == i && k.ops[j].kind != OP_BACKFILL)
            remove_at(k.ops, &k.n_ops, j, sizeof *k.ops);
    return keep_if_broken(s, &k);
}

static void cut_ops(struct shrink *s)
{
    for (size_t i = s->k.n_ops; i-- > 0;)
        if (i < s->k.n_ops)
            cut_op(s, i);
}

static void cut_schemas(struct shrink *s)
{
    for (size_t i = s->k.n_v; i-- > 1;) {
        for (size_t j = s->k.v[i].n_steps; j-- > 0;)
            cut_step(s, i, j);
        cut_version(s, i);
    }
    for (size_t i = s->k.v[0].n_blocks; i-- > 0;) {
        if (cut_block(s, i))
            continue;
        for (size_t j = s->k.v[0].blocks[i].fields.n;
             j-- > 0 && s->k.v[0].blocks[i].kind != SHAPE_ENUM;)
            cut_field(s, i, j);
    }
}

static void cut_texts(struct shrink *s)
{
    for (size_t i = 0; i < s->k.n_ops; i++) {
        for (size_t j = s->k.ops[i].text.n; j-- > 0;)
            cut_member(s, i, false, j);
        for (size_t j = s->k.ops[i].other.n; j-- > 0;)
            cut_member(s, i, true, j);
        if (s->k.ops[i].style) {
            struct kase k;
            copy_case(s, &s->k, &k);
            k.ops[i].style = 0;
            keep_if_broken(s, &k);
        }
    }
}

static void simpler_definitions(struct shrink *s)
{
    for (size_t i = 0; i < s->k.v[0].n_blocks; i++)
        for (size_t j = 0; j < s->k.v[0].blocks[i].fields.n; j++) {
            struct kase k;
            if (s->k.v[0].blocks[i].kind == SHAPE_ENUM ||
                !strcmp(s->k.v[0].blocks[i].fields.m[j].json, "string"))
                continue;
            copy_case(s, &s->k, &k);
            k.v[0].blocks[i].fields.m[j].json = "string";
            keep_if_broken(s, &k);
        }
}

void shrink_case(case_fn run, const struct kase *k, struct expr_env *env, struct arena *a, struct kase *ret,
                 struct verdict *ret_verdict)
{
    struct shrink s = {.run = run, .k = *k, .env = env, .a = a};
    struct stats st = {0};

    run(k, env, &s.verdict, &st, NULL);
    s.law = s.verdict.law;
    do {
        s.cut = false;
        cut_ops(&s);
        cut_schemas(&s);
        cut_texts(&s);
        simpler_definitions(&s);
    } while (s.cut && s.runs < MAX_RUNS);
    *ret = s.k;
    *ret_verdict = s.verdict;
}
