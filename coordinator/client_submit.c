#include "coordinator/clients.h"

#include <stdlib.h>
#include <string.h>

static int options_of(const lk_wire_Submit *submit, bool in_turn, struct lk_push_options *out,
                      struct lk_err *err)
{
    *out = (struct lk_push_options) {
        .sequential = submit->sequential,
        .in_turn = submit->in_turn || in_turn,
        .allow_emulation = submit->allow_emulation,
        .sign = !submit->no_signature,
        .dry_run = submit->dry_run,
        .build_only = submit->build_only,
        .force = submit->force,
        .no_build = submit->no_build,
        .no_arch_tags = submit->no_arch_tags,
        .priority = (enum lk_priority)submit->priority,
        .keep_going = submit->keep_going,
        .fail_fast = submit->fail_fast,
        .job_timeout_s = submit->job_timeout_s,
        .timeout_s = submit->timeout_s,
    };
    for (size_t i = 0; i < submit->adopt_count; i++)
        memcpy(out->adopt[out->adopt_count++].sha256, submit->adopt[i],
               sizeof(submit->adopt[i]));
    for (size_t i = 0; i < submit->replace_count; i++)
        if (!lk_arch_parse(lk_str_of(submit->replace[i]), &out->replace[out->replace_count++]))
            return lk_err_set(err, LK_ERR_INVALID,
                              "--replace %s: expected the name of an architecture, as amd64",
                              submit->replace[i]);
    return 0;
}

/* For people only: of a path that is too long, the end. */
static const char *short_path(const char *path)
{
    size_t len = strlen(path);

    if (len < LK_REPOSITORY_SIZE)
        return path;
    path += len - (LK_REPOSITORY_SIZE - 1);
    while (((unsigned char)*path & 0xC0) == 0x80) /* not in the middle of a character */
        path++;
    return path;
}

static enum lk_package_origin origin_of(enum lk_origin origin)
{
    switch (origin) {
    case LK_ORIGIN_BUILD: return LK_PACKAGE_BUILT;
    case LK_ORIGIN_INDEX: return LK_PACKAGE_FROM_INDEX;
    case LK_ORIGIN_ARCH_TAGS: return LK_PACKAGE_FROM_ARCH_TAGS;
    }
    return LK_PACKAGE_BUILT;
}

static struct lk_index_name name_of(const struct lk_spec_target *target)
{
    struct lk_index_name name;

    memcpy(name.repository, target->repository, sizeof(name.repository));
    memcpy(name.tag, target->tag, sizeof(name.tag));
    return name;
}

static void request_of(const struct lk_spec *spec, struct lk_index_name *after,
                       struct lk_package_request *out)
{
    *out = (struct lk_package_request) {
        .repository = spec->repository,
        .tag = spec->tag,
        .path = short_path(spec->path),
        .tree = spec->tree,
        .arch_count = spec->arch_count,
        .arches = spec->arches,
        .is_unsigned = spec->is_unsigned,
        .origin = origin_of(spec->origin),
        .from = name_of(&spec->from),
        .after_count = spec->after_count,
        .after = after,
    };
    for (size_t i = 0; i < spec->after_count; i++)
        after[i] = name_of(&spec->after[i]);
}

static size_t count_after(const struct lk_spec *specs, size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += specs[i].after_count;
    return sum;
}

static void step_submit(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_push_options *options, const struct lk_spec *specs,
                        size_t count)
{
    struct lk_client_line *line = session->owner;
    const lk_wire_Submit  *submit = lk_intake_message(line->intake);
    struct lk_event        event = { .type = LK_EVENT_SUBMIT };
    LK_CLEANUP(lk_free_pointer)
    struct lk_package_request *requests = lk_xcalloc(count, sizeof(*requests));
    LK_CLEANUP(lk_free_pointer)
    struct lk_index_name *after = lk_xcalloc(count_after(specs, count) + 1, sizeof(*after));

    for (size_t i = 0, k = 0; i < count; k += specs[i++].after_count) {
        request_of(&specs[i], &after[k], &requests[i]);
        memcpy(requests[i].spec.sha1, submit->specs[i], sizeof(submit->specs[i]));
    }
    event.submit.session = session->id;
    event.submit.request = line->submit_request;
    event.submit.client = session->name;
    event.submit.request_key = submit->request_key;
    event.submit.options = options;
    event.submit.count = count;
    event.submit.packages = requests;
    line->submitted = true;
    lk_coordinator_step(c, &event);
}

