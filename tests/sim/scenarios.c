/* Scenarios are run: as they are, then with every effect carried out twice, then with the crashes that they ask for. */
#include "tests/sim/scenario.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAID_MAX 1600

static const char *running;

/* A core that stops by itself leaves no time for more. */
static void on_abort(int signal)
{
    char text[300];
    int  len = snprintf(text, sizeof(text), "not ok - %.200s: it ends a core\n", running);

    (void)signal;
    if (write(STDOUT_FILENO, text, (size_t)len) < 0)
        _exit(EXIT_FAILURE);
}

static bool was_felt(const struct sim *sim, const struct scenario *scenario, char *said)
{
    for (size_t i = 0; i < scenario->plan.fault_count && !scenario->is_drawn; i++) {
        char text[200];
        if (sim->felt[i])
            continue;
        sim_plan_fault_text(&scenario->plan, &scenario->plan.faults[i], text, sizeof(text));
        snprintf(said, SAID_MAX, "line %u: \"%s\" made no difference", scenario->fault_lines[i],
                 text);
        return false;
    }
    return true;
}

static bool is_as_expected(struct sim *sim, const struct scenario *scenario, bool only_lasting,
                           char *said)
{
    char text[300];

    for (size_t i = 0; i < scenario->expect_count; i++) {
        const struct expectation *expect = &scenario->expects[i];
        if ((only_lasting && !expectation_is_lasting(expect)) ||
            expectation_holds(sim, expect, text, sizeof(text)))
            continue;
        snprintf(said, SAID_MAX, "line %u: %s", expect->line, text);
        return false;
    }
    return true;
}

static bool run(const struct scenario *scenario, FILE *trace, uint32_t *writes, char *said)
{
    const struct sim_plan *plan = &scenario->plan;
    struct sim            *sim = sim_new(plan, trace);
    bool                   is_plain = !plan->crash_at && !plan->effects_twice;
    bool                   good = sim_run(sim);

    if (trace)
        fprintf(trace, "digest %016" PRIx64 "\n", sim->digest);
    *writes = sim->writes;
    if (!good)
        snprintf(said, SAID_MAX, "it breaks promise %d: %s", sim->broken, sim->broken_text);
    else
        good = (!is_plain || was_felt(sim, scenario, said)) &&
               is_as_expected(sim, scenario, !is_plain, said);
    sim_free(&sim);
    return good;
}

static bool run_crashes(struct scenario *scenario, FILE *trace, uint32_t writes, char *said)
{
    uint32_t count;
    char     why[SAID_MAX];

    for (uint32_t at = 1; scenario->crashes && at <= writes; at++)
        for (int after = 0; after < 2; after++) {
            scenario->plan.crash_at = at;
            scenario->plan.crash_is_after = after;
            if (run(scenario, trace, &count, why))
                continue;
            snprintf(said, SAID_MAX,
                     "with the coordinator killed %s write %u is on disk: %.1000s",
                     after ? "when" : "before", at, why);
            return false;
        }
    scenario->plan.crash_at = 0;
    return true;
}

static bool run_all_ways(struct scenario *scenario, FILE *trace, char *said)
{
    uint32_t writes, count;
    char     why[SAID_MAX];

    if (!run(scenario, trace, &writes, said) || !run_crashes(scenario, trace, writes, said))
        return false;
    scenario->plan.effects_twice = true;
    if (run(scenario, trace, &count, why))
        return true;
    snprintf(said, SAID_MAX, "with every effect carried out twice: %.1000s", why);
    return false;
}

bool scenarios_run(char **files, size_t count, bool trace)
{
    static struct scenario scenario;
    bool                   good = true;

    signal(SIGABRT, on_abort);
    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        char        said[SAID_MAX] = "";
        const char *name = strrchr(files[i], '/') ? strrchr(files[i], '/') + 1 : files[i];
        running = files[i];
        bool holds = scenario_read(&scenario, files[i], said, sizeof(said)) &&
                     run_all_ways(&scenario, trace ? stdout : NULL, said);
        printf("%s %zu - %s\n", holds ? "ok" : "not ok", i + 1, name);
        if (!holds)
            printf("# %s: %s\n", files[i], said);
        good &= holds;
    }
    return good;
}
