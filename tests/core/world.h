/*
 * world - a small world around the core: a registry, agents and a client that behave, faults on demand, and a
 * crash at any point.  After every step it checks what must always hold.
 *
 * Everything is static: a test of the core links nothing but the core.
 */
#ifndef LK_TESTS_CORE_WORLD_H
#define LK_TESTS_CORE_WORLD_H

#include "coordinator/core/core.h"
#include "tests/core/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define WORLD_AGENTS 8
#define WORLD_SLOTS  16
#define WORLD_QUEUE  4096
#define WORLD_TAGS   16
#define WORLD_THINGS 512
#define CLIENT       "ci"

struct world_slot {
    uint64_t        job; /* 0: free */
    uint32_t        attempt;
    enum lk_phase   phase;
    struct lk_child child;
    bool            has_ticket;
    bool            in_turn;
    bool            build_only;
    uint64_t        fence; /* of the permit, 0: none */
    struct lk_oid   spec;
};

struct world_agent {
    char               name[16];
    uint64_t           session; /* 0: not connected */
    bool               frozen;  /* connected, but says nothing */
    bool               stuck;   /* alive, but its work does not move */
    struct lk_platform platforms[3];
    size_t             platform_count;
    uint32_t           slot_count;
    struct world_slot  slots[WORLD_SLOTS];
};

/* What a tag of the registry names. */
struct world_index {
    char                  repository[LK_REPOSITORY_SIZE];
    char                  tag[LK_TAG_SIZE];
    struct lk_digest      digest;
    bool                  is_signed;
    bool                  not_an_index;
    size_t                count;
    struct lk_found_child entries[LK_FOUND_MAX * 2];
};

struct world_arch_tag {
    char            repository[LK_REPOSITORY_SIZE];
    char            tag[LK_TAG_SIZE];
    struct lk_arch  arch;
    struct lk_child child;
    bool            is_signed;
};

struct world_merge {
    uint64_t           package;
    uint64_t           fence;
    bool               is_signed;
    struct world_index index;
};

struct world_fault {
    unsigned         count; /* how many answers from now on are this error */
    enum lk_err_kind kind;
};

struct world {
    struct lk_core_config config;
    struct lk_core       *core;
    int64_t               now_ms;
    uint64_t              epoch;
    uint64_t              sessions;
    uint64_t              stale;
    int64_t               wake_ms;
    uint64_t              fence; /* highest seen */

    struct lk_fact *facts; /* the journal */
    size_t          fact_count;
    size_t          fact_max;
    size_t          facts_before; /* the last step */

    struct lk_effect *queue; /* not carried out yet */
    size_t            queue_first;
    size_t            queue_end;
    unsigned          seen[LK_EFFECT_FORGET + 1]; /* effects of each type, ever */
    struct lk_effect  last[LK_EFFECT_FORGET + 1];

    struct world_agent agents[WORLD_AGENTS];
    size_t             agent_count;

    struct world_index    tags[WORLD_TAGS];
    size_t                tag_count;
    struct lk_digest      manifests[WORLD_THINGS];
    size_t                manifest_count;
    struct world_merge    merges[WORLD_THINGS];
    size_t                merge_count;
    struct world_arch_tag arch_tags[WORLD_THINGS];
    size_t                arch_tag_count;
    struct world_fault    faults[LK_EFFECT_FORGET + 1];
    bool     is_signers[LK_EFFECT_FORGET + 1]; /* these are no faults of the registry */
    uint32_t retry_after_ms;                   /* what comes with each of them */

    bool     source_is_late; /* RECEIVE is not answered */
    uint64_t push;           /* the last one accepted */
};

static const struct lk_arch amd64 = { "amd64" };
static const struct lk_arch arm64 = { "arm64" };
static const struct lk_arch s390x = { "s390x" };

/* ---- what must always hold ---- */

static inline void check_turns(const struct lk_package *package)
{
    const struct lk_turnstile *turnstile = package->turnstile;

    for (size_t i = 0; i < package->job_count; i++) {
        const struct lk_job *job = &package->jobs[i];
        bool                 inside =
            turnstile->fence && turnstile->package == package->id && turnstile->job == job->id;
        assert_int_equal(job->state == LK_JOB_IN_TURN, inside);
        assert_int_equal(job->arrival != 0,
                         job->state == LK_JOB_STAGED && package->state == LK_PACKAGE_ACTIVE);
    }
    if (turnstile->package == package->id && turnstile->job == 0 && turnstile->fence)
        assert_int_equal(package->state, LK_PACKAGE_PUBLISHING);
}

