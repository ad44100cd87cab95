#include "coordinator/cli/commands.h"
#include "coordinator/cli/submit.h"
#include "coordinator/cli/submit_options.h"

static const struct lk_option options[] = {
    LK_SUBMIT_PACKAGE,
    LK_SUBMIT_BUILD_ARGS,
    LK_SUBMIT_UNSIGNED("do not sign what this push publishes"),
    LK_SUBMIT_DETACH,
    LK_SUBMIT_SEQUENTIAL,
    LK_SUBMIT_OPTION("in-turn", FLAG, in_turn, NULL,
                     "uploads too only in an architecture's turn, not in parallel"),
    LK_SUBMIT_BUILT,
    LK_SUBMIT_OPTION(
        "output", TEXT, layout, "oci:DIR",
        "in place of a registry: an OCI layout or an archive of one (oci-archive:FILE)"),
    LK_SUBMIT_STAGING,
    LK_SUBMIT_FAILURES,
    LK_SUBMIT_FOLLOWED,
    { 0 },
};

static int run(const struct lk_call *call)
{
    return lk_submit_run(LK_SUBMIT_PUSH, call);
}

const struct lk_command lk_cmd_push = {
    .name = "push",
    .arguments = "PATH...",
    .summary = "Builds packages on all their architectures, publishes and signs the result.",
    .details =
        "Prints a line that begins with REPOSITORY:TAG@DIGEST for each package on standard\n"
        "output, all else on standard error.  Ctrl-C leaves the push running and says how\n"
        "to come back.  Where no coordinator is configured, a private one builds here, on\n"
        "this machine; it signs with its own key, made the first time (COSIGN_PASSWORD).",
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct lk_submit_values),
    .options = options,
    .run = run,
};
