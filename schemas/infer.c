/* From a declared schema to steps, where only one reading is possible.
 *
 * New types first, so that every declared type can be named; then the fields of the types that
 * stay; then what is gone. What has two readings becomes a question of the plan, and the file is
 * refused with the steps that would answer it. */
#include "infer_impl.h"

static const char *const kind_words[] = {
    [SHAPE_ITEM] = "item", [SHAPE_OBJECT] = "object", [SHAPE_ENUM] = "enum"};
static const char *const kind_nouns[] = {
    [SHAPE_ITEM] = "an item type", [SHAPE_OBJECT] = "an object", [SHAPE_ENUM] = "an enum",
    [SHAPE_PARTS] = "the parts of a type that was split"};

/* ---- New types ---- */

static struct yaml_node *add_type_step(struct infer *x, const struct shape *s)
{
    const struct yaml_node *def = shape_node(x->root, s);
    struct yaml_node *step = infer_step(x, "add_type", s, NULL, def);
    static const char *const parts[] = {"open", "fields", "values"};

    if (s->kind != SHAPE_ITEM)
        plan_text(&x->p, step, "kind", kind_words[s->kind]);
    if (def->kind == YAML_SEQ)
        plan_node(&x->p, step, "values", def);
    for (size_t i = 0; i < 3 && def->kind == YAML_MAP; i++) {
        const struct yaml_node *part = yaml_get(def, parts[i]);

        if (part)
            plan_node(&x->p, step, parts[i], part);
    }
    return step;
}

/* Promises the new types their numbers, so that they may refer to each other. */
static int promise_types(struct infer *x)
{
    struct model *m = x->m;

    m->pending = arena_alloc(&m->v->arena, (x->want->n_shapes + 1) * sizeof(*m->pending));
    if (!m->pending)
        return err_nomem(x->e);
    for (size_t i = 0; i < x->want->n_shapes; i++) {
        const struct shape *s = x->want->shapes[i];
        struct model_pending *p = &m->pending[m->n_pending];

        if (infer_same_name(x->old, s))
            continue;
        p->name = arena_strdup(&m->v->arena, s->name);
        if (!p->name)
            return err_nomem(x->e);
        p->kind = s->kind;
        p->id = m->next_shape++;
        p->coll = s->kind == SHAPE_ITEM ? m->next_shape++ : 0;
        m->n_pending++;
    }
    return 0;
}

/* Are the objects and enums that its fields hold known to the model by now? Their defaults are
 * values of them. */
static bool parts_are_there(const struct infer *x, const struct shape *s)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct type_ref *t = s->fields[i].type;
        const struct shape *part;

        while (t->elem)
            t = t->elem;
        part = t->base == T_REF || !t->shape ? NULL : version_shape(x->want, t->shape);
        if (part && part != s && !infer_same_name(x->m->v, part))
            return false;
    }
    return true;
}

static int add_one_type(struct infer *x, size_t i)
{
    struct yaml_node *step = add_type_step(x, x->want->shapes[i]);

    if (x->p.nomem)
        return err_nomem(x->e);
    x->m->inferred = true;
    if (schema_step(x->m, step, x->e))
        return -1;
    if (!x->paired[i])
        plan_add(&x->p, step)->applied = true;
    return 0;
}

/* What is made of known parts first; a circle starts at its first type in the file. */
static int add_types(struct infer *x)
{
    bool wait = true;

    for (;;) {
        size_t added = 0, left = 0;

        for (size_t i = 0; i < x->want->n_shapes; i++) {
            const struct shape *s = x->want->shapes[i];

            if (infer_same_name(x->m->v, s))
                continue;
            left++;
            if (wait && !parts_are_there(x, s))
                continue;
            if (add_one_type(x, i))
                return -1;
            added++;
            wait = true;
        }
        if (added == left)
            break;
        wait = added > 0;
    }
    x->m->n_pending = 0;
    return 0;
}

/* ---- Renamed types? ---- */

static size_t in_common(const struct shape *a, const struct shape *b)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_fields; i++)
        n += infer_field_of_name(b, &a->fields[i]) != NULL;
    for (size_t i = 0; i < a->n_values; i++) {
        for (size_t k = 0; k < b->n_values; k++)
            n += strcmp(a->values[i], b->values[k]) == 0;
    }
    return n;
}

