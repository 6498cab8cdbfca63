/* Named queries: what the tables show, which way through them is taken, what is refused. */
#include "store_fixture.h"

#include "store/query.h"

static const char v1[] = "version: v1\n"
                         "types:\n"
                         "  Dog:\n"
                         "    fields:\n"
                         "      name: {type: string, required: true}\n"
                         "      age: {type: integer, default: 1}\n"
                         "      weight: number\n"
                         "      good: boolean\n"
                         "      tags: list<string>\n"
                         "      home: Address\n"
                         "      owner: ref<Person>\n"
                         "      born: date\n"
                         "  Person: {fields: {name: string, \"group\": string, zip: string, twin: "
                         "string, Twin: string}}\n"
                         "  Thing: {fields: {name: string}}\n"
                         "  thing: {fields: {name: string}}\n"
                         "  Many: {fields: {n: integer, half: integer}}\n"
                         "objects:\n"
                         "  Address: {fields: {street: string}}\n";

static void people(void)
{
    fixture_setup();
    add(v1);
    put("v1", "Person", "ann", "{\"name\": \"Ann\", \"group\": \"7\", \"zip\": \"017\"}");
    put("v1", "Person", "7", "{\"name\": \"Seven\", \"zip\": null}");
    put("v1", "Dog", "rex",
        "{\"name\": \"Rex\", \"weight\": 12.30, \"good\": true, \"tags\": [\"a\", \"b\"], "
        "\"home\": "
        "{\"street\": \"S\"}, \"owner\": \"ann\", \"born\": \"2020-02-29\"}");
    put("v1", "Dog", "max",
        "{\"name\": \"M\\\"x\\u00e9\", \"age\": 123456789012345678901234567890, "
        "\"good\": false, \"weight\": 0.5}");
    put("v1", "Dog", "17", "{\"name\": \"Ann\", \"age\": 7}");
}

/* ---- Running ---- */

struct running {
    const struct version *v;
    const char *sql;
    struct buf out;
};

static int take(void *arg, sqlite3_stmt *st, bool row, struct err *e)
{
    struct running *r = arg;
    (void)e;
    for (int i = 0; row && i < sqlite3_column_count(st); i++) {
        const char *text = (const char *)sqlite3_column_text(st, i);
        const char *quote = text && sqlite3_column_type(st, i) == SQLITE_TEXT ? "'" : "";
        ck_assert(buf_printf(&r->out, "%s%s%s%s", i ? "," : "", quote, text ? text : "-", quote));
    }
    ck_assert(!row || buf_addc(&r->out, '\n'));
    return 0;
}

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double stop_at; /* 0 = never; by cpu_now() */

static bool is_stopped(void *arg)
{
    (void)arg;
    return stop_at > 0 && cpu_now() > stop_at;
}

static int run_tx(struct store_tx *tx, void *arg, struct err *e)
{
    const struct verb_caller by = {.interrupted = is_stopped};
    struct running *r = arg;
    struct query query = {.name = "q", .sql = r->sql, .line = 1};
    struct query_db *q;
    if (query_db_new(tx, r->v, &by, &q, e))
        return -1;
    int rc = query_run(q, &query, take, r, e);
    query_db_free(q);
    return rc ? -1 : TX_ROLLBACK;
}

/* The rows, or the error. Static memory, one at a time. */
static const char *run(const char *version, const char *sql)
{
    static char text[65536];
    struct place p = place(version, "Dog");
    struct running r = {.v = p.v, .sql = sql};
    struct err e = ERR_INIT;
    if (store_write(fixture_store, TX_ALONE, run_tx, &r, &e) < 0)
        snprintf(text, sizeof text, "error: %s", e.text);
    else
        snprintf(text, sizeof text, "%s", r.out.n ? buf_str(&r.out) : "");
    buf_free(&r.out);
    catalog_unref(p.cat);
    return text;
}

