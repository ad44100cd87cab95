#include "coordinator/cli/submit_session.h"

#include "common/os/clock.h"
#include "coordinator/cli/deadline.h"
#include "coordinator/cli/passphrase_command.h"

/* How long to wait until the coordinator ends by itself what --timeout ends, and then for the end of its cancelling. */
#define PATIENCE_MS 5000

static void ask_to_cancel(struct lk_submit *submit, struct lk_client *client)
{
    lk_wire_Envelope cancel = { .which_body = lk_wire_Envelope_cancel_tag };

    cancel.body.cancel.push = submit->watcher.picture.push;
    lk_client_ask(client, &cancel);
}

/* `failure` says why.  What is cancelled still ends in due form: the watcher sees to that. */
static void cancel_push(struct lk_submit *submit, struct lk_client *client)
{
    submit->hopeless = true;
    ask_to_cancel(submit, client);
}

/* A push whose source does not come whole is nothing to wait for. */
static void fail(struct lk_submit *submit, struct lk_client *client, const struct lk_err *err)
{
    submit->failure = *err;
    submit->broken = true;
    if (submit->watcher.picture.push != 0)
        ask_to_cancel(submit, client);
    lk_client_stop(client);
}

static void on_ready(void *ctx, struct lk_client *client)
{
    struct lk_submit *submit = ctx;
    lk_wire_Envelope  message = { .which_body = lk_wire_Envelope_submit_tag };

    /* What the old line had asked for is asked for again on the new one. */
    lk_sender_free(&submit->sender);
    submit->sender = lk_sender_new(&submit->source);
    /* Asked first, so that it is answered before the plan is. */
    submit->forecast.count = 0;
    if (submit->local || submit->submission.message.dry_run)
        submit->agents_request = lk_client_ask(
            client, &(lk_wire_Envelope) { .which_body = lk_wire_Envelope_list_agents_tag });
    message.body.submit = submit->submission.message;
    submit->request = lk_client_ask(client, &message);
}

static void take_accepted(struct lk_submit *submit, struct lk_client *client, uint64_t push)
{
    lk_watcher_begin(&submit->watcher, push);
    lk_watcher_ask(&submit->watcher, client);
}

static void take_error(struct lk_submit *submit, struct lk_client *client,
                       const lk_wire_Envelope *in)
{
    struct lk_err err;

    if (in->request != submit->request && in->request != 0)
        return;
    lk_err_set(&err, lk_wire_kind_to(in->body.error.kind), "%s", in->body.error.text);
    fail(submit, client, &err);
}

/* A push that failed at once is told as without --detach: the watcher stops when it has all there is. */
static void leave_if_detached(struct lk_submit *submit, struct lk_client *client)
{
    const struct lk_picture *picture = &submit->watcher.picture;

    if (submit->detach && picture->state == lk_wire_PushState_PUSH_RUNNING)
        lk_client_stop(client);
}

/* A private agent is the only one there will be: whoever waited for another would wait for ever. */
static void look_ahead(struct lk_submit *submit, struct lk_client *client)
{
    if (submit->local && !submit->hopeless &&
        lk_forecast_hopeless(&submit->forecast, &submit->watcher.picture, &submit->failure))
        cancel_push(submit, client);
}

/* True if it was about the agents. */
static bool take_agents(struct lk_submit *submit, const lk_wire_Envelope *in)
{
    if (submit->agents_request == 0 || in->request != submit->agents_request)
        return false;
    if (in->which_body == lk_wire_Envelope_agent_update_tag)
        lk_forecast_take(&submit->forecast, &in->body.agent_update);
    else if (in->which_body == lk_wire_Envelope_done_tag)
        submit->forecast.complete = true;
    return true;
}

static void on_message(void *ctx, struct lk_client *client, const lk_wire_Envelope *in,
                       struct lk_str payload)
{
    struct lk_submit *submit = ctx;
    struct lk_err     err;

    if (take_agents(submit, in))
        return;

