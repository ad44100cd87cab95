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

static void fail_with(struct world *w, uint32_t attempt, enum lk_err_kind kind)
{
    struct lk_event event =
        report_of(&w->agents[0], job_of(w, &amd64)->id, attempt, LK_PHASE_FAILED);
    event.report.kind = kind;
    event.report.text = "no";
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

/* The later one, given a moment ago, was somebody else's. */
static void what_is_taken_back_and_fails_has_not_failed_at_once(void **state)
{
    LK_WORLD w = world_of_two_attempts();

    (void)state;
    gone(w, &w->agents[1]);
    say(w, &w->agents[0], 1, LK_PHASE_BUILDING);
    check_attempt(w, 1, LK_JOB_ASSIGNED);
    fail_with(w, 1, LK_ERR_PERMANENT);
    check_attempt(w, 1, LK_JOB_QUEUED);
    assert_int_equal(lk_core_agent(w->core, 0)->failures, 0);
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

/* Both attempts are its own, in one session: the ticket that it was sent is not of the one that counts. */
static void what_is_taken_back_gets_a_ticket_of_its_own(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *agent = add_agent(w, "a", &amd64, false, 1);

    (void)state;
    push_amd64(w);
    say(w, agent, 1, LK_PHASE_BUILT);
    wait_ms(w, w->config.lease_ms);
    alive(w, agent);
    check_attempt(w, 2, LK_JOB_ASSIGNED);
    say(w, agent, 2, LK_PHASE_BUILT);
    assert_int_equal(w->last[LK_EFFECT_TICKET].attempt, 2);
    wait_ms(w, w->config.lease_ms);
    check_attempt(w, 2, LK_JOB_QUEUED);
    say(w, agent, 1, LK_PHASE_BUILT);
    check_attempt(w, 1, LK_JOB_BUILT);
    assert_int_equal(w->last[LK_EFFECT_TICKET].attempt, 1);
}

static void who_comes_back_inside_its_turn_is_told_its_permit_again(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *agent = add_agent(w, "a", &amd64, false, 1);

    (void)state;
    push_amd64(w);
    say(w, agent, 1, LK_PHASE_BUILT);
    say(w, agent, 1, LK_PHASE_STAGED);
    check_attempt(w, 1, LK_JOB_IN_TURN);
    uint64_t fence = w->last[LK_EFFECT_PERMIT].fence;
    hello(w, agent);
    say(w, agent, 1, LK_PHASE_STAGED);
    assert_int_equal(w->seen[LK_EFFECT_PERMIT], 2);
    assert_int_equal(w->last[LK_EFFECT_PERMIT].session, agent->session);
    assert_int_equal(w->last[LK_EFFECT_PERMIT].fence, fence);
}

/* ---- failures ---- */

static void what_an_agent_is_denied_is_told_at_once_and_tried_nowhere_else(void **state)
{
    static const enum lk_err_kind kinds[] = { LK_ERR_DENIED, LK_ERR_CONFLICT };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(kinds); i++) {
        LK_WORLD w = world_new(&lk_core_defaults);
        add_agent(w, "a", &amd64, false, 1);
        push_amd64(w);
        add_agent(w, "b", &amd64, false, 1);
        say(w, &w->agents[0], 1, LK_PHASE_TAKEN);
        fail_with(w, 1, kinds[i]);
        check_attempt(w, 1, LK_JOB_FAILED);
        assert_int_equal(push_of(w)->outcome, LK_OUTCOME_REFUSED);
    }
}

static void each_failure_doubles_the_pause_before_the_next_attempt(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.failures_max = 9;
    config.quarantine_after = 0;

    LK_WORLD w = world_new(&config);

    add_agent(w, "a", &amd64, false, 1);
    push_amd64(w);
    for (uint32_t attempt = 1; attempt < 9; attempt++) {
        say(w, &w->agents[0], attempt, LK_PHASE_TAKEN);
        fail_with(w, attempt, LK_ERR_PERMANENT);
        int64_t pause_ms = 1000LL << (attempt - 1) < 30000 ? 1000LL << (attempt - 1) : 30000;
        assert_int_equal(job_of(w, &amd64)->not_before_ms - w->now_ms, pause_ms);
        alive(w, &w->agents[0]);
        w->now_ms += pause_ms;
        alive(w, &w->agents[0]);
        timer(w);
        check_attempt(w, attempt + 1, LK_JOB_ASSIGNED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_back_while_another_one_builds_goes_on_in_competition),
        cmocka_unit_test(who_fails_in_competition_leaves_the_other_one_alone),
        cmocka_unit_test(what_is_taken_back_and_fails_has_not_failed_at_once),
        cmocka_unit_test(only_an_older_attempt_goes_on_in_competition),
        cmocka_unit_test(what_was_built_counts_although_a_later_attempt_was_dropped),
        cmocka_unit_test(what_is_taken_back_gets_a_ticket_of_its_own),
        cmocka_unit_test(who_comes_back_inside_its_turn_is_told_its_permit_again),
        cmocka_unit_test(what_an_agent_is_denied_is_told_at_once_and_tried_nowhere_else),
        cmocka_unit_test(each_failure_doubles_the_pause_before_the_next_attempt),
    };

    return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
