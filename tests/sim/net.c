/*
 * The lines between agents and coordinator.  Within one connection messages stay in order, as over TCP; they may be
 * late or lost, and come once more, much later.  What an old connection carried may arrive after a new one has begun.
 *
 * While an agent tells what it holds (from HELLO to its first PING) nothing is lost alone: there the line is cut
 * instead.  A wire that loses one REPORT out of the middle of that would make the coordinator believe that the
 * agent has lost it, and no TCP does so.
 */
#include "tests/sim/sim.h"

#include <string.h>

static uint32_t keep(struct sim *sim, const struct sim_message *message)
{
    if (sim->free_count == 0) {
        size_t more = sim->message_max ? sim->message_max : 64;
        sim->messages =
            lk_xrealloc(sim->messages, (sim->message_max + more) * sizeof(*sim->messages));
        sim->free_messages = lk_xrealloc(sim->free_messages, (sim->message_max + more) *
                                                                 sizeof(*sim->free_messages));
        for (size_t i = more; i-- > 0;)
            sim->free_messages[sim->free_count++] = (uint32_t)(sim->message_max + i);
        sim->message_max += more;
    }
    uint32_t place = sim->free_messages[--sim->free_count];
    sim->messages[place] = *message;
    return place;
}

static bool to_agent(const struct sim_message *message)
{
    return message->type >= SIM_WELCOME;
}

static void deliver(struct sim *sim, const struct sim_message *message, int64_t at_ms)
{
    sim_at(sim, at_ms, to_agent(message) ? SIM_AT_AGENT : SIM_AT_COORDINATOR, 0, message->agent,
           keep(sim, message));
}

static void deliver_in_order(struct sim *sim, const struct sim_message *message)
{
    int64_t *last = &sim->line_until_ms[to_agent(message)][message->agent];
    int64_t  at_ms = sim->now_ms + 1 + roll(&sim->net, 20);

    if (at_ms < *last)
        sim_feel(sim, SIM_LINE_STALLS, message->agent);
    *last = at_ms < *last ? *last : at_ms;
    deliver(sim, message, *last);
}

void sim_cut(struct sim *sim, uint32_t agent)
{
    int64_t *last = sim->line_until_ms[0];

    if (!sim->agents[agent])
        return; /* the coordinator died in its very first step */
    sim_at(sim, sim->now_ms + roll(&sim->net, 300), SIM_AT_LINE_LOST,
           sim_agent_life(sim, agent), agent, (uint32_t)sim_agent_connection(sim, agent));
    last[agent] = sim->now_ms;
}

/* What begins a session has no second chance over TCP: there lines are cut instead. */
static bool may_be_lost(const struct sim_message *message)
{
    return !message->is_inventory && message->type != SIM_HELLO && message->type != SIM_WELCOME;
}

void sim_send(struct sim *sim, const struct sim_message *message)
{
    bool                    down = to_agent(message);
    const struct sim_fault *fault;

    if (sim->now_ms < sim->hole_until_ms[message->agent]) {
        sim_feel(sim, SIM_LINE_IS_A_HOLE, message->agent);
        return;
    }
    if (may_be_lost(message) &&
        sim_strikes(sim, down ? SIM_LOSES_TO_AGENT : SIM_LOSES_TO_COORDINATOR, message->agent,
                    &fault))
        return;
    deliver_in_order(sim, message);
    if (sim_strikes(sim, down ? SIM_DOUBLES_TO_AGENT : SIM_DOUBLES_TO_COORDINATOR,
                    message->agent, &fault))
        deliver(sim, message, sim->now_ms + 20 + fault->for_ms % 5000);
}
