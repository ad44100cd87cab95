#include "tests/core/world.h"

static struct world *world_with(const char *name, const struct lk_arch *arch, uint32_t slots)
{
    struct world *w = world_new(&lk_core_defaults);

    add_agent(w, name, arch, false, slots);
    return w;
}

static void push_amd64(struct world *w, uint8_t key, const char *tag)
{
    struct request request = request_of(key, "org/it", tag, 1, &amd64);

    submit(w, &request);
}

static void check_agent(const struct world *w, const char *name, uint32_t attempt)
{
    assert_string_equal(job_of(w, &amd64)->agent, name);
    assert_int_equal(job_of(w, &amd64)->attempt, attempt);
}

/* One job runs on "a", which falls silent; then "b" comes. */
static struct world *world_with_a_silent_agent(void)
{
    struct world *w = world_with("a", &amd64, 1);

    push_amd64(w, 1, "abc");
    w->agents[0].stuck = true;
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    settle(w);
    w->agents[0].frozen = true;
    add_agent(w, "b", &amd64, false, 1);
    w->agents[1].stuck = true;
    return w;
}

static void when_a_lease_runs_out_its_job_is_given_to_another_at_once(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    wait_ms(w, job_of(w, &amd64)->lease_until_ms - 1 - w->now_ms);
    alive(w, &w->agents[1]);
    check_agent(w, "a", 1);
    wait_ms(w, 1);
    check_agent(w, "b", 2);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_ASSIGNED);
}

