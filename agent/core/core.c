#include "agent/core/core.h"

#include "agent/core/link.h"
#include "agent/core/slot.h"

#include <stdlib.h>
#include <string.h>

/* Slots that are being closed still hold a process for a moment; they do not stand in the way of new work. */
#define TABLE_MAX (2 * LK_AGENT_SLOTS_MAX)
#define EXIT_MS   (LK_SLOT_CLOSE_MS + 3000)

struct lk_agent_core {
    struct lk_agent_core_conf conf;
    struct lk_link            link;
    struct lk_slot            slots[TABLE_MAX];
    uint64_t                  last_task;
    uint64_t                  stale;
    bool                      stopping;
    bool                      exited;
    int64_t                   exit_ms;
};

struct lk_agent_effect *lk_agent_effect_add(struct lk_agent_effects  *out,
                                            enum lk_agent_effect_kind kind)
{
    lk_assert(out->count < LK_AGENT_EFFECTS_MAX);
    struct lk_agent_effect *effect = &out->items[out->count++];

    memset(effect, 0, sizeof(*effect));
    effect->kind = kind;
    return effect;
}

struct lk_agent_core *lk_agent_core_new(const struct lk_agent_core_conf *conf)
{
    lk_assert(conf->slots >= 1 && conf->slots <= LK_AGENT_SLOTS_MAX);
    lk_assert(conf->cluster_len <= LK_CLUSTER_MAX && conf->arch_count <= LK_PACKAGE_ARCHES_MAX);
    struct lk_agent_core *core = lk_xcalloc(1, sizeof(*core));

    core->conf = *conf;
    memcpy(core->link.cluster, conf->cluster, conf->cluster_len);
    core->link.cluster_len = conf->cluster_len;
    core->link.epoch = conf->epoch;
    lk_link_start(&core->link, conf->seed, conf->now_ms);
    return core;
}

void lk_agent_core_free(struct lk_agent_core **core)
{
    free(*core);
    *core = NULL;
}

/* What comes too late, twice or from another session: dropped, and counted here alone. */
static void stale(struct lk_agent_core *core)
{
    core->stale++;
}

static struct lk_slot_context context_of(const struct lk_agent_core *core, int64_t now_ms,
                                         struct lk_agent_effects *out)
{
    return (struct lk_slot_context) {
        .now_ms = now_ms,
        .connected = core->link.state == LK_LINK_WELCOMED,
        .out = out,
    };
}

static struct lk_slot *slot_of_job(struct lk_agent_core *core, uint64_t job)
{
    for (size_t i = 0; i < TABLE_MAX; i++)
        if (core->slots[i].state == LK_SLOT_ACTIVE && core->slots[i].report.job == job)
            return &core->slots[i];
    return NULL;
}

static struct lk_slot *slot_of_task(struct lk_agent_core *core, uint64_t task)
{
    for (size_t i = 0; i < TABLE_MAX; i++)
        if (core->slots[i].state != LK_SLOT_FREE && core->slots[i].task == task)
            return &core->slots[i];
    return NULL;
}

/* A place for new work; NULL if every slot is busy. */
static struct lk_slot *free_slot(struct lk_agent_core *core)
{
    struct lk_slot *found = NULL;
    size_t          busy = 0;

    for (size_t i = 0; i < TABLE_MAX; i++) {
        if (core->slots[i].state == LK_SLOT_ACTIVE)
            busy++;
        else if (core->slots[i].state == LK_SLOT_FREE && !found)
            found = &core->slots[i];
    }
    return busy < core->conf.slots ? found : NULL;
}

static void refuse(const struct lk_agent_event *offer, enum lk_err_kind kind, const char *text,
                   struct lk_agent_effects *out)
{
    struct lk_report *report = &lk_agent_effect_add(out, LK_AGENT_SEND_REPORT)->report;

    report->job = offer->job;
    report->attempt = offer->attempt;
    report->spec = offer->spec;
    report->phase = LK_PHASE_FAILED;
    report->kind = kind;
    lk_copy_text(report->text, sizeof(report->text), text);
}

static bool serves(const struct lk_agent_core *core, const struct lk_arch *arch)
{
    for (size_t i = 0; i < core->conf.arch_count; i++)
        if (lk_arch_eq(&core->conf.arches[i], arch))
            return true;
    return false;
}

