#include "coordinator/cli/commands.h"
#include "coordinator/cli/submit.h"
#include "coordinator/cli/submit_options.h"

static const struct lk_option options[] = {
    LK_SUBMIT_PACKAGE,
    LK_SUBMIT_UNSIGNED("do not sign the index"),
    LK_SUBMIT_PLATFORMS,
    LK_SUBMIT_SKIP_PLATFORMS,
    LK_SUBMIT_ADOPT,
    LK_SUBMIT_REPLACE,
    LK_SUBMIT_OPTION("release", LIST, releases, "TAG",
                     "publish the index under TAG too (may be repeated)"),
    LK_SUBMIT_FOLLOWED,
    { 0 },
};

static int run(const struct lk_call *call)
{
    return lk_submit_run(LK_SUBMIT_MANIFEST, call);
}

const struct lk_command lk_cmd_manifest = {
    .name = "manifest",
    .arguments = "PATH...",
    .summary = "Makes the index anew from the tags of the single architectures.",
    .details =
        "Repairs an index that lacks some, or that somebody broke.  Takes what is trusted\n"
        "only, and publishes nothing unless all architectures of build.yml are there.",
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct lk_submit_values),
    .options = options,
    .run = run,
};

const struct lk_command lk_cmd_index = {
    .name = "index",
    .arguments = "PATH...",
    .summary = "The same as manifest.",
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct lk_submit_values),
    .options = options,
    .run = run,
};
