#include "options.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "../store/store.h"

struct word {
    const char *name; /* ends with '=' when it takes a value; with '*' = a prefix */
    int (*take)(struct mount_options *o, const char *value, const struct word *w, struct err *e);
    size_t offset; /* of the member that it sets */
    bool on;
};

static void *member(struct mount_options *o, const struct word *w)
{
    return (char *)o + w->offset;
}

static int take_flag(struct mount_options *o, const char *value, const struct word *w,
                     struct err *e)
{
    (void)value;
    (void)e;
    *(bool *)member(o, w) = w->on;
    return 0;
}

static int take_number(const char *name, const char *value, int base, unsigned long long max,
                       unsigned long long *ret, char **ret_end, struct err *e)
{
    if (value[0] < '0' || value[0] > '9')
        return err_set(e, ERR_INVALID, "option \"%s%s\": not a number", name, value);
    errno = 0;
    *ret = strtoull(value, ret_end, base);
    if (errno || *ret > max)
        return err_set(e, ERR_INVALID, "option \"%s%s\": at most %llu", name, value, max);
    return 0;
}

/* uid=, gid= (decimal), umask= (octal): all are 32 bits wide. */
static int take_id(struct mount_options *o, const char *value, const struct word *w, struct err *e)
{
    unsigned long long n = 0;
    char *end;

    if (take_number(w->name, value, 10, UINT32_MAX - 1, &n, &end, e) < 0)
        return -1;
    if (*end)
        return err_set(e, ERR_INVALID, "option \"%s%s\": not a number", w->name, value);
    *(uint32_t *)member(o, w) = (uint32_t)n;
    return 0;
}

static int take_umask(struct mount_options *o, const char *value, const struct word *w,
                      struct err *e)
{
    unsigned long long n = 0;
    char *end;

    if (take_number(w->name, value, 8, 0777, &n, &end, e) < 0)
        return -1;
    if (*end)
        return err_set(e, ERR_INVALID, "option \"%s%s\": not an octal number", w->name, value);
    o->umask = (mode_t)n;
    return 0;
}

static int take_size(struct mount_options *o, const char *value, const struct word *w,
                     struct err *e)
{
    static const char units[] = "KMG";
    unsigned long long n = 0;
    unsigned shift = 0;
    const char *unit;
    char *end;

    if (take_number(w->name, value, 10, UINT32_MAX, &n, &end, e) < 0)
        return -1;
    unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    if (*end)
        return err_set(e, ERR_INVALID, "option \"%s%s\": not a number of bytes", w->name, value);
    if (n == 0 || n > (UINT64_C(1) << 30) >> shift)
        return err_set(e, ERR_INVALID, "option \"%s%s\": from 1 to 1G", w->name, value);
    o->max_item_bytes = (size_t)(n << shift);
    return 0;
}

static const struct age_unit {
    char letter;
    int64_t seconds;
} age_units[] = {
    {'s', 1},        {'m', 60},           {'h', 3600},
    {'d', 24 * 3600}, {'w', 7 * 24 * 3600}, {'y', 365 * 24 * 3600},
};

/* Seconds of a unit; 0 = there is no such unit. */
static int64_t age_unit(const char *text)
{
    for (size_t i = 0; i < sizeof(age_units) / sizeof(age_units[0]); i++)
        if (text[0] == age_units[i].letter && text[1] == 0)
            return age_units[i].seconds;
    return 0;
}

/* A number alone counts revisions, with a unit it is an age. */
static int take_history(struct mount_options *o, const char *value, const struct word *w,
                        struct err *e)
{
    unsigned long long n = 0;
    int64_t unit;
    char *end;

    if (take_number(w->name, value, 10, 1000000000, &n, &end, e) < 0)
        return -1;
    o->no_history = n == 0 && *end == 0;
    if (*end == 0) {
        o->history_count = (unsigned)n;
        return 0;
    }
    unit = age_unit(end);
    if (!unit || n == 0)
        return err_set(e, ERR_INVALID,
                       "option \"%s%s\": a number of revisions (0 = none), or an age: 90s, 5m, 12h, "
                       "7d, 2w, 1y", w->name, value);
    if ((int64_t)n > HISTORY_AGE_MAX_S / unit)
        return err_set(e, ERR_INVALID, "option \"%s%s\": at most 200y", w->name, value);
    o->history_age_s = (int64_t)n * unit;
    return 0;
}

static int take_nothing(struct mount_options *o, const char *value, const struct word *w,
                        struct err *e)
{
    (void)o;
    (void)value;
    (void)w;
    (void)e;
    return 0;
}

