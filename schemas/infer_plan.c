/* Building, printing and applying inferred steps. */
#include "infer_impl.h"

#include <ctype.h>
#include <stdio.h>

#include "json.h"

static const char *keep(struct plan *p, const char *text)
{
    const char *own = arena_strdup(&p->m->v->arena, text);

    p->nomem |= !own;
    return own;
}

static struct yaml_node *new_node(struct plan *p, enum yaml_kind kind, const char *key,
                                  const struct yaml_node *at)
{
    struct yaml_node *n = arena_alloc(&p->m->v->arena, sizeof(*n));

    if (!n) {
        p->nomem = true;
        return NULL;
    }
    n->kind = kind;
    n->key = key ? keep(p, key) : NULL;
    n->line = n->key_line = at->key ? at->key_line : at->line;
    n->column = n->key_column = at->key ? at->key_column : at->column;
    return n;
}

static void append(struct yaml_node *in, struct yaml_node *n)
{
    struct yaml_node **end = &in->child;

    while (*end)
        end = &(*end)->next;
    *end = n;
    in->n_children++;
}

struct yaml_node *plan_step(struct plan *p, const char *kind, const struct yaml_node *at)
{
    struct yaml_node *step = new_node(p, YAML_MAP, NULL, at);
    struct yaml_node *args = new_node(p, YAML_MAP, kind, at);

    if (!step || !args)
        return NULL;
    append(step, args);
    return step;
}

void plan_entry(struct plan *p, struct yaml_node *in, const char *key, enum yaml_kind kind,
                const char *text)
{
    struct yaml_node *n = in ? new_node(p, kind, key, in) : NULL;

    if (!n)
        return;
    n->text = keep(p, text);
    n->text_len = strlen(text);
    append(in, n);
}

void plan_copy(struct plan *p, struct yaml_node *in, const char *key, const struct yaml_node *node)
{
    struct yaml_node *n = in ? new_node(p, node->kind, key, node) : NULL;

    if (!n)
        return;
    n->text = node->text;
    n->text_len = node->text_len;
    n->child = node->child;
    n->n_children = node->n_children;
    append(in, n);
}

void plan_text(struct plan *p, struct yaml_node *step, const char *arg, const char *text)
{
    plan_entry(p, step ? step->child : NULL, arg, YAML_STRING, text);
}

void plan_node(struct plan *p, struct yaml_node *step, const char *arg,
               const struct yaml_node *node)
{
    plan_copy(p, step ? step->child : NULL, arg, node);
}

static struct yaml_node *open_arg(struct plan *p, struct yaml_node *step, const char *arg,
                                  enum yaml_kind kind)
{
    struct yaml_node *n = step ? new_node(p, kind, arg, step) : NULL;

    if (n)
        append(step->child, n);
    return n;
}

struct yaml_node *plan_map(struct plan *p, struct yaml_node *step, const char *arg)
{
    return open_arg(p, step, arg, YAML_MAP);
}

struct yaml_node *plan_list(struct plan *p, struct yaml_node *step, const char *arg)
{
    return open_arg(p, step, arg, YAML_SEQ);
}

/* ---- Items ---- */

static struct plan_item *add_item(struct plan *p, const struct yaml_node *at)
{
    struct arena *arena = &p->m->v->arena;
    struct plan_item **items = arena_grow(arena, p->items, p->n, sizeof(struct plan_item *));
    struct plan_item *item = arena_alloc(arena, sizeof(*item));

    if (!items || !item) {
        p->nomem = true;
        return &p->spare;
    }
    item->at = at;
    p->items = items;
    p->items[p->n++] = item;
    return item;
}

struct plan_item *plan_add(struct plan *p, struct yaml_node *step)
{
    static const struct yaml_node nowhere;
    struct plan_item *item = add_item(p, step ? step : &nowhere);

    item->choice[0][0] = step;
    return item;
}

struct plan_item *plan_ask(struct plan *p, const struct yaml_node *at, const char *fmt, ...)
{
    struct plan_item *item = add_item(p, at);
    char text[sizeof(((struct err *)0)->text)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    item->question = keep(p, text);
    return item;
}

void plan_ask_one(struct plan *p, struct yaml_node *step, const char *question)
{
    plan_ask(p, step, "%s", question)->choice[0][0] = step;
}

/* ---- Printing: YAML on one line ---- */

static bool is_plain(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    for (const char *c = text; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("_<>", *c))
            return false;
    }
    return strcmp(text, "true") != 0 && strcmp(text, "false") != 0;
}

static bool print_text(const char *text, bool typed, struct buf *out)
{
    if (typed || is_plain(text))
        return buf_adds(out, text);
    return json_write_string(span_of(text), out);
}

static bool print_node(const struct yaml_node *n, struct buf *out)
{
    bool map = n->kind == YAML_MAP;

    if (n->text)
        return print_text(n->text, n->kind != YAML_STRING, out);
    if (!buf_addc(out, map ? '{' : '['))
        return false;
    for (const struct yaml_node *in = n->child; in; in = in->next) {
        if (map && (!print_text(in->key, false, out) || !buf_adds(out, ": ")))
            return false;
        if (!print_node(in, out) || (in->next && !buf_adds(out, ", ")))
            return false;
    }
    return buf_addc(out, map ? '}' : ']');
}

static bool print_item(const struct plan_item *item, size_t choice, bool *first, struct buf *out)
{
    for (size_t i = 0; i < PLAN_STEPS; i++) {
        const struct yaml_node *step = item->choice[choice][i];

        if (!step)
            continue;
        if ((!*first && !buf_adds(out, ", ")) || !print_node(step, out))
            return false;
        *first = false;
    }
    return true;
}

/* migrate: [...] with one answer to the question; the other items too, or it alone. */
static bool print_answer(const struct plan *p, const struct plan_item *question, size_t choice,
                         bool others, struct buf *out)
{
    bool first = true;

    if (!buf_adds(out, "migrate: ["))
        return false;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_item *item = p->items[i];

        if (item == question ? !print_item(item, choice, &first, out)
                             : others && !print_item(item, 0, &first, out))
            return false;
    }
    return buf_addc(out, ']');
}

static bool print_question(const struct plan *p, const struct plan_item *q, bool others,
                           struct buf *out)
{
    buf_reset(out);
    if (!buf_printf(out, "%s; write ", q->question) || !print_answer(p, q, 0, others, out))
        return false;
    if (q->choice[1][0] && (!buf_adds(out, " or ") || !print_answer(p, q, 1, others, out)))
        return false;
    return buf_str(out) != NULL;
}

static int refuse_question(const struct plan *p, const struct plan_item *q, struct err *e)
{
    BUF_CLEANUP struct buf out = BUF_INIT;

    if (!print_question(p, q, true, &out))
        return err_nomem(e);
    if (out.n >= sizeof(e->text) && !print_question(p, q, false, &out))
        return err_nomem(e);
    return model_refuse(p->m, key_place(p->m, q->at), e, "%s", out.p);
}

int plan_run(struct plan *p, struct err *e)
{
    if (p->nomem)
        return err_nomem(e);
    for (size_t i = 0; i < p->n; i++) {
        if (p->items[i]->question)
            return refuse_question(p, p->items[i], e);
    }
    p->m->inferred = true;
    for (size_t i = 0; i < p->n; i++) {
        if (p->items[i]->applied)
            continue;
        if (schema_step(p->m, p->items[i]->choice[0][0], e))
            return -1;
        p->items[i]->applied = true;
    }
    return 0;
}
