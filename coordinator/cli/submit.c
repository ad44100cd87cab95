#include "coordinator/cli/submit.h"

#include "common/registry/shelf.h"
#include "coordinator/cli/deadline.h"
#include "coordinator/cli/plan_json.h"
#include "coordinator/cli/plan_text.h"
#include "coordinator/cli/submit_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PLAN_BYTES_MAX (32 * 1024 * 1024)

static int leave(struct lk_submit *submit)
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

static int print_plan(const struct lk_submit *submit, const struct lk_picture *picture)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(PLAN_BYTES_MAX);

    if (submit->json)
        lk_plan_json(&text, &submit->submission, picture);
    else
        lk_plan_text(&text, &submit->submission, picture);
    if (!lk_buf_ok(&text)) {
        lk_complain("the plan is larger than %d MiB; ask for fewer packages at once",
                    PLAN_BYTES_MAX >> 20);
        return LK_EXIT_REFUSED;
    }
    fputs(lk_buf_text(&text), stdout);
    return LK_EXIT_OK;
}

static int report_plan(struct lk_submit *submit)
{
    if (submit->watcher.refused)
        return lk_watcher_report(&submit->watcher);
    lk_forecast_annotate(&submit->forecast, &submit->watcher.picture);

    int status = print_plan(submit, &submit->watcher.picture);

    return status == LK_EXIT_OK ? lk_exit_of_outcome(submit->watcher.picture.outcome) : status;
}

/* What git alone tells of a plan is told although nobody could be asked for the rest. */
static int report_unknown(const struct lk_submit *submit, const struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf why = LK_BUF_INIT(4 * LK_ERR_TEXT_MAX);

    lk_add_clean(&why, lk_str_of(err->text));
    lk_complain("what would be built is unknown: %s", lk_buf_text(&why));
    return print_plan(submit, NULL);
}

/* What is asked to end may be done first. */
static bool is_done(const struct lk_picture *picture)
{
    return picture->state == lk_wire_PushState_PUSH_ENDED &&
           picture->outcome == lk_wire_Outcome_OUTCOME_OK;
}

static int report(struct lk_submit *submit)
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

/* Copies what was published to --output. */
static int write_layout(const struct lk_submit *submit, struct lk_err *err)
{
    LK_CLEANUP(lk_layout_free) struct lk_layout *layout = NULL;
    const struct lk_picture                     *picture = &submit->watcher.picture;

    if (lk_layout_open(&layout, &submit->layout, err) < 0)
        return -1;
    for (size_t i = 0; i < picture->package_count; i++) {
        const struct lk_picture_package *package = &picture->packages[i];

        if (lk_layout_add(layout, package->repository, package->tag, &package->index_digest,
                          err) < 0)
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
static int redirect(struct lk_submit *submit, struct lk_submit_values *values,
                    enum lk_submission_mode *mode, struct lk_err *err)
{
    const char *output = submit->is_plan ? values->output : NULL;

    /* A plan of a push: --output is how it is told, as of `lkcoord plan`. */
    if (submit->is_plan && values->layout) {
        output = values->layout;
        values->layout = NULL;
    }
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

/* An empty word is none. */
static bool has_release(const struct lk_submit_values *values)
{
    for (size_t i = 0; i < values->releases.count; i++)
        if (values->releases.words[i][0])
            return true;
    return false;
}

/* Refuses what cannot be taken as it is meant, with the way to have it. */
static int check_values(const struct lk_submit_values *values, enum lk_submission_mode mode,
                        struct lk_err *err)
{
    if (mode == LK_SUBMIT_BUILD && has_release(values) && (!values->layout || values->dry_run))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--release is a tag to publish under, and build publishes nothing: "
                          "say --push too, or `lkcoord push`");
    if (mode == LK_SUBMIT_BUILD && values->no_build && !values->layout)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--nobuild: a build that builds nothing and publishes nothing has "
                          "nothing to do: say --push too");
    if (values->detach && values->layout && !values->dry_run)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--detach leaves before there is anything to write to --output: "
                          "leave one of them out");
    if (values->force && values->no_build)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--force and --nobuild exclude each other; use one");
    if (values->keep_going && values->fail_fast)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--keep-going and --fail-fast exclude each other; use one");
    return 0;
}

static int run(struct lk_submit *submit, enum lk_submission_mode mode,
               const struct lk_call *call)
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
    if (check_values(&values, mode, &err) < 0 || redirect(submit, &values, &mode, &err) < 0 ||
        lk_watcher_init(&submit->watcher,
                        submit->is_plan || values.detach ? "quiet" : values.progress,
                        &err) < 0 ||
        lk_submission_open(&submit->submission, mode, &values, call->arguments, call->count,
                           &err) < 0)
        return lk_exit_of(&err);
    if (submit->submission.count == 0 && !submit->is_plan)
        return LK_EXIT_OK;
    if (submit->submission.count == 0 || values.offline)
        return print_plan(submit, NULL);
    target.signs = !submit->is_plan && mode != LK_SUBMIT_BUILD && !values.disable_content_trust;
    if (lk_submit_serve(submit, &target, &err) < 0) {
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
    LK_CLEANUP(lk_free_pointer) struct lk_submit *submit = lk_xcalloc(1, sizeof(*submit));
    int                                           status = run(submit, mode, call);

    lk_sender_free(&submit->sender);
    lk_secrets_free(&submit->secrets);
    lk_submission_fini(&submit->submission);
    lk_watcher_fini(&submit->watcher);
    return status;
}
