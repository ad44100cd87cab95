/* The agents' door: their reports become events, the core's orders become messages; sources go out, logs come in. */
#include "coordinator/parts.h"

#include "common/log/log.h"
#include "common/oci/oci.h"
#include "common/os/clock.h"
#include "common/source/sender.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FOLLOWED_MAX 64
#define LOG_WINDOW   (256 * 1024)
#define SILENCES     15 /* pings that may stay away before a line counts as dead */

struct followed {
    uint64_t job;
    uint32_t attempt;
};

/* What a session of an agent has beside its name. */
struct agent_line {
    struct lk_coordinator *c;
    char                   name[LK_NAME_SIZE];
    struct lk_sender      *sources;
    size_t                 next_followed;
    struct followed        followed[FOLLOWED_MAX]; /* whose logs we asked for; a ring */
};

static bool is_held_by(const struct lk_job *job, const char *agent)
{
    return job->state >= LK_JOB_ASSIGNED && job->state <= LK_JOB_IN_TURN &&
           strcmp(job->agent, agent) == 0;
}

/* An agent may read what belongs to the clients whose jobs it has, and nothing else. */
static int read_source(void *ctx, const struct lk_oid *oid, bool *is_tree, struct lk_buf *out,
                       struct lk_err *err)
{
    struct agent_line *line = ctx;

    for (const struct lk_push *push = lk_core_first_push(line->c->core); push;
         push = push->next)
        for (const struct lk_package *package = push->packages; package;
             package = package->next_in_push)
            for (size_t i = 0; i < package->job_count; i++) {
                struct lk_store *store;
                if (!is_held_by(&package->jobs[i], line->name))
                    continue;
                store = lk_coordinator_domain(line->c, push->client, err);
                if (store && lk_store_has(store, oid))
                    return lk_store_read(store, oid, is_tree, out, err);
            }
    return lk_err_set(err, LK_ERR_NOT_FOUND, "no source of this agent's jobs has this object");
}

static int opened(void *ctx, struct lk_session *session, const lk_wire_Hello *hello,
                  lk_wire_Welcome *welcome, struct lk_err *err)
{
    struct lk_coordinator *c = ctx;
    struct lk_platform     platforms[LK_AGENT_PLATFORMS_MAX];
    struct lk_event        event = { .type = LK_EVENT_AGENT_HELLO };
    struct agent_line     *line;

    for (size_t i = 0; i < hello->platforms_count; i++) {
        platforms[i].emulated = hello->platforms[i].emulated;
        if (!lk_arch_parse(lk_str_of(hello->platforms[i].arch), &platforms[i].arch))
            return lk_err_set(err, LK_ERR_INVALID,
                              "HELLO names an architecture that cannot be one");
    }
    if (hello->platforms_count == 0 || hello->slots == 0)
        return lk_err_set(err, LK_ERR_INVALID, "HELLO of an agent needs platforms and slots");
    line = lk_xcalloc(1, sizeof(*line));
    line->c = c;
    memcpy(line->name, session->name, sizeof(line->name));
    struct lk_object_source source = { .read = read_source, .ctx = line };
    line->sources = lk_sender_new(&source);
    session->owner = line;

    event.agent.name = session->name;
    event.agent.session = session->id;
    event.agent.slots = hello->slots;
    event.agent.count = hello->platforms_count;
    event.agent.platforms = platforms;
    event.agent.software = hello->software;
    event.agent.builder = hello->builder;
    lk_coordinator_step(c, &event);

    welcome->ping_ms = c->config->ping_ms;
    welcome->silence_ms = c->config->ping_ms * SILENCES;
    welcome->cluster.size = LK_CLUSTER_BYTES;
    memcpy(welcome->cluster.bytes, lk_journal_cluster(c->journal), LK_CLUSTER_BYTES);
    welcome->epoch = lk_core_epoch(c->core);
    lk_log_info("agent came in", "agent=%s session=%llu version=%s", LK_Q(session->name),
                (unsigned long long)session->id, LK_Q(hello->software));
    return 0;
}

