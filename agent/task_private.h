/*
 * task_private - what the parts of a task share: task.c (its life), task_fetch.c, task_build.c and
 * task_publish.c.  For them alone.
 */
#ifndef LK_AGENT_TASK_PRIVATE_H
#define LK_AGENT_TASK_PRIVATE_H

#include "agent/builder/runner.h"
#include "agent/task.h"
#include "common/pkg/spec.h"

#include <stdatomic.h>

struct lk_task {
    struct lk_task_host  host;
    uint64_t             id;
    int64_t              begun_s;
    lk_wire_Offer        offer;
    struct lk_arch       arch;
    char                *name; /* JOB-ATTEMPT */
    char                *directory;
    char                *context;
    char                *layout;
    struct lk_receiver  *receiver;
    bool                 has_spec;
    struct lk_spec       spec;
    struct lk_spool     *log;
    struct lk_err        log_err;
    bool                 log_ended;
    struct lk_runner    *runner;
    bool                 cannot_execute; /* the kernel refused a program of this arch */
    bool                 disk_was_full;  /* when the build said so */
    struct lk_image      image;
    struct lk_publish   *publish;
    struct lk_credential ticket;
    uint64_t             last_done;
    size_t               works;  /* on worker threads, besides publish */
    atomic_bool          cancel; /* these may look at it */
    bool                 stopping;
    bool                 stopped;

    struct lk_build_secrets secrets; /* from when the context is written until it is built */
};

void lk_task_emit(struct lk_task *task, struct lk_agent_event *event);
void lk_task_emit_kind(struct lk_task *task, enum lk_agent_event_kind kind);

/* Nothing more is written to the log. */
void lk_task_end_log(struct lk_task *task);

/* Says FAILED, and why in the log. */
void lk_task_fail(struct lk_task *task, const struct lk_err *err);

/* To be called whenever something of the task ended: says STOPPED if it was the last. */
void lk_task_check_stopped(struct lk_task *task);

/* What build.yml's depends.docker-images names goes into the context; then the secrets. */
void lk_task_fetch_images(struct lk_task *task);

/* The build's secrets, if it has any; then FETCHED. */
void lk_task_take_secrets(struct lk_task *task);

/* Runs something that blocks on a worker's thread; `done`, on the loop's, is left out if the task is stopping. */
void lk_task_submit(struct lk_task *task, int (*run)(struct lk_task *, struct lk_err *),
                    void (*done)(struct lk_task *, const struct lk_err *));

#endif
