#include "agent/agent_private.h"

#include "common/log/log.h"

#include <string.h>

static void take_source(struct agent *agent, const lk_wire_Envelope *envelope,
                        struct lk_str payload)
{
    struct lk_task *task = lk_agent_fetching_task(agent);
    struct lk_err   err = { .kind = LK_ERR_NONE };
    struct lk_oid   oid;
    bool            is_object = envelope->which_body == lk_wire_Envelope_object_tag;

    memcpy(oid.sha1, is_object ? envelope->body.object.oid : envelope->body.absent.oid,
           sizeof(oid.sha1));
    if (!task)
        return;
    /* What nobody waits for was asked for by an attempt that is gone. */
    if (!lk_receiver_expects(lk_task_receiver(task), &oid)) {
        if (is_object)
            lk_receiver_skip(lk_task_receiver(task), &envelope->body.object);
        return;
    }
    if (lk_receiver_take(lk_task_receiver(task), envelope, payload, &err) < 0)
        lk_task_received(task, &err);
    else
        lk_task_received(task, NULL);
}

static void before_step(struct agent *agent, const lk_wire_Envelope *envelope,
                        struct lk_str payload)
{
    struct lk_task *task;

    switch (envelope->which_body) {
    case lk_wire_Envelope_stage_tag:
        task =
            lk_agent_find_task(agent, lk_agent_core_task(agent->core, envelope->body.stage.job,
                                                         envelope->body.stage.attempt));
        if (task)
            lk_task_set_ticket(task, &envelope->body.stage);
        break;
    case lk_wire_Envelope_object_tag:
    case lk_wire_Envelope_absent_tag: take_source(agent, envelope, payload); break;
    case lk_wire_Envelope_credit_tag:
    case lk_wire_Envelope_follow_tag: lk_agent_take_log_order(agent, envelope); break;
    default: break;
    }
}

void lk_agent_on_message(void *ctx, const lk_wire_Envelope *envelope, struct lk_str payload)
{
    struct agent         *agent = ctx;
    struct lk_agent_event event;
    uint64_t              session = lk_agent_core_session(agent->core);

    if (envelope->which_body == lk_wire_Envelope_error_tag)
        lk_log_warn("turned away by the coordinator", "err=%s",
                    LK_Q(envelope->body.error.text));
    if (session != 0 && envelope->session == session)
        before_step(agent, envelope, payload);
    if (envelope->which_body == lk_wire_Envelope_offer_tag)
        agent->offer = &envelope->body.offer;
    lk_agent_event_of(&event, envelope);
    lk_agent_emit(agent, &event);
    lk_agent_pump(agent);
    agent->offer = NULL;
    if (session == 0 && lk_agent_core_session(agent->core))
        lk_log_info("welcomed", "name=%s session=%llu", LK_Q(envelope->body.welcome.name),
                    (unsigned long long)lk_agent_core_session(agent->core));
}

void lk_agent_on_lost(void *ctx, const char *why)
{
    struct agent *agent = ctx;

    lk_log_warn("line lost", "endpoint=%s err=%s", LK_Q(agent->config->coordinator), LK_Q(why));
    lk_agent_emit_kind(agent, LK_AGENT_LINE_LOST);
}
