/* The control files over a real store, with staged files in memory: what a command may be, the
 * outcomes, the refusals, the status, the README. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/control.h"
#include "fs/human.h"

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

static const char v1_text[] = "version: v1\n"
                              "types:\n"
                              "  Dog:\n"
                              "    fields:\n"
                              "      name: {type: string, required: true}\n"
                              "      breed: string\n";
static const char v2_text[] = "version: v2\n"
                              "from: v1\n"
                              "migrate:\n"
                              "  - change_type: {type: Dog, field: breed, to: integer, up: "
                              "\"CAST(breed AS INTEGER)\", down: \"CAST(breed AS TEXT)\"}\n";

static struct staged {
    const char *name, *ext, *text;
    bool live;
} staged[8];
static char folder[64], path[96];
static struct store *store;
static struct control *control;
static unsigned changes, drafts;

/* ---- The surroundings ---- */

static int get_staged(void *arg, struct span name, const char *ext, struct buf *ret, struct err *e)
{
    (void)arg;
    for (int i = 0; i < ROWS(staged); i++)
        if (staged[i].name && !staged[i].live && span_eq(name, span_of(staged[i].name)) &&
            strcmp(ext, staged[i].ext) == 0)
            return buf_adds(ret, staged[i].text) ? 0 : err_nomem(e);
    return err_set(e, ERR_NOT_FOUND, "not staged");
}

static int get_staged_names(void *arg, struct buf *ret, struct err *e)
{
    (void)arg;
    for (int i = 0; i < ROWS(staged); i++)
        if (staged[i].name && !staged[i].live &&
            (!buf_printf(ret, "%s.%s", staged[i].name, staged[i].ext) || !buf_addc(ret, 0)))
            return err_nomem(e);
    return 0;
}

static void note_versions(void *arg)
{
    (void)arg;
    changes++;
}

static unsigned count_drafts(void *arg)
{
    (void)arg;
    return drafts;
}

static void stage(const char *name, const char *ext, const char *text)
{
    for (int i = 0; i < ROWS(staged); i++)
        if (!staged[i].name ||
            (strcmp(staged[i].name, name) == 0 && strcmp(staged[i].ext, ext) == 0)) {
            staged[i] = (struct staged){name, ext, text, false};
            return;
        }
    ck_abort_msg("no room to stage %s", name);
}

static void setup(void)
{
    const struct store_options o = {.create = true};
    struct control_env env = {.staged = get_staged,
                              .staged_names = get_staged_names,
                              .versions_changed = note_versions,
                              .drafts = count_drafts,
                              .mountpoint = "/mnt/dogs"};
    struct err e = ERR_INIT;

    memset(staged, 0, sizeof(staged));
    changes = drafts = 0;
    snprintf(folder, sizeof(folder), "/tmp/test_control.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/store.db", folder);
    ck_assert_msg(store_open(path, &o, &store, &e) == 0, "%s", e.text);
    env.store = store;
    ck_assert_int_eq(control_new(&env, &control, &e), 0);
}

static void teardown(void)
{
    control_free(control);
    store_close(store);
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static const struct control_file *file(const char *name)
{
    for (size_t i = 0; i < n_control_files; i++)
        if (strcmp(control_files[i].name, name) == 0)
            return &control_files[i];
    ck_abort_msg("there is no control/%s", name);
    return NULL;
}

static const char *get(const char *name)
{
    static char text[65536];
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    if (file(name)->wait)
        ck_assert_msg(file(name)->wait(control, NULL, &e) == 0, "%s", e.text);
    ck_assert_msg(file(name)->read(control, file(name), &b, &e) == 0, "%s", e.text);
    ck_assert_uint_lt(b.n, sizeof(text));
    snprintf(text, sizeof(text), "%.*s", (int)b.n, b.p ? b.p : "");
    return text;
}

static int put_bytes(const char *name, const char *p, size_t n, struct err *e)
{
    const struct verb_caller by = {.uid = 7, .pid = 8};

    return file(name)->write(control, file(name), (struct span){p, n}, &by, e);
}

static enum err_code put(const char *name, const char *command)
{
    struct err e = ERR_INIT;

    put_bytes(name, command, strlen(command), &e);
    return e.code;
}

static void must(const char *name, const char *command)
{
    ck_assert_msg(put(name, command) == ERR_NONE, "control/%s refused %s: %s", name, command,
                  get(name));
}

static void add_dogs(void)
{
    stage("v1", "yaml", v1_text);
    must("add", "v1\n");
    staged[0].live = true;
}

static void put_dog(const char *key, const char *text)
{
    struct catalog *cat = store_catalog(store);
    const struct version *v = catalog_version(cat, span_of("v1"));
    const struct store_put p = {.key = span_of(key), .text = span_of(text)};
    struct err e = ERR_INIT;

    ck_assert_ptr_nonnull(v);
    ck_assert_msg(store_put(store, v, version_shape_named(v, span_of("Dog")), &p, NULL, &e) == 0,
                  "%s", e.text);
    catalog_unref(cat);
}

static void add_v2(void)
{
    stage("v2", "yaml", v2_text);
    must("add", "v2\n");
    staged[1].live = true;
}

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        const char *text_ = (text);                                                                \
        ck_assert_msg(strstr(text_, (part)) != NULL, "no \"%s\" in: %s", (part), text_);           \
    } while (0)

