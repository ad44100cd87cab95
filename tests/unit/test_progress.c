/* coordinator/cli: the picture of a push, and the text made of it. */
#include "coordinator/cli/picture.h"
#include "coordinator/cli/picture_json.h"
#include "coordinator/cli/plan_text.h"
#include "coordinator/cli/progress.h"
#include "coordinator/cli/tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static lk_wire_PackageUpdate package_update(lk_wire_PackageState state)
{
    lk_wire_PackageUpdate update = { .push = 12, .state = state };

    strcpy(update.repository, "127.0.0.1:5000/linuxkit/hello");
    strcpy(update.tag, "abc");
    return update;
}

static lk_wire_JobUpdate job_update(const char *arch, lk_wire_JobState state)
{
    lk_wire_JobUpdate update = { .push = 12, .job = 1, .attempt = 1, .state = state };

    strcpy(update.arch, arch);
    return update;
}

static int make(void **state)
{
    struct lk_picture    *picture = lk_xcalloc(1, sizeof(*picture));
    lk_wire_PushUpdate    push = { .push = 12, .state = lk_wire_PushState_PUSH_RUNNING };
    lk_wire_PackageUpdate package = package_update(lk_wire_PackageState_PACKAGE_ACTIVE);

    lk_picture_init(picture, 12);
    lk_picture_take_push(picture, &push, 1000);
    lk_picture_take_package(picture, &package);
    *state = picture;
    return 0;
}

static int unmake(void **state)
{
    lk_picture_fini(*state);
    free(*state);
    return 0;
}

static void jobs_stand_in_the_order_of_architectures(void **state)
{
    struct lk_picture *picture = *state;

    for (size_t i = 0; i < 3; i++) {
        lk_wire_JobUpdate update = job_update((const char *[]) { "s390x", "amd64", "arm64" }[i],
                                              lk_wire_JobState_JOB_QUEUED);

        update.job = i + 1;
        assert_true(lk_picture_take_job(picture, &update, 1000, NULL));
        assert_false(lk_picture_take_job(picture, &update, 1000, NULL));
    }
    assert_int_equal(picture->packages[0].job_count, 3);
    assert_string_equal(picture->packages[0].jobs[0].arch.name, "amd64");
    assert_string_equal(picture->packages[0].jobs[2].arch.name, "s390x");
}

static void what_does_not_fit_is_ignored(void **state)
{
    struct lk_picture    *picture = *state;
    lk_wire_PackageUpdate package = package_update(lk_wire_PackageState_PACKAGE_ACTIVE);
    lk_wire_JobUpdate     job = job_update("amd64", lk_wire_JobState_JOB_QUEUED);

    package.package = LK_PUSH_PACKAGES_MAX;
    assert_false(lk_picture_take_package(picture, &package));
    job.package = UINT32_MAX;
    assert_false(lk_picture_take_job(picture, &job, 1, NULL));
    job.package = 0;
    job.push = 13;
    assert_false(lk_picture_take_job(picture, &job, 1, NULL));
    job.push = 12;
    strcpy(job.arch, "NO/ARCH");
    assert_false(lk_picture_take_job(picture, &job, 1, NULL));
    for (int i = 0; i < 2 * LK_PACKAGE_ARCHES_MAX; i++) {
        job.arch[0] = 'a';
        job.arch[1] = (char)('a' + i);
        job.arch[2] = '\0';
        lk_picture_take_job(picture, &job, 1, NULL);
    }
    assert_int_equal(picture->package_count, 1);
    assert_int_equal(picture->packages[0].job_count, LK_PACKAGE_ARCHES_MAX);
}

static void the_prefix_names_package_architecture_and_agent(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(1024);
    struct lk_picture                    *picture = *state;
    lk_wire_JobUpdate update = job_update("s390x", lk_wire_JobState_JOB_ASSIGNED);

    update.phase = lk_wire_Phase_PHASE_BUILDING;
    update.emulated = true;
    update.attempt = 2;
    strcpy(update.agent, "z1");
    strcpy(update.text, "bad\nline");
    lk_picture_take_job(picture, &update, 1000, NULL);
    lk_progress_job_line(&line, &picture->packages[0], &picture->packages[0].jobs[0]);
    assert_string_equal(lk_buf_text(&line),
                        "[hello/s390x@z1] building (emulated), attempt 2: bad?line");
}

static void seconds_run_from_the_assignment_to_the_end(void **state)
{
    struct lk_picture     *picture = *state;
    struct lk_picture_job *job = &picture->packages[0].jobs[0];
    lk_wire_JobUpdate      update = job_update("amd64", lk_wire_JobState_JOB_QUEUED);

    lk_picture_take_job(picture, &update, 10000, NULL);
    assert_int_equal(lk_picture_job_ms(job, 20000), -1);
    update.state = lk_wire_JobState_JOB_ASSIGNED;
    update.state_ms = 2000;
    lk_picture_take_job(picture, &update, 20000, NULL);
    assert_int_equal(lk_picture_job_ms(job, 23000), 5000);
    update.state = lk_wire_JobState_JOB_DONE;
    update.state_ms = 0;
    lk_picture_take_job(picture, &update, 30000, NULL);
    assert_int_equal(lk_picture_job_ms(job, 99000), 12000);
    update.state_ms = UINT64_MAX;
    lk_picture_take_job(picture, &update, 30000, NULL);
    assert_int_equal(lk_picture_job_ms(job, 99000), 12000);
}

