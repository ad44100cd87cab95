/* The clients' door: sessions, what comes in by kind, answers. */
#include "coordinator/clients.h"

#include "common/log/log.h"

#include <stdlib.h>
#include <string.h>

static int opened(void *ctx, struct lk_session *session, const lk_wire_Hello *hello,
                  lk_wire_Welcome *welcome, struct lk_err *err)
{
    struct lk_coordinator *c = ctx;
    struct lk_store       *store = lk_coordinator_domain(c, session->name, err);
    struct lk_client_line *line;

    (void)hello;
    if (!store)
        return -1;
    line = lk_xcalloc(1, sizeof(*line));
    line->intake = lk_intake_new(store);
    session->owner = line;
    welcome->ping_ms = c->config->ping_ms;
    welcome->silence_ms = c->config->ping_ms * LK_SILENCES;
    welcome->cluster.size = LK_CLUSTER_BYTES;
    memcpy(welcome->cluster.bytes, lk_journal_cluster(c->journal), LK_CLUSTER_BYTES);
    welcome->epoch = lk_core_epoch(c->core);
    return 0;
}

static void closed(void *ctx, struct lk_session *session, bool for_good)
{
    struct lk_client_line *line = session->owner;

    (void)ctx;
    (void)for_good;
    session->owner = NULL;
    lk_intake_free(&line->intake);
    free(line);
}

static void answer_ping(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_wire_in *in)
{
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_pong_tag };

    /* Not by post: a PONG that comes late says nothing. */
    out.body.pong.number = in->envelope.body.ping.number;
    lk_door_send(c->clients, session, &out, (struct lk_str) { 0 });
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

static bool is_listed(const struct lk_coordinator *c, const char *agent)
{
    for (size_t i = 0; i < c->agent_peers.count; i++)
        if (strcmp(c->agent_peers.list[i].name, agent) == 0)
            return true;
    return false;
}

/* Whom nobody lets in need not be drained; but one that was may have been taken out of the list since. */
static void take_drain(struct lk_coordinator *c, struct lk_session *session,
                       const struct lk_wire_in *in)
{
    const lk_wire_DrainAgent *drain = &in->envelope.body.drain_agent;
    struct lk_event           event = { .type = LK_EVENT_AGENT_DRAIN };

    if (!is_listed(c, drain->name)) {
        lk_door_refuse(c->clients, session, in->envelope.request, LK_ERR_NOT_FOUND,
                       "no agent of this name is in the coordinator's configuration; `lkcoord "
                       "agents` lists those that came in");
        return;
    }
    event.drain.session = session->id;
    event.drain.request = in->envelope.request;
    event.drain.agent = drain->name;
    event.drain.why = drain->reason;
    lk_log_info("agent drained", "agent=%s client=%s err=%s", LK_Q(drain->name),
                LK_Q(session->name), LK_Q(drain->reason));
    lk_coordinator_step(c, &event);
}

static void take_resume(struct lk_coordinator *c, struct lk_session *session,
                        const struct lk_wire_in *in)
{
    struct lk_event event = { .type = LK_EVENT_AGENT_RESUME };

    event.drain.session = session->id;
    event.drain.request = in->envelope.request;
    event.drain.agent = in->envelope.body.resume_agent.name;
    lk_log_info("agent resumed", "agent=%s client=%s", LK_Q(event.drain.agent),
                LK_Q(session->name));
    lk_coordinator_step(c, &event);
}

static void answer_recall(struct lk_coordinator *c, struct lk_session *session,
                          const struct lk_wire_in *in)
{
    const lk_wire_Recall   *recall = &in->envelope.body.recall;
    const struct lk_digest *index = lk_core_published(c->core, recall->repository, recall->tag);
    lk_wire_Envelope        out = { .request = in->envelope.request };

    if (index) {
        out.which_body = lk_wire_Envelope_published_tag;
        out.body.published.index_digest.size = sizeof(index->sha256);
        memcpy(out.body.published.index_digest.bytes, index->sha256, sizeof(index->sha256));
        lk_door_post(c->clients, session, &out);
    }
    out.which_body = lk_wire_Envelope_done_tag;
    out.body.done = (lk_wire_Done) { .count = index != NULL };
    lk_door_post(c->clients, session, &out);
}