/* A turn per repository can only be one if there is one turnstile per repository. */
static inline void check_state(const struct world *w)
{
    size_t count = 0;

    for (const struct lk_push *a = lk_core_first_push(w->core); a; a = a->next)
        for (const struct lk_package *p = a->packages; p; p = p->next_in_push) {
            check_turns(p);
            if (++count > 100)
                continue; /* pairs of a great many take too long */
            for (const struct lk_push *b = lk_core_first_push(w->core); b; b = b->next)
                for (const struct lk_package *q = b->packages; q; q = q->next_in_push)
                    assert_int_equal(strcmp(p->repository, q->repository) == 0,
                                     p->turnstile == q->turnstile);
        }
}

static inline void check_merge(const struct world *w, const struct lk_effect *effect)
{
    const struct lk_package *package = lk_core_package(w->core, effect->package);

    for (size_t i = 0; i < package->job_count; i++) {
        const struct lk_job *job = &package->jobs[i];
        bool                 found = false;
        assert_true(job->state == LK_JOB_DONE || job->state == LK_JOB_KEPT);
        for (size_t k = 0; k < effect->count; k++)
            found |= lk_arch_eq(&effect->arches[k], &job->arch) &&
                     lk_digest_eq(&effect->children[k].digest, &job->child.digest);
        assert_true(found);
    }
}

static inline void check_tag(const struct world *w, const struct lk_effect *effect)
{
    const struct lk_package   *package = lk_core_package(w->core, effect->package);
    const struct lk_push      *push = lk_core_push(w->core, package->push);
    const struct world_merge  *merge = NULL;
    const struct lk_turnstile *turnstile = package->turnstile;

    for (size_t i = 0; i < w->merge_count; i++)
        if (w->merges[i].package == effect->package)
            merge = &w->merges[i];
    assert_non_null(merge);
    assert_true(lk_digest_eq(&merge->index.digest, &effect->child.digest));
    assert_int_equal(merge->fence, turnstile->fence);
    assert_int_equal(merge->is_signed, push->options.sign && !package->is_unsigned);
    assert_int_equal(turnstile->package, package->id);
    assert_int_equal(turnstile->job, 0);
}

static inline void check_effect(const struct world *w, const struct lk_effect *effect)
{
    const struct lk_package *package = lk_core_package(w->core, effect->package);

    if (effect->type == LK_EFFECT_MERGE) {
        check_merge(w, effect);
    } else if (effect->type == LK_EFFECT_TAG) {
        check_tag(w, effect);
    } else if (effect->type == LK_EFFECT_ACCEPT_CHILD) {
        assert_int_equal(package->turnstile->package, effect->package);
        assert_int_equal(package->turnstile->job, effect->job);
    } else if (effect->type == LK_EFFECT_PERMIT) {
        assert_true(effect->hold_ms > 0);
        assert_int_equal(package->turnstile->fence, effect->fence);
        assert_int_equal(package->turnstile->job, effect->job);
    }
}

/* ---- events ---- */

static inline void keep_facts(struct world *w, const struct lk_out *out)
{
    if (w->fact_count + out->fact_count > w->fact_max) {
        w->fact_max = 2 * (w->fact_count + out->fact_count);
        w->facts = lk_xrealloc(w->facts, w->fact_max * sizeof(*w->facts));
    }
    w->facts_before = w->fact_count;
    for (size_t i = 0; i < out->fact_count; i++) {
        const struct lk_fact *fact = &out->facts[i];
        w->facts[w->fact_count++] = *fact;
        if (fact->type != LK_FACT_PERMIT_GRANTED)
            continue;
        assert_true(fact->fence > w->fence);
        w->fence = fact->fence;
    }
}

static inline void step(struct world *w, struct lk_event *event)
{
    event->now_ms = w->now_ms;
    event->wall_ms = 1700000000000 + w->now_ms;
    const struct lk_out *out = lk_core_step(w->core, event);

    keep_facts(w, out);
    w->wake_ms = out->wake_ms;
    w->stale = out->stale;
    if (w->queue_first == w->queue_end)
        w->queue_first = w->queue_end = 0;
    for (size_t i = 0; i < out->effect_count; i++) {
        check_effect(w, &out->effects[i]);
        assert_true(w->queue_end < WORLD_QUEUE);
        w->queue[w->queue_end++] = out->effects[i];
        w->seen[out->effects[i].type]++;
        w->last[out->effects[i].type] = out->effects[i];
    }
    check_state(w);
}

static inline void timer(struct world *w)
{
    struct lk_event event = { .type = LK_EVENT_TIMER };

    step(w, &event);
}

static inline void wait_ms(struct world *w, int64_t ms)
{
    w->now_ms += ms;
    timer(w);
}

