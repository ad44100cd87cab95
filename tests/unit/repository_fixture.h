/*
 * repository_fixture - real git repositories, made by git itself, in a directory that is new for each test.
 *
 * A test program gives git_home_make and git_home_remove to its group and calls place_make with the script
 * that makes its repositories; the tests then run in `place`.  Included by one file of a program.
 */
#ifndef LK_TEST_REPOSITORY_FIXTURE_H
#define LK_TEST_REPOSITORY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/base.h"
#include "common/git/repo.h"
#include "common/os/file.h"

static char place[64];

/* libgit2 1.5 loses a little of pcre2's memory each time it compares safe.directory entries. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpcre2\n";
}

/* Runs a script in `place`, wherever the test itself has gone. */
static inline void run(const char *script)
{
    LK_CLEANUP(lk_free_pointer)
    char *command = lk_xasprintf("set -e; cd '%s'; %s", place, script);

    if (system(command) != 0)
        fail_msg("failed: %s", script);
}

/* The first line that a script prints. */
static inline char *output_of(const char *script)
{
    LK_CLEANUP(lk_free_pointer) char *command = lk_xasprintf("cd '%s'; %s", place, script);
    char                              line[512] = "";
    FILE                             *pipe = popen(command, "r");

    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof(line), pipe));
    pclose(pipe);
    line[strcspn(line, "\n")] = '\0';
    return lk_xstrdup(line);
}

static inline int place_make(const char *script)
{
    strcpy(place, "/tmp/lk-repository-XXXXXX");
    assert_non_null(mkdtemp(place));
    unsetenv("LINUXKIT_PKG_ORG");
    run(script);
    return chdir(place);
}

static inline int place_remove(void **state)
{
    (void)state;
    run("rm -rf \"$PWD\"");
    return chdir("/");
}

/* Cuts git and libgit2 off from the settings of the host and of whoever runs the tests. */
static inline int git_home_make(void **state)
{
    static const char *const settings[] = { "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
                                            "XDG_CONFIG_HOME", "SUDO_UID" };
    static char              home[] = "/tmp/lk-repository-home-XXXXXX";

    *state = home;
    for (size_t i = 0; i < LK_COUNT(settings); i++)
        unsetenv(settings[i]);
    /* libgit2 looks where HOME is once, at its start. */
    assert_non_null(mkdtemp(home));
    setenv("HOME", home, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    lk_git_init();
    return system("git config --global user.name T;"
                  "git config --global user.email t@example.org");
}

static inline int git_home_remove(void **state)
{
    struct lk_err err;

    return lk_directory_remove(*state, &err);
}

#endif
