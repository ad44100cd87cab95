#include "tests/core/agent.h"

static void a_job_goes_from_offer_to_pushed(void **state)
{
    struct world *world = *state;

    step(world, offer(JOB, 1));
    assert_int_equal(reported(world), LK_PHASE_TAKEN);
    assert_int_equal(count(world, LK_AGENT_FETCH), 1);
    step(world, news(world, LK_AGENT_FETCHED));
    assert_int_equal(reported(world), LK_PHASE_BUILDING);
    assert_int_equal(count(world, LK_AGENT_BUILD), 1);
    step(world, news(world, LK_AGENT_BUILT));
    assert_int_equal(reported(world), LK_PHASE_BUILT);
    assert_int_equal(find(world, LK_AGENT_SEND_REPORT)->report.size, 500);
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 0);
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(reported(world), LK_PHASE_STAGING);
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
    step(world, news(world, LK_AGENT_UPLOADED));
    assert_int_equal(reported(world), LK_PHASE_STAGED);
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 0);
    step(world, permit(FENCE));
    assert_int_equal(reported(world), LK_PHASE_PUSHING);
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 1);
    step(world, news(world, LK_AGENT_PUT));
    assert_int_equal(reported(world), LK_PHASE_PUSHED);
    assert_true(find(world, LK_AGENT_SEND_REPORT)->report.fence == FENCE);
    step(world, event(LK_AGENT_DROPPED));
    assert_int_equal(count(world, LK_AGENT_STOP), 1);
    assert_int_equal(lk_agent_core_stale(world->core), 0);
}

static void in_turn_nothing_is_uploaded_before_the_permit(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event e = offer(JOB, 1);

    e.in_turn = true;
    step(world, e);
    step(world, news(world, LK_AGENT_FETCHED));
    step(world, news(world, LK_AGENT_BUILT));
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 0);
    step(world, permit(FENCE));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
    step(world, news(world, LK_AGENT_UPLOADED));
    assert_int_equal(reported(world), LK_PHASE_PUSHING);
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 1);
}

static void a_ticket_says_whether_the_turn_is_waited_for_over_what_was_offered(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event given = offer(JOB, 1);
    struct lk_agent_event ticket = event(LK_AGENT_TICKET);

    given.in_turn = given.build_only = true;
    step(world, given);
    step(world, news(world, LK_AGENT_FETCHED));
    step(world, news(world, LK_AGENT_BUILT));
    ticket.upload = LK_UPLOAD_IN_TURN;
    step(world, ticket);
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 0);
    ticket.upload = LK_UPLOAD_AT_ONCE;
    step(world, ticket);
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
}

static void in_turn_a_permit_may_come_before_the_ticket(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event e = offer(JOB, 1);

    e.in_turn = true;
    step(world, e);
    step(world, news(world, LK_AGENT_FETCHED));
    step(world, news(world, LK_AGENT_BUILT));
    step(world, permit(FENCE));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 0);
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
}

static void a_build_only_job_uploads_nothing(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event e = offer(JOB, 1);

    e.build_only = true;
    step(world, e);
    step(world, news(world, LK_AGENT_FETCHED));
    step(world, news(world, LK_AGENT_BUILT));
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 0);
}

/* What an earlier life had built, found before the first session. */
static void find_built(struct world *world, uint32_t attempt)
{
    struct lk_agent_event e = offer(JOB, attempt);

    e.kind = LK_AGENT_FOUND;
    e.session = 0;
    e.digest.sha256[0] = 9;
    e.size = 500;
    step(world, e);
}

static void what_was_found_is_reported_as_built_at_once(void **state)
{
    struct world *world = *state;

    find_built(world, 1);
    assert_int_equal(count(world, LK_AGENT_CHECK_BUILT), 1);
    assert_int_equal(count(world, LK_AGENT_SEND_REPORT), 0);
    step(world, event(LK_AGENT_WAKE));
    step(world, welcome(SESSION, EPOCH));
    assert_int_equal(reported(world), LK_PHASE_BUILT);
    assert_int_equal(find(world, LK_AGENT_SEND_REPORT)->report.digest.sha256[0], 9);
    assert_int_equal(count(world, LK_AGENT_SEND_PING), 1);
    step(world, news(world, LK_AGENT_BUILT));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 0);
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
}

