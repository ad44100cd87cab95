#include "coordinator/cli/submit.h"

#include "common/os/clock.h"
#include "common/registry/shelf.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/deadline.h"
#include "coordinator/cli/forecast.h"
#include "coordinator/cli/layout.h"
#include "coordinator/cli/passphrase_command.h"
#include "coordinator/cli/plan_json.h"
#include "coordinator/cli/plan_text.h"
#include "coordinator/cli/watcher.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* How long to wait for the end of what --timeout has cancelled. */
#define CANCEL_PATIENCE_MS 5000

struct submit {
    struct lk_submission    submission;
    struct lk_object_source source;
    struct lk_sender       *sender;
    struct lk_watcher       watcher;
    bool                    detach;
    struct lk_handover      handover;
    struct lk_secrets      *secrets; /* NULL: none */
    bool                    is_plan;
    bool                    json; /* of a plan */
    struct lk_layout_output layout;
    bool                    is_staged; /* --output by way of a registry */
    bool                    local;     /* the coordinator is a private one */
    bool                    interrupted;
    bool                    broken; /* our own side failed: `failure` says how */
    struct lk_err           failure;
    uint64_t                request; /* of SUBMIT */
    struct lk_forecast      forecast;
    uint64_t                agents_request; /* of LIST_AGENTS */
    bool    hopeless;    /* given up before its end, and cancelled: `failure` says why */
    int64_t timeout_ms;  /* --timeout; 0: none */
    int64_t deadline_ms; /* for the push's end, then for that of its cancelling */
};

static void fail(struct submit *submit, struct lk_client *client, const struct lk_err *err)
{
    submit->failure = *err;
    submit->broken = true;
    lk_client_stop(client);
}

static void on_ready(void *ctx, struct lk_client *client)
{
    struct submit   *submit = ctx;
    lk_wire_Envelope message = { .which_body = lk_wire_Envelope_submit_tag };

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

static void take_accepted(struct submit *submit, struct lk_client *client, uint64_t push)
{
    lk_watcher_begin(&submit->watcher, push);
    lk_watcher_ask(&submit->watcher, client);
}

static void take_error(struct submit *submit, struct lk_client *client,
                       const lk_wire_Envelope *in)
{
    struct lk_err err;

    if (in->request != submit->request && in->request != 0)
        return;
    lk_err_set(&err, lk_wire_kind_to(in->body.error.kind), "%s", in->body.error.text);
    fail(submit, client, &err);
}

/* A push that failed at once is told as without --detach: the watcher stops when it has all there is. */
static void leave_if_detached(struct submit *submit, struct lk_client *client)
{
    const struct lk_picture *picture = &submit->watcher.picture;

    if (submit->detach && picture->state == lk_wire_PushState_PUSH_RUNNING)
        lk_client_stop(client);
}

/* `failure` says why.  What is cancelled still ends in due form: the watcher sees to that. */
static void cancel_push(struct submit *submit, struct lk_client *client)
{
    lk_wire_Envelope cancel = { .which_body = lk_wire_Envelope_cancel_tag };

    submit->hopeless = true;
    cancel.body.cancel.push = submit->watcher.picture.push;
    lk_client_ask(client, &cancel);
}

/* A private agent is the only one there will be: whoever waited for another would wait for ever. */
static void look_ahead(struct submit *submit, struct lk_client *client)
{
    if (submit->local && !submit->hopeless &&
        lk_forecast_hopeless(&submit->forecast, &submit->watcher.picture, &submit->failure))
        cancel_push(submit, client);
}

/* True if it was about the agents. */
static bool take_agents(struct submit *submit, const lk_wire_Envelope *in)
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
    struct submit *submit = ctx;
    struct lk_err  err;

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
    struct submit *submit = ctx;
    struct lk_err  err;

    if (!submit->sender)
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
    struct submit *submit = ctx;

    lk_sender_sent(submit->sender);
}

static void check_deadline(struct submit *submit, struct lk_client *client)
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
    lk_deadline_explain(picture, submit->timeout_ms, &submit->failure);
    if (picture->push == 0) {
        submit->hopeless = true;
        lk_client_stop(client);
        return;
    }
    submit->deadline_ms = now_ms + CANCEL_PATIENCE_MS;
    cancel_push(submit, client);
}

static void on_tick(void *ctx, struct lk_client *client)
{
    struct submit *submit = ctx;

    lk_watcher_tick(&submit->watcher, client);
    check_deadline(submit, client);
}

