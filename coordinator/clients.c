/* The clients' door: submissions, sources, watching, lists, logs. */
#include "coordinator/parts.h"

#include "common/log/log.h"
#include "common/os/clock.h"
#include "coordinator/source/intake.h"

#include <stdlib.h>
#include <string.h>

#define WATCHES_MAX 16
#define FOLLOWS_MAX 16
#define SILENCES    15
#define RETRY_MS    20

/* A push that a client wants to hear of, and how far it has been told. */
struct watch {
    uint64_t push;
    uint64_t told;    /* changes up to this number were told */
    uint64_t until;   /* of the round under way; 0: none */
    uint32_t package; /* the round's next package, by its number */
    size_t   job;
};

struct follow {
    uint64_t job;
    uint32_t attempt;
    uint64_t offset;
    uint64_t credit;
};

struct client_line {
    struct lk_coordinator *c;
    struct lk_intake      *intake;
    uint64_t               submit_request;
    uint64_t               push;                 /* whose source comes in */
    struct watch           watches[WATCHES_MAX]; /* push 0: free */
    struct follow          follows[FOLLOWS_MAX]; /* job 0: free */
};

static enum lk_wire_result tell(struct lk_coordinator *c, const struct lk_session *session,
                                uint64_t request, lk_wire_Envelope *envelope,
                                struct lk_str payload)
{
    envelope->request = request;
    return lk_door_send(c->clients, session, envelope, payload);
}

static void refuse(struct lk_coordinator *c, const struct lk_session *session, uint64_t request,
                   enum lk_err_kind kind, const char *text)
{
    lk_door_refuse(c->clients, session, request, kind, text);
}

static int opened(void *ctx, struct lk_session *session, const lk_wire_Hello *hello,
                  lk_wire_Welcome *welcome, struct lk_err *err)
{
    struct lk_coordinator *c = ctx;
    struct lk_store       *store = lk_coordinator_domain(c, session->name, err);
    struct client_line    *line;

    (void)hello;
    if (!store)
        return -1;
    line = lk_xcalloc(1, sizeof(*line));
    line->c = c;
    line->intake = lk_intake_new(store);
    session->owner = line;
    welcome->ping_ms = c->config->ping_ms;
    welcome->silence_ms = c->config->ping_ms * SILENCES;
    welcome->cluster.size = LK_CLUSTER_BYTES;
    memcpy(welcome->cluster.bytes, lk_journal_cluster(c->journal), LK_CLUSTER_BYTES);
    welcome->epoch = lk_core_epoch(c->core);
    return 0;
}

static void closed(void *ctx, struct lk_session *session, bool said_bye)
{
    struct client_line *line = session->owner;

    (void)ctx;
    (void)said_bye;
    if (!line)
        return;
    session->owner = NULL;
    lk_intake_free(&line->intake);
    free(line);
}

/* ---- submissions ---- */

static void options_of(const lk_wire_Submit *submit, bool in_turn, struct lk_push_options *out)
{
    *out = (struct lk_push_options) {
        .sequential = submit->sequential,
        .in_turn = submit->in_turn || in_turn,
        .allow_emulation = submit->allow_emulation,
        .sign = !submit->no_signature,
        .dry_run = submit->dry_run,
        .build_only = submit->build_only,
        .force = submit->force,
    };
    for (size_t i = 0; i < submit->adopt_count; i++)
        memcpy(out->adopt[out->adopt_count++].sha256, submit->adopt[i],
               sizeof(submit->adopt[i]));
    for (size_t i = 0; i < submit->replace_count; i++)
        out->replace_count +=
            lk_arch_parse(lk_str_of(submit->replace[i]), &out->replace[out->replace_count]);
}

