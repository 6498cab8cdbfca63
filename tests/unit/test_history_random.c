/* History over random writes: what a revision shows through each version is what that version showed
 * before the write that made it, and stays so, whatever comes after. */
#include "store_rig.h"

#include <check.h>
#include <stdio.h>

#include "../../store/history.h"

#define SEEDS    12
#define OPS      70
#define TEXTS    8192
#define VERSIONS 4

static struct rig r;
static uint64_t seed;

static void setup(void)
{
    rig_init(&r);
}
static void teardown(void)
{
    rig_free(&r);
}

static const char *const chain[VERSIONS] = {
    "version: v1\ntypes:\n"
    "  Person: {fields: {name: string}}\n"
    "  Dog: {fields: {name: string, age: integer, breed: string, city: string, "
    "owner: {type: ref<Person>, on_delete: unset}}}\n",
    "version: v2\nfrom: v1\nmigrate:\n"
    "  - change_type: {type: Dog, field: age, to: string}\n"
    "  - extract_type: {type: Dog, fields: {breed: title}, into: Breed, as: breed}\n",
    "version: v3\nfrom: v2\nmigrate:\n"
    "  - rename_field: {type: Dog, from: name, to: call_name}\n"
    "  - move_field: {type: Dog, field: city, to: Person, through: owner}\n",
    "version: v4\nfrom: v3\nmigrate:\n"
    "  - remove_field: {type: Dog, field: age}\n"
    "  - compute_field: {type: Dog, field: tag, as: string, value: \"coalesce(call_name, '-')\"}\n",
};

static unsigned pick(unsigned n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % n;
}

/* ---- Texts that were seen ---- */

/* Of an item (revision 0) or a revision through one type of a version. */
struct seen {
    const struct version *v;
    const struct shape *s;
    uint64_t number, revision;
    char *text;
};
struct seen_list {
    struct seen e[TEXTS];
    size_t n;
};
static struct seen_list now, past;

static void forget(struct seen_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->e[i].text);
    l->n = 0;
}

static const struct seen *find(const struct seen_list *l, const struct seen *like)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->e[i].v == like->v && l->e[i].s == like->s && l->e[i].number == like->number &&
            l->e[i].revision == like->revision)
            return &l->e[i];
    return NULL;
}

static void keep(struct seen_list *l, struct seen s, struct span text)
{
    ck_assert_uint_lt(l->n, TEXTS);
    s.text = strndup(text.p, text.n);
    l->e[l->n++] = s;
}

static void each_type(void (*fn)(const struct version *v, const struct shape *s, struct catalog *c))
{
    struct catalog *c = store_catalog(r.s);

    for (size_t i = 0; i < c->n_entries; i++)
        for (size_t k = 0; k < c->entries[i].v->n_shapes; k++)
            if (c->entries[i].v->shapes[k]->kind == SHAPE_ITEM)
                fn(c->entries[i].v, c->entries[i].v->shapes[k], c);
    catalog_unref(c);
}

static int take_item(void *arg, struct span key, const struct item_stat *stat, struct span text)
{
    struct seen like = *(const struct seen *)arg;

    (void)key;
    like.number = stat->number;
    keep(&now, like, text);
    return 0;
}

static void see_items(const struct version *v, const struct shape *s, struct catalog *c)
{
    struct seen like = {.v = v, .s = s};

    ASSERT_OK(store_list(r.s, c, v, s, 0, LIST_STAT | LIST_TEXT, take_item, &like, &r.err));
}

/* ---- What revisions say ---- */

static uint64_t last_revision; /* those after it are of the last write */
static size_t compared, again;