static void what_was_found_is_not_uploaded_before_it_was_checked(void **state)
{
    struct world *world = *state;

    find_built(world, 1);
    step(world, event(LK_AGENT_WAKE));
    step(world, welcome(SESSION, EPOCH));
    step(world, event(LK_AGENT_TICKET));
    step(world, permit(FENCE));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 0);
    step(world, news(world, LK_AGENT_BUILT));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
    step(world, news(world, LK_AGENT_UPLOADED));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 1);
    assert_int_equal(lk_agent_core_stale(world->core), 0);
}

static void what_was_found_damaged_fails(void **state)
{
    struct world *world = *state;

    find_built(world, 1);
    step(world, event(LK_AGENT_WAKE));
    step(world, welcome(SESSION, EPOCH));
    step(world, event(LK_AGENT_TICKET));
    step(world, failure(world, LK_ERR_RETRY));
    assert_int_equal(reported(world), LK_PHASE_FAILED);
    assert_int_equal(find(world, LK_AGENT_SEND_REPORT)->report.kind, LK_ERR_RETRY);
    step(world, event(LK_AGENT_DROPPED));
    assert_int_equal(count(world, LK_AGENT_STOP), 1);
}

static void of_two_attempts_that_are_found_the_newer_one_counts(void **state)
{
    struct world *world = *state;

    find_built(world, 1);
    find_built(world, 2);
    assert_int_equal(count(world, LK_AGENT_STOP), 1);
    assert_int_equal(count(world, LK_AGENT_CHECK_BUILT), 1);
    find_built(world, 1);
    assert_int_equal(count(world, LK_AGENT_CHECK_BUILT), 0);
    assert_true(lk_agent_core_task(world->core, JOB, 2) != 0);
}

static void a_failed_build_is_kept_until_it_is_dropped(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, failure(world, LK_ERR_INVALID));
    assert_int_equal(reported(world), LK_PHASE_FAILED);
    assert_int_equal(find(world, LK_AGENT_SEND_REPORT)->report.kind, LK_ERR_INVALID);
    assert_string_equal(find(world, LK_AGENT_SEND_REPORT)->report.text,
                        "make: *** [all] Error 2");
    world->now_ms += 5000;
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(reported(world), LK_PHASE_FAILED);
    step(world, event(LK_AGENT_DROPPED));
    assert_int_equal(count(world, LK_AGENT_STOP), 1);
}

/* As time passes until the core wants `kind`; 0 if it does not within `limit_ms`. */
static int64_t waits_for(struct world *world, enum lk_agent_effect_kind kind, int64_t limit_ms)
{
    int64_t from_ms = world->now_ms;

    while (world->now_ms < from_ms + limit_ms) {
        int64_t               wake_ms = lk_agent_core_wake_ms(world->core);
        struct lk_agent_event heard = event(LK_AGENT_HEARD);
        world->now_ms = wake_ms > world->now_ms ? wake_ms : world->now_ms + 1;
        step(world, heard);
        if (count(world, kind))
            return world->now_ms - from_ms;
    }
    return 0;
}

static void what_is_built_is_uploaded_again_when_the_registry_had_troubles(void **state)
{
    struct world *world = *state;
    int64_t       first_ms, second_ms;

    bring_to(world, LK_PHASE_STAGING);
    step(world, failure(world, LK_ERR_RETRY));
    assert_int_equal(reported(world), LK_PHASE_STAGING);
    assert_non_null(strstr(find(world, LK_AGENT_SEND_REPORT)->report.text,
                           "waits, and will try again: make"));
    first_ms = waits_for(world, LK_AGENT_UPLOAD, 60000);
    assert_int_equal(first_ms, 1000);
    world->now_ms += 10000;
    step(world, failure(world, LK_ERR_RETRY));
    second_ms = waits_for(world, LK_AGENT_UPLOAD, 60000);
    assert_true(second_ms > first_ms && second_ms <= 30000);
    step(world, news(world, LK_AGENT_UPLOADED));
    assert_int_equal(reported(world), LK_PHASE_STAGED);
    assert_string_equal(find(world, LK_AGENT_SEND_REPORT)->report.text, "");
    step(world, permit(FENCE));
    step(world, failure(world, LK_ERR_RETRY));
    assert_int_equal(reported(world), LK_PHASE_PUSHING);
    assert_int_equal(waits_for(world, LK_AGENT_PUT_MANIFEST, 60000), 1000);
    step(world, news(world, LK_AGENT_PUT));
    assert_int_equal(reported(world), LK_PHASE_PUSHED);
    assert_int_equal(count(world, LK_AGENT_BUILD), 0);
}