/* ---- What a command may be ---- */

static const struct {
    const char *name, *file, *bytes;
    size_t n;
    enum err_code code;
    const char *outcome;
} command_rows[] = {
    {"empty", "finalize", "", 0, ERR_INVALID, "error: an empty command"},
    {"newline", "finalize", "\n", 1, ERR_INVALID, "error: an empty command"},
    {"nul", "finalize", "v1\0", 3, ERR_INVALID, "error: the command holds a NUL byte\n"},
    {"cr_lf", "finalize", "v1\r\n", 4, ERR_INVALID,
     "error: the line ends with CR LF: end it with LF alone\n"},
    {"cr", "finalize", "v1\r", 3, ERR_INVALID, "error: the line ends with CR LF"},
    {"two_lines", "finalize", "v1\nv1\n", 6, ERR_INVALID, "error: more than one line"},
    {"two_newlines", "finalize", "v1\n\n", 4, ERR_INVALID, "error: more than one line"},
    {"two_words", "finalize", "v2 v1\n", 6, ERR_INVALID,
     "error: 1:3: \"v2 v1\" is more than one word"},
    {"unknown", "finalize", "v9\n", 3, ERR_NOT_FOUND, "error: there is no version \"v9\""},
    {"path", "add", "../v2\n", 6, ERR_INVALID, "error: \"../v2\" is a path"},
    {"not_staged", "add", "v9\n", 3, ERR_NOT_FOUND, "error: there is no schemas/v9.yaml"},
    {"negative", "backfill_rate", "-5\n", 3, ERR_INVALID, "error: \"-5\" is no number"},
    {"word", "backfill_rate", "fast\n", 5, ERR_INVALID, "error: \"fast\" is no number"},
    {"huge", "backfill_rate", "99999999999999999999\n", 21, ERR_INVALID, "error: \"9999"},
    {"nothing_paused", "backfill", "pause\n", 6, ERR_INVALID, "error: no backfill is running"},
    {"cut_json", "backfill", "{\"version\": \"v1\",\n", 18, ERR_INVALID, "error: "},
    {"json_elsewhere", "add", "{\"a\":\n1}", 8, ERR_INVALID, "error: more than one line"},
};

START_TEST(command__bad_ones_are_refused_with_a_text)
{
    struct err e = ERR_INIT;

    add_dogs();
    ck_assert_int_eq(
        put_bytes(command_rows[_i].file, command_rows[_i].bytes, command_rows[_i].n, &e), -1);
    ck_assert_msg(e.code == command_rows[_i].code, "%s: code %d", command_rows[_i].name, e.code);
    ck_assert_msg(strncmp(get(command_rows[_i].file), command_rows[_i].outcome,
                          strlen(command_rows[_i].outcome)) == 0,
                  "%s: %s", command_rows[_i].name, get(command_rows[_i].file));
    ck_assert_uint_eq(changes, 1);
}
END_TEST

START_TEST(command__over_64_kib_is_too_big)
{
    static char large[CONTROL_MAX_COMMAND + 2];
    struct err e = ERR_INIT;

    memset(large, 'v', sizeof(large));
    ck_assert_int_eq(put_bytes("finalize", large, CONTROL_MAX_COMMAND + 1, &e), -1);
    ck_assert_int_eq(e.code, ERR_TOO_BIG);
    large[0] = '{';
    err_clear(&e);
    ck_assert_int_eq(put_bytes("backfill", large, CONTROL_MAX_COMMAND + 1, &e), -1);
    ck_assert_int_eq(e.code, ERR_TOO_BIG);
    assert_has(get("backfill"), "stage it as schemas/NAME.json");
    err_clear(&e);
    ck_assert_int_eq(put_bytes("finalize", large, CONTROL_MAX_COMMAND, &e), -1);
    ck_assert_int_eq(e.code, ERR_NOT_FOUND);
}
END_TEST

