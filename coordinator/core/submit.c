/* A new push: whether it makes sense, whether there is room for it, and its facts. */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

static struct lk_push *find_by_key(struct lk_core *core, const char *client, const uint8_t *key)
{
    for (struct lk_push *push = core->first; push; push = push->next)
        if (memcmp(push->request_key, key, sizeof(push->request_key)) == 0 &&
            strcmp(push->client, client) == 0)
            return push;
    return NULL;
}

/* An id whose place in the pool is free; ids only grow. */
static uint64_t free_push_id(const struct lk_core *core)
{
    uint64_t id = core->push_id;

    do
        id++;
    while (core->pushes[id % core->config.pushes_max].id != 0);
    return id;
}

static uint64_t free_package_id(const struct lk_core *core)
{
    uint64_t id = core->package_id;

    do
        id++;
    while (core->packages[id % core->config.packages_max].id != 0);
    return id;
}

/* Room for a push of `count` packages; history gives way to it.  False: what lives leaves no room. */
static bool make_room(struct lk_core *core, size_t count)
{
    size_t pushes = 0;
    size_t packages = core->package_count;

    for (const struct lk_push *push = core->first; push; push = push->next) {
        pushes++;
        packages -= push->state == LK_PUSH_ENDED ? push->package_count : 0;
    }
    if (pushes - core->ended_count >= core->config.pushes_max ||
        packages + count > core->config.packages_max)
        return false;
    while (pushes >= core->config.pushes_max ||
           core->package_count + count > core->config.packages_max) {
        lk_push_forget(core, lk_push_ended_first(core)->id);
        pushes--;
    }
    return true;
}

static bool fits(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    return len > 0 && len < size;
}

static bool package_is_well_formed(const struct lk_package_request *request)
{
    if (!fits(request->repository, LK_REPOSITORY_SIZE) || !fits(request->tag, LK_TAG_SIZE) ||
        strnlen(request->path, LK_REPOSITORY_SIZE) == LK_REPOSITORY_SIZE ||
        (request->arch_count == 0 && request->origin != LK_PACKAGE_FROM_INDEX) ||
        request->arch_count > LK_PACKAGE_ARCHES_MAX)
        return false;
    if (request->origin == LK_PACKAGE_FROM_INDEX &&
        (!fits(request->from.repository, LK_REPOSITORY_SIZE) ||
         !fits(request->from.tag, LK_TAG_SIZE)))
        return false;
    for (size_t i = 0; i < request->arch_count; i++) {
        if (request->arches[i].name[0] == '\0')
            return false;
        for (size_t j = 0; j < i; j++)
            if (lk_arch_eq(&request->arches[i], &request->arches[j]))
                return false;
    }
    return true;
}

/* The door has read the message; what it means for the pools is checked here. */
static bool is_well_formed(const struct lk_event *event)
{
    const struct lk_push_options *options = event->submit.options;

    if (event->submit.count == 0 || event->submit.count > LK_PUSH_PACKAGES_MAX ||
        !fits(event->submit.client, LK_NAME_SIZE) || options->adopt_count > LK_CORE_ADOPT_MAX ||
        options->replace_count > LK_PACKAGE_ARCHES_MAX ||
        options->job_timeout_s > LK_TIMEOUT_S_MAX || options->timeout_s > LK_TIMEOUT_S_MAX ||
        (unsigned)options->priority >= LK_PRIORITIES)
        return false;
    for (size_t i = 0; i < event->submit.count; i++)
        if (!package_is_well_formed(&event->submit.packages[i]))
            return false;
    return true;
}

/* What is well formed and makes no sense; NULL: it does. */
static const char *contradiction(const struct lk_event *event)
{
    const struct lk_push_options *options = event->submit.options;

    if (options->force && options->no_build)
        return "--force builds everything and --nobuild nothing: choose one";
    if (options->keep_going && options->fail_fast)
        return "--keep-going goes on after a failure and --fail-fast does not: choose one";
    for (size_t i = 0; i < event->submit.count && options->build_only; i++)
        if (event->submit.packages[i].origin != LK_PACKAGE_BUILT)
            return "without a push there is no release, and no manifest or tag to write";
    return options->no_build && options->build_only
               ? "a build that builds nothing and pushes nothing has nothing to do"
               : NULL;
}

