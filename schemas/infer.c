/* From a declared schema to steps, where only one reading is possible.
 *
 * Renamed types first, then values of enums and new types, so that every declared type can be named
 * and every default is one; then the fields of the types that stay; then what is gone. What has two
 * readings becomes a question of the plan, and the file is refused with the steps that would answer
 * it. */
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
            if (plan_apply(&x->p, add_type_step(x, s), false, x->e))
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

static struct yaml_node *rename_step(struct infer *x, const char *from, const char *to,
                                     const struct yaml_node *at)
{
    struct yaml_node *step = plan_step(&x->p, "rename_type", at);

    plan_text(&x->p, step, "from", from);
    plan_text(&x->p, step, "to", to);
    return step;
}

/* What the parent is after the renames: later steps change the model, not this. */
static int take_old(struct infer *x)
{
    const struct version *now = x->m->v;
    struct version *old = arena_alloc(&x->m->v->arena, sizeof(*old));
    struct shape **shapes = arena_alloc(&x->m->v->arena, (now->n_shapes + 1) * sizeof(*shapes));

    if (!old || !shapes)
        return err_nomem(x->e);
    for (size_t i = 0; i < now->n_shapes; i++)
        shapes[i] = now->shapes[i];
    *old = (struct version){.name = x->m->parent->name, .shapes = shapes, .n_shapes = now->n_shapes};
    x->old = old;
    return 0;
}

/* Questions about types that are gone beside new ones. */
static int rename_types(struct infer *x)
{
    const struct version *parent = x->old;

    for (size_t i = 0; i < parent->n_shapes; i++) {
        const struct shape *gone = parent->shapes[i], *s;
        struct plan_answer answer;
        const struct yaml_node *at;
        size_t pair;

        if (infer_same_name(x->want, gone) || (pair = likeliest(x, gone)) == x->want->n_shapes)
            continue;
        x->paired[pair] = true;
        s = x->want->shapes[pair];
        at = shape_node(x->root, s);
        answer = plan_ask(&x->p, at, "rename_type", "add_type and remove_type",
                          "\"%s\" may be \"%s\" renamed, or a new type beside one that is gone",
                          s->name, gone->name);
        if (answer.no == 0 &&
            plan_apply(&x->p, rename_step(x, gone->name, s->name, at), answer.guess, x->e))
            return -1;
    }
    return take_old(x);
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

/* add_value or remove_value, applied. */
static int answer_value(struct infer *x, const char *kind, const struct shape *s,
                        const char *value, const char *as)
{
    struct yaml_node *step = plan_step(&x->p, kind, infer_place(x, s));

    plan_text(&x->p, step, "enum", s->name);
    plan_text(&x->p, step, "value", value);
    plan_text(&x->p, step, "as", as);
    return plan_apply(&x->p, step, true, x->e);
}

static int ask_renamed_value(struct infer *x, const struct shape *want, const char *gone,
                             const char *new)
{
    const struct yaml_node *at = infer_place(x, want);
    struct yaml_node *rename = plan_step(&x->p, "rename_value", at);
    struct plan_answer answer =
        plan_ask(&x->p, at, "rename_value", "add_value and remove_value",
                 "%s: \"%s\" may be \"%s\" renamed, or a new value beside one that is gone",
                 want->name, new, gone);

    if (answer.no == 1)
        return answer_value(x, "add_value", want, new, gone) ||
                       answer_value(x, "remove_value", want, gone, new)
                   ? -1
                   : 0;
    plan_text(&x->p, rename, "enum", want->name);
    plan_text(&x->p, rename, "from", gone);
    plan_text(&x->p, rename, "to", new);
    return plan_apply(&x->p, rename, answer.guess, x->e);
}

static int ask_new_value(struct infer *x, const struct shape *want, const char *new)
{
    plan_ask(&x->p, infer_place(x, want), "add_value", NULL,
             "%s: \"%s\" is new, and older versions have to show one of their values for it",
             want->name, new);
    return answer_value(x, "add_value", want, new, infer_same_name(x->m->v, want)->values[0]);
}

static int ask_lost_value(struct infer *x, const struct shape *want, const char *gone)
{
    plan_ask(&x->p, infer_place(x, want), "remove_value", NULL,
             "%s: \"%s\" is gone, and items that hold it have to show another value", want->name,
             gone);
    return answer_value(x, "remove_value", want, gone, want->values[0]);
}

/* Every new or lost value needs an answer: what the other side shows for it. */
static int diff_values(struct infer *x, const struct shape *old, const struct shape *want)
{
    for (size_t k = 0;; k++) {
        const char *gone = missing(want, old, k), *new = missing(old, want, k);

        if (!gone && !new)
            return 0;
        if (gone && new   ? ask_renamed_value(x, want, gone, new)
            : new         ? ask_new_value(x, want, new)
                          : ask_lost_value(x, want, gone))
            return -1;
    }
}

/* ---- Types that stay, types that go ---- */

static int check_kind(struct infer *x, const struct shape *old, const struct shape *want)
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
    return 0;
}

/* What stays under its name must be of one kind. Enums with their values, which fields and new types
 * have as defaults. */
static int diff_kinds(struct infer *x)
{
    for (size_t i = 0; i < x->want->n_shapes; i++) {
        const struct shape *want = x->want->shapes[i], *old = infer_same_name(x->old, want);

        if (!old)
            continue;
        if (check_kind(x, old, want) || (want->kind == SHAPE_ENUM && diff_values(x, old, want)))
            return -1;
    }
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

/* The holder before what it holds; a circle can't be taken apart, and its step says so. */
static int remove_types(struct infer *x)
{
    size_t n = x->old->n_shapes, left = 0, before;
    bool *going = arena_alloc(&x->m->v->arena, n + 1);

    if (!going)
        return err_nomem(x->e);
    for (size_t i = 0; i < n; i++) {
        going[i] = x->old->shapes[i]->kind != SHAPE_PARTS &&
                   !infer_same_name(x->want, x->old->shapes[i]);
        left += going[i];
    }
    do {
        before = left;
        for (size_t i = 0; i < n; i++) {
            if (!going[i] || still_held(x, going, i))
                continue;
            plan_add(&x->p,
                     infer_step(x, "remove_type", x->old->shapes[i], NULL,
                                yaml_get(x->root, "types")),
                     false);
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
    if (rename_types(&x) || diff_kinds(&x) || promise_types(&x) || add_types(&x))
        return -1;
    for (size_t i = 0; i < x.want->n_shapes; i++) {
        const struct shape *want = x.want->shapes[i];

        if (want->kind != SHAPE_ENUM && infer_same_name(x.old, want) && infer_fields(&x, want))
            return -1;
    }
    if (remove_types(&x))
        return -1;
    return plan_run(&x.p, e);
}
