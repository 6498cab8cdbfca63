/* Fuzz target: any bytes as a command: the first says which file of control/, the rest is written
 * there. A second line is what schemas/v3.yaml and v3.json hold.
 *
 * Invariants: the outcome that is read afterwards agrees with what the write answered, and a
 * refusal says why; the store stays sound. */
#include <string.h>

#include "fs/control.h"
#include "fuzz.h"
#include "fuzz_store_rig.h"

static struct span staged_text;
static bool versions_differ;

static int get_staged(void *arg, struct span name, const char *ext, struct buf *ret, struct err *e)
{
    (void)arg, (void)ext;
    if (!span_eq(name, span_of("v3")))
        return err_set(e, ERR_NOT_FOUND, "not staged");
    return buf_addspan(ret, staged_text) ? 0 : err_nomem(e);
}

static int get_names(void *arg, struct buf *ret, struct err *e)
{
    (void)arg;
    return buf_adds(ret, "v3.yaml") && buf_addc(ret, 0) ? 0 : err_nomem(e);
}

static void note_versions(void *arg)
{
    (void)arg;
    versions_differ = true;
}

static unsigned count_drafts(void *arg)
{
    (void)arg;
    return 0;
}

static struct store *store;
static struct control *control;

static void begin(void)
{
    static unsigned inputs;
    const struct store_options o = {.no_jobs = true};
    struct control_env env = {.staged = get_staged,
                              .staged_names = get_names,
                              .versions_changed = note_versions,
                              .drafts = count_drafts,
                              .mountpoint = "/mnt"};
    struct err e = ERR_INIT;

    if (store && !versions_differ && ++inputs % 64)
        return;
    control_free(control);
    store_close(store);
    versions_differ = false;
    CHECK(store_open(rig_place(rig_file()), &o, &store, &e) == 0);
    env.store = store;
    CHECK(control_new(&env, &control, &e) == 0);
}

static const struct control_file *writable_file(unsigned which)
{
    size_t n = 0;
    while (n < n_control_files && control_files[n].write)
        n++;
    return &control_files[which % n];
}

static void check_outcome(const struct control_file *f, int rc)
{
    struct buf said BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;

    CHECK(f->read(control, f, &said, &e) == 0);
    CHECK(said.n && said.p[said.n - 1] == '\n');
    if (rc)
        CHECK(said.n > 7 && strncmp(said.p, "error: ", 7) == 0);
    else
        CHECK(said.n > 2 && strncmp(said.p, "ok", 2) == 0);
}

static void check_sound(void)
{
    struct buf report BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    size_t findings = 0;

    CHECK(store_fsck(store, &report, &findings, &e) == 0);
    if (findings)
        fprintf(stderr, "%.*s", (int)report.n, report.p);
    CHECK(!findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct verb_caller by = {.uid = 0, .pid = 1};
    struct err e = ERR_INIT;
    char *text = malloc(size ? size : 1);

    CHECK(text);
    begin();
    if (size > 1) {
        const struct control_file *f = writable_file(data[0]);
        memcpy(text, data + 1, size - 1);
        const char *line = memchr(text, '\n', size - 1);
        size_t n = line && text[0] != '{' ? (size_t)(line - text) + 1 : size - 1;
        staged_text = (struct span){text + n, size - 1 - n};
        int rc = f->write(control, f, (struct span){text, n}, &by, &e);
        if (rc)
            CHECK_REFUSAL(&e);
        check_outcome(f, rc);
        if (!rc)
            check_sound();
        staged_text = (struct span){NULL, 0};
    }
    free(text);
    return 0;
}
