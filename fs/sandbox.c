#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int refuse(const char *what, struct err *e)
{
    return err_set(e, ERR_IO, "%s: %s", what, strerror(errno));
}

static int missing(const char *what, const char *why, struct buf *ret, struct err *e)
{
    return buf_printf(ret, "%s: %s\n", what, why) ? 0 : err_nomem(e);
}

/* ---- No dumps, no new rights ---- */

int sandbox_no_core_dumps(struct err *e)
{
    if (setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}) != 0)
        return refuse("core dumps can't be turned off", e);
    return 0;
}

static int no_new_rights(struct err *e)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return refuse("dumps can't be turned off", e);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refuse("no_new_privs", e);
    return 0;
}

/* ---- Capabilities ---- */

struct capabilities {
    struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
};

static int capabilities_set(const struct capabilities *c, struct err *e)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capset, &head, c->set) == 0 ? 0 : refuse("capabilities", e);
}

static bool is_permitted(unsigned capability)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct capabilities c = {0};

    return syscall(SYS_capget, &head, c.set) == 0 &&
           (c.set[CAP_TO_INDEX(capability)].permitted & CAP_TO_MASK(capability));
}

/* Who has no right to has nothing in these sets that it could use either. */
static void empty_inherited_sets(void)
{
    for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int folder_of(const char *path, char ret[PATH_MAX], struct err *e)
{
    char copy[PATH_MAX];

    if (snprintf(copy, sizeof(copy), "%s", path) >= PATH_MAX)
        return err_set(e, ERR_NAME_TOO_LONG, "\"%.100s...\" is too long a path", path);
    strcpy(ret, dirname(copy));
    return 0;
}

static bool can_open(const char *store, const char *folder)
{
    return faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) == 0 &&
           faccessat(AT_FDCWD, store, R_OK, AT_EACCESS) == 0 &&
           (faccessat(AT_FDCWD, store, W_OK, AT_EACCESS) == 0 || errno == EROFS);
}

/* Each reading connection opens the store anew: root may have to stay able to. */
static int drop_capabilities(const char *store, struct err *e)
{
    unsigned i = CAP_TO_INDEX(CAP_DAC_OVERRIDE), bit = CAP_TO_MASK(CAP_DAC_OVERRIDE);
    bool has = is_permitted(CAP_DAC_OVERRIDE);
    struct capabilities c = {0};
    char folder[PATH_MAX];

    if (folder_of(store, folder, e))
        return -1;
    empty_inherited_sets();
    c.set[i].permitted = has ? bit : 0;
    if (capabilities_set(&c, e))
        return -1;
    if (has && can_open(store, folder))
        c.set[i].permitted = 0;
    c.set[i].effective = c.set[i].permitted;
    return capabilities_set(&c, e);
}

/* ---- Landlock: linux/landlock.h, by our own names, since headers are older than kernels ---- */

enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_REG = 1 << 8, /* for coverage alone */
    FS_TRUNCATE = 1 << 14,
    RULE_PATH_BENEATH = 1,
    RULESET_VERSION = 1
};
struct ruleset {
    uint64_t fs, net, scoped;
};
struct __attribute__((packed)) path_beneath {
    uint64_t allowed;
    int32_t fd;
};

/* What each version of Landlock can forbid; all of it is forbidden. */
static const struct ruleset forbidden[] = {
    {0x1fff, 0, 0}, /* 1 */
    {0x3fff, 0, 0}, /* 2: links and renames from folder to folder */
    {0x7fff, 0, 0}, /* 3: truncating */
    {0x7fff, 3, 0}, /* 4: TCP */
    {0xffff, 3, 0}, /* 5: ioctl of devices */
    {0xffff, 3, 3}, /* 6: abstract sockets, signals */
};
#define LANDLOCK_NEWEST (sizeof forbidden / sizeof forbidden[0])

/* SQLite syncs the folder; the last close removes what stands beside the store. */
#define FOLDER     (FS_READ_DIR | FS_REMOVE_FILE)
#define STORE_FILE (FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE)

