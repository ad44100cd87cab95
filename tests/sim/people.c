/*
 * Clients: each submits one push, again and again with the same request key until it has an answer and its source is
 * in, and then waits for the end.  Some then retry what did not end well, as stubbornly.
 */
#include "tests/sim/sim.h"

#include "tests/sim/check.h"

#define TRY_MS   4000
#define WATCH_MS 3000

void sim_client_begins(struct sim *sim, uint32_t number)
{
    struct sim_client *client = &sim->clients[number];

    client->plan = &sim->plan->submits[number];
    client->key = (uint8_t)(number + 1);
    sim_at(sim, client->plan->at_ms, SIM_AT_CLIENT, 0, number, 0);
}

static void finish(struct sim *sim, uint32_t number, uint32_t outcome)
{
    struct sim_client *client = &sim->clients[number];

    client->outcome = outcome + 1;
    client->ended_ms = sim->now_ms;
    SIM_SAY(sim, "client c%u: ended with %u", number, outcome);
    client->waits_for_retry =
        outcome && client->push && client->retries < client->plan->retries;
    client->done = !client->waits_for_retry;
    client->retries += client->waits_for_retry;
}

static void look(struct sim *sim, uint32_t number)
{
    struct sim_client *client = &sim->clients[number];
    uint32_t           outcome;

    if (client->done)
        return;
    if (client->waits_for_retry && client->push)
        sim_coordinator_retry(sim, number);
    else if (client->push && sim_coordinator_outcome(sim, client->push, &outcome))
        finish(sim, number, outcome);
    if (client->done)
        return;
    /* While the push still receives, its client has to be there; when it has ended, nobody submits it again. */
    if (!client->push || (!client->source_sent && !client->waits_for_retry))
        sim_coordinator_submit(sim, number);
    sim_at(sim, sim->now_ms + (client->source_sent ? WATCH_MS : TRY_MS), SIM_AT_CLIENT, 0,
           number, 0);
}

void sim_client_happens(struct sim *sim, const struct sim_event *event)
{
    if (event->type == SIM_AT_SOURCE)
        sim_coordinator_happens(sim, event);
    else
        look(sim, event->who);
}

void sim_client_accepted(struct sim *sim, uint32_t number, uint64_t push)
{
    struct sim_client      *client = &sim->clients[number];
    const struct sim_fault *fault;

    if (sim_strikes(sim, SIM_ANSWER_TO_CLIENT_IS_LOST, 0, &fault))
        return;
    SIM_SAY(sim, "client c%u: push %llu accepted", number, (unsigned long long)push);
    check_accepted(sim, number, push);
    client->push = push;
    client->waits_for_retry = false; /* of one that a restored backup did not have */
}

void sim_client_refused(struct sim *sim, uint32_t number, const char *why)
{
    snprintf(sim->clients[number].answer, sizeof(sim->clients[number].answer), "%s", why);
    if (!sim->clients[number].done)
        finish(sim, number, 5);
}

void sim_client_answered(struct sim *sim, uint32_t number, enum lk_err_kind kind)
{
    struct sim_client      *client = &sim->clients[number];
    const struct sim_fault *fault;

    if (!client->waits_for_retry || sim_strikes(sim, SIM_ANSWER_TO_CLIENT_IS_LOST, 0, &fault))
        return;
    client->waits_for_retry = false;
    client->done = kind != LK_ERR_NONE;
}

void sim_client_receive(struct sim *sim, uint32_t number)
{
    const struct sim_fault *fault;

    if (sim_strikes(sim, SIM_CLIENT_LEAVES, 0, &fault)) {
        sim->clients[number].source_sent = true;
        return;
    }
    sim_at(sim, sim->now_ms + between(&sim->net, 5, 300), SIM_AT_SOURCE, 0, number,
           sim_strikes(sim, SIM_SOURCE_IS_BAD, 0, &fault));
}

/* Until they have seen it done, and nothing can undo it any more. */
void sim_person_resumes(struct sim *sim, uint32_t agent)
{
    if (sim_coordinator_drain(sim, agent, false) || !sim->healed)
        sim_at(sim, sim->now_ms + WATCH_MS, SIM_AT_RESUME, 0, agent, 0);
}

/* What a client had sent is not there any more: it begins anew. */
void sim_clients_disconnected(struct sim *sim)
{
    for (size_t i = 0; i < sim->plan->submit_count; i++)
        if (!sim->clients[i].done)
            sim->clients[i].source_sent = false;
}
