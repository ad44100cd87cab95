/*
 * An agent that fails whatever it is given would eat up every job's attempts.  After some quick failures in a row
 * it gets nothing more until a back-off is over, and then a single job, the canary.  If that is built the agent is
 * trusted again; if it fails by the agent's fault the back-off doubles; if by its package's, it proves nothing, and the
 * next job is a canary again.
 *
 * Not durable: after a restart everybody is trusted anew, and is found out anew.
 */
#include "coordinator/core/private.h"

#include <stdio.h>

#define LONGEST_MS 3600000

static bool is_canary(const struct lk_agent *agent, const struct lk_job *job)
{
    return agent->canary_ms && agent->canary == job->id &&
           agent->canary_attempt == job->attempt;
}

/* RETRY may be a registry's trouble, NOT_FOUND our own: what is missing is a source. */
static bool is_its_own_fault(enum lk_err_kind kind)
{
    return kind == LK_ERR_NONE || kind == LK_ERR_LIMIT || kind == LK_ERR_PERMANENT;
}

static void put_off(struct lk_core *core, struct lk_agent *agent)
{
    agent->back_off_ms =
        agent->back_off_ms ? 2 * agent->back_off_ms : core->config.quarantine_ms;
    if (agent->back_off_ms > LONGEST_MS)
        agent->back_off_ms = LONGEST_MS;
    agent->canary_ms = core->now_ms + agent->back_off_ms;
    agent->canary = 0;
    core->dirty = true;
}

void lk_quarantine_failed(struct lk_core *core, const struct lk_job *job, enum lk_err_kind kind,
                          const char *why)
{
    struct lk_agent *agent = lk_fleet_find(core, job->agent);
    bool quick = job->assigned_ms && core->now_ms - job->assigned_ms <= core->config.quick_ms;

    lk_assert(agent); /* who reports it, or came back without it */
    if (job->state != LK_JOB_ASSIGNED || !is_its_own_fault(kind))
        return;
    if (is_canary(agent, job)) {
        put_off(core, agent);
    } else if (quick && !agent->canary_ms) {
        agent->failures++;
        if (core->config.quarantine_after && agent->failures >= core->config.quarantine_after)
            put_off(core, agent);
    } else {
        return;
    }
    snprintf(agent->failed_why, sizeof(agent->failed_why), "%s", why);
}

void lk_quarantine_lift(struct lk_agent *agent)
{
    agent->failures = 0;
    agent->canary_ms = 0;
    agent->back_off_ms = 0;
}

/* What it was given before it fell ill says nothing of how it is now. */
void lk_quarantine_built(struct lk_core *core, const struct lk_job *job)
{
    struct lk_agent *agent = lk_fleet_find(core, job->agent);

    lk_assert(agent); /* who reports it */
    if (!agent->canary_ms || is_canary(agent, job))
        lk_quarantine_lift(agent);
}

static bool canary_flies(struct lk_core *core, const struct lk_agent *agent)
{
    struct lk_package   *package;
    const struct lk_job *job = lk_job_of(core, agent->canary, &package);

    return job && is_canary(agent, job) && job->state == LK_JOB_ASSIGNED;
}

bool lk_quarantine_holds(struct lk_core *core, const struct lk_agent *agent)
{
    return agent->canary_ms && (core->now_ms < agent->canary_ms || canary_flies(core, agent));
}

void lk_quarantine_assigned(struct lk_agent *agent, const struct lk_job *job)
{
    agent->canary = job->id;
    agent->canary_attempt = job->attempt;
}

void lk_quarantine_advance(struct lk_core *core, const struct lk_agent *agent)
{
    if (agent->session && agent->canary_ms > core->now_ms)
        lk_wake_at(core, agent->canary_ms);
}
