/* The store through store.h, on files in a temporary folder. */
#include "store_rig.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct rig r;

static void setup(void)
{
    rig_init(&r);
}
static void teardown(void)
{
    rig_free(&r);
}

static const char dogs[] = "version: v1\n"
                           "types:\n"
                           "  Person: {fields: {email: {type: string, unique: true}}}\n"
                           "  Dog:\n"
                           "    fields:\n"
                           "      name: string\n"
                           "      breed: string\n"
                           "      owner: {type: ref<Person>, on_delete: restrict}\n"
                           "      vet: {type: ref<Person>, on_delete: unset}\n"
                           "      mother: {type: ref<Dog>, on_delete: cascade}\n"
                           "      friends: list<ref<Dog>>\n";
static const char breeds[] = "version: v2\nfrom: v1\nmigrate:\n"
                             "  - extract_type: {type: Dog, fields: {breed: name}, into: Breed, "
                             "as: breed}\n";

/* ---- Files ---- */

START_TEST(open__second_is_refused_with_the_pid)
{
    struct store *s = NULL;
    struct err e = ERR_INIT;
    struct store_options o = {.no_jobs = true};
    char pid[32];

    ck_assert_int_eq(store_open(r.path, &o, &s, &e), -1);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    ck_assert_int_eq(e.code, ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(e.text, pid));
}
END_TEST

static void write_file(const char *path, const char *text, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
    close(fd);
}

static void assert_open_refused(const char *path, enum err_code code, const char *text)
{
    struct store *s = NULL;
    struct err e = ERR_INIT;
    struct store_options o = {.no_jobs = true, .create = true};

    ck_assert_int_eq(store_open(path, &o, &s, &e), -1);
    ck_assert_msg(e.code == code && strstr(e.text, text), "%d %s", e.code, e.text);
}

START_TEST(open__foreign_files_are_refused_and_left)
{
    char path[128], other[160];
    struct stat before, after;
    sqlite3 *db;

    snprintf(path, sizeof path, "%s/x", r.dir);
    write_file(path, "hello, world\n", 13);
    assert_open_refused(path, ERR_INVALID, "not a schemafs store");
    unlink(path);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "CREATE TABLE t (a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    stat(path, &before);
    assert_open_refused(path, ERR_INVALID, "another program");
    stat(path, &after);
    ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    snprintf(other, sizeof other, "%s/y", r.dir);
    ck_assert_int_eq(symlink(path, other), 0);
    assert_open_refused(other, ERR_INVALID, "symbolic link");
    unlink(other);
    ck_assert_int_eq(link(r.path, other), 0);
    store_close(r.s);
    r.s = NULL;
    assert_open_refused(r.path, ERR_INVALID, "more than one name");
    unlink(other);
    snprintf(other, sizeof other, "%s/none/y", r.dir);
    assert_open_refused(other, ERR_NOT_FOUND, "there is no");
}
END_TEST

START_TEST(open__other_tables_and_formats_are_refused)
{
    sqlite3 *db;

    store_close(r.s);
    r.s = NULL;
    ck_assert_int_eq(sqlite3_open(r.path, &db), SQLITE_OK);
    sqlite3_exec(db, "CREATE TRIGGER t AFTER INSERT ON item BEGIN DELETE FROM item; END", NULL,
                 NULL, NULL);
    sqlite3_close(db);
    assert_open_refused(r.path, ERR_INVALID, "not a store's");
    ck_assert_int_eq(sqlite3_open(r.path, &db), SQLITE_OK);
    sqlite3_exec(db, "DROP TRIGGER t; PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_open_refused(r.path, ERR_INVALID, "a newer schemafs");
}
END_TEST

START_TEST(open__items_versions_and_numbers_survive)
{
    uint64_t number;

    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Rex\"}"));
    number = rig_number(&r, "v1", "Dog", "rex");
    rig_reopen(&r, NULL);
    ck_assert_str_eq(rig_get(&r, "v1", "Dog", "rex"), "{\"name\": \"Rex\"}");
    ck_assert_int_eq(rig_count(&r, "v1", "Dog"), 1);
    ck_assert_uint_eq(rig_number(&r, "v1", "Dog", "rex"), number);
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    rig_reopen(&r, NULL);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Rex\"}"));
    ck_assert_uint_gt(rig_number(&r, "v1", "Dog", "rex"), number);
}
END_TEST

