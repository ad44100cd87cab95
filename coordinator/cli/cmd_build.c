#include "coordinator/cli/commands.h"
#include "coordinator/cli/submit.h"
#include "coordinator/cli/submit_options.h"

#include <string.h>
#include <unistd.h>

static const struct lk_option options[] = {
    LK_SUBMIT_PACKAGE,
    LK_SUBMIT_BUILD_ARGS,
    LK_SUBMIT_OPTION("push", FLAG, push, NULL,
                     "publish and sign the result, as `lkcoord push`"),
    LK_SUBMIT_DETACH,
    LK_SUBMIT_SEQUENTIAL,
    LK_SUBMIT_BUILT,
    LK_SUBMIT_OPTION(
        "output", TEXT, layout, "oci:DIR",
        "write the signed result as an OCI layout, or an archive of one (oci-archive:FILE)"),
    LK_SUBMIT_STAGING,
    LK_SUBMIT_FAILURES,
    LK_SUBMIT_UNSIGNED("with --push or --output: do not sign"),
    LK_SUBMIT_FOLLOWED,
    { 0 },
};

/*
 * LinuxKit's manual writes `build -org=wombat push` for a push.  A package in a directory of that name is
 * still a package.
 */
static bool ends_with_push(const struct lk_call *call)
{
    return call->count > 0 && strcmp(call->arguments[call->count - 1], "push") == 0 &&
           access("push/build.yml", F_OK) != 0;
}

static int run(const struct lk_call *call)
{
    static const char *const       here[] = { "." };
    const struct lk_submit_values *values = call->values;
    struct lk_call                 push = *call;

    if (values->push)
        return lk_submit_run(LK_SUBMIT_PUSH, call);
    if (!ends_with_push(call))
        return lk_submit_run(LK_SUBMIT_BUILD, call);
    push.count--;
    if (push.count == 0) {
        push.arguments = here;
        push.count = 1;
    }
    return lk_submit_run(LK_SUBMIT_PUSH, &push);
}

const struct lk_command lk_cmd_build = {
    .name = "build",
    .arguments = "PATH... [push]",
    .summary = "Builds packages on all their architectures and publishes nothing.",
    .details = "What the registry holds, complete and trusted, is not built again.  With the "
               "word push\n"
               "at the end it is `lkcoord push`; so LinuxKit's manual writes it.",
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct lk_submit_values),
    .options = options,
    .run = run,
};
