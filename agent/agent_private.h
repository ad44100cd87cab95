/*
 * agent_private - what the parts of the composition root share: agent.c (loop, pump, start and end),
 * agent_receive.c (messages in), agent_effects.c (effects out), agent_logs.c and agent_sources.c.  For them alone.
 */
#ifndef LK_AGENT_PRIVATE_H
#define LK_AGENT_PRIVATE_H

#include "agent/built.h"
#include "agent/link/line.h"
#include "agent/messages.h"
#include "agent/state.h"
#include "agent/task.h"

#define LOGS_MAX  64
#define TASKS_MAX (2 * LK_AGENT_SLOTS_MAX)

/* Events wait here until the step in progress and its effects are done. */
struct pending {
    struct lk_agent_event event;
    struct pending       *next;
};

struct old_log {
    struct lk_spool *spool;
    uint64_t         job;
    uint32_t         attempt;
    int64_t          until_ms;
};

struct agent {
    const struct lk_agent_config *config;
    struct lk_agent_state         state;
    struct lk_built_list          built; /* before this life */
    struct lk_curve_pair         *key;
    struct lk_curve_public        coordinator;
    char                          builder_version[64];
    zloop_t                      *loop;
    struct lk_workers            *workers;
    struct lk_store              *store;
    bool                          sweeping; /* the store */
    struct lk_places             *places;
    struct lk_line               *line;
    struct lk_agent_core         *core;
    struct lk_agent_effects       effects;
    struct pending               *first, **last;
    bool                          pumping;
    int                           pump_timer; /* -1: none */
    int                           wake_timer; /* -1: none */
    int                           signals;
    const lk_wire_Offer          *offer; /* while its event is handled */
    struct lk_task               *tasks[TASKS_MAX];
    struct old_log                logs[LOGS_MAX];
    size_t                        next_log; /* to be asked first for a piece */
    bool                          done;
};

/* Events are queued; pump handles them all, with their effects. */
void lk_agent_emit(void *ctx, const struct lk_agent_event *event);
void lk_agent_emit_kind(struct agent *agent, enum lk_agent_event_kind kind);
void lk_agent_pump(struct agent *agent);

void lk_agent_carry_out(struct agent *agent, const struct lk_agent_effect *effect);

/* Sources come one after the other: what is on its way belongs to no one but the first that waits. */
struct lk_task *lk_agent_fetching_task(struct agent *agent);
struct lk_task *lk_agent_find_task(struct agent *agent, uint64_t id);
void            lk_agent_send_wants(struct agent *agent);

/* Removes what was not used for long from the store, when it gets tight. */
void lk_agent_trim_sources(struct agent *agent);

/* The line's listeners. */
void lk_agent_on_message(void *ctx, const lk_wire_Envelope *envelope, struct lk_str payload);
void lk_agent_on_lost(void *ctx, const char *why);
bool lk_agent_send_log_piece(void *ctx);

/* Logs: those of tasks, then those that outlive theirs. */
void             lk_agent_log_grew(void *ctx);
struct lk_spool *lk_agent_spool_at(struct agent *agent, size_t i);
void lk_agent_keep_log(struct agent *agent, const lk_wire_Offer *offer, struct lk_spool *spool);
void lk_agent_forget_log(struct old_log *log);
void lk_agent_take_log_order(struct agent *agent, const lk_wire_Envelope *envelope);

#endif