/* The new type that is most like one that is gone; n_shapes = there is none of its kind. */
static size_t likeliest(const struct infer *x, const struct shape *gone)
{
    size_t best = x->want->n_shapes, most = 0;

    for (size_t i = 0; i < x->want->n_shapes; i++) {
        const struct shape *s = x->want->shapes[i];
        size_t n;

        if (x->paired[i] || s->kind != gone->kind || infer_same_name(x->old, s))
            continue;
        n = in_common(gone, s) + 1;
        if (n > most) {
            most = n;
            best = i;
        }
    }
    return best;
}

static struct yaml_node *rename_step(struct infer *x, const char *kind, const char *from,
                                     const char *to, const struct yaml_node *at)
{
    struct yaml_node *step = plan_step(&x->p, kind, at);

    plan_text(&x->p, step, "from", from);
    plan_text(&x->p, step, "to", to);
    return step;
}

/* Questions about types that are gone beside new ones; the others are removed at the end. */
static void ask_renamed_types(struct infer *x)
{
    for (size_t i = 0; i < x->old->n_shapes; i++) {
        const struct shape *gone = x->old->shapes[i], *s;
        const struct yaml_node *at;
        struct plan_item *item;
        size_t pair;

        if (infer_same_name(x->want, gone) || (pair = likeliest(x, gone)) == x->want->n_shapes)
            continue;
        x->paired[pair] = true;
        s = x->want->shapes[pair];
        at = shape_node(x->root, s);
        item = plan_ask(&x->p, at,
                        "\"%s\" may be \"%s\" renamed, or a new type beside one that is "
                        "gone",
                        s->name, gone->name);
        item->choice[0][0] = rename_step(x, "rename_type", gone->name, s->name, at);
        item->choice[1][0] = add_type_step(x, s);
        item->choice[1][1] = infer_step(x, "remove_type", gone, NULL, at);
    }
}

/* ---- Enums ---- */

static bool has_value(const struct shape *s, const char *value)
{
    for (size_t i = 0; i < s->n_values; i++) {
        if (strcmp(s->values[i], value) == 0)
            return true;
    }
    return false;
}

/* The k-th value of `from` that is not in `in`, from 0; NULL = there are no more. */
static const char *missing(const struct shape *in, const struct shape *from, size_t k)
{
    for (size_t i = 0; i < from->n_values; i++) {
        if (!has_value(in, from->values[i]) && k-- == 0)
            return from->values[i];
    }
    return NULL;
}

static struct yaml_node *value_step(struct infer *x, const char *kind, const struct shape *s,
                                    const char *value, const char *as)
{
    struct yaml_node *step = plan_step(&x->p, kind, infer_place(x, s));

    plan_text(&x->p, step, "enum", s->name);
    plan_text(&x->p, step, "value", value);
    plan_guess(&x->p, step, "as", as);
    return step;
}

static void ask_renamed_value(struct infer *x, const struct shape *want, const char *gone,
                              const char *new)
{
    const struct yaml_node *at = infer_place(x, want);
    struct yaml_node *rename = plan_step(&x->p, "rename_value", at);
    struct plan_item *item = plan_ask(&x->p, at,
                                      "%s: \"%s\" may be \"%s\" renamed, or a new value beside one "
                                      "that is gone",
                                      want->name, new, gone);

    plan_text(&x->p, rename, "enum", want->name);
    plan_text(&x->p, rename, "from", gone);
    plan_text(&x->p, rename, "to", new);
    item->choice[0][0] = rename;
    item->choice[1][0] = value_step(x, "add_value", want, new, gone);
    item->choice[1][1] = value_step(x, "remove_value", want, gone, new);
}

/* Every new or lost value needs an answer: what the other side shows for it. */
static void diff_values(struct infer *x, const struct shape *old, const struct shape *want)
{
    const struct yaml_node *at = infer_place(x, want);

    for (size_t k = 0;; k++) {
        const char *gone = missing(want, old, k), *new = missing(old, want, k);

        if (gone && new)
            ask_renamed_value(x, want, gone, new);
        else if (new)
            plan_ask(&x->p, at,
                     "%s: \"%s\" is new, and older versions have to show one of their values for it",
                     want->name, new)
                ->choice[0][0] = value_step(x, "add_value", want, new, old->values[0]);
        else if (gone)
            plan_ask(&x->p, at,
                     "%s: \"%s\" is gone, and items that hold it have to show another value",
                     want->name, gone)
                ->choice[0][0] = value_step(x, "remove_value", want, gone, want->values[0]);
        else
            return;
    }
}

