/* The agents' door: sessions, reports, sources out. */
#include "coordinator/agents.h"

#include "common/log/log.h"
#include "common/oci/oci.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 256

static bool is_held_by(const struct lk_job *job, const char *agent)
{
    return job->state >= LK_JOB_ASSIGNED && job->state <= LK_JOB_IN_TURN &&
           strcmp(job->agent, agent) == 0;
}

static bool holds_job_of(const struct lk_push *push, const char *agent)
{
    for (const struct lk_package *package = push->packages; package;
         package = package->next_in_push)
        for (size_t i = 0; i < package->job_count; i++)
            if (is_held_by(&package->jobs[i], agent))
                return true;
    return false;
}

static bool has_source(struct lk_coordinator *c, const struct lk_push *push, const char *agent,
                       const struct lk_oid *oid, struct lk_store **store)
{
    struct lk_err unused;

    if (push->state != LK_PUSH_RUNNING || !holds_job_of(push, agent))
        return false;
    *store = lk_coordinator_domain(c, push->client, &unused);
    return *store && lk_store_has(*store, oid);
}

/* An agent may read what belongs to the clients whose jobs it has, and nothing else. */
static int open_source(void *ctx, const struct lk_oid *oid, bool *is_tree, uint64_t *size,
                       struct lk_err *err)
{
    struct lk_agent_line *line = ctx;
    struct lk_store      *store = NULL;
    const struct lk_push *push = lk_core_first_push(line->c->core);

    while (push && !has_source(line->c, push, line->name, oid, &store))
        push = push->next;
    if (!push)
        return lk_err_set(err, LK_ERR_NOT_FOUND,
                          "no source of this agent's jobs has this object");
    int fd = lk_store_open_object(store, oid, is_tree, size, err);
    if (fd >= 0)
        return fd;
    lk_log_error("source not readable", "push=%llu client=%s err=%s",
                 (unsigned long long)push->id, LK_Q(push->client), LK_Q(err->text));
    /* The agent is told ABSENT, gives up, and the attempt counts as ours to try again. */
    err->kind = LK_ERR_NOT_FOUND;
    return -1;
}

static const struct lk_peer *peer_of(const struct lk_coordinator *c, const char *agent)
{
    for (size_t i = 0; i < c->agent_peers.count; i++)
        if (strcmp(c->agent_peers.list[i].name, agent) == 0)
            return &c->agent_peers.list[i];
    return NULL;
}

static bool may_build_for(const struct lk_coordinator *c, const char *agent, const char *arch)
{
    const struct lk_peer *peer = peer_of(c, agent);
    bool                  any = false;

    for (size_t i = 0; peer && i < peer->arch_count; i++)
        any |= strcmp(peer->arches[i].name, arch) == 0;
    return any || (peer && peer->arch_count == 0);
}

/* What the agent offers, but no more than our configuration wants of it. */
static uint32_t slots_of(const struct lk_coordinator *c, const char *agent, uint32_t offered)
{
    const struct lk_peer *peer = peer_of(c, agent);

    return peer && peer->slots && peer->slots < offered ? peer->slots : offered;
}

/* What HELLO says, less what our configuration does not let this agent build for. */
static int platforms_of(const struct lk_coordinator *c, const char *agent,
                        const lk_wire_Hello *hello, struct lk_platform *out, size_t *count,
                        struct lk_err *err)
{
    *count = 0;
    if (hello->platforms_count == 0 || hello->slots == 0 || hello->slots > SLOTS_MAX)
        return lk_err_set(err, LK_ERR_INVALID,
                          "HELLO of an agent needs platforms, and 1 to %d slots", SLOTS_MAX);
    for (size_t i = 0; i < hello->platforms_count; i++) {
        struct lk_platform *platform = &out[*count];
        platform->emulated = hello->platforms[i].emulated;
        if (!lk_arch_parse(lk_str_of(hello->platforms[i].arch), &platform->arch))
            return lk_err_set(err, LK_ERR_INVALID,
                              "HELLO names an architecture that cannot be one");
        *count += may_build_for(c, agent, platform->arch.name);
    }
    if (*count == 0)
        return lk_err_set(err, LK_ERR_DENIED,
                          "the coordinator's configuration lets this agent (%s) build for none "
                          "of its platforms: see its `arches` under `agents`",
                          agent);
    return 0;
}

