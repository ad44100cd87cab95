/* coordinator/cli/deadline: --timeout, read and explained. */
#include "coordinator/cli/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void seconds_become_milliseconds_and_none_is_for_ever(void **state)
{
    struct lk_err err;
    int64_t       timeout_ms;

    (void)state;
    assert_int_equal(lk_deadline_parse(&timeout_ms, "timeout", "90", &err), 0);
    assert_int_equal(timeout_ms, 90000);
    assert_int_equal(lk_deadline_parse(&timeout_ms, "timeout", NULL, &err), 0);
    assert_int_equal(timeout_ms, 0);
}

static void what_is_no_number_of_seconds_is_refused(void **state)
{
    static const char *const wrong[] = { "", "0", "-1", "1.5", "5s", "604801", "1e3" };
    struct lk_err            err;
    int64_t                  timeout_ms;

    (void)state;
    for (size_t i = 0; i < LK_COUNT(wrong); i++) {
        assert_int_equal(lk_deadline_parse(&timeout_ms, "timeout", wrong[i], &err), -1);
        assert_int_equal(err.kind, LK_ERR_INVALID);
        assert_non_null(strstr(err.text, "from 1 to 604800"));
    }
}

static void add_job(struct lk_picture *picture, const char *arch, lk_wire_JobState state,
                    const char *text)
{
    struct lk_picture_job *job = &picture->packages[0].jobs[picture->packages[0].job_count++];

    snprintf(job->arch.name, sizeof(job->arch.name), "%s", arch);
    snprintf(job->text, sizeof(job->text), "%s", text);
    job->state = state;
}

static void expect(const struct lk_picture *picture, const char *text)
{
    struct lk_err err;

    lk_deadline_explain(picture, 3, &err);
    assert_int_equal(err.kind, LK_ERR_RETRY);
    assert_string_equal(err.text, text);
}

static void what_waits_with_a_reason_is_named_before_what_is_at_work(void **state)
{
    struct lk_picture picture;

    (void)state;
    lk_picture_init(&picture, 7);
    picture.package_count = 1;
    snprintf(picture.packages[0].repository, sizeof(picture.packages[0].repository),
             "host/org/kernel");
    add_job(&picture, "amd64", lk_wire_JobState_JOB_DONE, "");
    add_job(&picture, "arm64", lk_wire_JobState_JOB_BUILT, "");
    expect(&picture, "push 7 was not done after --timeout 3 and is cancelled: kernel for "
                     "arm64: built");
    add_job(&picture, "s390x", lk_wire_JobState_JOB_QUEUED, "no agent");
    expect(&picture, "push 7 was not done after --timeout 3 and is cancelled: kernel for "
                     "s390x: queued: no agent");
    lk_picture_fini(&picture);
}

static void before_anything_is_known_that_is_what_is_said(void **state)
{
    struct lk_picture picture;

    (void)state;
    lk_picture_init(&picture, 0);
    expect(&picture, "the coordinator had not accepted the push after --timeout 3");
    picture.push = 8;
    expect(&picture, "push 8 was not done after --timeout 3 and is cancelled: the source was "
                     "not in");
    lk_picture_fini(&picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_become_milliseconds_and_none_is_for_ever),
        cmocka_unit_test(what_is_no_number_of_seconds_is_refused),
        cmocka_unit_test(what_waits_with_a_reason_is_named_before_what_is_at_work),
        cmocka_unit_test(before_anything_is_known_that_is_what_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