static void a_registry_that_said_when_is_not_asked_before(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event busy;

    bring_to(world, LK_PHASE_STAGING);
    busy = failure(world, LK_ERR_RETRY);
    busy.retry_after_ms = 45000;
    step(world, busy);
    assert_int_equal(waits_for(world, LK_AGENT_UPLOAD, 60000), 45000);
}

static void a_registry_that_stays_away_fails_the_attempt_in_the_end(void **state)
{
    struct world *world = *state;
    int64_t       from_ms = world->now_ms;

    bring_to(world, LK_PHASE_STAGING);
    step(world, failure(world, LK_ERR_RETRY));
    while (reported(world) != LK_PHASE_FAILED) {
        assert_true(waits_for(world, LK_AGENT_UPLOAD, 60000) > 0);
        step(world, failure(world, LK_ERR_RETRY));
    }
    assert_true(world->now_ms - from_ms > 600000 && world->now_ms - from_ms <= 900000);
    assert_int_equal(find(world, LK_AGENT_SEND_REPORT)->report.kind, LK_ERR_RETRY);
    assert_int_equal(waits_for(world, LK_AGENT_UPLOAD, 60000), 0);
}

static void an_upload_that_never_gets_further_fails_in_the_end(void **state)
{
    struct world         *world = *state;
    int64_t               from_ms = world->now_ms;
    struct lk_agent_event sent;

    bring_to(world, LK_PHASE_STAGING);
    for (bool ended = false; !ended;) {
        for (uint64_t bytes = 0; bytes <= 1000; bytes += 500) {
            sent = news(world, LK_AGENT_PROGRESS);
            sent.bytes_done = bytes;
            step(world, sent);
        }
        step(world, failure(world, LK_ERR_RETRY));
        ended = reported(world) == LK_PHASE_FAILED;
        if (!ended)
            assert_true(waits_for(world, LK_AGENT_UPLOAD, 60000) > 0);
    }
    assert_true(world->now_ms - from_ms > 600000 && world->now_ms - from_ms <= 900000);
}

static void an_attempt_that_waits_for_the_registry_can_be_dropped(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_STAGING);
    step(world, failure(world, LK_ERR_RETRY));
    step(world, event(LK_AGENT_DROPPED));
    assert_int_equal(count(world, LK_AGENT_STOP), 1);
    assert_int_equal(waits_for(world, LK_AGENT_UPLOAD, 60000), 0);
}

static void a_drop_in_each_phase_frees_the_slot(void **state)
{
    struct world *world = *state;

    for (enum lk_phase phase = LK_PHASE_TAKEN; phase <= LK_PHASE_PUSHED; phase++) {
        bring_to(world, phase);
        struct lk_agent_event stopped = news(world, LK_AGENT_STOPPED);
        assert_int_not_equal(stopped.task, 0);
        step(world, event(LK_AGENT_DROPPED));
        assert_int_equal(count(world, LK_AGENT_STOP), 1);
        assert_int_equal(count(world, LK_AGENT_SEND_REPORT), 0);
        step(world, stopped);
        assert_int_equal(count(world, LK_AGENT_FORGET), 1);
        assert_int_equal(lk_agent_core_task(world->core, JOB, 1), 0);
    }
    assert_int_equal(lk_agent_core_stale(world->core), 0);
}

static void what_does_not_stop_is_killed_after_five_seconds(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, event(LK_AGENT_DROPPED));
    world->now_ms += 4999;
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_KILL), 0);
    world->now_ms += 1;
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_KILL), 1);
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_KILL), 0);
}

static void a_permit_after_the_drop_is_refused(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_STAGED);
    step(world, event(LK_AGENT_DROPPED));
    step(world, permit(FENCE));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 0);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
}

static void a_permit_of_a_lower_epoch_is_refused(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_STAGED);
    step(world, permit((EPOCH - 1) << 32 | 99));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 0);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
}

