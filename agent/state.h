/*
 * state - the agent's directory: one process at a time, leftovers removed at start, and the small file that
 * says whom it served last.
 *
 *   STATE/lock      held while the agent runs
 *   STATE/cluster   "CLUSTER-IN-HEX EPOCH": of this cluster nothing with a lower epoch is believed
 *   STATE/store     git objects received
 *   STATE/slots     what runs now (agent/remains.h); ended at start
 *   STATE/work      one directory per attempt
 *   STATE/built     which of them hold an image (agent/built.h); all others are removed at start
 */
#ifndef LK_AGENT_STATE_H
#define LK_AGENT_STATE_H

#include "agent/core/core.h"

struct lk_agent_state {
    char *directory;
    char *work;
    char *built;
    char *slots;
    char *store;
    int   lock;
};

/* What is in work and built may be of an earlier run. */
int  lk_agent_state_open(struct lk_agent_state *out, const char *directory, struct lk_err *err);
void lk_agent_state_close(struct lk_agent_state *state);

/* Fills cluster and epoch of `conf`; both stay empty if nothing was remembered yet. */
int lk_agent_state_recall(const struct lk_agent_state *state, struct lk_agent_core_conf *conf,
                          struct lk_err *err);
int lk_agent_state_remember(const struct lk_agent_state *state, const uint8_t *cluster,
                            size_t cluster_len, uint64_t epoch, struct lk_err *err);

#endif