/* A coordinator that has forgotten what it gave gives the same numbers again, to something else. */
static bool is_of_another(const struct lk_slot *held, const struct lk_agent_event *offer)
{
    const struct lk_oid *spec = &held->report.spec;

    return !lk_oid_is_zero(spec) && !lk_oid_is_zero(&offer->spec) &&
           !lk_oid_eq(spec, &offer->spec);
}

static void offered(struct lk_agent_core *core, const struct lk_agent_event *offer,
                    const struct lk_slot_context *context)
{
    struct lk_slot *held = slot_of_job(core, offer->job);
    struct lk_slot *slot;

    if (held && is_of_another(held, offer)) {
        lk_slot_drop(held, context);
        held = NULL;
    }
    if (held && offer->attempt < held->report.attempt) {
        stale(core);
        return;
    }
    if (held && offer->attempt == held->report.attempt) {
        lk_slot_report(held, context);
        return;
    }
    if (held) /* a newer attempt says that the old one is over */
        lk_slot_drop(held, context);
    slot = free_slot(core);
    if (!serves(core, &offer->arch))
        refuse(offer, LK_ERR_PERMANENT, "this agent does not build for that architecture",
               context->out);
    else if (!slot)
        refuse(offer, LK_ERR_LIMIT, "every slot of this agent is busy", context->out);
    else
        lk_slot_take(slot, offer, ++core->last_task, context);
}

/* Two attempts at one job: the older one is over. */
static void found(struct lk_agent_core *core, const struct lk_agent_event *event,
                  const struct lk_slot_context *context)
{
    struct lk_slot *held = slot_of_job(core, event->job);
    struct lk_slot *slot;

    if (held && held->report.attempt < event->attempt) {
        lk_slot_drop(held, context);
        held = NULL;
    }
    slot = free_slot(core);
    if (!slot || held || !serves(core, &event->arch))
        stale(core);
    else
        lk_slot_find(slot, event, ++core->last_task, context);
}

static void permitted(struct lk_agent_core *core, struct lk_slot *slot,
                      const struct lk_agent_event *event, const struct lk_slot_context *context)
{
    if (event->fence >> 32 < core->link.epoch || !lk_slot_permit(slot, event->fence, context))
        stale(core);
}

static void ordered(struct lk_agent_core *core, const struct lk_agent_event *event,
                    const struct lk_slot_context *context)
{
    struct lk_slot *slot = slot_of_job(core, event->job);

    if (event->kind == LK_AGENT_OFFERED) {
        offered(core, event, context);
        return;
    }
    if (!slot || slot->report.attempt != event->attempt) {
        stale(core);
        return;
    }
    if (event->kind == LK_AGENT_TICKET)
        lk_slot_ticket(slot, event->upload, context);
    else if (event->kind == LK_AGENT_PERMITTED)
        permitted(core, slot, event, context);
    else
        lk_slot_drop(slot, context);
}

static void report_all(struct lk_agent_core *core, const struct lk_slot_context *context)
{
    for (size_t i = 0; i < TABLE_MAX; i++)
        lk_slot_report(&core->slots[i], context);
}

static void welcomed(struct lk_agent_core *core, const struct lk_agent_event *event,
                     struct lk_agent_effects *out)
{
    /* What is held is reported by the tick of this very step; tickets come anew after that. */
    if (lk_link_welcome(&core->link, &event->welcome, event->now_ms, out))
        lk_agent_effect_add(out, LK_AGENT_RESUME);
}

static void shut_down(struct lk_agent_core *core, const struct lk_slot_context *context)
{
    bool keeps = false;

    if (core->stopping)
        return;
    core->stopping = true;
    core->exit_ms = context->now_ms + EXIT_MS;
    for (size_t i = 0; i < TABLE_MAX; i++)
        if (core->slots[i].state == LK_SLOT_ACTIVE)
            keeps |= lk_slot_leave(&core->slots[i], context);
    lk_link_close(&core->link, keeps, context->out);
}

static void handle(struct lk_agent_core *core, const struct lk_agent_event *event,
                   struct lk_agent_effects *out)
{
    struct lk_slot_context context = context_of(core, event->now_ms, out);
    struct lk_slot        *slot = event->task ? slot_of_task(core, event->task) : NULL;