START_TEST(command__names_with_and_without_newline_and_extension)
{
    stage("v1", "yaml", v1_text);
    must("check", "v1");
    must("check", "v1.yaml\n");
    ck_assert_uint_eq(changes, 0);
    must("add", "v1.yaml");
    ck_assert_str_eq(get("add"), "ok v1 is live\n");
    ck_assert_uint_eq(changes, 1);
}
END_TEST

START_TEST(outcome__says_what_to_write_before_the_first_command)
{
    assert_has(get("add"), "# no command yet: \"v2\" makes");
    ck_assert_str_eq(get("backfill_rate"), "ok 0: unlimited\n");
}
END_TEST

START_TEST(outcome__of_a_schema_error_shows_line_and_caret)
{
    add_dogs();
    stage("v2", "yaml", "version: v2\nfrom: v1\nmigrate:\n  - renam_field: {type: Dog}\n");
    ck_assert_int_eq(put("add", "v2\n"), ERR_INVALID);
    ck_assert_str_eq(get("add"),
                     "error: v2.yaml:4:5: \"renam_field\" is not a step; the nearest is "
                     "\"rename_field\"\n"
                     "    - renam_field: {type: Dog}\n"
                     "      ^\n");
}
END_TEST

START_TEST(outcome__each_file_keeps_its_own)
{
    add_dogs();
    ck_assert_int_eq(put("revert", "v1\n"), ERR_BUSY);
    ck_assert_str_eq(get("add"), "ok v1 is live\n");
    assert_has(get("revert"), "error: v1 is the oldest version");
}
END_TEST

START_TEST(add__of_what_is_live_already_is_ok)
{
    add_dogs();
    must("add", "v1\n");
    ck_assert_str_eq(get("add"), "ok v1 is live already\n");
}
END_TEST

START_TEST(add__names_the_staged_file_that_was_meant)
{
    stage("dogs-2", "yaml", v1_text);
    ck_assert_int_eq(put("add", "dogs-3\n"), ERR_NOT_FOUND);
    assert_has(get("add"), "did you mean \"dogs-2\"?");
}
END_TEST

START_TEST(check__reports_steps_and_changes_nothing)
{
    add_dogs();
    stage("v2", "yaml", v2_text);
    must("check", "v2\n");
    ck_assert_int_eq(strncmp(get("check"), "ok v2 from v1: 1 step", 21), 0);
    assert_has(get("check"), "v2.yaml:4:5: change_type: ");
    assert_has(get("status.json"), "\"staged\": [\"v2\"]");
}
END_TEST

START_TEST(finalize__of_a_staged_version_says_to_add_it)
{
    add_dogs();
    stage("v2", "yaml", v2_text);
    ck_assert_int_eq(put("finalize", "v2\n"), ERR_NOT_FOUND);
    assert_has(get("finalize"), "v2 is staged, write its name to control/add first");
}
END_TEST

/* ---- backfill ---- */

START_TEST(backfill__a_version_runs_to_its_end)
{
    add_dogs();
    put_dog("rex", "{\"name\": \"Rex\", \"breed\": \"12\"}");
    add_v2();
    assert_has(get("status"), "live, to be backfilled, default");
    assert_has(get("status"), "echo v2 > control/backfill");
    ck_assert_int_eq(put("finalize", "v2\n"), ERR_BUSY);
    must("backfill", "v2\n");
    ck_assert_str_eq(get("wait"), "ok no backfill is running\n");
    assert_has(get("status"), "backfilled, default");
    assert_has(get("status.json"), "\"backfill\": {\"state\": \"done\", \"done\": 1, \"total\": 1");
    must("finalize", "v2\n");
    ck_assert_uint_eq(changes, 3);
}
END_TEST

