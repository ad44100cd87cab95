#include "coordinator/cli/commands.h"
#include "coordinator/cli/question.h"

#include <inttypes.h>
#include <stdio.h>

static int run(const struct lk_call *call)
{
    lk_wire_Envelope cancel = { .which_body = lk_wire_Envelope_cancel_tag };
    struct lk_err    err;
    bool             refused;

    if (lk_push_parse(call->arguments[0], &cancel.body.cancel.push, &err) < 0)
        return lk_exit_of(&err);
    if (lk_question_ask(&call->target, &cancel, NULL, NULL, &refused, &err) < 0)
        return lk_question_exit(refused, &err);
    fprintf(stderr, "push %" PRIu64 " is cancelled, unless it had ended before\n",
            cancel.body.cancel.push);
    return LK_EXIT_OK;
}

const struct lk_command lk_cmd_cancel = {
    .name = "cancel",
    .arguments = "ID",
    .summary = "Ends a push; what is published stays.",
    .count_min = 1,
    .count_max = 1,
    .run = run,
};