    switch (in->which_body) {
    case lk_wire_Envelope_want_tag:
        if (lk_sender_take(submit->sender, in, &err) < 0)
            fail(submit, client, &err);
        return;
    case lk_wire_Envelope_credit_tag:
        if (in->body.credit.job == 0 && lk_sender_take(submit->sender, in, &err) < 0)
            fail(submit, client, &err);
        return;
    case lk_wire_Envelope_accepted_tag:
        take_accepted(submit, client, in->body.accepted.push);
        return;
    default: break;
    }
    if (lk_watcher_take(&submit->watcher, client, in, payload)) {
        leave_if_detached(submit, client);
        look_ahead(submit, client);
    } else if (in->which_body == lk_wire_Envelope_error_tag) {
        take_error(submit, client, in);
    }
}

static int on_next(void *ctx, struct lk_client *client, lk_wire_Envelope *out,
                   struct lk_str *payload)
{
    struct lk_submit *submit = ctx;
    struct lk_err     err;

    if (!submit->sender || submit->broken)
        return 0;

    int rc = lk_sender_next(submit->sender, out, payload, &err);

    if (rc < 0) {
        fail(submit, client, &err);
        return 0;
    }
    return rc;
}

static void on_sent(void *ctx)
{
    struct lk_submit *submit = ctx;

    lk_sender_sent(submit->sender);
}

static void check_deadline(struct lk_submit *submit, struct lk_client *client)
{
    const struct lk_picture *picture = &submit->watcher.picture;
    int64_t                  now_ms = lk_clock_boot_ms();

    if (submit->deadline_ms == 0 || now_ms < submit->deadline_ms ||
        picture->state == lk_wire_PushState_PUSH_ENDED)
        return;
    if (submit->hopeless) {
        lk_err_wrap(&submit->failure, "no word from the coordinator of its cancelling");
        lk_client_stop(client);
        return;
    }
    if (picture->push != 0 && !submit->is_late) {
        submit->is_late = true;
        submit->deadline_ms = now_ms + PATIENCE_MS;
        return;
    }
    lk_deadline_explain(picture, submit->submission.message.timeout_s, &submit->failure);
    if (picture->push == 0) {
        submit->hopeless = true;
        lk_client_stop(client);
        return;
    }
    submit->deadline_ms = now_ms + PATIENCE_MS;
    cancel_push(submit, client);
}

static void on_tick(void *ctx, struct lk_client *client)
{
    struct lk_submit *submit = ctx;

    lk_watcher_tick(&submit->watcher, client);
    check_deadline(submit, client);
}

static void on_interrupt(void *ctx, struct lk_client *client)
{
    struct lk_submit *submit = ctx;

    submit->interrupted = true;
    lk_client_stop(client);
}

static void on_resize(void *ctx)
{
    struct lk_submit *submit = ctx;

    lk_progress_resize(&submit->watcher.progress);
}

static void on_said(void *ctx, const char *line)
{
    struct lk_submit *submit = ctx;

    lk_watcher_say(&submit->watcher, line);
}

int lk_submit_serve(struct lk_submit *submit, const struct lk_target *target,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_client_close) struct lk_client *client = NULL;
    const struct lk_client_handler                handler = {
                       .ready = on_ready,
                       .message = on_message,
                       .next = on_next,
                       .sent = on_sent,
                       .tick = on_tick,
                       .interrupted = on_interrupt,
                       .resized = on_resize,
                       .said = on_said,
                       .ctx = submit,
    };

    submit->source = lk_submission_source(&submit->submission);
    if (lk_client_open(&client, target, &handler, err) < 0)
        return -1;
    submit->local = lk_client_is_local(client);
    if (!submit->local && target->signs)
        lk_passphrase_decline();
    if (lk_handover_check(&submit->handover, submit->local, submit->layout.path, err) < 0 ||
        lk_secrets_offer(submit->secrets, submit->local, err) < 0)
        return -1;
    if (submit->layout.path && !submit->local && !submit->is_staged)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--output: the agents of a configured coordinator cannot write here; "
                          "name a registry for them to leave the images in, --staging "
                          "HOST/ORG, or build on this machine, --local");
    if (submit->detach && submit->local)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "--detach needs a coordinator that stays: a private one ends with its "
            "last client");
    if (submit->submission.message.timeout_s > 0)
        submit->deadline_ms =
            lk_clock_boot_ms() + (int64_t)submit->submission.message.timeout_s * 1000;
    return lk_client_run(client, err);
}
