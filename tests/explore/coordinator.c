/* The real core, its journal, and what is told to and by it. */
#include "coordinator/core/private.h"
#include "tests/explore/explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const agent_names[] = { "a0", "a1" };

/* ---- its memory ---- */

struct region {
    void  *start;
    size_t size;
};

#define REGIONS 6

static void regions_of(const struct explore *x, struct region out[REGIONS])
{
    struct lk_core *core = x->core;

    out[0] = (struct region) { core, sizeof(*core) };
    out[1] = (struct region) { core->pushes, x->config.pushes_max * sizeof(*core->pushes) };
    out[2] =
        (struct region) { core->packages, x->config.packages_max * sizeof(*core->packages) };
    out[3] = (struct region) { core->agents, x->config.agents_max * sizeof(*core->agents) };
    out[4] = (struct region) { core->turnstiles,
                               x->config.packages_max * sizeof(*core->turnstiles) };
    out[5] = (struct region) { core->records, x->config.records_max * sizeof(*core->records) };
}

size_t coordinator_size(const struct explore *x)
{
    struct region regions[REGIONS];
    size_t        size = 0;

    regions_of(x, regions);
    for (size_t i = 0; i < REGIONS; i++)
        size += regions[i].size;
    return size;
}

void coordinator_save(const struct explore *x, uint8_t *out)
{
    struct region regions[REGIONS];

    regions_of(x, regions);
    for (size_t i = 0; i < REGIONS; out += regions[i++].size)
        memcpy(out, regions[i].start, regions[i].size);
}

void coordinator_load(struct explore *x, const uint8_t *bytes)
{
    struct region regions[REGIONS];

    regions_of(x, regions);
    for (size_t i = 0; i < REGIONS; bytes += regions[i++].size)
        memcpy(regions[i].start, bytes, regions[i].size);
}

void coordinator_new(struct explore *x)
{
    x->config = lk_core_defaults;
    x->config.pushes_max = PUSHES;
    x->config.packages_max = PUSHES;
    x->config.agents_max = AGENTS;
    x->config.records_max = PUSHES * (ARCHES + 1);
    x->config.lease_ms = LEASE_MS;
    x->config.suspect_ms = LEASE_MS;
    x->config.hold_ms = HOLD_MS;
    x->config.in_turn_hold_ms = HOLD_MS;
    x->config.source_ms = INT64_MAX / 4;
    x->config.patience_ms = INT64_MAX / 4;
    x->config.quarantine_after = 0;
    x->core = lk_core_new(&x->config);
    x->fresh = lk_xmalloc(coordinator_size(x));
    coordinator_save(x, x->fresh);
}

void coordinator_free(struct explore *x)
{
    lk_core_free(&x->core);
    free(x->fresh);
    free(x->journal);
}

/* ---- the journal ---- */

static void append(struct explore *x, const struct lk_fact *fact)
{
    if (x->journal_count == x->journal_max) {
        x->journal_max = x->journal_max ? 2 * x->journal_max : 256;
        x->journal = lk_xrealloc(x->journal, x->journal_max * sizeof(*x->journal));
    }
    x->journal[x->journal_count].before = x->world.journal;
    x->journal[x->journal_count].fact = *fact;
    x->world.journal = ++x->journal_count;
}

static void replay(struct explore *x)
{
    uint32_t line[1024];
    size_t   count = 0;

    for (uint32_t at = x->world.durable; at; at = x->journal[at - 1].before) {
        lk_assert(count < LK_COUNT(line));
        line[count++] = at - 1;
    }
    while (count--)
        if (!lk_core_apply(x->core, &x->journal[line[count]].fact))
            world_break(x, "a fact of the journal does not fit");
}

/* ---- effects ---- */

static void add_order(struct explore *x, const struct order *order)
{
    if (x->world.order_count == ORDER_MAX) {
        world_break(x, "more effects than this world can hold");
        return;
    }
    x->world.orders[x->world.order_count++] = *order;
}

static uint8_t arch_number(const struct lk_arch *arch)
{
    return strcmp(arch->name, arch_names[0]) != 0;
}

static void order_message(struct explore *x, const struct lk_effect *effect,
                          enum message_type type)
{
    struct order order = { .session = effect->session };

