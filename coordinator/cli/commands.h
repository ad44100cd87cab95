/* commands - the rows of lkcoord's table; each stands in its cmd_<name>.c. */
#ifndef LK_CLI_COMMANDS_H
#define LK_CLI_COMMANDS_H

#include "coordinator/cli/command.h"

extern const struct lk_command lk_cmd_push;
extern const struct lk_command lk_cmd_build;
extern const struct lk_command lk_cmd_show_tag;
extern const struct lk_command lk_cmd_plan;
extern const struct lk_command lk_cmd_manifest;
extern const struct lk_command lk_cmd_index;
extern const struct lk_command lk_cmd_remote_tag;
extern const struct lk_command lk_cmd_status;
extern const struct lk_command lk_cmd_watch;
extern const struct lk_command lk_cmd_logs;
extern const struct lk_command lk_cmd_cancel;
extern const struct lk_command lk_cmd_retry;
extern const struct lk_command lk_cmd_agents;
extern const struct lk_command lk_cmd_verify;
extern const struct lk_command lk_cmd_audit;
extern const struct lk_command lk_cmd_keys;
extern const struct lk_command lk_cmd_trust;
extern const struct lk_command lk_cmd_version;
extern const struct lk_command lk_cmd_help;

/* Follows a push to its end; what to exit with.  `progress`: --progress, or NULL. (cmd_watch.c) */
int lk_watch_push(const struct lk_target *target, uint64_t push, const char *progress);

/* All of them in the order of the help; ends with NULL. */
extern const struct lk_command *const lk_commands[];

/* The command of this name, or NULL. */
const struct lk_command *lk_command_find(const char *name);

#endif
