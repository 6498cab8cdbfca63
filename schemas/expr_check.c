/* Is an expression legal? Our own look at its text, then SQLite's at it as a generated column, then
 * once more the way it will be evaluated. */
#include "expr_impl.h"
#include "json.h"

struct check {
    struct expr_env *env;
    const char *sql;
    const char *const *columns; /* all that there are */
    size_t n_columns;
    uint16_t at[EXPR_COLUMNS_MAX]; /* those that the text may read */
    size_t n;
    struct expr_trouble trouble;
};

/* The expression begins at byte `start` of the statement that was refused. */
static int refuse(const struct check *c, size_t start, struct err *e)
{
    long offset = c->trouble.offset < 0 ? -1 : c->trouble.offset - (long)start;
    return expr_text_error(c->sql, c->trouble.message, offset, c->columns, c->n_columns, e);
}

static int check_legal(struct check *c, struct err *e)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    size_t start;
    if (!expr_text_table(c->sql, c->columns, c->at, c->n, &text, &start))
        return err_nomem(e);
    int r = expr_try(c->env, EXPR_JUDGES, &text, NULL, &c->trouble, e);
    return r > 0 ? refuse(c, start, e) : r;
}

static int check_prepares(struct check *c, struct err *e)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    size_t start;
    if (!expr_text_select(c->sql, c->columns, NULL, c->at, c->n, &text, &start))
        return err_nomem(e);
    int r = expr_try(c->env, EXPR_EVALUATES, &text, NULL, &c->trouble, e);
    return r > 0 ? refuse(c, start, e) : r;
}

static int judge(struct check *c, const char *sql, struct err *e)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    if (!buf_adds(&text, sql))
        return err_nomem(e);
    return expr_try(c->env, EXPR_JUDGES, &text, NULL, &c->trouble, e);
}

/* Finds a 'now' that the text holds; one that only comes with a value is found when it comes. An
 * error of another kind may come from the values being NULL, and is none yet. */
static int check_timeless(struct check *c, struct err *e)
{
    static const char wanted[] = "non-deterministic";
    int r = judge(c, "INSERT INTO \"~t\" DEFAULT VALUES", e);
    if (r == 0)
        r = judge(c, "SELECT \"~result\" FROM \"~t\"", e);
    if (r > 0)
        r = strncmp(c->trouble.message, wanted, sizeof wanted - 1) == 0 ? refuse(c, 0, e) : 0;
    return r;
}

void expr_reads_note(struct expr_reads *reads, const char *column)
{
    for (size_t i = 0; i < reads->n; i++)
        if (strcmp(reads->columns[reads->at[i]], column) == 0)
            reads->used[reads->at[i]] = true;
}

static int check_reads(struct check *c, bool *ret_used, struct err *e)
{
    BUF_CLEANUP struct buf text = BUF_INIT;
    struct expr_reads reads = {c->columns, c->at, c->n, ret_used};
    if (!buf_printf(&text, "SELECT (%s\n) FROM \"~t\" WHERE 0", c->sql))
        return err_nomem(e);
    memset(ret_used, 0, c->n_columns * sizeof *ret_used);
    int r = expr_try(c->env, EXPR_JUDGES, &text, &reads, &c->trouble, e);
    return r > 0 ? refuse(c, strlen("SELECT ("), e) : r;
}

static int check_text(const char *sql, struct err *e)
{
    size_t n = strlen(sql);
    if (n > EXPR_MAX_BYTES)
        return err_set(e, ERR_INVALID, "the expression is longer than %u bytes", EXPR_MAX_BYTES);
    if (!utf8_valid(sql, n))
        return err_set(e, ERR_INVALID, "the expression is not valid UTF-8");
    return expr_scan_check(sql, e);
}

int expr_check(struct expr_env *env, const char *sql, const char *const *columns, size_t n,
               bool *ret_used, struct err *e)
{
    struct check c = {.env = env, .sql = sql, .columns = columns, .n_columns = n};
    struct err ignored = ERR_INIT;
    static const char drop[] = "DROP TABLE IF EXISTS \"~t\"";
    if (check_text(sql, e) || expr_scan_columns(sql, columns, n, c.at, EXPR_COLUMNS_MAX, &c.n, e) ||
        judge(&c, drop, e) < 0 || check_legal(&c, e))
        return -1;
    int r = check_prepares(&c, e);
    if (r == 0)
        r = check_timeless(&c, e);
    if (r == 0)
        r = check_reads(&c, ret_used, e);
    judge(&c, drop, &ignored); /* if memory runs out, the next check does it */
    return r;
}
