#include "coordinator/core/private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void lk_push_answer(struct lk_core *core, uint64_t session, uint64_t request,
                    enum lk_err_kind kind, const char *text)
{
    struct lk_effect *effect = lk_effect_new(core, LK_EFFECT_ANSWER);

    effect->session = session;
    effect->request = request;
    effect->kind = kind;
    snprintf(effect->text, sizeof(effect->text), "%s", text);
}

struct lk_push *lk_push_ended_first(struct lk_core *core)
{
    struct lk_push *first = NULL;

    for (struct lk_push *push = core->first; push; push = push->next)
        if (push->state == LK_PUSH_ENDED && (!first || push->ended_place < first->ended_place))
            first = push;
    return first;
}

void lk_push_forget(struct lk_core *core, uint64_t push)
{
    lk_fact_new(core, LK_FACT_PUSH_FORGOTTEN)->push = push;
    lk_fact_commit(core);
    lk_effect_new(core, LK_EFFECT_FORGET)->push = push;
}

void lk_core_explain_absence(const struct lk_core *core, uint64_t push,
                             char text[LK_REASON_SIZE])
{
    if (push > core->push_id)
        snprintf(text, LK_REASON_SIZE,
                 "there never was a push %" PRIu64 ": the last one is %" PRIu64
                 "; `lkcoord status --all` lists them",
                 push, core->push_id);
    else
        snprintf(
            text, LK_REASON_SIZE,
            "push %" PRIu64 " ended and was let go: of those that ended at most the last "
            "%zu are kept (`history` in lkcoordd.yml), and none that a restored backup did "
            "not have; `lkcoord status --all` lists what is known",
            push, core->config.history_max);
}

static void end_all_packages(struct lk_core *core, struct lk_push *push,
                             enum lk_outcome outcome, const char *text)
{
    for (struct lk_package *package = push->packages; package;
         package = package->next_in_push) {
        if (!lk_core_has_room(core)) {
            lk_wake_at(core, core->now_ms);
            return;
        }
        if (package->state != LK_PACKAGE_ENDED)
            lk_package_end(core, package, outcome, text);
    }
}

void lk_push_source(struct lk_core *core, const struct lk_event *event)
{
    struct lk_push *push = lk_push_of(core, event->source.push);

    if (!push || push->state != LK_PUSH_RECEIVING) {
        lk_stale(core);
        return;
    }
    if (event->type == LK_EVENT_SOURCE_READY) {
        lk_fact_new(core, LK_FACT_SOURCE_READY)->push = push->id;
        lk_fact_commit(core);
        return;
    }
    end_all_packages(core, push, lk_outcome_of(event->source.why->kind),
                     event->source.why->text);
}

static enum lk_outcome outcome_of_push(const struct lk_push *push)
{
    static const enum lk_outcome worst_first[] = {
        LK_OUTCOME_CANCELLED,           LK_OUTCOME_BUILD_FAILED,   LK_OUTCOME_REFUSED,
        LK_OUTCOME_VERIFICATION_FAILED, LK_OUTCOME_INFRASTRUCTURE,
    };

    /* What a failure has cancelled does not hide it. */
    for (size_t i = push->gave_up ? 1 : 0; i < LK_COUNT(worst_first); i++)
        for (const struct lk_package *package = push->packages; package;
             package = package->next_in_push)
            if (package->outcome == worst_first[i])
                return worst_first[i];
    return LK_OUTCOME_OK;
}

static void end_when_all_ended(struct lk_core *core, struct lk_push *push)
{
    for (const struct lk_package *package = push->packages; package;
         package = package->next_in_push)
        if (package->state != LK_PACKAGE_ENDED)
            return;
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PUSH_ENDED);
    fact->push = push->id;
    fact->outcome = outcome_of_push(push);
    fact->wall_ms = core->wall_ms;
    lk_fact_commit(core);
}

static bool has_arch_in_common(const struct lk_package *package, const struct lk_package *other)
{
    for (size_t i = 0; i < package->job_count; i++)
        if (lk_is_required(other, &package->jobs[i].arch))
            return true;
    return false;
}

/* An index that is taken from another one is of one kind, whatever its architectures. */
static bool excludes(const struct lk_package *package, const struct lk_package *other)
{
    return package->origin != LK_PACKAGE_BUILT || other->origin != LK_PACKAGE_BUILT ||
           has_arch_in_common(package, other);
}

/* The same tag with some arch in common is pushed by one at a time: the second then finds it done. */
static bool waits_for_another(const struct lk_core *core, const struct lk_package *package)
{
    for (const struct lk_package *other = package->turnstile->packages; other;
         other = other->next_in_turnstile) {
        const struct lk_push *push = lk_core_push(core, other->push);
        bool                  goes_first = other->state == LK_PACKAGE_WAITING
                                               ? push->state == LK_PUSH_RUNNING && other->id < package->id
                                               : other->state != LK_PACKAGE_ENDED;
        if (!goes_first || push->options.dry_run || push->options.build_only ||
            strcmp(other->tag, package->tag) != 0)
            continue;
        if (excludes(package, other))
            return true;
    }
    return false;
}

void lk_push_build_all(struct lk_core *core, struct lk_package *package)
{
    for (size_t i = 0; i < package->job_count; i++) {
        const struct lk_job *job = &package->jobs[i];
        struct lk_fact      *fact = lk_fact_new(core, LK_FACT_JOB_PLANNED);
        fact->job = job->id;
        fact->state = job->was_done ? LK_JOB_KEPT : LK_JOB_QUEUED;
        fact->flag = job->was_done;
        fact->child = job->child;
        lk_fact_commit(core);
    }
    lk_fact_new(core, LK_FACT_PACKAGE_PLANNED)->package = package->id;
    lk_fact_commit(core);
}

