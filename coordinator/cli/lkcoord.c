/*
 * lkcoord - what a maintainer and CI type.
 *
 * What git alone can answer is answered here; for all else this becomes lkcoord-online, a program of its own
 * because libcurl and libzmq bring sixty libraries along, whose loading takes longer than finding the tags
 * of forty packages.  (git keeps git-remote-https apart for the same reason.)
 */
#include "coordinator/cli/commands.h"
#include "coordinator/cli/program.h"
#include "coordinator/cli/run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int go_online(char **argv)
{
    static const char name[] = "lkcoord-online";
    LK_CLEANUP(lk_free_pointer)
    char *path = lk_program_find(name, "../libexec/lkcoord");

    if (!path) {
        lk_complain(
            "%s is neither beside this program nor in ../libexec/lkcoord; `make install` "
            "puts it there",
            name);
        return LK_EXIT_INFRASTRUCTURE;
    }
    execv(path, argv);
    lk_complain("starting %s: %s", path, strerror(errno));
    return LK_EXIT_INFRASTRUCTURE;
}

int main(int argc, char **argv)
{
    size_t at = lk_cli_name_at(argc, argv);

    if (at < (size_t)argc && strcmp(argv[at], lk_cmd_show_tag.name) == 0)
        return lk_cli_run(&lk_cmd_show_tag, argc, argv, at);
    return go_online(argv);
}
