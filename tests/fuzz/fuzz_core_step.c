#include "tests/fuzz/fuzz.h"

#include "tests/core/digest.h"
#include "tests/fuzz/fresh_core.h"

#include <stdio.h>
#include <string.h>

#define AGENTS 3

/* What is read from the input; zeros when it is over. */
struct input {
    const uint8_t *data;
    size_t         size;
};

static uint8_t next(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

static const struct lk_arch      arches[] = { { "amd64" }, { "arm64" }, { "riscv64" } };
static const char *const         agents[] = { "a", "b", "c" };
static const char *const         tags[] = { "t", "u" };
static const enum lk_err_kind    kinds[] = { LK_ERR_INVALID,  LK_ERR_DENIED, LK_ERR_NOT_FOUND,
                                             LK_ERR_CONFLICT, LK_ERR_RETRY,  LK_ERR_LIMIT,
                                             LK_ERR_PERMANENT };
static struct lk_push_options    options;
static struct lk_package_request packages[2];
static struct lk_platform        platforms[LK_COUNT(arches)];
static struct lk_found_child     entries[4];
static struct lk_probe           probe;
static struct lk_err             trouble;
static uint8_t                   request_key[16];
/* What operations are answered with: the last that were asked for. */
static struct lk_effect asked[4];

static struct lk_digest digest_of(uint8_t number)
{
    struct lk_digest digest = { { number % 8 } };

    return digest;
}

static void submit(struct input *in, struct lk_event *event)
{
    uint8_t flags = next(in), more = next(in);

    options = (struct lk_push_options) {
        .priority = (enum lk_priority)(more % LK_PRIORITIES),
        .sequential = flags & 1,
        .in_turn = flags & 2,
        .allow_emulation = flags & 4,
        .sign = flags & 8,
        .dry_run = (flags & 0x30) == 0x10,
        .build_only = (flags & 0x30) == 0x20,
        .force = flags & 0x40,
        .no_build = flags & 0x80,
        .no_arch_tags = more & 0x80,
    };
    event->submit.count = 1 + (more >> 3 & 1);
    for (size_t i = 0; i < event->submit.count; i++) {
        uint8_t what = next(in);
        packages[i] = (struct lk_package_request) {
            .repository = what & 1 ? "org/x" : "org/y",
            .tag = tags[what >> 1 & 1],
            .path = "it",
            .arches = arches,
            .arch_count = what >> 2 & 3,
            .origin = (enum lk_package_origin)((what >> 4 & 3) % 3),
            .from = { "org/z", "t" },
        };
    }
    memset(request_key, next(in) % 8, sizeof(request_key));
    event->submit.session = 1;
    event->submit.client = "c";
    event->submit.request_key = request_key;
    event->submit.options = &options;
    event->submit.packages = packages;
}

static void from_agent(struct input *in, struct lk_event *event)
{
    uint8_t who = next(in);

    event->agent.name = agents[who % AGENTS];
    event->agent.session = who >> 4;
    if (event->type != LK_EVENT_AGENT_HELLO)
        return;
    event->agent.slots = 1 + (who >> 2 & 3);
    event->agent.count = LK_COUNT(platforms);
    event->agent.platforms = platforms;
    event->agent.software = "s";
    event->agent.builder = "b";
    for (size_t i = 0; i < LK_COUNT(platforms); i++)
        platforms[i] = (struct lk_platform) { arches[i], i == 2 };
}

static void report(struct input *in, struct lk_event *event, uint64_t fence)
{
    uint8_t who = next(in), what = next(in), job = next(in);

    event->report.agent = agents[who % AGENTS];
    event->report.session = who >> 4;
    event->report.job = LK_PACKAGE_ARCHES_MAX + job % 64;
    event->report.attempt = 1 + (job >> 6);
    event->report.phase = (enum lk_phase)(1 + what % 8);
    event->report.fence = fence - (what >> 6 & 1);
    event->report.kind = kinds[(what >> 3) % LK_COUNT(kinds)];
    event->report.text = "it says so";
    event->report.child.digest = digest_of(1 + (what >> 7));
}

static void answer(struct input *in, struct lk_event *event)
{
    static const enum lk_event_type types[] = {
        [LK_EFFECT_PROBE] = LK_EVENT_PROBED,
        [LK_EFFECT_ACCEPT_CHILD] = LK_EVENT_CHILD_CHECKED,
        [LK_EFFECT_MERGE] = LK_EVENT_MERGED,
        [LK_EFFECT_TAG] = LK_EVENT_TAGGED,
    };
    uint8_t                 how = next(in);
    const struct lk_effect *effect = &asked[how % LK_COUNT(asked)];

    event->type = effect->op ? types[effect->type] : LK_EVENT_TIMER;
    event->answer.package = effect->package;
    event->answer.job = effect->job;
    event->answer.op = effect->op;
    event->answer.index.digest = digest_of(5);
    if (how & 0x80) {
        lk_err_set(&trouble, kinds[(how >> 2) % LK_COUNT(kinds)], "it does not");
        trouble.retry_after_ms = (uint32_t)(how >> 6 & 1) * 5000;
        trouble.is_signers = how & 0x20;
        event->answer.err = &trouble;
        return;
    }
    if (event->type != LK_EVENT_PROBED)
        return;
    probe = (struct lk_probe) { .index_exists = how & 4,
                                .not_an_index = (how & 0x78) == 0x78,
                                .index_digest = digest_of(how >> 3),
                                .index_is_signed = how & 8,
                                .count = how & 4 ? how >> 5 & 3 : 0,
                                .entries = entries };
    for (size_t i = 0; i < probe.count; i++)
        entries[i] = (struct lk_found_child) { .arch = arches[i],
                                               .child.digest = digest_of(next(in)),
                                               .is_signed = how & 16,
                                               .arch_tag_is_right = how & 8 };
    event->answer.probe = &probe;
    event->answer.source = effect->origin == LK_PACKAGE_BUILT ? NULL : &probe;
}

static void make_event(struct input *in, uint64_t fence, struct lk_event *event)
{
    uint8_t type = next(in) % (LK_EVENT_EPOCH_HEARD + 1);

    event->type = (enum lk_event_type)type;
    event->now_ms += (int64_t)next(in) * next(in);
    memset(&event->start, 0, sizeof(*event) - offsetof(struct lk_event, start));
    if (event->type == LK_EVENT_START)
        event->type = LK_EVENT_TIMER;
    if (event->type == LK_EVENT_SUBMIT) {
        submit(in, event);
    } else if (event->type == LK_EVENT_CANCEL) {
        event->cancel.client = "c";
        event->cancel.push = next(in) % 8;
    } else if (event->type == LK_EVENT_SOURCE_READY || event->type == LK_EVENT_SOURCE_FAILED) {
        lk_err_set(&trouble, LK_ERR_INVALID, "it is damaged");
        event->source.push = next(in) % 8;
        event->source.why = &trouble;
    } else if (event->type == LK_EVENT_AGENT_HELLO || event->type == LK_EVENT_AGENT_ALIVE ||
               event->type == LK_EVENT_AGENT_GONE) {
        from_agent(in, event);
    } else if (event->type == LK_EVENT_REPORT || event->type == LK_EVENT_TICKET_WANTED) {
        report(in, event, fence);
    } else if (event->type == LK_EVENT_AGENT_DRAIN || event->type == LK_EVENT_AGENT_RESUME) {
        event->drain.agent = agents[next(in) % AGENTS];
        event->drain.why = "a person wants it";
    } else if (event->type == LK_EVENT_EPOCH_HEARD) {
        event->start.epoch = next(in);
    } else if (event->type != LK_EVENT_TIMER) {
        answer(in, event);
    }
}

/* Every fact fits a core that has only the facts, fences grow, and what was asked for is remembered. */
static void take(const struct lk_out *out, struct lk_core *replay, uint64_t *fence,
                 size_t *place)
{
    for (size_t i = 0; i < out->fact_count; i++) {
        lk_assert(lk_core_apply(replay, &out->facts[i]));
        if (out->facts[i].type != LK_FACT_PERMIT_GRANTED)
            continue;
        lk_assert(out->facts[i].fence > *fence);
        *fence = out->facts[i].fence;
    }
    for (size_t i = 0; i < out->effect_count; i++)
        if (out->effects[i].op)
            asked[(*place)++ % LK_COUNT(asked)] = out->effects[i];
}

/* Whatever is said to the core, by whomever: it goes on, and a replay of its facts gives its state again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input           in = { data, size };
    static struct lk_core *core, *replay;
    struct lk_event        event = { .type = LK_EVENT_START, .now_ms = 1, .start.epoch = 1 };
    uint64_t               fence = 0;
    size_t                 place = 0;

    fresh_core(&core);
    fresh_core(&replay);
    memset(asked, 0, sizeof(asked));
    take(lk_core_step(core, &event), replay, &fence, &place);
    while (in.size > 0) {
        make_event(&in, fence, &event);
        take(lk_core_step(core, &event), replay, &fence, &place);
    }
    lk_assert(world_digest(core) == world_digest(replay));
    return 0;
}
