/*
 * driver: one kind of file operation, many times, on items of body.h; prints one line of JSON.
 *
 * Each operation is timed by itself, so that the p99 is there too; the clock is read once an
 * operation, names are made from numbers without a format. Warm and cold are the caller's: --warm
 * only means that one pass over the same items goes before the timed ones.
 *
 * The items are --count different ones of [--first, --first + --items), in random order (without the
 * --skip that come first in that order, so that calls of one --seed have different items), each
 * --rounds times; or, with --seconds or --until-eof, random ones with repetition until then.
 * With several threads each has items (or a random sequence) and a directory of its own.
 */
#include "body.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 256, DIRS_MAX = 256, SAMPLES_MAX = 1 << 22, READ_SIZE = 1 << 16 };

struct worker;

/* An operation on item `number`; returns 0 or an errno. */
typedef int op_fn(struct worker *w, unsigned number);

struct options {
    const char *op;
    op_fn *run;
    unsigned first, items, skip, count, rounds, threads, seed;
    double seconds;
    bool warm, until_eof, linear;
    const char *dirs[DIRS_MAX];
    unsigned n_dirs;
};

struct worker {
    const struct options *options;
    uint64_t random;
    int dir;
    uint32_t *samples; /* ns; a ring of SAMPLES_MAX */
    uint64_t ops;
    uint64_t result; /* entries listed, bytes read */
    unsigned *numbers;
    unsigned n_numbers;
    unsigned salt; /* makes each overwrite a change */
    int err;
    unsigned err_number;
    char buf[READ_SIZE];
};

static atomic_bool stop;
static pthread_barrier_t start;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* body_name without printf. */
static const char *item_name(char out[NAME_SIZE], unsigned number)
{
    memcpy(out, "dog-00000000.json", NAME_SIZE);
    for (char *p = out + 4 + BODY_DIGITS; number > 0 && p > out + 4; number /= 10)
        *--p = (char)('0' + number % 10);
    return out;
}

static int op_open(struct worker *w, unsigned number)
{
    char name[NAME_SIZE];
    int fd = openat(w->dir, item_name(name, number), O_RDONLY);
    ssize_t n;

    if (fd < 0)
        return errno;
    n = read(fd, w->buf, sizeof w->buf);
    if (n <= 0) {
        close(fd);
        return n < 0 ? errno : ENODATA;
    }
    w->result += (uint64_t)n;
    return close(fd) == 0 ? 0 : errno;
}

static int op_stat(struct worker *w, unsigned number)
{
    char name[NAME_SIZE];
    struct stat st;

    return fstatat(w->dir, item_name(name, number), &st, 0) == 0 ? 0 : errno;
}

