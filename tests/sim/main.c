/*
 * sim - runs seeds of the simulated world and says what came out.
 *
 *   sim --seeds A-B [--faults N]   N: faults a push, on average (default 1)
 *   sim --replay SEED [--faults N] prints everything that happens
 *   sim --shrink SEED [--faults N] takes away what does not matter for its failure, and prints the rest as a scenario
 *   sim --print SEED [--faults N]  its plan, as a scenario
 *   sim --steps SEED [--faults N]  prints what the models of tests/model judge
 *   sim [--trace] --scenario FILE... runs scenarios (../scenarios/README.md)
 *
 * Status 1: a promise was broken; README.md has them by number.
 */
#include "tests/sim/check.h"
#include "tests/sim/scenario.h"
#include "tests/sim/shrink.h"
#include "tests/sim/trace.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAST_LINES 40

struct options {
    uint64_t first;
    uint64_t last;
    uint32_t intensity;
    bool     trace;
    enum { SEEDS, REPLAY, SHRINK, PRINT, STEPS, SCENARIO } what;
};

struct totals {
    uint64_t                 pushes;
    uint64_t                 faults;
    uint64_t                 steps;
    uint64_t                 outcomes[256];
    crypto_hash_sha256_state digest;
};

static void add(struct totals *totals, const struct sim *sim)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < SIM_FAULT_KINDS; i++)
        totals->faults += sim->injected[i];
    for (size_t i = 0; i < sim->plan->submit_count; i++)
        totals->outcomes[(uint8_t)(sim->clients[i].outcome - 1)]++;
    totals->pushes += sim->plan->submit_count;
    totals->steps += sim->steps;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(sim->digest >> 8 * i);
    crypto_hash_sha256_update(&totals->digest, bytes, sizeof(bytes));
}

static void print(struct totals *totals)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    char    text[2 * sizeof(digest) + 1];

    crypto_hash_sha256_final(&totals->digest, digest);
    sodium_bin2hex(text, sizeof(text), digest, sizeof(digest));
    printf("ended well %" PRIu64 ", build failed %" PRIu64 ", infrastructure %" PRIu64
           ", refused %" PRIu64 ", cancelled %" PRIu64 "\n",
           totals->outcomes[0], totals->outcomes[1], totals->outcomes[4], totals->outcomes[5],
           totals->outcomes[130]);
    printf("pushes %" PRIu64 ", faults %" PRIu64 ", events %" PRIu64 ", digest %s\n",
           totals->pushes, totals->faults, totals->steps, text);
}

/* The last lines of what happened before. */
static void print_end(const char *text)
{
    const char *at = text + strlen(text);

    for (unsigned lines = 0; at > text && lines <= LAST_LINES; lines += at[0] == '\n')
        at--;
    fputs(at > text ? at + 1 : at, stdout);
}

static int say_broken(const struct sim_plan *plan, const struct options *options)
{
    char       *text = NULL;
    size_t      size;
    FILE       *trace = open_memstream(&text, &size);
    struct sim *sim = sim_new(plan, trace);

    sim_run(sim);
    fclose(trace);
    print_end(text);
    printf("seed %" PRIu64 " breaks promise %d: %s\n", plan->seed, sim->broken,
           sim->broken_text);
    printf("more: sim --faults %u --replay %" PRIu64 ", or --shrink\n", options->intensity,
           plan->seed);
    sim_free(&sim);
    free(text);
    return EXIT_FAILURE;
}

static uint64_t seed_now;

/* A core that stops by itself leaves no time for more. */
static void on_abort(int signal)
{
    char text[64];
    int  len = snprintf(text, sizeof(text), "seed %" PRIu64 " ends a core\n", seed_now);

    (void)signal;
    if (write(STDOUT_FILENO, text, (size_t)len) < 0)
        _exit(EXIT_FAILURE);
}

