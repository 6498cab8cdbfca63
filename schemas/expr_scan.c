/* A scanner for SQL's tokens, as far as they matter here: what SQLite would read as a name, a
 * string, a comment, a parenthesis. */
#include "expr_impl.h"

#include <ctype.h>
#include <strings.h>

enum token_kind {
    TOKEN_END,
    TOKEN_BLANK, /* white space or a comment */
    TOKEN_NAME,  /* bare or quoted */
    TOKEN_PARAMETER,
    TOKEN_OTHER, /* strings, numbers, operators */
    TOKEN_UNENDED
};

struct token {
    enum token_kind kind;
    const char *p;
    size_t n;
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static size_t word_length(const char *p)
{
    size_t n = 0;
    while (is_word(p[n]))
        n++;
    return n;
}

/* Through the closing quote, a doubled one being part of the text; to the end when there is none.
 */
static size_t quoted_length(const char *p, char close)
{
    size_t n = 1;
    for (; p[n]; n++) {
        if (p[n] != close)
            continue;
        if (close == ']' || p[n + 1] != close)
            return n + 1;
        n++;
    }
    return n;
}

static struct token blank_token(const char *p)
{
    const char *end;
    if (p[0] == '-')
        return (struct token){TOKEN_BLANK, p, strcspn(p, "\n")};
    if (p[0] != '/')
        return (struct token){TOKEN_BLANK, p, 1};
    end = strstr(p + 2, "*/");
    return end ? (struct token){TOKEN_BLANK, p, (size_t)(end + 2 - p)}
               : (struct token){TOKEN_UNENDED, p, strlen(p)};
}

static struct token next_token(const char *p)
{
    if (!*p)
        return (struct token){TOKEN_END, p, 0};
    if (isspace((unsigned char)*p) || strncmp(p, "--", 2) == 0 || strncmp(p, "/*", 2) == 0)
        return blank_token(p);
    if (*p == '\'')
        return (struct token){TOKEN_OTHER, p, quoted_length(p, '\'')};
    if (*p == '"' || *p == '`' || *p == '[')
        return (struct token){TOKEN_NAME, p, quoted_length(p, *p == '[' ? ']' : *p)};
    if (strchr("?:@$#", *p))
        return (struct token){TOKEN_PARAMETER, p, 1 + word_length(p + 1)};
    if (is_word(*p))
        return (struct token){isdigit((unsigned char)*p) ? TOKEN_OTHER : TOKEN_NAME, p,
                              word_length(p)};
    return (struct token){TOKEN_OTHER, p, 1};
}

unsigned expr_scan_column(const char *sql, size_t offset)
{
    unsigned column = 1;
    for (size_t i = 0; i < offset && sql[i]; i++)
        column += (sql[i] & 0xc0) != 0x80;
    return column;
}

struct balance {
    const char *sql;
    const char *open[64]; /* where the outermost ones stand */
    size_t depth;
    bool empty;
};

static int refuse(const struct balance *b, const char *at, struct err *e, const char *what)
{
    return err_at(e, ERR_INVALID, 0, expr_scan_column(b->sql, (size_t)(at - b->sql)),
                  "the expression holds %s", what);
}

static int balance_other(struct balance *b, const struct token *t, struct err *e)
{
    switch (*t->p) {
    case ';':
        return refuse(b, t->p, e, "a \";\"");
    case ',':
        return b->depth ? 0 : refuse(b, t->p, e, "a \",\" between two values");
    case '(':
        if (b->depth < sizeof b->open / sizeof b->open[0])
            b->open[b->depth] = t->p;
        b->depth++;
        return 0;
    case ')':
        if (b->depth == 0)
            return refuse(b, t->p, e, "a \")\" without its \"(\"");
        b->depth--;
        return 0;
    default:
        return 0;
    }
}

static int balance_token(struct balance *b, const struct token *t, struct err *e)
{
    b->empty &= t->kind == TOKEN_BLANK;
    if (t->kind == TOKEN_UNENDED)
        return refuse(b, t->p, e, "a comment without an end");
    if (t->kind == TOKEN_PARAMETER)
        return err_at(e, ERR_INVALID, 0, expr_scan_column(b->sql, (size_t)(t->p - b->sql)),
                      "the expression holds a parameter, \"%.*s\"", t->n > 60 ? 60 : (int)t->n,
                      t->p);
    return t->kind == TOKEN_OTHER ? balance_other(b, t, e) : 0;
}

int expr_scan_check(const char *sql, struct err *e)
{
    struct balance b = {.sql = sql, .empty = true};
    struct token t = next_token(sql);
    for (; t.kind != TOKEN_END; t = next_token(t.p + t.n))
        if (balance_token(&b, &t, e))
            return -1;
    if (b.empty)
        return err_set(e, ERR_INVALID, "the expression is empty");
    if (b.depth > 0)
        return refuse(&b, b.open[0], e, "a \"(\" without its \")\"");
    return 0;
}

/* ---- Names ---- */

/* Whether the token, quotes and doubled quotes taken off, is this name. */
static bool token_is(const struct token *t, const char *name, bool any_case)
{
    char quote = is_word(*t->p) ? '\0' : *t->p == '[' ? ']' : *t->p;
    size_t i = quote ? 1 : 0, end = t->n - (quote && t->n > 1 ? 1 : 0);
    for (; i < end; i++, name++) {
        char a = t->p[i], b = *name;
        if (a == quote && quote != ']')
            i++;
        if (any_case ? tolower((unsigned char)a) != tolower((unsigned char)b) : a != b)
            return false;
    }
    return *name == '\0';
}

/* Marks the column that a token names: of this very name, else of one that differs in case. */
static int mark_column(const char *sql, const struct token *t, const char *const *columns, size_t n,
                       bool *marks, struct err *e)
{
    size_t found = n;
    for (size_t i = 0; i < n; i++)
        if (token_is(t, columns[i], false)) {
            marks[i] = true;
            return 0;
        }
    for (size_t i = 0; i < n; i++) {
        if (!token_is(t, columns[i], true))
            continue;
        if (found < n)
            return err_at(e, ERR_INVALID, 0, expr_scan_column(sql, (size_t)(t->p - sql)),
                          "\"%.*s\" may be \"%s\" or \"%s\"", t->n > 60 ? 60 : (int)t->n, t->p,
                          columns[found], columns[i]);
        found = i;
    }
    if (found < n)
        marks[found] = true;
    return 0;
}

static int collect_marks(const char *const *columns, size_t n, const bool *marks, uint16_t *ret,
                         size_t max, size_t *ret_n, struct err *e)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!marks[i])
            continue;
        if (count == max)
            return err_set(e, ERR_INVALID, "the expression reads more than %zu fields", max);
        for (size_t j = 0; j < count; j++)
            if (strcasecmp(columns[ret[j]], columns[i]) == 0)
                return err_set(e, ERR_INVALID,
                               "SQL can't tell the fields \"%s\" and \"%s\" apart within one "
                               "expression",
                               columns[ret[j]], columns[i]);
        ret[count++] = (uint16_t)i;
    }
    *ret_n = count;
    return 0;
}

int expr_scan_columns(const char *sql, const char *const *columns, size_t n, uint16_t *ret,
                      size_t max, size_t *ret_n, struct err *e)
{
    int r = 0;
    bool *marks = calloc(n + 1, sizeof *marks);
    if (!marks)
        return err_nomem(e);
    struct token t = next_token(sql);
    for (; r == 0 && t.kind != TOKEN_END; t = next_token(t.p + t.n))
        if (t.kind == TOKEN_NAME)
            r = mark_column(sql, &t, columns, n, marks, e);
    if (r == 0)
        r = collect_marks(columns, n, marks, ret, max, ret_n, e);
    free(marks);
    return r;
}
