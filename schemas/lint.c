/* Findings on compiled steps, as text and as JSON. */
#include "lint.h"

#include <inttypes.h>
#include <stdlib.h>

#include "json.h"

/* ---- Classes ---- */

static bool is_destructive(const struct step_note *n)
{
    return n->destructive;
}

static bool is_one_way(const struct step_note *n)
{
    return n->loses && !n->destructive;
}

static bool is_backfilled(const struct step_note *n)
{
    return n->needs_backfill;
}

static bool is_scanning(const struct step_note *n)
{
    return n->scans;
}

static bool is_safe(const struct step_note *n)
{
    return !n->destructive && !n->loses && !n->needs_backfill && !n->scans;
}

struct class
{
    const char *text, *key; /* for people, in JSON */
    bool (*holds)(const struct step_note *n);
};
static const struct class classes[] = {
    {"destructive", "destructive", is_destructive},
    {"one-way", "one_way", is_one_way},
    {"needs backfill", "needs_backfill", is_backfilled},
    {"scans", "scans", is_scanning},
    {"safe", "safe", is_safe},
};
#define N_CLASSES (sizeof(classes) / sizeof(classes[0]))
_Static_assert(N_CLASSES == LINT_CLASSES, "a bit for each class");

unsigned lint_classes(const struct step_note *n)
{
    unsigned bits = 0;

    for (size_t i = 0; i < N_CLASSES; i++)
        bits |= classes[i].holds(n) ? 1u << i : 0;
    return bits;
}

/* In JSON a class is one word: that is accepted too. */
static bool is_class(const struct class *c, struct span word)
{
    return span_eq(word, span_of(c->text)) || span_eq(word, span_of(c->key));
}

static int unknown_class(struct span word, struct err *e)
{
    const char *names[N_CLASSES], *near;

    for (size_t i = 0; i < N_CLASSES; i++)
        names[i] = classes[i].text;
    near = err_nearest(word.p, word.n, names, N_CLASSES);
    err_set(e, ERR_INVALID, "\"%.*s\" is no class of steps%s%s%s",
            (int)(word.n < 100 ? word.n : 100), word.p, near ? ", did you mean \"" : "",
            near ? near : "", near ? "\"?" : "");
    return err_expected(e, "one or more of destructive, one-way, needs backfill, scans, safe");
}

int lint_parse_classes(const char *words, unsigned *ret, struct err *e)
{
    unsigned bits = 0;

    for (const char *p = words;; p++) {
        struct span word = {p, strcspn(p, ",")};
        size_t i = 0;

        while (i < N_CLASSES && !is_class(&classes[i], word))
            i++;
        if (i == N_CLASSES)
            return unknown_class(word, e);
        bits |= 1u << i;
        p += word.n;
        if (!*p)
            break;
    }
    *ret = bits;
    return 0;
}

bool lint_print_classes(unsigned bits, struct buf *out)
{
    const char *before = "";

    for (size_t i = 0; i < N_CLASSES; i++) {
        if (!(bits & 1u << i))
            continue;
        if (!buf_adds(out, before) || !buf_adds(out, classes[i].text))
            return false;
        before = ", ";
    }
    return true;
}

/* ---- Items ---- */

static bool names_held(const struct version *v, const bool *held, const struct shape *s)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct type_ref *t = s->fields[i].type;
        int at;

        while (t->elem)
            t = t->elem;
        at = t->base == T_OBJECT || t->base == T_ENUM ? version_shape_index(v, t->shape) : -1;
        if (at >= 0 && held[at])
            return true;
    }
    return false;
}

/* held[i]: v->shapes[i] is the object or enum, or holds it, however deep. */
static void find_holders(const struct version *v, uint32_t part, bool *held)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < v->n_shapes; i++) {
            if (held[i] || (v->shapes[i]->id != part && !names_held(v, held, v->shapes[i])))
                continue;
            more = held[i] = true;
        }
    }
}

/* Types that show the same items count once. */
static bool counted_before(const struct version *v, const bool *held, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (held[k] && v->shapes[k]->kind == SHAPE_ITEM && !v->shapes[k]->part &&
            v->shapes[k]->coll == v->shapes[i]->coll)
            return true;
    return false;
}

/* Of all types of v that hold an object or an enum. */
static int64_t count_held(const struct version *v, const struct lint_items *items, uint32_t part)
{
    bool *held = calloc(v->n_shapes + 1, sizeof(*held));
    int64_t sum = 0, n;

    if (!held)
        return -1;
    find_holders(v, part, held);
    for (size_t i = 0; i < v->n_shapes; i++) {
        if (!held[i] || v->shapes[i]->kind != SHAPE_ITEM || counted_before(v, held, i))
            continue;
        n = items->count(items->arg, v->shapes[i]->id);
        sum += n > 0 ? n : 0;
    }
    free(held);
    return sum;
}

/* What an object or enum is held by is asked of the version before, which has the items; of this one
 * when it is new here. */
static int64_t count_shape(const struct version *v, const struct lint_items *items, uint32_t id)
{
    const struct version *at = v->base && version_shape(v->base, id) ? v->base : v;
    const struct shape *s = version_shape(at, id);

    return s && (s->kind == SHAPE_OBJECT || s->kind == SHAPE_ENUM)
               ? count_held(at, items, id)
               : items->count(items->arg, id);
}

