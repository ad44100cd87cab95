/*
 * submit_options - the options that push, build and plan have in common, a macro a row, so that one option is
 * read and explained alike wherever it is taken.
 */
#ifndef LK_CLI_SUBMIT_OPTIONS_H
#define LK_CLI_SUBMIT_OPTIONS_H

#include "coordinator/cli/submission.h"

#define LK_SUBMIT_OPTION(name, kind, field, argument, help)                              \
    {                                                                                    \
        name, LK_OPTION_##kind, offsetof(struct lk_submit_values, field), argument, help \
    }

#define LK_SUBMIT_PACKAGE LK_PACKAGE_OPTIONS(struct lk_submit_values, package)
#define LK_SUBMIT_BUILD_ARGS                                                    \
    LK_SUBMIT_OPTION("build-arg-file", LIST, build_arg_files, "FILE",           \
                     "build arguments, a NAME=VALUE a line (may be repeated)"), \
        LK_SUBMIT_OPTION("dockerfile", TEXT, dockerfile, "NAME",                \
                         "build from this file of the package in place of build.yml's")
#define LK_SUBMIT_UNSIGNED(help) \
    LK_SUBMIT_OPTION("disable-content-trust", FLAG, disable_content_trust, NULL, help)
#define LK_SUBMIT_DETACH                           \
    LK_SUBMIT_OPTION("detach", FLAG, detach, NULL, \
                     "print the push's number and leave once the source is in")
#define LK_SUBMIT_SEQUENTIAL                               \
    LK_SUBMIT_OPTION("sequential", FLAG, sequential, NULL, \
                     "one architecture's build after the other")
#define LK_SUBMIT_PLATFORMS \
    LK_SUBMIT_OPTION("platforms", TEXT, platforms, "LIST", "only these, as amd64,linux/arm64")
#define LK_SUBMIT_SKIP_PLATFORMS \
    LK_SUBMIT_OPTION("skip-platforms", TEXT, skip_platforms, "LIST", "all but these")
#define LK_SUBMIT_ALLOW_EMULATION                                    \
    LK_SUBMIT_OPTION("allow-emulation", FLAG, allow_emulation, NULL, \
                     "take agents that build under qemu-user")
#define LK_SUBMIT_FORCE \
    LK_SUBMIT_OPTION("force", FLAG, force, NULL, "build although it is published")
#define LK_SUBMIT_NO_BUILD                            \
    LK_SUBMIT_OPTION("nobuild", FLAG, no_build, NULL, \
                     "build nothing: publish only what the registry holds")
#define LK_SUBMIT_RELEASE                 \
    LK_SUBMIT_OPTION(                     \
        "release", LIST, releases, "TAG", \
        "publish under TAG too (may be repeated); without it, under the git tags at HEAD")
#define LK_SUBMIT_ARCH_TAGS                               \
    LK_SUBMIT_OPTION("manifest", OFF, no_arch_tags, NULL, \
                     "write only the index's tag, none for each architecture")
#define LK_SUBMIT_DRY_RUN                            \
    LK_SUBMIT_OPTION("dry-run", FLAG, dry_run, NULL, \
                     "only say what would be done, as `lkcoord plan` does")
#define LK_SUBMIT_STAGING                     \
    LK_SUBMIT_OPTION(                         \
        "staging", TEXT, staging, "HOST/ORG", \
        "with --output: the registry by way of which agents elsewhere hand it over")
#define LK_SUBMIT_ADOPT                              \
    LK_SUBMIT_OPTION("adopt", LIST, adopt, "DIGEST", \
                     "vouch for an untrusted image under the tag (up to 8 times)")
#define LK_SUBMIT_REPLACE                              \
    LK_SUBMIT_OPTION("replace", LIST, replace, "ARCH", \
                     "build ARCH anew, or leave it out if it is not built (up to 8 times)")
#define LK_SUBMIT_DOCKER                                    \
    LK_SUBMIT_OPTION("docker", FLAG, handover.docker, NULL, \
                     "by a private coordinator: load the images into docker too")
#define LK_SUBMIT_PULL                                  \
    LK_SUBMIT_OPTION("pull", FLAG, handover.pull, NULL, \
                     "by a private coordinator: fetch what need not be built")
#define LK_SUBMIT_SECRET                                         \
    LK_SUBMIT_OPTION(                                            \
        "secret", LIST, secret_values.secrets, "id=ID,src=FILE", \
        "for RUN --mount=type=secret, or id=ID,env=NAME; by a private coordinator")
#define LK_SUBMIT_SSH                                                    \
    LK_SUBMIT_OPTION("ssh", TEXT, secret_values.ssh, "default[=SOCKET]", \
                     "for RUN --mount=type=ssh; by a private coordinator")

#define LK_SUBMIT_PRIORITY                              \
    LK_SUBMIT_OPTION("priority", TEXT, priority, "HOW", \
                     "low, normal or high: whose jobs come first")

/* What push and build both take of how packages are built and what becomes of them. */
#define LK_SUBMIT_BUILT                                                                        \
    LK_SUBMIT_PLATFORMS, LK_SUBMIT_SKIP_PLATFORMS, LK_SUBMIT_ALLOW_EMULATION, LK_SUBMIT_FORCE, \
        LK_SUBMIT_NO_BUILD, LK_SUBMIT_RELEASE, LK_SUBMIT_ARCH_TAGS, LK_SUBMIT_DRY_RUN,         \
        LK_SUBMIT_DOCKER, LK_SUBMIT_PULL, LK_SUBMIT_SECRET, LK_SUBMIT_SSH, LK_SUBMIT_ADOPT,    \
        LK_SUBMIT_REPLACE, LK_SUBMIT_PRIORITY

#define LK_SUBMIT_FAILURES                                                                     \
    LK_SUBMIT_OPTION("keep-going", FLAG, keep_going, NULL,                                     \
                     "after a failure build the package's other architectures too; else only " \
                     "other packages go on"),                                                  \
        LK_SUBMIT_OPTION("fail-fast", FLAG, fail_fast, NULL,                                   \
                         "after a failure cancel the rest of the push at once"),               \
        LK_SUBMIT_OPTION("job-timeout", TEXT, job_timeout, "SECONDS",                          \
                         "a build that runs longer on its agent has failed")

/* What every command takes that follows a push to its end. */
#define LK_SUBMIT_FOLLOWED                                                \
    LK_SUBMIT_OPTION("timeout", TEXT, timeout, "SECONDS",                 \
                     "cancel what is not done by then, and exit with 4"), \
        LK_SUBMIT_OPTION("progress", TEXT, progress, "HOW", "auto, tty, plain or quiet")

#endif
