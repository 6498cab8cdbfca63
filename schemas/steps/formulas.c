/* Formulas and notes as steps leave them, and the two functions that many of them need. */
#include "steps.h"

int step_formula(struct model *m, enum formula_dir dir, enum formula_mode mode,
                 const struct shape *over, const struct field *out, const char *sql,
                 const struct yaml_node *where, struct err *e)
{
    struct formula_spec spec = {
        .dir = dir, .mode = mode, .over = over, .out = out, .sql = sql, .where = where};
    struct formula *made;

    return model_add_formula(m, &spec, &made, e);
}

int step_formula_fn(struct model *m, enum formula_dir dir, const struct shape *over,
                    const struct field *out, formula_fn fn, const void *arg,
                    const char *const *inputs, struct err *e)
{
    struct formula_spec spec = {.dir = dir,
                                .mode = FORMULA_LINKED,
                                .over = over,
                                .out = out,
                                .fn = fn,
                                .fn_arg = arg,
                                .fn_inputs = inputs};
    struct formula *made;

    return model_add_formula(m, &spec, &made, e);
}

int step_fn_copy(const struct formula *f, const struct span *inputs, struct span prev,
                 struct buf *out, bool *ret_set, struct err *e)
{
    (void)f;
    (void)prev;
    *ret_set = inputs[0].p != NULL;
    if (*ret_set && !buf_addspan(out, inputs[0]))
        return err_nomem(e);
    return 0;
}

/* Parsed with one level around it, the item's own, so that the limit of depth is the item's. */
int step_canonical(struct span text, struct buf *out, bool *ret_set, struct err *e)
{
    struct arena arena ARENA_CLEANUP = {0};
    struct buf inside BUF_CLEANUP = BUF_INIT;
    struct json_node *v;
    struct err why = ERR_INIT;

    *ret_set = false;
    if (!buf_addc(&inside, '[') || !buf_addspan(&inside, text) || !buf_addc(&inside, ']'))
        return err_nomem(e);
    if (json_parse(inside.p, inside.n, &arena, &v, &why))
        return why.code == ERR_NO_MEMORY ? err_nomem(e) : 0;
    if (!json_write(v->child, 1, out))
        return err_nomem(e);
    *ret_set = true;
    return 0;
}

int step_tell(struct step_note *note, const char *forward, const char *backward, const char *loses,
              unsigned flags, struct err *e)
{
    if (!note || !forward || !backward)
        return err_nomem(e);
    note->forward = forward;
    note->backward = backward;
    note->loses = loses;
    note->needs_backfill = (flags & STEP_BACKFILL) != 0;
    note->destructive = (flags & STEP_DROPS) != 0;
    note->scans = (flags & STEP_SCANS) != 0;
    return 0;
}

