/* What an agent says, and now and then what is not true. */
#include "tests/sim/agent.h"
#include "tests/sim/trace.h"

#include <stdio.h>

static const char *const phases[] = { "NONE",   "TAKEN",   "BUILDING", "BUILT", "STAGING",
                                      "STAGED", "PUSHING", "PUSHED",   "FAILED" };

/* Says the same of a job that is none of its business, and never was. */
static void lie(struct sim *sim, struct sim_agent *agent, const struct sim_message *truth)
{
    struct sim_message      message = *truth;
    const struct sim_fault *fault;

    message.job += LK_PACKAGE_ARCHES_MAX;
    if (truth->phase >= LK_PHASE_BUILT && truth->phase < LK_PHASE_FAILED &&
        !sim_coordinator_gave(sim, agent->number, message.job) &&
        sim_strikes(sim, SIM_LIES_ABOUT_JOB, agent->number, &fault))
        agent_send(sim, agent, &message);
}

void agent_report(struct sim *sim, struct sim_agent *agent, const struct lk_report *report)
{
    struct sim_message message = {
        .type = SIM_REPORT,
        .job = report->job,
        .attempt = report->attempt,
        .phase = (uint32_t)report->phase,
        .fence = report->fence,
        .spec = report->spec,
        .digest = report->digest,
        .kind = report->kind,
        .bytes_done = report->bytes_done,
        .bytes_total = report->bytes_total,
        .is_inventory = agent->tells_inventory,
    };

    snprintf(message.text, sizeof(message.text), "%.*s", SIM_TEXT - 1, report->text);
    SIM_SAY(sim, "a%u: job %llu attempt %u %s, fence %llx %s", agent->number,
            (unsigned long long)report->job, report->attempt, phases[report->phase],
            (unsigned long long)report->fence, message.text);
    if (report->phase == LK_PHASE_PUSHED)
        story_reported(sim, agent->number, report->job, report->fence);
    agent_send(sim, agent, &message);
    lie(sim, agent, &message);
}

void agent_send(struct sim *sim, struct sim_agent *agent, struct sim_message *message)
{
    message->agent = agent->number;
    message->connection = agent->connection;
    if (message->type != SIM_BYE)
        message->session = lk_agent_core_session(agent->core);
    sim_send(sim, message);
}

void agent_open_line(struct sim *sim, struct sim_agent *agent)
{
    struct sim_message hello = { .type = SIM_HELLO,
                                 .cluster = agent->disk.cluster[0],
                                 .epoch = agent->disk.epoch };

    agent->connection = ++sim->connections;
    agent->tells_inventory = true;
    agent_send(sim, agent, &hello);
}

void agent_ping(struct sim *sim, struct sim_agent *agent)
{
    struct sim_message message = { .type = SIM_PING, .is_inventory = agent->tells_inventory };

    agent_send(sim, agent, &message);
}
