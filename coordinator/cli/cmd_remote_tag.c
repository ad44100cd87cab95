#include "coordinator/cli/commands.h"
#include "coordinator/cli/submit.h"
#include "coordinator/cli/submit_options.h"

static const struct lk_option options[] = {
    LK_SUBMIT_UNSIGNED("do not sign what is published under the new name"),
    LK_SUBMIT_OPTION("force", FLAG, force, NULL, "replace what the new name has"),
    LK_SUBMIT_ADOPT,
    LK_SUBMIT_REPLACE,
    LK_SUBMIT_FOLLOWED,
    { 0 },
};

static int run(const struct lk_call *call)
{
    return lk_submit_run(LK_SUBMIT_COPY, call);
}

const struct lk_command lk_cmd_remote_tag = {
    .name = "remote-tag",
    .arguments = "FROM TO",
    .summary = "Publishes what one name has under another one, with all its architectures.",
    .details = "Both are ORG/IMAGE:TAG, in one repository or two.  Takes what is trusted only.",
    .count_min = 2,
    .count_max = 2,
    .values_size = sizeof(struct lk_submit_values),
    .options = options,
    .run = run,
};