static inline void report(struct world *w, const struct world_agent *agent,
                          const struct world_slot *slot, enum lk_err_kind kind)
{
    struct lk_event event = { .type = LK_EVENT_REPORT };

    event.report.agent = agent->name;
    event.report.session = agent->session;
    event.report.job = slot->job;
    event.report.attempt = slot->attempt;
    event.report.spec = slot->spec;
    event.report.phase = slot->phase;
    event.report.child = slot->child;
    event.report.fence = slot->phase == LK_PHASE_PUSHED ? slot->fence : 0;
    event.report.kind = kind;
    event.report.text = kind ? "it went wrong" : "";
    step(w, &event);
}

static inline void alive(struct world *w, const struct world_agent *agent)
{
    struct lk_event event = { .type = LK_EVENT_AGENT_ALIVE };

    event.agent.name = agent->name;
    event.agent.session = agent->session;
    step(w, &event);
}

static inline void stopped(struct world *w, struct world_agent *agent, bool keeps)
{
    struct lk_event event = { .type = LK_EVENT_AGENT_GONE };

    event.agent.name = agent->name;
    event.agent.session = agent->session;
    event.agent.keeps = keeps;
    agent->session = 0;
    step(w, &event);
}

static inline void gone(struct world *w, struct world_agent *agent)
{
    stopped(w, agent, false);
}

static inline void hello(struct world *w, struct world_agent *agent)
{
    struct lk_event event = { .type = LK_EVENT_AGENT_HELLO };

    agent->session = ++w->sessions;
    event.agent.name = agent->name;
    event.agent.session = agent->session;
    event.agent.slots = agent->slot_count;
    event.agent.count = agent->platform_count;
    event.agent.platforms = agent->platforms;
    event.agent.software = "test";
    event.agent.builder = "none";
    step(w, &event);
}

/* Tells anew what the agent holds. */
static inline void report_all(struct world *w, struct world_agent *agent)
{
    for (size_t i = 0; i < WORLD_SLOTS; i++) {
        struct world_slot *slot = &agent->slots[i];
        if (slot->job == 0)
            continue;
        slot->has_ticket = false;
        report(w, agent, slot, LK_ERR_NONE);
    }
}

static inline void reconnect(struct world *w, struct world_agent *agent)
{
    hello(w, agent);
    report_all(w, agent);
    alive(w, agent);
}

static inline struct world_agent *add_agent(struct world *w, const char *name,
                                            const struct lk_arch *arch, bool emulated,
                                            uint32_t slots)
{
    struct world_agent *agent = &w->agents[w->agent_count++];

    assert_true(w->agent_count <= WORLD_AGENTS && slots <= WORLD_SLOTS);
    snprintf(agent->name, sizeof(agent->name), "%s", name);
    agent->platforms[0] = (struct lk_platform) { *arch, emulated };
    agent->platform_count = 1;
    agent->slot_count = slots;
    reconnect(w, agent);
    return agent;
}

/* ---- pushing ---- */

struct request {
    uint8_t                   key;
    struct lk_push_options    options;
    size_t                    count;
    struct lk_package_request packages[LK_PUSH_PACKAGES_MAX];
};

static const struct lk_arch three[] = { { "amd64" }, { "arm64" }, { "s390x" } };

static inline struct request request_of(uint8_t key, const char *repository, const char *tag,
                                        size_t count, const struct lk_arch *arches)
{
    struct request request = { .key = key, .options.sign = true, .count = 1 };

    request.packages[0] = (struct lk_package_request) {
        .repository = repository,
        .tag = tag,
        .path = "pkg/it",
        .arch_count = count,
        .arches = arches,
    };
    return request;
}

/* The last push is then w->push, if it was accepted. */
static inline void submit(struct world *w, const struct request *request)
{
    uint8_t         key[16] = { request->key };
    struct lk_event event = { .type = LK_EVENT_SUBMIT };

    event.submit.session = 7;
    event.submit.request = 1;
    event.submit.client = CLIENT;
    event.submit.request_key = key;
    event.submit.options = &request->options;
    event.submit.count = request->count;
    event.submit.packages = request->packages;
    step(w, &event);
    w->push = w->last[LK_EFFECT_ACCEPTED].push;
}

static inline void submit_three(struct world *w)
{
    struct request request = request_of(1, "org/it", "abc", 3, three);

    submit(w, &request);
}

static inline void cancel(struct world *w, uint64_t push)
{
    struct lk_event event = { .type = LK_EVENT_CANCEL };

    event.cancel.session = 7;
    event.cancel.request = 2;
    event.cancel.client = CLIENT;
    event.cancel.push = push;
    step(w, &event);
}

