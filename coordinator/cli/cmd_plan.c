#include "coordinator/cli/commands.h"
#include "coordinator/cli/submit.h"
#include "coordinator/cli/submit_options.h"

static const struct lk_option options[] = {
    LK_SUBMIT_PACKAGE,
    LK_SUBMIT_BUILD_ARGS,
    LK_SUBMIT_UNSIGNED("as for a push that signs nothing"),
    LK_SUBMIT_PLATFORMS,
    LK_SUBMIT_SKIP_PLATFORMS,
    LK_SUBMIT_ALLOW_EMULATION,
    LK_SUBMIT_FORCE,
    LK_SUBMIT_NO_BUILD,
    LK_SUBMIT_RELEASE,
    LK_SUBMIT_ARCH_TAGS,
    LK_SUBMIT_ADOPT,
    LK_SUBMIT_REPLACE,
    LK_SUBMIT_OPTION("offline", FLAG, offline, NULL,
                     "ask nobody: what would be built and what kept is \"unknown\""),
    LK_SUBMIT_OPTION("output", TEXT, output, "FORM", "text or json"),
    { 0 },
};

static int run(const struct lk_call *call)
{
    return lk_submit_run(LK_SUBMIT_PLAN, call);
}

const struct lk_command lk_cmd_plan = {
    .name = "plan",
    .arguments = "PATH...",
    .summary = "Says what a push would build and what it would keep, and does nothing.",
    .details = "Where no coordinator can be reached it says what git tells, and \"unknown\" "
               "for the rest.",
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct lk_submit_values),
    .options = options,
    .run = run,
};