static const struct {
    const char *path; /* NULL: the store's folder; "" and what begins with '-': beside the store */
    uint64_t allowed;
} may_open[] = {
    {NULL, FOLDER},
    {"", STORE_FILE},
    {"-wal", STORE_FILE},
    {"-shm", STORE_FILE},
    {"-lock", STORE_FILE},
    {"/proc", FS_READ_FILE}, /* fuse_req_getgroups */
#if SANDBOX_SANITIZED
    {"/", FS_EXECUTE | FS_READ_FILE | FS_READ_DIR},
    {"/dev/null", FS_WRITE_FILE},
#endif
#ifdef SANDBOX_COVERAGE_DIR
    {SANDBOX_COVERAGE_DIR, FOLDER | FS_MAKE_REG | STORE_FILE},
#endif
};

static int path_of_rule(const char *rule, const char *store, struct buf *ret, struct err *e)
{
    char folder[PATH_MAX];

    if (rule && *rule == '/')
        return buf_adds(ret, rule) && buf_str(ret) ? 0 : err_nomem(e);
    if (rule)
        return buf_printf(ret, "%s%s", store, rule) && buf_str(ret) ? 0 : err_nomem(e);
    if (folder_of(store, folder, e))
        return -1;
    return buf_adds(ret, folder) && buf_str(ret) ? 0 : err_nomem(e);
}

/* What is not there needs no rule: a store that can't be written has no -wal. */
static int allow(int ruleset, const char *path, uint64_t allowed, struct err *e)
{
    struct path_beneath rule = {.allowed = allowed,
                                .fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW)};
    long r;

    if (rule.fd < 0)
        return errno == ENOENT ? 0 : refuse(path, e);
    r = syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
    if (r != 0)
        refuse(path, e);
    close(rule.fd);
    return r == 0 ? 0 : -1;
}

static int allow_all(int ruleset, const struct ruleset *handled, const char *store, struct err *e)
{
    int rc = 0;

    for (size_t i = 0; i < sizeof may_open / sizeof may_open[0] && rc == 0; i++) {
        struct buf path BUF_CLEANUP = BUF_INIT;

        rc = path_of_rule(may_open[i].path, store, &path, e);
        if (rc == 0)
            rc = allow(ruleset, path.p, may_open[i].allowed & handled->fs, e);
    }
    return rc;
}

static int lock_files(const char *store, long version, struct err *e)
{
    size_t known = (size_t)version < LANDLOCK_NEWEST ? (size_t)version : LANDLOCK_NEWEST;
    const struct ruleset *handled = &forbidden[known - 1];
    int fd = (int)syscall(SYS_landlock_create_ruleset, handled, sizeof(*handled), 0);
    int rc;

    if (fd < 0)
        return refuse("a set of rules", e);
    rc = allow_all(fd, handled, store, e);
    if (rc == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
        rc = refuse("the rules", e);
    close(fd);
    return rc;
}

static int enter_landlock(const char *store, unsigned *parts, struct buf *ret_missing,
                          struct err *e)
{
    struct err why = ERR_INIT;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, RULESET_VERSION);

    if (version < 1)
        return missing("no Landlock in this kernel", strerror(errno), ret_missing, e);
    if (lock_files(store, version, &why))
        return why.code == ERR_NO_MEMORY ? err_nomem(e)
                                         : missing("no Landlock", why.text, ret_missing, e);
    *parts |= SANDBOX_LANDLOCK;
    return 0;
}

/* ---- System calls ---- */

static int enter_seccomp(unsigned *parts, struct buf *ret_missing, struct err *e)
{
    const struct sock_fprog *calls = sandbox_calls();

    if (!calls)
        return missing("no filter of system calls", "none is made for this processor", ret_missing,
                       e);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, calls) != 0)
        return missing("no filter of system calls", strerror(errno), ret_missing, e);
    *parts |= SANDBOX_SECCOMP;
    return 0;
}

int sandbox_enter(const char *store, unsigned *ret_parts, struct buf *ret_missing, struct err *e)
{
    unsigned parts = 0;

    tzset(); /* the file can't be read any more when the log wants it */
    if (sandbox_no_core_dumps(e) || no_new_rights(e) || drop_capabilities(store, e) ||
        enter_landlock(store, &parts, ret_missing, e) || enter_seccomp(&parts, ret_missing, e))
        return -1;
    *ret_parts = parts;
    return 0;
}
