#include "coordinator/cli/commands.h"
#include "coordinator/cli/question.h"

#include <stdio.h>
#include <sys/random.h>

struct values {
    const char *progress;
    bool        detach;
};

static const struct lk_option options[] = {
    { "detach", LK_OPTION_FLAG, offsetof(struct values, detach), NULL,
      "leave once it has begun anew; `lkcoord watch` follows it" },
    { "progress", LK_OPTION_TEXT, offsetof(struct values, progress), "HOW",
      "auto, tty, plain or quiet" },
    { 0 },
};

static int run(const struct lk_call *call)
{
    const struct values *values = call->values;
    lk_wire_Envelope     message = { .which_body = lk_wire_Envelope_retry_tag };
    lk_wire_Retry       *retry = &message.body.retry;
    struct lk_err        err;
    bool                 refused;

    if (lk_push_parse(call->arguments[0], &retry->push, &err) < 0)
        return lk_exit_of(&err);
    if (getrandom(retry->request_key, sizeof(retry->request_key), 0) !=
        sizeof(retry->request_key)) {
        lk_err_sys(&err, "asking the kernel for random bytes");
        return lk_exit_of(&err);
    }
    if (lk_question_ask(&call->target, &message, NULL, NULL, &refused, &err) < 0) {
        lk_err_wrap(&err, "retrying push %s", call->arguments[0]);
        return lk_question_exit(refused, &err);
    }
    return values->detach ? LK_EXIT_OK
                          : lk_watch_push(&call->target, retry->push, values->progress);
}

const struct lk_command lk_cmd_retry = {
    .name = "retry",
    .arguments = "ID",
    .summary = "Goes on with a push that did not end well, and follows it to its end.",
    .details =
        "What it had built and put is not made again; what failed of it, was cancelled or\n"
        "had not begun is.  The push keeps its number and its options.  It needs no\n"
        "checkout: the coordinator still has the source, or says so.",
    .count_min = 1,
    .count_max = 1,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};
