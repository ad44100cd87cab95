/* Agents that people drain, or that fail whatever they are given; who comes first; how much at once. */
#include "tests/core/world.h"

static const struct lk_agent *agent_named(const struct world *w, const char *name)
{
    const struct lk_agent *agent;

    for (size_t i = 0; (agent = lk_core_agent(w->core, i)); i++)
        if (strcmp(agent->name, name) == 0)
            return agent;
    return NULL;
}

static uint64_t push_tag(struct world *w, uint8_t key, const char *tag)
{
    struct request request = request_of(key, "org/it", tag, 1, &amd64);

    submit(w, &request);
    return w->push;
}

static void check_waits_for(const struct world *w, const char *why)
{
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    if (!strstr(job_of(w, &amd64)->text, why))
        fail_msg("it waits for another reason: %s", job_of(w, &amd64)->text);
}

/* ---- drained ---- */

static void a_drained_agent_gets_nothing_new_until_it_is_resumed(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 4);
    drain(w, "a", "a new disk");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NONE);
    assert_string_equal(agent_named(w, "a")->drained_why, "a new disk");
    push_tag(w, 1, "abc");
    settle(w);
    check_waits_for(w, "`lkcoord agents resume a`");
    resume(w, "a");
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void a_drained_agent_finishes_what_it_has(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 4);
    push_tag(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    drain(w, "a", "");
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(job_of(w, &amd64)->attempt, 1);
}

static void a_drain_outlives_restarts_of_both(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    drain(w, "a", "a new disk");
    crash_and_reconnect(w, false);
    push_tag(w, 1, "abc");
    settle(w);
    check_waits_for(w, "drained");
    gone(w, &w->agents[0]);
    reconnect(w, &w->agents[0]);
    settle(w);
    check_waits_for(w, "drained");
    resume(w, "a");
    crash_and_reconnect(w, false);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

/* It is known by its drain alone: that does not mean that it has left. */
static void a_restart_does_not_take_a_drained_agents_job_away(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    push_tag(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    settle(w);
    drain(w, "a", "");
    crash(w, false);
    timer(w);
    assert_int_equal(job_of(w, &amd64)->attempt, 1);
    reconnect(w, &w->agents[0]);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(job_of(w, &amd64)->attempt, 1);
}

static void others_do_the_work_of_a_drained_agent(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 8);
    add_agent(w, "b", &amd64, false, 1);
    drain(w, "a", "");
    push_tag(w, 1, "abc");
    run(w);
    assert_string_equal(job_of(w, &amd64)->agent, "b");
}

static void draining_twice_is_one_fact_and_a_new_reason_another(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    drain(w, "a", "disk");
    size_t count = w->fact_count;
    drain(w, "a", "disk");
    assert_int_equal(w->fact_count, count);
    drain(w, "a", "memory");
    assert_int_equal(w->fact_count, count + 1);
    resume(w, "a");
    resume(w, "a");
    assert_int_equal(w->fact_count, count + 2);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NONE);
}

static void who_is_not_known_cannot_be_resumed_but_drained_beforehand(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    resume(w, "a");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NOT_FOUND);
    drain(w, "", "");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
    drain(w, "a", "");
    push_tag(w, 1, "abc");
    settle(w);
    check_waits_for(w, "no connected agent");
    add_agent(w, "a", &amd64, false, 1);
    check_waits_for(w, "drained");
}

/* Who is drained is remembered; so it keeps its place, and the drain of one too many is refused. */
static void a_drained_agent_gives_way_to_nobody(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.agents_max = 2;

    LK_WORLD            w = world_new(&config);
    struct world_agent *first = add_agent(w, "first", &amd64, false, 1);

    drain(w, "first", "");
    drain(w, "second", "");
    gone(w, first);
    assert_false(lk_core_takes_agent(w->core, "third"));
    drain(w, "third", "");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_LIMIT);
    resume(w, "first");
    assert_true(lk_core_takes_agent(w->core, "third"));
    drain(w, "third", "");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NONE);
    assert_null(agent_named(w, "first"));
    crash(w, false);
    assert_true(agent_named(w, "second")->drained);
    assert_true(agent_named(w, "third")->drained);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drained_agent_gets_nothing_new_until_it_is_resumed),
        cmocka_unit_test(a_drained_agent_finishes_what_it_has),
        cmocka_unit_test(a_drain_outlives_restarts_of_both),
        cmocka_unit_test(a_restart_does_not_take_a_drained_agents_job_away),
        cmocka_unit_test(others_do_the_work_of_a_drained_agent),
        cmocka_unit_test(draining_twice_is_one_fact_and_a_new_reason_another),
        cmocka_unit_test(who_is_not_known_cannot_be_resumed_but_drained_beforehand),
        cmocka_unit_test(a_drained_agent_gives_way_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
