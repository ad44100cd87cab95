/* Pushes that did not end well and go on. */
#include "tests/core/world.h"

static void retry_with(struct world *w, uint64_t push, uint8_t byte,
                       const struct lk_err *why_not)
{
    uint8_t         key[16] = { byte };
    struct lk_event event = { .type = LK_EVENT_RETRY };

    event.retry.session = 7;
    event.retry.request = 3;
    event.retry.request_key = key;
    event.retry.push = push;
    event.retry.why_not = why_not;
    step(w, &event);
}

static void retry(struct world *w)
{
    retry_with(w, w->push, 1, NULL);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NONE);
}

static void is_refused(struct world *w, uint64_t push, enum lk_err_kind kind, const char *text)
{
    retry_with(w, push, 99, NULL);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, kind);
    assert_non_null(strstr(w->last[LK_EFFECT_ANSWER].text, text));
}

/* amd64 fails when the other two are built and put. */
static void fail_one_of_three(struct world *w, const struct lk_push_options *options)
{
    struct request request = request_of(1, "org/it", "abc", 3, three);

    request.options = *options;
    w->agents[0].stuck = true;
    submit(w, &request);
    for (int i = 0; i < 2; i++)
        run_until_job(w, i ? &s390x : &arm64, LK_JOB_DONE);
    w->agents[0].stuck = false;
    run_until_build_fails(w);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 3);
    assert_null(tag_in(w, "org/it", "abc", false));
}

static void check_whole(struct world *w)
{
    const struct world_index *index = tag_in(w, "org/it", "abc", false);

    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_non_null(index);
    assert_int_equal(index->count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(lk_digest_eq(&entry_of(index, &three[i])->child.digest,
                                 &job_of(w, &three[i])->child.digest));
}

static void only_the_leg_that_failed_is_built_again(void **state)
{
    static const struct lk_push_options options[] = {
        { .sign = true },
        { .sign = true, .force = true },
        { .sign = true, .in_turn = true },
        { .sign = true,
          .replace_count = 3,
          .replace = { { "amd64" }, { "arm64" }, { "s390x" } } },
        { .sign = true, .no_arch_tags = true },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(options); i++) {
        LK_WORLD w = world_of_three();
        fail_one_of_three(w, &options[i]);
        uint64_t push = w->push;
        retry(w);
        assert_int_equal(push_of(w)->state, LK_PUSH_RUNNING);
        run(w);
        check_whole(w);
        assert_int_equal(push_of(w)->id, push);
        assert_int_equal(w->seen[LK_EFFECT_OFFER], 4);
        assert_int_equal(w->last[LK_EFFECT_OFFER].attempt, 2);
        assert_int_equal(w->manifest_count, 3);
    }
}

static void a_build_that_publishes_nothing_keeps_what_it_built(void **state)
{
    (void)state;
    for (int force = 0; force < 2; force++) {
        LK_WORLD w = world_of_three();
        fail_one_of_three(w, &(struct lk_push_options) { .build_only = true, .force = force });
        retry(w);
        run(w);
        assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
        assert_int_equal(w->seen[LK_EFFECT_OFFER], 4);
    }
}

/* arm64's agent, cut off, never read that the push had ended. */
static void what_was_built_meanwhile_counts_after_a_retry(void **state)
{
    LK_WORLD            w = world_of_three();
    struct world_agent *cut_off = &w->agents[1];
    struct world_slot  *slot = &cut_off->slots[0];

    (void)state;
    w->agents[2].stuck = cut_off->stuck = true;
    submit_three(w);
    while (!slot->job)
        assert_true(move_one(w));
    cut_off->frozen = true;
    run_until_build_fails(w);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
    w->agents[2].stuck = false;
    drain(w, cut_off->name, "");
    retry(w);
    settle(w);
    assert_int_equal(job_of(w, &arm64)->state, LK_JOB_QUEUED);
    cut_off->frozen = cut_off->stuck = false;
    slot->phase = LK_PHASE_BUILT;
    slot->child = child_of(slot->job, slot->attempt);
    reconnect(w, cut_off);
    run(w);
    check_whole(w);
    assert_int_equal(job_of(w, &arm64)->attempt, 1);
}

static void a_push_that_fails_again_is_retried_again(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    fail_one_of_three(w, &(struct lk_push_options) { .sign = true, .force = true });
    retry(w);
    run_until_build_fails(w);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
    retry_with(w, w->push, 2, NULL);
    run(w);
    check_whole(w);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 5);
    assert_int_equal(push_of(w)->retries, 2);
}