static const struct {
    const char *sql, *rows;
} answered[] = {
    {"SELECT _key, name FROM Dog", "'rex','Rex'\n'max','M\"xé'\n'17','Ann'\n"},
    {"SELECT * FROM Dog WHERE _key = 'rex'",
     "'rex','Rex',1,'12.30',1,'[\"a\", \"b\"]','{\"street\": \"S\"}','ann','2020-02-29'\n"},
    {"SELECT age, weight, good, tags FROM Dog WHERE _key = 'max'",
     "'123456789012345678901234567890',0.5,0,-\n"},
    {"SELECT name, zip FROM Person ORDER BY _key", "'Seven',-\n'Ann','017'\n"},
    {"SELECT count(*) FROM Dog", "3\n"},
    {"SELECT count(*) FROM Many", "0\n"},
    {"SELECT _key FROM Dog WHERE weight > 3 AND weight = 12.3", "'rex'\n"},
    {"SELECT _key FROM Dog WHERE age < 5", "'rex'\n"},
    {"SELECT p.name FROM Dog d JOIN Person p ON p._key = d.owner", "'Ann'\n"},
    {"SELECT d._key, p._key FROM Dog d JOIN Person p ON p.name = d.name", "'17','ann'\n"},
    /* a number compared with text is compared as a number, whichever way is taken */
    {"SELECT d._key, p._key FROM Dog d JOIN Person p ON p._key = d.age", "'17','7'\n"},
    {"SELECT d._key, p._key FROM Dog d CROSS JOIN Person p ON p.\"group\" = d.age", "'17','ann'\n"},
    {"SELECT d._key, p._key FROM Person p CROSS JOIN Dog d ON d._key = p.zip + 0", "'17','ann'\n"},
    {"SELECT d._key, p._key FROM Person p CROSS JOIN Dog d ON d._key = p.zip", ""},
    {"SELECT p._key, d._key FROM Person p LEFT JOIN Dog d ON d.name = p.name",
     "'ann','17'\n'7',-\n"},
    {"SELECT _key FROM Dog WHERE _key IN ('max', 'nix', '17') ORDER BY 1", "'17'\n'max'\n"},
    {"SELECT _key FROM Dog WHERE name = (SELECT name FROM Person WHERE _key = 'ann')", "'17'\n"},
    {"SELECT (SELECT count(*) FROM Dog e WHERE e.name = d.name) FROM Dog d", "1\n1\n1\n"},
    {"SELECT value FROM Dog, json_each(tags) ORDER BY 1 DESC", "'b'\n'a'\n"},
    {"SELECT home ->> 'street' FROM Dog WHERE home IS NOT NULL", "'S'\n"},
    {"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3) SELECT n FROM c",
     "1\n2\n3\n"},
    {"WITH c AS (SELECT name FROM Dog) SELECT count(*) FROM c", "3\n"},
    {"SELECT count(*) FROM (SELECT DISTINCT name FROM Dog) AS d", "3\n"},
    {"SELECT date(born, '+1 day'), strftime('%Y', born) FROM Dog WHERE born IS NOT NULL",
     "'2020-03-01','2020'\n"},
    {"SELECT DISTINCT good FROM Dog ORDER BY 1 NULLS LAST", "0\n1\n-\n"},
    {"SELECT row_number() OVER (ORDER BY _key), _key FROM Dog", "1,'17'\n2,'max'\n3,'rex'\n"},
    {"SELECT DOG._KEY FROM dog WHERE NAME = 'Rex'", "'rex'\n"},
    {"SELECT 1 -- no line break at the end", "1\n"},
    {"SELECT 'a;b'; ", "'a;b'\n"},
    {"SELECT _key FROM Dog WHERE weight = x'00'", ""},
    {"SELECT group_concat(_key, '|') FROM (SELECT _key FROM Dog ORDER BY _key)", "'17|max|rex'\n"},
};

START_TEST(rows__are_what_the_version_shows)
{
    ck_assert_msg(strcmp(run("v1", answered[_i].sql), answered[_i].rows) == 0, "%s gives\n%s",
                  answered[_i].sql, run("v1", answered[_i].sql));
}
END_TEST

