#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "human.h"
#include "../schemas/clock.h"

#define LINE_SIZE 256
#define BAR_MAX   40
#define REDRAW_NS INT64_C(100000000)

void progress_init(struct progress *p)
{
    *p = (struct progress){.on = isatty(STDERR_FILENO), .began_ns = clock_steady_ns()};
}

double progress_seconds(const struct progress *p)
{
    return (double)(clock_steady_ns() - p->began_ns) / 1e9;
}

static int columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* The line takes the place of the one before it, cut where the terminal ends. */
static void draw(struct progress *p, const char *line)
{
    fprintf(stderr, "\r%.*s\033[K", columns() - 1, line);
    fflush(stderr);
    p->drawn = true;
    p->drawn_ns = clock_steady_ns();
}

static void print_bar(char ret[BAR_MAX + 1], int width, uint64_t done, uint64_t total)
{
    int filled = total ? (int)((double)done / (double)total * width) : 0;

    for (int i = 0; i < width; i++)
        ret[i] = i < filled ? '#' : '-';
    ret[width] = 0;
}

/* "70,000 of 171,075  250,000/s  0.4 s left" */
static void print_numbers(char *ret, size_t size, uint64_t done, uint64_t total, double rate,
                          double eta_s)
{
    char have[HUMAN_SIZE], all[HUMAN_SIZE], per[HUMAN_SIZE], left[HUMAN_SIZE];
    int n = snprintf(ret, size, "%s of %s", human_count(done, have), human_count(total, all));

    if (rate > 0)
        n += snprintf(ret + n, size - (size_t)n, "  %s/s",
                      human_count((uint64_t)(rate + 0.5), per));
    if (eta_s >= 0)
        snprintf(ret + n, size - (size_t)n, "  %s left", human_duration(eta_s, left));
}

/* The bar takes the room that the numbers leave. */
void progress_bar(struct progress *p, const char *label, uint64_t done, uint64_t total, double rate,
                  double eta_s)
{
    char bar[BAR_MAX + 1], numbers[4 * HUMAN_SIZE + 32], line[LINE_SIZE];
    int width;

    if (!p->on)
        return;
    print_numbers(numbers, sizeof(numbers), done, total, rate, eta_s);
    width = columns() - (int)(strlen(label) + strlen(numbers) + strlen(" [] 100 %   "));
    print_bar(bar, width < 10 ? 10 : width > BAR_MAX ? BAR_MAX : width, done, total);
    snprintf(line, sizeof(line), "%s [%s] %u %%  %s", label, bar, human_percent(done, total),
             numbers);
    draw(p, line);
}

void progress_count(struct progress *p, const char *label, const char *what, uint64_t n,
                    uint64_t total)
{
    char count[HUMAN_SIZE], per[HUMAN_SIZE], line[LINE_SIZE];
    double seconds, rate;

    if (!p->on || clock_steady_ns() - p->drawn_ns < REDRAW_NS)
        return;
    seconds = progress_seconds(p);
    rate = seconds > 0 ? (double)n / seconds : 0;
    if (total) {
        progress_bar(p, label, n, total, rate,
                     rate > 0 && total > n ? (double)(total - n) / rate : 0);
        return;
    }
    snprintf(line, sizeof(line), "%s %s %s  %s/s", label, human_count(n, count), what,
             human_count((uint64_t)rate, per));
    draw(p, line);
}

void progress_end(struct progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}
