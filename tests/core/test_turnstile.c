#include "tests/core/world.h"

static struct request one_arch(uint8_t key, const char *tag, const struct lk_arch *arch)
{
    return request_of(key, "org/it", tag, 1, arch);
}

static uint64_t submit_one(struct world *w, uint8_t key, const char *tag,
                           const struct lk_arch *arch)
{
    struct request request = one_arch(key, tag, arch);

    submit(w, &request);
    return w->push;
}

static enum lk_outcome outcome_of(const struct world *w, uint64_t push)
{
    assert_int_equal(lk_core_push(w->core, push)->state, LK_PUSH_ENDED);
    return lk_core_push(w->core, push)->outcome;
}

static const struct lk_package *first_package(const struct world *w, uint64_t push)
{
    return lk_core_push(w->core, push)->packages;
}

static void two_tags_of_one_repository_take_turns(void **state)
{
    LK_WORLD w = world_of_three();
    uint64_t first = submit_one(w, 1, "abc", &amd64);
    uint64_t second = submit_one(w, 2, "def", &arm64);

    (void)state;
    /* That no two are inside at once is checked after each step. */
    run(w);
    assert_int_equal(outcome_of(w, first), LK_OUTCOME_OK);
    assert_int_equal(outcome_of(w, second), LK_OUTCOME_OK);
    assert_int_equal(tag_in(w, "org/it", "abc", false)->count, 1);
    assert_int_equal(tag_in(w, "org/it", "def", false)->count, 1);
}

static void who_staged_first_goes_first(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_three(w);
    w->agents[0].stuck = w->agents[1].stuck = true;
    run_until_job(w, &s390x, LK_JOB_IN_TURN);
    w->agents[2].stuck = true;
    w->agents[1].stuck = false;
    run_until_job(w, &arm64, LK_JOB_STAGED);
    w->agents[0].stuck = false;
    run_until_job(w, &amd64, LK_JOB_STAGED);
    w->agents[2].stuck = false;
    run_until_job(w, &s390x, LK_JOB_DONE);
    assert_int_equal(job_of(w, &arm64)->state, LK_JOB_IN_TURN);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_STAGED);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

/* While somebody else is inside, `first` stages before `second`, of one push or of two. */
static void check_order(const struct lk_arch *first, const struct lk_arch *second, bool of_two)
{
    LK_WORLD w = world_of_three();
    uint64_t pushes[3] = { 0 };

    for (size_t i = 0; i < LK_COUNT(three) && of_two; i++)
        pushes[i] =
            submit_one(w, (uint8_t)(i + 1), (const char *[]) { "a", "b", "c" }[i], &three[i]);
    if (!of_two)
        submit_three(w);
    for (size_t i = 0; i < 2; i++)
        w->agents[i].stuck = true;
    run_until_job(w, &s390x, LK_JOB_IN_TURN);
    w->agents[2].stuck = true;
    for (size_t k = 0; k < 2; k++) {
        const struct lk_arch *arch = k ? second : first;
        size_t                at = lk_arch_eq(arch, &arm64);
        w->agents[at].stuck = false;
        w->push = of_two ? pushes[at] : w->push;
        run_until_job(w, arch, LK_JOB_STAGED);
    }
    w->agents[2].stuck = false;
    w->push = of_two ? pushes[lk_arch_eq(first, &arm64)] : w->push;
    run_until_job(w, first, LK_JOB_IN_TURN);
    w->push = of_two ? pushes[lk_arch_eq(second, &arm64)] : w->push;
    assert_int_equal(job_of(w, second)->state, LK_JOB_STAGED);
    run(w);
}

static void whoever_staged_first_goes_first(void **state)
{
    (void)state;
    for (int of_two = 0; of_two < 2; of_two++) {
        check_order(&amd64, &arm64, of_two);
        check_order(&arm64, &amd64, of_two);
    }
}

static void the_end_of_a_permit_wakes_the_core(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.lease_ms = config.suspect_ms = config.source_ms = 100 * config.hold_ms;
    LK_CLEANUP(world_free) struct world *w = world_new(&config);
    add_agent(w, "a", &amd64, false, 1);
    submit_one(w, 1, "abc", &amd64);
    run_until_job(w, &amd64, LK_JOB_IN_TURN);
    assert_int_equal(w->wake_ms, w->now_ms + config.hold_ms);
}

static void the_same_tag_twice_waits_and_finds_nothing_to_do(void **state)
{
    LK_WORLD w = world_of_three();
    uint64_t first = submit_one(w, 1, "abc", &amd64);
    uint64_t second = submit_one(w, 2, "abc", &amd64);

    (void)state;
    run_until_job(w, &amd64, LK_JOB_NONE);
    while (lk_core_push(w->core, first)->state != LK_PUSH_ENDED) {
        assert_int_equal(first_package(w, second)->state, LK_PACKAGE_WAITING);
        assert_true(move_one(w));
    }
    run(w);
    assert_int_equal(outcome_of(w, second), LK_OUTCOME_OK);
    assert_true(first_package(w, second)->nothing_to_do);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 1);
    assert_int_equal(w->seen[LK_EFFECT_TAG], 1);
}

static void a_source_that_never_comes_holds_nobody_back(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    w->source_is_late = true;
    submit_one(w, 1, "abc", &amd64);
    settle(w);
    w->source_is_late = false;
    uint64_t second = submit_one(w, 2, "abc", &amd64);
    settle(w);
    assert_int_equal(outcome_of(w, second), LK_OUTCOME_OK);
}

