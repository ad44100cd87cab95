/* An agent with one slot, as far as the coordinator can tell: what agent/core does, without its clock. */
#include "tests/explore/explore.h"

#include <string.h>

void line_add(struct explore *x, struct line *line, const struct message *message)
{
    if (line->count == LINE_MAX) {
        world_break(x, "more messages are under way than this world can hold");
        return;
    }
    line->waiting[line->count++] = *message;
}

struct message line_take(struct line *line)
{
    struct message first = line->waiting[0];

    memmove(&line->waiting[0], &line->waiting[1], --line->count * sizeof(first));
    memset(&line->waiting[line->count], 0, sizeof(first));
    return first;
}

static void send(struct explore *x, uint32_t agent, struct message *message)
{
    struct agent *a = &x->world.agents[agent];

    if (a->session == 0)
        return;
    message->session = a->session;
    line_add(x, &a->up, message);
}

static void report(struct explore *x, uint32_t agent, bool is_opening)
{
    const struct held *held = &x->world.agents[agent].held;
    struct message     message = {
            .type = REPORT,
            .is_opening = is_opening,
            .phase = held->phase,
            .attempt = held->attempt,
            .job = held->job,
            .image = held->image,
            .fence = held->fence,
            .kind = held->phase == LK_PHASE_FAILED ? LK_ERR_RETRY : LK_ERR_NONE,
    };

    send(x, agent, &message);
}

static bool waits_for_ticket(const struct held *held)
{
    return held->job && held->phase == LK_PHASE_BUILT && !held->has_ticket;
}

void agent_tell(struct explore *x, uint32_t agent, bool is_opening)
{
    const struct held *held = &x->world.agents[agent].held;
    struct message     ping = { .type = PING, .is_opening = is_opening };
    struct message     wanted = { .type = TICKET_WANTED,
                                  .job = held->job,
                                  .attempt = held->attempt };

    if (held->job)
        report(x, agent, is_opening);
    send(x, agent, &ping);
    if (!is_opening && waits_for_ticket(held))
        send(x, agent, &wanted);
}

void agent_connect(struct explore *x, uint32_t agent)
{
    struct agent  *a = &x->world.agents[agent];
    struct message hello = { .type = HELLO, .is_opening = true };

    a->is_greeting = true;
    line_add(x, &a->up, &hello);
}

static void welcomed(struct explore *x, uint32_t agent, const struct message *welcome)
{
    struct agent *a = &x->world.agents[agent];

    if (!a->is_greeting)
        return;
    if (welcome->fence < a->epoch)
        world_break(x, "an agent is welcomed under a lower epoch than before");
    a->is_greeting = false;
    a->session = welcome->session;
    a->epoch = welcome->fence;
    agent_tell(x, agent, true);
}

static void offered(struct explore *x, uint32_t agent, const struct message *offer)
{
    struct held   *held = &x->world.agents[agent].held;
    struct message refusal = { .type = REPORT,
                               .phase = LK_PHASE_FAILED,
                               .kind = LK_ERR_LIMIT,
                               .job = offer->job,
                               .attempt = offer->attempt };

    if (held->job == offer->job && offer->attempt < held->attempt)
        return;
    if (held->job == offer->job && offer->attempt == held->attempt) {
        report(x, agent, false);
    } else if (held->job && held->job != offer->job) {
        send(x, agent, &refusal);
    } else {
        *held = (struct held) { .job = offer->job,
                                .attempt = offer->attempt,
                                .arch = offer->arch,
                                .phase = LK_PHASE_TAKEN };
        report(x, agent, false);
    }
}

static void permitted(struct explore *x, uint32_t agent, const struct message *permit)
{
    struct agent *a = &x->world.agents[agent];
    struct held  *held = &a->held;

    if (permit->fence >> 32 < a->epoch || permit->fence < held->fence)
        return;
    if (permit->fence == held->fence) {
        report(x, agent, false);
        return;
    }
    if (held->phase < LK_PHASE_BUILT || held->phase == LK_PHASE_FAILED)
        return;
    held->fence = permit->fence;
    if (held->phase == LK_PHASE_PUSHED)
        held->phase = LK_PHASE_STAGED;
}

void agent_hears(struct explore *x, uint32_t agent, const struct message *message)
{
    struct agent *a = &x->world.agents[agent];

    if (message->type == WELCOME) {
        welcomed(x, agent, message);
        return;
    }
    if (a->session == 0 || a->session != message->session)
        return;
    if (message->type == OFFER) {
        offered(x, agent, message);
        return;
    }
    if (a->held.job == 0 || a->held.job != message->job || a->held.attempt != message->attempt)
        return;
    if (message->type == STAGE)
        a->held.has_ticket = true;
    else if (message->type == PERMIT)
        permitted(x, agent, message);
    else
        a->held = (struct held) { 0 };
}

bool agent_can_work(const struct explore *x, uint32_t agent)
{
    const struct held *held = &x->world.agents[agent].held;

    if (held->job == 0)
        return false;
    if (held->phase == LK_PHASE_BUILT)
        return held->has_ticket && (!x->setting->in_turn || held->fence);
    return held->phase == LK_PHASE_TAKEN || (held->phase == LK_PHASE_STAGED && held->fence);
}

void agent_work(struct explore *x, uint32_t agent, bool fails)
{
    struct held *held = &x->world.agents[agent].held;

    if (fails) {
        held->phase = LK_PHASE_FAILED;
    } else if (held->phase == LK_PHASE_TAKEN) {
        held->image = image_of(agent, held);
        held->phase = LK_PHASE_BUILT;
    } else if (held->phase == LK_PHASE_BUILT && !x->setting->in_turn) {
        held->phase = LK_PHASE_STAGED;
    } else {
        registry_put(x, held->image);
        held->phase = LK_PHASE_PUSHED;
    }
    report(x, agent, false);
}

void agent_is_cut(struct explore *x, uint32_t agent)
{
    struct agent *a = &x->world.agents[agent];

    a->session = 0;
    a->line_session = 0;
    a->is_greeting = false;
    memset(&a->up, 0, sizeof(a->up));
    memset(&a->down, 0, sizeof(a->down));
}

/* What it had built is on its disk; the rest is lost. */
void agent_is_killed(struct explore *x, uint32_t agent)
{
    struct held *held = &x->world.agents[agent].held;

    agent_is_cut(x, agent);
    if (held->job == 0)
        return;
    if (held->image == 0 || held->phase == LK_PHASE_FAILED) {
        *held = (struct held) { 0 };
        return;
    }
    held->phase = LK_PHASE_BUILT;
    held->has_ticket = false;
    held->fence = 0;
}
