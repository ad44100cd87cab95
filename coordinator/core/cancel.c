/* A push is cancelled: by a person, by a failure in itself, or because its time is over. */
#include "coordinator/core/private.h"

#include <stdio.h>

void lk_push_cancel(struct lk_core *core, const struct lk_event *event)
{
    struct lk_push *push = lk_push_of(core, event->cancel.push);
    char            text[LK_REASON_SIZE];

    if (!push) {
        lk_core_explain_absence(core, event->cancel.push, text);
        lk_push_answer(core, event->cancel.session, event->cancel.request, LK_ERR_NOT_FOUND,
                       text);
        return;
    }
    if (push->state == LK_PUSH_ENDED &&
        (!push->cancelled || push->gave_up || push->timed_out)) {
        lk_push_answer(core, event->cancel.session, event->cancel.request, LK_ERR_CONFLICT,
                       "the push has ended already");
        return;
    }
    if (!push->cancelled) {
        lk_fact_new(core, LK_FACT_PUSH_CANCELLED)->push = push->id;
        lk_fact_commit(core);
    }
    lk_push_answer(core, event->cancel.session, event->cancel.request, LK_ERR_NONE, "");
}

static bool something_failed(const struct lk_push *push)
{
    for (const struct lk_package *package = push->packages; package;
         package = package->next_in_push) {
        if (package->outcome != LK_OUTCOME_OK)
            return true;
        for (size_t i = 0; i < package->job_count; i++)
            if (package->jobs[i].state == LK_JOB_FAILED)
                return true;
    }
    return false;
}

/* The time of a restart does not count: how long it took, nobody knows for sure. */
static bool is_out_of_time(struct lk_core *core, const struct lk_push *push)
{
    int64_t until_ms = push->since_ms + (int64_t)push->options.timeout_s * 1000;

    if (push->options.timeout_s == 0)
        return false;
    if (core->now_ms < until_ms)
        lk_wake_at(core, until_ms);
    return core->now_ms >= until_ms;
}

void lk_cancel_advance(struct lk_core *core, struct lk_push *push)
{
    if (push->cancelled)
        return;
    bool gives_up = push->options.fail_fast && something_failed(push);
    if (!gives_up && !is_out_of_time(core, push))
        return;
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PUSH_CANCELLED);
    fact->push = push->id;
    fact->flag = gives_up;
    fact->outcome = gives_up ? LK_OUTCOME_OK : LK_OUTCOME_INFRASTRUCTURE;
    lk_fact_commit(core);
}

void lk_cancel_job(struct lk_core *core, const struct lk_push *push, struct lk_job *job)
{
    lk_job_drop(core, job);
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_JOB_CANCELLED);
    fact->job = job->id;
    fact->outcome = LK_OUTCOME_CANCELLED;
    /* What it waited for is why it was not done in time. */
    if (push->timed_out)
        snprintf(fact->text, sizeof(fact->text), "%s", job->text);
    lk_fact_commit(core);
}

/* The first job that was not done, one with a reason before those without. */
static const struct lk_job *find_laggard(const struct lk_package *package)
{
    const struct lk_job *found = NULL;

    for (size_t i = 0; i < package->job_count; i++) {
        const struct lk_job *job = &package->jobs[i];

        if (job->state == LK_JOB_CANCELLED && (!found || (!found->text[0] && job->text[0])))
            found = job;
    }
    return found;
}

static void explain_lateness(const struct lk_push *push, const struct lk_package *package,
                             char text[LK_REASON_SIZE])
{
    const struct lk_job *laggard = find_laggard(package);
    const char          *what = laggard ? laggard->arch.name : "";
    const char          *why = laggard ? laggard->text : package->text;

    if (push->state == LK_PUSH_RECEIVING)
        why = "its source was not in";
    snprintf(text, LK_REASON_SIZE,
             "was not done after --timeout %u and is cancelled%s%s%s%.300s",
             push->options.timeout_s, *what ? ": " : "", what, *why ? ": " : "", why);
}

enum lk_outcome lk_cancel_outcome(const struct lk_push *push)
{
    return push->timed_out ? LK_OUTCOME_INFRASTRUCTURE : LK_OUTCOME_CANCELLED;
}

void lk_cancel_explain(const struct lk_push *push, const struct lk_package *package,
                       char text[LK_REASON_SIZE])
{
    if (push->timed_out)
        explain_lateness(push, package, text);
    else
        snprintf(text, LK_REASON_SIZE, "%s",
                 push->gave_up
                     ? "cancelled, because something else in its push failed (--fail-fast)"
                     : "cancelled");
}

void lk_cancel_end(struct lk_core *core, const struct lk_push *push, struct lk_package *package)
{
    char text[LK_REASON_SIZE];

    lk_cancel_explain(push, package, text);
    lk_package_end(core, package, lk_cancel_outcome(push), text);
}
