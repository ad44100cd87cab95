/* The coordinator's process: its core, its clock, its life, and the door to agents and clients. */
#include "tests/sim/coordinator.h"

#include "tests/core/digest.h"
#include "tests/sim/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS 1700000000000

int64_t coordinator_clock(const struct sim *sim)
{
    return sim->now_ms + sim->coordinator->clock_ms;
}

static const char *agent_name(uint32_t agent)
{
    static const char *const names[SIM_AGENTS] = { "a0", "a1", "a2", "a3", "a4" };

    return names[agent];
}

void coordinator_name(const struct lk_effect *effect, struct sim_name *out)
{
    out->repository = (uint8_t)(effect->repository[strlen(effect->repository) - 1] - 'a');
    out->tag = (uint8_t)(effect->tag[strlen(effect->tag) - 1] - '0');
}

static void set_timer(struct sim *sim, int64_t wake_ms)
{
    struct sim_coordinator *c = sim->coordinator;

    if (wake_ms == INT64_MAX || wake_ms - c->clock_ms >= c->timer_ms)
        return;
    c->timer_ms = wake_ms - c->clock_ms;
    sim_at(sim, c->timer_ms, SIM_AT_TIMER, c->life, 0, 0);
}

void coordinator_step(struct sim *sim, struct lk_event *event)
{
    struct sim_coordinator *c = sim->coordinator;

    event->now_ms = coordinator_clock(sim);
    event->wall_ms = WALL_MS + event->now_ms + (sim->now_ms / 20000 % 3 - 1) * 3600000;
    check_event(sim, event);
    const struct lk_out *out = lk_core_step(c->core, event);
    for (size_t i = 0; i < out->fact_count; i++)
        check_fact(sim, c->core, &out->facts[i], event);
    if (out->fact_count)
        check_state(sim, c->core);
    set_timer(sim, out->wake_ms);
    journal_take(sim, out);
}

/* ---- agents ---- */

static int64_t silence_ms(void)
{
    return 2 * SIM_SILENCE_MS;
}

static void say_hello(struct sim *sim, const struct sim_message *message)
{
    struct sim_coordinator *c = sim->coordinator;
    struct session         *session = &c->sessions[message->agent];
    struct lk_platform      platform = { .emulated = false };
    struct lk_event         event = { .type = LK_EVENT_AGENT_HELLO };
    struct lk_event         later = { .type = LK_EVENT_EPOCH_HEARD };
    struct sim_message      welcome = { .type = SIM_WELCOME };

    *session =
        (struct session) { ++c->sessions_given, message->connection, coordinator_clock(sim) };
    /* Whoever knows a later epoch says so before anything else is done with it. */
    if (message->cluster && lk_core_judge_epoch(c->core, message->epoch) != LK_EPOCH_IS_KNOWN) {
        later.start.epoch = message->epoch;
        c->is_unaware = false;
        coordinator_step(sim, &later);
        if (!c->core)
            return;
    }
    *session =
        (struct session) { ++c->sessions_given, message->connection, coordinator_clock(sim) };
    welcome.epoch = lk_core_epoch(c->core);
    welcome.cluster = 1;
    coordinator_tell(sim, session->id, &welcome);
    platform.arch = message->arch;
    event.agent.name = agent_name(message->agent);
    event.agent.session = session->id;
    event.agent.slots = sim->plan->agent_slots[message->agent];
    event.agent.count = 1;
    event.agent.platforms = &platform;
    event.agent.software = "simulated";
    event.agent.builder = "none";
    coordinator_step(sim, &event);
}

static void turn_away(struct sim *sim, const struct sim_message *message)
{
    struct sim_message error = { .type = SIM_ERROR,
                                 .agent = message->agent,
                                 .connection = message->connection,
                                 .session = message->session,
                                 .kind = LK_ERR_CONFLICT };

    sim_send(sim, &error);
}

static void session_event(struct sim *sim, const struct sim_message *message,
                          enum lk_event_type type)
{
    struct lk_event event = { .type = type };

    event.agent.name = agent_name(message->agent);
    event.agent.session = message->session;
    coordinator_step(sim, &event);
}

static void report_event(struct sim *sim, const struct sim_message *message,
                         enum lk_event_type type)
{
    struct lk_event event = { .type = type };

    event.report.agent = agent_name(message->agent);
    event.report.session = message->session;
    event.report.job = message->job;
    event.report.attempt = message->attempt;
    event.report.phase = (enum lk_phase)message->phase;
    event.report.fence = message->fence;
    event.report.kind = message->kind;
    event.report.text = message->text;
    event.report.bytes_done = message->bytes_done;
    event.report.bytes_total = message->bytes_total;
    event.report.child.digest = message->digest;
    event.report.child.size = 500;
    snprintf(event.report.child.media_type, sizeof(event.report.child.media_type), "image");
    coordinator_step(sim, &event);
}

