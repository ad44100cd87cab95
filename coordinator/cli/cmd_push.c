#include "coordinator/cli/commands.h"
#include "coordinator/cli/submit.h"

static const struct lk_option options[] = {
    { "org", LK_OPTION_TEXT, offsetof(struct lk_submit_values, org), "ORG",
      "in place of build.yml's org and of LINUXKIT_PKG_ORG" },
    { "hash", LK_OPTION_TEXT, offsetof(struct lk_submit_values, hash), "HASH",
      "in place of the git tree's id" },
    { "disable-content-trust", LK_OPTION_FLAG,
      offsetof(struct lk_submit_values, disable_content_trust), NULL,
      "do not sign what this push publishes" },
    { "detach", LK_OPTION_FLAG, offsetof(struct lk_submit_values, detach), NULL,
      "print the push's number and leave once the source is in" },
    { "sequential", LK_OPTION_FLAG, offsetof(struct lk_submit_values, sequential), NULL,
      "one architecture's build after the other" },
    { "in-turn", LK_OPTION_FLAG, offsetof(struct lk_submit_values, in_turn), NULL,
      "uploads too only in an architecture's turn, not in parallel" },
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
    { "output", LK_OPTION_TEXT, offsetof(struct lk_submit_values, layout), "oci:DIR",
      "in place of a registry: an OCI layout, written by a private coordinator" },
    { "timeout", LK_OPTION_TEXT, offsetof(struct lk_submit_values, timeout), "SECONDS",
      "cancel what is not done by then, and exit with 4" },
    { "progress", LK_OPTION_TEXT, offsetof(struct lk_submit_values, progress), "HOW",
      "auto, tty, plain or quiet" },
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