static void a_permit_with_an_older_fence_is_refused(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_PUSHED);
    step(world, permit(FENCE - 1));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 0);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
    step(world, permit(FENCE));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 0);
    assert_int_equal(reported(world), LK_PHASE_PUSHED);
    step(world, permit(FENCE + 1));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 1);
}

static void an_early_permit_is_used_when_the_blobs_are_there(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_STAGING);
    step(world, permit(FENCE));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 0);
    step(world, news(world, LK_AGENT_UPLOADED));
    assert_int_equal(count(world, LK_AGENT_PUT_MANIFEST), 1);
}

static void a_build_goes_on_without_the_line_and_is_reported_after(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, event(LK_AGENT_LINE_LOST));
    assert_int_equal(count(world, LK_AGENT_CLOSE_LINE), 1);
    assert_int_equal(count(world, LK_AGENT_STOP), 0);
    step(world, news(world, LK_AGENT_BUILT));
    assert_int_equal(count(world, LK_AGENT_SEND_REPORT), 0);
    world->now_ms = lk_agent_core_wake_ms(world->core);
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_OPEN_LINE), 1);
    step(world, welcome(SESSION + 1, EPOCH));
    assert_int_equal(reported(world), LK_PHASE_BUILT);
    assert_int_equal(count(world, LK_AGENT_RESUME), 1);
}

static void orders_of_an_old_session_are_ignored(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event e = offer(JOB, 1);

    e.session = SESSION - 1;
    step(world, e);
    assert_int_equal(count(world, LK_AGENT_FETCH), 0);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
}

static void an_older_attempt_is_ignored_and_a_newer_one_replaces(void **state)
{
    struct world *world = *state;

    step(world, offer(JOB, 2));
    step(world, offer(JOB, 1));
    assert_int_equal(count(world, LK_AGENT_FETCH), 0);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
    step(world, offer(JOB, 2));
    assert_int_equal(count(world, LK_AGENT_FETCH), 0);
    assert_int_equal(reported(world), LK_PHASE_TAKEN);
    step(world, offer(JOB, 3));
    assert_int_equal(count(world, LK_AGENT_STOP), 1);
    assert_int_equal(count(world, LK_AGENT_FETCH), 1);
}

/* Its coordinator's state was put back by hand, and it gives the same numbers to something else. */
static void the_same_numbers_for_something_else_replace_what_is_held(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event first = offer(JOB, 2), second = offer(JOB, 1);

    first.spec.sha1[0] = 1;
    second.spec.sha1[0] = 2;
    step(world, first);
    assert_true(lk_oid_eq(&find(world, LK_AGENT_SEND_REPORT)->report.spec, &first.spec));
    step(world, second);
    assert_int_equal(count(world, LK_AGENT_STOP), 1);
    assert_int_equal(count(world, LK_AGENT_FETCH), 1);
    assert_int_equal(lk_agent_core_stale(world->core), 0);
    assert_true(lk_oid_eq(&find(world, LK_AGENT_SEND_REPORT)->report.spec, &second.spec));
}

static void news_of_a_task_that_is_gone_is_ignored(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    struct lk_agent_event late = news(world, LK_AGENT_BUILT);
    struct lk_agent_event stopped = news(world, LK_AGENT_STOPPED);
    step(world, event(LK_AGENT_DROPPED));
    step(world, late);
    assert_int_equal(lk_agent_core_stale(world->core), 1);
    step(world, stopped);
    step(world, late);
    assert_int_equal(lk_agent_core_stale(world->core), 2);
}

static void an_offer_beyond_the_slots_is_refused_with_limit(void **state)
{
    struct world *world = *state;

    step(world, offer(1, 1));
    step(world, offer(2, 1));
    step(world, offer(3, 1));
    assert_int_equal(count(world, LK_AGENT_FETCH), 0);
    assert_int_equal(reported(world), LK_PHASE_FAILED);
    assert_int_equal(find(world, LK_AGENT_SEND_REPORT)->report.kind, LK_ERR_LIMIT);
}

static void an_offer_right_after_a_drop_is_taken(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event e = event(LK_AGENT_DROPPED);

    step(world, offer(1, 1));
    step(world, offer(2, 1));
    e.job = 2;
    step(world, e);
    step(world, offer(3, 1));
    assert_int_equal(count(world, LK_AGENT_FETCH), 1);
}

