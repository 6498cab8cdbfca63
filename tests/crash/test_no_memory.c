/* The Nth allocation fails, N = 1.. until the operation passes, once and from then on: an error
 * says so, nothing is changed, nothing is kept, and the next attempt works. An operation makes up
 * to some thousands of allocations: all of them are failed when SCHEMAFS_LONG is set, else POINTS
 * of each operation, evenly. */
#include <stdio.h>
#include <stdlib.h>

#include "no_memory.h"
#include "scene.h"

enum { POINTS = 200 };

struct figures {
    unsigned points, refused, lost;
};

static const char *complaint(int rc, const struct err *e)
{
    if (rc && (e->code == ERR_NONE || !e->text[0]))
        return "refused without a reason";
    if (rc && e->code != ERR_NO_MEMORY)
        return "refused with another reason";
    return "";
}

static const char *again(struct stage *t, struct store *s)
{
    struct buf now BUF_CLEANUP = BUF_INIT;
    struct err e = ERR_INIT;
    if (dump(s, &now, &e))
        return "reading is refused when there is memory again";
    if (!t->scene->steps && !span_eq(buf_span(&now), buf_span(&t->before)))
        return "refused, and something is changed";
    return "";
}

static bool point(struct stage *t, uint64_t at, bool for_ever, struct figures *f)
{
    struct err e = ERR_INIT;
    const char *wrong;
    struct store *s;
    enum whole is;

    stage_restore(t);
    int64_t kept = no_memory_in_use();
    if (stage_open(t, t->scene->jobs, false, &s, &e))
        die("%s: %s", t->scene->name, e.text);
    no_memory_arm(at, for_ever);
    int rc = t->scene->run(s, &e);
    bool fired = no_memory_fired();
    no_memory_disarm();
    wrong = complaint(rc, &e);
    if (!*wrong && rc)
        wrong = again(t, s);
    store_close(s);
    kept = no_memory_in_use() - kept;
    /* A thread's own blocks are kept by the C library for the next thread. */
    if (!*wrong && kept > (t->scene->jobs ? 4 : 0))
        wrong = "memory is kept";
    /* Both ends of the same way of refusing: not every one needs to be looked at from outside. */
    if (!*wrong && (rc == 0 || at % 16 == 1 || t->scene->steps))
        wrong = stage_check(t, rc ? WHOLE_BEFORE : WHOLE_AFTER, &is);
    f->points++;
    f->refused += rc != 0;
    if (*wrong) {
        printf("%s, allocation %llu%s: %s [%d %s]\n", t->scene->name, (unsigned long long)at,
               for_ever ? " and all after it" : "", wrong, e.code, e.text);
        f->lost++;
    }
    return fired;
}

static uint64_t stride(struct stage *t, struct figures *f)
{
    point(t, 0, false, f); /* none fails */
    return getenv("SCHEMAFS_LONG") ? 1 : no_memory_count() / POINTS + 1;
}

/* Arguments: the one scene, the first allocation. */
int main(int argc, char **argv)
{
    struct figures f = {0};
    for (size_t i = 0; i < n_scenes; i++) {
        struct stage t;
        if (argc > 1 && strcmp(argv[1], scenes[i].name) != 0)
            continue;
        stage_init(&t, &scenes[i], NULL);
        uint64_t step = stride(&t, &f), first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
        for (unsigned for_ever = 0; for_ever < 2; for_ever++)
            for (uint64_t at = first + i % step; point(&t, at, for_ever, &f);)
                at += step;
        stage_free(&t);
    }
    printf("figures: no_memory: %u points, %u refused, %u lost or torn\n", f.points, f.refused, f.lost);
    return f.lost != 0;
}
