#include "disk.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512

struct change {
    uint64_t at; /* or the new size */
    size_t n;
    char *data; /* NULL = a truncation */
};

struct image {
    char *p;
    size_t n;
};

struct disk_file {
    char path[160];
    struct image durable;
    bool durable_name; /* the name itself is durable */
    bool removed;      /* the removal is not */
    struct change *changes;
    size_t n_changes;
    struct disk_file *next;
};

static struct disk_file *files;

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static void image_size(struct image *im, size_t n)
{
    im->p = must(realloc(im->p, n + 1));
    if (n > im->n)
        memset(im->p + im->n, 0, n - im->n);
    im->n = n;
}

static void image_write(struct image *im, const char *data, size_t n, uint64_t at)
{
    if (at + n > im->n)
        image_size(im, at + n);
    memcpy(im->p + at, data, n);
}

static bool image_load(struct image *im, const char *path)
{
    FILE *f = fopen(path, "rb");
    char chunk[65536];
    size_t n;

    if (!f)
        return false;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        image_write(im, chunk, n, im->n);
    fclose(f);
    return true;
}

static void image_store(const struct image *im, const char *path)
{
    FILE *f = must(fopen(path, "wb"));
    if (im->n && fwrite(im->p, 1, im->n, f) != im->n)
        abort();
    if (fclose(f))
        abort();
}

static void changes_drop(struct disk_file *f)
{
    for (size_t i = 0; i < f->n_changes; i++)
        free(f->changes[i].data);
    free(f->changes);
    f->changes = NULL;
    f->n_changes = 0;
}

static struct change *change_new(struct disk_file *f)
{
    if ((f->n_changes & (f->n_changes - 1)) == 0)
        f->changes =
            must(realloc(f->changes, (f->n_changes ? 2 * f->n_changes : 1) * sizeof *f->changes));
    f->changes[f->n_changes] = (struct change){0};
    return &f->changes[f->n_changes++];
}

struct disk_file *disk_file(const char *path)
{
    struct disk_file *f = files;

    while (f && strcmp(f->path, path) != 0)
        f = f->next;
    if (!f) {
        f = must(calloc(1, sizeof *f));
        snprintf(f->path, sizeof f->path, "%s", path);
        f->durable_name = image_load(&f->durable, path);
        f->next = files;
        files = f;
    } else if (f->removed) {
        f->removed = false; /* made anew where the removal may not have happened */
        disk_truncate(f, 0);
    }
    return f;
}

void disk_write(struct disk_file *f, const void *data, size_t n, uint64_t at)
{
    struct change *c = change_new(f);
    *c = (struct change){at, n, must(malloc(n + 1))};
    memcpy(c->data, data, n);
}

void disk_truncate(struct disk_file *f, uint64_t size)
{
    change_new(f)->at = size;
}

void disk_sync(struct disk_file *f)
{
    for (size_t i = 0; i < f->n_changes; i++) {
        const struct change *c = &f->changes[i];
        if (c->data)
            image_write(&f->durable, c->data, c->n, c->at);
        else
            image_size(&f->durable, c->at);
    }
    changes_drop(f);
    f->durable_name = true;
}

void disk_delete(struct disk_file *f, int durable)
{
    changes_drop(f);
    f->removed = true;
    if (!durable)
        return;
    f->durable_name = false;
    f->durable.n = 0;
}

/* ---- The loss ---- */

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Each sector that a write touches gets there or not. */
static void tear(struct image *im, const struct change *c, unsigned percent, uint64_t *seed)
{
    for (uint64_t at = c->at; at < c->at + c->n;) {
        uint64_t end = (at / SECTOR + 1) * SECTOR;
        if (end > c->at + c->n)
            end = c->at + c->n;
        if (next(seed) % 100 < percent)
            image_write(im, c->data + (at - c->at), end - at, at);
        at = end;
    }
}

static void lose(struct disk_file *f, uint64_t *seed)
{
    static const unsigned percents[] = {0, 10, 50, 90, 99};
    unsigned percent = percents[next(seed) % 5];

    if ((!f->durable_name || f->removed) && next(seed) % 2) {
        unlink(f->path);
        return;
    }
    if (f->removed && !f->durable_name)
        return;
    for (size_t i = 0; i < f->n_changes; i++) {
        const struct change *c = &f->changes[i];
        if (c->data)
            tear(&f->durable, c, percent, seed);
        else if (next(seed) % 100 < percent)
            image_size(&f->durable, c->at);
    }
    image_store(&f->durable, f->path);
}

void disk_lose(uint64_t seed)
{
    seed = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (struct disk_file *f = files; f; f = f->next)
        lose(f, &seed);
    disk_forget();
}

void disk_forget(void)
{
    while (files) {
        struct disk_file *f = files;
        files = f->next;
        changes_drop(f);
        free(f->durable.p);
        free(f);
    }
}