static void step_submit(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_spec *specs, size_t count)
{
    struct client_line    *line = session->owner;
    const lk_wire_Submit  *submit = lk_intake_message(line->intake);
    struct lk_event        event = { .type = LK_EVENT_SUBMIT };
    struct lk_push_options options;
    LK_CLEANUP(lk_free_pointer)
    struct lk_package_request *requests = lk_xcalloc(count, sizeof(*requests));

    options_of(submit, c->config->in_turn, &options);
    for (size_t i = 0; i < count; i++) {
        requests[i] = (struct lk_package_request) {
            .repository = specs[i].repository,
            .tag = specs[i].tag,
            .path = specs[i].path,
            .tree = specs[i].tree,
            .arch_count = specs[i].arch_count,
            .arches = specs[i].arches,
        };
        memcpy(requests[i].spec.sha1, submit->specs[i], sizeof(submit->specs[i]));
    }
    event.submit.session = session->id;
    event.submit.request = line->submit_request;
    event.submit.client = session->name;
    event.submit.request_key = submit->request_key;
    event.submit.options = &options;
    event.submit.count = count;
    event.submit.packages = requests;
    lk_coordinator_step(c, &event);
}

static void specs_are_in(struct lk_coordinator *c, struct lk_session *session)
{
    struct client_line *line = session->owner;
    struct lk_spec     *specs;
    size_t              count;
    struct lk_err       err;

    if (lk_intake_specs(line->intake, &specs, &count, &err) < 0) {
        refuse(c, session, line->submit_request, err.kind, err.text);
        return;
    }
    step_submit(c, session, specs, count);
    for (size_t i = 0; i < count; i++)
        lk_spec_fini(&specs[i]);
    free(specs);
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
    struct sync  *sync = lk_xcalloc(1, sizeof(*sync));
    struct lk_err err;

    sync->work.run = sync_store;
    sync->work.done = synced;
    sync->c = c;
    sync->push = push;
    sync->store = lk_coordinator_domain(c, session->name, &err);
    lk_workers_submit(c->disk, &sync->work);
}

static void pump_intake(struct lk_coordinator *c, struct lk_session *session)
{
    struct client_line *line = session->owner;
    lk_wire_Envelope    out;

    while (lk_intake_next(line->intake, &out))
        if (tell(c, session, 0, &out, (struct lk_str) { 0 }) != LK_WIRE_OK)
            break;
    if (lk_intake_state(line->intake) == LK_INTAKE_SPECS_READY)
        specs_are_in(c, session);
    if (lk_intake_state(line->intake) == LK_INTAKE_READY && line->push) {
        uint64_t push = line->push;
        line->push = 0;
        source_is_in(c, session, push);
    }
}

static void source_failed(struct lk_coordinator *c, struct lk_session *session,
                          const struct lk_err *err)
{
    struct client_line *line = session->owner;

    if (line->push)
        source_event(c, line->push, err);
    else
        refuse(c, session, line->submit_request, err->kind, err->text);
    line->push = 0;
}

static void take_submit(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_wire_in *in)
{
    struct client_line   *line = session->owner;
    const lk_wire_Submit *submit = &in->envelope.body.submit;
    struct lk_err         err;

    line->submit_request = in->envelope.request;
    line->push = 0;
    if (!submit->no_signature && !submit->dry_run && !submit->build_only && !c->signer) {
        refuse(c, session, in->envelope.request, LK_ERR_DENIED,
               "this coordinator has no signing key: set `signing` in its configuration, or "
               "push unsigned "
               "with -disable-content-trust");
        return;
    }
    if (lk_intake_submit(line->intake, submit, &err) < 0)
        source_failed(c, session, &err);
    else
        pump_intake(c, session);
}

static void take_object(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_wire_in *in)
{
    struct client_line *line = session->owner;
    struct lk_str       payload = { (const char *)in->payload, in->payload_len };
    struct lk_err       err;

    if (lk_intake_take(line->intake, &in->envelope, payload, &err) < 0)
        source_failed(c, session, &err);
    else
        pump_intake(c, session);
}

static void begin_receive(struct lk_coordinator *c, const struct lk_effect *effect)
{
    struct lk_session  *session = lk_door_session(c->clients, effect->session);
    struct client_line *line = session ? session->owner : NULL;
    struct lk_err       err;

    if (!line)
        return;
    line->push = effect->push;
    if (lk_intake_fetch(line->intake, &err) < 0)
        source_failed(c, session, &err);
    else
        pump_intake(c, session);
}