START_TEST(open__read_only_writes_nothing)
{
    struct store_options o = {.read_only = true, .no_jobs = true};

    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"Lab\"}"));
    rig_add(&r, breeds);
    rig_reopen(&r, &o);
    ASSERT_REFUSED(rig_put(&r, "v1", "Dog", "rex", "{}"), ERR_READ_ONLY, "read-only");
    ck_assert_str_eq(rig_get(&r, "v1", "Dog", "rex"), "{\"name\": \"Rex\", \"breed\": \"Lab\"}");
    ck_assert_str_eq(rig_keys(&r, "v2", "Breed"), "Lab"); /* deriving changes no text */
}
END_TEST

/* ---- Items ---- */

START_TEST(put__create_replace_merge)
{
    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Person", "ann", "{\"email\": \"a@x\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Rex\", \"owner\": \"ann\"}\n"));
    ck_assert_str_eq(rig_get(&r, "v1", "Dog", "rex"), "{\"name\": \"Rex\", \"owner\": \"ann\"}\n");
    ASSERT_LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"name\": \"Rex\", \"owner\": \"ann\"}");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - rename_field: {type: Dog, from: name, to: call_name}\n"
                "  - add_field: {type: Dog, field: age, as: integer}\n");
    ASSERT_OK(rig_put(&r, "v2", "Dog", "rex", "{\"call_name\": \"Max\", \"age\": 3}"));
    ASSERT_LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"name\": \"Max\"}");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Tim\"}"));
    ASSERT_LINE("v2", "Dog", "rex", "{\"_key\": \"rex\", \"call_name\": \"Tim\", \"age\": 3}");
    ck_assert_str_eq(rig_get(&r, "v1", "Dog", "nobody"), "(none)");
}
END_TEST

START_TEST(put__refusals)
{
    const struct version *v;
    struct store_put put = {.key = span_of("rex"), .text = span_of("{}"), .exclusive = true};

    rig_add(&r, dogs);
    ASSERT_REFUSED(rig_put(&r, "v1", "Dog", "rex", "{\"nme\": 1}"), ERR_INVALID, "nme");
    ASSERT_REFUSED(rig_put(&r, "v1", "Dog", "rex", "{\"owner\": \"ann\"}"), ERR_INVALID,
                   "no Person \"ann\"");
    ASSERT_REFUSED(rig_put(&r, "v1", "Dog", ".rex", "{}"), ERR_INVALID, "");
    ASSERT_REFUSED(rig_put(&r, "v1", "Dog", "a/b", "{}"), ERR_INVALID, "");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{}"));
    v = rig_version(&r, "v1");
    ASSERT_REFUSED(store_put(r.s, v, rig_type(v, "Dog"), &put, NULL, &r.err), ERR_EXISTS,
                   "already");
    put.exclusive = false;
    put.number = 999;
    err_clear(&r.err);
    ASSERT_REFUSED(store_put(r.s, v, rig_type(v, "Dog"), &put, NULL, &r.err), ERR_NOT_FOUND,
                   "gone");
    rig_state(&r, "v1", VERSION_DORMANT);
    put.number = 0;
    err_clear(&r.err);
    ASSERT_REFUSED(store_put(r.s, v, rig_type(v, "Dog"), &put, NULL, &r.err), ERR_STALE, "v1");
}
END_TEST

static struct store_base *base_of(const char *version, const char *type, const char *key)
{
    const struct version *v = rig_version(&r, version);
    struct catalog *c = store_catalog(r.s);
    struct store_base *b = NULL;

    ASSERT_OK(store_base_get(r.s, c, v, rig_type(v, type), rig_number(&r, version, type, key), &b, NULL,
                             &r.err));
    catalog_unref(c);
    return b;
}

static int put_base(const char *version, const char *key, const struct store_base *b,
                    const char *text, bool strict)
{
    const struct version *v = rig_version(&r, version);
    struct store_put put = {.number = rig_number(&r, version, "Dog", key),
                            .base = b,
                            .text = span_of(text),
                            .strict = strict};
    err_clear(&r.err);
    return store_put(r.s, v, rig_type(v, "Dog"), &put, NULL, &r.err);
}