static void accept_package(struct lk_core *core, uint64_t push, size_t number,
                           const struct lk_package_request *request,
                           const struct lk_package_set     *after)
{
    uint64_t        id = free_package_id(core);
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PACKAGE_ACCEPTED);

    fact->push = push;
    fact->package = id;
    fact->count = (uint32_t)number;
    fact->spec = request->spec;
    fact->tree = request->tree;
    fact->is_unsigned = request->is_unsigned;
    fact->origin = request->origin;
    if (request->origin == LK_PACKAGE_FROM_INDEX)
        fact->from = request->from;
    fact->after = *after;
    fact->arch_count = request->arch_count;
    for (size_t i = 0; i < request->arch_count; i++)
        fact->arches[i] = request->arches[i];
    snprintf(fact->repository, sizeof(fact->repository), "%s", request->repository);
    snprintf(fact->tag, sizeof(fact->tag), "%s", request->tag);
    snprintf(fact->path, sizeof(fact->path), "%s", request->path);
    lk_fact_commit(core);
}

static void accept(struct lk_core *core, const struct lk_event *event,
                   const struct lk_package_set *after)
{
    uint64_t        id = free_push_id(core);
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PUSH_ACCEPTED);

    fact->push = id;
    fact->count = (uint32_t)event->submit.count;
    fact->wall_ms = event->wall_ms;
    fact->options = *event->submit.options;
    memcpy(fact->request_key, event->submit.request_key, sizeof(fact->request_key));
    snprintf(fact->client, sizeof(fact->client), "%s", event->submit.client);
    lk_fact_commit(core);
    for (size_t i = 0; i < event->submit.count; i++)
        accept_package(core, id, i, &event->submit.packages[i], &after[i]);
    if (event->submit.options->dry_run) {
        lk_fact_new(core, LK_FACT_SOURCE_READY)->push = id;
        lk_fact_commit(core);
    }
}

static void tell_accepted(struct lk_core *core, const struct lk_event *event,
                          const struct lk_push *push)
{
    struct lk_effect *effect = lk_effect_new(core, LK_EFFECT_ACCEPTED);

    effect->session = event->submit.session;
    effect->request = event->submit.request;
    effect->push = push->id;
    if (push->state != LK_PUSH_RECEIVING)
        return;
    effect = lk_effect_new(core, LK_EFFECT_RECEIVE);
    effect->session = event->submit.session;
    effect->push = push->id;
}

static void refuse(struct lk_core *core, const struct lk_event *event, enum lk_err_kind kind,
                   const char *text)
{
    lk_push_answer(core, event->submit.session, event->submit.request, kind, text);
}

/* False: it was refused. */
static bool accept_new(struct lk_core *core, const struct lk_event *event)
{
    struct lk_package_set after[LK_PUSH_PACKAGES_MAX];
    char                  text[LK_REASON_SIZE];

    if (contradiction(event)) {
        refuse(core, event, LK_ERR_INVALID, contradiction(event));
        return false;
    }
    if (!lk_order_find(event->submit.packages, event->submit.count, after, text)) {
        refuse(core, event, LK_ERR_INVALID, text);
        return false;
    }
    if (!make_room(core, event->submit.count)) {
        refuse(core, event, LK_ERR_LIMIT,
               "the coordinator's queue is full (limit: pushes and packages in work); "
               "try again when some have ended");
        return false;
    }
    accept(core, event, after);
    return true;
}

void lk_push_submit(struct lk_core *core, const struct lk_event *event)
{
    struct lk_push *push = find_by_key(core, event->submit.client, event->submit.request_key);

    if (!is_well_formed(event)) {
        refuse(core, event, LK_ERR_INVALID,
               "a push has 1 to 128 packages, each with a repository, a tag and 1 to 8 "
               "architectures that differ");
        return;
    }
    if (!push) {
        if (!accept_new(core, event))
            return;
        push = core->last;
    }
    push->source_until_ms = event->now_ms + core->config.source_ms;
    tell_accepted(core, event, push);
}