static void different_arches_of_one_tag_are_built_side_by_side_and_both_stay(void **state)
{
    LK_WORLD w = world_of_three();
    uint64_t first = submit_one(w, 1, "abc", &amd64);
    uint64_t second = submit_one(w, 2, "abc", &arm64);

    (void)state;
    while (first_package(w, first)->jobs[0].state != LK_JOB_ASSIGNED ||
           first_package(w, second)->jobs[0].state != LK_JOB_ASSIGNED)
        assert_true(move_one(w));
    run(w);
    const struct world_index *index = tag_in(w, "org/it", "abc", false);
    assert_int_equal(outcome_of(w, first), LK_OUTCOME_OK);
    assert_int_equal(outcome_of(w, second), LK_OUTCOME_OK);
    assert_int_equal(index->count, 2);
    assert_true(entry_of(index, &amd64) && entry_of(index, &arm64));
    assert_true(index->is_signed);
}

static void late_holder_is_refused_and_pushes_again_under_a_new_fence(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_one(w, 1, "abc", &amd64);
    run_until_effect(w, LK_EFFECT_PERMIT);
    carry_out_one(w);
    struct world_slot *slot = &w->agents[0].slots[0];
    uint64_t           old = slot->fence;
    w->agents[0].stuck = true;
    for (unsigned i = 0; i < 12 && job_of(w, &amd64)->state == LK_JOB_IN_TURN; i++)
        sleep_until_woken(w);
    /* It said STAGED all the while, so it stands in line anew and got the next permit at once. */
    assert_int_not_equal(w->fence, old);
    uint64_t stale = w->stale;
    slot->phase = LK_PHASE_PUSHED;
    slot->fence = old;
    report(w, &w->agents[0], slot, LK_ERR_NONE);
    assert_int_equal(w->stale, stale + 1);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPT_CHILD], 0);
    w->agents[0].stuck = false;
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void a_report_at_the_very_end_of_the_permit_is_too_late(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_one(w, 1, "abc", &amd64);
    run_until_effect(w, LK_EFFECT_PERMIT);
    carry_out_one(w);
    struct world_slot *slot = &w->agents[0].slots[0];
    w->now_ms += w->config.hold_ms;
    slot->phase = LK_PHASE_PUSHED;
    report(w, &w->agents[0], slot, LK_ERR_NONE);
    assert_int_equal(w->stale, 1);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_BUILT);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void an_agent_that_never_finishes_its_turn_ends_the_push(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_one(w, 1, "abc", &amd64);
    run_until_effect(w, LK_EFFECT_PERMIT);
    w->agents[0].stuck = true;
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_INFRASTRUCTURE);
    assert_true(w->now_ms < 5000 + 2 * w->config.patience_ms);
}

static void a_permit_lost_in_a_crash_is_given_anew_in_the_new_epoch(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_one(w, 1, "abc", &amd64);
    run_until_effect(w, LK_EFFECT_PERMIT);
    crash_and_reconnect(w, false);
    int64_t now_ms = w->now_ms;
    settle(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(w->now_ms, now_ms);
    assert_int_equal(w->fence >> 32, w->epoch);
}

static void what_was_pushed_while_we_were_away_counts_once(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_one(w, 1, "abc", &amd64);
    run_until_effect(w, LK_EFFECT_PERMIT);
    carry_out_one(w);
    struct world_slot *slot = &w->agents[0].slots[0];
    crash(w, false);
    slot->phase = LK_PHASE_PUSHED;
    put_manifest(w, &slot->child.digest);
    unsigned permits = w->seen[LK_EFFECT_PERMIT];
    hello(w, &w->agents[0]);
    report_all(w, &w->agents[0]);
    alive(w, &w->agents[0]);
    assert_true(job_of(w, &amd64)->pushed);
    assert_int_equal(w->seen[LK_EFFECT_PERMIT], permits);
    settle(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void a_repository_has_one_turnstile_whatever_was_forgotten(void **state)
{
    struct lk_core_config config = lk_core_defaults;
    LK_WORLD              w = NULL;
    static const char    *repositories[] = { "org/a", "org/b", "org/c" };

    (void)state;
    config.history_max = 0;
    w = world_new(&config);
    w->source_is_late = true;
    for (uint8_t i = 0; i < 3; i++) {
        struct request request = request_of(i, repositories[i], "abc", 1, &amd64);
        submit(w, &request);
    }
    cancel(w, 1);
    cancel(w, 2);
    assert_null(lk_core_push(w->core, 1));
    assert_null(lk_core_push(w->core, 2));
    struct request request = request_of(9, "org/c", "def", 1, &amd64);
    submit(w, &request); /* the check of every step compares the turnstiles */
    assert_ptr_equal(package_of(w)->turnstile, first_package(w, 3)->turnstile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_tags_of_one_repository_take_turns),
        cmocka_unit_test(who_staged_first_goes_first),
        cmocka_unit_test(the_same_tag_twice_waits_and_finds_nothing_to_do),
        cmocka_unit_test(a_source_that_never_comes_holds_nobody_back),
        cmocka_unit_test(different_arches_of_one_tag_are_built_side_by_side_and_both_stay),
        cmocka_unit_test(late_holder_is_refused_and_pushes_again_under_a_new_fence),
        cmocka_unit_test(a_report_at_the_very_end_of_the_permit_is_too_late),
        cmocka_unit_test(an_agent_that_never_finishes_its_turn_ends_the_push),
        cmocka_unit_test(a_permit_lost_in_a_crash_is_given_anew_in_the_new_epoch),
        cmocka_unit_test(what_was_pushed_while_we_were_away_counts_once),
        cmocka_unit_test(a_repository_has_one_turnstile_whatever_was_forgotten),
        cmocka_unit_test(whoever_staged_first_goes_first),
        cmocka_unit_test(the_end_of_a_permit_wakes_the_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