/* True if this coordinator publishes nothing unsigned there. */
static bool requires_trust(const struct lk_coordinator *c, const struct lk_spec *spec)
{
    const char *host_end = strchr(spec->repository, '/');
    char        host[LK_REPOSITORY_SIZE];

    snprintf(host, sizeof(host), "%.*s", (int)(host_end ? host_end - spec->repository : 0),
             spec->repository);
    return c->config->content_trust == LK_CONTENT_TRUST_REQUIRED ||
           lk_coordinator_config_notary(c->config, host)->trust == LK_CONTENT_TRUST_REQUIRED;
}

/* Of what is not to be signed; NULL: none, or this coordinator leaves it to that. */
static const struct lk_spec *find_unsigned(const struct lk_coordinator  *c,
                                           const struct lk_push_options *options,
                                           const struct lk_spec *specs, size_t count)
{
    if (options->build_only)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if ((specs[i].is_unsigned || !options->sign) && requires_trust(c, &specs[i]))
            return &specs[i];
    return NULL;
}

static int check_trust(const struct lk_coordinator *c, const struct lk_push_options *options,
                       const struct lk_spec *specs, size_t count, struct lk_err *err)
{
    const struct lk_spec *spec = find_unsigned(c, options, specs, count);

    return spec ? lk_err_set(err, LK_ERR_DENIED,
                             "%s: %s, but this coordinator publishes nothing unsigned there "
                             "(content-trust: required): take that out",
                             short_path(spec->path),
                             spec->is_unsigned ? "its build.yml says disable-content-trust"
                                               : "-disable-content-trust was said")
                : 0;
}

static void specs_are_in(struct lk_coordinator *c, struct lk_session *session)
{
    struct lk_client_line *line = session->owner;
    struct lk_push_options options;
    struct lk_spec        *specs;
    size_t                 count;
    struct lk_err          err;

    if (options_of(lk_intake_message(line->intake), c->config->in_turn, &options, &err) < 0 ||
        lk_intake_specs(line->intake, &specs, &count, &err) < 0) {
        lk_intake_abandon(line->intake);
        lk_door_refuse(c->clients, session, line->submit_request, err.kind, err.text);
        return;
    }
    if (check_trust(c, &options, specs, count, &err) < 0) {
        lk_intake_abandon(line->intake);
        lk_door_refuse(c->clients, session, line->submit_request, err.kind, err.text);
    } else {
        step_submit(c, session, &options, specs, count);
    }
    lk_intake_free_specs(&specs, count);
}

struct sync {
    struct lk_work         work;
    struct lk_coordinator *c;
    struct lk_store       *store;
    uint64_t               push;
    bool                   failed;
    struct lk_err          err;
};

static void sync_store(struct lk_work *work)
{
    struct sync *sync = (struct sync *)work;

    sync->failed = lk_store_sync(sync->store, &sync->err) < 0;
}

static void source_event(struct lk_coordinator *c, uint64_t push, const struct lk_err *why)
{
    struct lk_event event = { .type = why ? LK_EVENT_SOURCE_FAILED : LK_EVENT_SOURCE_READY };

    event.source.push = push;
    event.source.why = why;
    lk_coordinator_step(c, &event);
}

static void synced(struct lk_work *work)
{
    struct sync *sync = (struct sync *)work;

    if (!sync->c->stop)
        source_event(sync->c, sync->push, sync->failed ? &sync->err : NULL);
    free(sync);
}

