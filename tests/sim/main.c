/*
 * sim - runs seeds of the simulated world and says what came out.
 *
 *   sim --seeds A-B [--faults N]   N: faults a push, on average (default 1)
 *   sim --replay SEED [--faults N] prints everything that happens
 *   sim --shrink SEED [--faults N] takes away what does not matter for its failure, and prints the rest
 *
 * Status 1: a promise was broken; README.md has them by number.
 */
#include "tests/sim/check.h"

#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct options {
    uint64_t first;
    uint64_t last;
    uint32_t intensity;
    enum { SEEDS, REPLAY, SHRINK } what;
};

struct totals {
    uint64_t                 pushes;
    uint64_t                 faults;
    uint64_t                 steps;
    uint64_t                 by_kind[SIM_FAULT_KINDS];
    uint64_t                 outcomes[256];
    crypto_hash_sha256_state digest;
};

struct result {
    int      broken;
    char     text[300];
    int64_t  at_ms;
    uint64_t digest;
};

static struct result run(const struct sim_plan *plan, bool trace, struct totals *totals)
{
    struct sim   *sim = sim_new(plan, trace);
    struct result result = { 0 };

    sim_run(sim);
    result.broken = sim->broken;
    memcpy(result.text, sim->broken_text, sizeof(result.text));
    result.at_ms = sim->now_ms;
    result.digest = sim->digest;
    for (size_t i = 0; totals && i < SIM_FAULT_KINDS; i++) {
        totals->by_kind[i] += sim->injected[i];
        totals->faults += sim->injected[i];
    }
    if (totals) {
        totals->pushes += plan->submit_count;
        totals->steps += sim->steps;
    }
    for (size_t i = 0; totals && i < plan->submit_count; i++)
        totals->outcomes[(uint8_t)(sim->clients[i].outcome - 1)]++;
    sim_free(&sim);
    return result;
}

static void add_digest(struct totals *totals, uint64_t value)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    crypto_hash_sha256_update(&totals->digest, bytes, sizeof(bytes));
}

static void print_totals(struct totals *totals)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    char    text[2 * sizeof(digest) + 1];

    crypto_hash_sha256_final(&totals->digest, digest);
    sodium_bin2hex(text, sizeof(text), digest, sizeof(digest));
    printf("ended well %" PRIu64 ", build failed %" PRIu64 ", infrastructure %" PRIu64
           ", refused %" PRIu64 ", cancelled %" PRIu64 "\n",
           totals->outcomes[0], totals->outcomes[1], totals->outcomes[4], totals->outcomes[5],
           totals->outcomes[130]);
    printf("pushes %" PRIu64 ", faults %" PRIu64 ", steps %" PRIu64 ", digest %s\n",
           totals->pushes, totals->faults, totals->steps, text);
}

static int say_broken(const struct sim_plan *plan, const struct result *result,
                      const struct options *options)
{
    printf("seed %" PRIu64 " breaks promise %d after %lld.%03lld s: %s\n", plan->seed,
           result->broken, (long long)result->at_ms / 1000, (long long)result->at_ms % 1000,
           result->text);
    printf("look: sim --faults %u --replay %" PRIu64 ", or --shrink\n", options->intensity,
           plan->seed);
    return EXIT_FAILURE;
}

static int run_seeds(const struct options *options)
{
    struct totals   totals = { 0 };
    struct sim_plan plan;

    crypto_hash_sha256_init(&totals.digest);
    for (uint64_t seed = options->first; seed <= options->last; seed++) {
        sim_plan_make(&plan, seed, options->intensity);
        struct result result = run(&plan, false, &totals);
        if (result.broken)
            return say_broken(&plan, &result, options);
        add_digest(&totals, result.digest);
    }
    print_totals(&totals);
    return EXIT_SUCCESS;
}

static int replay(const struct options *options)
{
    struct sim_plan plan;

    sim_plan_make(&plan, options->first, options->intensity);
    setvbuf(stdout, NULL, _IOLBF, 0);
    sim_plan_print(&plan, stdout);
    struct result result = run(&plan, true, NULL);
    return result.broken ? say_broken(&plan, &result, options) : EXIT_SUCCESS;
}

/* Without faults and pushes that make no difference, as long as there are such. */
static bool shrink_once(struct sim_plan *plan, int broken)
{
    bool smaller = false;

    for (size_t i = 0; i < plan->fault_count; i++) {
        if (plan->faults[i].is_off)
            continue;
        plan->faults[i].is_off = true;
        if (run(plan, false, NULL).broken == broken)
            smaller = true;
        else
            plan->faults[i].is_off = false;
    }
    for (size_t i = plan->submit_count; i-- > 0 && plan->submit_count > 1;) {
        struct sim_plan less = *plan;
        memmove(&less.submits[i], &less.submits[i + 1],
                (less.submit_count - i - 1) * sizeof(less.submits[0]));
        less.submit_count--;
        if (run(&less, false, NULL).broken != broken)
            continue;
        *plan = less;
        smaller = true;
    }
    return smaller;
}

static int shrink(const struct options *options)
{
    struct sim_plan plan;

    sim_plan_make(&plan, options->first, options->intensity);
    struct result result = run(&plan, false, NULL);
    if (!result.broken) {
        printf("seed %" PRIu64 " breaks nothing\n", plan.seed);
        return EXIT_SUCCESS;
    }
    while (shrink_once(&plan, result.broken))
        continue;
    result = run(&plan, false, NULL);
    sim_plan_print(&plan, stdout);
    printf("%3lld.%03lld  promise %d is broken: %s\n", (long long)result.at_ms / 1000,
           (long long)result.at_ms % 1000, result.broken, result.text);
    printf("\n");
    run(&plan, true, NULL);
    return EXIT_FAILURE;
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
            continue;
        }
        options->what = option == 's' ? SEEDS : option == 'r' ? REPLAY : SHRINK;
        good = parse_seeds(optarg, options);
    }
    return good && optind == argc;
}

int main(int argc, char **argv)
{
    struct options options;

    if (!parse(argc, argv, &options)) {
        fprintf(stderr,
                "usage: sim --seeds A-B | --replay SEED | --shrink SEED [--faults N]\n");
        return 2;
    }
    if (options.what == REPLAY)
        return replay(&options);
    return options.what == SHRINK ? shrink(&options) : run_seeds(&options);
}
