/* The coordinator's process: its core, its clock, its life. */
#include "tests/sim/coordinator.h"

#include "tests/core/digest.h"
#include "tests/sim/check.h"
#include "tests/sim/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS 1700000000000

int64_t coordinator_clock(const struct sim *sim)
{
    return sim->now_ms + sim->coordinator->clock_ms;
}

void coordinator_name(const char *repository, const char *tag, struct sim_name *out)
{
    out->repository = (uint8_t)(repository[strlen(repository) - 1] - 'a');
    out->tag = (uint8_t)(tag[strlen(tag) - 1] - '0');
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
    check_event(sim, c->core, event);
    story_event(sim, event);
    const struct lk_out *out = lk_core_step(c->core, event);
    for (size_t i = 0; i < out->fact_count; i++)
        check_fact(sim, c->core, &out->facts[i], event);
    for (size_t i = 0; i < out->effect_count; i++)
        check_effect(sim, c->core, &out->effects[i]);
    if (out->fact_count)
        check_state(sim, c->core);
    check_in_time(sim, c->core, event->now_ms);
    c->stale = out->stale;
    set_timer(sim, out->wake_ms);
    journal_take(sim, out);
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
    c->config.pushes_max = sim->plan->pushes_max ? sim->plan->pushes_max : 40;
    c->config.history_max = sim->plan->pushes_max ? sim->plan->history_max : 30;
    c->config.packages_max = 48;
    c->config.agents_max = 8;
    c->config.records_max = 48;
    c->config.lease_ms = SIM_LEASE_MS;
    c->config.suspect_ms = SIM_SUSPECT_MS;
    c->config.hold_ms = SIM_HOLD_MS;
    c->config.in_turn_hold_ms = 2 * SIM_HOLD_MS;
    c->config.source_ms = SIM_SOURCE_MS;
    c->config.patience_ms = SIM_PATIENCE_MS;
    if (sim->seed % 3 == 0)
        c->config.upload_limits[c->config.upload_limit_count++] =
            (struct lk_upload_limit) { "org", 1 };
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

    sim->stale += c->stale;
    c->stale = 0;
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

/* Of what was not synced some may have reached the disk all the same, in its order. */
void sim_coordinator_kill(struct sim *sim, int64_t pause_ms, uint32_t luck)
{
    struct sim_coordinator *c = sim->coordinator;

    if (!c->core)
        return;
    size_t durable = c->durable + luck % (c->count - c->durable + 1);
    durable = journal_whole_steps(c, durable);
    size_t told = c->durable;
    c->durable = durable;
    die(sim, pause_ms);
    story_crash(sim, durable, told);
    c->count = c->durable;
    check_restart(sim, false);
}

/* What `lkcoordd restore` does: an older journal, and, if not by hand, a jump past all that may have been lost. */
void sim_coordinator_restore(struct sim *sim, int64_t pause_ms, uint32_t luck, bool jumps)
{
    struct sim_coordinator *c = sim->coordinator;

    if (!c->core)
        return;
    die(sim, pause_ms);
    c->digest = 0;
    c->count = c->durable =
        journal_whole_steps(c, c->durable - luck % (c->durable - c->base + 1));
    story_restore(sim, c->durable, jumps);
    c->jumps = jumps;
    c->epoch = 0;
    check_restart(sim, true);
    SIM_SAY(sim, "coordinator: a%s with %zu facts is %s", jumps ? " backup" : "n old journal",
            c->durable, jumps ? "restored" : "put in place by hand");
}

bool sim_coordinator_restore_old(struct sim *sim, int64_t pause_ms, int64_t age_ms)
{
    struct sim_coordinator *c = sim->coordinator;
    size_t                  kept = c->durable;

    while (kept > c->base && c->keys[kept - 1].at_ms > sim->now_ms - age_ms)
        kept--;
    if (!c->core || kept == c->durable || kept == c->base)
        return false;
    sim_coordinator_restore(sim, pause_ms, (uint32_t)(c->durable - kept), true);
    return true;
}

bool sim_coordinator_runs(const struct sim *sim)
{
    return sim->coordinator->core != NULL;
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
        coordinator_hears(sim, &message);
}

void sim_coordinator_happens(struct sim *sim, const struct sim_event *event)
{
    struct sim_coordinator *c = sim->coordinator;

    if (event->life && event->life != c->life)
        return;
    if (sim->now_ms < c->paused_until_ms && event->type != SIM_AT_START) {
        sim_feel(sim, SIM_COORDINATOR_IS_PAUSED, 0);
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
        coordinator_gets_source(sim, event->who, event->what != 0);
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