static const struct {
    const char *sql, *said;
} refused[] = {
    {"SELECT _key FROM Dgo", "v1 has no type \"Dgo\"; did you mean \"Dog\"?"},
    {"SELECT d.nmae FROM Dog d", "v1 has no field \"nmae\"; did you mean \"name\"?"},
    {"SELECT xyzzy FROM Dog", "v1 has no field \"xyzzy\""},
    {"SELECT weight FROM Person", "no field \"weight\" in the types that it stands beside"},
    {"SELECT p.weight FROM Person p, Dog d", "no field \"p.weight\" in the types"},
    {"SELECT name FROM sqlite_schema", "\"sqlite_master\" can't be read"},
    {"SELECT name FROM pragma_function_list", "can't be read"},
    {"SELECT count(*) FROM sqlite_schema", "can't be read"},
    {"SELECT count(*) FROM pragma_function_list", "can't be read"},
    {"SELECT random() FROM Dog", "random() may not be called"},
    {"SELECT current_timestamp", "current_timestamp() may not be called"},
    {"SELECT date('now')", "the time of day"},
    {"SELECT datetime(born, 'localtime') FROM Dog WHERE born > ''", "the time of day"},
    {"SELECT load_extension('x')", "load_extension() may not be called"},
    {"SELECT changes()", "changes() may not be called"},
    {"SELECT nosuch(1)", "no such function: nosuch"},
    {"SELECT", "incomplete input"},
    {"SELECT 1; SELECT 2", "more than one statement"},
    {"SELECT ?", "too many SQL variables"},
    {"DELETE FROM Dog", "it is not one SELECT"},
    {"WITH x AS (SELECT 1) DELETE FROM Dog", "it is not one SELECT"},
    {"PRAGMA user_version", "it is not one SELECT"},
    {"ATTACH '/tmp/x' AS x", "it is not one SELECT"},
    {"VACUUM", "it is not one SELECT"},
    {"EXPLAIN SELECT 1", "it is not one SELECT"},
    {"", "it is not one SELECT"},
    {"SELECT name FROM thing", "SQL can't tell \"Thing\""},
    {"SELECT twin FROM Person", "SQL can't tell"},
    {"SELECT name FROM \"~items\"", "no type \"~items\""},
    {"SELECT name FROM \"no such thing\"", "no type \"no such thing\""},
    {"SELECT _key FROM Dog WHERE json_extract(name, '$') = 1", "malformed JSON"},
};

START_TEST(refused__says_why)
{
    const char *said = run("v1", refused[_i].sql);
    ck_assert_msg(strncmp(said, "error: query \"q\": ", 17) == 0 && strstr(said, refused[_i].said),
                  "%s: %s", refused[_i].sql, said);
}
END_TEST

/* ---- At add ---- */

static const struct {
    const char *query, *said; /* NULL: accepted */
} checked[] = {
    {"SELECT _key FROM Dog", NULL},
    {"SELECT d._key, p._key AS owner FROM Dog d JOIN Person p ON p.name = d.name", NULL},
    {"SELECT _key FROM Dog WHERE json_extract(name, '$') = 1", NULL},
    {"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c", NULL},
    {"SELECT nmae FROM Dog",
     "6:8: query \"bad\": v2 has no field \"nmae\"; did you mean \"name\"?"},
    {"SELECT name FROM Dogs", "6:8: query \"bad\": v2 has no type \"Dogs\"; did you mean \"Dog\"?"},
    {"SELECT random()", "6:8: query \"bad\": random() may not be called"},
    {"SELECT date('now')",
     "6:8: query \"bad\": the time of day and the time zone may not be used by "
     "date()"},
    {"WITH x AS (SELECT 1) DELETE FROM Dog", "6:8: query \"bad\": it is not one SELECT"},
};

