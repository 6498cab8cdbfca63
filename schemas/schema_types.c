/* Type expressions. */
#include "schema_parse.h"

#include <stdio.h>

#define TYPE_MAX_DEPTH 32u

struct builtin {
    const char *word;
    struct type_ref type;
};
static const struct builtin builtins[] = {
    {"string", {T_STRING, NULL, 0}},       {"integer", {T_INTEGER, NULL, 0}},
    {"number", {T_NUMBER, NULL, 0}},       {"boolean", {T_BOOLEAN, NULL, 0}},
    {"timestamp", {T_TIMESTAMP, NULL, 0}}, {"date", {T_DATE, NULL, 0}},
    {"uuid", {T_UUID, NULL, 0}},           {"bytes", {T_BYTES, NULL, 0}},
    {"json", {T_JSON, NULL, 0}},
};
#define N_BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

struct type_scan {
    struct model *m;
    const struct yaml_node *at;
    const char *text, *p; /* the whole expression; the next character */
    const char *what;
    struct err *e;
};

static int refuse_word(struct type_scan *t, const char *word, const char *why, const char *near)
{
    unsigned at = 0;

    for (const char *p = t->text; p < word; p++)
        at += ((unsigned char)*p & 0xc0) != 0x80;
    if (near)
        return model_refuse_in(t->m, t->at, at, t->e, "%s: %s; the nearest is \"%s\"", t->what, why,
                               near);
    return model_refuse_in(t->m, t->at, at, t->e, "%s: %s", t->what, why);
}

/* ---- Names ---- */

static const char *better(const char *word, const char *best, const char *other)
{
    const char *pair[] = {best, other};

    return err_nearest(word, strlen(word), pair, 2);
}

static const char *nearest_type(const struct type_scan *t, const char *word, bool items_only)
{
    const struct model *m = t->m;
    const char *best = NULL;

    for (size_t i = 0; i < N_BUILTINS && !items_only; i++)
        best = better(word, best, builtins[i].word);
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        if (!items_only || m->v->shapes[i]->coll)
            best = better(word, best, m->v->shapes[i]->name);
    }
    return best;
}

/* A type by name, also one that is about to be added. False = there is none. */
static bool find_shape(const struct model *m, const char *name, enum shape_kind *kind, uint32_t *id)
{
    const struct shape *s = version_shape_named(m->v, span_of(name));

    if (s) {
        *kind = s->kind;
        *id = s->id;
        return true;
    }
    for (size_t i = 0; i < m->n_pending; i++) {
        if (strcmp(m->pending[i].name, name) == 0) {
            *kind = m->pending[i].kind;
            *id = m->pending[i].id;
            return true;
        }
    }
    return false;
}

/* The word up to '<', '>' or the end, without the spaces around it. NULL = no memory. */
static const char *take_word(struct type_scan *t, const char **ret_start)
{
    size_t n;

    while (*t->p == ' ')
        t->p++;
    *ret_start = t->p;
    t->p += strcspn(t->p, "<>");
    n = (size_t)(t->p - *ret_start);
    while (n && (*ret_start)[n - 1] == ' ')
        n--;
    return arena_strndup(&t->m->v->arena, *ret_start, n);
}

static int new_type(struct type_scan *t, enum base_type base, const struct type_ref *elem,
                    uint32_t shape, const struct type_ref **ret)
{
    struct type_ref *type = arena_alloc(&t->m->v->arena, sizeof(*type));

    if (!type)
        return err_nomem(t->e);
    *type = (struct type_ref){base, elem, shape};
    *ret = type;
    return 0;
}

/* ---- The grammar ---- */

#define TYPE_SYNTAX                                                                                \
    "string, integer, number, boolean, timestamp, date, uuid, bytes, json, list<T>, map<T>, "      \
    "ref<Type>, an object's or an enum's name"

static int refuse_name(struct type_scan *t, const char *start, const char *word)
{
    char why[320];

    err_expected(t->e, TYPE_SYNTAX);
    if (!*word)
        return refuse_word(t, start,
                           t->p == t->text ? "a type is missing" : "a type is missing here", NULL);
    if (strcmp(word, "list") == 0 || strcmp(word, "map") == 0 || strcmp(word, "ref") == 0) {
        snprintf(why, sizeof(why), "\"%s\" needs to say of what: %s<%s>", word, word,
                 *word == 'r' ? "Type" : "string");
        return refuse_word(t, start, why, NULL);
    }
    snprintf(why, sizeof(why), "\"%.200s\" is not a type", word);
    return refuse_word(t, start, why, nearest_type(t, word, false));
}