static void look_at(const struct version *v, const struct shape *s, struct catalog *c, uint64_t revision)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    struct seen like = {.v = v, .s = s, .revision = revision};
    const struct seen *was;
    struct item_stat stat;

    ASSERT_OK(store_history_read(r.s, c, v, s, revision, &stat, &text, &r.err));
    like.number = stat.number;
    if ((was = find(&past, &like))) {
        again++;
        ck_assert_msg(strcmp(was->text, buf_str(&text)) == 0,
                      "revision %llu of a %s through %s said\n%sand says\n%s",
                      (unsigned long long)revision, s->name, v->name, was->text, buf_str(&text));
        return;
    }
    keep(&past, like, buf_span(&text));
    like.revision = 0;
    if (revision <= last_revision)
        return;
    was = find(&now, &like);
    ck_assert_msg(was != NULL, "revision %llu of a %s through %s of what was not there",
                  (unsigned long long)revision, s->name, v->name);
    compared++;
    ck_assert_msg(strcmp(was->text, buf_str(&text)) == 0,
                  "a %s through %s was\n%sand its revision %llu says\n%s", s->name, v->name,
                  was->text, (unsigned long long)revision, buf_str(&text));
}

static void look_back(const struct version *v, const struct shape *s, struct catalog *c)
{
    int64_t n = rig_sql(&r, "SELECT max(rev) FROM history");

    for (int64_t rev = 1; rev <= n; rev++) {
        char sql[80];
        snprintf(sql, sizeof sql, "SELECT id >> 40 FROM history WHERE rev = %lld", (long long)rev);
        if (rig_sql(&r, sql) == s->coll)
            look_at(v, s, c, (uint64_t)rev);
    }
}

/* ---- Writes ---- */

static const char *const dogs[] = {"rex", "max", "zoe"}, *const people[] = {"ann", "bob"},
                         *const words[] = {"Pug", "Lab", "7", "12", "Oslo"};

static void add_value(struct buf *out, const struct field *f)
{
    if (f->type->base == T_INTEGER)
        buf_printf(out, "%u", pick(4));
    else if (f->type->base == T_REF && strcmp(f->name, "owner") == 0)
        buf_printf(out, "\"%s\"", people[pick(2)]);
    else
        buf_printf(out, "\"%s\"", words[pick(5)]);
}

static void write_one(const struct version *v, const struct shape *s, const char *key)
{
    struct buf text BUF_CLEANUP = BUF_INIT;
    const char *before = "";

    buf_addc(&text, '{');
    for (size_t i = 0; i < s->n_fields; i++) {
        if (s->fields[i].read_only || pick(3) == 0)
            continue;
        buf_printf(&text, "%s\"%s\": ", before, s->fields[i].name);
        add_value(&text, &s->fields[i]);
        before = pick(2) ? ", " : ",";
    }
    buf_addc(&text, '}');
    rig_put(&r, v->name, s->name, key, buf_str(&text)); /* may be refused: a reference to nothing */
}

static void change_something(unsigned n_versions)
{
    char version[16];
    const struct version *v;
    unsigned what = pick(20);
    const char *dog = dogs[pick(3)];

    snprintf(version, sizeof version, "v%u", 1 + pick(n_versions));
    v = rig_version(&r, version);
    if (what < 13)
        write_one(v, rig_type(v, "Dog"), dog);
    else if (what < 16)
        write_one(v, rig_type(v, "Person"), people[pick(2)]);
    else if (what == 16 && n_versions > 1)
        write_one(rig_version(&r, "v2"), rig_type(rig_version(&r, "v2"), "Breed"), words[pick(5)]);
    else if (what == 17)
        rig_delete(&r, version, "Dog", dog);
    else if (what == 18)
        rig_delete(&r, version, "Person", people[pick(2)]);
    else
        rig_backfill(&r);
}

START_TEST(random_writes__a_revision_shows_what_each_version_showed)
{
    unsigned n_versions = 1;

    seed = (uint64_t)_i * 7919 + 1;
    rig_add(&r, chain[0]);
    compared = again = 0;
    for (unsigned op = 0; op < OPS; op++) {
        if (n_versions < VERSIONS && op > 0 && op % (OPS / VERSIONS) == 0)
            rig_add(&r, chain[n_versions++]);
        forget(&now);
        each_type(see_items);
        last_revision = (uint64_t)rig_sql(&r, "SELECT coalesce(max(rev), 0) FROM history");
        change_something(n_versions);
        each_type(look_back);
    }
    ck_assert_uint_gt(compared, OPS / 2);
    ck_assert_uint_gt(again, compared);
    forget(&now);
    forget(&past);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("history_random");
    TCase *tc = tcase_create("history_random");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, random_writes__a_revision_shows_what_each_version_showed, 0, SEEDS);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
