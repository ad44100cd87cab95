/* lkcoord - what a maintainer and CI type: finds the command in the table and runs it. */
#include "coordinator/cli/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int unknown_command(const char *name)
{
    const char *names[32] = { 0 };

    for (size_t i = 0; lk_commands[i] && i < LK_COUNT(names) - 1; i++)
        names[i] = lk_commands[i]->name;

    const char *nearest = lk_nearest_word(lk_str_of(name), names);

    if (nearest)
        lk_complain("there is no command \"%s\"; did you mean %s?", name, nearest);
    else
        lk_complain("there is no command \"%s\"; `lkcoord help` lists them", name);
    return LK_EXIT_USAGE;
}

static int run_command(const struct lk_command *command, const char *const *words, size_t count)
{
    LK_CLEANUP(lk_free_pointer) void *values = lk_xcalloc(1, command->values_size + 1);
    LK_CLEANUP(lk_free_pointer)
    const char            **arguments = lk_xcalloc(count + 1, sizeof(*arguments));
    struct lk_common_values common = { 0 };
    struct lk_err           err;
    struct lk_call          call = { .values = values, .arguments = arguments };

    if (lk_command_parse(command, words, count, values, &common, arguments, &call.count, &err) <
        0)
        return lk_exit_of(&err);
    if (common.help) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(64 * 1024);

        lk_command_help(command, &text);
        fputs(lk_buf_text(&text), stdout);
        return LK_EXIT_OK;
    }
    call.target.config = common.config;
    call.target.local = common.local;
    return command->run(&call);
}

/* --config may also stand before the command; it is then moved behind it. */
static size_t leading_options(int argc, char **argv)
{
    size_t at = 1;

    while (at < (size_t)argc && argv[at][0] == '-') {
        const char *name = argv[at] + (argv[at][1] == '-' ? 2 : 1);

        if (strcmp(name, "config") == 0 && at + 1 < (size_t)argc)
            at += 2;
        else if (strncmp(name, "config=", 7) == 0)
            at += 1;
        else
            break;
    }
    return at;
}

int main(int argc, char **argv)
{
    size_t      at = leading_options(argc, argv);
    const char *name = at < (size_t)argc ? argv[at] : "help";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "-help") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";

    const struct lk_command *command = lk_command_find(name);

    if (!command)
        return unknown_command(name);

    LK_CLEANUP(lk_free_pointer)
    const char **words = lk_xcalloc((size_t)argc + 1, sizeof(*words));
    size_t       count = 0;

    for (size_t i = 1; i < (size_t)argc; i++)
        if (i != at)
            words[count++] = argv[i];

    int status = run_command(command, words, count);

    /* A result that could not be written is no result: a full disk must not look like success. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        lk_complain("writing the result to standard output failed");
        return status == LK_EXIT_OK ? LK_EXIT_INFRASTRUCTURE : status;
    }
    return status;
}
