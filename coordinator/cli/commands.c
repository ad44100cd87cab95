#include "coordinator/cli/commands.h"

#include <string.h>

const struct lk_command *const lk_commands[] = {
    &lk_cmd_push,   &lk_cmd_build,      &lk_cmd_show_tag, &lk_cmd_plan,   &lk_cmd_manifest,
    &lk_cmd_index,  &lk_cmd_remote_tag, &lk_cmd_status,   &lk_cmd_watch,  &lk_cmd_logs,
    &lk_cmd_cancel, &lk_cmd_retry,      &lk_cmd_agents,   &lk_cmd_verify, &lk_cmd_audit,
    &lk_cmd_keys,   &lk_cmd_trust,      &lk_cmd_version,  &lk_cmd_help,   NULL,
};

const struct lk_command *lk_command_find(const char *name)
{
    for (size_t i = 0; lk_commands[i]; i++)
        if (strcmp(lk_commands[i]->name, name) == 0)
            return lk_commands[i];
    return NULL;
}
