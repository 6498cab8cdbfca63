/* README of the mount: how to use it as it is now. Every command in it can be pasted. */
#include "control_int.h"

#include <stdio.h>

#include "../schemas/json.h"

/* ---- An item that the schema would take ---- */

static bool example_value(const struct version *v, const struct type_ref *t, struct buf *out)
{
    static const char *const texts[] = {
        [T_STRING] = "\"text\"",
        [T_INTEGER] = "1",
        [T_NUMBER] = "1.5",
        [T_BOOLEAN] = "true",
        [T_TIMESTAMP] = "\"2025-01-31T12:00:00Z\"",
        [T_DATE] = "\"2025-01-31\"",
        [T_UUID] = "\"123e4567-e89b-12d3-a456-426614174000\"",
        [T_BYTES] = "\"aGVsbG8=\"",
        [T_JSON] = "null",
        [T_LIST] = "[]",
        [T_MAP] = "{}",
        [T_REF] = NULL, /* only somebody who knows the items can say */
        [T_OBJECT] = NULL,
        [T_ENUM] = NULL,
    };
    const struct shape *s = t->base == T_ENUM ? version_shape(v, t->shape) : NULL;

    if (s && s->n_values)
        return json_write_string(span_of(s->values[0]), out);
    return texts[t->base] && buf_adds(out, texts[t->base]);
}

static bool is_simple(const struct field *f)
{
    return !f->read_only && !f->check && f->type->base != T_REF && f->type->base != T_OBJECT;
}

/* The required fields, or else the first simple one. False: there is no such example, or no memory.
 */
static bool example_item(const struct version *v, const struct shape *s, struct buf *out)
{
    const struct field *first = NULL;
    size_t n = 0;
    bool ok = buf_addc(out, '{');

    for (size_t i = 0; ok && i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];

        if (!first && is_simple(f))
            first = f;
        if (!f->required || f->read_only || f->def.p)
            continue;
        ok = is_simple(f) && (!n++ || buf_adds(out, ", ")) &&
             json_write_string(span_of(f->name), out) && buf_adds(out, ": ") &&
             example_value(v, f->type, out);
    }
    if (ok && !n && first)
        ok = json_write_string(span_of(first->name), out) && buf_adds(out, ": ") &&
             example_value(v, first->type, out);
    return ok && buf_addc(out, '}') && !memchr(out->p, '\'', out->n);
}

static const struct shape *first_item_shape(const struct version *v)
{
    for (size_t i = 0; i < v->n_shapes; i++)
        if (v->shapes[i]->kind == SHAPE_ITEM)
            return v->shapes[i];
    return NULL;
}

/* A type whose items can be shown by example; else the first one, without *ret_item. */
static const struct shape *example_type(const struct version *v, struct buf *ret_item)
{
    for (size_t i = 0; i < v->n_shapes; i++) {
        if (v->shapes[i]->kind != SHAPE_ITEM)
            continue;
        buf_reset(ret_item);
        if (example_item(v, v->shapes[i], ret_item))
            return v->shapes[i];
    }
    buf_reset(ret_item);
    return first_item_shape(v);
}

/* ---- Parts ---- */

static bool print_version(const struct version *v, bool is_default, struct buf *out)
{
    const char *before = "";

    if (!buf_printf(out, "  %-12s ", v->name))
        return false;
    for (size_t i = 0; i < v->n_shapes; i++) {
        if (v->shapes[i]->kind != SHAPE_ITEM)
            continue;
        if (!buf_adds(out, before) || !buf_adds(out, v->shapes[i]->name))
            return false;
        before = ", ";
    }
    if (!*before && !buf_adds(out, "no types"))
        return false;
    return (!is_default || buf_adds(out, "  (current)")) && buf_addc(out, '\n');
}

static bool print_versions(const struct catalog *cat, struct buf *out)
{
    if (!buf_adds(out, "Its versions, oldest to newest, and their types:\n\n"))
        return false;
    for (size_t i = 0; i < cat->n_entries; i++) {
        const struct catalog_entry *en = &cat->entries[i];

        if (en->state == VERSION_LIVE &&
            !print_version(en->v, en->v->number == cat->default_number, out))
            return false;
    }
    return buf_addc(out, '\n');
}

static bool print_reading(const struct version *v, const struct shape *s, const char *verbs,
                          struct buf *out)
{
    return buf_printf(out,
                      "Items are files, KEY.json, in every version; any tool %s them:\n\n"
                      "  ls %s/%s\n"
                      "  cat %s/%s.jsonl\n",
                      verbs, v->name, s->name, v->name, s->name);
}

/* .history is in no listing: who does not know of it won't find it. */
static bool print_history(const struct version *v, const struct shape *s, bool restore,
                          struct buf *out)
{
    return buf_printf(out,
                      "What items were before, and items that were deleted, by time (UTC)%s:\n\n"
                      "  ls %s/%s/.history\n\n",
                      restore ? "; cp brings one back" : "", v->name, s->name);
}

static bool print_items(const struct version *v, struct buf *out)
{
    struct buf item BUF_CLEANUP = BUF_INIT;
    const struct shape *s = example_type(v, &item);
    const char *name = v->name, *example;

    if (!s)
        return true;
    if (!print_reading(v, s, "reads and writes", out))
        return false;
    if (item.n && (!(example = buf_str(&item)) ||
                   !buf_printf(out,
                               "  echo '%s' > %s/%s/example.json\n"
                               "  cat %s/%s/example.json\n"
                               "  rm %s/%s/example.json\n",
                               example, name, s->name, name, s->name, name, s->name)))
        return false;
    return buf_adds(out,
                    "\nA save is published by its close, in all versions at once. Fields that a "
                    "version does not\nknow keep their values. What was refused, and why:\n\n"
                    "  cat control/errors\n\n") &&
           print_history(v, s, true, out);
}