START_TEST(put__two_writers_of_different_fields_both_keep_theirs)
{
    struct store_base *b;

    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Rex\", \"breed\": \"Lab\"}"));
    b = base_of("v1", "Dog", "rex");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Max\", \"breed\": \"Lab\"}"));
    ASSERT_OK(put_base("v1", "rex", b, "{\"name\": \"Rex\", \"breed\": \"Pug\"}", true));
    ASSERT_LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"name\": \"Max\", \"breed\": \"Pug\"}");
    ASSERT_REFUSED(put_base("v1", "rex", b, "{\"name\": \"Rex\", \"breed\": \"Dane\"}", true),
                   ERR_STALE, "Dog.breed");
    ASSERT_OK(put_base("v1", "rex", b, "{\"name\": \"Rex\", \"breed\": \"Dane\"}", false));
    ASSERT_LINE("v1", "Dog", "rex", "{\"_key\": \"rex\", \"name\": \"Max\", \"breed\": \"Dane\"}");
    store_base_free(b);
}
END_TEST

START_TEST(put__replaces_a_removed_item_when_told)
{
    const struct version *v;
    struct store_put put = {.key = span_of("rex"), .text = span_of("{}"), .replace = true};
    struct item_stat stat;

    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"Rex\"}"));
    put.number = rig_number(&r, "v1", "Dog", "rex");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    v = rig_version(&r, "v1");
    ASSERT_OK(store_put(r.s, v, rig_type(v, "Dog"), &put, &stat, &r.err));
    ck_assert_uint_gt(stat.number, put.number);
    ck_assert_uint_eq(stat.size_bytes, 2);
}
END_TEST

START_TEST(put__an_item_may_refer_to_itself)
{
    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"mother\": \"rex\"}"));
    ASSERT_SQL("SELECT count(*) FROM ref WHERE target = holder", 1);
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    ASSERT_SQL("SELECT count(*) FROM ref", 0);
}
END_TEST

START_TEST(append__all_or_nothing_with_the_line)
{
    rig_add(&r, dogs);
    ASSERT_OK(rig_append(&r, "v1", "Dog",
                         "{\"_key\": \"a\", \"name\": \"A\"}\n"
                         "{\"name\": \"B\", \"_key\": \"b\"}\n\n"
                         "{\"_key\": \"\\u0063\", \"mother\": \"a\"}\n"));
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "a b c");
    ASSERT_LINE("v1", "Dog", "c", "{\"_key\": \"c\", \"mother\": \"a\"}");
    ASSERT_REFUSED(
        rig_append(&r, "v1", "Dog", "{\"_key\": \"d\"}\n{\"_key\": \"e\", \"name\": 1}\n"),
        ERR_INVALID, "Dog.name");
    ck_assert_uint_eq(r.err.line, 2);
    ASSERT_REFUSED(rig_append(&r, "v1", "Dog", "{\"name\": \"x\"}\n"), ERR_INVALID, "_key");
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "a b c");
    ck_assert_int_eq(rig_count(&r, "v1", "Dog"), 3);
}
END_TEST

static int list_some(void *arg, struct span key, const struct item_stat *stat, struct span text)
{
    uint64_t *last = arg;

    (void)key;
    (void)text;
    *last = stat->number;
    return 1;
}

START_TEST(list__goes_on_after_a_number)
{
    const struct version *v;
    struct catalog *c;
    uint64_t last = 0;
    char key[16];

    rig_add(&r, dogs);
    for (int i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "k%d", i);
        ASSERT_OK(rig_put(&r, "v1", "Dog", key, "{}"));
    }
    c = store_catalog(r.s);
    v = rig_version(&r, "v1");
    for (int i = 0; i < 5; i++) {
        uint64_t before = last;
        ASSERT_OK(
            store_list(r.s, c, v, rig_type(v, "Dog"), last, LIST_STAT, list_some, &last, &r.err));
        ck_assert_uint_gt(last, before);
    }
    catalog_unref(c);
}
END_TEST