static int run_seeds(const struct options *options)
{
    struct totals   totals = { 0 };
    struct sim_plan plan;

    signal(SIGABRT, on_abort);
    crypto_hash_sha256_init(&totals.digest);
    for (uint64_t seed = options->first; seed <= options->last; seed++) {
        seed_now = seed;
        sim_plan_make(&plan, seed, options->intensity);
        struct sim *sim = sim_new(&plan, NULL);
        bool        good = sim_run(sim);
        add(&totals, sim);
        sim_free(&sim);
        if (!good)
            return say_broken(&plan, options);
    }
    print(&totals);
    return EXIT_SUCCESS;
}

static int replay(const struct options *options)
{
    struct sim_plan plan;

    sim_plan_make(&plan, options->first, options->intensity);
    sim_plan_print(&plan, stdout);
    struct sim *sim = sim_new(&plan, stdout);
    bool        good = sim_run(sim);
    printf("digest %016" PRIx64 "\n", sim->digest);
    sim_free(&sim);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int tell_steps(const struct options *options)
{
    struct sim_plan plan;

    sim_plan_make(&plan, options->first, options->intensity);
    struct sim       *sim = sim_new(&plan, NULL);
    struct sim_story *story = sim->story = story_new(sim);
    bool              good = sim_run(sim);
    story_print(story, stdout);
    sim_free(&sim);
    story_free(&story);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int shrink(const struct options *options)
{
    struct sim_plan plan;

    sim_plan_make(&plan, options->first, options->intensity);
    int broken = sim_shrink(&plan);
    if (!broken) {
        printf("seed %" PRIu64 " breaks nothing\n", plan.seed);
        return EXIT_SUCCESS;
    }
    printf("# seed %" PRIu64 " --faults %u breaks promise %d with no more than this.\n",
           plan.seed, options->intensity, broken);
    sim_plan_print(&plan, stdout);
    printf("expect promise %d kept\n", broken);
    return EXIT_FAILURE;
}

static int print_plan(const struct options *options)
{
    struct sim_plan plan;

    sim_plan_make(&plan, options->first, options->intensity);
    sim_plan_print(&plan, stdout);
    printf("expect promise %d kept\n", CHECK_LIVENESS);
    return EXIT_SUCCESS;
}

static bool parse_seeds(const char *text, struct options *options)
{
    char *end;

    options->first = options->last = strtoull(text, &end, 10);
    if (*end == '-')
        options->last = strtoull(end + 1, &end, 10);
    return end != text && *end == '\0' && options->first <= options->last;
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option known[] = { { "seeds", required_argument, NULL, 's' },
                                           { "replay", required_argument, NULL, 'r' },
                                           { "shrink", required_argument, NULL, 'k' },
                                           { "print", required_argument, NULL, 'p' },
                                           { "steps", required_argument, NULL, 'm' },
                                           { "scenario", no_argument, NULL, 'c' },
                                           { "trace", no_argument, NULL, 't' },
                                           { "faults", required_argument, NULL, 'f' },
                                           { NULL, 0, NULL, 0 } };
    bool                       good = false;
    int                        option;

    *options = (struct options) { .intensity = 1 };
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == '?')
            return false;
        if (option == 'f') {
            options->intensity = (uint32_t)strtoul(optarg, NULL, 10);
        } else if (option == 't') {
            options->trace = true;
        } else if (option == 'c') {
            options->what = SCENARIO;
        } else {
            options->what = option == 's'   ? SEEDS
                            : option == 'r' ? REPLAY
                            : option == 'p' ? PRINT
                            : option == 'm' ? STEPS
                                            : SHRINK;
            good = parse_seeds(optarg, options);
        }
    }
    return options->what == SCENARIO ? optind < argc : good && optind == argc;
}

int main(int argc, char **argv)
{
    struct options options;

    if (!parse(argc, argv, &options)) {
        fprintf(stderr,
                "usage: sim --seeds A-B | --replay|--shrink|--print|--steps SEED [--faults N]\n"
                "       sim [--trace] --scenario FILE...\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (options.what == SCENARIO)
        return !scenarios_run(argv + optind, (size_t)(argc - optind), options.trace);
    if (options.what == PRINT)
        return print_plan(&options);
    if (options.what == REPLAY)
        return replay(&options);
    if (options.what == STEPS)
        return tell_steps(&options);
    return options.what == SHRINK ? shrink(&options) : run_seeds(&options);
}
