/* The agents: who is connected, who is silent, who came back without what it had. */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

struct lk_agent *lk_fleet_find(struct lk_core *core, const char *name)
{
    for (size_t i = 0; i < core->agent_count; i++)
        if (strcmp(core->agents[i].name, name) == 0)
            return &core->agents[i];
    return NULL;
}

void lk_fleet_hello(struct lk_core *core, const struct lk_event *event)
{
    struct lk_agent *agent = lk_fleet_find(core, event->agent.name);

    if (!agent) {
        if (core->agent_count == core->config.agents_max) {
            lk_stale(core);
            return;
        }
        agent = &core->agents[core->agent_count++];
        snprintf(agent->name, sizeof(agent->name), "%s", event->agent.name);
    }
    agent->session = event->agent.session;
    agent->ready = false;
    agent->suspect = false;
    agent->heard_ms = core->now_ms;
    agent->slots = event->agent.slots;
    agent->platform_count = event->agent.count < LK_AGENT_PLATFORMS_MAX
                                ? event->agent.count
                                : LK_AGENT_PLATFORMS_MAX;
    memcpy(agent->platforms, event->agent.platforms,
           agent->platform_count * sizeof(agent->platforms[0]));
    snprintf(agent->software, sizeof(agent->software), "%s", event->agent.software);
    snprintf(agent->builder, sizeof(agent->builder), "%s", event->agent.builder);
    core->dirty = true;
}

static bool is_held_by(const struct lk_job *job, const struct lk_agent *agent)
{
    return job->state >= LK_JOB_ASSIGNED && job->state <= LK_JOB_IN_TURN && !job->kept &&
           !job->pushed && strcmp(job->agent, agent->name) == 0;
}

/* Calls for each job that the agent is believed to hold and did not name in this session. */
static void give_up_lost(struct lk_core *core, const struct lk_agent *agent, bool counted,
                         const char *why)
{
    char text[LK_JOB_TEXT_SIZE];

    snprintf(text, sizeof(text), "agent %.*s %s", LK_NAME_SIZE, agent->name, why);
    for (struct lk_push *push = core->first; push; push = push->next)
        for (struct lk_package *package = push->packages; package;
             package = package->next_in_push)
            for (size_t i = 0; i < package->job_count; i++) {
                struct lk_job *job = &package->jobs[i];
                if (is_held_by(job, agent) &&
                    (job->session != agent->session || !agent->session))
                    lk_job_retry(core, job, counted, text);
            }
}

void lk_fleet_alive(struct lk_core *core, const struct lk_event *event)
{
    struct lk_agent *agent = lk_fleet_find(core, event->agent.name);

    if (!agent || agent->session != event->agent.session) {
        lk_stale(core);
        return;
    }
    agent->heard_ms = core->now_ms;
    if (agent->ready && !agent->suspect)
        return;
    core->dirty = true;
    agent->suspect = false;
    if (agent->ready)
        return;
    agent->ready = true;
    give_up_lost(core, agent, true, "came back without this job");
}

void lk_fleet_gone(struct lk_core *core, const struct lk_event *event)
{
    struct lk_agent *agent = lk_fleet_find(core, event->agent.name);

    if (!agent || agent->session != event->agent.session) {
        lk_stale(core);
        return;
    }
    agent->session = 0;
    agent->ready = false;
    core->dirty = true;
    give_up_lost(core, agent, false, "was stopped");
}

void lk_fleet_advance(struct lk_core *core)
{
    for (size_t i = 0; i < core->agent_count; i++) {
        struct lk_agent *agent = &core->agents[i];
        if (!agent->session || agent->suspect)
            continue;
        int64_t limit = agent->heard_ms + core->config.suspect_ms;
        if (core->now_ms >= limit)
            agent->suspect = true;
        else
            lk_wake_at(core, limit);
    }
}

uint32_t lk_core_agent_busy(const struct lk_core *core, const struct lk_agent *agent)
{
    uint32_t busy = 0;

    for (const struct lk_push *push = core->first; push; push = push->next) {
        if (push->state != LK_PUSH_RUNNING)
            continue;
        for (const struct lk_package *package = push->packages; package;
             package = package->next_in_push)
            for (size_t i = 0; i < package->job_count; i++) {
                const struct lk_job *job = &package->jobs[i];
                busy += job->state >= LK_JOB_ASSIGNED && job->state <= LK_JOB_IN_TURN &&
                        strcmp(job->agent, agent->name) == 0;
            }
    }
    return busy;
}