START_TEST(attr__kept_for_each_version)
{
    const struct version *v1, *v2;
    struct item_stat a = {.mode = 0640, .uid = 7, .gid = 8, .mtime_ns = 5}, got = {0};
    struct catalog *c;
    uint64_t n;

    rig_add(&r, dogs);
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - rename_type: {from: Dog, to: Hound}\n");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{}"));
    v1 = rig_version(&r, "v1");
    v2 = rig_version(&r, "v2");
    n = rig_number(&r, "v1", "Dog", "rex");
    ASSERT_OK(store_set_attr(r.s, v1, rig_type(v1, "Dog"), n, ATTR_MODE | ATTR_MTIME, &a, &r.err));
    ASSERT_OK(store_set_attr(r.s, v1, rig_type(v1, "Dog"), n, ATTR_OWNER, &a, &r.err));
    c = store_catalog(r.s);
    ASSERT_OK(store_read(r.s, c, v1, rig_type(v1, "Dog"), n, &got, NULL, &r.err));
    ck_assert(got.has_mode && got.has_owner && got.mode == 0640 && got.uid == 7 && got.gid == 8);
    ck_assert_int_eq(got.mtime_ns, 5);
    ASSERT_OK(store_read(r.s, c, v2, rig_type(v2, "Hound"), n, &got, NULL, &r.err));
    ck_assert(!got.has_mode && !got.has_owner && got.mtime_ns == 5);
    catalog_unref(c);
    ASSERT_OK(store_set_attr(r.s, v1, rig_type(v1, "Dog"), 0, ATTR_MODE, &a, &r.err));
    ASSERT_OK(store_dir_attr(r.s, v1, rig_type(v1, "Dog"), &got, &r.err));
    ck_assert(got.has_mode && got.mode == 0640);
    ASSERT_OK(store_dir_attr(r.s, v1, NULL, &got, &r.err));
    ck_assert(!got.has_mode);
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex")); /* its revision stays, and is as private as it was */
    ASSERT_SQL("SELECT count(*) FROM attr WHERE number > 0", 1);
}
END_TEST

/* ---- References ---- */

START_TEST(rename__references_follow)
{
    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Person", "ann", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"owner\":\"ann\"}"));
    rig_changes(&r);
    ASSERT_OK(rig_rename(&r, "v1", "Person", "ann", "anna"));
    rig_changes(&r);
    ck_assert_ptr_nonnull(strstr(r.text.p, "REMOVED ann, ADDED anna"));
    ck_assert_ptr_nonnull(strstr(r.text.p, "ITEM 2"));
    ck_assert_str_eq(rig_get(&r, "v1", "Dog", "rex"), "{\n  \"owner\": \"anna\"\n}\n");
    ck_assert_str_eq(rig_get(&r, "v1", "Person", "ann"), "(none)");
    ASSERT_REFUSED(rig_rename(&r, "v1", "Person", "anna", "a/b"), ERR_INVALID, "");
    ASSERT_REFUSED(rig_rename(&r, "v1", "Person", "ann", "x"), ERR_NOT_FOUND, "ann");
}
END_TEST

START_TEST(rename__onto_another_takes_over_its_references)
{
    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "a", "{\"name\": \"A\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "b", "{\"name\": \"B\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "c", "{\"mother\": \"b\", \"friends\": [\"a\", \"b\"]}"));
    ASSERT_OK(rig_rename(&r, "v1", "Dog", "a", "b"));
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "b c");
    ASSERT_LINE("v1", "Dog", "b", "{\"_key\": \"b\", \"name\": \"A\"}");
    ASSERT_LINE("v1", "Dog", "c",
                "{\"_key\": \"c\", \"mother\": \"b\", \"friends\": [\"b\", \"b\"]}");
    ck_assert_int_eq(rig_count(&r, "v1", "Dog"), 2);
    ASSERT_SQL("SELECT count(*) FROM ref WHERE target NOT IN (SELECT id FROM item)", 0);
}
END_TEST

START_TEST(delete__restrict_unset_cascade)
{
    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Person", "ann", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Person", "bob", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "a", "{\"owner\": \"ann\", \"vet\": \"bob\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "b", "{\"mother\": \"a\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Dog", "c", "{\"mother\": \"b\"}"));
    ASSERT_REFUSED(rig_delete(&r, "v1", "Person", "ann"), ERR_BUSY, "Dog.owner of \"a\"");
    ASSERT_OK(rig_delete(&r, "v1", "Person", "bob"));
    ASSERT_LINE("v1", "Dog", "a", "{\"_key\": \"a\", \"owner\": \"ann\"}");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "d", "{\"friends\": [\"c\"]}"));
    ASSERT_REFUSED(rig_delete(&r, "v1", "Dog", "a"), ERR_BUSY, "Dog.friends of \"d\"");
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "a b c d");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "d"));
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "a"));
    ck_assert_str_eq(rig_keys(&r, "v1", "Dog"), "");
    ck_assert_int_eq(rig_count(&r, "v1", "Dog"), 0);
    ASSERT_OK(rig_delete(&r, "v1", "Person", "ann"));
    ASSERT_SQL("SELECT count(*) FROM ref", 0);
    ASSERT_SQL("SELECT count(*) FROM name", 0);
}
END_TEST