static void take_retry(struct lk_coordinator *c, struct lk_session *session,
                       const struct lk_wire_in *in)
{
    const lk_wire_Retry *retry = &in->envelope.body.retry;
    struct lk_event      event = { .type = LK_EVENT_RETRY };
    struct lk_err        err;

    event.retry.session = session->id;
    event.retry.request = in->envelope.request;
    event.retry.request_key = retry->request_key;
    event.retry.push = retry->push;
    event.retry.why_not = lk_client_may_retry(c, retry->push, &err) < 0 ? &err : NULL;
    lk_coordinator_step(c, &event);
}

static void message(void *ctx, struct lk_session *session, const struct lk_wire_in *in)
{
    struct lk_coordinator  *c = ctx;
    const lk_wire_Envelope *envelope = &in->envelope;

    switch (envelope->which_body) {
    case lk_wire_Envelope_ping_tag: answer_ping(c, session, in); return;
    case lk_wire_Envelope_submit_tag: lk_client_submit(c, session, in); return;
    case lk_wire_Envelope_object_tag:
    case lk_wire_Envelope_absent_tag: lk_client_object(c, session, in); return;
    case lk_wire_Envelope_watch_tag: lk_client_watch(c, session, in); return;
    case lk_wire_Envelope_cancel_tag: take_cancel(c, session, in); return;
    case lk_wire_Envelope_drain_agent_tag: take_drain(c, session, in); return;
    case lk_wire_Envelope_resume_agent_tag: take_resume(c, session, in); return;
    case lk_wire_Envelope_retry_tag: take_retry(c, session, in); return;
    case lk_wire_Envelope_recall_tag: answer_recall(c, session, in); return;
    case lk_wire_Envelope_list_tag:
        lk_client_list(c, session, envelope->request,
                       envelope->body.list.all ? LK_LIST_ALL : LK_LIST_LIVE);
        return;
    case lk_wire_Envelope_list_agents_tag:
        lk_client_list(c, session, envelope->request, LK_LIST_AGENTS);
        return;
    case lk_wire_Envelope_follow_tag: lk_client_follow(c, session, in); return;
    case lk_wire_Envelope_credit_tag:
        lk_client_log_credit(session, &envelope->body.credit);
        return;
    default:
        lk_door_refuse(c->clients, session, envelope->request, LK_ERR_INVALID,
                       "a client does not send this message");
    }
}

int lk_clients_open(struct lk_coordinator *c, struct lk_err *err)
{
    struct lk_door_options options = {
        .endpoint = c->config->clients_endpoint,
        .domain = "clients",
        .silence_ms = (int64_t)c->config->ping_ms * LK_SILENCES * 2,
        .peers = &c->client_peers,
        .key = c->key,
        .opened = opened,
        .message = message,
        .closed = closed,
        .ctx = c,
    };

    return lk_door_open(&c->clients, &options, err);
}

void lk_clients_carry_out(struct lk_coordinator *c, const struct lk_effect *effect)
{
    struct lk_session     *session = lk_door_session(c->clients, effect->session);
    lk_wire_Envelope       out = { .request = effect->request };
    struct lk_client_line *line;

    if (!session)
        return;
    line = session->owner;
    if (effect->request == line->submit_request && effect->type != LK_EFFECT_RECEIVE)
        line->submitted = false;
    if (effect->type == LK_EFFECT_RECEIVE) {
        lk_client_receive(c, session, effect->push);
    } else if (effect->type == LK_EFFECT_ACCEPTED) {
        out.which_body = lk_wire_Envelope_accepted_tag;
        out.body.accepted.push = effect->push;
        lk_log_info("push accepted", "push=%llu client=%s", (unsigned long long)effect->push,
                    LK_Q(session->name));
        lk_door_post(c->clients, session, &out);
    } else if (effect->kind == LK_ERR_NONE) {
        out.which_body = lk_wire_Envelope_done_tag;
        lk_door_post(c->clients, session, &out);
    } else {
        lk_door_refuse(c->clients, session, effect->request, effect->kind, effect->text);
    }
}

bool lk_clients_flush(struct lk_coordinator *c)
{
    bool waits = false;

    for (struct lk_session *session = NULL; (session = lk_door_next(c->clients, session));) {
        waits |= lk_client_flush_list(c, session);
        waits |= lk_client_flush_watches(c, session);
        waits |= lk_client_flush_logs(c, session);
    }
    return waits;
}
