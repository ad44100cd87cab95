/*
 * task - carries out one slot's work for the core: fetch, build, upload, put; and stops it.
 *
 * Each call starts something and returns; how it ended comes as one event through `emit`, never from
 * inside the call.  A task holds no policy: what follows what is the core's (agent/core/slot.h).  Loop
 * thread only.
 */
#ifndef LK_AGENT_TASK_H
#define LK_AGENT_TASK_H

#include "agent/config.h"
#include "agent/core/event.h"
#include "agent/logs/spool.h"
#include "agent/publish/publish.h"
#include "common/source/receiver.h"

#include <czmq.h>

struct lk_task;

/* What all tasks share; outlives them. */
struct lk_task_host {
    const struct lk_agent_config *config;
    zloop_t                      *loop;
    struct lk_workers            *workers;
    struct lk_store              *store;
    struct lk_places             *places;
    const char                   *work_directory;
    const char                   *slots_directory;
    const char                   *built_directory;
    void (*emit)(void                        *ctx,
                 const struct lk_agent_event *event); /* queued, not handled at once */
    void (*log_grew)(void *ctx);
    void *ctx;
};

struct lk_task *lk_task_new(const struct lk_task_host *host, uint64_t id,
                            const lk_wire_Offer *offer);

uint64_t             lk_task_id(const struct lk_task *task);
int64_t              lk_task_begun_s(const struct lk_task *task); /* by the wall clock */
const lk_wire_Offer *lk_task_offer(const struct lk_task *task);
struct lk_spool     *lk_task_log(struct lk_task *task);
/* While its source is on its way, else NULL.  After each message taken in, call lk_task_received(). */
struct lk_receiver *lk_task_receiver(struct lk_task *task);
void                lk_task_received(struct lk_task *task, const struct lk_err *err);

/* Of what an earlier life had built; BUILT follows, if it is whole. */
void lk_task_check_built(struct lk_task *task);

void lk_task_fetch(struct lk_task *task);
void lk_task_build(struct lk_task *task);
void lk_task_set_ticket(struct lk_task *task, const lk_wire_Stage *stage);
void lk_task_upload(struct lk_task *task);
void lk_task_put(struct lk_task *task);

/* STOPPED follows when nothing of it runs any more. */
void lk_task_stop(struct lk_task *task);
void lk_task_kill(struct lk_task *task);

/* Emits PROGRESS if an upload moved. */
void lk_task_tick(struct lk_task *task);

/* After STOPPED: the work directory goes, in the background.  The log is handed to the caller. */
void lk_task_forget(struct lk_task **task, struct lk_spool **log);

/* At the end of the process, after the workers were stopped: what still runs is killed. */
void lk_task_free(struct lk_task **task);

#endif