    order.message = (struct message) {
        .type = (uint8_t)type,
        .job = (uint32_t)effect->job,
        .attempt = (uint8_t)effect->attempt,
        .fence = effect->fence,
        .session = (uint32_t)effect->session,
    };
    if (type == OFFER)
        order.message.arch = arch_number(&effect->arch);
    if (effect->attempt > 15)
        world_break(x, "there is no end of attempts");
    if (type == PERMIT)
        x->world.fence = effect->fence > x->world.fence ? effect->fence : x->world.fence;
    add_order(x, &order);
}

static void order_operation(struct explore *x, const struct lk_effect *effect)
{
    struct order order = { .is_operation = true };

    order.operation = (struct operation) {
        .is_used = true,
        .type = (uint8_t)effect->type,
        .sign = effect->sign,
        .expects = effect->expect_tag,
        .expected = digest_number(&effect->expected),
        .package = (uint32_t)effect->package,
        .job = (uint32_t)effect->job,
        .op = effect->op,
        .image = digest_number(&effect->child.digest),
    };
    if (effect->type == LK_EFFECT_MERGE) {
        if (effect->count > ARCHES)
            world_break(x, "an index would have more images than there are architectures");
        order.operation.count = (uint8_t)(effect->count < ARCHES ? effect->count : ARCHES);
        for (size_t i = 0; i < order.operation.count; i++)
            order.operation.children[i] = digest_number(&effect->children[i].digest);
        check_merge(x, &order.operation);
    }
    add_order(x, &order);
}

static void take_effect(struct explore *x, const struct lk_effect *effect)
{
    switch (effect->type) {
    case LK_EFFECT_ACCEPTED:
    case LK_EFFECT_ANSWER:
    case LK_EFFECT_RECEIVE:
    case LK_EFFECT_FORGET: return;
    case LK_EFFECT_OFFER: order_message(x, effect, OFFER); return;
    case LK_EFFECT_TICKET: order_message(x, effect, STAGE); return;
    case LK_EFFECT_PERMIT: order_message(x, effect, PERMIT); return;
    case LK_EFFECT_DROP: order_message(x, effect, DROP); return;
    case LK_EFFECT_PROBE:
    case LK_EFFECT_ACCEPT_CHILD:
    case LK_EFFECT_MERGE:
    case LK_EFFECT_TAG: order_operation(x, effect); return;
    }
}

static void carry_out(struct explore *x, const struct order *order)
{
    struct world *w = &x->world;

    if (order->is_operation) {
        registry_begin(x, &order->operation);
        return;
    }
    for (size_t i = 0; i < AGENTS; i++)
        if (w->sessions[i] == order->session && w->agents[i].line_session == order->session)
            line_add(x, &w->agents[i].down, &order->message);
}

void coordinator_sync(struct explore *x)
{
    struct world *w = &x->world;

    w->durable = w->journal;
    w->durable_digest = digest_of_durable(x);
    for (size_t i = 0; i < w->order_count; i++)
        carry_out(x, &w->orders[i]);
    w->order_count = 0;
}

static void step(struct explore *x, struct lk_event *event)
{
    const struct lk_out *out;

    event->now_ms = x->world.now_ms;
    out = lk_core_step(x->core, event);
    for (size_t i = 0; i < out->fact_count; i++) {
        append(x, &out->facts[i]);
        check_fact(x, event, &out->facts[i]);
    }
    for (size_t i = 0; i < out->effect_count; i++)
        take_effect(x, &out->effects[i]);
    check_core(x);
    if (!x->setting->slow_disk)
        coordinator_sync(x);
}

/* ---- what happens to it ---- */

void coordinator_start(struct explore *x)
{
    struct lk_event event = { .type = LK_EVENT_START };

    event.start.epoch = ++x->world.epoch;
    step(x, &event);
}

void coordinator_crash(struct explore *x)
{
    struct world *w = &x->world;

    memset(w->operations, 0, sizeof(w->operations));
    memset(w->sessions, 0, sizeof(w->sessions));
    w->order_count = 0;
    for (uint32_t i = 0; i < AGENTS; i++)
        agent_is_cut(x, i);
    w->journal = w->durable;
    coordinator_load(x, x->fresh);
    replay(x);
    if (digest_of_durable(x) != w->durable_digest)
        world_break(x, "the journal does not give the same state again");
    else
        coordinator_start(x);
}