/* ---- watching ---- */

static bool is_durable(const struct lk_coordinator *c, const struct lk_push *push)
{
    uint64_t durable = c->replayed + lk_pump_durable(c->pump);

    if (push->fact_seq > durable)
        return false;
    for (const struct lk_package *package = push->packages; package;
         package = package->next_in_push) {
        if (package->fact_seq > durable)
            return false;
        for (size_t i = 0; i < package->job_count; i++)
            if (package->jobs[i].fact_seq > durable)
                return false;
    }
    return true;
}

/* Tells what changed of one package.  False: the pipe is full; go on later from where it stopped. */
static bool tell_package(struct lk_coordinator *c, const struct lk_session *session,
                         struct watch *watch, const struct lk_package *package)
{
    lk_wire_Envelope out;

    if (watch->job == 0 && package->changed > watch->told) {
        lk_picture_of_package(package, &out);
        if (tell(c, session, 0, &out, (struct lk_str) { 0 }) == LK_WIRE_CONGESTED)
            return false;
    }
    for (; watch->job < package->job_count; watch->job++) {
        const struct lk_job *job = &package->jobs[watch->job];
        if (job->changed <= watch->told && package->changed <= watch->told)
            continue;
        lk_picture_of_job(package, job, lk_clock_boot_ms(), &out);
        if (tell(c, session, 0, &out, (struct lk_str) { 0 }) == LK_WIRE_CONGESTED)
            return false;
    }
    watch->job = 0;
    return true;
}

static bool tell_push(struct lk_coordinator *c, const struct lk_session *session,
                      struct watch *watch, const struct lk_push *push)
{
    lk_wire_Envelope out;

    for (const struct lk_package *package = push->packages; package;
         package = package->next_in_push) {
        if (package->number < watch->package)
            continue;
        if (!tell_package(c, session, watch, package))
            return false;
        watch->package = package->number + 1;
    }
    lk_picture_of_push(push, &out);
    if (tell(c, session, 0, &out, (struct lk_str) { 0 }) == LK_WIRE_CONGESTED)
        return false;
    out = (lk_wire_Envelope) { .which_body = lk_wire_Envelope_synced_tag };
    out.body.synced.push = push->id;
    return tell(c, session, 0, &out, (struct lk_str) { 0 }) != LK_WIRE_CONGESTED;
}

static void flush_watch(struct lk_coordinator *c, const struct lk_session *session,
                        struct watch *watch)
{
    const struct lk_push *push = lk_core_push(c->core, watch->push);

    if (!push) {
        refuse(c, session, 0, LK_ERR_NOT_FOUND, "the push left the coordinator's history");
        watch->push = 0;
        return;
    }
    if (!watch->until && (push->changed <= watch->told || !is_durable(c, push)))
        return;
    if (!watch->until)
        watch->until = push->changed;
    if (!tell_push(c, session, watch, push)) {
        lk_coordinator_retry_soon(c, RETRY_MS);
        return;
    }
    watch->told = watch->until;
    watch->until = 0;
    watch->package = 0;
    if (push->state == LK_PUSH_ENDED && push->changed <= watch->told)
        watch->push = 0;
}

static void take_watch(struct lk_coordinator *c, struct lk_session *session,
                       const struct lk_wire_in *in)
{
    struct client_line *line = session->owner;
    uint64_t            push = in->envelope.body.watch.push;

    if (!lk_core_push(c->core, push)) {
        refuse(c, session, in->envelope.request, LK_ERR_NOT_FOUND,
               "there is no such push; `lkcoord status` lists them");
        return;
    }
    for (size_t i = 0; i < WATCHES_MAX; i++)
        if (line->watches[i].push == 0 || line->watches[i].push == push) {
            line->watches[i] = (struct watch) { .push = push };
            flush_watch(c, session, &line->watches[i]);
            return;
        }
    refuse(c, session, in->envelope.request, LK_ERR_LIMIT,
           "one line watches at most 16 pushes");
}