/* Libfuse's own: passed as it stands. */
static int take_passed(struct mount_options *o, const char *value, const struct word *w,
                       struct err *e)
{
    size_t name = strlen(w->name);

    if (o->passed.n && !buf_addc(&o->passed, ','))
        return err_nomem(e);
    if (!buf_add(&o->passed, w->name, name) || !buf_adds(&o->passed, value))
        return err_nomem(e);
    return 0;
}

#define MEMBER(m) offsetof(struct mount_options, m)

static const struct word words[] = {
    {"ro", take_flag, MEMBER(read_only), true},
    {"rw", take_flag, MEMBER(read_only), false},
    {"allow_other", take_flag, MEMBER(allow_other), true},
    {"sync", take_flag, MEMBER(sync), true},
    {"async", take_flag, MEMBER(sync), false},
    {"strict", take_flag, MEMBER(strict), true},
    {"uid=", take_id, MEMBER(uid), true},
    {"gid=", take_id, MEMBER(gid), true},
    {"umask=", take_umask, 0, true},
    {"max_item=", take_size, 0, true},
    {"history=", take_history, 0, true},
    /* always on */
    {"default_permissions", take_nothing, 0, true},
    {"nosuid", take_nothing, 0, true},
    {"nodev", take_nothing, 0, true},
    {"noexec", take_nothing, 0, true},
    {"suid", take_nothing, 0, true},
    {"dev", take_nothing, 0, true},
    {"exec", take_nothing, 0, true},
    /* mount(8)'s and fstab's own */
    {"defaults", take_nothing, 0, true},
    {"auto", take_nothing, 0, true},
    {"noauto", take_nothing, 0, true},
    {"user", take_nothing, 0, true},
    {"user=*", take_nothing, 0, true},
    {"users", take_nothing, 0, true},
    {"nouser", take_nothing, 0, true},
    {"owner", take_nothing, 0, true},
    {"group", take_nothing, 0, true},
    {"nofail", take_nothing, 0, true},
    {"_netdev", take_nothing, 0, true},
    {"comment=*", take_nothing, 0, true},
    {"x-*", take_nothing, 0, true},
    {"relatime", take_nothing, 0, true},
    {"norelatime", take_nothing, 0, true},
    /* libfuse's */
    {"atime", take_passed, 0, true},
    {"noatime", take_passed, 0, true},
    {"diratime", take_passed, 0, true},
    {"nodiratime", take_passed, 0, true},
    {"allow_root", take_passed, 0, true},
    {"auto_unmount", take_passed, 0, true},
    {"debug", take_passed, 0, true},
    {"max_read=", take_passed, 0, true},
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))

/* The word that `text` is, and where its value starts. */
static const struct word *find_word(const char *text, const char **ret_value)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        size_t n = strlen(words[i].name);
        bool prefix = words[i].name[n - 1] == '*';

        n -= prefix;
        if (strncmp(text, words[i].name, n) != 0)
            continue;
        *ret_value = text + n;
        if (prefix || words[i].name[n - 1] == '=' || text[n] == 0)
            return &words[i];
    }
    return NULL;
}

static int unknown_word(const char *text, struct err *e)
{
    const char *names[N_WORDS];
    const char *nearest;

    for (size_t i = 0; i < N_WORDS; i++)
        names[i] = words[i].name;
    nearest = err_nearest(text, strcspn(text, "=") + (strchr(text, '=') != NULL), names, N_WORDS);
    if (nearest)
        return err_set(e, ERR_INVALID, "unknown option \"%s\", did you mean \"%s\"?", text,
                       nearest);
    return err_set(e, ERR_INVALID, "unknown option \"%s\"", text);
}

static int take_word(struct mount_options *o, const char *text, struct err *e)
{
    const char *value;
    const struct word *w = find_word(text, &value);

    if (!w)
        return unknown_word(text, e);
    return w->take(o, value, w, e);
}

void mount_options_init(struct mount_options *o)
{
    *o = (struct mount_options){.uid = NOT_GIVEN, .gid = NOT_GIVEN, .umask = NOT_GIVEN};
}

int mount_options_parse(struct mount_options *o, const char *list, struct err *e)
{
    struct buf word BUF_CLEANUP = BUF_INIT;
    const char *text;
    size_t n;

    for (;; list += n + 1) {
        n = strcspn(list, ",");
        buf_reset(&word);
        if (!buf_add(&word, list, n) || !(text = buf_str(&word)))
            return err_nomem(e);
        if (n && take_word(o, text, e) < 0)
            return -1;
        if (list[n] == 0)
            return 0;
    }
}

void mount_options_deinit(struct mount_options *o)
{
    buf_free(&o->passed);
}