void coordinator_submit(struct explore *x, uint32_t push)
{
    static const char        *repositories[] = { "org/a", "org/a" };
    struct lk_push_options    options = { .sign = x->setting->sign,
                                          .in_turn = x->setting->in_turn };
    struct lk_arch            arches[ARCHES] = { { "amd64" }, { "arm64" } };
    struct lk_package_request package = { .arches = arches, .arch_count = ARCHES };
    struct lk_event           event = { .type = LK_EVENT_SUBMIT };
    uint8_t                   key[16] = { (uint8_t)(push + 1) };

    package.repository = repositories[push];
    package.tag = push && !x->setting->same_tag ? "t1" : "t0";
    package.path = "it";
    event.submit.session = push + 1;
    event.submit.request = 1;
    event.submit.client = "c";
    event.submit.request_key = key;
    event.submit.options = &options;
    event.submit.count = 1;
    event.submit.packages = &package;
    step(x, &event);
    event = (struct lk_event) { .type = LK_EVENT_SOURCE_READY, .source.push = push + 1 };
    step(x, &event);
}

void coordinator_cancel(struct explore *x, uint32_t push)
{
    struct lk_event event = { .type = LK_EVENT_CANCEL };

    event.cancel.client = "c";
    event.cancel.push = push + 1;
    step(x, &event);
}

void coordinator_timer(struct explore *x)
{
    struct lk_event event = { .type = LK_EVENT_TIMER };

    step(x, &event);
}

int64_t coordinator_wake_ms(const struct explore *x)
{
    return x->core->out.wake_ms;
}

static void hello(struct explore *x, uint32_t agent)
{
    struct world      *w = &x->world;
    struct lk_platform platforms[ARCHES] = { { .emulated = false } };
    struct lk_event    event = { .type = LK_EVENT_AGENT_HELLO };
    struct message     welcome = { .type = WELCOME,
                                   .is_opening = true,
                                   .fence = lk_core_epoch(x->core) };

    w->sessions[agent] = w->agents[agent].line_session = ++w->sessions_given;
    welcome.session = w->sessions[agent];
    line_add(x, &w->agents[agent].down, &welcome);
    event.agent.name = agent_names[agent];
    event.agent.session = w->sessions[agent];
    event.agent.slots = 1;
    for (uint32_t i = 0; i < ARCHES; i++)
        if (x->setting->generalists || i == agent)
            snprintf(platforms[event.agent.count++].arch.name, LK_ARCH_SIZE, "%s",
                     arch_names[i]);
    event.agent.platforms = platforms;
    event.agent.software = "explored";
    event.agent.builder = "none";
    step(x, &event);
}

void coordinator_hears(struct explore *x, uint32_t agent, const struct message *message)
{
    struct lk_event event = { .type = LK_EVENT_AGENT_ALIVE };

    if (message->type == HELLO) {
        hello(x, agent);
        return;
    }
    if (message->session == 0 || message->session != x->world.sessions[agent])
        return;
    if (message->type == PING) {
        event.agent.name = agent_names[agent];
        event.agent.session = message->session;
        step(x, &event);
        return;
    }
    event.type = message->type == REPORT ? LK_EVENT_REPORT : LK_EVENT_TICKET_WANTED;
    event.report.agent = agent_names[agent];
    event.report.session = message->session;
    event.report.job = message->job;
    event.report.attempt = message->attempt;
    event.report.phase = (enum lk_phase)message->phase;
    event.report.fence = message->fence;
    event.report.kind = (enum lk_err_kind)message->kind;
    event.report.text = "";
    digest_from(message->image, &event.report.child.digest);
    event.report.child.size = 500;
    step(x, &event);
}

void coordinator_answer(struct explore *x, const struct operation *done,
                        const struct lk_err *err, const struct lk_probe *probe)
{
    static const enum lk_event_type types[] = {
        [LK_EFFECT_PROBE] = LK_EVENT_PROBED,
        [LK_EFFECT_ACCEPT_CHILD] = LK_EVENT_CHILD_CHECKED,
        [LK_EFFECT_MERGE] = LK_EVENT_MERGED,
        [LK_EFFECT_TAG] = LK_EVENT_TAGGED,
    };
    struct lk_event event = { .type = types[done->type] };

    event.answer.package = done->package;
    event.answer.job = done->job;
    event.answer.op = done->op;
    event.answer.err = err;
    event.answer.probe = probe;
    digest_from(done->image, &event.answer.index.digest);
    event.answer.index.size = 900;
    step(x, &event);
}
