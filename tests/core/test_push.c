#include "tests/core/world.h"

static void check_published(struct world *w, size_t count)
{
    const struct world_index *index = tag_in(w, "org/it", "abc", false);

    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_non_null(index);
    assert_int_equal(index->count, count);
    assert_true(lk_digest_eq(&index->digest, &package_of(w)->index.digest));
}

static void three_arches_are_built_pushed_merged_signed_and_tagged(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_three(w);
    run(w);
    check_published(w, 3);
    assert_true(tag_in(w, "org/it", "abc", false)->is_signed);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 3);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 3);
    assert_int_equal(w->seen[LK_EFFECT_PERMIT], 3);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPT_CHILD], 3);
    assert_int_equal(w->seen[LK_EFFECT_MERGE], 1);
    assert_int_equal(w->seen[LK_EFFECT_TAG], 1);
    assert_int_equal(w->seen[LK_EFFECT_DROP], 3);
    assert_int_equal(w->stale, 0);
}

static size_t moves_of_a_whole_push(void)
{
    LK_WORLD w = world_of_three();
    size_t   moves = 0;

    submit_three(w);
    while (move_one(w))
        moves++;
    assert_true(all_ended(w));
    return moves;
}

static void crash_after(size_t moves, bool unwritten)
{
    LK_WORLD w = world_of_three();

    submit_three(w);
    for (size_t i = 0; i < moves; i++)
        assert_true(move_one(w));
    crash_and_reconnect(w, unwritten);
    submit_three(w);
    run(w);
    check_published(w, 3);
    const struct world_index *index = tag_in(w, "org/it", "abc", false);
    for (size_t i = 0; i < 3; i++) {
        const struct lk_job  *job = job_of(w, &three[i]);
        const struct lk_child child = child_of(job->id, job->attempt);
        assert_true(lk_digest_eq(&entry_of(index, &three[i])->child.digest, &child.digest));
    }
}

static void a_crash_at_every_move_ends_with_the_same_index(void **state)
{
    size_t moves = moves_of_a_whole_push();

    (void)state;
    assert_true(moves > 30);
    for (size_t i = 0; i <= moves; i++) {
        crash_after(i, false);
        crash_after(i, true);
    }
}

/* Everything that a cancelled push may have done is by digest: no tag of ours moved. */
static void cancel_after(size_t moves)
{
    LK_WORLD w = world_of_three();

    submit_three(w);
    for (size_t i = 0; i < moves; i++)
        assert_true(move_one(w));
    bool ended = push_of(w)->state == LK_PUSH_ENDED;
    bool tagged = tag_in(w, "org/it", "abc", false) || w->seen[LK_EFFECT_TAG];
    cancel(w, w->push);
    run(w);
    settle(w);
    assert_int_equal(push_of(w)->outcome,
                     ended || tagged ? LK_OUTCOME_OK : LK_OUTCOME_CANCELLED);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, ended ? LK_ERR_CONFLICT : LK_ERR_NONE);
    for (size_t i = 0; i < w->agent_count; i++)
        assert_non_null(slot_of(&w->agents[i], 0, 0));
    if (!ended && !tagged)
        assert_null(tag_in(w, "org/it", "abc", false));
    for (size_t i = 0; i < w->agent_count; i++)
        for (size_t k = 0; k < WORLD_SLOTS; k++)
            assert_int_equal(w->agents[i].slots[k].job, 0);
    assert_int_equal(package_of(w)->turnstile->fence, 0);
}

static void a_cancel_at_every_move_ends_the_push_and_frees_everything(void **state)
{
    size_t moves = moves_of_a_whole_push();

    (void)state;
    for (size_t i = 0; i <= moves; i++)
        cancel_after(i);
}

static void a_cancel_while_the_registry_is_away_does_not_wait_for_it(void **state)
{
    static const enum lk_effect_type asked[] = { LK_EFFECT_PROBE, LK_EFFECT_ACCEPT_CHILD,
                                                 LK_EFFECT_MERGE };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(asked); i++) {
        LK_WORLD w = world_of_three();
        w->faults[asked[i]] = (struct world_fault) { 100000, LK_ERR_RETRY };
        submit_three(w);
        settle(w);
        assert_int_equal(push_of(w)->state, LK_PUSH_RUNNING);
        cancel(w, w->push);
        settle(w);
        assert_int_equal(push_of(w)->state, LK_PUSH_ENDED);
        assert_int_equal(push_of(w)->outcome, LK_OUTCOME_CANCELLED);
    }
}

