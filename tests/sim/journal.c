/*
 * The disk: facts are handed in, and are durable when a sync that began after that has ended.  Effects wait until
 * then.  One sync at a time; what comes meanwhile makes the next group, as in coordinator/pump.h.
 */
#include "tests/sim/book.h"
#include "tests/sim/check.h"
#include "tests/sim/coordinator.h"
#include "tests/sim/trace.h"

#include "coordinator/core/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define CRASH_MS 1000 /* of `crash_at`: it is back then */

static struct fact_key key_of(const struct lk_fact *fact)
{
    struct fact_key key = { .type = fact->type };

    if (fact->type == LK_FACT_PUSH_ACCEPTED)
        key.a = fact->push;
    else if (fact->type == LK_FACT_PERMIT_GRANTED)
        key.a = fact->fence;
    else if (fact->type == LK_FACT_PUBLISH_QUEUED || fact->type == LK_FACT_PACKAGE_MERGED)
        key.a = fact->package;
    else
        key.a = fact->job;
    if (fact->type == LK_FACT_PACKAGE_MERGED)
        memcpy(&key.b, fact->child.digest.sha256, sizeof(key.b));
    else
        key.b = fact->attempt;
    return key;
}

static bool is_durable(const struct sim_coordinator *c, struct fact_key key)
{
    for (size_t i = c->durable; i-- > 0;)
        if (c->keys[i].type == key.type && c->keys[i].a == key.a &&
            (key.b == 0 || c->keys[i].b == key.b))
            return true;
    return false;
}

/* What has to be known for good before anybody outside hears of it. */
static bool may_go(const struct sim_coordinator *c, const struct lk_effect *effect)
{
    uint64_t index;

    switch (effect->type) {
    case LK_EFFECT_ACCEPTED:
    case LK_EFFECT_RECEIVE:
        return is_durable(
            c, (struct fact_key) { .type = LK_FACT_PUSH_ACCEPTED, .a = effect->push });
    case LK_EFFECT_OFFER:
        return is_durable(c, (struct fact_key) { .type = LK_FACT_JOB_ASSIGNED,
                                                 .a = effect->job,
                                                 .b = effect->attempt });
    case LK_EFFECT_TICKET:
        return is_durable(c, (struct fact_key) { .type = LK_FACT_JOB_BUILT,
                                                 .a = effect->job,
                                                 .b = effect->attempt });
    case LK_EFFECT_PERMIT:
        return is_durable(
            c, (struct fact_key) { .type = LK_FACT_PERMIT_GRANTED, .a = effect->fence });
    case LK_EFFECT_MERGE:
        return is_durable(
            c, (struct fact_key) { .type = LK_FACT_PUBLISH_QUEUED, .a = effect->package });
    case LK_EFFECT_TAG:
        memcpy(&index, effect->child.digest.sha256, sizeof(index));
        return is_durable(c, (struct fact_key) { .type = LK_FACT_PACKAGE_MERGED,
                                                 .a = effect->package,
                                                 .b = index });
    case LK_EFFECT_ANSWER:
    case LK_EFFECT_DROP:
    case LK_EFFECT_PROBE:
    case LK_EFFECT_ACCEPT_CHILD:
    case LK_EFFECT_FORGET: return true;
    }
    return true;
}

/* Doing it twice makes no difference.  (A source that comes twice would hide that the first was bad.) */
static void carry_out(struct sim *sim, const struct lk_effect *effect)
{
    uint32_t life = sim->coordinator->life;

    if (!sim->plan->effects_twice || effect->type == LK_EFFECT_RECEIVE) {
        coordinator_carry_out(sim, effect);
        return;
    }
    const struct lk_effect again = *effect;
    coordinator_carry_out(sim, &again);
    if (sim->coordinator->life == life)
        coordinator_carry_out(sim, &again);
}

static void release(struct sim *sim)
{
    struct sim_coordinator *c = sim->coordinator;
    uint32_t                life = c->life;

    while (c->queue_first < c->queue_end && c->queue[c->queue_first].needs <= c->durable) {
        struct waiting *next = &c->queue[c->queue_first++];
        check_released(sim, &next->effect, may_go(c, &next->effect));
        carry_out(sim, &next->effect);
        if (c->life != life)
            return;
    }
    if (c->queue_first == c->queue_end)
        c->queue_first = c->queue_end = 0;
}

