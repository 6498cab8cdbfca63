/* A store in a directory of its own, for the tests of what works over versions and items. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/verbs.h"

static char fixture_dir[64], fixture_path[96];
static struct store *fixture_store;

__attribute__((unused)) static void fixture_open(void)
{
    struct store_options o = {.create = true};
    struct err e = ERR_INIT;
    ck_assert_msg(store_open(fixture_path, &o, &fixture_store, &e) == 0, "open: %s", e.text);
}

__attribute__((unused)) static void fixture_setup(void)
{
    strcpy(fixture_dir, "/tmp/schemafs-test-XXXXXX");
    ck_assert(mkdtemp(fixture_dir) != NULL);
    snprintf(fixture_path, sizeof fixture_path, "%s/s.db", fixture_dir);
    fixture_open();
}

__attribute__((unused)) static void fixture_teardown(void)
{
    static const char *const ends[] = {"", "-lock", "-wal", "-shm", "-new"};
    char path[128];
    store_close(fixture_store);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(path, sizeof path, "%s%s", fixture_path, ends[i]);
        unlink(path);
    }
    rmdir(fixture_dir);
}

/* The version's text; must be accepted. */
__attribute__((unused)) static void add(const char *yaml)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    char name[VERSION_NAME_SIZE] = "", from[VERSION_NAME_SIZE], file[VERSION_NAME_SIZE + 8];
    (void)schema_peek("", span_of(yaml), name, from, &e);
    snprintf(file, sizeof file, "%s.yaml", name);
    int rc = store_add(fixture_store, file, span_of(yaml), NULL, &report, &e);
    ck_assert_msg(rc == 0, "add: %u:%u: %s", e.line, e.column, e.text);
}

struct place {
    struct catalog *cat;
    const struct version *v;
    const struct shape *s;
};
__attribute__((unused)) static struct place place(const char *version, const char *type)
{
    struct place p = {.cat = store_catalog(fixture_store)};
    p.v = catalog_version(p.cat, span_of(version));
    ck_assert_msg(p.v != NULL, "no version %s", version);
    p.s = version_shape_named(p.v, span_of(type));
    ck_assert_msg(p.s != NULL, "no type %s", type);
    return p;
}

__attribute__((unused)) static void put(const char *version, const char *type, const char *key,
                                        const char *text)
{
    struct place p = place(version, type);
    struct store_put what = {.key = span_of(key), .text = span_of(text)};
    struct err e = ERR_INIT;
    ck_assert_msg(store_put(fixture_store, p.v, p.s, &what, NULL, &e) == 0, "put %s: %s", key,
                  e.text);
    catalog_unref(p.cat);
}

__attribute__((unused)) static int fixture_line(void *arg, struct span key,
                                                const struct item_stat *stat, struct span text)
{
    struct buf *out = arg;
    (void)key, (void)stat;
    ck_assert(buf_addspan(out, text));
    return 0;
}

/* The type as JSON Lines, in order of the items' making. Static memory, one at a time. */
__attribute__((unused)) static const char *lines(const char *version, const char *type)
{
    static char text[65536];
    struct buf out BUF_CLEANUP = BUF_INIT;
    struct place p = place(version, type);
    struct err e = ERR_INIT;
    ck_assert_msg(store_list(fixture_store, p.cat, p.v, p.s, 0, LIST_TEXT | LIST_LINES,
                             fixture_line, &out, &e) == 0,
                  "list: %s", e.text);
    ck_assert(out.n < sizeof text);
    memcpy(text, buf_span(&out).p, out.n);
    text[out.n] = '\0';
    catalog_unref(p.cat);
    return text;
}

/* 0 or the error's code; what is said goes to fixture_said. */
static char fixture_said[8192];
__attribute__((unused)) static enum err_code transact(const char *json)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    if (store_transaction(fixture_store, span_of(json), NULL, &report, &e)) {
        err_format(&e, fixture_said, sizeof fixture_said);
        ck_assert(e.code != ERR_NONE);
        return e.code;
    }
    snprintf(fixture_said, sizeof fixture_said, "%s", buf_str(&report));
    return ERR_NONE;
}

#define ck_said(part)                                                                              \
    ck_assert_msg(strstr(fixture_said, part) != NULL, "\"%s\" is not in \"%s\"", part, fixture_said)
#define ck_transact(json) ck_assert_msg(transact(json) == ERR_NONE, "%s", fixture_said)

#endif