static inline void drain(struct world *w, const char *agent, const char *why)
{
    struct lk_event event = { .type = why ? LK_EVENT_AGENT_DRAIN : LK_EVENT_AGENT_RESUME };

    event.drain.session = 7;
    event.drain.request = 3;
    event.drain.agent = agent;
    event.drain.why = why;
    step(w, &event);
}

static inline void resume(struct world *w, const char *agent)
{
    drain(w, agent, NULL);
}

static inline void source(struct world *w, uint64_t push, const struct lk_err *why)
{
    struct lk_event event = { .type = why ? LK_EVENT_SOURCE_FAILED : LK_EVENT_SOURCE_READY };

    event.source.push = push;
    event.source.why = why;
    step(w, &event);
}

static inline const struct lk_push *push_of(const struct world *w)
{
    const struct lk_push *push = lk_core_push(w->core, w->push);

    assert_non_null(push);
    return push;
}

static inline const struct lk_package *package_of(const struct world *w)
{
    return push_of(w)->packages;
}

static inline const struct lk_job *job_of(const struct world *w, const struct lk_arch *arch)
{
    const struct lk_package *package = package_of(w);

    for (size_t i = 0; i < package->job_count; i++)
        if (lk_arch_eq(&package->jobs[i].arch, arch))
            return &package->jobs[i];
    fail_msg("no job for %s", arch->name);
    return NULL;
}

/* ---- the registry ---- */

static inline struct world_index *tag_in(struct world *w, const char *repository,
                                         const char *tag, bool make)
{
    for (size_t i = 0; i < w->tag_count; i++)
        if (strcmp(w->tags[i].repository, repository) == 0 && strcmp(w->tags[i].tag, tag) == 0)
            return &w->tags[i];
    if (!make)
        return NULL;
    assert_true(w->tag_count < WORLD_TAGS);
    struct world_index *index = &w->tags[w->tag_count++];
    memset(index, 0, sizeof(*index));
    snprintf(index->repository, sizeof(index->repository), "%s", repository);
    snprintf(index->tag, sizeof(index->tag), "%s", tag);
    return index;
}

static inline bool is_among(const struct lk_digest *list, size_t count,
                            const struct lk_digest *digest)
{
    for (size_t i = 0; i < count; i++)
        if (lk_digest_eq(&list[i], digest))
            return true;
    return false;
}

static inline void put_manifest(struct world *w, const struct lk_digest *digest)
{
    assert_true(w->manifest_count < WORLD_THINGS);
    w->manifests[w->manifest_count++] = *digest;
}

static inline struct lk_child child_of(uint64_t job, uint32_t attempt)
{
    struct lk_child child = { .size = 500, .media_type = "application/vnd.oci.image.manifest" };

    for (unsigned i = 0; i < 8; i++)
        child.digest.sha256[i] = (uint8_t)(job >> 8 * i);
    child.digest.sha256[8] = (uint8_t)attempt;
    child.digest.sha256[31] = 0xcc;
    return child;
}

static inline const struct lk_found_child *entry_of(const struct world_index *index,
                                                    const struct lk_arch     *arch)
{
    for (size_t i = 0; i < index->count; i++)
        if (lk_arch_eq(&index->entries[i].arch, arch))
            return &index->entries[i];
    return NULL;
}

/* Sets what the answer says if the test wants an error here. */
static inline bool is_faulty(struct world *w, enum lk_effect_type type, struct lk_err *err)
{
    struct world_fault *fault = &w->faults[type];

    if (fault->count == 0)
        return false;
    fault->count--;
    lk_err_set(err, fault->kind, "the registry says %s", lk_err_kind_name(fault->kind));
    err->retry_after_ms = w->retry_after_ms;
    err->is_signers = w->is_signers[type];
    return true;
}

static inline bool has_arch_tag(const struct world *w, const char *repository, const char *tag,
                                const struct lk_arch *arch, const struct lk_digest *digest)
{
    for (size_t i = w->arch_tag_count; i-- > 0;)
        if (strcmp(w->arch_tags[i].repository, repository) == 0 &&
            strcmp(w->arch_tags[i].tag, tag) == 0 && lk_arch_eq(&w->arch_tags[i].arch, arch))
            return lk_digest_eq(&w->arch_tags[i].child.digest, digest);
    return false;
}

