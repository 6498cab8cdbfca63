/* What stands around each step: where it is in the file, and what it may not leave behind. */
#include <stdio.h>

#include "model.h"
#include "sql_names.h"

/* ---- Places in the file ---- */

static int refuse_at(const struct model *m, unsigned line, unsigned column, struct err *e,
                     const char *fmt, va_list ap)
{
    char text[sizeof(e->text)];

    vsnprintf(text, sizeof(text), fmt, ap);
    if (line == 0 && m->args) {
        line = m->args->line;
        column = m->args->column;
    }
    return err_at(e, ERR_INVALID, line, column, "%s", text);
}

int model_refuse(const struct model *m, const struct yaml_node *at, struct err *e, const char *fmt,
                 ...)
{
    va_list ap;

    va_start(ap, fmt);
    refuse_at(m, at ? at->line : 0, at ? at->column : 0, e, fmt, ap);
    va_end(ap);
    return -1;
}

/* The file's text at a 1-based line and column, or NULL. */
static const char *text_at(struct span text, unsigned line, unsigned column)
{
    const char *p = text.p, *end = text.p + text.n;

    for (; p && line > 1; line--) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (p)
            p++;
    }
    for (; p && p < end && column > 1; column--) {
        for (p++; p < end && ((unsigned char)*p & 0xc0) == 0x80;)
            p++;
    }
    return p && p < end ? p : NULL;
}

/* The column of a character of a scalar: only where it stands in the file as it is. */
static unsigned column_in(const struct model *m, const struct yaml_node *at, unsigned character)
{
    const char *p = m->v->text.p ? text_at(m->v->text, at->line, at->column) : NULL;
    size_t left = p ? (size_t)(m->v->text.p + m->v->text.n - p) : 0;
    unsigned quote = left && (*p == '"' || *p == '\'');

    if (!p || !at->text || left < quote + at->text_len || memcmp(p + quote, at->text, at->text_len) != 0)
        return at->column;
    return at->column + quote + character;
}

int model_refuse_in(const struct model *m, const struct yaml_node *at, unsigned character,
                    struct err *e, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    refuse_at(m, at ? at->line : 0, at ? column_in(m, at, character) : 0, e, fmt, ap);
    va_end(ap);
    return -1;
}

/* ---- Expressions over a shape ---- */

#define COLUMNS_UNFILTERED 256u /* SQLite's tables have a limit, and so has patience */

struct columns {
    const char **names;
    size_t *index; /* in over->fields; n_fields = _key */
    size_t n;
};

static int find_columns(struct model *m, const struct shape *over, const char *sql,
                        struct columns *ret)
{
    size_t max = over->n_fields + 1;
    bool filter = over->n_fields > COLUMNS_UNFILTERED;

    ret->n = 0;
    ret->names = arena_alloc(&m->v->arena, max * sizeof(*ret->names));
    ret->index = arena_alloc(&m->v->arena, max * sizeof(*ret->index));
    if (!ret->names || !ret->index)
        return -1;
    for (size_t i = 0; i < over->n_fields; i++) {
        if (filter && !sql_reads(sql, over->fields[i].name))
            continue;
        ret->names[ret->n] = over->fields[i].name;
        ret->index[ret->n++] = i;
    }
    if (over->kind == SHAPE_ITEM) {
        ret->names[ret->n] = "_key";
        ret->index[ret->n++] = over->n_fields;
    }
    return 0;
}

static int refuse_sql(struct model *m, const struct yaml_node *where, const char *what,
                      const struct err *why, struct err *e)
{
    if (why->code == ERR_NO_MEMORY)
        return err_nomem(e);
    if (where)
        model_refuse_in(m, where, why->column ? why->column - 1 : 0, e, "%s: %s", what, why->text);
    else
        model_refuse(m, NULL, e, "%s: %s", what, why->text);
    if (why->expected[0])
        err_expected(e, "%s", why->expected);
    return -1;
}

int model_check_sql(struct model *m, const struct shape *over, const char *sql,
                    const struct yaml_node *where, const char *what, bool *ret_used, struct err *e)
{
    struct columns c;
    struct err why = ERR_INIT;
    bool *used;

    if (find_columns(m, over, sql, &c))
        return err_nomem(e);
    used = arena_alloc(&m->v->arena, (over->n_fields + 1) * sizeof(*used));
    if (!used)
        return err_nomem(e);
    if (expr_check(m->env, sql, c.names, c.n, used, &why))
        return refuse_sql(m, where, what, &why, e);
    for (size_t i = 0; ret_used && i <= over->n_fields; i++)
        ret_used[i] = false;
    for (size_t i = 0; ret_used && i < c.n; i++)
        ret_used[c.index[i]] = used[i];
    return 0;
}

