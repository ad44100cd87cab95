/* An agent's process: its core, its clock, what it has on disk, and its line to the coordinator. */
#include "tests/sim/agent.h"

#include "tests/sim/check.h"
#include "tests/sim/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t clock_of(const struct sim *sim, const struct sim_agent *agent)
{
    return sim->now_ms + agent->clock_ms;
}

static void set_timer(struct sim *sim, struct sim_agent *agent)
{
    int64_t wake_ms = lk_agent_core_wake_ms(agent->core);

    if (wake_ms == INT64_MAX || wake_ms - agent->clock_ms >= agent->timer_ms)
        return;
    agent->timer_ms = wake_ms - agent->clock_ms;
    sim_at(sim, agent->timer_ms, SIM_AT_AGENT_WAKE, agent->life, agent->number, 0);
}

static void remember(struct sim *sim, struct sim_agent *agent,
                     const struct lk_agent_effect *effect)
{
    check_welcomed(sim, agent->number, agent->disk.epoch, effect->epoch);
    agent->disk.epoch = effect->epoch;
    story_agent(sim, "followed", agent->number, effect->epoch);
    agent->disk.cluster_len = effect->cluster_len;
    memcpy(agent->disk.cluster, effect->cluster, effect->cluster_len);
}

static void carry_out(struct sim *sim, struct sim_agent *agent,
                      const struct lk_agent_effect *effect)
{
    struct sim_message message = { .job = effect->job, .attempt = effect->attempt };

    switch (effect->kind) {
    case LK_AGENT_OPEN_LINE: agent_open_line(sim, agent); return;
    case LK_AGENT_CLOSE_LINE: agent->connection = 0; return;
    case LK_AGENT_SEND_PING: agent_ping(sim, agent); return;
    case LK_AGENT_SEND_REPORT: agent_report(sim, agent, &effect->report); return;
    case LK_AGENT_SEND_TICKET_WANTED:
        message.type = SIM_TICKET_WANTED;
        agent_send(sim, agent, &message);
        return;
    case LK_AGENT_SEND_BYE:
        message.type = SIM_BYE;
        message.session = effect->number;
        message.keeps = effect->keeps;
        agent_send(sim, agent, &message);
        return;
    case LK_AGENT_REMEMBER: remember(sim, agent, effect); return;
    case LK_AGENT_RESUME: return;
    case LK_AGENT_CHECK_BUILT:
    case LK_AGENT_FETCH:
    case LK_AGENT_BUILD:
    case LK_AGENT_UPLOAD:
    case LK_AGENT_PUT_MANIFEST:
    case LK_AGENT_STOP:
    case LK_AGENT_KILL:
    case LK_AGENT_FORGET: task_carry_out(sim, agent, effect); return;
    case LK_AGENT_WARN: SIM_SAY(sim, "a%u: %s", agent->number, effect->text); return;
    case LK_AGENT_EXIT: agent->exits = true; return;
    }
}

static void end_process(struct sim *sim, struct sim_agent *agent, int64_t pause_ms)
{
    lk_agent_core_free(&agent->core);
    memset(agent->tasks, 0, sizeof(agent->tasks));
    agent->life++;
    agent->connection = 0;
    agent->paused_until_ms = 0;
    agent->exits = false;
    sim_at(sim, sim->now_ms + pause_ms, SIM_AT_AGENT_START, agent->life, agent->number, 0);
}

void agent_step(struct sim *sim, struct sim_agent *agent, struct lk_agent_event *event)
{
    uint32_t life = agent->life;

    event->now_ms = clock_of(sim, agent);
    lk_agent_step(agent->core, event, &agent->effects);
    for (size_t i = 0; i < agent->effects.count && agent->life == life; i++)
        carry_out(sim, agent, &agent->effects.items[i]);
    if (agent->life != life)
        return;
    if (agent->exits) {
        end_process(sim, agent, agent->leaves_ms);
        return;
    }
    set_timer(sim, agent);
}

static enum lk_agent_event_kind kind_of(enum sim_message_type type)
{
    switch (type) {
    case SIM_WELCOME: return LK_AGENT_WELCOMED;
    case SIM_OFFER: return LK_AGENT_OFFERED;
    case SIM_STAGE: return LK_AGENT_TICKET;
    case SIM_PERMIT: return LK_AGENT_PERMITTED;
    case SIM_DROP: return LK_AGENT_DROPPED;
    case SIM_ERROR: return LK_AGENT_TURNED_AWAY;
    case SIM_HELLO:
    case SIM_PING:
    case SIM_REPORT:
    case SIM_TICKET_WANTED:
    case SIM_BYE:
    case SIM_PONG: return LK_AGENT_HEARD;
    }
    return LK_AGENT_HEARD;
}