START_TEST(backfill__the_rate_is_told)
{
    must("backfill_rate", "300\n");
    ck_assert_str_eq(get("backfill_rate"), "ok 300 items a second\n");
    assert_has(get("status"), "backfill rate: at most 300 items a second");
    must("backfill_rate", "0");
    ck_assert_str_eq(get("backfill_rate"), "ok 0: unlimited\n");
}
END_TEST

static const char insert_rex[] =
    " \n{\"version\": \"v1\",\n \"actions\": [{\"operation\": \"INSERT\", \"target\": \"Dog\",\n"
    "  \"source\": [{\"_key\": \"rex\", \"name\": \"Rex\"}]}]}\n";

START_TEST(backfill__a_transaction_may_span_lines)
{
    add_dogs();
    must("backfill", insert_rex);
    assert_has(get("status.json"), "\"items\": 1");
}
END_TEST

START_TEST(backfill__a_staged_transaction_is_named)
{
    add_dogs();
    stage("load", "json", insert_rex);
    must("backfill", "load\n");
    assert_has(get("status.json"), "\"items\": 1");
    /* What a transaction is staged as is no version to come. */
    assert_has(get("status.json"), "\"staged\": []");
    ck_assert_int_eq(put("backfill", "load.json\n"), ERR_EXISTS);
    assert_has(get("backfill"), "load.json");
}
END_TEST

START_TEST(backfill__versions_win_over_staged_transactions)
{
    add_dogs();
    stage("v1", "json", insert_rex);
    must("backfill", "v1\n");
    assert_has(get("backfill"), "nothing to do");
    assert_has(get("status.json"), "\"items\": 0");
}
END_TEST

/* ---- Refusals ---- */

START_TEST(errors__keep_place_field_expected_line_and_caret)
{
    struct err e = ERR_INIT;

    ck_assert_str_eq(get("errors"), "");
    err_at(&e, ERR_INVALID, 1, 2, "unknown field \"nme\"");
    err_field(&e, "nme");
    err_expected(&e, "name");
    err_excerpt(&e, "{\"nme\": 1}\n", 11);
    control_error_add(control, "v1/Dog/a\nb.json", &e);
    assert_has(get("errors"), "Z] v1/Dog/a\\x0ab.json:1:2: error: unknown field \"nme\"\n"
                              "  at: nme\n"
                              "  expected: name\n"
                              "  {\"nme\": 1}\n"
                              "   ^\n");
    assert_has(get("status"), "v1/Dog/a\\x0ab.json:1:2: unknown field \"nme\"");
    assert_has(get("status.json"), "\"last_error\": \"v1/Dog/a\\\\x0ab.json:1:2: unknown field");
    must("errors", "\n");
    ck_assert_str_eq(get("errors"), "");
    assert_has(get("status.json"), "\"last_error\": null");
}
END_TEST

START_TEST(errors__the_last_200_stay)
{
    unsigned lines = 0;

    for (unsigned i = 0; i < 250; i++) {
        struct err e = ERR_INIT;

        err_set(&e, ERR_INVALID, "number %u.", i);
        control_error_add(control, "v1/Dog/rex.json", &e);
    }
    for (const char *p = get("errors"); *p; p++)
        lines += *p == '\n';
    ck_assert_uint_eq(lines, 200);
    assert_has(get("errors"), "number 50.");
    assert_has(get("errors"), "number 249.");
    ck_assert_ptr_null(strstr(get("errors"), "number 49."));
}
END_TEST

/* ---- Status and README ---- */

START_TEST(status_json__of_an_empty_store)
{
    ck_assert_str_eq(get("status.json"),
                     "{\"default\": null, \"staged\": [], \"last_error\": null, "
                     "\"trouble\": null, \"mounted\": null, \"drafts\": 0, \"backfill_rate\": 0,\n"
                     " \"under_way\": [],\n"
                     " \"versions\": []}\n");
}
END_TEST

START_TEST(status__table_lists_live_and_staged)
{
    add_dogs();
    put_dog("rex", "{\"name\": \"Rex\"}");
    stage("v2", "yaml", v2_text);
    drafts = 3;
    ck_assert_str_eq(get("status"),
                     "VERSION  STATE          ITEMS  RATE  TIME LEFT\n"
                     "v1       live, default      1\n"
                     "v2       staged\n"
                     "\n"
                     "drafts: 3\n"
                     "last error: none\n"
                     "\n"
                     "next:\n"
                     "  echo v2 > control/check              # what each of its steps does (cat "
                     "control/check)\n"
                     "  echo v2 > control/add                # makes it a live version\n");
}
END_TEST