static inline struct lk_probe look_at_tag(struct world *w, const char *repository,
                                          const char *tag)
{
    struct world_index *index = tag_in(w, repository, tag, false);

    if (!index)
        return (struct lk_probe) { 0 };
    for (size_t i = 0; i < index->count; i++)
        index->entries[i].arch_tag_is_right = has_arch_tag(
            w, repository, tag, &index->entries[i].arch, &index->entries[i].child.digest);
    return (struct lk_probe) {
        .index_exists = !index->not_an_index,
        .not_an_index = index->not_an_index,
        .index_digest = index->digest,
        .index_is_signed = index->is_signed,
        .count = index->count,
        .entries = index->entries,
    };
}

/* What TAG-ARCH names; the latest counts. */
static inline bool look_at_arch_tag(const struct world *w, const struct lk_effect *effect,
                                    const struct lk_arch *arch, struct lk_found_child *out)
{
    for (size_t i = w->arch_tag_count; i-- > 0;) {
        const struct world_arch_tag *tag = &w->arch_tags[i];
        if (strcmp(tag->repository, effect->repository) != 0 ||
            strcmp(tag->tag, effect->tag) != 0 || !lk_arch_eq(&tag->arch, arch))
            continue;
        *out = (struct lk_found_child) { .arch = *arch,
                                         .child = tag->child,
                                         .is_signed = tag->is_signed,
                                         .arch_tag_is_right = true };
        return true;
    }
    return false;
}

static inline bool look_at_source(struct world *w, const struct lk_effect *effect,
                                  struct lk_found_child *tagged, struct lk_probe *out)
{
    *out = (struct lk_probe) { .entries = tagged };
    if (effect->origin == LK_PACKAGE_FROM_INDEX)
        *out = look_at_tag(w, effect->from.repository, effect->from.tag);
    for (size_t i = 0; effect->origin == LK_PACKAGE_FROM_ARCH_TAGS && i < effect->count; i++)
        out->count += look_at_arch_tag(w, effect, &effect->arches[i], &tagged[out->count]);
    return effect->origin != LK_PACKAGE_BUILT;
}

static inline void put_arch_tag(struct world *w, const char *repository, const char *tag,
                                const struct lk_arch *arch, const struct lk_child *child,
                                bool is_signed)
{
    assert_true(w->arch_tag_count < WORLD_THINGS);
    struct world_arch_tag *new = &w->arch_tags[w->arch_tag_count++];

    snprintf(new->repository, sizeof(new->repository), "%s", repository);
    snprintf(new->tag, sizeof(new->tag), "%s", tag);
    new->arch = *arch;
    new->child = *child;
    new->is_signed = is_signed;
}

static inline void answer(struct world *w, enum lk_event_type type,
                          const struct lk_effect *effect, const struct lk_err *err,
                          const struct lk_probe *probe, const struct lk_child *index)
{
    struct lk_found_child tagged[LK_PACKAGE_ARCHES_MAX];
    struct lk_probe       source;

    struct lk_event event = { .type = type };

    event.answer.package = effect->package;
    event.answer.job = effect->job;
    event.answer.op = effect->op;
    event.answer.err = err;
    event.answer.probe = probe;
    if (index)
        event.answer.index = *index;
    if (probe && look_at_source(w, effect, tagged, &source))
        event.answer.source = &source;
    step(w, &event);
}

static inline void answer_probe(struct world *w, const struct lk_effect *effect)
{
    struct lk_probe probe = look_at_tag(w, effect->repository, effect->tag);
    struct lk_err   err;

    bool faulty = is_faulty(w, effect->type, &err);
    answer(w, LK_EVENT_PROBED, effect, faulty ? &err : NULL, faulty ? NULL : &probe, NULL);
}

static inline void answer_accept(struct world *w, const struct lk_effect *effect)
{
    struct lk_err err;
    bool          faulty = is_faulty(w, effect->type, &err);

    if (!faulty && !is_among(w->manifests, w->manifest_count, &effect->child.digest)) {
        lk_err_set(&err, LK_ERR_NOT_FOUND, "the registry does not have it");
        faulty = true;
    }
    if (!faulty && !effect->no_arch_tag)
        put_arch_tag(w, effect->repository, effect->tag, &effect->arch, &effect->child, false);
    answer(w, LK_EVENT_CHILD_CHECKED, effect, faulty ? &err : NULL, NULL, NULL);
}