static int opened(void *ctx, struct lk_session *session, const lk_wire_Hello *hello,
                  lk_wire_Welcome *welcome, struct lk_err *err)
{
    struct lk_coordinator *c = ctx;
    struct lk_platform     platforms[LK_AGENT_PLATFORMS_MAX];
    size_t                 count;

    if (platforms_of(c, session->name, hello, platforms, &count, err) < 0 ||
        lk_agent_judge_epoch(c, session->name, hello, err) < 0)
        return -1;
    if (!lk_core_takes_agent(c->core, session->name))
        return lk_err_set(err, LK_ERR_LIMIT,
                          "the coordinator knows as many agents as it can hold (limit: %d); "
                          "those that were taken out of its configuration leave at its restart",
                          LK_PEERS_MAX);
    for (size_t i = 0; i < hello->platforms_count; i++)
        if (!may_build_for(c, session->name, hello->platforms[i].arch))
            lk_log_warn("platform cut: the configuration does not allow it", "agent=%s arch=%s",
                        LK_Q(session->name), LK_Q(hello->platforms[i].arch));
    struct lk_agent_line   *line = lk_xcalloc(1, sizeof(*line));
    struct lk_object_source source = { .open = open_source, .ctx = line };
    line->c = c;
    line->sources = lk_sender_new(&source);
    memcpy(line->name, session->name, sizeof(line->name));
    session->owner = line;

    welcome->ping_ms = c->config->ping_ms;
    welcome->silence_ms = c->config->ping_ms * LK_SILENCES;
    welcome->cluster.size = LK_CLUSTER_BYTES;
    memcpy(welcome->cluster.bytes, lk_journal_cluster(c->journal), LK_CLUSTER_BYTES);
    welcome->epoch = lk_core_epoch(c->core);
    return 0;
}

static void welcomed(void *ctx, struct lk_session *session, const lk_wire_Hello *hello)
{
    struct lk_platform platforms[LK_AGENT_PLATFORMS_MAX];
    struct lk_event    event = { .type = LK_EVENT_AGENT_HELLO };
    struct lk_err      unused;

    if (platforms_of(ctx, session->name, hello, platforms, &event.agent.count, &unused) < 0)
        return;
    event.agent.name = session->name;
    event.agent.session = session->id;
    event.agent.slots = slots_of(ctx, session->name, hello->slots);
    event.agent.platforms = platforms;
    event.agent.software = hello->software;
    event.agent.builder = hello->builder;
    lk_coordinator_step(ctx, &event);
    lk_log_info("agent came in", "agent=%s session=%llu version=%s", LK_Q(session->name),
                (unsigned long long)session->id, LK_Q(hello->software));
}

static void session_event(struct lk_coordinator *c, const struct lk_session *session,
                          enum lk_event_type type)
{
    struct lk_event event = { .type = type };

    event.agent.name = session->name;
    event.agent.session = session->id;
    event.agent.keeps = session->keeps;
    lk_coordinator_step(c, &event);
}

static void closed(void *ctx, struct lk_session *session, bool for_good)
{
    struct lk_coordinator *c = ctx;
    struct lk_agent_line  *line = session->owner;

    session->owner = NULL;
    lk_sender_free(&line->sources);
    free(line);
    if (!for_good)
        return;
    session_event(c, session, LK_EVENT_AGENT_GONE);
    lk_log_info("agent left", "agent=%s", LK_Q(session->name));
}

