#include "agent/builder/blame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void what_the_package_says_is_not_believed(void **state)
{
    static const char *const lines[] = {
        "Error: building at STEP \"RUN echo no space left on device && false\": while running "
        "runtime: exit status 1",
        "Error: building at STEP \"RUN echo pinging container registry; false\": while running "
        "runtime: exit status 1",
        "Error: building at STEP \"RUN echo '\": no space left on device' && false\": while "
        "running runtime: exit status 1",
        "The command '/bin/sh -c echo toomanyrequests; false' returned a non-zero code: 1",
        "ERROR: failed to solve: process \"/bin/sh -c echo TLS handshake timeout\" did not "
        "complete successfully: exit code: 1",
        "",
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(lines); i++)
        assert_int_equal(lk_blame(lines[i], false), LK_ERR_INVALID);
}

static void a_disk_that_was_full_is_the_hosts(void **state)
{
    (void)state;
    assert_int_equal(lk_blame("Error: building at STEP \"RUN x\": while running runtime: exit "
                              "status 1",
                              true),
                     LK_ERR_LIMIT);
    assert_int_equal(lk_blame("Error: committing container for step {Original:RUN x}: copying "
                              "layers and metadata: write /var/tmp/1: no space left on device",
                              false),
                     LK_ERR_LIMIT);
}

static void a_registry_that_does_not_answer_is_tried_again(void **state)
{
    (void)state;
    assert_int_equal(lk_blame("Error: creating build container: initializing source "
                              "docker://r.example/b:1: pinging container registry r.example: "
                              "connection refused",
                              false),
                     LK_ERR_RETRY);
}

static void two_builds_that_pull_one_name_at_once_are_tried_again(void **state)
{
    (void)state;
    assert_int_equal(
        lk_blame("Error: creating build container: locating pulled image "
                 "\"r.example/b:1\" name in containers storage: r.example/b:1: image "
                 "not known",
                 false),
        LK_ERR_RETRY);
}

static void a_disk_with_room_is_not_full(void **state)
{
    struct lk_agent_config *config = calloc(1, sizeof(*config));

    (void)state;
    strcpy(config->state, ".");
    strcpy(config->storage_root, "/nowhere/at/all");
    assert_false(lk_blame_disk_is_full(config));
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_package_says_is_not_believed),
        cmocka_unit_test(a_disk_that_was_full_is_the_hosts),
        cmocka_unit_test(a_registry_that_does_not_answer_is_tried_again),
        cmocka_unit_test(two_builds_that_pull_one_name_at_once_are_tried_again),
        cmocka_unit_test(a_disk_with_room_is_not_full),
    };

    return cmocka_run_group_tests_name("blame", tests, NULL, NULL);
}
