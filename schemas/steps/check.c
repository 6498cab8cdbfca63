/* add_check and remove_check. A check narrows, so it comes with a mend: each field that `up` gives
 * gets a slot of its own that holds the old value where the check holds, and the mend elsewhere.
 *
 * A definition in another step may have a check that reads other fields as well. What the step computes
 * can't be held to it: it fails as soon as an older version writes one of those fields. So it is what
 * it would be as an add_check step right behind, with the field's default, or nothing, as the mend. */
#include "steps.h"

#include "../checks.h"
#include "../sql_names.h"

struct mend {
    const struct yaml_node *at;
    const char *sql;
    struct field *f;
};

struct check {
    struct shape *s;
    const struct shape *before;
    const char *sql;
    const struct yaml_node *at;
    bool scans;
};

/* The one field that the check reads: an `up` without a name mends that one. */
static int only_field(const struct step_args *a, const struct check *c, const struct yaml_node *up,
                      struct field **ret, struct err *e)
{
    *ret = NULL;
    for (size_t i = 0; i < c->s->n_fields; i++) {
        struct field *f = &c->s->fields[i];

        if (!sql_reads(c->sql, f->name))
            continue;
        if (*ret) {
            step_bad(a, up, e, "the check reads \"%s\" and \"%s\"; which one does `up` mend?",
                     (*ret)->name, f->name);
            return err_expected(e, "`up: {%s: \"an expression\"}`", f->name);
        }
        *ret = f;
    }
    return *ret ? 0 : step_bad(a, c->at, e, "the check reads no field of %s", c->s->name);
}

/* Old values where the check holds or is unknown, as they are (null, unset, a default that is shown: three
 * things that SQL does not tell apart), else the mend. All mends see the item as it was, so that one
 * does not make another unnecessary. */
static int mend_field(struct model *m, struct check *c, const struct mend *mend, struct err *e)
{
    struct field old = *mend->f, now = old;
    struct formula *made;
    const char *inputs[] = {now.name, NULL};
    const char *up = model_printf(m, "CASE WHEN (%s\n) IS NOT 0 THEN %s ELSE (%s\n) END", c->sql,
                                  step_sql_name(m, old.name), mend->sql);

    if (!up)
        return err_nomem(e);
    now.slot = model_new_slot(m);
    c->scans |= step_in_unique(c->s, mend->f);
    if (model_add_formula(m,
                          &(struct formula_spec){.dir = FORMULA_FORWARD,
                                                 .mode = FORMULA_LINKED,
                                                 .over = c->before,
                                                 .out = &now,
                                                 .sql = up,
                                                 .fails = c->sql,
                                                 .kept = old.name,
                                                 .as_shown = true,
                                                 .where = mend->at},
                          &made, e) ||
        step_replace_slot(m, c->s, mend->f, now.slot, e))
        return -1;
    return step_formula_fn(m, FORMULA_BACKWARD, c->s, &old, step_fn_copy, NULL, inputs, e);
}

static int mend_all(struct model *m, const struct step_args *a, struct check *c,
                    const struct yaml_node *up, struct err *e)
{
    bool map = up->kind == YAML_MAP;

    for (const struct yaml_node *x = map ? up->child : up; x; x = map ? x->next : NULL) {
        struct mend mend = {.at = x};

        if (step_text(a, x, "an expression", &mend.sql, e))
            return -1;
        if (map ? step_field_at(a, c->s, x->key, x->key_line, x->key_column, &mend.f, e)
                : only_field(a, c, x, &mend.f, e))
            return -1;
        /* The mend by itself first: its errors have a place in the file. */
        if (step_not_computed(a, x, c->s, mend.f, e) ||
            model_check_sql(m, c->before, mend.sql, x, "up", NULL, e) || mend_field(m, c, &mend, e))
            return -1;
    }
    return 0;
}

static int add_check(struct model *m, const struct check *c, struct err *e)
{
    struct shape *s = c->s;
    const char **checks = arena_grow(&m->v->arena, s->checks, s->n_checks, sizeof(*checks));

    if (!checks)
        return err_nomem(e);
    s->checks = checks;
    s->checks[s->n_checks++] = c->sql;
    return 0;
}

/* Where the check stands: among the type's, or as a field's own. NULL = nowhere. */
static const char **find_check(struct shape *s, const char *sql)
{
    for (size_t i = 0; i < s->n_checks; i++) {
        if (strcmp(s->checks[i], sql) == 0)
            return &s->checks[i];
    }
    for (size_t i = 0; i < s->n_fields; i++) {
        if (s->fields[i].check && strcmp(s->fields[i].check, sql) == 0)
            return &s->fields[i].check;
    }
    return NULL;
}

static int read_check(struct model *m, const struct step_args *a, struct check *c, struct err *e)
{
    if (step_arg_shape(m, a, "type", STEP_FIELDED, &c->s, e) ||
        step_arg_need(a, "check", &c->at, e) ||
        step_text(a, c->at, "the condition `check`", &c->sql, e))
        return -1;
    c->before = step_shape_copy(m, c->s);
    return c->before ? 0 : err_nomem(e);
}

