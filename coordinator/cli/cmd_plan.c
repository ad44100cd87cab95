#include "coordinator/cli/commands.h"
#include "coordinator/cli/submit.h"

static const struct lk_option options[] = {
    { "org", LK_OPTION_TEXT, offsetof(struct lk_submit_values, org), "ORG",
      "in place of build.yml's org and of LINUXKIT_PKG_ORG" },
    { "hash", LK_OPTION_TEXT, offsetof(struct lk_submit_values, hash), "HASH",
      "in place of the git tree's id" },
    { "disable-content-trust", LK_OPTION_FLAG,
      offsetof(struct lk_submit_values, disable_content_trust), NULL,
      "as for a push that signs nothing" },
    { "platforms", LK_OPTION_TEXT, offsetof(struct lk_submit_values, platforms), "LIST",
      "only these, as amd64,linux/arm64" },
    { "skip-platforms", LK_OPTION_TEXT, offsetof(struct lk_submit_values, skip_platforms),
      "LIST", "all but these" },
    { "allow-emulation", LK_OPTION_FLAG, offsetof(struct lk_submit_values, allow_emulation),
      NULL, "take agents that build under qemu-user" },
    { "force", LK_OPTION_FLAG, offsetof(struct lk_submit_values, force), NULL,
      "build although it is published" },
    { "adopt", LK_OPTION_LIST, offsetof(struct lk_submit_values, adopt), "DIGEST",
      "vouch for an untrusted image under the tag (up to 8 times)" },
    { "replace", LK_OPTION_LIST, offsetof(struct lk_submit_values, replace), "ARCH",
      "let an untrusted image of ARCH be replaced (up to 8 times)" },
    { "output", LK_OPTION_TEXT, offsetof(struct lk_submit_values, output), "FORM",
      "text or json" },
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
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct lk_submit_values),
    .options = options,
    .run = run,
};
