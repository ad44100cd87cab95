/* A push that did not end well goes on: with what failed of it, was cancelled or never began. */
#include "coordinator/core/private.h"

#include <string.h>

/* Attempts are numbered on, so that nothing of an old one is taken for the new one's. */
static void reset_job(struct lk_job *job)
{
    struct lk_job old = *job;

    *job = (struct lk_job) {
        .id = old.id,
        .arch = old.arch,
        .attempt = old.attempt,
        .last_attempt = old.last_attempt,
        .was_done = old.was_done || old.state == LK_JOB_DONE,
    };
    memcpy(job->given, old.given, sizeof(job->given));
    if (job->was_done)
        job->child = old.child;
}

/* It waits as it did at first; what the registry has meanwhile is found by the same look. */
static void reset_package(struct lk_core *core, struct lk_package *package)
{
    package->state = LK_PACKAGE_WAITING;
    package->outcome = LK_OUTCOME_OK;
    package->is_merged = false;
    package->index = (struct lk_child) { 0 };
    package->index_is_signed = false;
    package->nothing_to_do = false;
    package->left_out_count = 0;
    package->text[0] = '\0';
    package->op = 0;
    package->probed_in_turn = false;
    package->merged_in_turn = false;
    package->not_before_ms = 0;
    package->trouble_since_ms = 0;
    for (size_t i = 0; i < package->job_count; i++) {
        reset_job(&package->jobs[i]);
        package->jobs[i].fact_seq = core->fact_seq;
        lk_touch_job(core, package, &package->jobs[i]);
    }
    package->fact_seq = core->fact_seq;
    lk_touch_package(core, package);
}

bool lk_apply_retried(struct lk_core *core, struct lk_push *push, const struct lk_fact *fact)
{
    if (push->state != LK_PUSH_ENDED || !push->has_source)
        return false;
    for (struct lk_package *package = push->packages; package; package = package->next_in_push)
        if (package->outcome != LK_OUTCOME_OK)
            reset_package(core, package);
    push->state = LK_PUSH_RUNNING;
    push->outcome = LK_OUTCOME_OK;
    push->cancelled = false;
    push->gave_up = false;
    push->timed_out = false;
    push->since_ms = core->now_ms;
    push->ended_wall_ms = 0;
    push->retries++;
    memcpy(push->retry_key, fact->request_key, sizeof(push->retry_key));
    core->ended_count--;
    return true;
}

static void refuse(struct lk_core *core, const struct lk_event *event, enum lk_err_kind kind,
                   const char *text)
{
    lk_push_answer(core, event->retry.session, event->retry.request, kind, text);
}

/* The same request once more: its answer was lost. */
static bool was_heard(const struct lk_push *push, const struct lk_event *event)
{
    return push->retries > 0 &&
           memcmp(push->retry_key, event->retry.request_key, sizeof(push->retry_key)) == 0;
}

void lk_push_retry(struct lk_core *core, const struct lk_event *event)
{
    struct lk_push *push = lk_push_of(core, event->retry.push);
    char            text[LK_REASON_SIZE];

    if (!push) {
        lk_core_explain_absence(core, event->retry.push, text);
        refuse(core, event, LK_ERR_NOT_FOUND, text);
        return;
    }
    if (was_heard(push, event)) {
        refuse(core, event, LK_ERR_NONE, "");
    } else if (push->state != LK_PUSH_ENDED) {
        refuse(core, event, LK_ERR_CONFLICT,
               "the push has not ended; `lkcoord watch` follows it, `lkcoord cancel` ends it");
    } else if (push->outcome == LK_OUTCOME_OK) {
        refuse(core, event, LK_ERR_CONFLICT,
               "the push ended well: nothing of it is left to be done");
    } else if (push->options.dry_run) {
        refuse(core, event, LK_ERR_CONFLICT, "it was only a plan: plan again");
    } else if (!push->has_source) {
        refuse(core, event, LK_ERR_CONFLICT,
               "its source never came in whole: push it again, from where the source is");
    } else if (event->retry.why_not) {
        refuse(core, event, event->retry.why_not->kind, event->retry.why_not->text);
    } else {
        struct lk_fact *fact = lk_fact_new(core, LK_FACT_PUSH_RETRIED);
        fact->push = push->id;
        memcpy(fact->request_key, event->retry.request_key, sizeof(fact->request_key));
        lk_fact_commit(core);
        refuse(core, event, LK_ERR_NONE, "");
    }
}
