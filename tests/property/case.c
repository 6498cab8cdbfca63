#include "case.h"

#include "schemas/json.h"

_Noreturn void case_die(const char *what, const char *more)
{
    fprintf(stderr, "laws: %s: %s\n", more, what);
    exit(2);
}

/* ---- Schema files ---- */

static void print_fields(const struct block *b, struct buf *out)
{
    MUST(buf_printf(out, "  %s:\n", b->name));
    if (b->open)
        MUST(buf_adds(out, "    open: true\n"));
    MUST(buf_printf(out, "    fields:%s\n", b->fields.n ? "" : " {}"));
    for (size_t i = 0; i < b->fields.n; i++)
        MUST(buf_printf(out, "      %s: %s\n", b->fields.m[i].name, b->fields.m[i].json));
}

static void print_root(const struct case_version *v, struct buf *out)
{
    static const char *const sections[] = {"types", "objects", "enums"};
    for (int kind = SHAPE_ITEM; kind <= SHAPE_ENUM; kind++) {
        bool begun = false;
        for (size_t i = 0; i < v->n_blocks; i++) {
            const struct block *b = &v->blocks[i];
            if ((int)b->kind != kind)
                continue;
            if (!begun)
                MUST(buf_printf(out, "%s:\n", sections[kind]));
            begun = true;
            if (kind == SHAPE_ENUM)
                MUST(buf_printf(out, "  %s: %s\n", b->name, b->fields.m[0].json));
            else
                print_fields(b, out);
        }
    }
}

void case_yaml(const struct case_version *v, const struct case_version *from, struct buf *out)
{
    MUST(buf_printf(out, "version: %s\n", v->name));
    if (!from) {
        print_root(v, out);
        return;
    }
    MUST(buf_printf(out, "from: %s\nmigrate:%s\n", from->name, v->n_steps ? "" : " []"));
    for (size_t i = 0; i < v->n_steps; i++)
        MUST(buf_printf(out, "  - %s\n", v->steps[i]));
}

int case_compile_one(const struct kase *k, size_t i, struct expr_env *env, struct compiled *c,
                     struct err *e)
{
    const struct case_version *v = &k->v[i];
    struct version *parent = v->from < 0 ? NULL : c->v[v->from];
    struct buf yaml BUF_CLEANUP = BUF_INIT;

    c->v[i] = NULL;
    c->next[i + 1] = c->next[i];
    if (v->from >= 0 && !parent)
        return err_set(e, ERR_NOT_FOUND, "its parent was refused");
    case_yaml(v, v->from < 0 ? NULL : &k->v[v->from], &yaml);
    if (schema_compile(v->name, buf_span(&yaml), parent, &c->next[i], env, &c->v[i], e)) {
        c->v[i] = NULL;
        return -1;
    }
    c->next[i + 1] = (struct schema_counters){c->next[i].number + 1, c->v[i]->step_end,
                                              c->v[i]->slot_end, c->v[i]->shape_end};
    return 0;
}

void case_compile(const struct kase *k, struct expr_env *env, struct compiled *ret)
{
    *ret = (struct compiled){.next = {{1, 1, SLOT_FIRST, 1}}};
    for (size_t i = 0; i < k->n_v; i++) {
        struct err e = ERR_INIT;
        case_compile_one(k, i, env, ret, &e);
    }
}

void compiled_free(struct compiled *c)
{
    for (size_t i = CASE_VERSIONS; i-- > 0;)
        version_unref(c->v[i]);
    *c = (struct compiled){0};
}

/* ---- Items' texts ---- */

const struct member *member_named(const struct members *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->m[i].name, name))
            return &m->m[i];
    return NULL;
}

struct layout {
    const char *open, *colon, *comma, *close, *end;
};
static const struct layout layouts[] = {
    {"{", ": ", ", ", "}", ""},
    {"{", ":", ",", "}", ""},
    {" {\n\t", " : ", " ,\n\t", "\n} ", "\n\n"},
    {"{ ", ": ", ", ", " }", "\n"},
    {"{\r\n  ", ":  ", ",\r\n  ", "\r\n}", "\r\n"},
};
#define N_LAYOUTS (sizeof layouts / sizeof layouts[0])