START_TEST(queries__are_checked_at_add)
{
    struct buf yaml BUF_CLEANUP = BUF_INIT, report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    char said[1024];
    ck_assert(buf_printf(&yaml,
                         "version: v2\nfrom: v1\nmigrate:\n  - add_type: {type: New, fields: {a: "
                         "string}}\nqueries:\n  bad: \"%s\"\n",
                         checked[_i].query));
    int rc = store_add(fixture_store, "v2.yaml", buf_span(&yaml), NULL, &report, &e);
    err_format(&e, said, sizeof said);
    ck_assert_msg((rc == 0) == (checked[_i].said == NULL), "%s: %s", checked[_i].query, said);
    if (rc)
        ck_assert_msg(strstr(said, checked[_i].said) != NULL, "%s: %s", checked[_i].query, said);
}
END_TEST

/* ---- Other versions, many items ---- */

START_TEST(rows__of_items_from_before_the_version)
{
    add("version: v2\nfrom: v1\nmigrate:\n"
        "  - rename_field: {type: Dog, from: name, to: called}\n"
        "  - change_type: {type: Dog, field: age, to: string, up: \"CAST(age AS TEXT)\", down: "
        "\"CAST(age AS INTEGER)\"}\n"
        "  - extract_type: {type: Dog, fields: {called: word}, into: Word, as: word}\n");
    ck_assert_str_eq(run("v2", "SELECT d._key, d.age, w._key, w.word FROM Dog d JOIN Word w ON "
                               "w._key = d.word ORDER BY 1"),
                     "'17','7','Ann','Ann'\n"
                     "'max','123456789012345678901234567890','M\"xé','M\"xé'\n"
                     "'rex',-,'Rex','Rex'\n");
    ck_assert_str_eq(run("v2",
                         "SELECT d._key FROM Word w CROSS JOIN Dog d ON d.word = w.word ORDER "
                         "BY 1"),
                     "'17'\n'max'\n'rex'\n");
}
END_TEST

#define MANY 3000

static int next_many(void *arg, struct span *ret)
{
    static char line[96];
    int *n = arg;
    snprintf(line, sizeof line, "{\"_key\": \"m%d\", \"n\": %d, \"half\": %d}\n", *n, *n, *n / 2);
    *ret = span_of(line);
    return (*n)++ < MANY;
}

START_TEST(join__over_a_field_of_many_items)
{
    struct place p = place("v1", "Many");
    struct err e = ERR_INIT;
    size_t items;
    int n = 0;
    ck_assert_msg(store_import(fixture_store, p.v, p.s, next_many, &n, &items, &e) == 0, "%s",
                  e.text);
    ck_assert_uint_eq(items, MANY);
    catalog_unref(p.cat);
    ck_assert_str_eq(run("v1",
                         "SELECT count(*), sum(a.n = b.half) FROM Many a JOIN Many b ON a.n = "
                         "b.half"),
                     "3000,3000\n");
    ck_assert_str_eq(run("v1", "SELECT count(*) FROM Many a CROSS JOIN Many b ON b.half = a.n"),
                     "3000\n");
    ck_assert_str_eq(run("v1", "SELECT count(*) FROM Many a JOIN Many b ON b._key = 'm' || a.half"),
                     "3000\n");
}
END_TEST

/* ---- Time and memory ---- */

#define LONG_TEXT "(SELECT printf('%.*c', 9000000, 'a') AS x)"
#define LONG_JSON "(SELECT '[' || replace(printf('%.*c', 2000000, 'a'), 'a', '1,') || '1]' AS x)"
#define MANY_ROWS(what)                                                                            \
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000) "            \
    "SELECT " what " FROM c, " LONG_JSON

/* Each would take minutes. */
static const char *const endless[] = {
    "SELECT x LIKE '%' || substr(x, 1, 990) || 'b' FROM " LONG_TEXT,
    "SELECT x GLOB '*' || substr(x, 1, 990) || 'b' FROM " LONG_TEXT,
    "SELECT length(trim(x, printf('%.*c', 100000, 'b') || 'a')) FROM " LONG_TEXT,
    "SELECT count(*) FROM (SELECT instr(x, substr(x, 1, 4500000) || 'b') + n FROM " LONG_TEXT
    ", (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c))",
    MANY_ROWS("sum(length(json_remove(x, '$[' || n || ']')))"),
    MANY_ROWS("sum(json_extract(x, '$[' || n || ']'))"),
    MANY_ROWS("sum(length(json_replace(x, '$[' || n || ']', n)))"),
    MANY_ROWS("sum(x ->> n)"),
    MANY_ROWS("sum(length(upper(x || n)))"),
    MANY_ROWS("sum(length(substr(x || n, 2)))"),
    MANY_ROWS("count(*) + sum(length(x || n))"),
    MANY_ROWS("sum((SELECT count(*) FROM json_each(x)))"),
    MANY_ROWS(
        "length(group_concat(n || printf('%.*c', 10, 'a'), 'b') OVER (ORDER BY n ROWS BETWEEN "
        "50000 PRECEDING AND CURRENT ROW))"),
};

