/*
 * agent - the composition root: owns the loop, the core and the adapters, and carries events in and effects
 * out.  What is decided is decided in core/; what touches the world is in link/, builder/, publish/, logs/.
 */
#ifndef LK_AGENT_H
#define LK_AGENT_H

#include "agent/config.h"

/* Serves until told to stop by SIGINT or SIGTERM, which the caller has blocked.  After lk_net_init(). */
int lk_agent_run(const struct lk_agent_config *config, struct lk_err *err);

#endif
