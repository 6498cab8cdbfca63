/* A scanner for the few tokens of SQL that matter: names, strings, comments, numbers. */
#include "sql_names.h"

#include <ctype.h>
#include <strings.h>

/* Words that are never a bare column: SQLite's reserved ones, and those which an expression uses
 * as its own. */
static const char *const keywords[] = {
    "add",       "all",         "alter",   "and",        "as",     "between", "case",   "cast",
    "check",     "collate",     "commit",  "constraint", "create", "default", "delete", "distinct",
    "drop",      "else",        "end",     "escape",     "except", "exists",  "false",  "filter",
    "foreign",   "from",        "glob",    "group",      "having", "in",      "index",  "insert",
    "intersect", "into",        "is",      "isnull",     "join",   "like",    "limit",  "match",
    "not",       "nothing",     "notnull", "null",       "on",     "or",      "order",  "over",
    "primary",   "references",  "regexp",  "returning",  "select", "set",     "table",  "then",
    "to",        "transaction", "true",    "union",      "unique", "update",  "using",  "values",
    "when",      "where",
};

struct token {
    const char *start, *end;
    bool is_name, quoted;
    char name[512]; /* decoded, cut when longer (no field's name is) */
};

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static bool is_keyword(const char *word)
{
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (strcasecmp(word, keywords[i]) == 0)
            return true;
    }
    return false;
}

/* Past a quoted run; a doubled quote stands for itself. The content goes into the token. */
static const char *skip_quoted(const char *p, char close, struct token *t)
{
    size_t n = 0;

    for (p++; *p; p++) {
        if (*p == close) {
            if (close == ']' || p[1] != close)
                break;
            p++;
        }
        if (n + 1 < sizeof(t->name))
            t->name[n++] = *p;
    }
    t->name[n] = '\0';
    return *p ? p + 1 : p;
}

static const char *skip_comment(const char *p)
{
    const char *end = p[0] == '-' ? strchr(p, '\n') : strstr(p + 2, "*/");

    if (!end)
        return p + strlen(p);
    return p[0] == '-' ? end + 1 : end + 2;
}

static const char *skip_word(const char *p, struct token *t)
{
    const char *start = p;
    size_t n;

    while (word_char(*p))
        p++;
    n = (size_t)(p - start);
    if (n >= sizeof(t->name))
        n = sizeof(t->name) - 1;
    memcpy(t->name, start, n);
    t->name[n] = '\0';
    return p;
}

static bool call_follows(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return *p == '(';
}

/* The next token at p; false at the end. */
static bool next_token(const char *p, struct token *t)
{
    t->start = p;
    t->is_name = t->quoted = false;
    if (!*p)
        return false;
    if (*p == '\'') {
        t->end = skip_quoted(p, '\'', t);
    } else if (*p == '"' || *p == '`' || *p == '[') {
        t->end = skip_quoted(p, *p == '[' ? ']' : *p, t);
        t->is_name = t->quoted = true;
    } else if ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*')) {
        t->end = skip_comment(p);
    } else if (word_char(*p)) {
        t->end = skip_word(p, t);
        /* x'00' is a blob; 0x1f and 1e5 are numbers. */
        t->is_name = !isdigit((unsigned char)*p) && *t->end != '\'' && !is_keyword(t->name);
    } else {
        t->end = p + 1;
    }
    if (t->is_name && call_follows(t->end))
        t->is_name = false;
    return true;
}

bool sql_reads(const char *sql, const char *name)
{
    struct token t;

    for (const char *p = sql; next_token(p, &t); p = t.end) {
        if (t.is_name && strcasecmp(t.name, name) == 0)
            return true;
    }
    return false;
}

static bool bare_is_fine(const char *name)
{
    for (const char *p = name; *p; p++) {
        if (!word_char(*p) || *p == '$')
            return false;
    }
    return *name && !isdigit((unsigned char)*name) && !is_keyword(name);
}

static bool add_name(const char *name, bool quoted, struct buf *out)
{
    if (!quoted && bare_is_fine(name))
        return buf_adds(out, name);
    if (!buf_addc(out, '"'))
        return false;
    for (const char *p = name; *p; p++) {
        if ((*p == '"' && !buf_addc(out, '"')) || !buf_addc(out, *p))
            return false;
    }
    return buf_addc(out, '"');
}

bool sql_rename(const char *sql, const char *from, const char *to, struct buf *out)
{
    struct token t;

    for (const char *p = sql; next_token(p, &t); p = t.end) {
        bool hit = t.is_name && strcasecmp(t.name, from) == 0;

        if (hit ? !add_name(to, t.quoted, out) : !buf_add(out, p, (size_t)(t.end - p)))
            return false;
    }
    return true;
}