static void closed(void *ctx, struct lk_session *session, bool said_bye)
{
    struct lk_coordinator *c = ctx;
    struct agent_line     *line = session->owner;
    struct lk_event        event = { .type = LK_EVENT_AGENT_GONE };

    if (!line)
        return;
    session->owner = NULL;
    if (said_bye && !c->stop) {
        event.agent.name = session->name;
        event.agent.session = session->id;
        lk_coordinator_step(c, &event);
        lk_log_info("agent left", "agent=%s", LK_Q(session->name));
    }
    lk_sender_free(&line->sources);
    free(line);
}

static void tell(struct lk_coordinator *c, uint64_t session_id, lk_wire_Envelope *envelope)
{
    const struct lk_session *session = lk_door_session(c->agents, session_id);

    /* One that is gone comes back and reports; then what is due is sent anew. */
    if (session)
        lk_door_send(c->agents, session, envelope, (struct lk_str) { 0 });
}

static void grant_log_credit(struct lk_coordinator *c, const struct lk_session *session,
                             uint64_t job, uint32_t attempt, uint64_t bytes)
{
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_credit_tag };

    out.body.credit.job = job;
    out.body.credit.attempt = attempt;
    out.body.credit.bytes = bytes;
    lk_door_send(c->agents, session, &out, (struct lk_str) { 0 });
}

/* Asks for a job's log from where ours ends, once a session. */
static void follow_log(struct lk_coordinator *c, const struct lk_session *session, uint64_t job,
                       uint32_t attempt)
{
    struct agent_line *line = session->owner;
    lk_wire_Envelope   out = { .which_body = lk_wire_Envelope_follow_tag };

    for (size_t i = 0; i < FOLLOWED_MAX; i++)
        if (line->followed[i].job == job && line->followed[i].attempt == attempt)
            return;
    line->followed[line->next_followed] = (struct followed) { job, attempt };
    line->next_followed = (line->next_followed + 1) % FOLLOWED_MAX;
    out.body.follow.job = job;
    out.body.follow.attempt = attempt;
    out.body.follow.offset = lk_logbook_size(c->logs, job, attempt);
    lk_door_send(c->agents, session, &out, (struct lk_str) { 0 });
    grant_log_credit(c, session, job, attempt, LOG_WINDOW);
}

static void take_report(struct lk_coordinator *c, struct lk_session *session,
                        const lk_wire_Report *report)
{
    struct lk_event event = { .type = LK_EVENT_REPORT };

    event.report.agent = session->name;
    event.report.session = session->id;
    event.report.job = report->job;
    event.report.attempt = report->attempt;
    event.report.phase = (enum lk_phase)report->phase;
    event.report.fence = report->fence;
    event.report.kind = lk_wire_kind_to(report->kind);
    event.report.text = report->text;
    event.report.bytes_done = report->bytes_done;
    event.report.bytes_total = report->bytes_total;
    memcpy(event.report.child.digest.sha256, report->digest.bytes, report->digest.size);
    memcpy(event.report.child.media_type, report->media_type, sizeof(report->media_type));
    event.report.child.size = report->size;
    bool has_image = report->phase >= lk_wire_Phase_PHASE_BUILT &&
                     report->phase <= lk_wire_Phase_PHASE_PUSHED;
    if (has_image &&
        (report->size > LK_MANIFEST_BYTES_MAX || !lk_media_type_is_image(report->media_type))) {
        event.report.phase = LK_PHASE_FAILED;
        event.report.kind = LK_ERR_PERMANENT;
        event.report.text = "the agent reports something that is no image manifest";
    }
    if (report->phase > lk_wire_Phase_PHASE_TAKEN)
        follow_log(c, session, report->job, report->attempt);
    lk_coordinator_step(c, &event);
}