static void hear(struct sim *sim, const struct sim_message *message)
{
    struct session    *session = &sim->coordinator->sessions[message->agent];
    struct sim_message pong = { .type = SIM_PONG };

    if (message->type == SIM_HELLO) {
        say_hello(sim, message);
        return;
    }
    if (session->id &&
        coordinator_clock(sim) - session->heard_ms >= silence_ms()) /* swept meanwhile */
        session->id = 0;
    if (session->id == 0 || session->id != message->session) {
        turn_away(sim, message);
        return;
    }
    session->heard_ms = coordinator_clock(sim);
    session->connection = message->connection;
    if (message->type == SIM_BYE) {
        session->id = 0;
        session_event(sim, message, LK_EVENT_AGENT_GONE);
    } else if (message->type == SIM_PING) {
        coordinator_tell(sim, message->session, &pong);
        session_event(sim, message, LK_EVENT_AGENT_ALIVE);
    } else if (message->type == SIM_REPORT) {
        report_event(sim, message, LK_EVENT_REPORT);
    } else {
        report_event(sim, message, LK_EVENT_TICKET_WANTED);
    }
}

/* ---- clients ---- */

static struct lk_push_options options_of(struct sim *sim, const struct sim_submit *plan)
{
    struct lk_push_options options = {
        .sign = plan->is_signed,
        .force = plan->force && !plan->build_only,
        .in_turn = plan->in_turn,
        .sequential = plan->sequential,
        .build_only = plan->build_only,
    };
    struct sim_tag   *tag = &sim->registry.tags[plan->name.repository][plan->name.tag];
    struct sim_image *index = &sim->registry.images[sim_registry_read(sim, tag)];

    for (unsigned i = 0; plan->replaces && i < SIM_ARCHES; i++)
        snprintf(options.replace[options.replace_count++].name, LK_ARCH_SIZE, "%s",
                 sim_arch_names[i]);
    for (unsigned i = 0; plan->adopts && i < index->count; i++) {
        struct sim_image *child = &sim->registry.images[index->entries[i]];
        child->is_adopted = true;
        options.adopt[options.adopt_count++] = child->digest;
    }
    return options;
}

bool sim_coordinator_submit(struct sim *sim, uint32_t number)
{
    const struct sim_client  *client = &sim->clients[number];
    const struct sim_submit  *plan = client->plan;
    struct lk_push_options    options = options_of(sim, plan);
    struct lk_package_request package = { .path = "pkg/it" };
    struct lk_arch            arches[SIM_ARCHES];
    struct lk_event           event = { .type = LK_EVENT_SUBMIT };
    uint8_t                   key[16] = { client->key };
    char                      repository[8], tag[8], name[8];

    if (!sim->coordinator->core || sim->now_ms < sim->coordinator->paused_until_ms)
        return false;
    snprintf(repository, sizeof(repository), "org/%c", 'a' + plan->name.repository);
    snprintf(tag, sizeof(tag), "t%u", plan->name.tag);
    snprintf(name, sizeof(name), "c%u", number);
    for (unsigned i = 0; i < SIM_ARCHES; i++)
        if (plan->arches >> i & 1)
            snprintf(arches[package.arch_count++].name, LK_ARCH_SIZE, "%s", sim_arch_names[i]);
    package.repository = repository;
    package.tag = tag;
    package.arches = arches;
    event.submit.session = number + 1;
    event.submit.request = ++sim->clients[number].tries;
    event.submit.client = name;
    event.submit.request_key = key;
    event.submit.options = &options;
    event.submit.count = 1;
    event.submit.packages = &package;
    coordinator_step(sim, &event);
    return true;
}

static void source_came(struct sim *sim, uint32_t number, bool is_bad)
{
    struct sim_client *client = &sim->clients[number];
    struct lk_event event = { .type = is_bad ? LK_EVENT_SOURCE_FAILED : LK_EVENT_SOURCE_READY };
    struct lk_err   err;

    if (!sim->coordinator->core || !client->push)
        return;
    if (is_bad)
        lk_err_set(&err, LK_ERR_INVALID, "the source is damaged");
    client->source_sent = true;
    event.source.push = client->push;
    event.source.why = is_bad ? &err : NULL;
    coordinator_step(sim, &event);
}

void sim_coordinator_cancel(struct sim *sim, uint64_t push)
{
    struct lk_event event = { .type = LK_EVENT_CANCEL };

    if (!sim->coordinator->core)
        return;
    event.cancel.session = 1;
    event.cancel.request = 1;
    event.cancel.client = "c0";
    event.cancel.push = push;
    coordinator_step(sim, &event);
}