/* ---- Types that stay, types that go ---- */

static int diff_shape(struct infer *x, const struct shape *old, const struct shape *want)
{
    const struct yaml_node *at = key_place(x->m, infer_place(x, want));

    if (old->kind != want->kind)
        return model_refuse(x->m, at, x->e, "%s is %s in %s and %s here: no step does that",
                            want->name, kind_nouns[old->kind], x->old->name,
                            kind_nouns[want->kind]);
    if (old->open != want->open)
        return model_refuse(x->m, at, x->e, "%s is %s in %s and %s here: no step changes `open`",
                            want->name, old->open ? "open" : "not open", x->old->name,
                            want->open ? "open" : "not");
    if (want->kind != SHAPE_ENUM)
        return infer_fields(x, old, want);
    diff_values(x, old, want);
    return 0;
}

static bool holds_shape(const struct shape *s, uint32_t id)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct type_ref *t = s->fields[i].type;

        while (t->elem)
            t = t->elem;
        if (t->shape == id)
            return true;
    }
    return false;
}

/* Does another type that is still to go refer to it? */
static bool still_held(const struct infer *x, const bool *going, size_t i)
{
    for (size_t k = 0; k < x->old->n_shapes; k++) {
        if (going[k] && k != i && holds_shape(x->old->shapes[k], x->old->shapes[i]->id))
            return true;
    }
    return false;
}

static bool was_asked(const struct infer *x, const struct shape *gone)
{
    for (size_t i = 0; i < x->p.n; i++) {
        const struct yaml_node *last = x->p.items[i]->choice[1][1];
        const struct yaml_node *type = last ? yaml_get(last->child, "type") : NULL;

        if (type && strcmp(last->child->key, "remove_type") == 0 &&
            strcmp(type->text, gone->name) == 0)
            return true;
    }
    return false;
}

/* The holder before what it holds; a circle can't be taken apart, and its step says so. */
static int remove_types(struct infer *x)
{
    size_t n = x->old->n_shapes, left = 0, before;
    bool *going = arena_alloc(&x->m->v->arena, n + 1);

    if (!going)
        return err_nomem(x->e);
    for (size_t i = 0; i < n; i++) {
        going[i] = x->old->shapes[i]->kind != SHAPE_PARTS &&
                   !infer_same_name(x->want, x->old->shapes[i]) &&
                   !was_asked(x, x->old->shapes[i]);
        left += going[i];
    }
    do {
        before = left;
        for (size_t i = 0; i < n; i++) {
            if (!going[i] || still_held(x, going, i))
                continue;
            plan_add(&x->p, infer_step(x, "remove_type", x->old->shapes[i], NULL,
                                       yaml_get(x->root, "types")));
            going[i] = false;
            left--;
        }
    } while (left < before);
    for (size_t i = 0; i < n; i++) {
        if (going[i])
            return model_refuse(x->m, yaml_get(x->root, "types"), x->e,
                                "%s is gone, but other types "
                                "that are gone refer to it in a circle: remove their fields first",
                                x->old->shapes[i]->name);
    }
    return 0;
}

int schema_infer(struct model *m, const struct model *declared, const struct yaml_node *root,
                 struct err *e)
{
    struct infer x = {
        .p = {.m = m}, .m = m, .old = m->parent, .want = declared->v, .root = root, .e = e};

    x.paired = arena_alloc(&m->v->arena, x.want->n_shapes + 1);
    if (!x.paired)
        return err_nomem(e);
    ask_renamed_types(&x);
    if (promise_types(&x) || add_types(&x))
        return -1;
    for (size_t i = 0; i < x.want->n_shapes; i++) {
        const struct shape *old = infer_same_name(x.old, x.want->shapes[i]);

        if (old && diff_shape(&x, old, x.want->shapes[i]))
            return -1;
    }
    if (remove_types(&x))
        return -1;
    return plan_run(&x.p, e);
}