START_TEST(query__stops_when_it_is_told_to)
{
    double start = cpu_now();
    stop_at = start + 0.2;
    const char *said = run("v1", endless[_i]);
    double took = cpu_now() - start;
    stop_at = 0;
    ck_assert_msg(strstr(said, "interrupted"), "%s gives\n%.200s", endless[_i], said);
    ck_assert_msg(took < 2.0, "%s: %.1f s", endless[_i], took);
}
END_TEST

static const struct {
    const char *sql, *said;
} too_large[] = {
    {"SELECT length(replace(printf('%.*c', 2000000, 'a'), 'a', 'nine char'))", "string or blob too big"},
    {"SELECT length(json_array(x, x)) FROM " LONG_TEXT, "too much JSON"},
    {"SELECT length(json_extract(x, '$', '$', '$', '$', '$')) FROM " LONG_JSON, "too much JSON"},
};

START_TEST(query__has_bounds_of_size)
{
    const char *said = run("v1", too_large[_i].sql);
    ck_assert_msg(strstr(said, too_large[_i].said), "%s gives\n%.200s", too_large[_i].sql, said);
}
END_TEST

/* The limit of a whole process, as low here as what is in use lets it be. */
START_TEST(query__that_takes_all_memory_is_refused_and_no_more)
{
    static const char greedy[] =
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10) SELECT "
        "sum(length(j)) FROM (SELECT json_group_array(printf('%.*c', 1000000, 'a')) AS j FROM c)";
    ck_assert_str_eq(run("v1", greedy), "10000031\n");
    sqlite3_int64 usual = sqlite3_hard_heap_limit64(-1);
    ck_assert_int_eq(usual, SQLITE_HEAP_LIMIT);
    sqlite3_hard_heap_limit64(sqlite3_memory_used() + 8 * 1024 * 1024);
    for (int i = 0; i < 20; i++)
        ck_assert_msg(strstr(run("v1", greedy), "memory"), "it gives %s", run("v1", greedy));
    ck_assert_str_eq(run("v1", "SELECT count(*) FROM Dog"), "3\n");
    put("v1", "Dog", "bo", "{\"name\": \"Bo\"}");
    ck_assert_str_eq(run("v1", "SELECT name FROM Dog WHERE _key = 'bo'"), "'Bo'\n");
    sqlite3_hard_heap_limit64(usual);
    ck_assert_str_eq(run("v1", greedy), "10000031\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("query");
    TCase *t = tcase_create("query");
    tcase_add_checked_fixture(t, people, fixture_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, rows__are_what_the_version_shows, 0,
                        sizeof answered / sizeof answered[0]);
    tcase_add_loop_test(t, refused__says_why, 0, sizeof refused / sizeof refused[0]);
    tcase_add_loop_test(t, queries__are_checked_at_add, 0, sizeof checked / sizeof checked[0]);
    tcase_add_test(t, rows__of_items_from_before_the_version);
    tcase_add_test(t, join__over_a_field_of_many_items);
    tcase_add_loop_test(t, query__stops_when_it_is_told_to, 0, sizeof endless / sizeof endless[0]);
    tcase_add_loop_test(t, query__has_bounds_of_size, 0, sizeof too_large / sizeof too_large[0]);
    tcase_add_test(t, query__that_takes_all_memory_is_refused_and_no_more);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int bad = srunner_ntests_failed(runner);
    srunner_free(runner);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
