/*
 * digest - a number over everything durable in a core: two that applied the same facts have the same.
 */
#ifndef LK_TESTS_CORE_DIGEST_H
#define LK_TESTS_CORE_DIGEST_H

#include "coordinator/core/core.h"

#include <string.h>

static inline void mix(uint64_t *sum, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        *sum = (*sum ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
}

static inline void mix_u64(uint64_t *sum, uint64_t value)
{
    for (unsigned shift = 0; shift < 64; shift += 8)
        mix(sum, &(uint8_t) { (uint8_t)(value >> shift) }, 1);
}

static inline void mix_text(uint64_t *sum, const char *text)
{
    mix(sum, text, strlen(text) + 1);
}

static inline void mix_child(uint64_t *sum, const struct lk_child *child)
{
    mix(sum, &child->digest, sizeof(child->digest));
    mix_u64(sum, child->size);
    mix_text(sum, child->media_type);
}

static inline void mix_job(uint64_t *sum, const struct lk_job *job)
{
    mix_u64(sum, job->id);
    mix_text(sum, job->arch.name);
    mix_u64(sum, job->state);
    mix_u64(sum, job->kept);
    mix_u64(sum, job->attempt);
    mix_u64(sum, job->last_attempt);
    for (size_t i = 0; i < LK_GIVEN_MAX; i++) {
        mix_u64(sum, job->given[i].attempt);
        mix_text(sum, job->given[i].agent);
    }
    mix_u64(sum, job->failures);
    mix_text(sum, job->failed_on);
    mix_text(sum, job->agent);
    mix_u64(sum, job->emulated);
    mix_child(sum, &job->child);
    mix_u64(sum, job->arrival);
    mix_u64(sum, job->pushed);
    mix_u64(sum, job->was_done);
    mix_u64(sum, job->outcome);
    /* While it waits its text is only today's reason. */
    if (lk_job_is_settled(job))
        mix_text(sum, job->text);
}

static inline void mix_package(uint64_t *sum, const struct lk_package *package)
{
    bool under_way =
        package->state == LK_PACKAGE_WAITING || package->state == LK_PACKAGE_PLANNING;

    mix_u64(sum, package->id);
    mix_u64(sum, package->number);
    mix_u64(sum, under_way ? LK_PACKAGE_WAITING : package->state);
    mix_u64(sum, package->outcome);
    mix_text(sum, package->repository);
    mix_text(sum, package->tag);
    mix_text(sum, package->path);
    mix(sum, &package->spec, sizeof(package->spec));
    mix(sum, &package->tree, sizeof(package->tree));
    mix_u64(sum, package->is_unsigned);
    mix_u64(sum, package->origin);
    mix_text(sum, package->from.repository);
    mix_text(sum, package->from.tag);
    for (size_t i = 0; i < LK_COUNT(package->after.bits); i++)
        mix_u64(sum, package->after.bits[i]);
    for (size_t i = 0; i < package->job_count; i++)
        mix_job(sum, &package->jobs[i]);
    mix_u64(sum, package->arrival);
    mix_u64(sum, package->is_merged);
    mix_child(sum, &package->index);
    mix_u64(sum, package->index_is_signed);
    mix_u64(sum, package->nothing_to_do);
    mix_u64(sum, package->turnstile->fence);
    mix_u64(sum, package->turnstile->package);
    mix_u64(sum, package->turnstile->job);
    if (package->state == LK_PACKAGE_ENDED)
        mix_text(sum, package->text);
}

/* In whatever order they came in. */
static inline uint64_t drained_digest(const struct lk_core *core)
{
    const struct lk_agent *agent;
    uint64_t               all = 0;

    for (size_t i = 0; (agent = lk_core_agent(core, i)); i++) {
        uint64_t sum = 0xcbf29ce484222325;
        mix_text(&sum, agent->name);
        mix_text(&sum, agent->drained_why);
        all += agent->drained ? sum : 0;
    }
    return all;
}

static inline uint64_t world_digest(const struct lk_core *core)
{
    uint64_t sum = 0xcbf29ce484222325;

    mix_u64(&sum, lk_core_epoch(core));
    mix_u64(&sum, drained_digest(core));
    for (const struct lk_push *push = lk_core_first_push(core); push; push = push->next) {
        mix_u64(&sum, push->id);
        mix_u64(&sum, push->state);
        mix_u64(&sum, push->outcome);
        mix_u64(&sum, push->cancelled);
        mix_u64(&sum, push->gave_up);
        mix_u64(&sum, push->timed_out);
        mix_u64(&sum, push->options.keep_going);
        mix_u64(&sum, push->options.fail_fast);
        mix_u64(&sum, push->options.job_timeout_s);
        mix_u64(&sum, push->options.timeout_s);
        mix_u64(&sum, push->options.priority);
        mix_text(&sum, push->client);
        mix(&sum, push->request_key, sizeof(push->request_key));
        mix_u64(&sum, push->package_count);
        mix_u64(&sum, (uint64_t)push->accepted_wall_ms);
        mix_u64(&sum, (uint64_t)push->ended_wall_ms);
        mix_u64(&sum, push->has_source);
        mix_u64(&sum, push->retries);
        mix(&sum, push->retry_key, sizeof(push->retry_key));
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push)
            mix_package(&sum, p);
    }
    return sum;
}

#endif
