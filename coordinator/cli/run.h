/* run - the way from argv to a command, and back with what to exit with: what both mains share. */
#ifndef LK_CLI_RUN_H
#define LK_CLI_RUN_H

#include "coordinator/cli/command.h"

/* Where the command's name stands in argv (--config may come before it); argc: nowhere. */
size_t lk_cli_name_at(int argc, char **argv);

/* Runs it with the words of argv except the one at `name_at`.  What to exit with. */
int lk_cli_run(const struct lk_command *command, int argc, char **argv, size_t name_at);

#endif