static void what_the_registry_has_lost_meanwhile_is_built_again(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    fail_one_of_three(w, &(struct lk_push_options) { .sign = true });
    w->manifest_count = 0;
    retry(w);
    run(w);
    check_whole(w);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 6);
}

static void a_cancelled_push_goes_on(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_three(w);
    run_until_job(w, &arm64, LK_JOB_BUILT);
    cancel(w, w->push);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_CANCELLED);
    retry(w);
    assert_false(push_of(w)->cancelled);
    run(w);
    check_whole(w);
}

static size_t moves_after_a_retry(void)
{
    LK_WORLD w = world_of_three();
    size_t   moves = 0;

    fail_one_of_three(w, &(struct lk_push_options) { .sign = true });
    retry(w);
    while (move_one(w))
        moves++;
    check_whole(w);
    return moves;
}

static void a_crash_at_every_move_of_a_retry_ends_with_a_whole_index(void **state)
{
    size_t moves = moves_after_a_retry();

    (void)state;
    assert_true(moves > 8);
    for (size_t i = 0; i <= 2 * moves; i++) {
        LK_WORLD w = world_of_three();
        fail_one_of_three(w, &(struct lk_push_options) { .sign = true, .force = i % 4 < 2 });
        retry(w);
        for (size_t k = 0; k < i / 2; k++)
            move_one(w);
        crash_and_reconnect(w, i % 2);
        retry(w); /* the client did not hear the answer */
        run(w);
        check_whole(w);
        assert_int_equal(push_of(w)->retries, 1);
        assert_true(w->seen[LK_EFFECT_OFFER] <=
                    5); /* again, where the fact of the first was lost */
    }
}

static void a_second_answer_to_the_same_request_does_no_harm(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    fail_one_of_three(w, &(struct lk_push_options) { .sign = true });
    retry(w);
    retry(w);
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    retry(w);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_ASSIGNED);
    run(w);
    retry(w);
    check_whole(w);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 4);
}

static void what_cannot_go_on_is_refused_with_the_reason(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request plan = request_of(3, "org/it", "abc", 3, three);

    (void)state;
    is_refused(w, 17, LK_ERR_NOT_FOUND, "there never was a push 17");
    submit_three(w);
    is_refused(w, w->push, LK_ERR_CONFLICT, "has not ended");
    run(w);
    is_refused(w, w->push, LK_ERR_CONFLICT, "ended well");
    plan.options.dry_run = true;
    plan.packages[0].tag = "other";
    w->faults[LK_EFFECT_PROBE] = (struct world_fault) { 1, LK_ERR_DENIED };
    submit(w, &plan);
    run(w);
    is_refused(w, w->push, LK_ERR_CONFLICT, "only a plan");
    plan.options.dry_run = false;
    plan.key = 4;
    w->source_is_late = true;
    submit(w, &plan);
    cancel(w, w->push);
    run(w);
    is_refused(w, w->push, LK_ERR_CONFLICT, "never came in");
    crash(w, false);
    is_refused(w, w->push, LK_ERR_CONFLICT, "never came in");
}

static void what_is_missing_outside_is_told_and_changes_nothing(void **state)
{
    LK_WORLD      w = world_of_three();
    struct lk_err err;

    (void)state;
    fail_one_of_three(w, &(struct lk_push_options) { .sign = true });
    lk_err_set(&err, LK_ERR_CONFLICT, "the source is not here any more");
    retry_with(w, w->push, 1, &err);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_CONFLICT);
    assert_int_equal(push_of(w)->state, LK_PUSH_ENDED);
    retry(w);
    retry_with(w, w->push, 1, &err); /* of what has begun already it is no matter */
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NONE);
}

static void another_push_of_the_same_tag_in_between_is_not_undone(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request other = request_of(2, "org/it", "abc", 3, three);

    (void)state;
    fail_one_of_three(w, &(struct lk_push_options) { .sign = true, .force = true });
    uint64_t first = w->push;
    other.options.force = true;
    submit(w, &other);
    run(w);
    const struct world_index published = *tag_in(w, "org/it", "abc", false);
    w->push = first;
    retry(w);
    run(w);
    check_whole(w);
    /* amd64 was to be forced, and is; the others are as the second push left them. */
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(lk_digest_eq(&job_of(w, &three[i])->child.digest,
                                      &entry_of(&published, &three[i])->child.digest),
                         i > 0);
}

