#include "coordinator/cli/run.h"

#include <stdio.h>
#include <string.h>

size_t lk_cli_name_at(int argc, char **argv)
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

int lk_cli_run(const struct lk_command *command, int argc, char **argv, size_t name_at)
{
    LK_CLEANUP(lk_free_pointer)
    const char **words = lk_xcalloc((size_t)argc + 1, sizeof(*words));
    size_t       count = 0;

    for (size_t i = 1; i < (size_t)argc; i++)
        if (i != name_at)
            words[count++] = argv[i];

    int status = run_command(command, words, count);

    /* A result that could not be written is no result: a full disk must not look like success. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        lk_complain("writing the result to standard output failed");
        return status == LK_EXIT_OK ? LK_EXIT_INFRASTRUCTURE : status;
    }
    return status;
}