bool sim_coordinator_outcome(const struct sim *sim, uint64_t id, uint32_t *outcome)
{
    struct sim_coordinator *c = sim->coordinator;
    const struct lk_push   *push = c->core ? lk_core_push(c->core, id) : NULL;

    if (!push || push->state != LK_PUSH_ENDED || push->fact_seq > c->durable)
        return false;
    *outcome = (uint32_t)push->outcome;
    return true;
}

bool sim_coordinator_knows(const struct sim *sim, uint64_t push)
{
    return sim->coordinator->core && lk_core_push(sim->coordinator->core, push);
}

/* ---- its life ---- */

static void start(struct sim *sim)
{
    struct sim_coordinator *c = sim->coordinator;
    struct lk_event         event = { .type = LK_EVENT_START };

    c->core = lk_core_new(&c->config);
    c->timer_ms = INT64_MAX;
    SIM_SAY(sim, "coordinator: starts with %zu facts, epoch %llu", c->durable,
            (unsigned long long)c->epoch + 1);
    journal_replay(sim);
    if (c->digest && world_digest(c->core) != c->digest)
        sim_break(sim, CHECK_REPLAY, "the replay gives another state than there was");
    if (c->jumps)
        journal_jump(sim);
    else if (one_in(&c->dice, 3))
        journal_compact(sim);
    c->jumps = false;
    c->epoch = c->epoch > lk_core_epoch(c->core) ? c->epoch : lk_core_epoch(c->core);
    event.start.epoch = ++c->epoch;
    check_started(sim, coordinator_clock(sim));
    coordinator_step(sim, &event);
}

void sim_coordinator_new(struct sim *sim)
{
    struct sim_coordinator *c = sim->coordinator = lk_xcalloc(1, sizeof(*c));

    c->config = lk_core_defaults;
    c->config.pushes_max = 40;
    c->config.history_max = 30;
    c->config.packages_max = 48;
    c->config.agents_max = 8;
    c->config.records_max = 48;
    c->config.lease_ms = SIM_LEASE_MS;
    c->config.suspect_ms = SIM_SUSPECT_MS;
    c->config.hold_ms = SIM_HOLD_MS;
    c->config.in_turn_hold_ms = 2 * SIM_HOLD_MS;
    c->config.source_ms = SIM_SOURCE_MS;
    c->config.patience_ms = SIM_PATIENCE_MS;
    c->dice = dice_of(sim->seed, 4);
    c->clock_ms = 100000;
    c->life = 1;
    start(sim);
}

void sim_coordinator_free(struct sim *sim)
{
    lk_core_free(&sim->coordinator->core);
    journal_fini(sim->coordinator);
    free(sim->coordinator);
    sim->coordinator = NULL;
}

static void die(struct sim *sim, int64_t pause_ms)
{
    struct sim_coordinator *c = sim->coordinator;

    SIM_SAY(sim, "coordinator: dies with %zu of %zu facts on disk", c->durable, c->count);
    operations_die(sim);
    c->digest = c->durable == c->count ? world_digest(c->core) : 0;
    lk_core_free(&c->core);
    c->life++;
    c->paused_until_ms = 0;
    c->syncing = 0;
    c->queue_first = c->queue_end = 0;
    memset(c->sessions, 0, sizeof(c->sessions));
    for (uint32_t i = 0; i < sim->plan->agent_count; i++)
        if (!one_in(&c->dice, 4))
            sim_cut(sim, i);
    sim_clients_disconnected(sim);
    sim_at(sim, sim->now_ms + pause_ms, SIM_AT_START, c->life, 0, 0);
}

/*
 * A journal that was copied back by hand, and is then started as often as the lost one was, before anybody who knows
 * more comes: nobody sees that (README.md).  So it is not killed before that.
 *
 * Of what was not synced some may have reached the disk all the same, in its order.
 */
void sim_coordinator_kill(struct sim *sim, int64_t pause_ms, uint32_t luck)
{
    struct sim_coordinator *c = sim->coordinator;

    if (!c->core || c->is_unaware)
        return;
    size_t durable = c->durable + luck % (c->count - c->durable + 1);
    c->durable = journal_whole_steps(c, durable);
    die(sim, pause_ms);
    c->count = c->durable;
    check_restart(sim, false);
}