static inline void answer_merge(struct world *w, const struct lk_effect *effect)
{
    struct lk_child index = { .size = 900, .media_type = "application/vnd.oci.image.index" };
    struct lk_err   err;
    uint64_t        sum = 0xcbf29ce484222325;

    if (is_faulty(w, effect->type, &err)) {
        answer(w, LK_EVENT_MERGED, effect, &err, NULL, NULL);
        return;
    }
    assert_true(w->merge_count < WORLD_THINGS);
    struct world_merge *merge = &w->merges[w->merge_count++];
    memset(merge, 0, sizeof(*merge));
    /* An effect that was carried out late puts an index, but its answer counts for nothing. */
    const struct lk_package *package = lk_core_package(w->core, effect->package);
    if (package && package->op == effect->op) {
        merge->package = effect->package;
        merge->fence = package->turnstile->fence;
    }
    merge->is_signed = effect->sign;
    merge->index.count = effect->count;
    for (size_t i = 0; i < effect->count; i++) {
        mix_text(&sum, effect->arches[i].name);
        mix_child(&sum, &effect->children[i]);
        merge->index.entries[i].arch = effect->arches[i];
        merge->index.entries[i].child = effect->children[i];
        merge->index.entries[i].is_signed = effect->sign;
    }
    for (unsigned i = 0; i < 8; i++)
        index.digest.sha256[i] = (uint8_t)(sum >> 8 * i);
    merge->index.digest = index.digest;
    merge->index.is_signed = effect->sign;
    answer(w, LK_EVENT_MERGED, effect, NULL, NULL, &index);
}

static inline void answer_tag(struct world *w, const struct lk_effect *effect)
{
    struct world_index *now = tag_in(w, effect->repository, effect->tag, false);
    struct lk_err       err;
    bool                faulty = is_faulty(w, effect->type, &err);

    /* Carried out twice it finds its own index: that is fine. */
    bool ours = now && lk_digest_eq(&now->digest, &effect->child.digest);
    bool expected = now ? effect->expect_tag && lk_digest_eq(&now->digest, &effect->expected)
                        : !effect->expect_tag;
    if (!faulty && !ours && !expected) {
        lk_err_set(&err, LK_ERR_CONFLICT, "someone moved the tag");
        faulty = true;
    }
    for (size_t i = 0; i < w->merge_count && !faulty; i++) {
        if (!lk_digest_eq(&w->merges[i].index.digest, &effect->child.digest))
            continue;
        now = tag_in(w, effect->repository, effect->tag, true);
        struct world_index moved = w->merges[i].index;
        memcpy(moved.repository, now->repository, sizeof(moved.repository));
        memcpy(moved.tag, now->tag, sizeof(moved.tag));
        *now = moved;
    }
    answer(w, LK_EVENT_TAGGED, effect, faulty ? &err : NULL, NULL, NULL);
}

/* ---- agents ---- */

static inline struct world_agent *agent_of(struct world *w, uint64_t session)
{
    for (size_t i = 0; i < w->agent_count; i++)
        if (session && w->agents[i].session == session)
            return &w->agents[i];
    return NULL;
}

static inline struct world_slot *slot_of(struct world_agent *agent, uint64_t job,
                                         uint32_t attempt)
{
    for (size_t i = 0; i < WORLD_SLOTS; i++)
        if (agent->slots[i].job == job && (attempt == 0 || agent->slots[i].attempt == attempt))
            return &agent->slots[i];
    return NULL;
}

static inline void take_offer(struct world *w, struct world_agent *agent,
                              const struct lk_effect *effect)
{
    struct world_slot *slot = slot_of(agent, effect->job, effect->attempt);
    struct world_slot  refused = { effect->job, effect->attempt, .phase = LK_PHASE_FAILED };

    for (size_t i = 0; i < agent->slot_count && i < WORLD_SLOTS && !slot; i++)
        slot = agent->slots[i].job == 0 ? &agent->slots[i] : NULL;
    if (!slot) {
        report(w, agent, &refused, LK_ERR_LIMIT);
        return;
    }
    if (slot->job == 0)
        *slot = (struct world_slot) {
            .job = effect->job,
            .attempt = effect->attempt,
            .phase = LK_PHASE_TAKEN,
            .in_turn = effect->in_turn,
            .build_only = effect->build_only,
            .spec = effect->spec,
        };
    report(w, agent, slot, LK_ERR_NONE);
}

static inline void to_agent(struct world *w, const struct lk_effect *effect)
{
    struct world_agent *agent = agent_of(w, effect->session);

    if (!agent || agent->frozen)
        return;
    if (effect->type == LK_EFFECT_OFFER) {
        take_offer(w, agent, effect);
        return;
    }
    struct world_slot *slot = slot_of(agent, effect->job, effect->attempt);
    if (!slot)
        return;
    if (effect->type == LK_EFFECT_TICKET) {
        slot->has_ticket = true;
    } else if (effect->type == LK_EFFECT_PERMIT) {
        if (effect->fence >> 32 < w->epoch)
            return; /* real agents refuse it */
        slot->fence = effect->fence;
        if (slot->phase == LK_PHASE_PUSHED)
            slot->phase = LK_PHASE_STAGED;
    } else {
        memset(slot, 0, sizeof(*slot));
    }
}