static void take_log(struct lk_coordinator *c, const struct lk_session *session,
                     const struct lk_wire_in *in)
{
    const lk_wire_LogPiece *piece = &in->envelope.body.log_piece;
    const struct lk_job    *job = lk_core_job(c->core, piece->job);
    struct lk_str           bytes = { (const char *)in->payload, in->payload_len };
    struct lk_err           err;

    if (!job || piece->attempt == 0 || piece->attempt > job->last_attempt)
        return;
    if (lk_logbook_append(c->logs, piece->job, piece->attempt, piece->offset, bytes, &err) < 0)
        lk_log_warn("log not kept", "job=%llu err=%s", (unsigned long long)piece->job,
                    LK_Q(err.text));
    if (piece->end)
        lk_logbook_end(c->logs, piece->job, piece->attempt);
    else
        grant_log_credit(c, session, piece->job, piece->attempt, in->payload_len);
    lk_clients_flush(c);
}

static void simple_event(struct lk_coordinator *c, struct lk_session *session,
                         enum lk_event_type type)
{
    struct lk_event event = { .type = type };

    event.agent.name = session->name;
    event.agent.session = session->id;
    lk_coordinator_step(c, &event);
}

static void answer_ping(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_wire_in *in)
{
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_pong_tag };

    out.body.pong.number = in->envelope.body.ping.number;
    lk_door_send(c->agents, session, &out, (struct lk_str) { 0 });
    simple_event(c, session, LK_EVENT_AGENT_ALIVE);
}

static void ticket_wanted(struct lk_coordinator *c, struct lk_session *session,
                          const lk_wire_TicketWanted *wanted)
{
    struct lk_event event = { .type = LK_EVENT_TICKET_WANTED };

    event.report.agent = session->name;
    event.report.session = session->id;
    event.report.job = wanted->job;
    event.report.attempt = wanted->attempt;
    lk_coordinator_step(c, &event);
}

static void message(void *ctx, struct lk_session *session, const struct lk_wire_in *in)
{
    struct lk_coordinator  *c = ctx;
    struct agent_line      *line = session->owner;
    const lk_wire_Envelope *envelope = &in->envelope;
    struct lk_err           err;

    switch (envelope->which_body) {
    case lk_wire_Envelope_ping_tag: answer_ping(c, session, in); return;
    case lk_wire_Envelope_report_tag: take_report(c, session, &envelope->body.report); return;
    case lk_wire_Envelope_ticket_wanted_tag:
        ticket_wanted(c, session, &envelope->body.ticket_wanted);
        return;
    case lk_wire_Envelope_log_piece_tag: take_log(c, session, in); return;
    case lk_wire_Envelope_want_tag:
    case lk_wire_Envelope_credit_tag:
        if (lk_sender_take(line->sources, envelope, &err) < 0)
            lk_door_refuse(c->agents, session, envelope->request, err.kind, err.text);
        lk_agents_flush(c);
        return;
    default:
        lk_door_refuse(c->agents, session, envelope->request, LK_ERR_INVALID,
                       "an agent does not send this message");
    }
}

int lk_agents_open(struct lk_coordinator *c, struct lk_err *err)
{
    struct lk_door_options options = {
        .endpoint = c->config->agents_endpoint,
        .domain = "agents",
        .one_per_key = true,
        .silence_ms = (int64_t)c->config->ping_ms * SILENCES * 2,
        .peers = &c->config->agents,
        .key = c->key,
        .opened = opened,
        .message = message,
        .closed = closed,
        .ctx = c,
    };

    return lk_door_open(&c->agents, &options, err);
}

static void send_offer(struct lk_coordinator *c, const struct lk_effect *effect)
{
    lk_wire_Envelope    out = { .which_body = lk_wire_Envelope_offer_tag };
    lk_wire_Offer      *offer = &out.body.offer;
    struct lk_reference reference;
    struct lk_err       err;

    offer->job = effect->job;
    offer->attempt = effect->attempt;
    offer->push = effect->push;
    LK_WIRE_TEXT(offer->arch, effect->arch.name);
    LK_WIRE_TEXT(offer->repository, effect->repository);
    LK_WIRE_TEXT(offer->tag, effect->tag);
    memcpy(offer->spec, effect->spec.sha1, sizeof(offer->spec));
    offer->lease_ms = (uint32_t)effect->hold_ms;
    offer->in_turn = effect->in_turn;
    offer->build_only = effect->build_only;
    if (lk_reference_parse(lk_str_of(effect->repository), &reference, &err) == 0)
        offer->plain_http = lk_operations_plain_http(c->config, reference.host);
    lk_log_info("job offered", "push=%llu job=%llu attempt=%u arch=%s repository=%s",
                (unsigned long long)effect->push, (unsigned long long)effect->job,
                effect->attempt, effect->arch.name, LK_Q(effect->repository));
    tell(c, effect->session, &out);
}