/* The push may begin when its source would survive a power cut. */
static void source_is_in(struct lk_coordinator *c, const struct lk_session *session,
                         uint64_t push)
{
    struct lk_err    err;
    struct lk_store *store = lk_coordinator_domain(c, session->name, &err);

    if (!store) {
        source_event(c, push, &err);
        return;
    }
    struct sync *sync = lk_xcalloc(1, sizeof(*sync));
    sync->work.run = sync_store;
    sync->work.done = synced;
    sync->c = c;
    sync->push = push;
    sync->store = store;
    lk_workers_submit(c->disk, &sync->work);
}

static void advance(struct lk_coordinator *c, struct lk_session *session)
{
    struct lk_client_line *line = session->owner;
    lk_wire_Envelope       out;

    while (lk_intake_next(line->intake, &out))
        lk_door_post(c->clients, session, &out);
    if (lk_intake_state(line->intake) == LK_INTAKE_SPECS_READY)
        specs_are_in(c, session);
    if (lk_intake_state(line->intake) == LK_INTAKE_READY && line->push) {
        uint64_t push = line->push;
        line->push = 0;
        source_is_in(c, session, push);
    }
}

static void failed(struct lk_coordinator *c, struct lk_session *session,
                   const struct lk_err *err)
{
    struct lk_client_line *line = session->owner;
    uint64_t               push = line->push;

    line->push = 0;
    if (push)
        source_event(c, push, err);
    else
        lk_door_refuse(c->clients, session, line->submit_request, err->kind, err->text);
}

const char *lk_client_cannot_publish(const struct lk_coordinator  *c,
                                     const struct lk_push_options *options)
{
    if (options->build_only)
        return NULL;
    if (!options->sign && c->config->content_trust == LK_CONTENT_TRUST_REQUIRED)
        return "this coordinator publishes nothing unsigned (content-trust: required); push "
               "without -disable-content-trust";
    if (c->signer || !options->sign || options->dry_run)
        return NULL;
    return "this coordinator has no signing key: set `signing` in its configuration, or push "
           "unsigned with -disable-content-trust";
}

void lk_client_submit(struct lk_coordinator *c, struct lk_session *session,
                      const struct lk_wire_in *in)
{
    struct lk_client_line *line = session->owner;
    const lk_wire_Submit  *submit = &in->envelope.body.submit;
    uint64_t               request = in->envelope.request;
    struct lk_push_options options = { .sign = !submit->no_signature,
                                       .dry_run = submit->dry_run,
                                       .build_only = submit->build_only };
    const char            *reason = lk_client_cannot_publish(c, &options);
    struct lk_err          err;

    if (reason) {
        lk_door_refuse(c->clients, session, request, LK_ERR_DENIED, reason);
        return;
    }
    /* Or the answer to the first would be taken for one to the second. */
    if (line->submitted) {
        lk_door_refuse(c->clients, session, request, LK_ERR_CONFLICT,
                       "one submission at a time: the one before is not answered yet");
        return;
    }
    line->submit_request = request;
    line->push = 0;
    if (lk_intake_submit(line->intake, submit, &err) < 0)
        failed(c, session, &err);
    else
        advance(c, session);
}

void lk_client_object(struct lk_coordinator *c, struct lk_session *session,
                      const struct lk_wire_in *in)
{
    struct lk_client_line *line = session->owner;
    struct lk_str          payload = { (const char *)in->payload, in->payload_len };
    struct lk_err          err;

    if (lk_intake_take(line->intake, &in->envelope, payload, &err) < 0)
        failed(c, session, &err);
    else
        advance(c, session);
}

void lk_client_receive(struct lk_coordinator *c, struct lk_session *session, uint64_t push)
{
    struct lk_client_line *line = session->owner;
    struct lk_err          err;

    line->push = push;
    if (lk_intake_fetch(line->intake, &err) < 0)
        failed(c, session, &err);
    else
        advance(c, session);
}
