/* lkcoord-online - all of lkcoord's commands: finds the one meant in the table and runs it. */
#include "coordinator/cli/commands.h"
#include "coordinator/cli/run.h"

#include <string.h>

static int unknown_command(const char *name)
{
    const char *names[32] = { 0 };

    for (size_t i = 0; lk_commands[i] && i < LK_COUNT(names) - 1; i++)
        names[i] = lk_commands[i]->name;

    const char *nearest = lk_nearest_word(lk_str_of(name), names);

    if (strcmp(name, "pkg") == 0)
        lk_complain("the commands of `linuxkit pkg` are lkcoord's own: leave the word pkg out, "
                    "as in `lkcoord push PATH`");
    else if (strcmp(name, "builder") == 0)
        lk_complain(
            "there is no command \"builder\": builders are the agents', `lkcoord agents` "
            "lists them; what they keep is cleared on their hosts");
    else if (nearest)
        lk_complain("there is no command \"%s\"; did you mean %s?", name, nearest);
    else
        lk_complain("there is no command \"%s\"; `lkcoord help` lists them", name);
    return LK_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    size_t      at = lk_cli_name_at(argc, argv);
    const char *name = at < (size_t)argc ? argv[at] : "help";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "-help") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";

    const struct lk_command *command = lk_command_find(name);

    return command ? lk_cli_run(command, argc, argv, at) : unknown_command(name);
}
