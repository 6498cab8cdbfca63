/* change_key: the same items under other keys. The new keys stand in a slot of their own, linked to
 * the fields and the keys before; they are unique in a name space of their own. */
#include "steps.h"

static const struct type_ref key_type = {T_STRING, NULL, 0};

/* Both directions are needed: what an item that is made here is called in older versions can't be
 * guessed. */
static int need_sql(const struct step_args *a, const char *arg, const char **ret,
                    const struct yaml_node **ret_at, struct err *e)
{
    if (step_arg_sql(a, arg, ret, ret_at, e))
        return -1;
    if (*ret)
        return 0;
    step_bad(a, NULL, e, "`%s` is missing", arg);
    return err_expected(e, strcmp(arg, "up") == 0
                               ? "up: an expression for the new key of an item"
                               : "down: an expression for the older key of an item made here");
}

static int key_formula(struct model *m, enum formula_dir dir, const struct shape *over, slot_no out,
                       const struct key_rule *rule, const char *sql, const struct yaml_node *at,
                       struct err *e)
{
    const struct field key = {.name = "_key", .type = &key_type, .slot = out};
    struct formula_spec spec = {.dir = dir,
                                .as_shown = true,
                                .mode = FORMULA_LINKED,
                                .over = over,
                                .out = &key,
                                .sql = sql,
                                .where = at,
                                .key = rule};
    struct formula *made;

    return model_add_formula(m, &spec, &made, e);
}

int step_change_key(struct model *m, const struct step_args *a, struct err *e)
{
    const struct yaml_node *up_at, *down_at;
    const char *up, *down;
    const struct yaml_node *at;
    struct shape *s;

    if (step_arg_shape(m, a, "type", STEP_ITEMS, &s, e) || step_arg_need(a, "type", &at, e) ||
        step_no_part(a, at, s, e) || need_sql(a, "up", &up, &up_at, e) ||
        need_sql(a, "down", &down, &down_at, e))
        return -1;

    slot_no before = shape_key(s);
    struct naming names = {.coll = s->coll, .slot = model_new_slot(m), .space = m->next_shape++};
    struct key_rule here = {.space = names.space, .like = before};
    struct key_rule there = {.space = shape_space(s), .like = names.slot};

    if (key_formula(m, FORMULA_FORWARD, s, names.slot, &here, up, up_at, e))
        return -1;
    s->key = names.slot;
    s->space = names.space;
    if (key_formula(m, FORMULA_BACKWARD, s, before, &there, down, down_at, e) ||
        model_add_naming(m, &names, e))
        return -1;
    return step_tell(model_note(m, a, s->id, "items of %s get other keys", s->name),
                     "the key that `up` gives, ~2 behind it where another item has it",
                     "the key before; of items made here, the one that `down` gives",
                     "finalize drops the keys from before", STEP_BACKFILL | STEP_DROPS, e);
}
