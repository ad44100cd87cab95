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

struct lk_agent *lk_fleet_of(struct lk_core *core, struct lk_job *job)
{
    if (job->agent_place < core->agent_count &&
        strcmp(core->agents[job->agent_place].name, job->agent) == 0)
        return &core->agents[job->agent_place];
    struct lk_agent *agent = lk_fleet_find(core, job->agent);
    if (agent)
        job->agent_place = (size_t)(agent - core->agents);
    return agent;
}

/* Who said goodbye gives way: a name that was taken out of the configuration never comes back. */
static bool has_left(const struct lk_agent *agent)
{
    return !agent->session && !agent->drained;
}

bool lk_core_takes_agent(const struct lk_core *core, const char *name)
{
    for (size_t i = 0; i < core->agent_count; i++)
        if (has_left(&core->agents[i]) || strcmp(core->agents[i].name, name) == 0)
            return true;
    return core->agent_count < core->config.agents_max;
}

static struct lk_agent *new_place(struct lk_core *core)
{
    if (core->agent_count < core->config.agents_max)
        return &core->agents[core->agent_count++];
    for (size_t i = 0; i < core->agent_count; i++)
        if (has_left(&core->agents[i]))
            return &core->agents[i];
    return NULL;
}

struct lk_agent *lk_fleet_add(struct lk_core *core, const char *name)
{
    struct lk_agent *agent = lk_fleet_find(core, name);

    if (agent)
        return agent;
    agent = new_place(core);
    if (!agent)
        return NULL;
    *agent = (struct lk_agent) { 0 };
    snprintf(agent->name, sizeof(agent->name), "%s", name);
    return agent;
}

void lk_fleet_hello(struct lk_core *core, const struct lk_event *event)
{
    struct lk_agent *agent = lk_fleet_add(core, event->agent.name);

    if (!agent) {
        lk_stale(core);
        return;
    }
    agent->has_come = true;
    agent->session = event->agent.session;
    agent->ready = false;
    agent->suspect = false;
    agent->keeps = false;
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
    agent->ready = true;
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
    agent->keeps = event->agent.keeps;
    core->dirty = true;
}

static void count_busy(struct lk_core *core, struct lk_package *package)
{
    for (size_t i = 0; i < package->job_count; i++) {
        struct lk_job *job = &package->jobs[i];
        if (job->state < LK_JOB_ASSIGNED || job->state > LK_JOB_IN_TURN || job->kept)
            continue;
        struct lk_agent *agent = lk_fleet_of(core, job);
        if (agent)
            agent->busy++;
    }
}

void lk_fleet_advance(struct lk_core *core)
{
    core->wait_count = 0;
    memset(core->uploads, 0, sizeof(core->uploads));
    for (size_t i = 0; i < core->agent_count; i++) {
        struct lk_agent *agent = &core->agents[i];
        agent->busy = 0;
        lk_quarantine_advance(core, agent);
        if (!agent->session || agent->suspect)
            continue;
        int64_t limit = agent->heard_ms + core->config.suspect_ms;
        if (core->now_ms >= limit)
            agent->suspect = true;
        else
            lk_wake_at(core, limit);
    }
    for (struct lk_push *push = core->first; push; push = push->next)
        for (struct lk_package *package = push->packages; package;
             package = package->next_in_push)
            if (package->state == LK_PACKAGE_ACTIVE) {
                count_busy(core, package);
                lk_uploads_count(core, push, package);
            }
}

uint32_t lk_core_agent_busy(const struct lk_core *core, const struct lk_agent *agent)
{
    (void)core;
    return agent->busy;
}