/* ---- logs ---- */

static void flush_follow(struct lk_coordinator *c, const struct lk_session *session,
                         struct follow *follow)
{
    char                 bytes[LK_WIRE_PIECE_MAX];
    const struct lk_job *job = lk_core_job(c->core, follow->job);

    while (follow->job && follow->credit > 0) {
        size_t room = follow->credit < sizeof(bytes) ? (size_t)follow->credit : sizeof(bytes);
        long   got =
            lk_logbook_read(c->logs, follow->job, follow->attempt, follow->offset, bytes, room);
        bool over = !job || job->attempt != follow->attempt || lk_job_is_settled(job) ||
                    lk_logbook_has_ended(c->logs, follow->job, follow->attempt);
        lk_wire_Envelope out = { .which_body = lk_wire_Envelope_log_piece_tag };
        if (got <= 0 && !over)
            return;
        out.body.log_piece.job = follow->job;
        out.body.log_piece.attempt = follow->attempt;
        out.body.log_piece.offset = follow->offset;
        out.body.log_piece.end = got <= 0;
        struct lk_str payload = { bytes, got > 0 ? (size_t)got : 0 };
        if (tell(c, session, 0, &out, payload) == LK_WIRE_CONGESTED) {
            lk_coordinator_retry_soon(c, RETRY_MS);
            return;
        }
        follow->offset += payload.len;
        follow->credit -= payload.len;
        if (got <= 0)
            follow->job = 0;
    }
}

static void take_follow(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_wire_in *in)
{
    struct client_line   *line = session->owner;
    const lk_wire_Follow *wish = &in->envelope.body.follow;
    const struct lk_job  *job = lk_core_job(c->core, wish->job);
    struct follow        *place = NULL;

    if (!job || wish->attempt > job->last_attempt) {
        refuse(c, session, in->envelope.request, LK_ERR_NOT_FOUND,
               "there is no such job or attempt");
        return;
    }
    for (size_t i = 0; i < FOLLOWS_MAX; i++)
        if (line->follows[i].job == 0 || line->follows[i].job == wish->job)
            place = &line->follows[i];
    if (!place) {
        refuse(c, session, in->envelope.request, LK_ERR_LIMIT,
               "one line follows at most 16 logs");
        return;
    }
    *place = (struct follow) { .job = wish->job,
                               .attempt = wish->attempt ? wish->attempt : job->last_attempt,
                               .offset = wish->offset };
}

static void take_credit(struct lk_coordinator *c, struct lk_session *session,
                        const lk_wire_Credit *credit)
{
    struct client_line *line = session->owner;

    for (size_t i = 0; i < FOLLOWS_MAX; i++) {
        struct follow *follow = &line->follows[i];
        if (follow->job != credit->job || follow->job == 0)
            continue;
        uint64_t room = LK_LOG_BYTES_MAX - follow->credit;
        follow->credit += credit->bytes < room ? credit->bytes : room;
        flush_follow(c, session, follow);
    }
}

/* ---- lists ---- */

static void send_done(struct lk_coordinator *c, const struct lk_session *session,
                      uint64_t request, uint64_t count)
{
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_done_tag };

    out.body.done.count = count;
    tell(c, session, request, &out, (struct lk_str) { 0 });
}

static void list_pushes(struct lk_coordinator *c, const struct lk_session *session,
                        uint64_t request, bool all)
{
    uint64_t count = 0;

    for (const struct lk_push *push = lk_core_first_push(c->core); push; push = push->next) {
        lk_wire_Envelope out;
        if (push->state == LK_PUSH_ENDED && !all)
            continue;
        lk_picture_of_push(push, &out);
        count += tell(c, session, request, &out, (struct lk_str) { 0 }) == LK_WIRE_OK;
    }
    send_done(c, session, request, count);
}