static void a_retry_waits_for_a_push_of_the_same_tag_that_runs(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request other = request_of(2, "org/it", "abc", 3, three);

    (void)state;
    fail_one_of_three(w, &(struct lk_push_options) { .sign = true });
    uint64_t first = w->push;
    submit(w, &other);
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    w->push = first;
    retry(w);
    assert_int_equal(package_of(w)->state, LK_PACKAGE_WAITING);
    run(w);
    check_whole(w);
    assert_true(package_of(w)->nothing_to_do);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 4);
}

static void packages_in_an_order_go_on_in_it_and_those_that_ended_well_stay(void **state)
{
    static const struct lk_index_name b = { "org/b", "abc" };
    LK_WORLD                          w = world_of_three();
    struct request                    request = request_of(1, "org/a", "abc", 1, &amd64);

    (void)state;
    request.count = 3;
    request.packages[1] = request.packages[2] = request.packages[0];
    request.packages[1].repository = b.repository;
    request.packages[2].repository = "org/c";
    request.packages[2].arches = &arm64;
    request.packages[0].after = &b;
    request.packages[0].after_count = 1;
    submit(w, &request);
    run_until_build_fails(w);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
    const struct lk_package *c = push_of(w)->packages->next_in_push->next_in_push;
    assert_int_equal(c->outcome, LK_OUTCOME_OK);
    unsigned offers = w->seen[LK_EFFECT_OFFER];
    retry(w);
    assert_int_equal(c->state, LK_PACKAGE_ENDED);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], offers + 2);
    assert_true(w->merges[w->merge_count - 1].package == push_of(w)->packages->id);
}

static void who_ended_first_is_forgotten_first(void **state)
{
    struct lk_core_config config = lk_core_defaults;
    LK_WORLD              w = NULL;

    (void)state;
    config.history_max = 2;
    w = world_new(&config);
    add_agent(w, "a1", &amd64, false, 1);
    for (uint8_t key = 1; key <= 3; key++) {
        struct request request = request_of(key, "org/it", "abc", 1, &amd64);
        request.options.force = true;
        submit(w, &request);
        run_until_job(w, &amd64, LK_JOB_ASSIGNED);
        if (key == 2)
            retry_with(w, 1, 1, NULL);
        cancel(w, w->push);
        run(w);
    }
    assert_non_null(lk_core_push(w->core, 1));
    assert_null(lk_core_push(w->core, 2));
    crash(w, false);
    assert_non_null(lk_core_push(w->core, 1));
}

/* Records give way to newer ones; the push itself knows what it had put. */
static void what_was_put_is_known_without_a_record(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.records_max = 1;

    LK_WORLD w = world_new(&config);

    for (size_t i = 0; i < 3; i++)
        add_agent(w, three[i].name, &three[i], false, 2);
    fail_one_of_three(w, &(struct lk_push_options) { .sign = true });
    retry(w);
    run(w);
    check_whole(w);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_leg_that_failed_is_built_again),
        cmocka_unit_test(a_build_that_publishes_nothing_keeps_what_it_built),
        cmocka_unit_test(what_was_built_meanwhile_counts_after_a_retry),
        cmocka_unit_test(a_push_that_fails_again_is_retried_again),
        cmocka_unit_test(what_the_registry_has_lost_meanwhile_is_built_again),
        cmocka_unit_test(a_cancelled_push_goes_on),
        cmocka_unit_test(a_crash_at_every_move_of_a_retry_ends_with_a_whole_index),
        cmocka_unit_test(a_second_answer_to_the_same_request_does_no_harm),
        cmocka_unit_test(what_cannot_go_on_is_refused_with_the_reason),
        cmocka_unit_test(what_is_missing_outside_is_told_and_changes_nothing),
        cmocka_unit_test(another_push_of_the_same_tag_in_between_is_not_undone),
        cmocka_unit_test(a_retry_waits_for_a_push_of_the_same_tag_that_runs),
        cmocka_unit_test(packages_in_an_order_go_on_in_it_and_those_that_ended_well_stay),
        cmocka_unit_test(who_ended_first_is_forgotten_first),
        cmocka_unit_test(what_was_put_is_known_without_a_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