/* Every command in it only reads. */
static bool print_read_only(const struct version *v, struct buf *out)
{
    const struct shape *s = v ? first_item_shape(v) : NULL;

    if (!v && !buf_adds(out, "It has no version yet.\n\n"))
        return false;
    if (s && (!print_reading(v, s, "reads", out) || !buf_addc(out, '\n') ||
              !print_history(v, s, false, out)))
        return false;
    return buf_adds(out,
                    "It is mounted read-only: nothing can be written, and control/ carries out no "
                    "verb.\nWhat there is, as it was at mounting:\n\n"
                    "  cat control/status                   # versions, jobs\n"
                    "  cat control/log                      # every verb ever carried out\n"
                    "  ls schemas\n\n"
                    "To write, unmount it and mount it without \"ro\"; see schemafs --help.\n");
}

/* "v4" after "v3"; "NEXT" after a name that does not count. */
static void next_name(const char *newest, char ret[VERSION_NAME_SIZE])
{
    size_t n = strlen(newest), digits = 0;

    snprintf(ret, VERSION_NAME_SIZE, "NEXT");
    while (digits < n && newest[n - digits - 1] >= '0' && newest[n - digits - 1] <= '9')
        digits++;
    if (digits == 0 || digits > 6 || digits == n || newest[n - digits] == '0')
        return;
    snprintf(ret, VERSION_NAME_SIZE, "%.*s%lu", (int)(n - digits), newest,
             strtoul(newest + n - digits, NULL, 10) + 1);
}

static bool print_first_version(struct buf *out)
{
    return buf_adds(out, "It has no version yet. The first one is a schema file:\n\n"
                         "  cat > schemas/v1.yaml <<'END'\n"
                         "  version: v1\n"
                         "  types:\n"
                         "    Dog:\n"
                         "      fields:\n"
                         "        name:  {type: string, required: true}\n"
                         "        breed: string\n"
                         "  END\n"
                         "  echo v1 > control/add\n\n"
                         "After that items are files:\n\n"
                         "  echo '{\"name\": \"Rex\"}' > v1/Dog/rex.json\n"
                         "  cat v1/Dog/rex.json\n\n");
}

static bool print_next_version(const struct version *newest, struct buf *out)
{
    const struct shape *s = first_item_shape(newest);
    const char *field = s && shape_field(s, span_of("note")) ? "remark" : "note";
    char name[VERSION_NAME_SIZE];

    next_name(newest->name, name);
    return buf_printf(out,
                      "The next version is a schema file too, and says what changes:\n\n"
                      "  cat > schemas/%s.yaml <<'END'\n"
                      "  version: %s\n"
                      "  from: %s\n"
                      "  migrate:\n"
                      "    - add_field: {type: %s, field: %s, as: string}\n"
                      "  END\n"
                      "  echo %s > control/check; cat control/check\n"
                      "  echo %s > control/add\n\n",
                      name, name, newest->name, s ? s->name : "TYPE", field, name, name);
}

static bool print_now(struct control *c, struct buf *out, struct err *e)
{
    struct status st;
    bool ok;

    if (status_get(c, &st, e))
        return false;
    ok = buf_adds(out, "What can be done now:\n\n") && status_hints(&st, "  ", out) &&
         buf_adds(out,
                  "  cat control/status                   # versions, jobs, the last error\n\n");
    status_free(&st);
    return ok;
}

static bool print_control(struct buf *out)
{
    return buf_adds(
        out, "The verbs, each a file in control/: write one command, read its outcome.\n\n"
             "  check NAME     what adding schemas/NAME.yaml would do; changes nothing\n"
             "  add NAME       makes it a live version; rewrites no item\n"
             "  backfill V     rewrites stored items for V; pause, resume, cancel\n"
             "  verify V       proves that V and its predecessor agree\n"
             "  finalize V     ends every version before V, for good\n"
             "  revert V       takes V out of service; adding the same file brings it back\n\n"
             "The same with a progress bar: schemafs add . FILE, schemafs backfill . V --wait, "
             "and so on;\nsee schemafs --help.\n");
}

/* The version that `current` points to, or NULL. */
static const struct version *default_version(const struct catalog *cat)
{
    const struct catalog_entry *en = catalog_entry(cat, cat->default_number);

    return cat->default_number && en && en->state == VERSION_LIVE ? en->v : NULL;
}

int control_readme(struct control *c, struct buf *ret, struct err *e)
{
    struct catalog *cat = store_catalog(c->env.store);
    const struct version *v = default_version(cat);
    bool ok =
        buf_adds(ret, "This is a schemafs mount: one store of items, shown as a directory for "
                      "every live\nversion of their schema. The commands below are for a shell "
                      "in this directory.\n\n");

    if (c->env.read_only)
        ok = ok && (!v || print_versions(cat, ret)) && print_read_only(v, ret);
    else if (v)
        ok = ok && print_versions(cat, ret) && print_items(v, ret) && print_next_version(v, ret);
    else
        ok = ok && print_first_version(ret);
    if (!c->env.read_only)
        ok = ok && print_now(c, ret, e) && print_control(ret);
    catalog_unref(cat);
    return ok ? 0 : err_nomem(e);
}
