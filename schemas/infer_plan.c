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

/* ---- Steps and questions ---- */

void plan_add(struct plan *p, struct yaml_node *step, bool guess)
{
    struct plan_step *grown = arena_grow(&p->m->v->arena, p->steps, p->n, sizeof(*grown));

    if (!grown || !step) {
        p->nomem = true;
        return;
    }
    p->steps = grown;
    p->steps[p->n++] = (struct plan_step){step, guess, false};
}

int plan_apply(struct plan *p, struct yaml_node *step, bool guess, struct err *e)
{
    plan_add(p, step, guess);
    if (p->nomem)
        return err_nomem(e);
    p->m->inferred = true;
    if (schema_step(p->m, step, e))
        return -1;
    p->steps[p->n - 1].applied = true;
    return 0;
}

struct plan_answer plan_ask(struct plan *p, const struct yaml_node *at, const char *first,
                            const char *other, const char *fmt, ...)
{
    const struct model_candidates *c = p->m->candidates;
    char text[sizeof(((struct err *)0)->text)];
    va_list ap;

    if (p->question.text)
        return (struct plan_answer){.guess = other != NULL};
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    p->question = (struct plan_question){keep(p, text), at, first, other};
    return (struct plan_answer){.no = c && other ? c->answer : 0};
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

static bool print_steps(const struct plan *p, struct buf *out)
{
    if (!buf_adds(out, "migrate:\n"))
        return false;
    for (size_t i = 0; i < p->n; i++) {
        const struct yaml_node *args = p->steps[i].node->child;

        if (!buf_printf(out, "  - %s: ", args->key) || !print_node(args, out) ||
            !buf_adds(out, p->steps[i].guess ? "  # a guess: mend it\n" : "\n"))
            return false;
    }
    return true;
}

static bool print_candidate(const struct plan *p, struct model_candidates *c)
{
    static const char *const heads[] = {"# either\n", "# or\n"};

    c->n = p->question.other ? 2 : 1;
    return (c->n == 1 || buf_adds(c->out, heads[c->answer])) && print_steps(p, c->out);
}

static int refuse(const struct plan *p, struct err *e)
{
    const struct plan_question *q = &p->question;

    if (p->m->candidates && !print_candidate(p, p->m->candidates))
        return err_nomem(e);
    model_refuse(p->m, key_place(p->m, q->at), e, "%s", q->text);
    return err_expected(e, "`migrate` with %s%s%s", q->first, q->other ? ", or with " : "",
                        q->other ? q->other : "");
}

int plan_run(struct plan *p, struct err *e)
{
    if (p->nomem)
        return err_nomem(e);
    if (p->question.text)
        return refuse(p, e);
    p->m->inferred = true;
    for (size_t i = 0; i < p->n; i++) {
        if (!p->steps[i].applied && schema_step(p->m, p->steps[i].node, e))
            return -1;
    }
    return 0;
}