static void hear(struct sim *sim, struct sim_agent *agent, const struct sim_message *message)
{
    struct lk_agent_event event = { .kind = kind_of(message->type) };

    event.session = message->session;
    event.job = message->job;
    event.attempt = message->attempt;
    event.arch = message->arch;
    event.spec = message->spec;
    event.in_turn = message->in_turn;
    event.build_only = message->build_only;
    event.fence = message->fence;
    if (message->type == SIM_STAGE)
        event.upload = message->in_turn ? LK_UPLOAD_IN_TURN : LK_UPLOAD_AT_ONCE;
    event.error = message->kind;
    event.welcome.session = message->session;
    event.welcome.ping_ms = SIM_PING_MS;
    event.welcome.silence_ms = SIM_SILENCE_MS;
    event.welcome.cluster[0] = (uint8_t)message->cluster;
    event.welcome.cluster_len = LK_CLUSTER_MAX;
    event.welcome.epoch = message->epoch;
    if (message->type == SIM_PONG)
        agent->tells_inventory = false;
    agent->order = (struct order) { message->arch, message->name, message->spec,
                                    message->in_turn, message->build_only };
    uint64_t stale = lk_agent_core_stale(agent->core);
    uint32_t life = agent->life;
    agent_step(sim, agent, &event);
    if (message->type == SIM_PERMIT && agent->life == life &&
        lk_agent_core_stale(agent->core) == stale)
        story_took(sim, agent->number, message->job, message->fence);
}

/* What was built and is still whole goes on; so often only as the agent does not die of it. */
static void find_built(struct sim *sim, struct sim_agent *agent)
{
    uint32_t                life = agent->life;
    size_t                  count = 0;
    const struct sim_fault *fault;

    for (size_t i = 0; i < BUILT_MAX; i++) {
        struct built         *built = &agent->disk.built[i];
        struct lk_agent_event event = { .kind = LK_AGENT_FOUND };
        if (!built->image)
            continue;
        if (++built->lives > LIVES_MAX || count == agent->slots) {
            *built = (struct built) { 0 };
            continue;
        }
        count++;
        built->is_damaged = sim_strikes(sim, SIM_BUILT_IS_DAMAGED, agent->number, &fault);
        event.job = built->job;
        event.attempt = built->attempt;
        event.arch = built->order.arch;
        event.spec = built->order.spec;
        event.in_turn = built->order.in_turn;
        event.build_only = built->order.build_only;
        event.digest = sim->registry.images[built->image].digest;
        event.size = 500;
        agent->order = built->order;
        agent_step(sim, agent, &event);
        if (agent->life != life)
            return;
    }
}

static void start(struct sim *sim, struct sim_agent *agent)
{
    struct lk_agent_core_conf conf = {
        .arches = { agent->arch },
        .arch_count = 1,
        .slots = agent->slots,
        .seed = dice_next(&agent->dice),
        .cluster_len = agent->disk.cluster_len,
        .epoch = agent->disk.epoch,
        .now_ms = clock_of(sim, agent),
    };
    struct lk_agent_event wake = { .kind = LK_AGENT_WAKE };
    uint32_t              life = agent->life;

    uint8_t emulates = sim->plan->agent_emulates[agent->number];
    if (emulates)
        snprintf(conf.arches[conf.arch_count++].name, LK_ARCH_SIZE, "%s",
                 sim_arch_names[emulates - 1]);
    memcpy(conf.cluster, agent->disk.cluster, sizeof(conf.cluster));
    agent->core = lk_agent_core_new(&conf);
    agent->timer_ms = INT64_MAX;
    SIM_SAY(sim, "a%u: starts", agent->number);
    find_built(sim, agent);
    if (agent->life == life)
        agent_step(sim, agent, &wake);
}

void sim_agent_new(struct sim *sim, uint32_t number)
{
    struct sim_agent *agent = sim->agents[number] = lk_xcalloc(1, sizeof(*agent));
    const char       *arch = sim_arch_names[sim->plan->agent_arch[number]];

    agent->number = (uint8_t)number;
    agent->slots = sim->plan->agent_slots[number];
    agent->dice = dice_of(sim->seed, 10 + number);
    agent->life = 1;
    agent->clock_ms = 1000 * number;
    memcpy(agent->arch.name, arch, strlen(arch));
    sim_at(sim, between(&agent->dice, 0, 500), SIM_AT_AGENT_START, agent->life, number, 0);
}