static const char *readme(void)
{
    static char text[16384];
    struct buf b BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    ck_assert_int_eq(control_readme(control, &b, &e), 0);
    snprintf(text, sizeof(text), "%.*s", (int)b.n, b.p);
    return text;
}

START_TEST(readme__is_written_for_the_present_state)
{
    assert_has(readme(), "It has no version yet.");
    add_dogs();
    assert_has(readme(), "  v1           Dog  (current)\n");
    assert_has(readme(), "echo '{\"name\": \"text\"}' > v1/Dog/example.json");
    assert_has(readme(), "cat > schemas/v2.yaml");
    assert_has(readme(), "- add_field: {type: Dog, field: note, as: string}");
    put_dog("rex", "{\"name\": \"Rex\"}");
    add_v2();
    assert_has(readme(), "echo v2 > control/backfill");
}
END_TEST

START_TEST(log__keeps_every_verb_with_its_caller)
{
    add_dogs();
    put("finalize", "v9\n");
    assert_has(get("log"), "\"uid\": 7, \"pid\": 8, \"verb\": \"add\", \"argument\": \"v1.yaml\", "
                           "\"result\": \"ok v1 is live\"}");
    assert_has(get("log"), "\"verb\": \"finalize\", \"argument\": \"v9\", \"result\": \"error: ");
}
END_TEST

/* ---- Figures ---- */

static const struct {
    double seconds;
    const char *text;
} duration_rows[] = {
    {0, "0.0 s"},        {0.44, "0.4 s"},     {9.96, "10 s"},
    {59.4, "59 s"},      {59.6, "1 min 0 s"}, {200, "3 min 20 s"},
    {7500, "2 h 5 min"}, {370800, "4 d 7 h"}, {-1, "0.0 s"},
};

START_TEST(human__durations)
{
    char text[HUMAN_SIZE];

    ck_assert_str_eq(human_duration(duration_rows[_i].seconds, text), duration_rows[_i].text);
}
END_TEST

START_TEST(human__counts_and_percent)
{
    char text[HUMAN_SIZE];

    ck_assert_str_eq(human_count(0, text), "0");
    ck_assert_str_eq(human_count(999, text), "999");
    ck_assert_str_eq(human_count(1000, text), "1,000");
    ck_assert_str_eq(human_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
    ck_assert_uint_eq(human_percent(999, 1000), 99);
    ck_assert_uint_eq(human_percent(0, 0), 0);
    ck_assert_uint_eq(human_percent(1000, 1000), 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("control");
    TCase *tc = tcase_create("control");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 30);
    tcase_add_loop_test(tc, command__bad_ones_are_refused_with_a_text, 0, ROWS(command_rows));
    tcase_add_test(tc, command__over_64_kib_is_too_big);
    tcase_add_test(tc, command__names_with_and_without_newline_and_extension);
    tcase_add_test(tc, outcome__says_what_to_write_before_the_first_command);
    tcase_add_test(tc, outcome__of_a_schema_error_shows_line_and_caret);
    tcase_add_test(tc, outcome__each_file_keeps_its_own);
    tcase_add_test(tc, add__of_what_is_live_already_is_ok);
    tcase_add_test(tc, add__names_the_staged_file_that_was_meant);
    tcase_add_test(tc, check__reports_steps_and_changes_nothing);
    tcase_add_test(tc, finalize__of_a_staged_version_says_to_add_it);
    tcase_add_test(tc, backfill__a_version_runs_to_its_end);
    tcase_add_test(tc, backfill__the_rate_is_told);
    tcase_add_test(tc, backfill__a_transaction_may_span_lines);
    tcase_add_test(tc, backfill__a_staged_transaction_is_named);
    tcase_add_test(tc, backfill__versions_win_over_staged_transactions);
    tcase_add_test(tc, errors__keep_place_field_expected_line_and_caret);
    tcase_add_test(tc, errors__the_last_200_stay);
    tcase_add_test(tc, status_json__of_an_empty_store);
    tcase_add_test(tc, status__table_lists_live_and_staged);
    tcase_add_test(tc, readme__is_written_for_the_present_state);
    tcase_add_test(tc, log__keeps_every_verb_with_its_caller);
    tcase_add_loop_test(tc, human__durations, 0, ROWS(duration_rows));
    tcase_add_test(tc, human__counts_and_percent);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
