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

void plan_is_guess(struct plan *p, const struct yaml_node *step)
{
    const struct yaml_node **guesses =
        arena_grow(&p->m->v->arena, p->guesses, p->n_guesses, sizeof(*guesses));

    if (!guesses) {
        p->nomem = true;
        return;
    }
    p->guesses = guesses;
    p->guesses[p->n_guesses++] = step;
}

void plan_guess(struct plan *p, struct yaml_node *step, const char *arg, const char *text)
{
    plan_text(p, step, arg, text);
    plan_is_guess(p, step);
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

/* ---- Printing: YAML, a step a line ---- */

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

static bool is_guess(const struct plan *p, const struct yaml_node *step)
{
    for (size_t i = 0; i < p->n_guesses; i++) {
        if (p->guesses[i] == step)
            return true;
    }
    return false;
}

static bool print_line(const struct yaml_node *step, bool guess, struct buf *out)
{
    return !step || (buf_printf(out, "  - %s: ", step->child->key) &&
                     print_node(step->child, out) &&
                     buf_adds(out, guess ? "  # a guess: mend it\n" : "\n"));
}

/* One item of an answer. That a question is not the one being answered and has two readings makes
 * its first one a guess too. */
static bool print_item(const struct plan *p, const struct plan_item *item, size_t choice,
                       bool chosen, struct buf *out)
{
    bool guess = !chosen && item->choice[1][0];

    for (size_t i = 0; i < PLAN_STEPS; i++) {
        const struct yaml_node *step = item->choice[choice][i];

        if (!print_line(step, guess || is_guess(p, step), out))
            return false;
    }
    return true;
}

/* All steps, with one of the answers to one question and the first one to the others. */
static bool print_answer(const struct plan *p, const struct plan_item *question, size_t choice,
                         struct buf *out)
{
    if (!buf_adds(out, "migrate:\n"))
        return false;
    for (size_t i = 0; i < p->n; i++) {
        bool chosen = p->items[i] == question;

        if (!print_item(p, p->items[i], chosen ? choice : 0, chosen, out))
            return false;
    }
    return choice == 0 || print_line(question->after, false, out);
}

static bool print_candidates(const struct plan *p, const struct plan_item *q, struct buf *out)
{
    bool two = q->choice[1][0] != NULL;

    return (!two || buf_adds(out, "# either\n")) && print_answer(p, q, 0, out) &&
           (!two || (buf_adds(out, "# or\n") && print_answer(p, q, 1, out)));
}

/* "remove_field and add_field" */
static void name_steps(const struct plan_item *q, size_t choice, char *ret, size_t size)
{
    const struct yaml_node *second = q->choice[choice][1];

    snprintf(ret, size, "%s%s%s", q->choice[choice][0]->child->key, second ? " and " : "",
             second ? second->child->key : "");
}

static int refuse_question(const struct plan *p, const struct plan_item *q, struct err *e)
{
    char first[80], other[80] = "";

    if (p->m->candidates && !print_candidates(p, q, p->m->candidates))
        return err_nomem(e);
    name_steps(q, 0, first, sizeof(first));
    if (q->choice[1][0])
        name_steps(q, 1, other, sizeof(other));
    model_refuse(p->m, key_place(p->m, q->at), e, "%s", q->question);
    return err_expected(e, "`migrate` with %s%s%s", first, *other ? ", or with " : "", other);
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