    /* untaken: every kind has its case */
    switch (event->kind) {
    case LK_AGENT_WAKE: break;
    case LK_AGENT_SHUTDOWN: shut_down(core, &context); break;
    case LK_AGENT_LINE_LOST:
    case LK_AGENT_FAREWELL: lk_link_lose(&core->link, event->now_ms, false, out); break;
    case LK_AGENT_TURNED_AWAY:
        lk_link_lose(&core->link, event->now_ms, event->error == LK_ERR_DENIED, out);
        break;
    case LK_AGENT_FOUND: found(core, event, &context); break;
    case LK_AGENT_WELCOMED: welcomed(core, event, out); break;
    case LK_AGENT_HEARD:
        if (!lk_link_hears(&core->link, event->session, event->now_ms))
            stale(core);
        break;
    case LK_AGENT_OFFERED:
    case LK_AGENT_TICKET:
    case LK_AGENT_PERMITTED:
    case LK_AGENT_DROPPED:
        if (lk_link_hears(&core->link, event->session, event->now_ms))
            ordered(core, event, &context);
        else
            stale(core);
        break;
    case LK_AGENT_FETCHED:
    case LK_AGENT_BUILT:
    case LK_AGENT_PROGRESS:
    case LK_AGENT_UPLOADED:
    case LK_AGENT_PUT:
    case LK_AGENT_FAILED:
    case LK_AGENT_STOPPED:
        if (!slot || !lk_slot_news(slot, event, &context))
            stale(core);
        break;
    }
}

static bool all_free(const struct lk_agent_core *core)
{
    for (size_t i = 0; i < TABLE_MAX; i++)
        if (core->slots[i].state != LK_SLOT_FREE)
            return false;
    return true;
}

static void tick(struct lk_agent_core *core, int64_t now_ms, struct lk_agent_effects *out)
{
    bool                   renew = lk_link_tick(&core->link, now_ms, out);
    struct lk_slot_context context = context_of(core, now_ms, out);

    /* The PING comes after the reports: the first one of a session says that this was all we hold. */
    if (renew) {
        report_all(core, &context);
        lk_link_beat(&core->link, now_ms, out);
    }
    for (size_t i = 0; i < TABLE_MAX; i++)
        lk_slot_tick(&core->slots[i], &context);
    if (core->stopping && !core->exited && (all_free(core) || now_ms >= core->exit_ms)) {
        core->exited = true;
        lk_agent_effect_add(out, LK_AGENT_EXIT);
    }
}

void lk_agent_step(struct lk_agent_core *core, const struct lk_agent_event *event,
                   struct lk_agent_effects *out)
{
    out->count = 0;
    handle(core, event, out);
    tick(core, event->now_ms, out);
}

int64_t lk_agent_core_wake_ms(const struct lk_agent_core *core)
{
    int64_t wake_ms = lk_link_wake_ms(&core->link);

    for (size_t i = 0; i < TABLE_MAX; i++) {
        int64_t slot_ms = lk_slot_wake_ms(&core->slots[i]);

        if (slot_ms < wake_ms)
            wake_ms = slot_ms;
    }
    if (core->stopping && !core->exited && core->exit_ms < wake_ms)
        wake_ms = core->exit_ms;
    return wake_ms;
}

uint64_t lk_agent_core_session(const struct lk_agent_core *core)
{
    return core->link.session;
}

uint64_t lk_agent_core_cluster(const struct lk_agent_core *core,
                               uint8_t cluster[LK_CLUSTER_MAX], size_t *len)
{
    memcpy(cluster, core->link.cluster, core->link.cluster_len);
    *len = core->link.cluster_len;
    return core->link.epoch;
}

uint64_t lk_agent_core_task(const struct lk_agent_core *core, uint64_t job, uint32_t attempt)
{
    for (size_t i = 0; i < TABLE_MAX; i++) {
        const struct lk_slot *slot = &core->slots[i];

        if (slot->state == LK_SLOT_ACTIVE && slot->report.job == job &&
            slot->report.attempt == attempt)
            return slot->task;
    }
    return 0;
}

uint64_t lk_agent_core_stale(const struct lk_agent_core *core)
{
    return core->stale;
}
