/* Property tests of the laws in docs/schema-language.md.
 *
 *   laws [--cases N] [--seed S]     cases S, S + 1, ... (20000 from 1; a million with
 *                                   SCHEMAFS_LONG set; of --history 3, and 200; of --store 500,
 *                                   and 50,000)
 *   laws --case S                   that one, printed as a script whether it fails or not
 *   --all                           goes on after a failure: a line for each
 *   --linked PERCENT                of the cases are about extract_type, move_field and
 *                                   inline_type, which the others do without (25)
 *   --linked-to S                   none of those after case S are
 *   --merged PERCENT                of the cases are about merge_types, likewise (5)
 *
 *   --lists PERCENT                 of the edits of lists go on from what stands there, in another
 *                                   order, with an element more, less or another (0)
 *   --store                         a store beside the engine instead, which must show the same (twin.h)
 *   --history                       long histories instead: 171 versions each (gen_history.c)
 *   --schemas DIR                   writes the schema files of such a history, seed S, and ends
 *
 * A case is a chain of random schema versions and a random history of writes through them. One that
 * breaks a law is cut down and printed as shell commands for an empty mount. Status: 0 all laws
 * hold, 1 one is broken. */
#include <string.h>
#include <time.h>

#include "gen.h"
#include "shrink.h"
#include "twin.h"

#include "schemas/model.h"

/* Statements of old cases are kept by the environment: a new one now and then. */
#define CASES_AN_ENV 50

static struct expr_env *new_env(struct expr_env *old)
{
    struct err e = ERR_INIT;
    struct expr_env *env;
    if (old)
        expr_env_free(old);
    if (expr_env_new(&env, &e))
        case_die("no expressions", e.text);
    return env;
}

static void summary(const struct stats *st, const char *name, double seconds)
{
    printf("figures: %s: %llu cases, %llu versions, %llu steps (%llu refused), %llu writes (%llu "
           "refused), %llu items deleted, %llu versions finalized, %.1f s\n",
           name, (unsigned long long)st->cases, (unsigned long long)st->versions,
           (unsigned long long)st->steps, (unsigned long long)st->refused_steps,
           (unsigned long long)st->writes, (unsigned long long)st->refused_writes,
           (unsigned long long)st->deletes, (unsigned long long)st->finalizes, seconds);
    for (int i = 1; i < LAW_STORE && !st->checks[LAW_STORE]; i++)
        printf("%s%s %llu", i > 1 ? ", " : "figures: checks of laws: ", law_names[i],
               (unsigned long long)st->checks[i]);
    if (st->checks[LAW_STORE])
        printf("figures: %s: compared %llu times, %llu texts, %llu versions and writes refused by the store alone", name,
               (unsigned long long)st->checks[LAW_STORE],
               (unsigned long long)st->compared, (unsigned long long)st->refused_by_store);
    printf("\nsteps:");
    for (size_t i = 0; i < n_step_kinds; i++)
        printf("%s %s %llu", i ? "," : "", step_kinds[i].name, (unsigned long long)st->kinds[i]);
    printf("\n");
}

/* A run that is long enough has every kind of step in it. */
#define ALL_KINDS_CASES 5000
static int check_kinds(const struct stats *st, struct gen_shares shares)
{
    int rc = 0;
    MUST(n_step_kinds <= RUN_KINDS);
    for (size_t i = 0; i < n_step_kinds && shares.linked && shares.merged && st->cases >= ALL_KINDS_CASES; i++)
        if (!st->kinds[i]) {
            printf("no case has a step %s: gen_step.c does not know it\n", step_kinds[i].name);
            rc = 1;
        }
    return rc;
}

/* --all: one line for each case that breaks a law, nothing cut down. */
static int mention(const struct verdict *v, uint64_t seed)
{
    printf("%llu %s: %s\n", (unsigned long long)seed, law_names[v->law], v->text);
    return 0;
}

struct options {
    uint64_t seed, cases;
    uint64_t linked_to; /* the last seed to which shares.linked applies */
    struct gen_shares shares;
    bool show, all, history, store;
    const char *schemas; /* a directory */
};

static struct gen_shares shares_of(const struct options *o, uint64_t seed)
{
    struct gen_shares shares = o->shares;
    if (seed > o->linked_to)
        shares.linked = 0;
    return shares;
}

static case_fn run_of(const struct options *o)
{
    return o->store ? twin_case : run_case;
}

static int report(const struct options *o, const struct kase *k, struct expr_env *env, uint64_t seed,
                  struct arena *a)
{
    struct kase small;
    struct verdict v;
    struct stats st = {0};
    struct gen_shares shares = shares_of(o, seed);

