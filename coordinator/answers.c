/* What the registry answered becomes events of the core. */
#include "coordinator/parts.h"

#include "common/log/log.h"

#include <string.h>

static enum lk_event_type answer_type(enum lk_effect_type type)
{
    if (type == LK_EFFECT_PROBE)
        return LK_EVENT_PROBED;
    if (type == LK_EFFECT_MERGE)
        return LK_EVENT_MERGED;
    return type == LK_EFFECT_TAG ? LK_EVENT_TAGGED : LK_EVENT_CHILD_CHECKED;
}

static void child_of(const struct lk_descriptor *descriptor, struct lk_child *out)
{
    *out = (struct lk_child) { .digest = descriptor->digest, .size = descriptor->size };
    memcpy(out->media_type, descriptor->media_type, sizeof(out->media_type));
}

static void probe_of(const struct lk_found *found, struct lk_found_child *entries,
                     struct lk_probe *out)
{
    *out = (struct lk_probe) {
        .index_exists = found->index_exists,
        .not_an_index = found->not_an_index,
        .index_digest = found->index_digest,
        .index_is_signed = found->index_is_signed,
        .count = found->count,
        .entries = entries,
    };
    for (size_t i = 0; i < found->count; i++) {
        entries[i].arch = found->entries[i].arch;
        entries[i].is_signed = found->entries[i].is_signed;
        entries[i].arch_tag_is_right = found->entries[i].arch_tag_is_right;
        child_of(&found->entries[i].descriptor, &entries[i].child);
    }
}

static void log_operation(const struct lk_effect           *effect,
                          const struct lk_operation_result *result)
{
    static const char *const names[] = {
        [LK_EFFECT_TICKET] = "ticket",
        [LK_EFFECT_PROBE] = "probe",
        [LK_EFFECT_ACCEPT_CHILD] = "accept-child",
        [LK_EFFECT_MERGE] = "merge",
        [LK_EFFECT_TAG] = "tag",
    };

    if (result->err)
        lk_log_warn("registry operation failed",
                    "op=%s push=%llu repository=%s tag=%s arch=%s kind=%s err=%s",
                    names[effect->type], (unsigned long long)effect->push,
                    LK_Q(effect->repository), LK_Q(effect->tag), LK_Q(effect->arch.name),
                    lk_err_kind_name(result->err->kind), LK_Q(result->err->text));
    else
        lk_log_info("registry operation done", "op=%s push=%llu repository=%s tag=%s arch=%s",
                    names[effect->type], (unsigned long long)effect->push,
                    LK_Q(effect->repository), LK_Q(effect->tag), LK_Q(effect->arch.name));
}

void lk_coordinator_on_operation(void *ctx, const struct lk_effect *effect,
                                 const struct lk_operation_result *result)
{
    struct lk_coordinator *c = ctx;
    struct lk_found_child  entries[LK_INDEX_ENTRIES_MAX], from[LK_INDEX_ENTRIES_MAX];
    struct lk_probe        probe, source;
    struct lk_event        event = { .type = answer_type(effect->type) };

    log_operation(effect, result);
    if (effect->type == LK_EFFECT_TICKET) {
        lk_agents_ticket(c, effect, result);
        return;
    }
    event.answer.package = effect->package;
    event.answer.job = effect->job;
    event.answer.op = effect->op;
    event.answer.err = result->err;
    if (effect->type == LK_EFFECT_PROBE && !result->err) {
        probe_of(result->found, entries, &probe);
        event.answer.probe = &probe;
        if (result->source) {
            probe_of(result->source, from, &source);
            event.answer.source = &source;
        }
    }
    child_of(&result->index, &event.answer.index);
    lk_coordinator_step(c, &event);
}
