/* What an agent hears that does not fit, comes too late, or is out of measure. */
#include "tests/core/agent.h"

#define FIFTY_DAYS_MS (50LL * 24 * 3600 * 1000)

static void what_is_found_beyond_the_slots_is_left_alone(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event found = offer(1, 1);

    found.kind = LK_AGENT_FOUND;
    for (found.job = 1; found.job <= 2; found.job++) {
        step(world, found);
        assert_int_equal(count(world, LK_AGENT_CHECK_BUILT), 1);
    }
    step(world, found);
    assert_int_equal(count(world, LK_AGENT_CHECK_BUILT), 0);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
}

static void what_is_found_for_another_arch_is_left_alone(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event found = offer(JOB, 1);

    found.kind = LK_AGENT_FOUND;
    lk_arch_parse(LK_STR("s390x"), &found.arch);
    step(world, found);
    assert_int_equal(count(world, LK_AGENT_CHECK_BUILT), 0);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
}

static void a_second_shutdown_changes_nothing(void **state)
{
    struct world *world = *state;
    int64_t       wake_ms;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, event(LK_AGENT_SHUTDOWN));
    world->now_ms += 1000;
    wake_ms = lk_agent_core_wake_ms(world->core);
    step(world, event(LK_AGENT_SHUTDOWN));
    assert_int_equal(count(world, LK_AGENT_STOP), 0);
    assert_int_equal(count(world, LK_AGENT_SEND_BYE), 0);
    assert_int_equal(lk_agent_core_wake_ms(world->core), wake_ms);
}

static void orders_after_shutdown_are_ignored(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, event(LK_AGENT_SHUTDOWN));
    step(world, offer(JOB + 1, 1));
    assert_int_equal(count(world, LK_AGENT_FETCH), 0);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
}

/* First it is killed, then it is left alone. */
static void who_does_not_end_is_waited_for_until_the_exit_and_not_longer(void **state)
{
    struct world *world = *state;
    int64_t       from_ms = world->now_ms;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, event(LK_AGENT_SHUTDOWN));
    world->now_ms = lk_agent_core_wake_ms(world->core);
    assert_int_equal(world->now_ms - from_ms, 5000);
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_KILL), 1);
    world->now_ms = lk_agent_core_wake_ms(world->core);
    assert_int_equal(world->now_ms - from_ms, 8000);
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_EXIT), 1);
    assert_true(lk_agent_core_wake_ms(world->core) == INT64_MAX);
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_EXIT), 0);
}

static void a_sign_of_life_of_an_old_session_is_none(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event heard = event(LK_AGENT_HEARD);

    heard.session = SESSION - 1;
    world->now_ms += 19000;
    step(world, heard);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
    world->now_ms += 1000;
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_CLOSE_LINE), 1);
}

static int64_t wait_after_being_turned_away(struct world *world, enum lk_err_kind why)
{
    struct lk_agent_event away = event(LK_AGENT_TURNED_AWAY);
    int64_t               wait_ms;

    away.error = why;
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_OPEN_LINE), 1);
    step(world, away);
    wait_ms = lk_agent_core_wake_ms(world->core) - world->now_ms;
    world->now_ms += wait_ms;
    return wait_ms;
}

static void who_is_turned_away_again_and_again_waits_no_shorter_for_being_denied(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 20; i++)
        assert_in_range(wait_after_being_turned_away(world, LK_ERR_DENIED), 1500, 33000);
}

/* The coordinator stands where another one stood: what is remembered of that one says nothing of it. */
static void another_cluster_may_have_a_lower_epoch(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event other = welcome(SESSION + 1, EPOCH - 1);

    step(world, event(LK_AGENT_LINE_LOST));
    world->now_ms = lk_agent_core_wake_ms(world->core);
    step(world, event(LK_AGENT_WAKE));
    other.welcome.cluster[0]++;
    step(world, other);
    assert_int_equal(count(world, LK_AGENT_WARN), 0);
    assert_int_equal(find(world, LK_AGENT_REMEMBER)->cluster[0], 2);
    assert_true(find(world, LK_AGENT_REMEMBER)->epoch == EPOCH - 1);
    assert_true(lk_agent_core_session(world->core) == SESSION + 1);
}

static void periods_out_of_measure_are_bounded(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event e = welcome(SESSION, EPOCH);

    step(world, event(LK_AGENT_WAKE));
    e.welcome.ping_ms = UINT32_MAX;
    e.welcome.silence_ms = UINT32_MAX;
    step(world, e);
    assert_int_equal(lk_agent_core_wake_ms(world->core) - world->now_ms, 600000);
    step(world, event(LK_AGENT_LINE_LOST));
    world->now_ms = lk_agent_core_wake_ms(world->core);
    step(world, event(LK_AGENT_WAKE));
    e.welcome.ping_ms = 0;
    e.welcome.silence_ms = 0;
    step(world, e);
    assert_int_equal(lk_agent_core_wake_ms(world->core) - world->now_ms, 200);
}

static void a_welcome_that_makes_no_sense_is_not_believed(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event e = welcome(0, EPOCH);

    step(world, event(LK_AGENT_WAKE));
    step(world, e);
    assert_true(lk_agent_core_session(world->core) == 0);
    assert_int_equal(count(world, LK_AGENT_RESUME), 0);
    e = welcome(SESSION, EPOCH);
    e.welcome.cluster_len = LK_CLUSTER_MAX + 1;
    step(world, e);
    assert_true(lk_agent_core_session(world->core) == 0);
    assert_int_equal(count(world, LK_AGENT_RESUME), 0);
}

