/* What can be done next: a command and what for, from the present state. */
#include "control_int.h"

static bool hint(const char *indent, struct buf *out, const char *command, const char *why)
{
    return buf_printf(out, "%s%-36s # %s\n", indent, command, why);
}

/* `format` has one %s: the version. */
static bool hint_version(const char *indent, struct buf *out, const char *format,
                         const char *version, const char *why)
{
    struct buf command BUF_CLEANUP = BUF_INIT;
    const char *at = strstr(format, "%s"), *text;

    if (!buf_add(&command, format, (size_t)(at - format)) || !buf_adds(&command, version) ||
        !buf_adds(&command, at + 2) || !(text = buf_str(&command)))
        return false;
    return hint(indent, out, text, why);
}

static bool hint_staged(const struct status *st, const char *indent, struct buf *out)
{
    size_t at = 0;
    const char *name = status_staged(st, &at);

    return !name ||
           (hint_version(indent, out, "echo %s > control/check", name,
                         "what each of its steps does (cat control/check)") &&
            hint_version(indent, out, "echo %s > control/add", name, "makes it a live version"));
}

static bool hint_backfill(const struct status *st, const char *indent, struct buf *out)
{
    for (size_t i = 0; i < st->store.n; i++) {
        const struct version_status *v = &st->store.versions[i];

        if (v->backfill == BACKFILL_RUNNING)
            return hint(indent, out, "cat control/wait", "returns when the backfill has ended") &&
                   hint(indent, out, "echo pause > control/backfill", "holds it");
        if (v->backfill == BACKFILL_PAUSED)
            return hint(indent, out, "echo resume > control/backfill", "goes on with the backfill");
    }
    for (size_t i = st->store.n; i > 0; i--) {
        const struct version_status *v = &st->store.versions[i - 1];

        if (v->backfill == BACKFILL_NEEDED)
            return hint_version(indent, out, "echo %s > control/backfill", v->name,
                                "rewrites stored items in the background");
    }
    return true;
}

/* The oldest version can be given up for the newest one that is ready. */
static bool hint_finalize(const struct status *st, const char *indent, struct buf *out)
{
    for (size_t i = st->store.n; i > 1; i--) {
        const struct version_status *v = &st->store.versions[i - 1];

        if (v->backfill != BACKFILL_DONE && v->backfill != BACKFILL_NOT_NEEDED)
            continue;
        return hint_version(indent, out, "echo %s > control/verify", v->name,
                            "proves that it agrees with its predecessor") &&
               hint_version(indent, out, "echo %s > control/finalize", v->name,
                            "ends every version before it, for good");
    }
    return true;
}

bool status_hints(const struct status *st, const char *indent, struct buf *out)
{
    size_t before = out->n;

    if (st->read_only)
        return buf_printf(out, "%snothing: the mount is read-only\n", indent);
    if (!hint_staged(st, indent, out) || !hint_backfill(st, indent, out) ||
        !hint_finalize(st, indent, out))
        return false;
    if (out->n > before)
        return true;
    return hint(indent, out, "cp NAME.yaml schemas/", "stages a schema") &&
           hint(indent, out, "echo NAME > control/add", "makes it a live version");
}
