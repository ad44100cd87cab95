/* What the core wants done, carried out when its facts are on disk. */
#include "tests/sim/coordinator.h"
#include "tests/sim/trace.h"

#include <stdio.h>

void coordinator_tell(struct sim *sim, uint64_t id, struct sim_message *message)
{
    struct sim_coordinator *c = sim->coordinator;

    for (uint8_t i = 0; i < SIM_AGENTS; i++) {
        if (id == 0 || c->sessions[i].id != id)
            continue;
        message->agent = i;
        message->session = id;
        message->connection = c->sessions[i].connection;
        sim_send(sim, message);
    }
}

static void tell_of_job(struct sim *sim, const struct lk_effect *effect,
                        enum sim_message_type type)
{
    struct sim_message message = {
        .type = type,
        .job = effect->job,
        .attempt = effect->attempt,
        .fence = effect->fence,
        .in_turn = effect->in_turn,
        .build_only = effect->build_only,
        .arch = effect->arch,
        .spec = effect->spec,
    };

    if (type == SIM_OFFER)
        coordinator_name(effect->repository, effect->tag, &message.name);
    coordinator_tell(sim, effect->session, &message);
}

void coordinator_carry_out(struct sim *sim, const struct lk_effect *effect)
{
    story_effect(sim, effect);
    switch (effect->type) {
    case LK_EFFECT_ACCEPTED:
        sim_client_accepted(sim, (uint32_t)effect->session - 1, effect->push);
        return;
    case LK_EFFECT_ANSWER:
        SIM_SAY(sim, "coordinator: answers c%u: %s", (unsigned)effect->session - 1,
                effect->text);
        if (effect->request == RETRY_REQUEST)
            sim_client_answered(sim, (uint32_t)effect->session - 1, effect->kind);
        else if (effect->kind == LK_ERR_INVALID || effect->kind == LK_ERR_LIMIT)
            sim_client_refused(sim, (uint32_t)effect->session - 1, effect->text);
        return;
    case LK_EFFECT_RECEIVE: sim_client_receive(sim, (uint32_t)effect->session - 1); return;
    case LK_EFFECT_OFFER: tell_of_job(sim, effect, SIM_OFFER); return;
    case LK_EFFECT_PERMIT: tell_of_job(sim, effect, SIM_PERMIT); return;
    case LK_EFFECT_DROP: tell_of_job(sim, effect, SIM_DROP); return;
    case LK_EFFECT_TICKET:
    case LK_EFFECT_PROBE:
    case LK_EFFECT_ACCEPT_CHILD:
    case LK_EFFECT_MERGE:
    case LK_EFFECT_TAG: operation_begin(sim, effect); return;
    case LK_EFFECT_FORGET: return;
    }
}