void sim_agent_free(struct sim *sim, uint32_t number)
{
    lk_agent_core_free(&sim->agents[number]->core);
    free(sim->agents[number]);
    sim->agents[number] = NULL;
}

void sim_agent_kill(struct sim *sim, uint32_t number, int64_t pause_ms, bool wipe)
{
    struct sim_agent *agent = sim->agents[number];

    if (!agent->core)
        return;
    if (wipe) {
        memset(&agent->disk, 0, sizeof(agent->disk));
        story_agent(sim, "wiped", number, 0);
    }
    end_process(sim, agent, pause_ms);
}

void sim_agent_leave(struct sim *sim, uint32_t number, int64_t pause_ms)
{
    struct sim_agent     *agent = sim->agents[number];
    struct lk_agent_event event = { .kind = LK_AGENT_SHUTDOWN };

    agent->leaves_ms = pause_ms;
    agent->tells_inventory = true;
    if (agent->core)
        agent_step(sim, agent, &event);
}

void sim_agent_pause(struct sim *sim, uint32_t number, int64_t pause_ms)
{
    if (sim->agents[number]->core)
        sim->agents[number]->paused_until_ms = sim->now_ms + pause_ms;
}

void sim_agent_jump(struct sim *sim, uint32_t number, int64_t gap_ms)
{
    struct sim_agent *agent = sim->agents[number];

    agent->clock_ms += gap_ms;
    agent->timer_ms = INT64_MAX;
    if (agent->core)
        sim_at(sim, sim->now_ms, SIM_AT_AGENT_WAKE, agent->life, number, 0);
}

void sim_agent_fails_fast(struct sim *sim, uint32_t number, int64_t until_ms)
{
    sim->agents[number]->fails_until_ms = until_ms;
}

/* The truth, which its coordinator can only hear of. */
bool sim_agent_holds(const struct sim *sim, uint32_t number, uint64_t job, uint32_t attempt)
{
    const struct sim_agent *agent = sim->agents[number];

    if (agent->core)
        return lk_agent_core_task(agent->core, job, attempt) != 0;
    for (size_t i = 0; i < BUILT_MAX; i++)
        if (agent->disk.built[i].image && agent->disk.built[i].job == job &&
            agent->disk.built[i].attempt == attempt)
            return agent->disk.built[i].lives < LIVES_MAX;
    return false;
}

bool sim_agent_runs(const struct sim *sim, uint32_t number)
{
    return sim->agents[number]->core != NULL;
}

bool sim_agent_is_idle(const struct sim *sim, uint32_t number)
{
    const struct sim_agent *agent = sim->agents[number];

    if (!agent->core || !lk_agent_core_session(agent->core))
        return false;
    for (size_t i = 0; i < TASKS_MAX; i++)
        if (agent->tasks[i].id)
            return false;
    return true;
}

uint64_t sim_agent_connection(const struct sim *sim, uint32_t number)
{
    return sim->agents[number]->connection;
}

uint32_t sim_agent_life(const struct sim *sim, uint32_t number)
{
    return sim->agents[number]->life;
}

static void came_in(struct sim *sim, struct sim_agent *agent, uint32_t place)
{
    const struct sim_message message = sim->messages[place];

    sim->free_messages[sim->free_count++] = place;
    if (agent->core && agent->connection == message.connection)
        hear(sim, agent, &message);
}

static void line_lost(struct sim *sim, struct sim_agent *agent, uint32_t connection)
{
    struct lk_agent_event event = { .kind = LK_AGENT_LINE_LOST };

    if (agent->core && connection && agent->connection == connection)
        agent_step(sim, agent, &event);
}

void sim_agent_happens(struct sim *sim, const struct sim_event *event)
{
    struct sim_agent     *agent = sim->agents[event->who];
    struct lk_agent_event wake = { .kind = LK_AGENT_WAKE };

    if (event->life && event->life != agent->life)
        return;
    if (sim->now_ms < agent->paused_until_ms) {
        sim_feel(sim, SIM_AGENT_IS_PAUSED, event->who);
        sim_at(sim, agent->paused_until_ms, event->type, event->life, event->who, event->what);
        return;
    }
    if (event->type == SIM_AT_AGENT) {
        came_in(sim, agent, event->what);
    } else if (event->type == SIM_AT_AGENT_START) {
        start(sim, agent);
    } else if (event->type == SIM_AT_AGENT_TASK) {
        task_goes_on(sim, agent, event->what);
    } else if (event->type == SIM_AT_LINE_LOST) {
        line_lost(sim, agent, event->what);
    } else {
        agent->timer_ms = INT64_MAX;
        agent_step(sim, agent, &wake);
    }
}