/* True if the slot's work moved by a phase. */
static inline bool work(struct world *w, struct world_agent *agent, struct world_slot *slot)
{
    if (slot->phase == LK_PHASE_TAKEN) {
        slot->phase = LK_PHASE_BUILDING;
    } else if (slot->phase == LK_PHASE_BUILDING) {
        slot->phase = LK_PHASE_BUILT;
        slot->child = child_of(slot->job, slot->attempt);
    } else if (slot->phase == LK_PHASE_BUILT && slot->has_ticket &&
               (!slot->in_turn || slot->fence)) {
        slot->phase = LK_PHASE_STAGED;
    } else if (slot->phase == LK_PHASE_STAGED && slot->fence) {
        slot->phase = LK_PHASE_PUSHED;
        put_manifest(w, &slot->child.digest);
    } else {
        return false;
    }
    report(w, agent, slot, LK_ERR_NONE);
    return true;
}

static inline bool some_agent_works(struct world *w)
{
    for (size_t i = 0; i < w->agent_count; i++) {
        struct world_agent *agent = &w->agents[i];
        for (size_t k = 0; k < WORLD_SLOTS; k++)
            if (agent->session && !agent->frozen && !agent->stuck && agent->slots[k].job &&
                work(w, agent, &agent->slots[k]))
                return true;
    }
    return false;
}

/* ---- going on ---- */

static inline bool carry_out_one(struct world *w)
{
    if (w->queue_first == w->queue_end)
        return false;
    const struct lk_effect effect = w->queue[w->queue_first++];
    switch (effect.type) {
    case LK_EFFECT_ACCEPTED:
    case LK_EFFECT_ANSWER:
    case LK_EFFECT_FORGET: break;
    case LK_EFFECT_RECEIVE:
        if (!w->source_is_late)
            source(w, effect.push, NULL);
        break;
    case LK_EFFECT_OFFER:
    case LK_EFFECT_TICKET:
    case LK_EFFECT_PERMIT:
    case LK_EFFECT_DROP: to_agent(w, &effect); break;
    case LK_EFFECT_PROBE: answer_probe(w, &effect); break;
    case LK_EFFECT_ACCEPT_CHILD: answer_accept(w, &effect); break;
    case LK_EFFECT_MERGE: answer_merge(w, &effect); break;
    case LK_EFFECT_TAG: answer_tag(w, &effect); break;
    }
    return true;
}

static inline bool all_ended(const struct world *w)
{
    for (const struct lk_push *push = lk_core_first_push(w->core); push; push = push->next)
        if (push->state != LK_PUSH_ENDED)
            return false;
    return true;
}

/* Lets time pass until the core wants to be woken; agents that are not frozen stay alive. */
static inline void sleep_until_woken(struct world *w)
{
    if (w->wake_ms == INT64_MAX)
        return;
    if (w->wake_ms > w->now_ms)
        w->now_ms = w->wake_ms;
    for (size_t i = 0; i < w->agent_count; i++) {
        struct world_agent *agent = &w->agents[i];
        if (!agent->session || agent->frozen)
            continue;
        alive(w, agent);
        for (size_t k = 0; k < WORLD_SLOTS; k++)
            if (agent->slots[k].job)
                report(w, agent, &agent->slots[k], LK_ERR_NONE);
    }
    timer(w);
}

/* Everything that can happen without time passing. */
static inline bool move_one(struct world *w)
{
    return carry_out_one(w) || some_agent_works(w);
}

static inline void settle(struct world *w)
{
    for (unsigned i = 0; i < 100000; i++) {
        if (move_one(w))
            continue;
        if (w->wake_ms > w->now_ms)
            return;
        timer(w);
    }
    fail_msg("the world does not come to rest");
}

