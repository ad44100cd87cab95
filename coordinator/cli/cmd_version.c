#include "coordinator/cli/commands.h"
#include "proto/message.h"

#include <stdio.h>

static int run(const struct lk_call *call)
{
    (void)call;
    printf("lkcoord %s (wire version %d)\n", LK_VERSION, LK_WIRE_VERSION);
    return LK_EXIT_OK;
}

const struct lk_command lk_cmd_version = {
    .name = "version",
    .arguments = "",
    .summary = "Prints the version of this program and of the wire protocol it speaks.",
    .run = run,
};