/* -1: not known. */
static int64_t count_items(const struct version *v, const struct lint_items *items,
                           const struct step_note *n)
{
    int64_t sum;

    if (!items || !n->shape)
        return -1;
    sum = count_shape(v, items, n->shape);
    for (size_t i = 0; i < n->n_also; i++) {
        int64_t more = count_shape(v, items, n->also[i]);

        if (more >= 0)
            sum = sum < 0 ? more : sum + more;
    }
    return sum;
}

/* ---- For people ---- */

static bool print_head(const struct version *v, struct buf *out)
{
    if (!buf_printf(out, v->parent_name ? "%s from %s: " : "%s: ", v->name, v->parent_name))
        return false;
    if (!v->parent_name)
        return buf_printf(out, "a new schema, %zu %s\n", v->n_shapes,
                          v->n_shapes == 1 ? "type" : "types");
    if (!buf_printf(out, "%zu %s", v->n_notes, v->n_notes == 1 ? "step" : "steps"))
        return false;
    for (size_t i = 0; i < N_CLASSES; i++) {
        size_t n = 0;

        for (size_t k = 0; k < v->n_notes; k++)
            n += classes[i].holds(&v->notes[k]);
        if (n && !buf_printf(out, ", %zu %s", n, classes[i].text))
            return false;
    }
    return buf_addc(out, '\n');
}

/* The text on one line, whatever an expression in it holds. */
static bool print_clean(const char *text, struct buf *out)
{
    for (const char *p = text; *p; p++) {
        if (!buf_addc(out, (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p))
            return false;
    }
    return true;
}

static bool print_line(const char *name, const char *text, struct buf *out)
{
    return !text ||
           (buf_printf(out, "  %s: ", name) && print_clean(text, out) && buf_addc(out, '\n'));
}

/* v2.yaml:4:5: rename_field: Dog.name becomes Dog.call_name [safe] (12 items) */
static bool print_finding(const struct version *v, const struct step_note *n, const char *file,
                          const struct lint_items *items, struct buf *out)
{
    int64_t count = count_items(v, items, n);

    if (!buf_printf(out, "%s:%u:%u: %s: ", file, n->line, n->column, n->step) ||
        !print_clean(n->what, out) || !buf_adds(out, " [") ||
        !lint_print_classes(lint_classes(n), out) || !buf_addc(out, ']'))
        return false;
    if (count >= 0 && !buf_printf(out, " (%" PRId64 " %s)", count, count == 1 ? "item" : "items"))
        return false;
    return (!n->inferred || buf_adds(out, " (inferred)")) && buf_addc(out, '\n');
}

static bool print_note(const struct version *v, const struct step_note *n, const char *file,
                       const struct lint_items *items, struct buf *out)
{
    return print_finding(v, n, file, items, out) && print_line("forward", n->forward, out) &&
           print_line("backward", n->backward, out) && print_line("loses", n->loses, out);
}

bool lint_brief(const struct version *v, const char *file, const struct lint_items *items,
                struct buf *out)
{
    for (size_t i = 0; i < v->n_notes; i++) {
        if (!print_finding(v, &v->notes[i], file, items, out))
            return false;
    }
    return true;
}

bool lint_text(const struct version *v, const char *file, const struct lint_items *items,
               struct buf *out)
{
    const char *group = NULL;

    if (!print_head(v, out))
        return false;
    for (size_t i = 0; i < v->n_notes; i++) {
        const struct step_note *n = &v->notes[i];

        if (n->group && n->group != group && (!print_clean(n->group, out) || !buf_addc(out, '\n')))
            return false;
        group = n->group;
        if (!print_note(v, n, file, items, out))
            return false;
    }
    return true;
}

/* ---- For scripts ---- */

static bool json_text(const char *key, const char *text, struct buf *out)
{
    if (!buf_printf(out, "\"%s\": ", key))
        return false;
    return (text ? json_write_string(span_of(text), out) : buf_adds(out, "null")) &&
           buf_adds(out, ", ");
}

static bool json_note(const struct version *v, const struct step_note *n,
                      const struct lint_items *items, struct buf *out)
{
    int64_t count = count_items(v, items, n);

    if (!buf_addc(out, '{') || !json_text("step", n->step, out) ||
        !json_text("group", n->group, out) || !json_text("what", n->what, out) ||
        !json_text("forward", n->forward, out) || !json_text("backward", n->backward, out) ||
        !json_text("loses", n->loses, out))
        return false;
    for (size_t i = 0; i < N_CLASSES; i++) {
        if (!buf_printf(out, "\"%s\": %s, ", classes[i].key,
                        classes[i].holds(n) ? "true" : "false"))
            return false;
    }
    if (count >= 0 && !buf_printf(out, "\"items\": %" PRId64 ", ", count))
        return false;
    return buf_printf(out, "\"inferred\": %s, \"line\": %u, \"column\": %u}",
                      n->inferred ? "true" : "false", n->line, n->column);
}

bool lint_json(const struct version *v, const char *file, const struct lint_items *items,
               struct buf *out)
{
    if (!buf_addc(out, '{') || !json_text("version", v->name, out) ||
        !json_text("from", v->parent_name, out) || !json_text("file", file, out) ||
        !buf_adds(out, "\"steps\": ["))
        return false;
    for (size_t i = 0; i < v->n_notes; i++) {
        if ((i && !buf_adds(out, ", ")) || !json_note(v, &v->notes[i], items, out))
            return false;
    }
    return buf_adds(out, "]}");
}