static int scan_plain(struct type_scan *t, const char *start, const char *word,
                      const struct type_ref **ret)
{
    enum shape_kind kind;
    char why[320];
    uint32_t id;

    for (size_t i = 0; i < N_BUILTINS; i++) {
        if (strcmp(word, builtins[i].word) == 0) {
            *ret = &builtins[i].type;
            return 0;
        }
    }
    if (!find_shape(t->m, word, &kind, &id))
        return refuse_name(t, start, word);
    if (kind == SHAPE_ITEM || kind == SHAPE_PARTS) {
        snprintf(why, sizeof(why), "\"%s\" is an item type; a reference to one is ref<%s>", word,
                 word);
        return refuse_word(t, start, why, NULL);
    }
    return new_type(t, kind == SHAPE_OBJECT ? T_OBJECT : T_ENUM, NULL, id, ret);
}

/* The parts of a split type are no type that a file declares: it may refer to them, though. */
static int declare_parts(const struct type_scan *t, const char *word)
{
    struct model *m = t->m;
    const struct shape *known = m->declares ? version_shape_named(m->declares, span_of(word)) : NULL;
    struct shape *s;

    if (!known || known->kind != SHAPE_PARTS || version_shape_named(m->v, span_of(word)))
        return 0;
    return model_add_shape(m, SHAPE_PARTS, word, NULL, &s, t->e);
}

static int scan_ref(struct type_scan *t, const struct type_ref **ret)
{
    const char *start, *word = take_word(t, &start);
    enum shape_kind kind;
    char why[320];
    uint32_t id;

    if (!word)
        return err_nomem(t->e);
    if (declare_parts(t, word))
        return -1;
    if (!find_shape(t->m, word, &kind, &id)) {
        snprintf(why, sizeof(why), "there is no item type \"%.200s\"", word);
        return refuse_word(t, start, why, nearest_type(t, word, true));
    }
    if (kind != SHAPE_ITEM && kind != SHAPE_PARTS) {
        snprintf(why, sizeof(why), "\"%s\" is %s; only an item type can be referred to", word,
                 kind == SHAPE_OBJECT ? "an object" : "an enum");
        return refuse_word(t, start, why, NULL);
    }
    return new_type(t, T_REF, NULL, id, ret);
}

static int scan_type(struct type_scan *t, unsigned depth, const struct type_ref **ret);

static int scan_generic(struct type_scan *t, const char *start, const char *word, unsigned depth,
                        const struct type_ref **ret)
{
    static const char *const generics[] = {"list", "map", "ref"};
    const struct type_ref *elem;
    char why[320];

    if (strcmp(word, "ref") != 0 && strcmp(word, "list") != 0 && strcmp(word, "map") != 0) {
        snprintf(why, sizeof(why), "only list, map and ref take a type in <>, \"%.200s\" does not",
                 word);
        return refuse_word(t, start, why, err_nearest(word, strlen(word), generics, 3));
    }
    t->p++;
    if (*word == 'r' ? scan_ref(t, ret) : scan_type(t, depth + 1, &elem))
        return -1;
    if (*t->p != '>')
        return refuse_word(t, t->p, "a '>' is missing", NULL);
    t->p++;
    return *word == 'r' ? 0 : new_type(t, *word == 'l' ? T_LIST : T_MAP, elem, 0, ret);
}

static int scan_type(struct type_scan *t, unsigned depth, const struct type_ref **ret)
{
    const char *start, *word = take_word(t, &start);

    if (!word)
        return err_nomem(t->e);
    if (depth > TYPE_MAX_DEPTH)
        return refuse_word(t, start, "the type is nested too deep", NULL);
    if (*t->p == '<')
        return scan_generic(t, start, word, depth, ret);
    return scan_plain(t, start, word, ret);
}

int type_parse(struct model *m, const struct yaml_node *at, const char *text, const char *what,
               const struct type_ref **ret, struct err *e)
{
    struct type_scan t = {m, at, text, text, what, e};

    if (scan_type(&t, 0, ret))
        return -1;
    while (*t.p == ' ')
        t.p++;
    return *t.p ? refuse_word(&t, t.p, "nothing can follow the type", NULL) : 0;
}

const char *type_text(struct model *m, const struct version *v, const struct type_ref *t)
{
    BUF_CLEANUP struct buf out = BUF_INIT;

    if (!type_print(t, v->shapes, v->n_shapes, &out))
        return NULL;
    return arena_strndup(&m->v->arena, out.p, out.n);
}

bool text_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}