/* ---- Begin and end ---- */

int model_step_begin(struct model *m, const struct step_args *args, struct err *e)
{
    m->args = args;
    if (args)
        m->step = m->next_step++;
    return model_shapes(m, &m->before, &m->n_before) ? err_nomem(e) : 0;
}

/* The check was there before the step, word for word. */
static bool was_there(const struct shape *old, const char *check)
{
    for (size_t i = 0; old && i < old->n_fields; i++) {
        if (old->fields[i].check == check)
            return true;
    }
    for (size_t i = 0; old && i < old->n_checks; i++) {
        if (old->checks[i] == check)
            return true;
    }
    return false;
}

/* The check as it reads after the step's renames; NULL = no memory. */
static const char *follow_renames(struct model *m, const struct shape *old, const struct shape *s,
                                  const char *check)
{
    for (size_t i = 0; i < old->n_fields; i++) {
        const struct field *was = &old->fields[i], *is = shape_field_by_slot(s, was->slot);
        BUF_CLEANUP struct buf out = BUF_INIT;

        if (!is || strcmp(is->name, was->name) == 0 || !sql_reads(check, was->name))
            continue;
        if (!sql_rename(check, was->name, is->name, &out))
            return NULL;
        check = arena_strndup(&m->v->arena, out.p, out.n);
        if (!check)
            return NULL;
    }
    return check;
}

static int refuse_lost_name(struct model *m, const struct shape *old, const struct shape *s,
                            const char *check, struct err *e)
{
    for (size_t i = 0; i < old->n_fields; i++) {
        const char *name = old->fields[i].name;

        if (!shape_field(s, span_of(name)) && sql_reads(check, name))
            return model_refuse(
                m, NULL, e, "%s: the check \"%s\" of %s reads \"%s\"; put a remove_check before it",
                m->args ? m->args->kind : "types", check, s->name, name);
    }
    return 0;
}

const struct yaml_node *model_place_of(const struct model *m, const char *text)
{
    for (size_t i = m->n_texts; i-- > 0;) {
        if (m->texts[i].text == text)
            return m->texts[i].at;
    }
    return NULL;
}

static int settle_check(struct model *m, const struct shape *old, const struct shape *s,
                        const char **check, struct err *e)
{
    if (was_there(old, *check)) {
        const char *now = follow_renames(m, old, s, *check);

        if (!now)
            return err_nomem(e);
        if (now == *check)
            return refuse_lost_name(m, old, s, *check, e);
        *check = now;
    }
    return model_check_sql(m, s, *check, model_place_of(m, *check), "check", NULL, e);
}

static int settle_checks(struct model *m, const struct shape *old, struct shape *s, struct err *e)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        if (s->fields[i].check && settle_check(m, old, s, &s->fields[i].check, e))
            return -1;
    }
    for (size_t i = 0; i < s->n_checks; i++) {
        if (settle_check(m, old, s, &s->checks[i], e))
            return -1;
    }
    return 0;
}

/* Steps that set names themselves are held to the rules of names here. */
static int settle_names(struct model *m, const struct shape *old, struct shape *s, struct err *e)
{
    struct shape others = *s;

    if (s->kind == SHAPE_PARTS) /* named by its parts */
        return 0;
    if (old && strcmp(old->name, s->name) != 0) {
        const char *name = s->name;
        int r;

        s->name = old->name;
        r = model_check_type_name(m, name, NULL, e);
        s->name = name;
        if (r)
            return -1;
    }
    for (size_t i = 0; i < s->n_fields; i++) {
        others.n_fields = i;
        if (old && shape_field(old, span_of(s->fields[i].name)) &&
            !shape_field(&others, span_of(s->fields[i].name)))
            continue;
        if (model_check_field_name(m, &others, s->fields[i].name, NULL, e))
            return -1;
    }
    return 0;
}

/* ---- Unique keys ---- */

static bool shows_all(const struct shape *s, const struct unique_set *u)
{
    for (size_t i = 0; i < u->n; i++) {
        if (!shape_field_by_slot(s, u->slots[i]))
            return false;
    }
    return true;
}

