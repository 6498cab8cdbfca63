/* Replays files, and all files of folders, through a fuzz target built without libFuzzer. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "schemas/buf.h"

static unsigned replayed;

static void replay_file(const char *path)
{
    struct buf bytes BUF_CLEANUP = BUF_INIT;
    char chunk[65536];
    size_t n;
    FILE *f = fopen(path, "rb");

    CHECK(f);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        CHECK(buf_add(&bytes, chunk, n));
    fclose(f);
    fprintf(stderr, "%s\n", path); /* an abort shows which one it was */
    LLVMFuzzerTestOneInput((const uint8_t *)bytes.p, bytes.n);
    replayed++;
}

static void replay(const char *path)
{
    char inner[4096];
    struct dirent *entry;
    DIR *dir = opendir(path);

    if (!dir) {
        replay_file(path);
        return;
    }
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.') {
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            replay_file(inner);
        }
    closedir(dir);
}

/* Arguments: the target's name, then what to replay. */
int main(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        replay(argv[i]);
    printf("figures: replay_%s: %u inputs, 0 failed\n", argc > 1 ? argv[1] : "", replayed);
    return replayed == 0;
}