static void begin_sync(struct sim *sim)
{
    struct sim_coordinator *c = sim->coordinator;
    bool                    slow = sim->now_ms < c->slow_disk_until_ms;
    const struct sim_fault *fault;

    if (c->syncing || c->durable == c->count)
        return;
    if (sim_strikes(sim, SIM_KILLED_BEFORE_SYNC, 0, &fault)) {
        sim_coordinator_kill(sim, fault->for_ms, fault->luck & 1 ? 0 : fault->luck >> 1);
        return;
    }
    if (++sim->writes == sim->plan->crash_at && !sim->plan->crash_is_after) {
        sim_coordinator_kill(sim, CRASH_MS, 0);
        return;
    }
    if (slow)
        sim_feel(sim, SIM_DISK_IS_SLOW, 0);
    c->syncing = c->count;
    story_sync(sim, true);
    sim_at(sim, sim->now_ms + between(&c->dice, 1, slow ? 5000 : 3), SIM_AT_SYNCED, c->life, 0,
           (uint32_t)c->syncing);
}

static void append(struct sim_coordinator *c, const struct lk_fact *fact, int64_t now_ms)
{
    if (c->count == c->max) {
        c->max = c->max ? 2 * c->max : 256;
        c->journal = lk_xrealloc(c->journal, c->max * sizeof(*c->journal));
        c->keys = lk_xrealloc(c->keys, c->max * sizeof(*c->keys));
    }
    c->keys[c->count] = key_of(fact);
    c->keys[c->count].at_ms = now_ms;
    c->journal[c->count++] = *fact;
}

/* As the trace calls them. */
static const char *const names[] = {
    [LK_FACT_STARTED] = "started",
    [LK_FACT_PUSH_ACCEPTED] = "push accepted",
    [LK_FACT_PACKAGE_ACCEPTED] = "package accepted",
    [LK_FACT_SOURCE_READY] = "source ready",
    [LK_FACT_JOB_PLANNED] = "job planned",
    [LK_FACT_PACKAGE_PLANNED] = "package planned",
    [LK_FACT_JOB_ASSIGNED] = "job assigned",
    [LK_FACT_JOB_BUILT] = "job built",
    [LK_FACT_JOB_STAGED] = "job staged",
    [LK_FACT_JOB_RETRIED] = "job retried",
    [LK_FACT_PERMIT_GRANTED] = "permit granted",
    [LK_FACT_PERMIT_ENDED] = "permit ended",
    [LK_FACT_JOB_PUSHED] = "job pushed",
    [LK_FACT_JOB_DONE] = "job done",
    [LK_FACT_JOB_FAILED] = "job failed",
    [LK_FACT_JOB_CANCELLED] = "job cancelled",
    [LK_FACT_PACKAGE_MERGED] = "package merged",
    [LK_FACT_PACKAGE_ENDED] = "package ended",
    [LK_FACT_PUSH_CANCELLED] = "push cancelled",
    [LK_FACT_PUSH_ENDED] = "push ended",
    [LK_FACT_PUSH_FORGOTTEN] = "push forgotten",
    [LK_FACT_PUBLISH_QUEUED] = "publishing queued",
    [LK_FACT_ARCHES_FOUND] = "architectures found",
    [LK_FACT_AGENT_DRAINED] = "agent drained",
    [LK_FACT_AGENT_RESUMED] = "agent resumed",
    [LK_FACT_PUSH_RETRIED] = "push retried",
};

const char *sim_fact_name(unsigned type)
{
    return type < LK_COUNT(names) ? names[type] : NULL;
}

