/* A crash, and a power loss, at every numbered I/O of every operation and of the closing after it:
 * what is found is the content before it or after it. */
#include <stdio.h>
#include <stdlib.h>

#include "crash_vfs.h"
#include "scene.h"

struct figures {
    unsigned cycles, acknowledged, lost;
};

enum way { KILLED, KILLED_HALF_WAY, POWER_LOSS, WAYS };
static const char *const way_names[] = {"killed", "killed half way", "power loss"};

/* One attempt; false = the operation and the closing came to their end before the crash. */
static bool attempt(struct stage *t, uint64_t at, enum way way, uint64_t damage, struct figures *f)
{
    struct io_plan plan = {.kinds = IO_CHANGES,
                           .at = at,
                           .fault = way == KILLED_HALF_WAY ? FAULT_DIE_HALF : FAULT_DIE};
    struct store *s;
    struct err e = ERR_INIT;
    enum whole is;

    stage_restore(t);
    if (stage_open(t, t->scene->jobs, way == POWER_LOSS && !t->scene->verb, &s, &e))
        die("%s: %s", t->scene->name, e.text);
    crash_vfs_arm(&plan);
    int rc = t->scene->run(s, &e);
    store_close(s);
    bool reached = crash_vfs_fired();
    crash_vfs_disarm();
    if (way == POWER_LOSS)
        crash_vfs_power_loss(at * 64 + damage);
    crash_vfs_forget();
    f->cycles++;
    f->acknowledged += rc == 0;
    const char *wrong = stage_check(t, rc ? WHOLE_EITHER : WHOLE_AFTER, &is);
    if (*wrong) {
        printf("%s, %s at I/O %llu: %s\n", t->scene->name, way_names[way], (unsigned long long)at,
               wrong);
        f->lost++;
    }
    return reached;
}

static void every_point(struct stage *t, uint64_t damages, struct figures *f)
{
    for (enum way way = 0; way < WAYS; way++)
        for (uint64_t at = 1, reached = true; reached; at++)
            for (uint64_t d = 0; d < (way == POWER_LOSS ? damages : 1); d++)
                reached = attempt(t, at, way, d, f);
}

/* An argument: the one scene. */
int main(int argc, char **argv)
{
    struct figures f = {0};
    uint64_t damages = getenv("SCHEMAFS_LONG") ? 20 : 4;
    for (size_t i = 0; i < n_scenes; i++) {
        struct stage t;
        if (scenes[i].reads || (argc > 1 && strcmp(argv[1], scenes[i].name) != 0))
            continue;
        stage_init(&t, &scenes[i], CRASH_VFS);
        every_point(&t, damages, &f);
        stage_free(&t);
    }
    printf("figures: crash_points: %u cycles, %u acknowledged, %u lost or torn\n", f.cycles,
           f.acknowledged, f.lost);
    return f.lost != 0;
}
