/*
 * forecast - how a build would go, native or emulated, judged by the agents that are there.
 *
 * The coordinator decides when the time comes; this only says beforehand what a person wants to know of a
 * plan, and, where the agents are all there will ever be, what cannot go well.  Pure.
 */
#ifndef LK_CLI_FORECAST_H
#define LK_CLI_FORECAST_H

#include "common/base/err.h"
#include "coordinator/cli/picture.h"

#define LK_FORECAST_ARCHES_MAX 32

enum lk_outlook {
    LK_OUTLOOK_NATIVE,
    LK_OUTLOOK_EMULATED,
    LK_OUTLOOK_FORBIDDEN, /* only by emulation, which the push does not allow */
    LK_OUTLOOK_NOBODY,    /* no agent is there for it */
};

struct lk_forecast {
    bool   allow_emulation;
    bool   complete; /* every agent was told */
    size_t count;
    struct {
        struct lk_arch arch;
        bool           native; /* somewhere */
    } served[LK_FORECAST_ARCHES_MAX];
};

void lk_forecast_take(struct lk_forecast *forecast, const lk_wire_AgentUpdate *agent);

enum lk_outlook lk_forecast_of(const struct lk_forecast *forecast, const struct lk_arch *arch);

/* Notes for every job of a plan that would be built how it would be, or why not yet. */
void lk_forecast_annotate(const struct lk_forecast *forecast, struct lk_picture *picture);

/*
 * True if a queued job would wait for ever, were these agents all there will ever be; `why` says for what, and
 * what to do.
 */
bool lk_forecast_hopeless(const struct lk_forecast *forecast, const struct lk_picture *picture,
                          struct lk_err *why);

#endif