static void an_offer_for_another_arch_is_refused(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event e = offer(JOB, 1);

    lk_arch_parse(LK_STR("s390x"), &e.arch);
    step(world, e);
    assert_int_equal(count(world, LK_AGENT_FETCH), 0);
    assert_int_equal(reported(world), LK_PHASE_FAILED);
}

static void a_refused_ticket_is_asked_for_anew_once(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_STAGING);
    step(world, failure(world, LK_ERR_DENIED));
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 1);
    assert_int_equal(count(world, LK_AGENT_SEND_REPORT), 0);
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
    step(world, failure(world, LK_ERR_DENIED));
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 0);
    assert_int_equal(reported(world), LK_PHASE_FAILED);
}

static void a_ticket_that_moved_bytes_may_be_renewed_again(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event e;

    bring_to(world, LK_PHASE_STAGING);
    step(world, failure(world, LK_ERR_DENIED));
    step(world, event(LK_AGENT_TICKET));
    e = news(world, LK_AGENT_PROGRESS);
    e.bytes_done = 1000;
    step(world, e);
    step(world, failure(world, LK_ERR_DENIED));
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 1);
}

/* Hears from the coordinator all the while, or the line would count as dead. */
static void wait_connected(struct world *world, int64_t ms)
{
    for (int64_t waited = 0; waited < ms; waited += 5000) {
        world->now_ms += 5000;
        step(world, event(LK_AGENT_HEARD));
    }
}

static void a_ticket_that_does_not_come_is_asked_for(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILT);
    wait_connected(world, 55000);
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 0);
    wait_connected(world, 5000);
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 1);
    wait_connected(world, 60000);
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 1);
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
    wait_connected(world, 60000);
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 0);
}

static void a_renewed_ticket_that_does_not_come_is_asked_for_once_more(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_STAGING);
    step(world, failure(world, LK_ERR_DENIED));
    wait_connected(world, 60000);
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 1);
    step(world, event(LK_AGENT_TICKET));
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
}

static void
a_ticket_refused_while_the_line_is_down_is_replaced_by_the_next_session_s(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_STAGING);
    step(world, event(LK_AGENT_LINE_LOST));
    step(world, failure(world, LK_ERR_DENIED));
    assert_int_equal(count(world, LK_AGENT_SEND_TICKET_WANTED), 0);
    world->now_ms = lk_agent_core_wake_ms(world->core);
    step(world, event(LK_AGENT_WAKE));
    step(world, welcome(SESSION + 1, EPOCH));
    struct lk_agent_event ticket = event(LK_AGENT_TICKET);
    ticket.session = SESSION + 1;
    step(world, ticket);
    assert_int_equal(count(world, LK_AGENT_UPLOAD), 1);
}

/* The coordinator takes what was not named before the first PING for lost. */
static void the_first_ping_follows_the_reports_of_what_is_held(void **state)
{
    struct world *world = *state;
    size_t        report = SIZE_MAX;
    size_t        ping = SIZE_MAX;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, event(LK_AGENT_LINE_LOST));
    world->now_ms += 60000;
    step(world, event(LK_AGENT_WAKE));
    step(world, welcome(SESSION + 1, EPOCH));
    for (size_t i = 0; i < world->out.count; i++) {
        if (world->out.items[i].kind == LK_AGENT_SEND_REPORT)
            report = i;
        if (world->out.items[i].kind == LK_AGENT_SEND_PING)
            ping = i;
    }
    assert_int_not_equal(ping, SIZE_MAX);
    assert_true(report < ping);
}

static void every_ping_renews_the_leases(void **state)
{
    struct world *world = *state;

    step(world, offer(1, 1));
    step(world, offer(2, 1));
    world->now_ms += 5000;
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_SEND_PING), 1);
    assert_int_equal(count(world, LK_AGENT_SEND_REPORT), 2);
}

static void progress_is_reported_once_a_second(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event e;

    bring_to(world, LK_PHASE_STAGING);
    for (int i = 1; i <= 10; i++) {
        e = news(world, LK_AGENT_PROGRESS);
        e.bytes_done = (uint64_t)i;
        world->now_ms += 100;
        step(world, e);
        assert_int_equal(count(world, LK_AGENT_SEND_REPORT), i == 10);
    }
}