static void a_block_keeps_to_the_terminals_size(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf block = LK_BUF_INIT(256 * 1024);
    struct lk_picture                    *picture = *state;
    size_t                                lines;
    size_t                                counted = 0;
    size_t                                width = 0;

    for (uint32_t i = 0; i < 40; i++) {
        lk_wire_PackageUpdate package = package_update(lk_wire_PackageState_PACKAGE_ACTIVE);
        lk_wire_JobUpdate     job = job_update("amd64", lk_wire_JobState_JOB_QUEUED);

        package.package = job.package = i;
        lk_picture_take_package(picture, &package);
        lk_picture_take_job(picture, &job, 1000, NULL);
    }
    lk_progress_block(&block, picture, 5000, 30, 12, &lines);
    for (const char *c = lk_buf_text(&block); *c; c++) {
        width = *c == '\n' ? 0 : width + 1;
        counted += *c == '\n';
        assert_true(width < 30);
    }
    assert_int_equal(counted, lines);
    assert_true(lines < 12);
    assert_non_null(strstr(lk_buf_text(&block), "more packages"));
}

static void json_has_a_schema_and_null_for_what_is_not_there(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(64 * 1024);
    struct lk_picture                    *picture = *state;
    lk_wire_JobUpdate update = job_update("amd64", lk_wire_JobState_JOB_QUEUED);

    lk_picture_take_job(picture, &update, 1000, NULL);
    lk_picture_json(&out, "lkcoord.push/1", picture);
    assert_true(lk_buf_ok(&out));
    assert_true(lk_str_starts(lk_buf_str(&out), "{\"schema\":\"lkcoord.push/1\",\"push\":12,"));
    assert_non_null(strstr(lk_buf_text(&out), "\"digest\":null"));
    assert_non_null(strstr(lk_buf_text(&out), "\"exit\":null"));
}

static void a_plan_says_build_keep_and_take(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(64 * 1024);
    struct lk_picture                    *picture = *state;
    lk_wire_JobUpdate build = job_update("arm64", lk_wire_JobState_JOB_QUEUED);
    lk_wire_JobUpdate keep = job_update("amd64", lk_wire_JobState_JOB_KEPT);
    lk_wire_JobUpdate take = job_update("s390x", lk_wire_JobState_JOB_STAGED);

    lk_picture_take_job(picture, &build, 1000, NULL);
    lk_picture_take_job(picture, &keep, 1000, NULL);
    lk_picture_take_job(picture, &take, 1000, NULL);
    lk_plan_text(&out, &(struct lk_submission) { 0 }, picture);
    assert_string_equal(lk_buf_text(&out), "127.0.0.1:5000/linuxkit/hello:abc\n"
                                           "  amd64    keep\n"
                                           "  arm64    build\n"
                                           "  s390x    take\n");
}

static void count_line(void *ctx, struct lk_str line)
{
    struct lk_buf *seen = ctx;

    lk_buf_add_str(seen, line);
    lk_buf_add_text(seen, "|");
}

static void a_tail_keeps_the_last_lines(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf   seen = LK_BUF_INIT(1024 * 1024);
    LK_CLEANUP(lk_tail_fini) struct lk_tail tail;

    (void)state;
    lk_tail_init(&tail);
    lk_tail_each(&tail, 3, count_line, &seen);
    assert_string_equal(lk_buf_text(&seen), "");
    lk_tail_add(&tail, LK_STR("one\ntwo\n"));
    lk_tail_each(&tail, 3, count_line, &seen);
    assert_string_equal(lk_buf_text(&seen), "one|two|");
    for (int i = 0; i < 50000; i++)
        lk_tail_add(&tail, LK_STR("filler filler\n"));
    lk_tail_add(&tail, LK_STR("y\n\nz"));
    lk_buf_clear(&seen);
    lk_tail_each(&tail, 3, count_line, &seen);
    assert_string_equal(lk_buf_text(&seen), "y||z|");
    assert_true(tail.cut);
    assert_true(lk_buf_ok(&tail.kept));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_stand_in_the_order_of_architectures, make, unmake),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_ignored, make, unmake),
        cmocka_unit_test_setup_teardown(the_prefix_names_package_architecture_and_agent, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(seconds_run_from_the_assignment_to_the_end, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(a_block_keeps_to_the_terminals_size, make, unmake),
        cmocka_unit_test_setup_teardown(json_has_a_schema_and_null_for_what_is_not_there, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(a_plan_says_build_keep_and_take, make, unmake),
        cmocka_unit_test(a_tail_keeps_the_last_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
