#include "coordinator/cli/commands.h"
#include "coordinator/cli/question.h"
#include "coordinator/cli/watcher.h"

#include <inttypes.h>

struct values {
    const char *progress;
};

static const struct lk_option options[] = {
    { "progress", LK_OPTION_TEXT, offsetof(struct values, progress), "HOW",
      "auto, tty, plain or quiet" },
    { 0 },
};

struct watch {
    struct lk_watcher watcher;
    bool              interrupted;
};

static void on_ready(void *ctx, struct lk_client *client)
{
    struct watch *watch = ctx;

    lk_watcher_ask(&watch->watcher, client);
}

static void on_message(void *ctx, struct lk_client *client, const lk_wire_Envelope *in,
                       struct lk_str payload)
{
    struct watch *watch = ctx;

    lk_watcher_take(&watch->watcher, client, in, payload);
}

static void on_tick(void *ctx, struct lk_client *client)
{
    struct watch *watch = ctx;

    lk_watcher_tick(&watch->watcher, client);
}

static void on_interrupt(void *ctx, struct lk_client *client)
{
    struct watch *watch = ctx;

    watch->interrupted = true;
    lk_client_stop(client);
}

static void on_resize(void *ctx)
{
    struct watch *watch = ctx;

    lk_progress_resize(&watch->watcher.progress);
}

static void on_said(void *ctx, const char *line)
{
    struct watch *watch = ctx;

    lk_watcher_say(&watch->watcher, line);
}

static int follow(struct watch *watch, const struct lk_target *target, struct lk_err *err)
{
    LK_CLEANUP(lk_client_close) struct lk_client *client = NULL;
    const struct lk_client_handler                handler = {
                       .ready = on_ready,
                       .message = on_message,
                       .tick = on_tick,
                       .interrupted = on_interrupt,
                       .resized = on_resize,
                       .said = on_said,
                       .ctx = watch,
    };

    if (lk_client_open(&client, target, &handler, err) < 0)
        return -1;
    return lk_client_run(client, err);
}

int lk_watch_push(const struct lk_target *target, uint64_t push, const char *progress)
{
    struct watch  watch = { 0 };
    struct lk_err err;
    int           status;

    if (lk_watcher_init(&watch.watcher, progress, &err) < 0) {
        status = lk_exit_of(&err);
    } else {
        watch.watcher.introduced = true; /* whoever asked by number knows the number */
        lk_watcher_begin(&watch.watcher, push);
        if (follow(&watch, target, &err) < 0) {
            lk_progress_clear(&watch.watcher.progress);
            status = lk_exit_of(&err);
        } else if (watch.interrupted) {
            lk_progress_clear(&watch.watcher.progress);
            lk_complain("left push %" PRIu64 " as it is; `lkcoord cancel %" PRIu64 "` ends it",
                        push, push);
            status = LK_EXIT_CANCELLED;
        } else {
            status = lk_watcher_report(&watch.watcher);
        }
    }
    lk_watcher_fini(&watch.watcher);
    return status;
}

static int run(const struct lk_call *call)
{
    const struct values *values = call->values;
    struct lk_err        err;
    uint64_t             push;

    if (lk_push_parse(call->arguments[0], &push, &err) < 0)
        return lk_exit_of(&err);
    return lk_watch_push(&call->target, push, values->progress);
}

const struct lk_command lk_cmd_watch = {
    .name = "watch",
    .arguments = "ID",
    .summary = "Follows a push to its end; prints and exits as the push would have.",
    .count_min = 1,
    .count_max = 1,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};