uint8_t sim_fact_of(const char *name)
{
    for (unsigned i = 1; i < LK_COUNT(names); i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return (uint8_t)i;
    return 0;
}

static void say_fact(const struct sim *sim, const struct lk_fact *fact)
{
    const char *name = sim_fact_name((unsigned)fact->type);
    uint64_t    package =
        fact->package || !fact->job ? fact->package : fact->job / LK_PACKAGE_ARCHES_MAX;

    sim_say(sim, "  fact %s: push %llu package %llu job %llu attempt %u fence %llx outcome %d",
            name ? name : "of another kind", (unsigned long long)fact->push,
            (unsigned long long)package, (unsigned long long)fact->job, fact->attempt,
            (unsigned long long)fact->fence, (int)fact->outcome);
}

static void enqueue(struct sim_coordinator *c, const struct lk_effect *effect)
{
    if (c->queue_end == c->queue_max) {
        c->queue_max = c->queue_max ? 2 * c->queue_max : 32;
        c->queue = lk_xrealloc(c->queue, c->queue_max * sizeof(*c->queue));
    }
    c->queue[c->queue_end].effect = *effect;
    c->queue[c->queue_end++].needs = c->count;
}

void journal_take(struct sim *sim, const struct lk_out *out)
{
    struct sim_coordinator *c = sim->coordinator;

    for (size_t i = 0; i < out->fact_count; i++) {
        append(c, &out->facts[i], sim->now_ms);
        book_note(sim, &out->facts[i]);
        story_fact(sim, c->core, &out->facts[i], c->count);
        if (sim->trace)
            say_fact(sim, &out->facts[i]);
    }
    if (out->fact_count)
        c->keys[c->count - 1].is_last = true;
    for (size_t i = 0; i < out->effect_count; i++)
        enqueue(c, &out->effects[i]);
    release(sim);
    if (c->core)
        begin_sync(sim);
}

void journal_synced(struct sim *sim, size_t count)
{
    struct sim_coordinator *c = sim->coordinator;
    const struct sim_fault *fault;

    c->durable = count;
    c->syncing = 0;
    story_sync(sim, false);
    if (sim_strikes(sim, SIM_KILLED_AFTER_SYNC, 0, &fault)) {
        sim_coordinator_kill(sim, fault->for_ms, 0);
        return;
    }
    if (sim->writes == sim->plan->crash_at && sim->plan->crash_is_after) {
        sim_coordinator_kill(sim, CRASH_MS, 0);
        return;
    }
    book_synced(sim, count);
    release(sim);
    if (c->core)
        begin_sync(sim);
}

/* What `lkcoordd restore` writes at the end of what it restores. */
void journal_jump(struct sim *sim)
{
    struct sim_coordinator *c = sim->coordinator;
    struct lk_fact          fact = { 0 };
    uint64_t                push = 0, package = 0;

    for (size_t i = 0; i < c->count; i++) {
        push = c->journal[i].push > push ? c->journal[i].push : push;
        package = c->journal[i].package > package ? c->journal[i].package : package;
    }
    lk_fact_jump(&fact, lk_core_epoch(c->core) + 1000, push, package);
    append(c, &fact, sim->now_ms);
    c->keys[c->count - 1].is_last = true;
    c->durable = c->count;
    story_fact(sim, c->core, &fact, c->count);
    if (!lk_core_apply(c->core, &fact))
        sim_break(sim, CHECK_REPLAY, "the jump of a restored journal does not fit");
}

/* The journal becomes a shorter one that means the same; its core then is one that has read that. */
void journal_compact(struct sim *sim)
{
    struct sim_coordinator *c = sim->coordinator;
    struct lk_snapshot     *snapshot = lk_snapshot_take(c->core);
    struct lk_fact          fact;
    size_t                  kept = 0;

    for (size_t i = 0; i < c->count; i++) {
        if (!lk_snapshot_keeps(snapshot, &c->journal[i]))
            continue;
        c->keys[kept] = c->keys[i];
        c->journal[kept++] = c->journal[i];
    }
    c->count = kept;
    for (size_t i = 0; lk_snapshot_adds(snapshot, i, &fact); i++)
        append(c, &fact, sim->now_ms);
    c->keys[c->count - 1].is_last = true;
    c->base = c->durable = c->count;
    story_compacted(sim, c->count);
    SIM_SAY(sim, "coordinator: its journal is shortened to %zu facts", c->count);
    lk_snapshot_free(&snapshot);
    lk_core_free(&c->core);
    c->core = lk_core_new(&c->config);
    check_restart(sim, false);
    journal_replay(sim);
}

void journal_replay(struct sim *sim)
{
    struct sim_coordinator *c = sim->coordinator;

    for (size_t i = 0; i < c->durable; i++) {
        if (!lk_core_apply(c->core, &c->journal[i])) {
            sim_break(sim, CHECK_REPLAY, "fact %zu of the journal does not fit", i);
            return;
        }
        check_replayed(sim, c->core, &c->journal[i], coordinator_clock(sim));
    }
}

/* The store writes a step's facts in one transaction (coordinator/store): all of them are there, or none. */
size_t journal_whole_steps(const struct sim_coordinator *c, size_t count)
{
    while (count > c->base && !c->keys[count - 1].is_last)
        count--;
    return count;
}

bool sim_coordinator_gave(const struct sim *sim, uint32_t agent, uint64_t job)
{
    const struct sim_coordinator *c = sim->coordinator;

    for (size_t i = 0; i < c->count; i++)
        if ((c->keys[i].type == LK_FACT_JOB_ASSIGNED || c->keys[i].type == LK_FACT_JOB_BUILT) &&
            c->keys[i].a == job && c->journal[i].agent[1] == (char)('0' + agent))
            return true;
    return false;
}

void sim_coordinator_slow_disk(struct sim *sim, int64_t until_ms)
{
    sim->coordinator->slow_disk_until_ms = until_ms;
}

void journal_fini(struct sim_coordinator *c)
{
    free(c->journal);
    free(c->keys);
    free(c->queue);
}