static void check_image(struct lk_event *event)
{
    const struct lk_child *child = &event->report.child;
    enum lk_phase          phase = event->report.phase;

    if (phase < LK_PHASE_BUILT || phase > LK_PHASE_PUSHED ||
        (child->size <= LK_MANIFEST_BYTES_MAX && lk_media_type_is_image(child->media_type)))
        return;
    event->report.phase = LK_PHASE_FAILED;
    event->report.kind = LK_ERR_PERMANENT;
    event->report.text = "the agent reports something that is no image manifest";
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
    memcpy(event.report.spec.sha1, report->spec.bytes, report->spec.size);
    memcpy(event.report.child.digest.sha256, report->digest.bytes, report->digest.size);
    memcpy(event.report.child.media_type, report->media_type, sizeof(report->media_type));
    event.report.child.size = report->size;
    check_image(&event);
    /* Before, because a failure ends the attempt; after, because it may be taken back only now. */
    if (report->phase > lk_wire_Phase_PHASE_TAKEN)
        lk_agent_follow_log(c, session, report->job, report->attempt);
    lk_coordinator_step(c, &event);
    if (report->phase > lk_wire_Phase_PHASE_TAKEN)
        lk_agent_follow_log(c, session, report->job, report->attempt);
}

static void ticket_wanted(struct lk_coordinator *c, struct lk_session *session,
                          const lk_wire_TicketWanted *wanted)
{
    struct lk_agent_line *line = session->owner;
    struct lk_event       event = { .type = LK_EVENT_TICKET_WANTED };

    if (line->tickets >= LK_TICKETS_MAX) {
        lk_log_warn("agent asks for more tickets than it can have jobs", "agent=%s",
                    LK_Q(session->name));
        return;
    }
    event.report.agent = session->name;
    event.report.session = session->id;
    event.report.job = wanted->job;
    event.report.attempt = wanted->attempt;
    lk_coordinator_step(c, &event);
}

static void answer_ping(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_wire_in *in)
{
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_pong_tag };

    /* Not by post: a PONG that comes late says nothing. */
    out.body.pong.number = in->envelope.body.ping.number;
    lk_door_send(c->agents, session, &out, (struct lk_str) { 0 });
    session_event(c, session, LK_EVENT_AGENT_ALIVE);
}

static void message(void *ctx, struct lk_session *session, const struct lk_wire_in *in)
{
    struct lk_coordinator  *c = ctx;
    struct lk_agent_line   *line = session->owner;
    const lk_wire_Envelope *envelope = &in->envelope;
    struct lk_err           err;

    switch (envelope->which_body) {
    case lk_wire_Envelope_ping_tag: answer_ping(c, session, in); return;
    case lk_wire_Envelope_report_tag: take_report(c, session, &envelope->body.report); return;
    case lk_wire_Envelope_ticket_wanted_tag:
        ticket_wanted(c, session, &envelope->body.ticket_wanted);
        return;
    case lk_wire_Envelope_log_piece_tag: lk_agent_take_log(c, session, in); return;
    case lk_wire_Envelope_want_tag:
    case lk_wire_Envelope_credit_tag:
        if (lk_sender_take(line->sources, envelope, &err) < 0)
            lk_door_refuse(c->agents, session, envelope->request, err.kind, err.text);
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
        .silence_ms = (int64_t)c->config->ping_ms * LK_SILENCES * 2,
        .peers = &c->agent_peers,
        .key = c->key,
        .opened = opened,
        .welcomed = welcomed,
        .message = message,
        .closed = closed,
        .ctx = c,
    };

    return lk_door_open(&c->agents, &options, err);
}

/* True: call again soon. */
static bool flush_sources(struct lk_coordinator *c, struct lk_session *session)
{
    struct lk_agent_line *line = session->owner;
    lk_wire_Envelope      out;
    struct lk_str         payload;
    struct lk_err         err;
    int                   result;

    while ((result = lk_sender_next(line->sources, &out, &payload, &err)) > 0) {
        enum lk_wire_result sent = lk_door_send(c->agents, session, &out, payload);
        if (sent != LK_WIRE_OK)
            return sent == LK_WIRE_CONGESTED;
        lk_sender_sent(line->sources);
    }
    if (result < 0)
        lk_log_error("source not sent", "agent=%s err=%s", LK_Q(session->name), LK_Q(err.text));
    return result < 0 || lk_sender_is_busy(line->sources);
}

bool lk_agents_flush(struct lk_coordinator *c)
{
    bool waits = false;

    for (struct lk_session *session = NULL; (session = lk_door_next(c->agents, session));)
        waits |= flush_sources(c, session);
    return waits;
}
