/* add_unique and remove_unique: one field's `unique`, or a key over several fields. */
#include "steps.h"

struct key {
    struct shape *s;
    struct step_pair *pairs;
    struct field **fields;
    slot_no *slots;
    size_t n;
    const struct yaml_node *at;
};

static int read_key(struct model *m, const struct step_args *a, struct key *k, struct err *e)
{
    if (step_arg_shape(m, a, "type", STEP_ITEMS, &k->s, e) ||
        step_arg_need(a, "fields", &k->at, e) ||
        step_arg_pairs(m, a, "fields", &k->pairs, &k->n, e))
        return -1;
    k->fields = arena_alloc(&m->v->arena, k->n * sizeof(struct field *));
    k->slots = arena_alloc(&m->v->arena, k->n * sizeof(*k->slots));
    if (!k->fields || !k->slots)
        return err_nomem(e);
    for (size_t i = 0; i < k->n; i++) {
        const struct step_pair *pair = &k->pairs[i];

        if (pair->from != pair->to)
            return step_bad(a, pair->at, e, "`fields` is a list of names");
        if (step_field_at(a, k->s, pair->from, pair->line, pair->column, &k->fields[i], e))
            return -1;
        k->slots[i] = k->fields[i]->slot;
    }
    return 0;
}

static bool holds(const struct unique_set *u, slot_no slot)
{
    for (size_t i = 0; i < u->n; i++) {
        if (u->slots[i] == slot)
            return true;
    }
    return false;
}

/* The set of exactly these fields, in any order, or NULL. */
static struct unique_set *find_set(const struct key *k)
{
    for (size_t i = 0; i < k->s->n_uniques; i++) {
        struct unique_set *u = &k->s->uniques[i];
        size_t same = 0;

        while (same < k->n && holds(u, k->slots[same]))
            same++;
        if (u->n == k->n && same == k->n)
            return u;
    }
    return NULL;
}

static const char *names(struct model *m, const struct key *k)
{
    const char *text = k->pairs[0].from;

    for (size_t i = 1; i < k->n && text; i++)
        text = model_printf(m, "%s, %s", text, k->pairs[i].from);
    return text ? text : "?";
}

static int check_types(struct model *m, const struct step_args *a, const struct key *k,
                       struct err *e)
{
    for (size_t i = 0; i < k->n; i++) {
        const struct type_ref *t = k->fields[i]->type;

        if (t->elem || t->base == T_OBJECT || t->base == T_JSON)
            return step_bad(a, k->pairs[i].at, e,
                            "%s.%s is %s; a unique key is made of single values", k->s->name,
                            k->fields[i]->name, step_type_text(m, t));
    }
    return 0;
}

/* The number of a key over several fields comes from the slots', so that it is no slot's. */
static int add_set(struct model *m, const struct step_args *a, const struct key *k, struct err *e)
{
    struct shape *s = k->s;
    struct unique_set *sets = arena_grow(&m->v->arena, s->uniques, s->n_uniques, sizeof(*sets));

    if (!sets)
        return err_nomem(e);
    s->uniques = sets;
    s->uniques[s->n_uniques++] = (struct unique_set){
        .id = model_new_slot(m),
        .slots = k->slots,
        .n = k->n,
        .line = a->line,
        .column = a->column,
    };
    return 0;
}

int step_add_unique(struct model *m, const struct step_args *a, struct err *e)
{
    struct key k = {0};

    if (read_key(m, a, &k, e) || check_types(m, a, &k, e))
        return -1;
    if (k.s->n_colls)
        return step_bad(a, k.at, e, "%s was merged from several types, over which nothing can be "
                                    "unique", k.s->name);
    if (find_set(&k))
        return step_bad(a, k.at, e, "%s is unique by %s already", k.s->name, names(m, &k));
    if (k.n == 1)
        k.fields[0]->unique = true;
    else if (add_set(m, a, &k, e))
        return -1;
    return step_tell(model_note(m, a, k.s->id, "%s is unique by %s", k.s->name, names(m, &k)),
                     "enforced in every version from here on; refused while duplicates stand",
                     "enforced there too", NULL, STEP_SCANS, e);
}

int step_remove_unique(struct model *m, const struct step_args *a, struct err *e)
{
    struct unique_set *set;
    struct key k = {0};

    if (read_key(m, a, &k, e))
        return -1;
    set = find_set(&k);
    if (!set)
        return step_bad(a, k.at, e, "%s has no unique key of %s", k.s->name, names(m, &k));
    if (k.n == 1)
        k.fields[0]->unique = false;
    *set = k.s->uniques[--k.s->n_uniques];
    return step_tell(
        model_note(m, a, k.s->id, "%s has no unique key of %s any more", k.s->name, names(m, &k)),
        "duplicates may stand once no older version is served", "enforced while it is served", NULL,
        0, e);
}
