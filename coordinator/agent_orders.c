/* What agents are told: offers, permits, tickets, drops. */
#include "coordinator/agents.h"

#include "common/log/log.h"
#include "common/os/clock.h"

#include <sodium.h>
#include <string.h>

/* As long as the core bears with a registry that is in trouble. */
#define TICKET_PATIENCE_MS 900000

static void tell(struct lk_coordinator *c, uint64_t session_id, lk_wire_Envelope *envelope)
{
    struct lk_session *session = lk_door_session(c->agents, session_id);

    /* One that is gone comes back and reports; then what is due is sent anew. */
    if (session)
        lk_door_post(c->agents, session, envelope);
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

static void send_permit(struct lk_coordinator *c, const struct lk_effect *effect)
{
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_permit_tag };

    out.body.permit.job = effect->job;
    out.body.permit.attempt = effect->attempt;
    out.body.permit.fence = effect->fence;
    out.body.permit.hold_ms = effect->hold_ms > 0 ? (uint32_t)effect->hold_ms : 1;
    lk_log_info("permit granted", "push=%llu job=%llu arch=%s fence=%llu repository=%s",
                (unsigned long long)effect->push, (unsigned long long)effect->job,
                effect->arch.name, (unsigned long long)effect->fence, LK_Q(effect->repository));
    tell(c, effect->session, &out);
}

static void send_drop(struct lk_coordinator *c, const struct lk_effect *effect)
{
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_drop_tag };

    out.body.drop.job = effect->job;
    out.body.drop.attempt = effect->attempt;
    tell(c, effect->session, &out);
}

/* ---- tickets ---- */

/* Still worth a ticket?  The agent renews its lease all the while. */
static bool may_wait(const struct lk_coordinator *c, const struct lk_effect *effect)
{
    const struct lk_job *job = lk_core_job(c->core, effect->job);

    return job && job->attempt == effect->attempt && job->session == effect->session &&
           job->state >= LK_JOB_BUILT && job->state <= LK_JOB_IN_TURN &&
           lk_clock_boot_ms() - job->since_ms < TICKET_PATIENCE_MS;
}

/* No ticket to be had is the attempt's failure, told as if its agent had found out itself. */
static void ticket_failed(struct lk_coordinator *c, const struct lk_session *session,
                          const struct lk_effect *effect, const struct lk_err *why)
{
    struct lk_event event = { .type = LK_EVENT_REPORT };

    event.report.agent = session->name;
    event.report.session = session->id;
    event.report.job = effect->job;
    event.report.attempt = effect->attempt;
    event.report.phase = LK_PHASE_FAILED;
    /* INVALID from an agent says that the build failed; here it is our configuration. */
    event.report.kind = why->kind == LK_ERR_INVALID ? LK_ERR_DENIED : why->kind;
    event.report.text = why->text;
    lk_coordinator_step(c, &event);
}

static void send_stage(struct lk_coordinator *c, struct lk_session *session,
                       const struct lk_effect *effect, const struct lk_operation_result *result)
{
    static const lk_wire_CredentialKind kinds[] = {
        [LK_CREDENTIAL_NONE] = lk_wire_CredentialKind_CREDENTIAL_NONE,
        [LK_CREDENTIAL_BEARER] = lk_wire_CredentialKind_CREDENTIAL_BEARER,
        [LK_CREDENTIAL_BASIC] = lk_wire_CredentialKind_CREDENTIAL_BASIC,
    };
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_stage_tag };

    out.body.stage.job = effect->job;
    out.body.stage.attempt = effect->attempt;
    out.body.stage.credential = kinds[result->ticket->kind];
    out.body.stage.valid_ms = result->ticket_valid_ms;
    out.body.stage.upload =
        effect->in_turn ? lk_wire_Upload_UPLOAD_IN_TURN : lk_wire_Upload_UPLOAD_AT_ONCE;
    LK_WIRE_TEXT(out.body.stage.user, result->ticket->user);
    LK_WIRE_TEXT(out.body.stage.secret, result->ticket->secret);
    lk_door_post(c->agents, session, &out);
    sodium_memzero(&out, sizeof(out));
}

static void begin_ticket(struct lk_coordinator *c, const struct lk_effect *effect)
{
    const struct lk_session *session = lk_door_session(c->agents, effect->session);

    if (!session)
        return;
    ((struct lk_agent_line *)session->owner)->tickets++;
    lk_operations_begin(c->operations, effect);
}

void lk_agents_ticket(struct lk_coordinator *c, const struct lk_effect *effect,
                      const struct lk_operation_result *result)
{
    struct lk_session *session = lk_door_session(c->agents, effect->session);

    if (!session)
        return;
    ((struct lk_agent_line *)session->owner)->tickets--;
    if (!result->err)
        send_stage(c, session, effect, result);
    else if (result->err->kind == LK_ERR_RETRY && may_wait(c, effect))
        begin_ticket(c, effect); /* it has had its patience and back-off there already */
    else
        ticket_failed(c, session, effect, result->err);
}

void lk_agents_carry_out(struct lk_coordinator *c, const struct lk_effect *effect)
{
    if (effect->type == LK_EFFECT_OFFER)
        send_offer(c, effect);
    else if (effect->type == LK_EFFECT_PERMIT)
        send_permit(c, effect);
    else if (effect->type == LK_EFFECT_TICKET)
        begin_ticket(c, effect);
    else
        send_drop(c, effect);
}