/* A whole listing; the item doesn't matter. */
static int op_list(struct worker *w, unsigned number)
{
    int fd = openat(w->dir, ".", O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    (void)number;
    if (!dir)
        return errno;
    errno = 0;
    while (readdir(dir))
        w->result++;
    if (errno != 0) {
        closedir(dir);
        return errno;
    }
    return closedir(dir) == 0 ? 0 : errno;
}

static int write_item(struct worker *w, unsigned number, int flags)
{
    char name[NAME_SIZE], text[BODY_SIZE];
    int fd = openat(w->dir, item_name(name, number), flags, 0644);
    ssize_t n;

    if (fd < 0)
        return errno;
    body_write(text, number + w->salt);
    n = write(fd, text, BODY_SIZE);
    if (n != BODY_SIZE) {
        close(fd);
        return n < 0 ? errno : EIO;
    }
    return close(fd) == 0 ? 0 : errno;
}

static int op_create(struct worker *w, unsigned number)
{
    return write_item(w, number, O_WRONLY | O_CREAT | O_EXCL);
}

static int op_overwrite(struct worker *w, unsigned number)
{
    w->salt++;
    return write_item(w, number, O_WRONLY | O_CREAT | O_TRUNC);
}

static int op_unlink(struct worker *w, unsigned number)
{
    char name[NAME_SIZE];

    return unlinkat(w->dir, item_name(name, number), 0) == 0 ? 0 : errno;
}

static const struct {
    const char *name;
    op_fn *run;
} ops[] = {
    {"open", op_open},     {"stat", op_stat},           {"list", op_list},
    {"create", op_create}, {"overwrite", op_overwrite}, {"unlink", op_unlink},
};

static bool step(struct worker *w, unsigned number)
{
    w->err = w->options->run(w, number);
    if (w->err != 0)
        w->err_number = number;
    return w->err == 0;
}

static void sample(struct worker *w, uint64_t ns)
{
    w->samples[w->ops++ % SAMPLES_MAX] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static void run_rounds(struct worker *w)
{
    uint64_t t = now_ns(), end;

    for (unsigned round = 0; round < w->options->rounds; round++) {
        for (unsigned i = 0; i < w->n_numbers; i++) {
            if (!step(w, w->numbers[i]))
                return;
            end = now_ns();
            sample(w, end - t);
            t = end;
        }
    }
}

static void run_until_stopped(struct worker *w)
{
    const struct options *o = w->options;
    uint64_t t = now_ns(), end;

    while (!stop) {
        if (!step(w, o->first + (unsigned)(random_next(&w->random) % o->items)))
            return;
        end = now_ns();
        sample(w, end - t);
        t = end;
    }
}

static bool timed(const struct options *o)
{
    return o->seconds > 0 || o->until_eof;
}

static void *worker_run(void *arg)
{
    struct worker *w = arg;

    for (unsigned i = 0; w->options->warm && i < w->n_numbers; i++)
        if (!step(w, w->numbers[i]))
            break;
    pthread_barrier_wait(&start);
    w->result = 0;
    if (w->err == 0 && timed(w->options))
        run_until_stopped(w);
    else if (w->err == 0)
        run_rounds(w);
    return NULL;
}

static void fail(const char *what, const char *name, int err)
{
    fprintf(stderr, "driver: %s \"%s\": %s\n", what, name, strerror(err));
    exit(1);
}

static void *must(void *p)
{
    if (!p)
        fail("memory for", "driver", ENOMEM);
    return p;
}

/* Different items of the range, shuffled unless linear as far as they are used; the caller frees. */
static unsigned *choose(const struct options *o)
{
    unsigned *all = must(malloc(sizeof *all * o->items));
    uint64_t random = o->seed;

    for (unsigned i = 0; i < o->items; i++)
        all[i] = o->first + i;
    for (unsigned i = 0; !o->linear && i < o->skip + o->count; i++) {
        unsigned j = i + (unsigned)(random_next(&random) % (o->items - i));
        unsigned t = all[i];

        all[i] = all[j];
        all[j] = t;
    }
    return all;
}

static void worker_init(struct worker *w, const struct options *o, unsigned *numbers, unsigned i)
{
    const char *dir = o->dirs[i % o->n_dirs];
    unsigned share = o->count / o->threads;

    w->options = o;
    w->random = o->seed + 1000003u * (i + 1);
    w->salt = o->seed * 7919u;
    w->numbers = numbers + o->skip + (size_t)i * share;
    w->n_numbers = share;
    w->samples = must(calloc(SAMPLES_MAX, sizeof *w->samples));
    w->dir = open(dir, O_RDONLY | O_DIRECTORY);
    if (w->dir < 0)
        fail("open", dir, errno);
}

/* Until the time is over or standard input ends. */
static void wait_for_end(const struct options *o)
{
    struct pollfd p = {.fd = o->until_eof ? 0 : -1, .events = POLLIN};
    int left_ms = o->seconds > 0 ? (int)(o->seconds * 1000) : -1;
    uint64_t end = now_ns() + (uint64_t)(o->seconds * 1e9);
    char c;

    while (left_ms != 0) {
        if (poll(&p, 1, left_ms) > 0 && read(0, &c, 1) <= 0)
            break;
        if (o->seconds > 0)
            left_ms = now_ns() < end ? (int)((end - now_ns()) / 1000000) : 0;
    }
    stop = true;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static double percentile_us(const uint32_t *samples, size_t n, double p)
{
    return n ? samples[(size_t)((double)(n - 1) * p)] / 1e3 : 0;
}

static void report(const struct options *o, const struct worker *workers, double seconds)
{
    uint64_t n_ops = 0, result = 0;
    uint32_t *all = must(malloc(sizeof *all * SAMPLES_MAX * o->threads));
    size_t n = 0;

    for (unsigned i = 0; i < o->threads; i++) {
        size_t kept = workers[i].ops < SAMPLES_MAX ? workers[i].ops : SAMPLES_MAX;

        memcpy(all + n, workers[i].samples, kept * sizeof *all);
        n += kept;
        n_ops += workers[i].ops;
        result += workers[i].result;
    }
    qsort(all, n, sizeof *all, compare);
    printf("{\"op\": \"%s\", \"threads\": %u, \"ops\": %lu, \"result\": %lu, \"seconds\": %.6f, "
           "\"rate\": %.1f, \"us\": {\"mean\": %.3f, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, "
           "\"p999\": %.3f, \"max\": %.3f}}\n",
           o->op, o->threads, (unsigned long)n_ops, (unsigned long)result, seconds,
           (double)n_ops / seconds, n_ops ? seconds * 1e6 * o->threads / (double)n_ops : 0,
           percentile_us(all, n, 0.5), percentile_us(all, n, 0.9), percentile_us(all, n, 0.99),
           percentile_us(all, n, 0.999), percentile_us(all, n, 1));
    free(all);
}

static void run(const struct options *o)
{
    struct worker *workers = must(calloc(o->threads, sizeof *workers));
    unsigned *numbers = choose(o);
    pthread_t threads[THREADS_MAX];
    uint64_t t;

    pthread_barrier_init(&start, NULL, o->threads + 1);
    for (unsigned i = 0; i < o->threads; i++)
        worker_init(&workers[i], o, numbers, i);
    for (unsigned i = 0; i < o->threads; i++)
        if ((errno = pthread_create(&threads[i], NULL, worker_run, &workers[i])) != 0)
            fail("thread for", o->op, errno);
    pthread_barrier_wait(&start);
    t = now_ns();
    if (timed(o))
        wait_for_end(o);
    for (unsigned i = 0; i < o->threads; i++)
        pthread_join(threads[i], NULL);
    t = now_ns() - t;
    for (unsigned i = 0; i < o->threads; i++) {
        char name[NAME_SIZE];

        if (workers[i].err != 0)
            fail(o->op, item_name(name, workers[i].err_number), workers[i].err);
    }
    report(o, workers, (double)t / 1e9);
    free(numbers);
    free(workers);
}

static const char usage[] =
    "driver OP [option...] DIR...: open, stat, list, create, overwrite or unlink, timed\n"
    "  --first=N --items=N  the items there are: [first, first + items) (0, 100000)\n"
    "  --skip=N --count=N   how many of them to leave out, how many to take (0, the rest)\n"
    "  --rounds=N           passes over them (1)\n"
    "  --warm               one pass before the timed ones\n"
    "  --linear             in order of their numbers instead of at random\n"
    "  --seconds=S          random ones until the time is over\n"
    "  --until-eof          random ones until standard input ends\n"
    "  --threads=N --seed=N (1, 1)\n";

static void bad_usage(void)
{
    fputs(usage, stderr);
    exit(2);
}

enum { N_NUMBERS = 7 };

/* Numbers come first, in the order of numbers[] below. */
static const struct option long_options[] = {
    {"first", 1, NULL, 0},
    {"items", 1, NULL, 1},
    {"count", 1, NULL, 2},
    {"rounds", 1, NULL, 3},
    {"threads", 1, NULL, 4},
    {"seed", 1, NULL, 5},
    {"skip", 1, NULL, 6},
    {"seconds", 1, NULL, 's'},
    {"warm", 0, NULL, 'w'},
    {"linear", 0, NULL, 'l'},
    {"until-eof", 0, NULL, 'e'},
    {0},
};

static void parse_options(struct options *o, int argc, char **argv)
{
    unsigned *const numbers[N_NUMBERS] = {&o->first,  &o->items,   &o->count,
                                          &o->rounds, &o->threads, &o->seed,
                                          &o->skip};
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == '?')
            bad_usage();
        else if (option < N_NUMBERS)
            *numbers[option] = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 's')
            o->seconds = strtod(optarg, NULL);
        else
            *(option == 'w' ? &o->warm : option == 'l' ? &o->linear : &o->until_eof) = true;
    }
}

static void parse(struct options *o, int argc, char **argv)
{
    parse_options(o, argc, argv);
    if (optind + 2 > argc || o->threads == 0 || o->threads > THREADS_MAX || o->items == 0)
        bad_usage();
    o->op = argv[optind++];
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(ops[i].name, o->op) == 0)
            o->run = ops[i].run;
    while (optind < argc && o->n_dirs < DIRS_MAX)
        o->dirs[o->n_dirs++] = argv[optind++];
    if (o->skip >= o->items)
        bad_usage();
    if (o->count == 0 || o->count > o->items - o->skip)
        o->count = o->items - o->skip;
    if (!o->run || o->count < o->threads)
        bad_usage();
}

int main(int argc, char **argv)
{
    struct options o = {.items = 100000, .rounds = 1, .threads = 1, .seed = 1};

    parse(&o, argc, argv);
    run(&o);
    return 0;
}