void lk_agents_carry_out(struct lk_coordinator *c, const struct lk_effect *effect)
{
    lk_wire_Envelope out = { 0 };

    if (effect->type == LK_EFFECT_OFFER) {
        send_offer(c, effect);
        return;
    }
    if (effect->type == LK_EFFECT_PERMIT) {
        out.which_body = lk_wire_Envelope_permit_tag;
        out.body.permit.job = effect->job;
        out.body.permit.attempt = effect->attempt;
        out.body.permit.fence = effect->fence;
        out.body.permit.hold_ms = effect->hold_ms > 0 ? (uint32_t)effect->hold_ms : 1;
        lk_log_info("permit granted", "push=%llu job=%llu arch=%s fence=%llu repository=%s",
                    (unsigned long long)effect->push, (unsigned long long)effect->job,
                    effect->arch.name, (unsigned long long)effect->fence,
                    LK_Q(effect->repository));
    } else {
        out.which_body = lk_wire_Envelope_drop_tag;
        out.body.drop.job = effect->job;
        out.body.drop.attempt = effect->attempt;
    }
    tell(c, effect->session, &out);
}

/* No ticket to be had is the attempt's failure, told as if its agent had found out itself. */
static void ticket_failed(struct lk_coordinator *c, const struct lk_effect *effect,
                          const struct lk_err *why)
{
    const struct lk_session *session = lk_door_session(c->agents, effect->session);
    struct lk_event          event = { .type = LK_EVENT_REPORT };

    if (!session)
        return;
    event.report.agent = session->name;
    event.report.session = session->id;
    event.report.job = effect->job;
    event.report.attempt = effect->attempt;
    event.report.phase = LK_PHASE_FAILED;
    event.report.kind = why->kind;
    event.report.text = why->text;
    lk_coordinator_step(c, &event);
}

void lk_agents_ticket(struct lk_coordinator *c, const struct lk_effect *effect,
                      const struct lk_operation_result *result)
{
    static const lk_wire_CredentialKind kinds[] = {
        [LK_CREDENTIAL_NONE] = lk_wire_CredentialKind_CREDENTIAL_NONE,
        [LK_CREDENTIAL_BEARER] = lk_wire_CredentialKind_CREDENTIAL_BEARER,
        [LK_CREDENTIAL_BASIC] = lk_wire_CredentialKind_CREDENTIAL_BASIC,
    };
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_stage_tag };

    if (result->err) {
        ticket_failed(c, effect, result->err);
        return;
    }
    out.body.stage.job = effect->job;
    out.body.stage.attempt = effect->attempt;
    out.body.stage.credential = kinds[result->ticket->kind];
    out.body.stage.valid_ms = result->ticket_valid_ms;
    LK_WIRE_TEXT(out.body.stage.user, result->ticket->user);
    LK_WIRE_TEXT(out.body.stage.secret, result->ticket->secret);
    tell(c, effect->session, &out);
    sodium_memzero(&out, sizeof(out));
}

static void flush_session(struct lk_coordinator *c, struct lk_session *session)
{
    struct agent_line *line = session->owner;
    lk_wire_Envelope   out;
    struct lk_str      payload;
    struct lk_err      err;

    while (line && lk_sender_next(line->sources, &out, &payload, &err) > 0) {
        enum lk_wire_result result = lk_door_send(c->agents, session, &out, payload);
        if (result == LK_WIRE_CONGESTED) {
            lk_coordinator_retry_soon(c, 5);
            return;
        }
        if (result != LK_WIRE_OK)
            return;
        lk_sender_sent(line->sources);
    }
}

void lk_agents_flush(struct lk_coordinator *c)
{
    for (struct lk_session *session = NULL; (session = lk_door_next(c->agents, session));)
        flush_session(c, session);
}