/* An older journal: brought back by `lkcoordd restore`, which jumps, or copied there by hand, which does not. */
void sim_coordinator_restore(struct sim *sim, int64_t pause_ms, uint32_t luck)
{
    struct sim_coordinator *c = sim->coordinator;

    if (!c->core)
        return;
    die(sim, pause_ms);
    c->digest = 0;
    c->count = c->durable =
        journal_whole_steps(c, c->durable - luck % (c->durable - c->base + 1));
    c->jumps = luck >> 16 & 1;
    c->is_unaware = !c->jumps;
    c->epoch = 0;
    check_restart(sim, true);
    SIM_SAY(sim, "coordinator: a backup with %zu facts is %s", c->durable,
            c->jumps ? "restored" : "copied into its place");
}

void sim_coordinator_pause(struct sim *sim, int64_t pause_ms)
{
    if (sim->coordinator->core)
        sim->coordinator->paused_until_ms = sim->now_ms + pause_ms;
}

void sim_coordinator_jump(struct sim *sim, int64_t gap_ms, bool reboot)
{
    struct sim_coordinator *c = sim->coordinator;

    c->clock_ms = reboot ? -sim->now_ms : c->clock_ms + gap_ms;
    c->timer_ms = INT64_MAX;
    if (c->core)
        sim_at(sim, sim->now_ms, SIM_AT_TIMER, c->life, 0, 0);
}

bool sim_coordinator_is_up(const struct sim *sim)
{
    return sim->coordinator->core != NULL;
}

bool sim_coordinator_is_at_rest(const struct sim *sim)
{
    struct sim_coordinator *c = sim->coordinator;

    if (!c->core || c->durable < c->count)
        return false;
    for (const struct lk_push *push = lk_core_first_push(c->core); push; push = push->next)
        if (push->state != LK_PUSH_ENDED)
            return false;
    return true;
}

void sim_coordinator_check_rest(struct sim *sim)
{
    check_rest(sim, sim->coordinator->core);
}

static void wake(struct sim *sim)
{
    struct lk_event event = { .type = LK_EVENT_TIMER };

    sim->coordinator->timer_ms = INT64_MAX;
    coordinator_step(sim, &event);
}

/* A message waits in the socket of a process that does not run; one to a dead process is gone. */
static void came_in(struct sim *sim, const struct sim_event *event)
{
    struct sim_coordinator  *c = sim->coordinator;
    const struct sim_message message = sim->messages[event->what];
    bool is_open = sim_agent_connection(sim, message.agent) == message.connection;

    if (!c->core && message.type == SIM_HELLO && is_open) {
        sim_at(sim, sim->now_ms + 200, event->type, 0, event->who, event->what);
        return;
    }
    sim->free_messages[sim->free_count++] = event->what;
    if (c->core)
        hear(sim, &message);
}

void sim_coordinator_happens(struct sim *sim, const struct sim_event *event)
{
    struct sim_coordinator *c = sim->coordinator;

    if (event->life && event->life != c->life)
        return;
    if (sim->now_ms < c->paused_until_ms && event->type != SIM_AT_START) {
        sim_at(sim, c->paused_until_ms, event->type, event->life, event->who, event->what);
        return;
    }
    if (event->type == SIM_AT_COORDINATOR)
        came_in(sim, event);
    else if (event->type == SIM_AT_START)
        start(sim);
    else if (event->type == SIM_AT_TIMER)
        wake(sim);
    else if (event->type == SIM_AT_SYNCED)
        journal_synced(sim, event->what);
    else if (event->type == SIM_AT_OPERATION)
        operation_goes_on(sim, event->what);
    else
        source_came(sim, event->who, event->what != 0);
}

void sim_coordinator_dump(const struct sim *sim)
{
    struct sim_coordinator *c = sim->coordinator;

    if (!c->core)
        return;
    for (const struct lk_push *push = lk_core_first_push(c->core); push; push = push->next) {
        if (push->state == LK_PUSH_ENDED)
            continue;
        sim_say(sim, "push %llu: state %d", (unsigned long long)push->id, (int)push->state);
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push) {
            sim_say(sim, "  %s:%s state %d op %llu fence %llx of job %llu: %s", p->repository,
                    p->tag, (int)p->state, (unsigned long long)p->op,
                    (unsigned long long)p->turnstile->fence,
                    (unsigned long long)p->turnstile->job, p->text);
            for (size_t i = 0; i < p->job_count; i++)
                sim_say(sim,
                        "    job %llu %s state %d phase %d agent %s attempt %u op %llu: %s",
                        (unsigned long long)p->jobs[i].id, p->jobs[i].arch.name,
                        (int)p->jobs[i].state, (int)p->jobs[i].phase, p->jobs[i].agent,
                        p->jobs[i].attempt, (unsigned long long)p->jobs[i].op, p->jobs[i].text);
        }
    }
}