static void silence_makes_a_new_line(void **state)
{
    struct world *world = *state;

    world->now_ms += 20000;
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_CLOSE_LINE), 1);
    assert_true(lk_agent_core_session(world->core) == 0);
}

static void a_coordinator_of_a_lower_epoch_is_refused(void **state)
{
    struct world *world = *state;

    step(world, event(LK_AGENT_LINE_LOST));
    world->now_ms = lk_agent_core_wake_ms(world->core);
    step(world, event(LK_AGENT_WAKE));
    step(world, welcome(SESSION + 1, EPOCH - 1));
    assert_int_equal(count(world, LK_AGENT_WARN), 1);
    assert_int_equal(count(world, LK_AGENT_CLOSE_LINE), 1);
    assert_true(lk_agent_core_session(world->core) == 0);
}

static void a_higher_epoch_is_remembered(void **state)
{
    struct world *world = *state;

    step(world, event(LK_AGENT_LINE_LOST));
    world->now_ms = lk_agent_core_wake_ms(world->core);
    step(world, event(LK_AGENT_WAKE));
    step(world, welcome(SESSION + 1, EPOCH + 1));
    assert_int_equal(count(world, LK_AGENT_REMEMBER), 1);
    assert_true(find(world, LK_AGENT_REMEMBER)->epoch == EPOCH + 1);
}

static void waits_grow_and_stay_bounded(void **state)
{
    struct world *world = *state;
    int64_t       wait_ms = 0;

    for (int i = 0; i < 40; i++) {
        step(world, event(LK_AGENT_WAKE));
        assert_int_equal(count(world, LK_AGENT_OPEN_LINE), 1);
        step(world, event(LK_AGENT_LINE_LOST));
        wait_ms = lk_agent_core_wake_ms(world->core) - world->now_ms;
        assert_in_range(wait_ms, 50, 33000);
        world->now_ms += wait_ms;
    }
}

static void shutdown_says_goodbye_stops_the_builds_and_exits(void **state)
{
    struct world         *world = *state;
    struct lk_agent_event stopped;

    bring_to(world, LK_PHASE_BUILDING);
    stopped = news(world, LK_AGENT_STOPPED);
    step(world, event(LK_AGENT_SHUTDOWN));
    assert_true(find(world, LK_AGENT_SEND_BYE)->number == SESSION);
    assert_int_equal(count(world, LK_AGENT_STOP), 1);
    assert_int_equal(count(world, LK_AGENT_EXIT), 0);
    step(world, stopped);
    assert_int_equal(count(world, LK_AGENT_FORGET), 1);
    assert_int_equal(count(world, LK_AGENT_EXIT), 1);
}

static void shutdown_keeps_what_is_built_and_nothing_else(void **state)
{
    static const enum lk_phase phases[] = { LK_PHASE_TAKEN,  LK_PHASE_BUILDING,
                                            LK_PHASE_BUILT,  LK_PHASE_STAGING,
                                            LK_PHASE_STAGED, LK_PHASE_PUSHING,
                                            LK_PHASE_PUSHED, LK_PHASE_FAILED };

    for (size_t i = 0; i < LK_COUNT(phases); i++) {
        if (i > 0) {
            stop(state);
            start_welcomed(state);
        }
        struct world         *world = *state;
        struct lk_agent_event stopped;
        bool keeps = phases[i] >= LK_PHASE_BUILT && phases[i] <= LK_PHASE_PUSHED;
        bring_to(world, phases[i] == LK_PHASE_FAILED ? LK_PHASE_BUILDING : phases[i]);
        if (phases[i] == LK_PHASE_FAILED)
            step(world, news(world, LK_AGENT_FAILED));
        stopped = news(world, LK_AGENT_STOPPED);
        step(world, event(LK_AGENT_SHUTDOWN));
        assert_true(find(world, LK_AGENT_SEND_BYE)->keeps == keeps);
        assert_int_equal(count(world, LK_AGENT_SEND_REPORT), keeps);
        assert_int_equal(count(world, LK_AGENT_STOP), 1);
        step(world, stopped);
        assert_int_equal(count(world, LK_AGENT_FORGET), !keeps);
        assert_int_equal(count(world, LK_AGENT_EXIT), 1);
    }
}