/* The object is older than its reference. */
START_TEST(delete__a_reference_that_an_object_got_later)
{
    rig_add(&r, "version: v1\ntypes:\n  Dog: {fields: {home: Box}}\n  Person: {fields: {}}\n"
                "objects:\n  Box: {fields: {}}\n");
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Box, field: owner, as: ref<Person>}\n");
    ASSERT_OK(rig_put(&r, "v2", "Person", "ann", "{}"));
    ASSERT_OK(rig_put(&r, "v2", "Dog", "a", "{\"home\": {\"owner\": \"ann\"}}"));
    ASSERT_REFUSED(rig_delete(&r, "v1", "Person", "ann"), ERR_BUSY, "of \"a\"");
    rig_state(&r, "v2", VERSION_DORMANT); /* enforces nothing */
    ASSERT_OK(rig_delete(&r, "v1", "Person", "ann"));
    ASSERT_SQL("SELECT count(*) FROM ref", 0);
}
END_TEST

/* ---- Unique ---- */

START_TEST(unique__enforced_in_every_live_version)
{
    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Person", "ann", "{\"email\": \"a@x\"}"));
    ASSERT_REFUSED(rig_put(&r, "v1", "Person", "bob", "{\"email\": \"a@x\"}"), ERR_EXISTS,
                   "Person.email: \"a@x\" is taken by \"ann\"");
    ASSERT_OK(rig_put(&r, "v1", "Person", "bob", "{}"));
    ASSERT_OK(rig_put(&r, "v1", "Person", "cid", "{\"email\": null}"));
    ASSERT_OK(rig_put(&r, "v1", "Person", "dan", "{\"email\": null}"));
    ASSERT_OK(rig_put(&r, "v1", "Person", "ann", "{\"email\": \"a@y\"}"));
    ASSERT_OK(rig_put(&r, "v1", "Person", "bob", "{\"email\": \"a@x\"}"));
    ASSERT_OK(rig_delete(&r, "v1", "Person", "bob"));
    ASSERT_OK(rig_put(&r, "v1", "Person", "eve", "{\"email\": \"a@x\"}"));
    rig_add(&r, "version: v2\nfrom: v1\nmigrate:\n"
                "  - add_field: {type: Person, field: nick, as: string}\n"
                "  - add_unique: {type: Person, fields: [nick]}\n");
    ASSERT_OK(rig_put(&r, "v2", "Person", "ann", "{\"email\": \"a@y\", \"nick\": \"n\"}"));
    ASSERT_REFUSED(rig_put(&r, "v2", "Person", "eve", "{\"email\": \"a@x\", \"nick\": \"n\"}"),
                   ERR_EXISTS, "Person.nick");
    rig_state(&r, "v2", VERSION_DORMANT);
    ASSERT_OK(rig_put(&r, "v1", "Person", "ann", "{\"email\": \"b@y\"}"));
}
END_TEST

/* ---- The queue ---- */

struct worker {
    pthread_t thread;
    unsigned n, refused;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    const struct version *v = rig_version(&r, "v1");
    const struct shape *s = rig_type(v, "Dog");
    struct catalog *c = store_catalog(r.s);

    for (int i = 0; i < 60; i++) {
        char key[32], text[64];
        struct err e = ERR_INIT;
        struct item_stat stat;
        struct store_put put = {.key = {key, 0}, .text = {text, 0}};
        put.key.n = (size_t)snprintf(key, sizeof key, "k%u-%d", w->n, i);
        put.text.n =
            (size_t)snprintf(text, sizeof text, i % 5 ? "{\"name\": \"%d\"}" : "{\"nme\": %d}", i);
        if (store_put(r.s, v, s, &put, NULL, &e))
            w->refused++;
        else if (store_lookup(r.s, c, v, s, put.key, &stat, NULL, &e))
            ck_abort_msg("%s", e.text);
        if (i % 20 == 0 && store_sync(r.s, &e))
            ck_abort_msg("%s", e.text);
    }
    catalog_unref(c);
    return NULL;
}

