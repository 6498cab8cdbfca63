#include "gen_int.h"

const char *const gen_fields[] = {"name",  "breed", "age",  "size", "note", "color", "weight",
                                  "born",  "tags",  "home", "kind", "rank", "email", "owner",
                                  "score", "state", "word", "mark", "unit", "zone",  "lang"};
const size_t n_gen_fields = sizeof gen_fields / sizeof gen_fields[0];

static const char *const scalars[] = {"string",  "string", "string",    "integer", "integer", "number",
                                      "boolean", "date",   "timestamp", "uuid",    "bytes",   "json"};

const char *gen_type(struct gen *g, const struct gen_names *names, unsigned depth)
{
    unsigned n = rnd_below(&g->r, 100);
    if (g->lists && depth == 0 && n < 30 && names->n_objects)
        return gen_text(g, "list<%s>", gen_of(g, names->objects, names->n_objects));
    if (g->lists && depth == 0 && n < 40 && names->n_enums)
        return gen_text(g, "list<%s>", gen_of(g, names->enums, names->n_enums));
    if (n < 14 && names->n_enums)
        return gen_of(g, names->enums, names->n_enums);
    if (n < 26 && names->n_objects)
        return gen_of(g, names->objects, names->n_objects);
    if (n < (g->linked ? 60u : 34u) && names->n_items)
        return gen_text(g, "ref<%s>", gen_of(g, names->items, names->n_items));
    if (n < 44 && depth < 2)
        return gen_text(g, "%s<%s>", n < 40 ? "list" : "map", gen_type(g, names, depth + 1));
    return GEN_OF(g, scalars);
}

static const char *default_for(struct gen *g, const char *type)
{
    static const char *const texts[] = {"\"none\"", "\"a\"", "\"pending\""};
    static const char *const values[] = {"0", "3", "7"};
    if (!strcmp(type, "string"))
        return GEN_OF(g, texts);
    if (!strcmp(type, "integer") || !strcmp(type, "number"))
        return GEN_OF(g, values);
    if (!strcmp(type, "boolean"))
        return rnd_chance(&g->r, 50) ? "true" : "false";
    if (!strcmp(type, "date"))
        return "\"2000-01-01\"";
    return !strncmp(type, "list<", 5) ? "[]" : !strncmp(type, "map<", 4) ? "{}" : NULL;
}

const char *gen_definition(struct gen *g, const struct gen_names *names, enum shape_kind kind,
                           const char *field, bool may_require)
{
    const char *type = gen_type(g, names, 0), *def = NULL;
    struct buf b BUF_CLEANUP = BUF_INIT;
    bool required;

    if (rnd_chance(&g->r, 45))
        return gen_text(g, "'%s'", type);
    if (rnd_chance(&g->r, 45))
        def = default_for(g, type);
    required = (def || may_require) && rnd_chance(&g->r, 35);
    MUST(buf_printf(&b, "{type: '%s'", type));
    if (required)
        MUST(buf_adds(&b, ", required: true"));
    if (def)
        MUST(buf_printf(&b, ", default: %s", def));
    if (!strcmp(type, "integer") && rnd_chance(&g->r, 20))
        MUST(buf_printf(&b, ", check: \"%s > -5\"", field));
    if (!strcmp(type, "string") && kind == SHAPE_ITEM && rnd_chance(&g->r, 8))
        MUST(buf_adds(&b, ", unique: true"));
    MUST(buf_addc(&b, '}'));
    return gen_kept(g, &b);
}

/* ---- The root ---- */

static struct block *add_block(struct gen *g, struct case_version *v, enum shape_kind kind,
                               const char *name)
{
    if (!v->blocks)
        v->blocks = arena_alloc(g->a, 16 * sizeof *v->blocks);
    struct block *b = &v->blocks[v->n_blocks++];
    *b = (struct block){.kind = kind, .name = name};
    b->fields.m = arena_alloc(g->a, 16 * sizeof(struct member));
    return b;
}

static void add_fields(struct gen *g, struct block *b, const struct gen_names *names, size_t n)
{
    while (b->fields.n < n) {
        const char *name = gen_of(g, gen_fields, n_gen_fields);
        if (!member_named(&b->fields, name))
            b->fields.m[b->fields.n++] = (struct member){
                .name = name,
                .json = gen_definition(g, names, b->kind, name,
                                       b->kind == SHAPE_ITEM || rnd_chance(&g->r, 30))};
    }
}

/* Some fields of both. */
static void share_fields(struct gen *g, struct block *b, const struct block *other)
{
    b->open = other->open;
    for (size_t i = 0; i < other->fields.n; i++)
        if (rnd_chance(&g->r, 50))
            b->fields.m[b->fields.n++] = other->fields.m[i];
}

void gen_root(struct gen *g, struct case_version *v)
{
    static const char *const items[] = {"Dog", "Person", "Cat"}, *const objects[] = {"Box", "Address"};
    static const char *const enums[] = {"Size", "State"};
    static const char *const values[] = {"[small, medium, large]", "[pending, done, cancelled, other]"};
    struct gen_names names = {0};
    size_t n_items = 1 + (g->linked || g->merged || rnd_chance(&g->r, 50)) + rnd_chance(&g->r, 20), n_objects = rnd_below(&g->r, 3);
    n_objects += g->lists && !n_objects;

    for (size_t i = 0, n = rnd_below(&g->r, 3); i < n; i++) {
        struct block *b = add_block(g, v, SHAPE_ENUM, enums[i]);
        b->fields.m[b->fields.n++] = (struct member){.name = "", .json = values[i]};
        names.enums[names.n_enums++] = enums[i];
    }
    for (size_t i = 0; i < n_items; i++)
        names.items[names.n_items++] = items[i];
    for (size_t i = 0; i < n_objects; i++) {
        struct block *b = add_block(g, v, SHAPE_OBJECT, objects[i]);
        add_fields(g, b, &names, 1 + rnd_below(&g->r, 3));
        names.objects[names.n_objects++] = objects[i];
    }
    for (size_t i = 0; i < n_items; i++) {
        struct block *b = add_block(g, v, SHAPE_ITEM, items[i]);
        b->open = rnd_chance(&g->r, 20);
        if (i && g->merged)
            share_fields(g, b, b - i);
        add_fields(g, b, &names, b->fields.n + 1 + rnd_below(&g->r, b->fields.n ? 3 : 6));
    }
}