/* The tag moves, and the answer does not come. */
static void lose_the_answer_of_the_tag(struct world *w)
{
    submit_three(w);
    run_until_effect(w, LK_EFFECT_TAG);
    w->faults[LK_EFFECT_TAG] = (struct world_fault) { 1, LK_ERR_RETRY };
    struct lk_effect tag = w->queue[w->queue_first];
    carry_out_one(w);
    answer_tag(w, &tag);
    assert_non_null(tag_in(w, "org/it", "abc", false));
    assert_int_equal(push_of(w)->state, LK_PUSH_RUNNING);
}

static void a_cancel_of_what_may_be_tagged_already_waits_to_know(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    lose_the_answer_of_the_tag(w);
    cancel(w, w->push);
    settle(w);
    assert_int_equal(push_of(w)->state, LK_PUSH_RUNNING);
    run(w);
    check_published(w, 3);
}

static void a_cancel_after_a_crash_that_lost_the_answer_waits_too(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    lose_the_answer_of_the_tag(w);
    crash_and_reconnect(w, false);
    w->faults[LK_EFFECT_PROBE] = (struct world_fault) { 1, LK_ERR_RETRY };
    settle(w);
    cancel(w, w->push);
    run(w);
    check_published(w, 3);
}

static void a_cancelled_tag_is_waited_for_only_with_patience(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    int64_t before = w->now_ms;
    w->faults[LK_EFFECT_TAG] = (struct world_fault) { 100000, LK_ERR_RETRY };
    submit_three(w);
    settle(w);
    cancel(w, w->push);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_INFRASTRUCTURE);
    assert_true(w->now_ms < before + 2 * w->config.patience_ms);
}

static void a_cancelled_push_does_not_follow_a_tag_that_somebody_else_moved(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_three(w);
    run_until_effect(w, LK_EFFECT_TAG);
    cancel(w, w->push);
    tag_in(w, "org/it", "abc", true)->digest.sha256[0] = 0xee;
    unsigned tags = w->seen[LK_EFFECT_TAG];
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_CANCELLED);
    assert_int_equal(w->seen[LK_EFFECT_TAG], tags);
}

static void a_tag_that_is_moved_again_and_again_is_given_up(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    int64_t before = w->now_ms;
    w->faults[LK_EFFECT_TAG] = (struct world_fault) { 100000, LK_ERR_CONFLICT };
    submit_three(w);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_REFUSED);
    assert_true(w->now_ms < before + 2 * w->config.patience_ms);
}

static void a_cancel_during_the_source_ends_at_once(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    w->source_is_late = true;
    submit_three(w);
    cancel(w, w->push);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_CANCELLED);
    assert_int_equal(push_of(w)->state, LK_PUSH_ENDED);
    source(w, w->push, NULL);
    assert_int_equal(w->stale, 1);
}

static void a_cancel_of_what_does_not_exist_is_told_so(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    cancel(w, 99);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NOT_FOUND);
}

static void a_build_failure_cancels_what_is_not_built_and_publishes_nothing(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_three(w);
    w->agents[1].stuck = w->agents[2].stuck = true;
    run_until_job(w, &amd64, LK_JOB_BUILT);
    run_until_job(w, &s390x, LK_JOB_ASSIGNED);
    struct world_slot *slot = &w->agents[1].slots[0];
    slot->phase = LK_PHASE_FAILED;
    report(w, &w->agents[1], slot, LK_ERR_INVALID);
    assert_int_equal(job_of(w, &arm64)->state, LK_JOB_FAILED);
    assert_int_equal(job_of(w, &s390x)->state, LK_JOB_CANCELLED);
    run(w);
    settle(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_DONE);
    assert_non_null(strstr(package_of(w)->text, "arm64: it went wrong"));
    assert_int_equal(w->seen[LK_EFFECT_MERGE] + w->seen[LK_EFFECT_TAG], 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(w->agents[i].slots[0].job, 0);
}

/* amd64 fails while the others are still at it; a second package is at it too. */
static void fail_early(struct world *w, const struct lk_push_options *options)
{
    struct request request = request_of(1, "org/it", "abc", 3, three);

    request.options = *options;
    request.count = 2;
    request.packages[1] = request.packages[0];
    request.packages[1].repository = "org/other";
    w->agents[1].stuck = w->agents[2].stuck = true;
    submit(w, &request);
    run_until_build_fails(w);
    w->agents[1].stuck = w->agents[2].stuck = false;
}

static void by_default_a_failure_ends_its_package_and_others_go_on(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    fail_early(w, &(struct lk_push_options) { .sign = true });
    assert_int_equal(job_of(w, &arm64)->state, LK_JOB_CANCELLED);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
    assert_null(tag_in(w, "org/it", "abc", false));
    assert_non_null(tag_in(w, "org/other", "abc", false));
}

static void keep_going_builds_what_can_be_built_and_publishes_nothing_incomplete(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    fail_early(w, &(struct lk_push_options) { .sign = true, .keep_going = true });
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_FAILED);
    assert_int_equal(job_of(w, &arm64)->state, LK_JOB_DONE);
    assert_int_equal(job_of(w, &s390x)->state, LK_JOB_DONE);
    assert_null(tag_in(w, "org/it", "abc", false));
    assert_non_null(tag_in(w, "org/other", "abc", false));
}

