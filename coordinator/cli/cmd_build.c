#include "coordinator/cli/commands.h"
#include "coordinator/cli/submit.h"
#include "coordinator/cli/submit_options.h"

static const struct lk_option options[] = {
    LK_SUBMIT_ORG,
    LK_SUBMIT_HASH,
    LK_SUBMIT_DETACH,
    LK_SUBMIT_SEQUENTIAL,
    LK_SUBMIT_PLATFORMS,
    LK_SUBMIT_SKIP_PLATFORMS,
    LK_SUBMIT_ALLOW_EMULATION,
    LK_SUBMIT_FORCE,
    LK_SUBMIT_OPTION("output", TEXT, layout, "oci:DIR",
                     "write the signed result as an OCI layout, by a private coordinator"),
    LK_SUBMIT_UNSIGNED("with --output: do not sign"),
    LK_SUBMIT_OPTION("timeout", TEXT, timeout, "SECONDS",
                     "cancel what is not done by then, and exit with 4"),
    LK_SUBMIT_OPTION("progress", TEXT, progress, "HOW", "auto, tty, plain or quiet"),
    { 0 },
};

static int run(const struct lk_call *call)
{
    return lk_submit_run(LK_SUBMIT_BUILD, call);
}

const struct lk_command lk_cmd_build = {
    .name = "build",
    .arguments = "PATH...",
    .summary = "Builds packages on all their architectures and publishes nothing.",
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct lk_submit_values),
    .options = options,
    .run = run,
};
