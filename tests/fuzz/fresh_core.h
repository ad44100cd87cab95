/* fresh_core - a small core as lk_core_new makes it, in the memory of the last one: a new one takes longer than a run. */
#ifndef LK_FUZZ_FRESH_CORE_H
#define LK_FUZZ_FRESH_CORE_H

#include "coordinator/core/private.h"

#include <string.h>

static void fresh_core(struct lk_core **core)
{
    struct lk_core_config config = lk_core_defaults;
    struct lk_core       *c = *core;

    config.pushes_max = 4;
    config.packages_max = 8;
    config.history_max = 2;
    config.agents_max = 2;
    config.records_max = 6;
    if (!c) {
        *core = lk_core_new(&config);
        return;
    }
    memset(c->pushes, 0, config.pushes_max * sizeof(*c->pushes));
    memset(c->packages, 0, config.packages_max * sizeof(*c->packages));
    memset(c->agents, 0, config.agents_max * sizeof(*c->agents));
    memset(c->turnstiles, 0, config.packages_max * sizeof(*c->turnstiles));
    memset(c->records, 0, config.records_max * sizeof(*c->records));
    *c = (struct lk_core) {
        .config = config,
        .pushes = c->pushes,
        .packages = c->packages,
        .agents = c->agents,
        .turnstiles = c->turnstiles,
        .records = c->records,
        .out = { .facts = c->out.facts, .effects = c->out.effects },
    };
}

#endif