static void on_interrupt(void *ctx, struct lk_client *client)
{
    struct submit *submit = ctx;

    submit->interrupted = true;
    lk_client_stop(client);
}

static void on_resize(void *ctx)
{
    struct submit *submit = ctx;

    lk_progress_resize(&submit->watcher.progress);
}

static void on_said(void *ctx, const char *line)
{
    struct submit *submit = ctx;

    lk_watcher_say(&submit->watcher, line);
}

static int leave(struct submit *submit)
{
    uint64_t push = submit->watcher.picture.push;

    lk_progress_clear(&submit->watcher.progress);
    if (push == 0)
        lk_complain("interrupted before the coordinator had accepted anything");
    else if (submit->watcher.picture.state == lk_wire_PushState_PUSH_RECEIVING)
        lk_complain("interrupted before the source was in: push %" PRIu64
                    " will be dropped unless the same is pushed again",
                    push);
    else if (submit->local)
        lk_complain("left push %" PRIu64 ", which goes on while another lkcoord command runs "
                    "here: `lkcoord watch %" PRIu64 "` takes it up again, `lkcoord cancel "
                    "%" PRIu64 "` ends it",
                    push, push, push);
    else
        lk_complain("left push %" PRIu64 ", which goes on: `lkcoord watch %" PRIu64
                    "` shows it, `lkcoord cancel %" PRIu64 "` ends it",
                    push, push, push);
    return LK_EXIT_CANCELLED;
}

static void print_plan(const struct submit *submit, const struct lk_picture *picture)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(32 * 1024 * 1024);

    if (submit->json)
        lk_plan_json(&text, &submit->submission, picture);
    else
        lk_plan_text(&text, &submit->submission, picture);
    fputs(lk_buf_text(&text), stdout);
}

static int report_plan(struct submit *submit)
{
    if (submit->watcher.refused)
        return lk_watcher_report(&submit->watcher);
    lk_forecast_annotate(&submit->forecast, &submit->watcher.picture);
    print_plan(submit, &submit->watcher.picture);
    return lk_exit_of_outcome(submit->watcher.picture.outcome);
}

/* What git alone tells of a plan is told although nobody could be asked for the rest. */
static int report_unknown(const struct submit *submit, const struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf why = LK_BUF_INIT(4 * LK_ERR_TEXT_MAX);

    lk_add_clean(&why, lk_str_of(err->text));
    lk_complain("what would be built is unknown: %s", lk_buf_text(&why));
    print_plan(submit, NULL);
    return LK_EXIT_OK;
}

/* What is asked to end may be done first. */
static bool is_done(const struct lk_picture *picture)
{
    return picture->state == lk_wire_PushState_PUSH_ENDED &&
           picture->outcome == lk_wire_Outcome_OUTCOME_OK;
}

static int report(struct submit *submit)
{
    if (submit->interrupted && !submit->hopeless)
        return leave(submit);
    if (submit->broken || (submit->hopeless && !is_done(&submit->watcher.picture))) {
        lk_progress_clear(&submit->watcher.progress);
        return lk_exit_of_refusal(&submit->failure);
    }
    if (submit->detach && !submit->watcher.refused) {
        printf("%" PRIu64 "\n", submit->watcher.picture.push);
        return submit->watcher.over ? lk_watcher_report(&submit->watcher) : LK_EXIT_OK;
    }
    return submit->is_plan ? report_plan(submit) : lk_watcher_report(&submit->watcher);
}

static int serve(struct submit *submit, const struct lk_target *target, struct lk_err *err)
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
        lk_passphrase_command_decline();
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
    if (submit->timeout_ms > 0)
        submit->deadline_ms = lk_clock_boot_ms() + submit->timeout_ms;
    return lk_client_run(client, err);
}

/* Copies what was published to --output. */
static int write_layout(const struct submit *submit, struct lk_err *err)
{
    LK_CLEANUP(lk_layout_free) struct lk_layout *layout = NULL;
    const struct lk_picture                     *picture = &submit->watcher.picture;

    if (lk_layout_open(&layout, &submit->layout, err) < 0)
        return -1;
    for (size_t i = 0; i < picture->package_count; i++) {
        const struct lk_picture_package *package = &picture->packages[i];

        if (lk_layout_add(layout, package->repository, package->tag, err) < 0)
            return -1;
    }
    if (lk_layout_finish(layout, err) < 0)
        return -1;
    for (size_t i = 0; i < picture->package_count; i++)
        fprintf(stderr, "lkcoord: wrote %s:%s:%s\n",
                submit->layout.is_archive ? "oci-archive" : "oci", submit->layout.path,
                picture->packages[i].tag);
    return 0;
}

