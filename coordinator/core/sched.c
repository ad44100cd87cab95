/*
 * Gives queued jobs to agents: the push of the highest priority and age first; not where the job failed if others can;
 * a native agent before an emulating one, then the one with the most free slots.
 */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

static const struct lk_platform *platform_of(const struct lk_agent *agent,
                                             const struct lk_arch  *arch)
{
    for (size_t i = 0; i < agent->platform_count; i++)
        if (lk_arch_eq(&agent->platforms[i].arch, arch))
            return &agent->platforms[i];
    return NULL;
}

struct choice {
    struct lk_agent *agent;
    bool             emulated;
    uint32_t         free_slots;
    uint32_t         rank;
    bool             any;    /* some connected agent serves the arch, busy or not ... */
    bool             others; /* ... and one of them is not where the job failed */
    /* If there is none: those that would, but ... */
    const struct lk_agent *quarantined;
    const struct lk_agent *drained;
    bool                   emulating; /* only by emulation, which the push does not allow */
};

static bool failed_on(const struct lk_job *job, const struct lk_agent *agent)
{
    return strcmp(job->failed_on, agent->name) == 0;
}

/*
 * Elsewhere than where it failed, native, and then: a job that has not failed yet may well be the canary that
 * brings an agent back; one that has is not risked again.
 */
static uint32_t rank_of(const struct lk_agent *agent, const struct lk_job *job, bool emulated)
{
    uint32_t trust = !agent->canary_ms ? 1 : job->failures == 0 ? 2 : 0;
    uint32_t elsewhere = failed_on(job, agent) ? 0 : 8;
    uint32_t native = emulated ? 0 : 4;

    return elsewhere + native + trust;
}

/* False: it is none that may take the job now, for a reason that is noted. */
static bool may_take(struct lk_core *core, struct choice *choice, const struct lk_agent *agent,
                     bool emulated, bool allow_emulation)
{
    if (emulated && !allow_emulation)
        choice->emulating = true;
    else if (agent->drained)
        choice->drained = agent;
    else if (lk_quarantine_holds(core, agent))
        choice->quarantined = agent;
    else
        return true;
    return false;
}

static void consider(struct lk_core *core, struct choice *choice, struct lk_agent *agent,
                     const struct lk_job *job, bool allow_emulation)
{
    const struct lk_platform *platform = platform_of(agent, &job->arch);

    if (!platform || !agent->session ||
        !may_take(core, choice, agent, platform->emulated, allow_emulation))
        return;
    choice->any = true;
    if (!agent->ready || agent->suspect)
        return;
    choice->others |= !failed_on(job, agent);
    if (agent->busy >= agent->slots)
        return;
    uint32_t free_slots = agent->slots - agent->busy;
    uint32_t rank = rank_of(agent, job, platform->emulated);
    if (choice->agent &&
        (rank < choice->rank || (rank == choice->rank && free_slots <= choice->free_slots)))
        return;
    choice->agent = agent;
    choice->emulated = platform->emulated;
    choice->free_slots = free_slots;
    choice->rank = rank;
}

static const struct lk_wait *find_wait(const struct lk_core *core, const struct lk_arch *arch,
                                       bool allow_emulation)
{
    for (size_t i = 0; i < core->wait_count; i++)
        if (lk_arch_eq(&core->waits[i].arch, arch) &&
            core->waits[i].allow_emulation == allow_emulation)
            return &core->waits[i];
    return NULL;
}

/* Remembered until the next look: meanwhile agents only get busier. */
static const struct lk_wait *make_wait(struct lk_core *core, const struct lk_arch *arch,
                                       bool allow_emulation, const struct choice *choice)
{
    bool            is_full = core->wait_count == LK_WAITS_MAX;
    struct lk_wait *wait = &core->waits[is_full ? LK_WAITS_MAX - 1 : core->wait_count++];

    wait->arch = *arch;
    wait->allow_emulation = allow_emulation;
    if (choice->any)
        snprintf(wait->text, sizeof(wait->text), "every agent for %s is busy or silent",
                 arch->name);
    else if (choice->quarantined)
        snprintf(wait->text, sizeof(wait->text),
                 "whoever builds for %s is in quarantine, as %s is; one job will try it out "
                 "(`lkcoord agents` says when)",
                 arch->name, choice->quarantined->name);
    else if (choice->drained)
        snprintf(wait->text, sizeof(wait->text),
                 "whoever builds for %s is drained; `lkcoord agents resume %s` changes that",
                 arch->name, choice->drained->name);
    else if (choice->emulating)
        snprintf(wait->text, sizeof(wait->text),
                 "agents build for %s only by emulation; --allow-emulation permits it",
                 arch->name);
    else
        snprintf(wait->text, sizeof(wait->text), "no connected agent builds for %s",
                 arch->name);
    return wait;
}

static void explain_wait(struct lk_core *core, struct lk_package *package, struct lk_job *job,
                         const char *text)
{
    if (strcmp(text, job->text) == 0)
        return;
    snprintf(job->text, sizeof(job->text), "%s", text);
    lk_touch_job(core, package, job);
}

