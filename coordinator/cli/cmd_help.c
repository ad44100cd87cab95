#include "coordinator/cli/commands.h"

#include <stdio.h>

static void list_commands(void)
{
    puts("usage: lkcoord [--config FILE] COMMAND [OPTION]... [ARGUMENT]...\n\n"
         "Builds LinuxKit packages on several architectures and publishes each as one signed\n"
         "multi-architecture image.\n");
    for (size_t i = 0; lk_commands[i]; i++)
        printf("  %-10s %s\n", lk_commands[i]->name, lk_commands[i]->summary);
    puts("\n`lkcoord help COMMAND` tells more.  Options take one dash or two.\n\n"
         "Exit status: 0 published and verified as asked, 1 a build failed, 2 usage,\n"
         "4 infrastructure (safe to retry), 5 refused, 6 verification failed, 130 cancelled.");
}

static int run(const struct lk_call *call)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(64 * 1024);

    if (call->count == 0) {
        list_commands();
        return LK_EXIT_OK;
    }

    const struct lk_command *command = lk_command_find(call->arguments[0]);

    if (!command) {
        lk_complain("there is no command \"%s\"; `lkcoord help` lists them",
                    call->arguments[0]);
        return LK_EXIT_USAGE;
    }
    lk_command_help(command, &text);
    fputs(lk_buf_text(&text), stdout);
    return LK_EXIT_OK;
}

const struct lk_command lk_cmd_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "Lists the commands, or explains one.",
    .count_max = 1,
    .run = run,
};