int step_add_check(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *up = step_arg(a, "up");
    struct check c = {0};

    if (read_check(m, a, &c, e) || model_check_sql(m, c.s, c.sql, c.at, "check", NULL, e))
        return -1;
    if (find_check(c.s, c.sql))
        return step_bad(a, c.at, e, "%s has this check already", c.s->name);
    if (!up) {
        step_bad(a, NULL, e, "`up` is missing: what mends items that fail the check");
        return err_expected(e, "`up: {field: \"an expression\"}`");
    }
    if (mend_all(m, a, &c, up, e) || add_check(m, &c, e))
        return -1;
    return step_tell(model_note(m, a, c.s->id, "%s has a check: %s", c.s->name, c.sql),
                     "items that fail it are shown mended", "as they were",
                     "finalize drops the values that fail it", STEP_BACKFILL | STEP_DROPS | (c.scans ? STEP_SCANS : 0u), e);
}

/* ---- In definitions of other steps ---- */

static bool was_parsed(const struct model *m, const struct step_mark *since, const char *text)
{
    for (size_t i = since->texts; i < m->n_texts; i++) {
        if (m->texts[i].text == text)
            return true;
    }
    return false;
}

/* Items that exist have the field, and its definition with the check is the step's. */
static int is_computed_past(struct model *m, const struct step_mark *since, const struct field *f,
                            bool *ret, struct err *e)
{
    bool own = true;

    *ret = false;
    if (!f->check || f->read_only || f->slot < since->slot || f->slot >= since->slot_end ||
        !was_parsed(m, since, f->check))
        return 0;
    if (check_is_own(m->env, f, &own, e))
        return -1;
    *ret = !own;
    return 0;
}

/* The next field that such a check is in: once mended it has a newer slot. *ret_s = NULL: none. */
static int find_computed(struct model *m, const struct step_mark *since, struct shape **ret_s,
                         struct field **ret, struct err *e)
{
    *ret_s = NULL;
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        struct shape *s = m->v->shapes[i];
        bool found = false, has_items = shapes_find(since->before, since->n_before, s->id) != NULL;

        for (size_t k = 0; (has_items || s->origin) && k < s->n_fields && !found; k++) {
            if (is_computed_past(m, since, &s->fields[k], &found, e))
                return -1;
            *ret_s = found ? s : NULL;
            *ret = &s->fields[k];
        }
        if (found)
            return 0;
    }
    return 0;
}

static int mend_computed(struct model *m, const struct step_args *a, uint32_t id, const char *name,
                         struct err *e)
{
    struct check c = {.s = model_shape_writable(m, id)};
    struct mend mend = {.sql = "NULL"};

    if (!c.s || !(c.before = step_shape_copy(m, c.s)))
        return err_nomem(e);
    mend.f = shape_field(c.s, span_of(name));
    c.sql = mend.f->check;
    if (mend.f->required && !step_has_default(mend.f)) {
        model_refuse(m, model_place_of(m, c.sql), e,
                     "the check of %s.%s reads other fields, and there is no default to show where "
                     "it does not hold", c.s->name, name);
        return err_expected(e, "a `default`, or an add_check step with `up` behind this one");
    }
    if (mend_field(m, &c, &mend, e))
        return -1;
    return step_tell(model_note(m, a, c.s->id, "%s.%s has a check: %s", c.s->name, name,
                                c.sql),
                     step_has_default(mend.f) ? "the default where it fails" : "unset where it fails",
                     "as it was", "finalize drops the values that fail it",
                     STEP_BACKFILL | STEP_DROPS | (c.scans ? STEP_SCANS : 0u), e);
}

int step_mend_definitions(struct model *m, const struct step_args *a, const struct step_mark *since,
                          struct err *e)
{
    struct shape *s;
    struct field *f;

    for (;;) {
        if (find_computed(m, since, &s, &f, e))
            return -1;
        if (!s)
            return 0;
        if (model_step_begin(m, a, e) || mend_computed(m, a, s->id, f->name, e) ||
            model_step_end(m, e))
            return -1;
    }
}

static const char *nearest_check(const struct shape *s, const char *sql)
{
    const char *best = NULL;

    for (size_t i = 0; i < s->n_checks + s->n_fields; i++) {
        const char *other = i < s->n_checks ? s->checks[i] : s->fields[i - s->n_checks].check;
        const char *pair[2] = {best, other};

        best = err_nearest(sql, strlen(sql), pair, 2);
    }
    return best;
}

int step_remove_check(struct model *m, const struct step_args *a, struct err *e)
{
    struct check c = {0};
    const char **check;

    if (read_check(m, a, &c, e))
        return -1;
    check = find_check(c.s, c.sql);
    if (!check)
        return step_unknown(a, c.at, nearest_check(c.s, c.sql), e, "%s has no check \"%s\"",
                            c.s->name, c.sql);
    if (check >= c.s->checks && check < c.s->checks + c.s->n_checks)
        *check = c.s->checks[--c.s->n_checks];
    else
        *check = NULL;
    return step_tell(
        model_note(m, a, c.s->id, "%s has no check \"%s\" any more", c.s->name, c.sql),
        "same values", "same values, also those that fail it", NULL, 0, e);
}