static void a_lease_that_ran_out_is_a_new_attempt_elsewhere(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    for (unsigned i = 0; i < 20 && job_of(w, &amd64)->attempt == 1; i++)
        sleep_until_woken(w);
    settle(w);
    check_agent(w, "b", 2);
    assert_true(w->now_ms >= 5000 + w->config.lease_ms);
    w->agents[1].stuck = false;
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void of_two_attempts_the_late_one_wins_if_it_is_built_first(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    while (job_of(w, &amd64)->attempt == 1)
        sleep_until_woken(w);
    settle(w);
    struct world_slot *late = &w->agents[0].slots[0];
    late->phase = LK_PHASE_BUILT;
    late->child = child_of(late->job, late->attempt);
    w->agents[0].frozen = w->agents[0].stuck = false;
    /* Its line was cut: it never read that it should drop that. */
    reconnect(w, &w->agents[0]);
    check_agent(w, "a", 1);
    settle(w);
    assert_int_equal(w->agents[1].slots[0].job, 0);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    struct lk_child first = child_of(job_of(w, &amd64)->id, 1);
    assert_true(lk_digest_eq(&job_of(w, &amd64)->child.digest, &first.digest));
}

static void of_two_attempts_the_late_one_is_dropped_if_it_is_built_second(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    while (job_of(w, &amd64)->attempt == 1)
        sleep_until_woken(w);
    w->agents[1].stuck = false;
    run_until_job(w, &amd64, LK_JOB_BUILT);
    struct world_slot *late = &w->agents[0].slots[0];
    late->phase = LK_PHASE_BUILT;
    late->child = child_of(late->job, late->attempt);
    w->agents[0].frozen = false;
    uint64_t stale = w->stale;
    report(w, &w->agents[0], late, LK_ERR_NONE);
    assert_int_equal(w->stale, stale + 1);
    check_agent(w, "b", 2);
    settle(w);
    assert_int_equal(late->job, 0);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void who_only_slept_may_go_on_with_what_it_has_built(void **state)
{
    LK_WORLD           w = world_with("a", &amd64, 1);
    struct world_slot *slot = &w->agents[0].slots[0];

    (void)state;
    push_amd64(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_BUILT);
    w->agents[0].frozen = true;
    for (unsigned i = 0; i < 20 && job_of(w, &amd64)->state != LK_JOB_QUEUED; i++)
        sleep_until_woken(w);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    assert_int_equal(w->seen[LK_EFFECT_DROP], 0);
    w->agents[0].frozen = false;
    report(w, &w->agents[0], slot, LK_ERR_NONE);
    check_agent(w, "a", 1);
    run(w);
    check_agent(w, "a", 1);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void
what_an_agent_was_told_to_drop_is_not_taken_back_before_it_has_read_that(void **state)
{
    LK_WORLD           w = world_with("a", &amd64, 1);
    struct world_slot *slot = &w->agents[0].slots[0];

    (void)state;
    push_amd64(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_BUILT);
    struct world_slot before = *slot, other = *slot;
    other.child = child_of(99, 9);
    report(w, &w->agents[0], &other, LK_ERR_NONE);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    report(w, &w->agents[0], &before, LK_ERR_NONE);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    run(w);
    check_agent(w, "a", 2);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

/* What an agent would say of attempt 1 if it had been given it. */
static void claim(struct world *w, struct world_agent *agent, enum lk_phase phase)
{
    struct world_slot slot = { .job = job_of(w, &amd64)->id, .attempt = 1, .phase = phase };

    slot.child = child_of(99, 9);
    report(w, agent, &slot, LK_ERR_NONE);
}

static void an_attempt_of_another_agent_cannot_be_claimed(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    claim(w, &w->agents[1], LK_PHASE_BUILT);
    check_agent(w, "a", 1);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_ASSIGNED);
    assert_int_equal(w->last[LK_EFFECT_DROP].session, w->agents[1].session);
    gone(w, &w->agents[0]);
    claim(w, &w->agents[1], LK_PHASE_BUILDING);
    claim(w, &w->agents[1], LK_PHASE_BUILT);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
}

static void who_had_which_attempt_outlives_our_restart(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    while (job_of(w, &amd64)->attempt == 1)
        sleep_until_woken(w);
    settle(w);
    crash(w, false);
    reconnect(w, &w->agents[1]);
    add_agent(w, "c", &amd64, false, 1);
    claim(w, &w->agents[2], LK_PHASE_BUILT);
    check_agent(w, "b", 2);
    struct world_slot *late = &w->agents[0].slots[0];
    late->phase = LK_PHASE_BUILT;
    late->child = child_of(late->job, late->attempt);
    w->agents[0].frozen = w->agents[0].stuck = false;
    reconnect(w, &w->agents[0]);
    check_agent(w, "a", 1);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void a_silent_agent_gets_nothing_new_until_it_speaks(void **state)
{
    LK_WORLD w = world_with("a", &amd64, 2);

    (void)state;
    w->agents[0].frozen = true;
    wait_ms(w, w->config.suspect_ms);
    assert_true(lk_core_agent(w->core, 0)->suspect);
    push_amd64(w, 1, "abc");
    settle(w);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    assert_non_null(strstr(job_of(w, &amd64)->text, "busy or silent"));
    w->agents[0].frozen = false;
    alive(w, &w->agents[0]);
    assert_false(lk_core_agent(w->core, 0)->suspect);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_ASSIGNED);
}

static void a_short_silence_costs_nothing(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    wait_ms(w, w->config.lease_ms - 1);
    w->agents[0].frozen = w->agents[0].stuck = false;
    alive(w, &w->agents[0]);
    report_all(w, &w->agents[0]);
    run(w);
    check_agent(w, "a", 1);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void
what_a_stopped_agent_keeps_waits_for_its_return_or_the_end_of_its_lease(void **state)
{
    (void)state;
    for (int returns = 0; returns < 2; returns++) {
        LK_WORLD w = world_with("a", &amd64, 1);
        push_amd64(w, 1, "abc");
        add_agent(w, "b", &amd64, false, 1);
        run_until_job(w, &amd64, LK_JOB_BUILT);
        w->agents[0].slots[0].phase = LK_PHASE_BUILT;
        stopped(w, &w->agents[0], true);
        wait_ms(w, w->config.lease_ms / 2);
        alive(w, &w->agents[1]);
        settle(w);
        check_agent(w, "a", 1);
        if (returns)
            reconnect(w, &w->agents[0]);
        run(w);
        check_agent(w, returns ? "a" : "b", returns ? 1 : 2);
        assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    }
}

static void what_a_stopped_agent_had_not_built_is_given_to_another_at_once(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    stopped(w, &w->agents[0], true);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
}

static void an_agent_that_says_goodbye_gives_its_jobs_back_at_once(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    gone(w, &w->agents[0]);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    assert_int_equal(job_of(w, &amd64)->failures, 0);
    assert_non_null(strstr(job_of(w, &amd64)->text, "agent a was stopped"));
    w->agents[1].stuck = false;
    wait_ms(w, 1000);
    settle(w);
    check_agent(w, "b", 2);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void an_agent_that_comes_back_without_its_job_lost_it(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    memset(w->agents[0].slots, 0, sizeof(w->agents[0].slots));
    w->agents[0].frozen = false;
    reconnect(w, &w->agents[0]);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    assert_int_equal(job_of(w, &amd64)->failures, 1);
    w->agents[0].stuck = w->agents[1].stuck = false;
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void an_agent_that_comes_back_with_its_job_keeps_it(void **state)
{
    LK_WORLD w = world_with_a_silent_agent();

    (void)state;
    w->agents[0].frozen = w->agents[0].stuck = false;
    reconnect(w, &w->agents[0]);
    run(w);
    check_agent(w, "a", 1);
}

static void losing_a_job_time_and_again_ends_the_push(void **state)
{
    LK_WORLD w = world_with("a", &amd64, 1);

    (void)state;
    push_amd64(w, 1, "abc");
    w->agents[0].stuck = true;
    for (unsigned i = 0; i < w->config.failures_max; i++) {
        settle(w);
        run_until_job(w, &amd64, LK_JOB_ASSIGNED);
        memset(w->agents[0].slots, 0, sizeof(w->agents[0].slots));
        reconnect(w, &w->agents[0]);
        wait_ms(w, 4000);
    }
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_INFRASTRUCTURE);
    assert_non_null(strstr(package_of(w)->text, "given up after 3 attempts"));
}

static void our_own_crashes_are_not_the_agents_failure(void **state)
{
    LK_WORLD w = world_with("a", &amd64, 1);

    (void)state;
    push_amd64(w, 1, "abc");
    for (unsigned i = 0; i < 5; i++) {
        run_until_effect(w, LK_EFFECT_OFFER);
        crash_and_reconnect(w, false);
        wait_ms(w, 1000);
    }
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void fail_time_and_again(enum lk_err_kind kind)
{
    LK_WORLD w = world_with("a", &amd64, 1);

    push_amd64(w, 1, "abc");
    w->agents[0].stuck = true;
    for (unsigned i = 0; i < w->config.failures_max; i++) {
        run_until_job(w, &amd64, LK_JOB_ASSIGNED);
        settle(w);
        struct world_slot *slot = &w->agents[0].slots[0];
        slot->phase = LK_PHASE_FAILED;
        report(w, &w->agents[0], slot, kind);
        settle(w);
        wait_ms(w, 4000);
    }
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_INFRASTRUCTURE);
}

static void a_failure_of_the_host_is_tried_elsewhere_but_not_for_ever(void **state)
{
    (void)state;
    fail_time_and_again(LK_ERR_PERMANENT);
}

static void a_host_that_is_full_after_it_took_the_job_counts_too(void **state)
{
    (void)state;
    fail_time_and_again(LK_ERR_LIMIT);
}

static void an_agent_without_a_free_slot_is_asked_less_and_less(void **state)
{
    LK_WORLD w = world_with("a", &amd64, 1);

    (void)state;
    w->agents[0].slot_count = 0; /* since it said 1 */
    push_amd64(w, 1, "abc");
    for (unsigned i = 0; i < 5; i++) {
        settle(w);
        sleep_until_woken(w);
    }
    assert_int_equal(job_of(w, &amd64)->failures, 0);
    w->agents[0].slot_count = 1;
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    w->agents[0].slot_count = 0;
    push_amd64(w, 2, "def");
    int64_t  before = w->now_ms;
    unsigned offers = w->seen[LK_EFFECT_OFFER];
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_INFRASTRUCTURE);
    assert_true(w->now_ms >= before + w->config.patience_ms);
    assert_true(w->now_ms <= before + 2 * w->config.patience_ms);
    assert_true(w->seen[LK_EFFECT_OFFER] < offers + 100);
}

static void an_agent_that_left_gives_way_to_a_new_one(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.agents_max = 2;

    LK_WORLD            w = world_new(&config);
    struct world_agent *first = add_agent(w, "first", &s390x, false, 1);

    add_agent(w, "second", &s390x, false, 1);
    assert_true(lk_core_takes_agent(w->core, "first"));
    assert_false(lk_core_takes_agent(w->core, "third"));
    gone(w, first);
    assert_true(lk_core_takes_agent(w->core, "third"));
    add_agent(w, "third", &amd64, false, 1);
    assert_false(lk_core_takes_agent(w->core, "first"));
    assert_null(lk_core_agent(w->core, 2));
    push_amd64(w, 1, "abc");
    run(w);
    check_agent(w, "third", 1);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void a_native_agent_is_preferred_to_an_emulating_one(void **state)
{
    LK_WORLD       w = world_new(&lk_core_defaults);
    struct request request = request_of(1, "org/it", "abc", 1, &amd64);

    (void)state;
    add_agent(w, "slow", &amd64, true, 8);
    add_agent(w, "fast", &amd64, false, 1);
    request.options.allow_emulation = true;
    submit(w, &request);
    run(w);
    check_agent(w, "fast", 1);
    assert_false(job_of(w, &amd64)->emulated);
}

static void emulation_is_used_only_where_it_is_allowed(void **state)
{
    LK_WORLD       w = world_new(&lk_core_defaults);
    struct request request = request_of(1, "org/it", "abc", 1, &amd64);

    (void)state;
    add_agent(w, "slow", &amd64, true, 8);
    submit(w, &request);
    settle(w);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    assert_non_null(strstr(job_of(w, &amd64)->text, "--allow-emulation"));
    cancel(w, w->push);
    request.key = 2;
    request.options.allow_emulation = true;
    submit(w, &request);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_true(job_of(w, &amd64)->emulated);
}

static void an_agent_is_given_no_more_than_its_slots(void **state)
{
    LK_WORLD           w = world_with("a", &amd64, 2);
    static const char *tags[] = { "t1", "t2", "t3", "t4", "t5" };

    (void)state;
    for (uint8_t i = 0; i < 5; i++)
        push_amd64(w, i, tags[i]);
    for (unsigned i = 0; i < 2000 && !all_ended(w); i++) {
        unsigned running = 0;
        for (uint64_t push = 1; push <= 5; push++) {
            enum lk_job_state now = lk_core_push(w->core, push)->packages->jobs[0].state;
            running += now >= LK_JOB_ASSIGNED && now <= LK_JOB_IN_TURN;
        }
        assert_true(running <= 2);
        assert_int_equal(lk_core_agent_busy(w->core, lk_core_agent(w->core, 0)), running);
        if (!move_one(w))
            sleep_until_woken(w);
    }
    assert_true(all_ended(w));
    assert_int_equal(w->tag_count, 5);
}

static void the_agent_with_most_free_slots_is_next(void **state)
{
    LK_WORLD w = world_with("a", &amd64, 1);

    (void)state;
    add_agent(w, "b", &amd64, false, 3);
    push_amd64(w, 1, "abc");
    run(w);
    check_agent(w, "b", 1);
}

static void a_job_without_an_agent_says_so_and_waits(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    push_amd64(w, 1, "abc");
    settle(w);
    assert_string_equal(job_of(w, &amd64)->text, "no connected agent builds for amd64");
    assert_true(w->wake_ms == INT64_MAX);
    add_agent(w, "a", &amd64, false, 1);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void a_ticket_is_sent_once_a_session_and_when_it_is_wanted(void **state)
{
    LK_WORLD        w = world_with("a", &amd64, 1);
    struct lk_event event = { .type = LK_EVENT_TICKET_WANTED };

    (void)state;
    push_amd64(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_BUILT);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 1);
    report(w, &w->agents[0], &w->agents[0].slots[0], LK_ERR_NONE);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 1);
    reconnect(w, &w->agents[0]);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 2);
    event.report.agent = "a";
    event.report.session = w->agents[0].session;
    event.report.job = job_of(w, &amd64)->id;
    event.report.attempt = 1;
    step(w, &event);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 3);
    event.report.attempt = 2;
    step(w, &event);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 3);
    assert_int_equal(w->stale, 1);
}

static void what_an_old_session_says_is_counted_and_dropped(void **state)
{
    LK_WORLD           w = world_with_a_silent_agent();
    struct world_agent old = w->agents[0];

    (void)state;
    w->agents[0].frozen = false;
    reconnect(w, &w->agents[0]);
    uint64_t stale = w->stale;
    report(w, &old, &old.slots[0], LK_ERR_NONE);
    alive(w, &old);
    gone(w, &old);
    assert_int_equal(w->stale, stale + 3);
    check_agent(w, "a", 1);
}

static void an_answer_to_an_old_question_is_counted_and_dropped(void **state)
{
    LK_WORLD w = world_with("a", &amd64, 1);

    (void)state;
    push_amd64(w, 1, "abc");
    run_until_effect(w, LK_EFFECT_PROBE);
    struct lk_effect probe = w->queue[w->queue_first];
    carry_out_one(w);
    answer_probe(w, &probe);
    assert_int_equal(w->stale, 1);
    run_until_effect(w, LK_EFFECT_ACCEPT_CHILD);
    struct lk_effect accept = w->queue[w->queue_first];
    carry_out_one(w);
    answer_accept(w, &accept);
    assert_int_equal(w->stale, 2);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void a_report_of_another_image_than_before_is_not_believed(void **state)
{
    LK_WORLD w = world_with("a", &amd64, 1);

    (void)state;
    push_amd64(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_BUILT);
    struct world_slot *slot = &w->agents[0].slots[0];
    slot->child = child_of(77, 7);
    slot->phase = LK_PHASE_STAGED;
    report(w, &w->agents[0], slot, LK_ERR_NONE);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    assert_int_equal(job_of(w, &amd64)->failures, 1);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

/* Its journal was put back by hand: what the agent still has was given before, under the same numbers. */
static void old_work_under_the_same_numbers_is_not_taken_for_new(void **state)
{
    LK_WORLD       w = world_with("a", &amd64, 1);
    struct request request = request_of(1, "org/it", "abc", 1, &amd64);

    (void)state;
    request.packages[0].spec.sha1[0] = 1;
    submit(w, &request);
    w->agents[0].stuck = true;
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    settle(w);
    struct world_slot old = w->agents[0].slots[0];
    old.phase = LK_PHASE_BUILT;
    old.child = child_of(old.job, 77);
    old.spec.sha1[0] = 2;
    report(w, &w->agents[0], &old, LK_ERR_NONE);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_ASSIGNED);
    assert_int_equal(w->stale, 1);
    run_until_effect(w, LK_EFFECT_DROP);
    w->agents[0].stuck = false;
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_false(lk_digest_eq(&job_of(w, &amd64)->child.digest, &old.child.digest));
}

static void an_agent_that_does_not_say_what_it_was_offered_is_believed(void **state)
{
    LK_WORLD       w = world_with("a", &amd64, 1);
    struct request request = request_of(1, "org/it", "abc", 1, &amd64);

    (void)state;
    request.packages[0].spec.sha1[0] = 1;
    submit(w, &request);
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    settle(w);
    w->agents[0].slots[0].spec = (struct lk_oid) { { 0 } };
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(w->stale, 0);
}

static void a_job_that_nobody_knows_is_dropped(void **state)
{
    LK_WORLD          w = world_with("a", &amd64, 1);
    struct world_slot slot = { .job = 12345, .attempt = 1, .phase = LK_PHASE_BUILT };

    (void)state;
    report(w, &w->agents[0], &slot, LK_ERR_NONE);
    assert_int_equal(w->seen[LK_EFFECT_DROP], 1);
    assert_int_equal(w->last[LK_EFFECT_DROP].job, 12345);
}

static void a_great_many_jobs_can_be_lost_at_once(void **state)
{
    LK_WORLD       w = world_with("a", &amd64, 1);
    struct request request = request_of(1, "org/it", "abc", 3, three);

    (void)state;
    /* An agent may say what it likes of its slots. */
    w->agents[0].slot_count = 1000000;
    reconnect(w, &w->agents[0]);
    for (size_t i = 0; i < LK_PUSH_PACKAGES_MAX; i++) {
        request.packages[i] = request.packages[0];
        request.packages[i].arch_count = 1;
    }
    request.count = LK_PUSH_PACKAGES_MAX;
    request.options.build_only = request.options.force = true;
    for (uint8_t key = 1; key <= 30; key++) {
        request.key = key;
        submit(w, &request);
        source(w, w->push, NULL);
        while (w->wake_ms <= w->now_ms)
            timer(w);
        w->queue_first = w->queue_end = 0;
    }
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 30 * LK_PUSH_PACKAGES_MAX);
    gone(w, &w->agents[0]);
    while (w->wake_ms <= w->now_ms) {
        w->queue_first = w->queue_end = 0;
        timer(w);
    }
    for (uint64_t push = 1; push <= 30; push++)
        for (const struct lk_package *p = lk_core_push(w->core, push)->packages; p;
             p = p->next_in_push)
            assert_int_equal(p->jobs[0].state, LK_JOB_QUEUED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_a_lease_runs_out_its_job_is_given_to_another_at_once),
        cmocka_unit_test(a_lease_that_ran_out_is_a_new_attempt_elsewhere),
        cmocka_unit_test(of_two_attempts_the_late_one_wins_if_it_is_built_first),
        cmocka_unit_test(of_two_attempts_the_late_one_is_dropped_if_it_is_built_second),
        cmocka_unit_test(who_only_slept_may_go_on_with_what_it_has_built),
        cmocka_unit_test(
            what_an_agent_was_told_to_drop_is_not_taken_back_before_it_has_read_that),
        cmocka_unit_test(an_attempt_of_another_agent_cannot_be_claimed),
        cmocka_unit_test(who_had_which_attempt_outlives_our_restart),
        cmocka_unit_test(a_silent_agent_gets_nothing_new_until_it_speaks),
        cmocka_unit_test(a_short_silence_costs_nothing),
        cmocka_unit_test(
            what_a_stopped_agent_keeps_waits_for_its_return_or_the_end_of_its_lease),
        cmocka_unit_test(what_a_stopped_agent_had_not_built_is_given_to_another_at_once),
        cmocka_unit_test(an_agent_that_says_goodbye_gives_its_jobs_back_at_once),
        cmocka_unit_test(an_agent_that_comes_back_without_its_job_lost_it),
        cmocka_unit_test(an_agent_that_comes_back_with_its_job_keeps_it),
        cmocka_unit_test(losing_a_job_time_and_again_ends_the_push),
        cmocka_unit_test(our_own_crashes_are_not_the_agents_failure),
        cmocka_unit_test(a_failure_of_the_host_is_tried_elsewhere_but_not_for_ever),
        cmocka_unit_test(a_host_that_is_full_after_it_took_the_job_counts_too),
        cmocka_unit_test(an_agent_without_a_free_slot_is_asked_less_and_less),
        cmocka_unit_test(an_agent_that_left_gives_way_to_a_new_one),
        cmocka_unit_test(a_native_agent_is_preferred_to_an_emulating_one),
        cmocka_unit_test(emulation_is_used_only_where_it_is_allowed),
        cmocka_unit_test(an_agent_is_given_no_more_than_its_slots),
        cmocka_unit_test(the_agent_with_most_free_slots_is_next),
        cmocka_unit_test(a_job_without_an_agent_says_so_and_waits),
        cmocka_unit_test(a_ticket_is_sent_once_a_session_and_when_it_is_wanted),
        cmocka_unit_test(what_an_old_session_says_is_counted_and_dropped),
        cmocka_unit_test(an_answer_to_an_old_question_is_counted_and_dropped),
        cmocka_unit_test(a_report_of_another_image_than_before_is_not_believed),
        cmocka_unit_test(old_work_under_the_same_numbers_is_not_taken_for_new),
        cmocka_unit_test(an_agent_that_does_not_say_what_it_was_offered_is_believed),
        cmocka_unit_test(a_job_that_nobody_knows_is_dropped),
        cmocka_unit_test(a_great_many_jobs_can_be_lost_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