    shrink_case(run_of(o), k, env, a, &small, &v);
    printf("# %s does not hold: seed %llu, operation %zu\n# %s\n#\n# cut down to:\n",
           law_names[v.law], (unsigned long long)seed, v.op + 1, v.text);
    run_of(o)(&small, env, &v, &st, stdout);
    printf("# %s: %s\n# again: laws --case %llu --linked %u --merged %u --lists %u%s%s\n", law_names[v.law], v.text,
           (unsigned long long)seed, shares.linked, shares.merged, shares.lists, o->history ? " --history" : "",
           o->store ? " --store" : "");
    return 1;
}

static int run_all(const struct options *o)
{
    struct timespec t0, t1;
    struct expr_env *env = NULL;
    struct stats st = {0};
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &t0);
    for (uint64_t i = 0; i < o->cases && rc == 0; i++) {
        struct arena a ARENA_CLEANUP = {0};
        struct kase k;
        struct verdict v;
        if (i % CASES_AN_ENV == 0)
            env = new_env(env);
        st.cases++;
        if (o->history)
            gen_history(o->seed + i, &a, env, &k, &st);
        else
            gen_case(o->seed + i, shares_of(o, o->seed + i), &a, env, &k, &st);
        run_of(o)(&k, env, &v, &st, o->show ? stdout : NULL);
        if (v.law)
            rc = o->all ? mention(&v, o->seed + i) : report(o, &k, env, o->seed + i, &a);
    }
    if (env)
        expr_env_free(env);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    summary(&st, o->history ? "long histories" : o->store ? "laws in a store" : o->shares.lists ? "laws of lists" : "laws",
            (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
    return rc ? rc : check_kinds(&st, o->history ? (struct gen_shares){0} : o->shares);
}

static uint64_t default_cases(const struct options *o)
{
    bool is_long = getenv("SCHEMAFS_LONG") != NULL;
    if (o->history)
        return is_long ? 200 : 3;
    if (o->store)
        return is_long ? 50000 : 500;
    return is_long ? 1000000 : 20000;
}

/* For a test through a mount. */
static int write_schemas(const struct options *o)
{
    struct arena a ARENA_CLEANUP = {0};
    struct expr_env *env = new_env(NULL);
    struct stats st = {0};
    struct kase k;

    gen_history(o->seed, &a, env, &k, &st);
    for (size_t i = 0; i < k.n_v; i++) {
        struct buf yaml BUF_CLEANUP = BUF_INIT, path BUF_CLEANUP = BUF_INIT;
        case_yaml(&k.v[i], i ? &k.v[i - 1] : NULL, &yaml);
        MUST(buf_printf(&path, "%s/%s.yaml", o->schemas, k.v[i].name));
        FILE *f = fopen(buf_str(&path), "w");
        if (!f || fputs(buf_str(&yaml), f) < 0 || fclose(f))
            case_die(buf_str(&path), "can't be written");
    }
    expr_env_free(env);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1, .linked_to = UINT64_MAX, .shares = {.linked = 25, .merged = 5}};

    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (more && !strcmp(argv[i], "--cases")) {
            o.cases = strtoull(argv[++i], NULL, 10);
        } else if (more && !strcmp(argv[i], "--seed")) {
            o.seed = strtoull(argv[++i], NULL, 10);
        } else if (more && !strcmp(argv[i], "--linked")) {
            o.shares.linked = (unsigned)strtoul(argv[++i], NULL, 10);
        } else if (more && !strcmp(argv[i], "--linked-to")) {
            o.linked_to = strtoull(argv[++i], NULL, 10);
        } else if (more && !strcmp(argv[i], "--merged")) {
            o.shares.merged = (unsigned)strtoul(argv[++i], NULL, 10);
        } else if (more && !strcmp(argv[i], "--lists")) {
            o.shares.lists = (unsigned)strtoul(argv[++i], NULL, 10);
        } else if (more && !strcmp(argv[i], "--schemas")) {
            o.schemas = argv[++i];
        } else if (!strcmp(argv[i], "--all")) {
            o.all = true;
        } else if (!strcmp(argv[i], "--store")) {
            o.store = true;
        } else if (!strcmp(argv[i], "--history")) {
            o.history = true;
        } else if (more && !strcmp(argv[i], "--case")) {
            o.seed = strtoull(argv[++i], NULL, 10);
            o.cases = 1;
            o.show = true;
        } else {
            fprintf(stderr,
                    "usage: laws [--cases N] [--seed S] [--all] [--linked PERCENT] [--linked-to S] [--merged PERCENT]\n"
                    "            [--lists PERCENT] [--history] [--store]\n"
                    "       laws --case S [--linked PERCENT] [--merged PERCENT] [--lists PERCENT] [--history] [--store]\n"
                    "       laws --schemas DIR [--seed S]\n");
            return 2;
        }
    }
    if (!o.cases)
        o.cases = default_cases(&o);
    return o.schemas ? write_schemas(&o) : run_all(&o);
}
