#include "coordinator/cli/commands.h"
#include "coordinator/cli/submit.h"

static const struct lk_option options[] = {
    { "org", LK_OPTION_TEXT, offsetof(struct lk_submit_values, org), "ORG",
      "in place of build.yml's org and of LINUXKIT_PKG_ORG" },
    { "hash", LK_OPTION_TEXT, offsetof(struct lk_submit_values, hash), "HASH",
      "in place of the git tree's id" },
    { "detach", LK_OPTION_FLAG, offsetof(struct lk_submit_values, detach), NULL,
      "print the number and leave once the source is in" },
    { "sequential", LK_OPTION_FLAG, offsetof(struct lk_submit_values, sequential), NULL,
      "one architecture's build after the other" },
    { "platforms", LK_OPTION_TEXT, offsetof(struct lk_submit_values, platforms), "LIST",
      "only these, as amd64,linux/arm64" },
    { "skip-platforms", LK_OPTION_TEXT, offsetof(struct lk_submit_values, skip_platforms),
      "LIST", "all but these" },
    { "allow-emulation", LK_OPTION_FLAG, offsetof(struct lk_submit_values, allow_emulation),
      NULL, "take agents that build under qemu-user" },
    { "force", LK_OPTION_FLAG, offsetof(struct lk_submit_values, force), NULL,
      "build although it is published" },
    { "output", LK_OPTION_TEXT, offsetof(struct lk_submit_values, layout), "oci:DIR",
      "write the signed result as an OCI layout, by a private coordinator" },
    { "disable-content-trust", LK_OPTION_FLAG,
      offsetof(struct lk_submit_values, disable_content_trust), NULL,
      "with --output: do not sign" },
    { "timeout", LK_OPTION_TEXT, offsetof(struct lk_submit_values, timeout), "SECONDS",
      "cancel what is not done by then, and exit with 4" },
    { "progress", LK_OPTION_TEXT, offsetof(struct lk_submit_values, progress), "HOW",
      "auto, tty, plain or quiet" },
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