/*
 * With --output the packages go to the private coordinator's shelf, whatever registry they are for; agents
 * elsewhere reach no shelf, and need a registry to leave them in for the while.
 */
static int redirect(struct submit *submit, struct lk_submit_values *values,
                    enum lk_submission_mode *mode, struct lk_err *err)
{
    const char *output = submit->is_plan ? values->output : NULL;

    /* A plan of a push: --output is how it is told, as of `lkcoord plan`. */
    if (submit->is_plan && values->layout)
        output = values->layout;
    if (lk_wants_json(output, &submit->json, err) < 0)
        return -1;
    if (values->staging && (submit->is_plan || !values->layout))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--staging is where images lie on their way to --output oci:DIR: "
                          "name that too");
    if (submit->is_plan || !values->layout)
        return 0;
    if (values->package.org)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--org says where to push, --output not to: leave one of them out");
    submit->is_staged = values->staging != NULL;
    values->package.org = values->staging ? values->staging : LK_SHELF_HOST "/local";
    *mode = LK_SUBMIT_PUSH;
    return lk_layout_parse(&submit->layout, values->layout, err);
}

/* Refuses what cannot be taken as it is meant, with the way to have it. */
static int check_values(const struct lk_submit_values *values, struct lk_err *err)
{
    if (values->force && values->no_build)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--force and --nobuild exclude each other; use one");
    return 0;
}

static int run(struct submit *submit, enum lk_submission_mode mode, const struct lk_call *call)
{
    const struct lk_submit_values *given = call->values;
    struct lk_submit_values        values = *given;
    struct lk_target               target = call->target;
    struct lk_err                  err;

    values.config = call->target.config;
    submit->detach = values.detach;
    submit->handover = values.handover;
    if (lk_secrets_read(&submit->secrets, &values.secret_values, &err) < 0)
        return lk_exit_of(&err);
    values.secrets = submit->secrets;
    submit->is_plan = mode == LK_SUBMIT_PLAN || values.dry_run;
    submit->forecast.allow_emulation = values.allow_emulation;
    if (check_values(&values, &err) < 0 || redirect(submit, &values, &mode, &err) < 0 ||
        lk_deadline_parse(&submit->timeout_ms, values.timeout, &err) < 0 ||
        lk_watcher_init(&submit->watcher,
                        submit->is_plan || values.detach ? "quiet" : values.progress,
                        &err) < 0 ||
        lk_submission_open(&submit->submission, mode, &values, call->arguments, call->count,
                           &err) < 0)
        return lk_exit_of(&err);
    if (submit->submission.count == 0 && !submit->is_plan)
        return LK_EXIT_OK;
    if (submit->submission.count == 0 || values.offline) {
        print_plan(submit, NULL);
        return LK_EXIT_OK;
    }
    target.signs = !submit->is_plan && mode != LK_SUBMIT_BUILD && !values.disable_content_trust;
    if (serve(submit, &target, &err) < 0) {
        lk_progress_clear(&submit->watcher.progress);
        return submit->is_plan && err.kind == LK_ERR_RETRY ? report_unknown(submit, &err)
                                                           : lk_exit_of(&err);
    }

    int status = report(submit);

    if (status == LK_EXIT_OK && submit->layout.path && write_layout(submit, &err) < 0)
        return lk_exit_of(&err);
    if (status == LK_EXIT_OK && submit->local && !submit->is_plan &&
        lk_handover(&submit->handover, &submit->watcher.picture, &err) < 0)
        return lk_exit_of(&err);
    return status;
}

int lk_submit_run(enum lk_submission_mode mode, const struct lk_call *call)
{
    LK_CLEANUP(lk_free_pointer) struct submit *submit = lk_xcalloc(1, sizeof(*submit));
    int                                        status = run(submit, mode, call);

    lk_sender_free(&submit->sender);
    lk_secrets_free(&submit->secrets);
    lk_submission_fini(&submit->submission);
    lk_watcher_fini(&submit->watcher);
    return status;
}
