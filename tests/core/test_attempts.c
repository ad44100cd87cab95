/* Several attempts at one job: which one counts, and who is told what. */
#include "tests/core/world.h"

static struct lk_event report_of(const struct world_agent *agent, uint64_t job,
                                 uint32_t attempt, enum lk_phase phase)
{
    struct lk_event event = { .type = LK_EVENT_REPORT };

    event.report.agent = agent->name;
    event.report.session = agent->session;
    event.report.job = job;
    event.report.attempt = attempt;
    event.report.phase = phase;
    event.report.child = child_of(job, attempt);
    event.report.text = "";
    return event;
}

static void say(struct world *w, const struct world_agent *agent, uint32_t attempt,
                enum lk_phase phase)
{
    struct lk_event event = report_of(agent, job_of(w, &amd64)->id, attempt, phase);

    step(w, &event);
}

static void check_attempt(const struct world *w, uint32_t attempt, enum lk_job_state state)
{
    assert_int_equal(job_of(w, &amd64)->attempt, attempt);
    assert_int_equal(job_of(w, &amd64)->state, state);
}

static void forget_effects(struct world *w)
{
    w->queue_first = w->queue_end;
}

static void push_amd64(struct world *w)
{
    struct request request = request_of(1, "org/it", "abc", 1, &amd64);

    submit(w, &request);
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    forget_effects(w);
}

/* Attempt 1 is with "a", whose line was cut until its lease had ended, and attempt 2 with "b". */
static struct world *world_of_two_attempts(void)
{
    struct world *w = world_new(&lk_core_defaults);

    add_agent(w, "a", &amd64, false, 1);
    push_amd64(w);
    wait_ms(w, w->config.lease_ms);
    add_agent(w, "b", &amd64, false, 1);
    wait_ms(w, 2000);
    check_attempt(w, 2, LK_JOB_ASSIGNED);
    forget_effects(w);
    hello(w, &w->agents[0]);
    return w;
}

static void who_comes_back_while_another_one_builds_goes_on_in_competition(void **state)
{
    LK_WORLD w = world_of_two_attempts();
    unsigned drops = w->seen[LK_EFFECT_DROP];

    (void)state;
    say(w, &w->agents[0], 1, LK_PHASE_BUILDING);
    check_attempt(w, 2, LK_JOB_ASSIGNED);
    assert_int_equal(w->seen[LK_EFFECT_DROP], drops);
    say(w, &w->agents[0], 1, LK_PHASE_BUILT);
    check_attempt(w, 1, LK_JOB_BUILT);
    assert_int_equal(w->seen[LK_EFFECT_DROP], drops + 1);
    assert_int_equal(w->last[LK_EFFECT_DROP].session, w->agents[1].session);
}

static void who_fails_in_competition_leaves_the_other_one_alone(void **state)
{
    LK_WORLD w = world_of_two_attempts();

    (void)state;
    say(w, &w->agents[0], 1, LK_PHASE_FAILED);
    check_attempt(w, 2, LK_JOB_ASSIGNED);
    assert_int_equal(w->last[LK_EFFECT_DROP].session, w->agents[0].session);
    assert_int_equal(w->last[LK_EFFECT_DROP].attempt, 1);
}

static void only_an_older_attempt_goes_on_in_competition(void **state)
{
    LK_WORLD w = world_of_two_attempts();

    (void)state;
    wait_ms(w, w->config.lease_ms);
    check_attempt(w, 2, LK_JOB_QUEUED);
    say(w, &w->agents[0], 1, LK_PHASE_BUILDING);
    check_attempt(w, 1, LK_JOB_ASSIGNED);
    hello(w, &w->agents[1]);
    say(w, &w->agents[1], 2, LK_PHASE_BUILDING);
    check_attempt(w, 1, LK_JOB_ASSIGNED);
    assert_int_equal(w->last[LK_EFFECT_DROP].session, w->agents[1].session);
    assert_int_equal(w->last[LK_EFFECT_DROP].attempt, 2);
}

/* It slept with attempt 1, was given attempt 2, and was told to drop that; of attempt 1 it was told nothing. */
static void what_was_built_counts_although_a_later_attempt_was_dropped(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    push_amd64(w);
    say(w, &w->agents[0], 1, LK_PHASE_BUILT);
    wait_ms(w, w->config.lease_ms);
    alive(w, &w->agents[0]);
    wait_ms(w, 2000);
    check_attempt(w, 2, LK_JOB_ASSIGNED);
    wait_ms(w, w->config.lease_ms);
    assert_int_equal(w->last[LK_EFFECT_DROP].attempt, 2);
    say(w, &w->agents[0], 1, LK_PHASE_BUILT);
    check_attempt(w, 1, LK_JOB_BUILT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_back_while_another_one_builds_goes_on_in_competition),
        cmocka_unit_test(who_fails_in_competition_leaves_the_other_one_alone),
        cmocka_unit_test(only_an_older_attempt_goes_on_in_competition),
        cmocka_unit_test(what_was_built_counts_although_a_later_attempt_was_dropped),
    };

    return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