static bool has_key_of(const struct shape *s, slot_no slot)
{
    for (size_t i = 0; i < s->n_uniques; i++) {
        if (s->uniques[i].n == 1 && s->uniques[i].slots[0] == slot)
            return true;
    }
    return false;
}

/* `unique: true` of one field is a set called like its slot. */
static int add_key(struct model *m, struct shape *s, slot_no slot)
{
    struct unique_set *sets = arena_grow(&m->v->arena, s->uniques, s->n_uniques, sizeof(*sets));
    slot_no *slots = arena_alloc(&m->v->arena, sizeof(*slots));

    if (!sets || !slots)
        return -1;
    *slots = slot;
    s->uniques = sets;
    s->uniques[s->n_uniques++] = (struct unique_set){
        .id = slot,
        .slots = slots,
        .n = 1,
        .line = m->args ? m->args->line : 0,
        .column = m->args ? m->args->column : 0,
    };
    return 0;
}

static int settle_uniques(struct model *m, struct shape *s, struct err *e)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n_uniques; i++) {
        if (shows_all(s, &s->uniques[i]))
            s->uniques[kept++] = s->uniques[i];
    }
    s->n_uniques = kept;
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];

        if (f->unique && s->kind != SHAPE_ITEM)
            return model_refuse(m, model_place_of(m, f->name), e,
                                "%s.%s can't be unique: only fields of item types can", s->name,
                                f->name);
        if (f->unique && s->n_colls)
            return model_refuse(m, model_place_of(m, f->name), e,
                                "%s.%s can't be unique: %s was merged from several types", s->name,
                                f->name, s->name);
        if (f->unique && !has_key_of(s, f->slot) && add_key(m, s, f->slot))
            return err_nomem(e);
    }
    return 0;
}

/* ---- Objects that contain themselves ---- */

/* Marks what s must hold; returns the field of s by which it must hold itself, or NULL. */
static const struct field *mark_held(const struct model *m, const struct shape *s, uint32_t goal,
                                     bool *held)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct field *f = &s->fields[i];
        int in;

        if (!f->required || f->type->base != T_OBJECT)
            continue;
        in = version_shape_index(m->v, f->type->shape);
        if (f->type->shape == goal)
            return f;
        if (in < 0 || held[in])
            continue;
        held[in] = true;
        if (mark_held(m, m->v->shapes[in], goal, held))
            return f;
    }
    return NULL;
}

static int settle_object(struct model *m, const struct shape *s, struct err *e)
{
    const struct field *f;
    bool *held;

    if (s->kind != SHAPE_OBJECT)
        return 0;
    held = arena_alloc(&m->v->arena, m->v->n_shapes * sizeof(*held));
    if (!held)
        return err_nomem(e);
    f = mark_held(m, s, s->id, held);
    if (!f)
        return 0;
    return model_refuse(
        m, model_place_of(m, f->name), e,
        "no %s could ever be written: its required field \"%s\" contains another %s", s->name,
        f->name, s->name);
}

/* A merged type's tag says where a new item goes, in the older type's own words. */
static int settle_tag(struct model *m, const struct shape *old, const struct shape *s, struct err *e)
{
    const struct field *was = old && s->n_colls ? shape_field_by_slot(old, s->tag) : NULL;
    const struct field *is = was ? shape_field_by_slot(s, s->tag) : NULL;

    if (!was || (is && is->required && !is->def.p))
        return 0;
    return err_at(e, ERR_INVALID, m->args ? m->args->line : 0, m->args ? m->args->column : 0,
                  "%s: %s.%s says of which type an item is: it can be renamed, but not changed or removed",
                  m->args ? m->args->kind : "types", s->name, was->name);
}

int model_step_end(struct model *m, struct err *e)
{
    for (size_t i = 0; i < m->v->n_shapes; i++) {
        struct shape *s = m->v->shapes[i];
        const struct shape *old;

        if (m->stamps[i] != m->step + 1)
            continue;
        old = shapes_find(m->before, m->n_before, s->id);
        if (settle_tag(m, old, s, e) || settle_names(m, old, s, e) || settle_checks(m, old, s, e) || settle_uniques(m, s, e) ||
            settle_object(m, s, e))
            return -1;
    }
    for (size_t i = 0; i < m->v->n_shapes; i++) /* all: checks of objects that they hold may be new */
        if (model_check_defaults(m, m->v->shapes[i],
                                 shapes_find(m->before, m->n_before, m->v->shapes[i]->id), e))
            return -1;
    m->args = NULL;
    return 0;
}
