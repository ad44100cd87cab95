#include "coordinator/core/core.h"

#include "coordinator/core/private.h"

#include <stdlib.h>
#include <string.h>

/* One step never needs more: a push of 128 packages with 8 arches each that is cancelled at once. */
#define FACTS_MAX   2560
#define EFFECTS_MAX 2560
/* What one entity's part of an advance may add. */
#define ROOM_FACTS   64
#define ROOM_EFFECTS 64

const struct lk_core_config lk_core_defaults = {
    .pushes_max = 1200,
    .history_max = 200,
    .packages_max = 4096,
    .agents_max = 256,
    .records_max = 4096,
    .lease_ms = 60000,
    .suspect_ms = 9000,
    .hold_ms = 60000,
    .in_turn_hold_ms = 1800000,
    .source_ms = 600000,
    .patience_ms = 900000,
    .failures_max = 3,
    .quarantine_after = 3,
    .quick_ms = 30000,
    .quarantine_ms = 30000,
    .raise_ms = 600000,
};

struct lk_core *lk_core_new(const struct lk_core_config *config)
{
    struct lk_core *core = lk_xcalloc(1, sizeof(*core));

    core->config = *config;
    core->pushes = lk_xcalloc(config->pushes_max, sizeof(*core->pushes));
    core->packages = lk_xcalloc(config->packages_max, sizeof(*core->packages));
    core->agents = lk_xcalloc(config->agents_max, sizeof(*core->agents));
    core->turnstiles = lk_xcalloc(config->packages_max, sizeof(*core->turnstiles));
    core->records = lk_xcalloc(config->records_max, sizeof(*core->records));
    core->out.facts = lk_xcalloc(FACTS_MAX, sizeof(*core->out.facts));
    core->out.effects = lk_xcalloc(EFFECTS_MAX, sizeof(*core->out.effects));
    return core;
}

void lk_core_free(struct lk_core **core)
{
    if (!*core)
        return;
    free((*core)->pushes);
    free((*core)->packages);
    free((*core)->agents);
    free((*core)->turnstiles);
    free((*core)->records);
    free((*core)->out.facts);
    free((*core)->out.effects);
    free(*core);
    *core = NULL;
}

bool lk_core_has_room(const struct lk_core *core)
{
    return core->out.fact_count + ROOM_FACTS <= FACTS_MAX &&
           core->out.effect_count + ROOM_EFFECTS <= EFFECTS_MAX;
}

struct lk_fact *lk_fact_new(struct lk_core *core, enum lk_fact_type type)
{
    lk_assert(core->out.fact_count < FACTS_MAX);
    struct lk_fact *fact = &core->out.facts[core->out.fact_count++];

    memset(fact, 0, sizeof(*fact));
    fact->type = type;
    return fact;
}

void lk_fact_commit(struct lk_core *core)
{
    bool fits = lk_core_apply(core, &core->out.facts[core->out.fact_count - 1]);

    lk_assert(fits);
}

struct lk_effect *lk_effect_new(struct lk_core *core, enum lk_effect_type type)
{
    lk_assert(core->out.effect_count < EFFECTS_MAX);
    struct lk_effect *effect = &core->out.effects[core->out.effect_count++];

    memset(effect, 0, sizeof(*effect));
    effect->type = type;
    return effect;
}

struct lk_effect *lk_effect_for_package(struct lk_core *core, enum lk_effect_type type,
                                        const struct lk_package *package)
{
    struct lk_effect *effect = lk_effect_new(core, type);

    effect->push = package->push;
    effect->package = package->id;
    effect->spec = package->spec;
    memcpy(effect->repository, package->repository, sizeof(effect->repository));
    memcpy(effect->tag, package->tag, sizeof(effect->tag));
    return effect;
}

struct lk_effect *lk_effect_for_job(struct lk_core *core, enum lk_effect_type type,
                                    const struct lk_package *package, const struct lk_job *job)
{
    struct lk_effect *effect = lk_effect_for_package(core, type, package);

    effect->job = job->id;
    effect->attempt = job->attempt;
    effect->arch = job->arch;
    effect->child = job->child;
    return effect;
}

void lk_wake_at(struct lk_core *core, int64_t when_ms)
{
    if (when_ms < core->out.wake_ms)
        core->out.wake_ms = when_ms;
}

void lk_stale(struct lk_core *core)
{
    core->out.stale++;
}

struct lk_push *lk_push_of(struct lk_core *core, uint64_t id)
{
    struct lk_push *push = &core->pushes[id % core->config.pushes_max];

    return id && push->id == id ? push : NULL;
}

struct lk_package *lk_package_of(struct lk_core *core, uint64_t id)
{
    struct lk_package *package = &core->packages[id % core->config.packages_max];

    return id && package->id == id ? package : NULL;
}

struct lk_job *lk_job_of(struct lk_core *core, uint64_t id, struct lk_package **package)
{
    *package = lk_package_of(core, id / LK_PACKAGE_ARCHES_MAX);
    if (!*package)
        return NULL;
    size_t position = id % LK_PACKAGE_ARCHES_MAX;
    return position < (*package)->job_count ? &(*package)->jobs[position] : NULL;
}

void lk_touch_push(struct lk_core *core, struct lk_push *push)
{
    push->changed = ++core->changes;
}