/* What has not ended, for whoever has to find out why. */
static inline void dump(const struct world *w)
{
    const struct lk_agent *agent;

    fprintf(stderr, "now %lld, wake %lld\n", (long long)w->now_ms, (long long)w->wake_ms);
    for (size_t i = 0; (agent = lk_core_agent(w->core, i)); i++)
        fprintf(stderr, "%s session %llu ready %d suspect %d busy %u of %u heard %lld\n",
                agent->name, (unsigned long long)agent->session, agent->ready, agent->suspect,
                agent->busy, agent->slots, (long long)agent->heard_ms);
    for (const struct lk_push *push = lk_core_first_push(w->core); push; push = push->next) {
        if (push->state == LK_PUSH_ENDED)
            continue;
        fprintf(stderr, "push %llu: state %d\n", (unsigned long long)push->id,
                (int)push->state);
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push) {
            fprintf(stderr, "  %s:%s state %d op %llu fence %llx of job %llu: %s\n",
                    p->repository, p->tag, (int)p->state, (unsigned long long)p->op,
                    (unsigned long long)p->turnstile->fence,
                    (unsigned long long)p->turnstile->job, p->text);
            for (size_t i = 0; i < p->job_count; i++)
                fprintf(stderr, "    %llu %s state %d phase %d op %llu %s %s\n",
                        (unsigned long long)p->jobs[i].id, p->jobs[i].arch.name,
                        (int)p->jobs[i].state, (int)p->jobs[i].phase,
                        (unsigned long long)p->jobs[i].op, p->jobs[i].agent, p->jobs[i].text);
        }
    }
}

/* Until every push has ended. */
static inline void run(struct world *w)
{
    for (unsigned i = 0; i < 20000; i++) {
        if (move_one(w))
            continue;
        if (all_ended(w))
            return;
        if (w->wake_ms == INT64_MAX) {
            dump(w);
            fail_msg("the core sleeps for ever with work to do");
        }
        sleep_until_woken(w);
    }
    dump(w);
    fail_msg("the push does not end");
}

/* Until a job has come to a state. */
static inline void run_until_job(struct world *w, const struct lk_arch *arch,
                                 enum lk_job_state state)
{
    for (unsigned i = 0; i < 10000; i++) {
        if (job_of(w, arch)->state == state)
            return;
        if (!move_one(w))
            break;
    }
    fail_msg("the job for %s does not come to state %d: it is in %d", arch->name, (int)state,
             (int)job_of(w, arch)->state);
}

/* The first agent finds that its package cannot be built. */
static inline void run_until_build_fails(struct world *w)
{
    struct world_slot *slot = &w->agents[0].slots[0];

    while (slot->phase != LK_PHASE_BUILDING && move_one(w))
        ;
    slot->phase = LK_PHASE_FAILED;
    report(w, &w->agents[0], slot, LK_ERR_INVALID);
}

/* Until an effect of that type waits to be carried out, and leaves it there. */
static inline void run_until_effect(struct world *w, enum lk_effect_type type)
{
    for (unsigned i = 0; i < 10000; i++) {
        if (w->queue_first < w->queue_end && w->queue[w->queue_first].type == type)
            return;
        if (!move_one(w))
            break;
    }
    fail_msg("no effect of type %d comes", (int)type);
}

/* ---- beginning, crash and end ---- */

static inline void start(struct world *w)
{
    struct lk_event event = { .type = LK_EVENT_START };

    event.start.epoch = ++w->epoch;
    step(w, &event);
}

static inline struct world *world_new(const struct lk_core_config *config)
{
    struct world *w = lk_xcalloc(1, sizeof(*w));

    w->config = *config;
    w->core = lk_core_new(&w->config);
    w->queue = lk_xcalloc(WORLD_QUEUE, sizeof(*w->queue));
    w->now_ms = 5000;
    start(w);
    return w;
}

static inline struct world *world_of_three(void)
{
    struct world *w = world_new(&lk_core_defaults);

    add_agent(w, "a1", &amd64, false, 2);
    add_agent(w, "a2", &arm64, false, 2);
    add_agent(w, "a3", &s390x, false, 2);
    return w;
}

static inline void world_free(struct world **w)
{
    if (!*w)
        return;
    lk_core_free(&(*w)->core);
    free((*w)->queue);
    free((*w)->facts);
    free(*w);
    *w = NULL;
}

/*
 * The coordinator dies and starts again: what was not carried out is lost.  With `unwritten`, the last step's
 * facts did not reach the disk either.  Agents do not come back by themselves.
 */
static inline void crash(struct world *w, bool unwritten)
{
    uint64_t digest = world_digest(w->core);

    if (unwritten)
        w->fact_count = w->facts_before;
    lk_core_free(&w->core);
    w->queue_first = w->queue_end = 0;
    w->core = lk_core_new(&w->config);
    for (size_t i = 0; i < w->fact_count; i++)
        assert_true(lk_core_apply(w->core, &w->facts[i]));
    if (!unwritten)
        assert_int_equal(world_digest(w->core), digest);
    start(w);
}

static inline void crash_and_reconnect(struct world *w, bool unwritten)
{
    crash(w, unwritten);
    for (size_t i = 0; i < w->agent_count; i++)
        reconnect(w, &w->agents[i]);
}

#define LK_WORLD LK_CLEANUP(world_free) struct world *

#endif
