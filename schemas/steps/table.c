/* The step kinds: one row each. The order is that of docs/schema-language.md. */
#include "steps.h"

#define ARGS(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

const struct step_kind step_kinds[] = {
    {"add_type", ARGS("type", "kind", "description", "fields", "open", "values"), step_add_type},
    {"remove_type", ARGS("type"), step_remove_type},
    {"rename_type", ARGS("from", "to"), step_rename_type},
    {"copy_type", ARGS("from", "to", "fields"), step_copy_type},
    {"add_field", ARGS("type", "field", "as", "up"), step_add_field},
    {"remove_field", ARGS("type", "field", "down"), step_remove_field},
    {"restore_field", ARGS("type", "field", "from"), step_restore_field},
    {"compute_field", ARGS("type", "field", "as", "value"), step_compute_field},
    {"rename_field", ARGS("type", "from", "to"), step_rename_field},
    {"reorder_fields", ARGS("type", "fields"), step_reorder_fields},
    {"require_field", ARGS("type", "field", "up"), step_require_field},
    {"relax_field", ARGS("type", "field", "down"), step_relax_field},
    {"change_default", ARGS("type", "field", "default"), step_change_default},
    {"change_type", ARGS("type", "field", "to", "up", "down"), step_change_type},
    {"split_field", ARGS("type", "field", "into", "down"), step_split_field},
    {"merge_fields", ARGS("type", "fields", "into", "as", "up"), step_merge_fields},
    {"wrap_list", ARGS("type", "field"), step_wrap_list},
    {"unwrap_list", ARGS("type", "field"), step_unwrap_list},
    {"nest_fields", ARGS("type", "fields", "into", "object"), step_nest_fields},
    {"unnest_fields", ARGS("type", "fields", "into"), step_unnest_fields},
    {"change_key", ARGS("type", "up", "down"), step_change_key},
    {"split_type", ARGS("type", "into"), step_split_type},
    {"merge_types", ARGS("types", "into", "tag"), step_merge_types},
    {"move_field", ARGS("type", "field", "to", "through", "as"), step_move_field},
    {"extract_type", ARGS("type", "fields", "into", "as", "key"), step_extract_type},
    {"inline_type", ARGS("type", "ref", "fields"), step_inline_type},
    {"add_value", ARGS("enum", "value", "as"), step_add_value},
    {"remove_value", ARGS("enum", "value", "as"), step_remove_value},
    {"rename_value", ARGS("enum", "from", "to"), step_rename_value},
    {"map_values", ARGS("type", "field", "values"), step_map_values},
    {"add_unique", ARGS("type", "fields"), step_add_unique},
    {"remove_unique", ARGS("type", "fields"), step_remove_unique},
    {"add_check", ARGS("type", "check", "up"), step_add_check},
    {"remove_check", ARGS("type", "check"), step_remove_check},
    {"transform", ARGS("type", "add", "remove", "up", "down"), step_transform},
};
const size_t n_step_kinds = sizeof(step_kinds) / sizeof(step_kinds[0]);