START_TEST(queue__refused_writes_spoil_no_others)
{
    struct worker w[6] = {0};

    rig_add(&r, dogs);
    for (unsigned i = 0; i < 6; i++) {
        w[i].n = i;
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (unsigned i = 0; i < 6; i++) {
        pthread_join(w[i].thread, NULL);
        ck_assert_uint_eq(w[i].refused, 12);
    }
    ck_assert_int_eq(rig_count(&r, "v1", "Dog"), 6 * 48);
    ASSERT_SQL("SELECT n FROM count WHERE n > 0", 6 * 48);
    ASSERT_SQL("SELECT count(*) FROM item i JOIN name n USING (id) WHERE n.key = i.key", 6 * 48);
}
END_TEST

START_TEST(changes__told_after_the_commit)
{
    rig_add(&r, dogs);
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{}"));
    ck_assert_str_eq(rig_changes(&r), "ADDED rex");
    ASSERT_OK(rig_put(&r, "v1", "Dog", "rex", "{\"name\": \"x\"}"));
    ck_assert_str_eq(rig_changes(&r), "ITEM 1");
    ASSERT_REFUSED(rig_put(&r, "v1", "Dog", "max", "{\"owner\": \"x\"}"), ERR_INVALID, "");
    ck_assert_str_eq(rig_changes(&r), "");
    ASSERT_OK(rig_delete(&r, "v1", "Dog", "rex"));
    ck_assert_str_eq(rig_changes(&r), "REMOVED rex");
}
END_TEST

/* What was acknowledged is there after the process was killed. */
START_TEST(queue__acknowledged_survives_a_kill)
{
    int fd[2];
    char key[16], last[16] = "";
    pid_t child;

    rig_add(&r, dogs);
    store_close(r.s);
    r.s = NULL;
    ck_assert_int_eq(pipe(fd), 0);
    child = fork();
    if (child == 0) {
        rig_reopen(&r, NULL);
        for (int i = 0;; i++) {
            memset(key, 0, sizeof key);
            snprintf(key, sizeof key, "k%d", i);
            if (rig_put(&r, "v1", "Dog", key, "{}") || write(fd[1], key, sizeof key) < 0)
                _exit(1);
        }
    }
    close(fd[1]);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(read(fd[0], last, sizeof last), sizeof last);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (read(fd[0], last, sizeof last) == sizeof last)
        ;
    close(fd[0]);
    rig_reopen(&r, NULL);
    ck_assert_str_eq(rig_get(&r, "v1", "Dog", last), "{}");
    ck_assert_int_eq(rig_count(&r, "v1", "Dog"), rig_sql(&r, "SELECT count(*) FROM item"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("store");
    TCase *t = tcase_create("store");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, open__second_is_refused_with_the_pid);
    tcase_add_test(t, open__foreign_files_are_refused_and_left);
    tcase_add_test(t, open__other_tables_and_formats_are_refused);
    tcase_add_test(t, open__items_versions_and_numbers_survive);
    tcase_add_test(t, open__read_only_writes_nothing);
    tcase_add_test(t, put__create_replace_merge);
    tcase_add_test(t, put__refusals);
    tcase_add_test(t, put__two_writers_of_different_fields_both_keep_theirs);
    tcase_add_test(t, put__replaces_a_removed_item_when_told);
    tcase_add_test(t, put__an_item_may_refer_to_itself);
    tcase_add_test(t, append__all_or_nothing_with_the_line);
    tcase_add_test(t, list__goes_on_after_a_number);
    tcase_add_test(t, attr__kept_for_each_version);
    tcase_add_test(t, rename__references_follow);
    tcase_add_test(t, rename__onto_another_takes_over_its_references);
    tcase_add_test(t, delete__restrict_unset_cascade);
    tcase_add_test(t, delete__a_reference_that_an_object_got_later);
    tcase_add_test(t, unique__enforced_in_every_live_version);
    tcase_add_test(t, queue__refused_writes_spoil_no_others);
    tcase_add_test(t, changes__told_after_the_commit);
    tcase_add_test(t, queue__acknowledged_survives_a_kill);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