static void fail_fast_cancels_the_rest_at_once_and_the_push_says_what_failed(void **state)
{
    for (int crashes = 0; crashes < 2; crashes++) {
        LK_WORLD w = world_of_three();
        (void)state;
        fail_early(w, &(struct lk_push_options) { .sign = true, .fail_fast = true });
        assert_int_equal(push_of(w)->state, LK_PUSH_ENDED);
        if (crashes)
            crash_and_reconnect(w, false);
        run(w);
        assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
        const struct lk_package *other = package_of(w)->next_in_push;
        assert_int_equal(other->outcome, LK_OUTCOME_CANCELLED);
        assert_non_null(strstr(other->text, "--fail-fast"));
        assert_null(tag_in(w, "org/it", "abc", false));
        assert_null(tag_in(w, "org/other", "abc", false));
        cancel(w, w->push);
        assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_CONFLICT);
    }
}

static void to_go_on_and_to_stop_after_a_failure_is_refused(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 3, three);

    (void)state;
    request.options.keep_going = request.options.fail_fast = true;
    submit(w, &request);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
    assert_non_null(strstr(w->last[LK_EFFECT_ANSWER].text, "choose one"));
}

/* Its agents are alive, but amd64's build does not move. */
static void build_for_too_long(struct world *w, bool crashes)
{
    struct request request = request_of(1, "org/it", "abc", 3, three);

    request.options.job_timeout_s = 30;
    submit(w, &request);
    w->agents[0].stuck = true;
    for (unsigned i = 0; i < 5; i++)
        move_one(w);
    while (w->agents[0].slots[0].phase != LK_PHASE_TAKEN && move_one(w))
        ;
    wait_ms(w, 5000); /* for its source: that is not building */
    w->agents[0].slots[0].phase = LK_PHASE_BUILDING;
    report(w, &w->agents[0], &w->agents[0].slots[0], LK_ERR_NONE);
    wait_ms(w, 29000);
    report_all(w, &w->agents[0]);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_ASSIGNED);
    if (crashes) {
        crash_and_reconnect(w, false);
        wait_ms(w, 29000);
        assert_int_equal(job_of(w, &amd64)->state, LK_JOB_ASSIGNED);
    }
    wait_ms(w, 1000);
}

static void a_build_that_takes_longer_than_it_may_fails_by_name(void **state)
{
    (void)state;
    for (int crashes = 0; crashes < 2; crashes++) {
        LK_WORLD w = world_of_three();
        build_for_too_long(w, crashes);
        assert_int_equal(job_of(w, &amd64)->state, LK_JOB_FAILED);
        assert_int_equal(job_of(w, &amd64)->outcome, LK_OUTCOME_BUILD_FAILED);
        assert_string_equal(job_of(w, &amd64)->text,
                            "was still building after 30 s (--job-timeout)");
        run(w);
        assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
        assert_int_equal(w->last[LK_EFFECT_OFFER].attempt, 1);
        assert_int_equal(w->agents[0].slots[0].job, 0);
    }
}

static void sequential_builds_do_not_overlap(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 3, three);

    (void)state;
    request.options.sequential = true;
    submit(w, &request);
    while (move_one(w)) {
        unsigned running = 0;
        for (size_t i = 0; i < 3; i++)
            running += package_of(w)->jobs[i].state >= LK_JOB_ASSIGNED &&
                       package_of(w)->jobs[i].state <= LK_JOB_IN_TURN;
        assert_true(running <= 1);
    }
    check_published(w, 3);
}

static void with_in_turn_nothing_is_uploaded_before_the_permit(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 3, three);

    (void)state;
    request.options.in_turn = true;
    submit(w, &request);
    while (move_one(w))
        for (size_t i = 0; i < 3; i++) {
            const struct lk_job *job = &package_of(w)->jobs[i];
            if (job->phase >= LK_PHASE_STAGING && job->state < LK_JOB_DONE)
                assert_int_equal(job->state, LK_JOB_IN_TURN);
        }
    check_published(w, 3);
    assert_int_equal(w->last[LK_EFFECT_PERMIT].hold_ms, w->config.in_turn_hold_ms);
}

