/* Pushes whose time is over. */
#include "tests/core/world.h"

#define TIMEOUT_S 30

static void submit_with_timeout(struct world *w)
{
    struct request request = request_of(1, "org/it", "abc", 3, three);

    request.options.timeout_s = TIMEOUT_S;
    submit(w, &request);
}

/* amd64's agent is there and gets nowhere; the others are done. */
static void wait_for_amd64(struct world *w)
{
    w->agents[0].stuck = true;
    submit_with_timeout(w);
    for (int i = 0; i < 2; i++)
        run_until_job(w, i ? &s390x : &arm64, LK_JOB_DONE);
}

static void wait_until(struct world *w, int64_t when_ms)
{
    wait_ms(w, when_ms - w->now_ms);
}

static void is_late(struct world *w, const char *why)
{
    const struct lk_push *push = push_of(w);

    assert_int_equal(push->state, LK_PUSH_ENDED);
    assert_int_equal(push->outcome, LK_OUTCOME_INFRASTRUCTURE);
    assert_string_equal(push->packages->text, why);
    assert_null(tag_in(w, "org/it", "abc", false));
}

static void a_push_is_cancelled_when_its_time_is_over_and_not_before(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    wait_for_amd64(w);
    wait_until(w, push_of(w)->since_ms + TIMEOUT_S * 1000 - 1);
    assert_int_equal(push_of(w)->state, LK_PUSH_RUNNING);
    wait_ms(w, 1);
    is_late(w, "was not done after --timeout 30 and is cancelled: amd64");
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_CANCELLED);
    assert_int_equal(w->last[LK_EFFECT_DROP].job, job_of(w, &amd64)->id);
    assert_int_equal(job_of(w, &arm64)->state, LK_JOB_DONE);
    cancel(w, w->push);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_CONFLICT);
}

static void what_a_late_push_waited_for_is_said(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a2", &arm64, false, 1);
    submit_with_timeout(w);
    run(w);
    assert_int_equal(w->now_ms, push_of(w)->since_ms + TIMEOUT_S * 1000);
    is_late(w, "was not done after --timeout 30 and is cancelled: amd64: no connected agent "
               "builds for amd64");
}

static void a_source_that_is_not_in_by_then_is_said(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    w->source_is_late = true;
    submit_with_timeout(w);
    run(w);
    is_late(w, "was not done after --timeout 30 and is cancelled: its source was not in");
}

static void what_waits_for_another_push_of_its_tag_says_so(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    w->agents[0].stuck = true;
    submit_three(w);
    struct request request = request_of(2, "org/it", "abc", 3, three);
    request.options.timeout_s = TIMEOUT_S;
    submit(w, &request);
    settle(w);
    wait_ms(w, TIMEOUT_S * 1000);
    is_late(w, "was not done after --timeout 30 and is cancelled: the same package is being "
               "pushed already; waits for that");
}

/* How long a restart takes is not known: the time begins anew. */
static void after_a_restart_the_time_begins_anew(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    wait_for_amd64(w);
    wait_ms(w, 20000);
    crash_and_reconnect(w, false);
    int64_t started_ms = push_of(w)->since_ms;
    wait_until(w, started_ms + TIMEOUT_S * 1000 - 1);
    assert_int_equal(push_of(w)->state, LK_PUSH_RUNNING);
    wait_ms(w, 1);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_INFRASTRUCTURE);
}

static void a_late_push_is_late_after_a_restart_too(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    wait_for_amd64(w);
    wait_ms(w, TIMEOUT_S * 1000);
    crash_and_reconnect(w, false);
    assert_true(push_of(w)->timed_out);
    is_late(w, "was not done after --timeout 30 and is cancelled: amd64");
}

/* From the merge on the tag may have moved: then it is moved, and known. */
static void a_push_whose_index_is_being_published_is_not_late(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_with_timeout(w);
    run_until_effect(w, LK_EFFECT_TAG);
    wait_ms(w, TIMEOUT_S * 1000);
    assert_int_equal(push_of(w)->state, LK_PUSH_RUNNING);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_non_null(tag_in(w, "org/it", "abc", false));
}

static void a_late_push_that_is_retried_has_its_whole_time_again(void **state)
{
    LK_WORLD        w = world_of_three();
    uint8_t         key[16] = { 1 };
    struct lk_event event = { .type = LK_EVENT_RETRY };

    (void)state;
    wait_for_amd64(w);
    wait_ms(w, TIMEOUT_S * 1000);
    event.retry.request_key = key;
    event.retry.push = w->push;
    step(w, &event);
    int64_t retried_ms = w->now_ms;
    wait_until(w, retried_ms + TIMEOUT_S * 1000 - 1);
    assert_int_equal(push_of(w)->state, LK_PUSH_RUNNING);
    w->agents[0].stuck = false;
    wait_ms(w, 1);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_INFRASTRUCTURE);
    key[0] = 2;
    step(w, &event);
    for (size_t i = 0; i < 3; i++)
        alive(w, &w->agents[i]);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void one_that_failed_is_told_as_failed_though_another_was_late(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 3, three);

    (void)state;
    request.options.timeout_s = TIMEOUT_S;
    request.options.keep_going = true;
    w->agents[0].stuck = true;
    submit(w, &request);
    run_until_build_fails(w);
    wait_ms(w, TIMEOUT_S * 1000);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_is_cancelled_when_its_time_is_over_and_not_before),
        cmocka_unit_test(what_a_late_push_waited_for_is_said),
        cmocka_unit_test(a_source_that_is_not_in_by_then_is_said),
        cmocka_unit_test(what_waits_for_another_push_of_its_tag_says_so),
        cmocka_unit_test(after_a_restart_the_time_begins_anew),
        cmocka_unit_test(a_late_push_is_late_after_a_restart_too),
        cmocka_unit_test(a_push_whose_index_is_being_published_is_not_late),
        cmocka_unit_test(a_late_push_that_is_retried_has_its_whole_time_again),
        cmocka_unit_test(one_that_failed_is_told_as_failed_though_another_was_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
