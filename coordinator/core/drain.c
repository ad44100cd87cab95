/* Agents that people drain: they finish what they have and get nothing new, until somebody resumes them. */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

static void state_fact(struct lk_core *core, enum lk_fact_type type, const char *agent,
                       const char *why)
{
    struct lk_fact *fact = lk_fact_new(core, type);

    snprintf(fact->agent, sizeof(fact->agent), "%s", agent);
    snprintf(fact->why, sizeof(fact->why), "%s", why);
    lk_fact_commit(core);
}

static void drain(struct lk_core *core, const struct lk_event *event)
{
    const struct lk_agent *agent = lk_fleet_find(core, event->drain.agent);

    if (!lk_core_takes_agent(core, event->drain.agent)) {
        lk_push_answer(core, event->drain.session, event->drain.request, LK_ERR_LIMIT,
                       "the coordinator knows as many agents as it can hold (limit: agents): "
                       "resume one that is drained and does not come any more");
        return;
    }
    if (!agent || !agent->drained || strcmp(agent->drained_why, event->drain.why) != 0)
        state_fact(core, LK_FACT_AGENT_DRAINED, event->drain.agent, event->drain.why);
    lk_push_answer(core, event->drain.session, event->drain.request, LK_ERR_NONE, "");
}

static void resume(struct lk_core *core, const struct lk_event *event)
{
    struct lk_agent *agent = lk_fleet_find(core, event->drain.agent);

    if (!agent) {
        lk_push_answer(core, event->drain.session, event->drain.request, LK_ERR_NOT_FOUND,
                       "no agent of this name is known; `lkcoord agents` lists them");
        return;
    }
    lk_quarantine_lift(agent);
    core->dirty = true;
    if (agent->drained)
        state_fact(core, LK_FACT_AGENT_RESUMED, event->drain.agent, "");
    lk_push_answer(core, event->drain.session, event->drain.request, LK_ERR_NONE, "");
}

void lk_fleet_drain(struct lk_core *core, const struct lk_event *event)
{
    size_t len = strnlen(event->drain.agent, LK_NAME_SIZE);

    if (len == 0 || len == LK_NAME_SIZE)
        lk_push_answer(core, event->drain.session, event->drain.request, LK_ERR_INVALID,
                       "an agent's name has 1 to 63 characters");
    else if (event->type == LK_EVENT_AGENT_DRAIN)
        drain(core, event);
    else
        resume(core, event);
}

bool lk_apply_drain(struct lk_core *core, const struct lk_fact *fact)
{
    struct lk_agent *agent = lk_fleet_find(core, fact->agent);

    if (fact->type == LK_FACT_AGENT_DRAINED)
        agent = lk_fleet_add(core, fact->agent);
    if (!agent || !fact->agent[0])
        return false;
    agent->drained = fact->type == LK_FACT_AGENT_DRAINED;
    memcpy(agent->drained_why, fact->why, sizeof(agent->drained_why));
    return true;
}