static void a_build_alone_writes_to_no_registry_and_a_forced_one_asks_none(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 3, three);

    (void)state;
    request.options.build_only = true;
    submit(w, &request);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 3);
    assert_int_equal(w->seen[LK_EFFECT_PROBE], 1);
    request.options.force = true;
    request.key = 2;
    submit(w, &request);
    run(w);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 6);
    assert_int_equal(w->seen[LK_EFFECT_PROBE], 1);
    assert_int_equal(
        w->seen[LK_EFFECT_PERMIT] + w->seen[LK_EFFECT_MERGE] + w->seen[LK_EFFECT_TICKET], 0);
}

static void the_same_request_key_is_the_same_push(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_three(w);
    uint64_t push = w->push;
    submit_three(w);
    assert_int_equal(w->push, push);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], 2);
    run(w);
    submit_three(w);
    assert_int_equal(w->push, push);
    assert_int_equal(w->seen[LK_EFFECT_RECEIVE], 2);
}

static void a_source_that_does_not_come_ends_the_push(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    w->source_is_late = true;
    submit_three(w);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_INFRASTRUCTURE);
    assert_int_equal(w->now_ms, 5000 + w->config.source_ms);
}

static void a_source_that_is_not_what_it_says_ends_the_push(void **state)
{
    LK_WORLD      w = world_of_three();
    struct lk_err err;

    (void)state;
    w->source_is_late = true;
    submit_three(w);
    lk_err_set(&err, LK_ERR_INVALID, "it holds a submodule");
    source(w, w->push, &err);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_REFUSED);
    assert_string_equal(package_of(w)->text, "it holds a submodule");
}

static struct lk_core_config tiny(void)
{
    struct lk_core_config config = lk_core_defaults;

    config.pushes_max = 3;
    config.packages_max = 4;
    config.history_max = 3;
    return config;
}

static void many(struct world *w, uint8_t key, size_t count)
{
    struct request request = request_of(key, "org/it", "abc", 1, &amd64);

    for (size_t i = 1; i < count; i++)
        request.packages[i] = request.packages[0];
    request.count = count;
    submit(w, &request);
}

static void too_many_pushes_or_packages_are_told_the_limit(void **state)
{
    struct lk_core_config config = tiny();
    LK_WORLD              w = world_new(&config);

    (void)state;
    w->source_is_late = true;
    many(w, 1, 5);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], 0);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_LIMIT);
    many(w, 1, 2);
    many(w, 2, 2);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], 2);
    many(w, 3, 1);
    assert_int_equal(w->seen[LK_EFFECT_ANSWER], 2);
    cancel(w, 1);
    many(w, 3, 1);
    many(w, 4, 1);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], 4);
    many(w, 5, 1);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_LIMIT);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], 4);
}

static void history_gives_way_to_new_pushes(void **state)
{
    struct lk_core_config config = tiny();
    LK_WORLD              w = world_new(&config);

    (void)state;
    w->source_is_late = true;
    for (uint8_t key = 1; key < 20; key++) {
        many(w, key, 1 + key % 4);
        assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], key);
        cancel(w, w->push);
    }
    assert_int_equal(w->seen[LK_EFFECT_FORGET] + 1, w->push);
    crash(w, false);
}

static void old_pushes_are_forgotten(void **state)
{
    struct lk_core_config config = lk_core_defaults;
    LK_WORLD              w = NULL;

    (void)state;
    config.history_max = 2;
    w = world_new(&config);
    w->source_is_late = true;
    for (uint8_t key = 1; key <= 5; key++) {
        many(w, key, 3);
        cancel(w, w->push);
    }
    assert_int_equal(w->seen[LK_EFFECT_FORGET], 3);
    assert_int_equal(w->last[LK_EFFECT_FORGET].push, 3);
    assert_null(lk_core_push(w->core, 3));
    assert_non_null(lk_core_push(w->core, 4));
    crash(w, false);
    assert_null(lk_core_push(w->core, 3));
}