static void canonical(struct buf *text)
{
    struct arena a ARENA_CLEANUP = {0};
    struct buf out = BUF_INIT;
    struct json_node *n;
    struct err e = ERR_INIT;
    if (json_parse(text->p, text->n, &a, &n, &e))
        case_die(buf_str(text), e.text);
    MUST(json_write(n, 0, &out) && buf_addc(&out, '\n'));
    buf_free(text);
    *text = out;
}

static void add_member(const struct layout *l, struct span name, struct span json, bool *first,
                       struct buf *out)
{
    if (!*first)
        MUST(buf_adds(out, l->comma));
    *first = false;
    MUST(json_write_string(name, out) && buf_adds(out, l->colon) && buf_addspan(out, json));
}

void case_text(const struct members *m, unsigned style, struct buf *out)
{
    const struct layout *l = &layouts[style % N_LAYOUTS];
    bool first = true;
    MUST(buf_adds(out, l->open));
    for (size_t i = 0; i < m->n; i++)
        if (m->m[i].json)
            add_member(l, span_of(m->m[i].name), span_of(m->m[i].json), &first, out);
    MUST(buf_adds(out, l->close) && buf_adds(out, l->end));
    if (style == 0)
        canonical(out);
}

/* The elements of a list, each as text. */
static size_t elements_of(const struct json_node *list, const struct json_node **ret, size_t max)
{
    size_t n = 0;
    for (const struct json_node *c = list->child; c && n < max; c = c->next)
        ret[n++] = c;
    return n;
}

static void add_element(const struct json_node *v, bool *first, struct buf *out)
{
    MUST(buf_adds(out, *first ? "" : ", ") && json_write_line(v, out));
    *first = false;
}

#define LIST_MAX 64 /* longer ones are edited no further */

static void edit_list(const struct json_node *was, const struct member *m, struct arena *a, struct buf *out)
{
    const struct json_node *old[LIST_MAX], *given[LIST_MAX];
    struct json_node *json;
    struct err e = ERR_INIT;
    MUST(json_parse(m->json, strlen(m->json), a, &json, &e) == 0);
    size_t n = elements_of(was, old, LIST_MAX), n_given = elements_of(json, given, LIST_MAX), half = n / 2;
    bool first = true;
    MUST(buf_addc(out, '['));
    for (size_t i = 0; i <= n; i++) {
        bool here = (m->how == LIST_AFTER && i == 0) || (m->how == LIST_AMIDST && i == half);
        for (size_t j = 0; here && j < n_given; j++)
            add_element(given[j], &first, out);
        if (i == n || (m->how == LIST_DROPPED && i == half))
            continue;
        if (m->how == LIST_SET && i == half && n_given)
            add_element(given[0], &first, out);
        else
            add_element(old[m->how == LIST_REVERSED ? n - 1 - i : m->how == LIST_ROTATED ? (i + 1) % n : i],
                        &first, out);
    }
    MUST(buf_addc(out, ']'));
}

static void add_kept(const struct layout *l, const struct json_node *m, const struct member *now,
                     struct arena *a, bool *first, struct buf *out)
{
    struct buf b BUF_CLEANUP = BUF_INIT;
    bool is_list = now && now->how != LIST_WRITTEN && m->kind == JSON_ARRAY && now->json && now->json[0] == '[';
    if (now && !now->json)
        return;
    if (is_list)
        edit_list(m, now, a, &b);
    else if (!now)
        MUST(json_write_line(m, &b));
    add_member(l, m->name, now && !is_list ? span_of(now->json) : buf_span(&b), first, out);
}

void case_edit(struct span text, const struct members *m, unsigned style, struct buf *out)
{
    const struct layout *l = &layouts[style % N_LAYOUTS];
    struct arena a ARENA_CLEANUP = {0};
    struct err e = ERR_INIT;
    struct json_node *n;
    bool first = true;

    if (json_parse(text.p, text.n, &a, &n, &e))
        case_die("an item's text is no JSON", e.text);
    MUST(buf_adds(out, l->open));
    for (const struct json_node *c = n->child; c; c = c->next) {
        const char *name = arena_strndup(&a, c->name.p, c->name.n);
        add_kept(l, c, member_named(m, name), &a, &first, out);
    }
    for (size_t i = 0; i < m->n; i++)
        if (m->m[i].json && !json_member(n, span_of(m->m[i].name)))
            add_member(l, span_of(m->m[i].name), span_of(m->m[i].json), &first, out);
    MUST(buf_adds(out, l->close) && buf_adds(out, l->end));
    if (style == 0)
        canonical(out);
}