static void list_agents(struct lk_coordinator *c, const struct lk_session *session,
                        uint64_t request)
{
    const struct lk_agent *agent;
    uint64_t               count = 0;

    for (size_t i = 0; (agent = lk_core_agent(c->core, i)); i++) {
        lk_wire_Envelope out;
        lk_picture_of_agent(c->core, agent, lk_clock_boot_ms(), &out);
        count += tell(c, session, request, &out, (struct lk_str) { 0 }) == LK_WIRE_OK;
    }
    send_done(c, session, request, count);
}

/* ---- what comes in ---- */

static void answer_ping(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_wire_in *in)
{
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_pong_tag };

    out.body.pong.number = in->envelope.body.ping.number;
    tell(c, session, 0, &out, (struct lk_str) { 0 });
}

static void take_cancel(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_wire_in *in)
{
    struct lk_event event = { .type = LK_EVENT_CANCEL };

    event.cancel.session = session->id;
    event.cancel.request = in->envelope.request;
    event.cancel.client = session->name;
    event.cancel.push = in->envelope.body.cancel.push;
    lk_coordinator_step(c, &event);
}

static void message(void *ctx, struct lk_session *session, const struct lk_wire_in *in)
{
    struct lk_coordinator *c = ctx;
    uint64_t               request = in->envelope.request;

    switch (in->envelope.which_body) {
    case lk_wire_Envelope_ping_tag: answer_ping(c, session, in); return;
    case lk_wire_Envelope_submit_tag: take_submit(c, session, in); return;
    case lk_wire_Envelope_object_tag:
    case lk_wire_Envelope_absent_tag: take_object(c, session, in); return;
    case lk_wire_Envelope_watch_tag: take_watch(c, session, in); return;
    case lk_wire_Envelope_cancel_tag: take_cancel(c, session, in); return;
    case lk_wire_Envelope_list_tag:
        list_pushes(c, session, request, in->envelope.body.list.all);
        return;
    case lk_wire_Envelope_list_agents_tag: list_agents(c, session, request); return;
    case lk_wire_Envelope_follow_tag: take_follow(c, session, in); return;
    case lk_wire_Envelope_credit_tag:
        take_credit(c, session, &in->envelope.body.credit);
        return;
    default: refuse(c, session, request, LK_ERR_INVALID, "a client does not send this message");
    }
}

int lk_clients_open(struct lk_coordinator *c, struct lk_err *err)
{
    struct lk_door_options options = {
        .endpoint = c->config->clients_endpoint,
        .domain = "clients",
        .silence_ms = (int64_t)c->config->ping_ms * SILENCES * 2,
        .peers = &c->config->clients,
        .key = c->key,
        .opened = opened,
        .message = message,
        .closed = closed,
        .ctx = c,
    };

    return lk_door_open(&c->clients, &options, err);
}

/* ---- what goes out ---- */

void lk_clients_carry_out(struct lk_coordinator *c, const struct lk_effect *effect)
{
    const struct lk_session *session = lk_door_session(c->clients, effect->session);
    lk_wire_Envelope         out = { .which_body = lk_wire_Envelope_accepted_tag };

    if (!session)
        return;
    if (effect->type == LK_EFFECT_RECEIVE) {
        begin_receive(c, effect);
    } else if (effect->type == LK_EFFECT_ACCEPTED) {
        out.body.accepted.push = effect->push;
        lk_log_info("push accepted", "push=%llu client=%s", (unsigned long long)effect->push,
                    LK_Q(session->name));
        tell(c, session, effect->request, &out, (struct lk_str) { 0 });
    } else if (effect->kind == LK_ERR_NONE) {
        send_done(c, session, effect->request, 0);
    } else {
        refuse(c, session, effect->request, effect->kind, effect->text);
    }
}

void lk_clients_flush(struct lk_coordinator *c)
{
    for (struct lk_session *session = NULL; (session = lk_door_next(c->clients, session));) {
        struct client_line *line = session->owner;
        for (size_t i = 0; line && i < WATCHES_MAX; i++)
            if (line->watches[i].push)
                flush_watch(c, session, &line->watches[i]);
        for (size_t i = 0; line && i < FOLLOWS_MAX; i++)
            if (line->follows[i].job)
                flush_follow(c, session, &line->follows[i]);
    }
}