static void advance_waiting(struct lk_core *core, struct lk_push *push,
                            struct lk_package *package)
{
    if (lk_order_holds_back(core, push, package))
        return;
    if (push->options.build_only && push->options.force) {
        lk_push_build_all(core, package);
    } else if (push->options.dry_run || push->options.build_only ||
               !waits_for_another(core, package)) {
        package->state = LK_PACKAGE_PLANNING;
        package->text[0] = '\0';
        lk_touch_package(core, package);
    } else {
        lk_package_explain(core, package,
                           "the same package is being pushed already; waits for that");
    }
}

/* One arch failed: what has not finished building is not worth finishing. */
static void cancel_unfinished(struct lk_core *core, const struct lk_push *push,
                              struct lk_package *package)
{
    for (size_t i = 0; i < package->job_count; i++) {
        struct lk_job *job = &package->jobs[i];
        /* What the registry is being asked for ends by itself, and soon. */
        bool at_registry = job->state == LK_JOB_IN_TURN && job->op;
        if (lk_job_is_settled(job) || at_registry ||
            (!push->cancelled && job->state >= LK_JOB_BUILT))
            continue;
        lk_cancel_job(core, push, job);
    }
}

static void settle_package(struct lk_core *core, struct lk_push *push,
                           struct lk_package *package)
{
    const struct lk_job *failed = NULL;
    bool                 cancelled = false;

    for (size_t i = 0; i < package->job_count; i++) {
        if (!lk_job_is_settled(&package->jobs[i]))
            return;
        if (package->jobs[i].state == LK_JOB_FAILED && !failed)
            failed = &package->jobs[i];
        cancelled |= package->jobs[i].state == LK_JOB_CANCELLED;
    }
    if (failed) {
        char text[LK_REASON_SIZE];
        snprintf(text, sizeof(text), "%s: %s", failed->arch.name, failed->text);
        lk_package_end(core, package, failed->outcome, text);
    } else if (cancelled || push->cancelled) {
        lk_cancel_end(core, push, package);
    } else if (push->options.build_only) {
        lk_package_end(core, package, LK_OUTCOME_OK, "");
    } else {
        lk_fact_new(core, LK_FACT_PUBLISH_QUEUED)->package = package->id;
        lk_fact_commit(core);
    }
}

static void advance_active(struct lk_core *core, struct lk_push *push,
                           struct lk_package *package)
{
    bool failed = false;

    for (size_t i = 0; i < package->job_count; i++) {
        lk_job_advance(core, package, &package->jobs[i]);
        failed |= package->jobs[i].state == LK_JOB_FAILED;
    }
    if ((failed && !push->options.keep_going) || push->cancelled)
        cancel_unfinished(core, push, package);
    settle_package(core, push, package);
}

/*
 * From the merge on the tag may have moved, also where the answer was lost, by trouble or a crash.  Moving it
 * may be done twice: so it is done to its end, and then we know.
 */
static bool ends_by_cancel(const struct lk_package *package)
{
    /* untaken: every state has its case */
    switch (package->state) {
    case LK_PACKAGE_WAITING:
    case LK_PACKAGE_PLANNING: return true;
    case LK_PACKAGE_PUBLISHING: return !package->op && !package->is_merged;
    case LK_PACKAGE_NONE:
    case LK_PACKAGE_ACTIVE: /* its jobs are cancelled first */
    case LK_PACKAGE_ENDED: return false;
    }
    return false;
}

static void advance_package(struct lk_core *core, struct lk_push *push,
                            struct lk_package *package)
{
    if (push->cancelled && ends_by_cancel(package))
        lk_cancel_end(core, push, package);
    lk_turnstile_advance(core, package->turnstile);
    if (package->state == LK_PACKAGE_WAITING)
        advance_waiting(core, push, package);
    if (package->state == LK_PACKAGE_ACTIVE)
        advance_active(core, push, package);
    if (package->state == LK_PACKAGE_PLANNING || package->state == LK_PACKAGE_PUBLISHING)
        lk_publish_advance(core, package);
}

static void advance_receiving(struct lk_core *core, struct lk_push *push)
{
    char text[LK_REASON_SIZE];

    if (push->source_until_ms == 0)
        push->source_until_ms = core->now_ms + core->config.source_ms;
    if (push->cancelled) {
        lk_cancel_explain(push, push->packages, text);
        end_all_packages(core, push, lk_cancel_outcome(push), text);
    } else if (core->now_ms >= push->source_until_ms) {
        end_all_packages(core, push, LK_OUTCOME_INFRASTRUCTURE,
                         "the client left before its source was in; push again");
    } else {
        lk_wake_at(core, push->source_until_ms);
    }
    end_when_all_ended(core, push);
}

void lk_push_advance(struct lk_core *core, struct lk_push *push)
{
    if (push->state != LK_PUSH_ENDED)
        lk_cancel_advance(core, push);
    if (push->state == LK_PUSH_RECEIVING) {
        advance_receiving(core, push);
        return;
    }
    if (push->state == LK_PUSH_RUNNING) {
        for (struct lk_package *package = push->packages; package;
             package = package->next_in_push) {
            if (!lk_core_has_room(core)) {
                lk_wake_at(core, core->now_ms);
                return;
            }
            if (package->state != LK_PACKAGE_ENDED)
                advance_package(core, push, package);
        }
        end_when_all_ended(core, push);
    }
}