static void a_build_of_fifty_days_is_reported_with_the_longest_time_there_is(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, event(LK_AGENT_LINE_LOST));
    world->now_ms += FIFTY_DAYS_MS;
    step(world, event(LK_AGENT_WAKE));
    step(world, welcome(SESSION, EPOCH));
    assert_true(find(world, LK_AGENT_SEND_REPORT)->report.phase_ms == UINT32_MAX);
}

static void a_failure_of_no_kind_is_permanent(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, failure(world, LK_ERR_NONE));
    assert_int_equal(reported(world), LK_PHASE_FAILED);
    assert_int_equal(find(world, LK_AGENT_SEND_REPORT)->report.kind, LK_ERR_PERMANENT);
}

static void a_manifest_is_put_again_with_the_ticket_that_was_renewed(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_PUSHING);
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 0);
    step(world, failure(world, LK_ERR_DENIED));
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 1);
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 1);
}

static void a_builder_that_is_denied_something_asks_for_no_ticket(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, failure(world, LK_ERR_DENIED));
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 0);
    assert_int_equal(reported(world), LK_PHASE_FAILED);
}

static void a_permit_without_a_fence_is_refused(void **state)
{
    struct world *world = *state;

    step(world, event(LK_AGENT_WAKE));
    step(world, welcome(SESSION, 0));
    bring_to(world, LK_PHASE_STAGED);
    step(world, permit(0));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 0);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
}

static void a_permit_before_anything_is_built_is_refused(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, permit(FENCE));
    assert_int_equal(lk_agent_core_stale(world->core), 1);
    step(world, failure(world, LK_ERR_INVALID));
    step(world, permit(FENCE));
    assert_int_equal(lk_agent_core_stale(world->core), 2);
    assert_int_equal(reported(world), LK_PHASE_NONE);
}

static void what_is_built_is_uploaded_at_once_where_the_ticket_came_first(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 0);
    step(world, news(world, LK_AGENT_BUILT));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
    assert_int_equal(lk_agent_core_stale(world->core), 0);
}

static void news_that_does_not_fit_the_phase_changes_nothing(void **state)
{
    static const enum lk_agent_event_kind kinds[] = {
        LK_AGENT_FETCHED, LK_AGENT_BUILT,  LK_AGENT_PROGRESS, LK_AGENT_UPLOADED,
        LK_AGENT_PUT,     LK_AGENT_FAILED, LK_AGENT_STOPPED,
    };
    struct world *world = *state;

    bring_to(world, LK_PHASE_PUSHED);
    for (size_t i = 0; i < LK_COUNT(kinds); i++) {
        step(world, news(world, kinds[i]));
        assert_int_equal(world->out.count, 0);
        assert_int_equal(lk_agent_core_stale(world->core), i + 1);
    }
}

/* As one before it knew of them. */
static void an_offer_that_does_not_say_what_it_is_of_is_believed(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event first = offer(JOB, 1);

    first.spec.sha1[0] = 1;
    step(world, first);
    step(world, offer(JOB, 1));
    assert_int_equal(count(world, LK_AGENT_FETCH), 0);
    assert_int_equal(reported(world), LK_PHASE_TAKEN);
}

static void an_order_about_an_older_attempt_changes_nothing(void **state)
{
    static const enum lk_agent_event_kind orders[] = { LK_AGENT_DROPPED, LK_AGENT_TICKET,
                                                       LK_AGENT_PERMITTED };
    struct world                         *world = *state;

    step(world, offer(JOB, 2));
    for (size_t i = 0; i < LK_COUNT(orders); i++) {
        struct lk_agent_event late = permit(FENCE);
        late.kind = orders[i];
        step(world, late);
        assert_int_equal(world->out.count, 0);
        assert_int_equal(lk_agent_core_stale(world->core), i + 1);
        assert_int_not_equal(lk_agent_core_task(world->core, JOB, 2), 0);
    }
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(what_is_found_beyond_the_slots_is_left_alone),
        FRESH(what_is_found_for_another_arch_is_left_alone),
        WELCOMED(a_second_shutdown_changes_nothing),
        WELCOMED(orders_after_shutdown_are_ignored),
        WELCOMED(who_does_not_end_is_waited_for_until_the_exit_and_not_longer),
        WELCOMED(a_sign_of_life_of_an_old_session_is_none),
        FRESH(who_is_turned_away_again_and_again_waits_no_shorter_for_being_denied),
        WELCOMED(another_cluster_may_have_a_lower_epoch),
        FRESH(periods_out_of_measure_are_bounded),
        FRESH(a_welcome_that_makes_no_sense_is_not_believed),
        WELCOMED(a_build_of_fifty_days_is_reported_with_the_longest_time_there_is),
        WELCOMED(a_failure_of_no_kind_is_permanent),
        WELCOMED(a_manifest_is_put_again_with_the_ticket_that_was_renewed),
        WELCOMED(a_builder_that_is_denied_something_asks_for_no_ticket),
        FRESH(a_permit_without_a_fence_is_refused),
        WELCOMED(a_permit_before_anything_is_built_is_refused),
        WELCOMED(what_is_built_is_uploaded_at_once_where_the_ticket_came_first),
        WELCOMED(news_that_does_not_fit_the_phase_changes_nothing),
        WELCOMED(an_offer_that_does_not_say_what_it_is_of_is_believed),
        WELCOMED(an_order_about_an_older_attempt_changes_nothing),
    };

    return cmocka_run_group_tests_name("agent oddities", tests, NULL, NULL);
}
