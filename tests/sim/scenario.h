/*
 * scenario - a plan that a person wrote: who, when, which fault, and what is expected to come of it.  The promises are
 * checked in every scenario; what it expects says what exactly happens.  tests/scenarios/README.md has the language.
 */
#ifndef LK_TESTS_SIM_SCENARIO_H
#define LK_TESTS_SIM_SCENARIO_H

#include "tests/sim/sim.h"

#define SCENARIO_EXPECTS 40

enum expect_what {
    EXPECT_END,      /* of `client`: exit code `number` */
    EXPECT_DURATION, /* of `client` */
    EXPECT_TEXT,     /* `client` is told `text` */
    EXPECT_NAMES,    /* `name`: exactly `arches`, all of them there */
    EXPECT_STRANGER, /* `name` is not ours */
    EXPECT_SIGNED,
    EXPECT_ARCH_TAG, /* `name` and `arch`: `number` is an expect_owner */
    EXPECT_COUNT,    /* `number` of `thing` of `filter` */
    EXPECT_EPOCH,
    EXPECT_PROMISE, /* checked anyway: says what a shrunk seed broke */
};

enum expect_owner { OWNER_NOBODY, OWNER_US, OWNER_STRANGER };

enum expect_compare { EXACTLY, AT_LEAST, AT_MOST };

/* What can be counted, besides facts. */
enum expect_thing {
    THING_BUILD,
    THING_UPLOAD,
    THING_MANIFEST,
    THING_TAG_WRITE,
    THING_ARCH_TAG_WRITE,
    THING_STALE,
    THING_FACT, /* `fact` */
};

struct expectation {
    unsigned            line;
    enum expect_what    what;
    enum expect_compare compare;
    enum expect_thing   thing;
    uint8_t             fact;
    uint8_t             client;
    uint8_t             arch;
    uint8_t             arches;
    uint32_t            number;
    int64_t             duration_ms;
    struct sim_name     name;
    struct sim_filter   filter;
    char                text[120];
};

struct scenario {
    struct sim_plan plan;
    unsigned        fault_lines[SIM_FAULTS];
    bool   is_drawn; /* it has a seed's luck: not each fault has to make a difference */
    bool   crashes;  /* again, with the coordinator killed at each write */
    size_t expect_count;
    struct expectation expects[SCENARIO_EXPECTS];
};

/* False: `error` says file, line, how far it was understood, and what may stand there. */
bool scenario_read(struct scenario *out, const char *file, char *error, size_t size);

/* ---- expect.c ---- */

/* After the run.  False: `text` says what was expected, and what there was. */
bool expectation_holds(struct sim *sim, const struct expectation *expect, char *text,
                       size_t size);
/* One that also holds when effects are carried out twice: how often something was done does not. */
bool expectation_is_lasting(const struct expectation *expect);

/* ---- scenarios.c ---- */

/* Runs them all, and prints a line for each.  `trace`: with everything that happens. */
bool scenarios_run(char **files, size_t count, bool trace);

#endif