static void assign(struct lk_core *core, struct lk_push *push, struct lk_package *package,
                   struct lk_job *job, const struct choice *choice)
{
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_JOB_ASSIGNED);

    fact->job = job->id;
    fact->attempt = job->last_attempt + 1;
    fact->flag = choice->emulated;
    memcpy(fact->agent, choice->agent->name, sizeof(fact->agent));
    lk_fact_commit(core);
    choice->agent->busy++;
    lk_quarantine_assigned(choice->agent, job);

    job->assigned_ms = core->now_ms;
    job->session = choice->agent->session;
    job->ticket_session = 0;
    job->phase = LK_PHASE_NONE;
    job->bytes_done = 0;
    job->bytes_total = 0;
    job->lease_until_ms = core->now_ms + core->config.lease_ms;
    lk_wake_at(core, job->lease_until_ms);

    struct lk_effect *effect = lk_effect_for_job(core, LK_EFFECT_OFFER, package, job);
    effect->session = job->session;
    effect->in_turn = push->options.in_turn;
    effect->build_only = push->options.build_only;
    effect->hold_ms = core->config.lease_ms;
}

static bool something_runs(const struct lk_push *push)
{
    for (const struct lk_package *package = push->packages; package;
         package = package->next_in_push)
        for (size_t i = 0; i < package->job_count; i++)
            if (package->jobs[i].state >= LK_JOB_ASSIGNED &&
                package->jobs[i].state <= LK_JOB_IN_TURN)
                return true;
    return false;
}

static void try_job(struct lk_core *core, struct lk_push *push, struct lk_package *package,
                    struct lk_job *job)
{
    bool                  allow_emulation = push->options.allow_emulation;
    const struct lk_wait *wait = find_wait(core, &job->arch, allow_emulation);
    struct choice         choice = { 0 };
    char                  text[LK_JOB_TEXT_SIZE];

    if (core->now_ms < job->not_before_ms) {
        lk_wake_at(core, job->not_before_ms);
        return;
    }
    if (push->options.sequential && something_runs(push))
        return;
    for (size_t i = 0; i < core->agent_count && !wait; i++)
        consider(core, &choice, &core->agents[i], job, allow_emulation);
    if (choice.agent && choice.others && failed_on(job, choice.agent)) {
        snprintf(text, sizeof(text), "it failed on %s, and waits for another agent",
                 choice.agent->name);
        explain_wait(core, package, job, text);
        return;
    }
    if (choice.agent) {
        assign(core, push, package, job, &choice);
        return;
    }
    if (!wait)
        wait = make_wait(core, &job->arch, allow_emulation, &choice);
    explain_wait(core, package, job, wait->text);
}

static void try_push(struct lk_core *core, struct lk_push *push)
{
    for (struct lk_package *package = push->packages; package;
         package = package->next_in_push) {
        if (package->state != LK_PACKAGE_ACTIVE)
            continue;
        if (!lk_core_has_room(core)) {
            lk_wake_at(core, core->now_ms);
            return;
        }
        for (size_t i = 0; i < package->job_count; i++)
            if (package->jobs[i].state == LK_JOB_QUEUED)
                try_job(core, push, package, &package->jobs[i]);
    }
}

/* From here on, or NULL. */
static struct lk_push *next_of(struct lk_push *push, enum lk_priority priority)
{
    while (push && (push->options.priority != priority || push->state != LK_PUSH_RUNNING))
        push = push->next;
    return push;
}

/*
 * A push counts as if it had come later than it did: by nothing, by raise_ms or by twice that, as its priority is.
 * So it is overtaken by none that came that much later, and the order of two pushes never changes.
 */
static int64_t rank_of_push(const struct lk_core *core, const struct lk_push *push)
{
    static const int behind[LK_PRIORITIES] = {
        [LK_PRIORITY_HIGH] = 0,
        [LK_PRIORITY_NORMAL] = 1,
        [LK_PRIORITY_LOW] = 2,
    };

    return push->since_ms + behind[push->options.priority] * core->config.raise_ms;
}

static bool goes_before(const struct lk_core *core, const struct lk_push *push,
                        const struct lk_push *other)
{
    int64_t mine = rank_of_push(core, push);
    int64_t theirs = rank_of_push(core, other);

    return mine < theirs || (mine == theirs && push->id < other->id);
}

/* The pushes of one priority are in order already; of their three rows the first is next. */
void lk_sched_advance(struct lk_core *core)
{
    struct lk_push *heads[LK_PRIORITIES];

    for (unsigned i = 0; i < LK_PRIORITIES; i++)
        heads[i] = next_of(core->first, (enum lk_priority)i);
    for (;;) {
        struct lk_push **first = NULL;
        for (unsigned i = 0; i < LK_PRIORITIES; i++)
            if (heads[i] && (!first || goes_before(core, heads[i], *first)))
                first = &heads[i];
        if (!first)
            return;
        try_push(core, *first);
        *first = next_of((*first)->next, (*first)->options.priority);
    }
}