static void who_asks_for_what_is_not_there_is_told_whether_it_ever_was(void **state)
{
    struct lk_core_config config = lk_core_defaults;
    LK_WORLD              w = NULL;

    (void)state;
    config.history_max = 2;
    w = world_new(&config);
    w->source_is_late = true;
    for (uint8_t key = 1; key <= 3; key++) {
        many(w, key, 1);
        cancel(w, w->push);
    }
    cancel(w, 1);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NOT_FOUND);
    assert_non_null(
        strstr(w->last[LK_EFFECT_ANSWER].text,
               "push 1 ended and was let go: of those that ended at most the last 2"));
    cancel(w, 4);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NOT_FOUND);
    assert_non_null(
        strstr(w->last[LK_EFFECT_ANSWER].text, "there never was a push 4: the last one is 3"));
}

static void what_makes_no_sense_is_refused_not_asserted(void **state)
{
    static const struct lk_arch twice[] = { { "amd64" }, { "amd64" } };
    LK_WORLD                    w = world_of_three();
    struct request              good = request_of(1, "org/it", "abc", 1, &amd64);
    struct request              bad[] = { good, good, good, good, good, good };

    (void)state;
    bad[0].count = 0;
    bad[1].packages[0].arch_count = 0;
    bad[2].packages[0].repository = "";
    bad[3].packages[0].tag = "";
    bad[4].packages[0].arches = twice;
    bad[4].packages[0].arch_count = 2;
    bad[5].packages[0].arch_count = LK_PACKAGE_ARCHES_MAX + 1;
    for (size_t i = 0; i < LK_COUNT(bad); i++) {
        submit(w, &bad[i]);
        assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
        assert_int_equal(w->seen[LK_EFFECT_ANSWER], i + 1);
    }
    assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], 0);
}

static void a_full_house_that_loses_all_its_sources_at_once_is_worked_off(void **state)
{
    struct lk_core_config config = lk_core_defaults;
    LK_WORLD              w = NULL;

    (void)state;
    config.history_max = 2;
    w = world_new(&config);
    w->source_is_late = true;
    for (uint8_t key = 1; key <= 32; key++)
        many(w, key, LK_PUSH_PACKAGES_MAX);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], 32);
    run(w);
    assert_int_equal(w->seen[LK_EFFECT_FORGET], 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_arches_are_built_pushed_merged_signed_and_tagged),
        cmocka_unit_test(a_crash_at_every_move_ends_with_the_same_index),
        cmocka_unit_test(a_cancel_at_every_move_ends_the_push_and_frees_everything),
        cmocka_unit_test(a_cancel_while_the_registry_is_away_does_not_wait_for_it),
        cmocka_unit_test(a_cancel_of_what_may_be_tagged_already_waits_to_know),
        cmocka_unit_test(a_cancel_after_a_crash_that_lost_the_answer_waits_too),
        cmocka_unit_test(a_cancelled_tag_is_waited_for_only_with_patience),
        cmocka_unit_test(a_cancelled_push_does_not_follow_a_tag_that_somebody_else_moved),
        cmocka_unit_test(a_tag_that_is_moved_again_and_again_is_given_up),
        cmocka_unit_test(a_cancel_during_the_source_ends_at_once),
        cmocka_unit_test(a_cancel_of_what_does_not_exist_is_told_so),
        cmocka_unit_test(a_build_failure_cancels_what_is_not_built_and_publishes_nothing),
        cmocka_unit_test(by_default_a_failure_ends_its_package_and_others_go_on),
        cmocka_unit_test(keep_going_builds_what_can_be_built_and_publishes_nothing_incomplete),
        cmocka_unit_test(fail_fast_cancels_the_rest_at_once_and_the_push_says_what_failed),
        cmocka_unit_test(to_go_on_and_to_stop_after_a_failure_is_refused),
        cmocka_unit_test(a_build_that_takes_longer_than_it_may_fails_by_name),
        cmocka_unit_test(sequential_builds_do_not_overlap),
        cmocka_unit_test(with_in_turn_nothing_is_uploaded_before_the_permit),
        cmocka_unit_test(a_build_alone_writes_to_no_registry_and_a_forced_one_asks_none),
        cmocka_unit_test(the_same_request_key_is_the_same_push),
        cmocka_unit_test(a_source_that_does_not_come_ends_the_push),
        cmocka_unit_test(a_source_that_is_not_what_it_says_ends_the_push),
        cmocka_unit_test(too_many_pushes_or_packages_are_told_the_limit),
        cmocka_unit_test(history_gives_way_to_new_pushes),
        cmocka_unit_test(old_pushes_are_forgotten),
        cmocka_unit_test(who_asks_for_what_is_not_there_is_told_whether_it_ever_was),
        cmocka_unit_test(what_makes_no_sense_is_refused_not_asserted),
        cmocka_unit_test(a_full_house_that_loses_all_its_sources_at_once_is_worked_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