static void shutdown_does_not_wait_for_ever(void **state)
{
    struct world *world = *state;

    bring_to(world, LK_PHASE_BUILDING);
    step(world, event(LK_AGENT_SHUTDOWN));
    world->now_ms += 8000;
    step(world, event(LK_AGENT_WAKE));
    assert_int_equal(count(world, LK_AGENT_EXIT), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WELCOMED(a_job_goes_from_offer_to_pushed),
        WELCOMED(in_turn_nothing_is_uploaded_before_the_permit),
        WELCOMED(a_ticket_says_whether_the_turn_is_waited_for_over_what_was_offered),
        WELCOMED(in_turn_a_permit_may_come_before_the_ticket),
        WELCOMED(a_build_only_job_uploads_nothing),
        WELCOMED(a_failed_build_is_kept_until_it_is_dropped),
        WELCOMED(what_is_built_is_uploaded_again_when_the_registry_had_troubles),
        WELCOMED(a_registry_that_said_when_is_not_asked_before),
        WELCOMED(a_registry_that_stays_away_fails_the_attempt_in_the_end),
        WELCOMED(an_upload_that_never_gets_further_fails_in_the_end),
        WELCOMED(an_attempt_that_waits_for_the_registry_can_be_dropped),
        WELCOMED(a_drop_in_each_phase_frees_the_slot),
        WELCOMED(what_does_not_stop_is_killed_after_five_seconds),
        WELCOMED(a_permit_after_the_drop_is_refused),
        WELCOMED(a_permit_of_a_lower_epoch_is_refused),
        WELCOMED(a_permit_with_an_older_fence_is_refused),
        WELCOMED(an_early_permit_is_used_when_the_blobs_are_there),
        WELCOMED(a_build_goes_on_without_the_line_and_is_reported_after),
        WELCOMED(orders_of_an_old_session_are_ignored),
        WELCOMED(an_older_attempt_is_ignored_and_a_newer_one_replaces),
        WELCOMED(news_of_a_task_that_is_gone_is_ignored),
        WELCOMED(the_same_numbers_for_something_else_replace_what_is_held),
        WELCOMED(an_offer_beyond_the_slots_is_refused_with_limit),
        WELCOMED(an_offer_right_after_a_drop_is_taken),
        WELCOMED(an_offer_for_another_arch_is_refused),
        WELCOMED(a_refused_ticket_is_asked_for_anew_once),
        WELCOMED(a_ticket_that_moved_bytes_may_be_renewed_again),
        WELCOMED(a_ticket_refused_while_the_line_is_down_is_replaced_by_the_next_session_s),
        WELCOMED(the_first_ping_follows_the_reports_of_what_is_held),
        WELCOMED(every_ping_renews_the_leases),
        WELCOMED(progress_is_reported_once_a_second),
        WELCOMED(silence_makes_a_new_line),
        WELCOMED(a_coordinator_of_a_lower_epoch_is_refused),
        WELCOMED(a_higher_epoch_is_remembered),
        cmocka_unit_test_setup_teardown(waits_grow_and_stay_bounded, start, stop),
        cmocka_unit_test_setup_teardown(what_was_found_is_reported_as_built_at_once, start,
                                        stop),
        cmocka_unit_test_setup_teardown(what_was_found_is_not_uploaded_before_it_was_checked,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_ticket_that_does_not_come_is_asked_for,
                                        start_welcomed, stop),
        cmocka_unit_test_setup_teardown(
            a_renewed_ticket_that_does_not_come_is_asked_for_once_more, start_welcomed, stop),
        cmocka_unit_test_setup_teardown(what_was_found_damaged_fails, start, stop),
        cmocka_unit_test_setup_teardown(of_two_attempts_that_are_found_the_newer_one_counts,
                                        start, stop),
        WELCOMED(shutdown_says_goodbye_stops_the_builds_and_exits),
        WELCOMED(shutdown_keeps_what_is_built_and_nothing_else),
        WELCOMED(shutdown_does_not_wait_for_ever),
    };

    return cmocka_run_group_tests_name("agent core", tests, NULL, NULL);
}
