#include "agent/task.h"

#include "agent/built.h"
#include "agent/task_private.h"
#include "common/log/log.h"
#include "common/os/clock.h"
#include "common/os/file.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Something that blocks, done for a task on a worker's thread. */
struct chore {
    struct lk_work  work; /* first: the pool hands back this pointer */
    struct lk_task *task;
    int (*run)(struct lk_task *task, struct lk_err *err);
    void (*done)(struct lk_task *task, const struct lk_err *err);
    bool          ran;
    bool          failed; /* err is set */
    struct lk_err err;
};

void lk_task_emit(struct lk_task *task, struct lk_agent_event *event)
{
    event->task = task->id;
    task->host.emit(task->host.ctx, event);
}

void lk_task_emit_kind(struct lk_task *task, enum lk_agent_event_kind kind)
{
    struct lk_agent_event event = { .kind = kind };

    lk_task_emit(task, &event);
}

void lk_task_end_log(struct lk_task *task)
{
    if (task->log && !task->log_ended)
        lk_spool_end(task->log);
    task->log_ended = true;
    task->host.log_grew(task->host.ctx);
}

void lk_task_fail(struct lk_task *task, const struct lk_err *err)
{
    struct lk_agent_event event = { .kind = LK_AGENT_FAILED,
                                    .error = err->kind,
                                    .retry_after_ms = err->retry_after_ms };

    if (err->sys == ENOSPC || err->sys == EDQUOT)
        event.error = LK_ERR_LIMIT;
    /* Cut where it does not fit. */
    snprintf(event.text, sizeof(event.text), "%.*s", (int)sizeof(event.text) - 1, err->text);
    if (task->log && !task->log_ended) {
        lk_spool_write(task->log, LK_STR("lkagentd: "));
        lk_spool_write(task->log, lk_str_of(event.text));
        lk_spool_write(task->log, LK_STR("\n"));
    }
    lk_task_end_log(task);
    if (!task->stopping)
        lk_task_emit(task, &event);
}

void lk_task_check_stopped(struct lk_task *task)
{
    bool busy =
        task->runner || task->works > 0 || (task->publish && lk_publish_is_busy(task->publish));

    if (!task->stopping || task->stopped || busy)
        return;
    task->stopped = true;
    lk_task_emit_kind(task, LK_AGENT_STOPPED);
}

static void chore_run(struct lk_work *work)
{
    struct chore *chore = (struct chore *)work;

    chore->ran = true;
    chore->failed = chore->run(chore->task, &chore->err) < 0;
}

static void chore_done(struct lk_work *work)
{
    struct chore   *chore = (struct chore *)work;
    struct lk_task *task = chore->task;

    task->works--;
    if (chore->ran && !task->stopping)
        chore->done(task, chore->failed ? &chore->err : NULL);
    free(chore);
    lk_task_check_stopped(task);
}

void lk_task_submit(struct lk_task *task, int (*run)(struct lk_task *, struct lk_err *),
                    void (*done)(struct lk_task *, const struct lk_err *))
{
    struct chore *chore = lk_xcalloc(1, sizeof(*chore));

    chore->work.run = chore_run;
    chore->work.done = chore_done;
    chore->task = task;
    chore->run = run;
    chore->done = done;
    task->works++;
    lk_workers_submit(task->host.workers, &chore->work);
}

struct lk_task *lk_task_new(const struct lk_task_host *host, uint64_t id,
                            const lk_wire_Offer *offer)
{
    struct lk_task *task = lk_xcalloc(1, sizeof(*task));

    task->host = *host;
    task->id = id;
    task->begun_s = lk_clock_wall_ms() / 1000;
    task->offer = *offer;
    lk_arch_parse(lk_str_of(offer->arch), &task->arch);
    task->name = lk_xasprintf("%llu-%u", (unsigned long long)offer->job, offer->attempt);
    task->directory = lk_xasprintf("%s/%s", host->work_directory, task->name);
    task->context = lk_xasprintf("%s/context", task->directory);
    task->layout = lk_xasprintf("%s/layout", task->directory);
    if (lk_spool_open(&task->log, host->work_directory, offer->job, offer->attempt,
                      LK_LOG_BYTES_MAX, &task->log_err) < 0)
        task->log = NULL;
    return task;
}

uint64_t lk_task_id(const struct lk_task *task)
{
    return task->id;
}

int64_t lk_task_begun_s(const struct lk_task *task)
{
    return task->begun_s;
}

const lk_wire_Offer *lk_task_offer(const struct lk_task *task)
{
    return &task->offer;
}

struct lk_spool *lk_task_log(struct lk_task *task)
{
    return task->log;
}

struct removal {
    struct lk_work work; /* first */
    char          *directory;
};

static void removal_run(struct lk_work *work)
{
    struct removal *removal = (struct removal *)work;
    struct lk_err   err;

    if (lk_directory_remove(removal->directory, &err) < 0 && err.kind != LK_ERR_NOT_FOUND)
        lk_log_warn("work directory not removed", "path=%s err=%s", LK_Q(removal->directory),
                    LK_Q(err.text));
}

static void removal_done(struct lk_work *work)
{
    struct removal *removal = (struct removal *)work;

    free(removal->directory);
    free(removal);
}

void lk_task_free(struct lk_task **task)
{
    struct lk_task *t = *task;

    lk_spool_close(&t->log);
    lk_receiver_free(&t->receiver);
    lk_runner_free(&t->runner);
    lk_publish_free(&t->publish);
    lk_image_fini(&t->image);
    lk_build_secrets_fini(&t->secrets);
    if (t->has_spec)
        lk_spec_fini(&t->spec);
    sodium_memzero(&t->ticket, sizeof(t->ticket));
    free(t->name);
    free(t->context);
    free(t->layout);
    free(t->directory);
    free(t);
    *task = NULL;
}

void lk_task_forget(struct lk_task **task, struct lk_spool **log)
{
    struct removal *removal = lk_xcalloc(1, sizeof(*removal));

    lk_task_end_log(*task);
    lk_built_forget((*task)->host.built_directory, (*task)->name);
    *log = LK_TAKE((*task)->log);
    removal->work.run = removal_run;
    removal->work.done = removal_done;
    removal->directory = LK_TAKE((*task)->directory);
    lk_workers_submit((*task)->host.workers, &removal->work);
    lk_task_free(task);
}

void lk_task_stop(struct lk_task *task)
{
    task->stopping = true;
    atomic_store(&task->cancel, true);
    lk_receiver_free(&task->receiver);
    if (task->runner)
        lk_runner_signal(task->runner, SIGTERM);
    if (task->publish)
        lk_publish_cancel(task->publish);
    lk_task_check_stopped(task);
}

void lk_task_kill(struct lk_task *task)
{
    if (task->runner)
        lk_runner_signal(task->runner, SIGKILL);
}