void lk_touch_package(struct lk_core *core, struct lk_package *package)
{
    package->changed = ++core->changes;
    lk_touch_push(core, lk_push_of(core, package->push));
}

void lk_touch_job(struct lk_core *core, struct lk_package *package, struct lk_job *job)
{
    job->changed = ++core->changes;
    lk_touch_push(core, lk_push_of(core, package->push));
}

static void arm_everything(struct lk_core *core)
{
    for (struct lk_push *push = core->first; push; push = push->next) {
        push->since_ms = core->now_ms;
        for (struct lk_package *package = push->packages; package;
             package = package->next_in_push)
            for (size_t i = 0; i < package->job_count; i++) {
                package->jobs[i].since_ms = core->now_ms;
                package->jobs[i].lease_until_ms = core->now_ms + core->config.lease_ms;
            }
    }
}

static void start(struct lk_core *core, uint64_t epoch)
{
    lk_fact_new(core, LK_FACT_STARTED)->epoch = epoch;
    lk_fact_commit(core);
    arm_everything(core);
}

static void handle(struct lk_core *core, const struct lk_event *event)
{
    /* untaken: every event has its case */
    switch (event->type) {
    case LK_EVENT_START: start(core, event->start.epoch); return;
    case LK_EVENT_TIMER: return;
    case LK_EVENT_EPOCH_HEARD: lk_epoch_heard(core, event); return;
    case LK_EVENT_SUBMIT: lk_push_submit(core, event); return;
    case LK_EVENT_CANCEL: lk_push_cancel(core, event); return;
    case LK_EVENT_AGENT_DRAIN:
    case LK_EVENT_AGENT_RESUME: lk_fleet_drain(core, event); return;
    case LK_EVENT_RETRY: lk_push_retry(core, event); return;
    case LK_EVENT_SOURCE_READY:
    case LK_EVENT_SOURCE_FAILED: lk_push_source(core, event); return;
    case LK_EVENT_AGENT_HELLO: lk_fleet_hello(core, event); return;
    case LK_EVENT_AGENT_ALIVE: lk_fleet_alive(core, event); return;
    case LK_EVENT_AGENT_GONE: lk_fleet_gone(core, event); return;
    case LK_EVENT_REPORT: lk_job_report(core, event); return;
    case LK_EVENT_TICKET_WANTED: lk_job_ticket_wanted(core, event); return;
    case LK_EVENT_CHILD_CHECKED: lk_job_checked(core, event); return;
    case LK_EVENT_PROBED:
    case LK_EVENT_MERGED:
    case LK_EVENT_TAGGED: lk_publish_answer(core, event); return;
    }
}

/* One look at everything; false when there was no room to finish it. */
static bool advance_once(struct lk_core *core)
{
    lk_fleet_advance(core);
    while (core->ended_count > core->config.history_max) {
        if (!lk_core_has_room(core))
            return false;
        lk_push_forget(core, lk_push_ended_first(core)->id);
    }
    for (struct lk_push *push = core->first, *next; push; push = next) {
        next = push->next;
        if (!lk_core_has_room(core))
            return false;
        lk_push_advance(core, push);
    }
    lk_sched_advance(core);
    return true;
}

/* To the fixed point: a turn that ends lets the next one in, which may end something in turn. */
static void advance(struct lk_core *core)
{
    size_t before;

    do {
        before = core->out.fact_count;
        core->dirty = false;
        core->out.wake_ms = INT64_MAX;
        if (!advance_once(core)) {
            core->dirty = true;
            core->out.wake_ms = core->now_ms;
            return;
        }
    } while (core->out.fact_count != before);
}

const struct lk_out *lk_core_step(struct lk_core *core, const struct lk_event *event)
{
    core->out.fact_count = 0;
    core->out.effect_count = 0;
    core->now_ms = event->now_ms;
    core->wall_ms = event->wall_ms;
    handle(core, event);
    /* A sign of life changes nothing by itself: then the last look still holds. */
    if (core->dirty || core->now_ms >= core->out.wake_ms)
        advance(core);
    return &core->out;
}

const struct lk_push *lk_core_first_push(const struct lk_core *core)
{
    return core->first;
}

const struct lk_push *lk_core_push(const struct lk_core *core, uint64_t id)
{
    const struct lk_push *push = &core->pushes[id % core->config.pushes_max];

    return id && push->id == id ? push : NULL;
}

const struct lk_package *lk_core_package(const struct lk_core *core, uint64_t id)
{
    const struct lk_package *package = &core->packages[id % core->config.packages_max];

    return id && package->id == id ? package : NULL;
}

const struct lk_package *lk_core_package_of_job(const struct lk_core *core, uint64_t job)
{
    return lk_core_package(core, job / LK_PACKAGE_ARCHES_MAX);
}

const struct lk_job *lk_core_job(const struct lk_core *core, uint64_t id)
{
    const struct lk_package *package = lk_core_package_of_job(core, id);
    size_t                   position = id % LK_PACKAGE_ARCHES_MAX;

    return package && position < package->job_count ? &package->jobs[position] : NULL;
}

const struct lk_agent *lk_core_agent(const struct lk_core *core, size_t index)
{
    return index < core->agent_count ? &core->agents[index] : NULL;
}

uint64_t lk_core_epoch(const struct lk_core *core)
{
    return core->epoch;
}
