#include "tests/core/world.h"

/* A tag with children that someone pushed before us. */
static struct world_index *plant(struct world *w, size_t count, bool is_signed, bool arch_tags)
{
    struct world_index *index = tag_in(w, "org/it", "abc", true);

    index->digest.sha256[0] = 0xee;
    index->is_signed = is_signed;
    index->count = count;
    for (size_t i = 0; i < count; i++) {
        index->entries[i].arch = three[i];
        index->entries[i].child = child_of(1000 + i, 1);
        index->entries[i].is_signed = is_signed;
        put_manifest(w, &index->entries[i].child.digest);
        if (arch_tags)
            put_arch_tag(w, "org/it", "abc", &three[i], &index->entries[i].child, is_signed);
    }
    return index;
}

static void push_three(struct world *w, const struct lk_push_options *options)
{
    struct request request = request_of((uint8_t)(w->push + 1), "org/it", "abc", 3, three);

    if (options)
        request.options = *options;
    submit(w, &request);
    run(w);
}

static void check_outcome(const struct world *w, enum lk_outcome outcome)
{
    assert_int_equal(push_of(w)->outcome, outcome);
}

static void a_complete_signed_index_is_nothing_to_do(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    plant(w, 3, true, true);
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_OK);
    assert_true(package_of(w)->nothing_to_do);
    assert_int_equal(package_of(w)->index.digest.sha256[0], 0xee);
    assert_int_equal(w->seen[LK_EFFECT_OFFER] + w->seen[LK_EFFECT_TAG], 0);
}

static void
an_unsigned_index_over_signed_children_is_published_again_without_building(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    plant(w, 3, true, true)->is_signed = false;
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_OK);
    assert_false(package_of(w)->nothing_to_do);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 0);
    assert_int_equal(w->seen[LK_EFFECT_TAG], 1);
    assert_true(tag_in(w, "org/it", "abc", false)->is_signed);
}

static void a_wrong_arch_tag_takes_a_turn_without_an_agent(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    plant(w, 3, true, true);
    w->arch_tag_count = 2; /* the third one's tag names something else */
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER] + w->seen[LK_EFFECT_PERMIT], 0);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPT_CHILD], 1);
    assert_int_equal(w->arch_tag_count, 3);
}

static void an_untrusted_entry_is_refused_with_the_way_out(void **state)
{
    LK_WORLD w = world_of_three();
    char     digest[LK_DIGEST_TEXT_SIZE];

    (void)state;
    struct world_index *index = plant(w, 1, false, true);
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_REFUSED);
    lk_digest_format(&index->entries[0].child.digest, digest);
    assert_non_null(strstr(package_of(w)->text, digest));
    assert_non_null(strstr(package_of(w)->text, "--adopt sha256:"));
    assert_non_null(strstr(package_of(w)->text, "--replace amd64"));
    assert_int_equal(w->seen[LK_EFFECT_OFFER] + w->seen[LK_EFFECT_MERGE], 0);
}

static void what_is_adopted_stays_and_is_signed(void **state)
{
    LK_WORLD               w = world_of_three();
    struct world_index    *index = plant(w, 1, false, true);
    struct lk_digest       planted = index->entries[0].child.digest;
    struct lk_push_options options = { .sign = true, .adopt_count = 1, .adopt = { planted } };

    (void)state;
    push_three(w, &options);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 2);
    index = tag_in(w, "org/it", "abc", false);
    assert_true(lk_digest_eq(&entry_of(index, &amd64)->child.digest, &planted));
    assert_true(entry_of(index, &amd64)->is_signed);
    /* Only what was built was read by this push: the rest has to be read before it is signed. */
    for (size_t i = 0; i < w->last[LK_EFFECT_MERGE].count; i++)
        assert_int_equal(w->last[LK_EFFECT_MERGE].accepted[i],
                         !lk_arch_eq(&w->last[LK_EFFECT_MERGE].arches[i], &amd64));
}

static void what_is_replaced_is_built_anew(void **state)
{
    LK_WORLD               w = world_of_three();
    struct world_index    *index = plant(w, 1, false, true);
    struct lk_digest       planted = index->entries[0].child.digest;
    struct lk_push_options options = { .sign = true, .replace_count = 1, .replace = { amd64 } };

    (void)state;
    push_three(w, &options);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 3);
    index = tag_in(w, "org/it", "abc", false);
    assert_false(lk_digest_eq(&entry_of(index, &amd64)->child.digest, &planted));
}

static const struct lk_arch riscv64 = { "riscv64" };
static const struct lk_arch unknown = { "unknown" };

static void an_entry_that_this_push_does_not_build_is_left_out_by_name(void **state)
{
    LK_WORLD               w = world_of_three();
    struct lk_push_options options = { .sign = true, .replace_count = 1 };

    (void)state;
    plant(w, 1, false, true)->entries[0].arch = riscv64;
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_REFUSED);
    assert_non_null(strstr(package_of(w)->text, "--adopt sha256:"));
    assert_non_null(strstr(package_of(w)->text, "leave it out: --replace riscv64"));
    options.replace[0] = riscv64;
    push_three(w, &options);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(tag_in(w, "org/it", "abc", false)->count, 3);
}

static void a_complete_index_less_an_entry_is_something_to_do(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 1, &amd64);

    (void)state;
    plant(w, 2, true, true);
    request.options.replace_count = 1;
    request.options.replace[0] = arm64;
    submit(w, &request);
    run(w);
    check_outcome(w, LK_OUTCOME_OK);
    assert_false(package_of(w)->nothing_to_do);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 0);
    assert_null(entry_of(tag_in(w, "org/it", "abc", false), &arm64));
}

static void attestations_are_left_out_by_replace_unknown_and_not_otherwise(void **state)
{
    LK_WORLD               w = world_of_three();
    struct world_index    *index = plant(w, 3, true, true);
    struct lk_push_options options = { .sign = true, .adopt_count = 1 };

    (void)state;
    memset(&index->entries[1].arch, 0, sizeof(index->entries[1].arch));
    memset(&index->entries[2].arch, 0, sizeof(index->entries[2].arch));
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_REFUSED);
    assert_non_null(strstr(package_of(w)->text, "--replace unknown"));
    assert_null(strstr(package_of(w)->text, "--adopt"));
    options.adopt[0] = index->entries[1].child.digest;
    push_three(w, &options);
    check_outcome(w, LK_OUTCOME_REFUSED);
    options.replace_count = 1;
    options.replace[0] = unknown;
    push_three(w, &options);
    check_outcome(w, LK_OUTCOME_OK);
    index = tag_in(w, "org/it", "abc", false);
    assert_int_equal(index->count, 3);
    for (size_t i = 0; i < LK_COUNT(three); i++)
        assert_non_null(entry_of(index, &three[i]));
}

static void an_entry_planted_while_we_built_is_refused_too(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_three(w);
    run_until_job(w, &amd64, LK_JOB_DONE);
    struct world_index *index = plant(w, 1, false, true);
    index->entries[0].arch = riscv64;
    run(w);
    check_outcome(w, LK_OUTCOME_REFUSED);
    assert_int_equal(w->seen[LK_EFFECT_TAG], 0);
}

static void a_trusted_entry_of_another_arch_stays(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 1, &s390x);

    (void)state;
    plant(w, 2, true, true);
    submit(w, &request);
    run(w);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(tag_in(w, "org/it", "abc", false)->count, 3);
}

static void more_architectures_than_can_be_merged_are_refused(void **state)
{
    LK_WORLD            w = world_of_three();
    struct request      request = request_of(1, "org/it", "abc", 1, &amd64);
    struct world_index *index = plant(w, 2, true, true);

    (void)state;
    index->count = LK_FOUND_MAX + 1;
    for (size_t i = 0; i < index->count; i++) {
        index->entries[i] = index->entries[0];
        snprintf(index->entries[i].arch.name, LK_ARCH_SIZE, "arch%c", (char)('a' + i));
    }
    submit(w, &request);
    run(w);
    check_outcome(w, LK_OUTCOME_REFUSED);
    assert_non_null(strstr(package_of(w)->text, "more architectures than lkcoord can merge"));
    assert_int_equal(w->seen[LK_EFFECT_MERGE], 0);
}

/* It needs no signature, and has one: that is nothing to speak of. */
static void an_unsigned_package_that_is_signed_already_is_nothing_to_do(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 2, three);

    (void)state;
    request.packages[0].is_unsigned = true;
    plant(w, 2, true, true);
    submit(w, &request);
    run(w);
    check_outcome(w, LK_OUTCOME_OK);
    assert_true(package_of(w)->nothing_to_do);
    assert_string_equal(package_of(w)->text, "");
}

static void an_unsigned_entry_that_stays_is_something_to_do(void **state)
{
    LK_WORLD            w = world_of_three();
    struct request      request = request_of(1, "org/it", "abc", 1, &amd64);
    struct world_index *index = plant(w, 2, true, true);

    (void)state;
    index->entries[1].is_signed = false;
    request.options.adopt_count = 1;
    request.options.adopt[0] = index->entries[1].child.digest;
    submit(w, &request);
    run(w);
    check_outcome(w, LK_OUTCOME_OK);
    assert_false(package_of(w)->nothing_to_do);
    assert_true(entry_of(tag_in(w, "org/it", "abc", false), &arm64)->is_signed);
}

static void a_tag_that_names_a_single_image_is_left_alone(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    plant(w, 0, false, false)->not_an_index = true;
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_REFUSED);
    assert_non_null(strstr(package_of(w)->text, "sha256:ee"));
}

static void fail_one(struct world *w, const struct lk_arch *arch, enum lk_err_kind kind)
{
    const struct lk_job *job = job_of(w, arch);
    struct world_agent  *agent = agent_of(w, job->session);
    struct world_slot   *slot = slot_of(agent, job->id, job->attempt);

    slot->phase = LK_PHASE_FAILED;
    report(w, agent, slot, kind);
}

/* amd64 is pushed, then arm64's build fails. */
static void leave_a_record_behind(struct world *w)
{
    submit_three(w);
    w->agents[1].stuck = w->agents[2].stuck = true;
    run_until_job(w, &amd64, LK_JOB_DONE);
    fail_one(w, &arm64, LK_ERR_INVALID);
    run(w);
    check_outcome(w, LK_OUTCOME_BUILD_FAILED);
    assert_null(tag_in(w, "org/it", "abc", false));
    w->agents[1].stuck = w->agents[2].stuck = false;
}

static void what_a_failed_push_had_pushed_is_looked_at_again_not_built_again(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    leave_a_record_behind(w);
    unsigned offers = w->seen[LK_EFFECT_OFFER];
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], offers + 2);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_KEPT);
    assert_int_equal(tag_in(w, "org/it", "abc", false)->count, 3);
}

static void what_the_registry_lost_since_is_built_again(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    leave_a_record_behind(w);
    unsigned offers = w->seen[LK_EFFECT_OFFER];
    w->manifest_count = 0;
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], offers + 3);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_DONE);
}

static void a_forced_push_replaces_what_we_published_unsigned(void **state)
{
    LK_WORLD               w = world_of_three();
    struct lk_push_options options = { .sign = false };

    (void)state;
    push_three(w, &options);
    check_outcome(w, LK_OUTCOME_OK);
    options.force = true;
    push_three(w, &options);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 6);
}

static void unsigned_and_published_by_us_is_nothing_to_do(void **state)
{
    LK_WORLD               w = world_of_three();
    struct lk_push_options options = { .sign = false };

    (void)state;
    push_three(w, &options);
    push_three(w, &options);
    check_outcome(w, LK_OUTCOME_OK);
    assert_true(package_of(w)->nothing_to_do);
}

static void a_dry_run_plans_and_stands_in_nobodys_way(void **state)
{
    LK_WORLD               w = world_of_three();
    struct lk_push_options options = { .sign = true, .dry_run = true };

    (void)state;
    leave_a_record_behind(w);
    unsigned offers = w->seen[LK_EFFECT_OFFER];
    push_three(w, &options);
    check_outcome(w, LK_OUTCOME_OK);
    assert_false(package_of(w)->nothing_to_do);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_STAGED);
    assert_int_equal(job_of(w, &arm64)->state, LK_JOB_QUEUED);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], offers);
    assert_int_equal(w->seen[LK_EFFECT_RECEIVE], 1);
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_OK);
}

static void a_dry_run_does_not_wait_for_a_registry(void **state)
{
    LK_WORLD               w = world_of_three();
    struct lk_push_options options = { .sign = true, .dry_run = true };

    (void)state;
    w->faults[LK_EFFECT_PROBE] = (struct world_fault) { 1, LK_ERR_RETRY };
    push_three(w, &options);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_PROBE], 1);
    assert_non_null(strstr(package_of(w)->text, "what the registry holds is unknown: "));
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_NONE);
}

static void trouble_with_the_registry_backs_off_and_passes(void **state)
{
    static const enum lk_effect_type asked[] = { LK_EFFECT_PROBE, LK_EFFECT_ACCEPT_CHILD,
                                                 LK_EFFECT_MERGE, LK_EFFECT_TAG };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(asked); i++) {
        LK_WORLD w = world_of_three();
        int64_t  before = w->now_ms;
        w->faults[asked[i]] = (struct world_fault) { 5, LK_ERR_RETRY };
        push_three(w, NULL);
        check_outcome(w, LK_OUTCOME_OK);
        assert_true(w->now_ms >= before + 5000);
        assert_int_equal(w->seen[LK_EFFECT_OFFER], 3);
    }
}

/* Each lasts for more than half of the patience. */
static void trouble_that_has_passed_does_not_count_for_the_next(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.patience_ms = 10000;

    LK_WORLD       w = world_new(&config);
    struct request request = request_of(1, "org/it", "abc", 1, &amd64);

    add_agent(w, "a", &amd64, false, 1);
    w->faults[LK_EFFECT_PROBE] = (struct world_fault) { 5, LK_ERR_RETRY };
    w->faults[LK_EFFECT_MERGE] = (struct world_fault) { 5, LK_ERR_RETRY };
    submit(w, &request);
    run(w);
    check_outcome(w, LK_OUTCOME_OK);
    assert_true(w->now_ms - 5000 > config.patience_ms);
}

static void a_registry_is_left_alone_for_as_long_as_it_asks(void **state)
{
    static const enum lk_effect_type asked[] = { LK_EFFECT_PROBE, LK_EFFECT_ACCEPT_CHILD,
                                                 LK_EFFECT_MERGE, LK_EFFECT_TAG };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(asked); i++) {
        LK_WORLD w = world_of_three();
        int64_t  before = w->now_ms;
        w->retry_after_ms = 120000;
        w->faults[asked[i]] = (struct world_fault) { 1, LK_ERR_RETRY };
        push_three(w, NULL);
        check_outcome(w, LK_OUTCOME_OK);
        assert_true(w->now_ms >= before + 120000);
        assert_true(w->now_ms < before + w->config.patience_ms);
    }
}

static void what_the_last_look_finds_false_is_not_published(void **state)
{
    static const struct {
        enum lk_err_kind kind;
        enum lk_outcome  outcome;
    } ends[] = { { LK_ERR_CONFLICT, LK_OUTCOME_VERIFICATION_FAILED },
                 { LK_ERR_DENIED, LK_OUTCOME_REFUSED },
                 { LK_ERR_PERMANENT, LK_OUTCOME_INFRASTRUCTURE } };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(ends); i++) {
        LK_WORLD w = world_of_three();
        w->faults[LK_EFFECT_MERGE] = (struct world_fault) { 1, ends[i].kind };
        push_three(w, NULL);
        check_outcome(w, ends[i].outcome);
        assert_int_equal(w->seen[LK_EFFECT_TAG], 0);
        assert_null(tag_in(w, "org/it", "abc", false));
    }
}

static void patience_ends(void **state)
{
    static const enum lk_effect_type asked[] = { LK_EFFECT_PROBE, LK_EFFECT_ACCEPT_CHILD,
                                                 LK_EFFECT_MERGE, LK_EFFECT_TAG };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(asked); i++) {
        LK_WORLD w = world_of_three();
        int64_t  before = w->now_ms;
        w->faults[asked[i]] = (struct world_fault) { 100000, LK_ERR_RETRY };
        push_three(w, NULL);
        check_outcome(w, LK_OUTCOME_INFRASTRUCTURE);
        assert_true(w->now_ms >= before + w->config.patience_ms);
        assert_true(w->now_ms < before + 4 * w->config.patience_ms);
        assert_null(tag_in(w, "org/it", "abc", false));
    }
}

static void the_signer_is_waited_for_longer_than_patience_lasts(void **state)
{
    static const enum lk_effect_type asked[] = { LK_EFFECT_ACCEPT_CHILD, LK_EFFECT_MERGE };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(asked); i++) {
        LK_WORLD w = world_of_three();
        int64_t  before = w->now_ms;
        w->faults[asked[i]] = (struct world_fault) { 300, LK_ERR_RETRY };
        w->is_signers[asked[i]] = true;
        push_three(w, NULL);
        check_outcome(w, LK_OUTCOME_OK);
        assert_true(w->now_ms >= before + 2 * w->config.patience_ms);
        assert_int_equal(w->seen[LK_EFFECT_OFFER], 3);
    }
}

static void a_wait_for_the_signer_uses_up_no_patience_with_the_registry(void **state)
{
    (void)state;
    LK_WORLD w = world_of_three();
    w->faults[LK_EFFECT_MERGE] = (struct world_fault) { 300, LK_ERR_RETRY };
    w->is_signers[LK_EFFECT_MERGE] = true;
    w->faults[LK_EFFECT_TAG] = (struct world_fault) { 5, LK_ERR_RETRY };
    push_three(w, NULL);
    check_outcome(w, LK_OUTCOME_OK);
}

static void what_a_registry_error_means_for_the_push(void **state)
{
    static const struct {
        enum lk_effect_type at;
        enum lk_err_kind    kind;
        enum lk_outcome     outcome;
    } cases[] = {
        { LK_EFFECT_PROBE, LK_ERR_DENIED, LK_OUTCOME_REFUSED },
        { LK_EFFECT_PROBE, LK_ERR_PERMANENT, LK_OUTCOME_INFRASTRUCTURE },
        { LK_EFFECT_ACCEPT_CHILD, LK_ERR_CONFLICT, LK_OUTCOME_REFUSED },
        { LK_EFFECT_MERGE, LK_ERR_PERMANENT, LK_OUTCOME_INFRASTRUCTURE },
        { LK_EFFECT_TAG, LK_ERR_DENIED, LK_OUTCOME_REFUSED },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        LK_WORLD w = world_of_three();
        w->faults[cases[i].at] = (struct world_fault) { 1, cases[i].kind };
        push_three(w, NULL);
        check_outcome(w, cases[i].outcome);
        assert_null(tag_in(w, "org/it", "abc", false));
        assert_true(package_of(w)->text[0]);
    }
}

static void a_tag_moved_by_an_outsider_is_looked_at_again(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    submit_three(w);
    run_until_effect(w, LK_EFFECT_TAG);
    unsigned probes = w->seen[LK_EFFECT_PROBE];
    plant(w, 1, true, true)->entries[0].arch = (struct lk_arch) { "riscv64" };
    run(w);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_PROBE], probes + 1);
    assert_int_equal(tag_in(w, "org/it", "abc", false)->count, 4);
}

static const struct lk_push_options build_alone = { .build_only = true };

static void a_build_alone_keeps_what_is_published_and_trusted(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    plant(w, 2, true, false); /* no arch tags: nobody needs them to use what is there */
    push_three(w, &build_alone);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 1);
    assert_int_equal(package_of(w)->jobs[0].state, LK_JOB_KEPT);
    assert_int_equal(package_of(w)->jobs[1].state, LK_JOB_KEPT);
    assert_int_equal(package_of(w)->jobs[2].state, LK_JOB_DONE);
    assert_int_equal(w->seen[LK_EFFECT_TAG] + w->seen[LK_EFFECT_ACCEPT_CHILD], 0);
}

static void a_build_alone_builds_what_is_untrusted_and_refuses_nothing(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    plant(w, 3, false, true);
    push_three(w, &build_alone);
    check_outcome(w, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 3);
}

static void a_build_alone_needs_no_registry_and_says_that_it_did_not_know(void **state)
{
    static const enum lk_err_kind kinds[] = { LK_ERR_RETRY, LK_ERR_DENIED, LK_ERR_PERMANENT };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(kinds); i++) {
        LK_WORLD w = world_of_three();

        w->faults[LK_EFFECT_PROBE] = (struct world_fault) { 1, kinds[i] };
        push_three(w, &build_alone);
        check_outcome(w, LK_OUTCOME_OK);
        assert_int_equal(w->seen[LK_EFFECT_OFFER], 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_complete_signed_index_is_nothing_to_do),
        cmocka_unit_test(
            an_unsigned_index_over_signed_children_is_published_again_without_building),
        cmocka_unit_test(a_wrong_arch_tag_takes_a_turn_without_an_agent),
        cmocka_unit_test(an_untrusted_entry_is_refused_with_the_way_out),
        cmocka_unit_test(what_is_adopted_stays_and_is_signed),
        cmocka_unit_test(what_is_replaced_is_built_anew),
        cmocka_unit_test(an_entry_that_this_push_does_not_build_is_left_out_by_name),
        cmocka_unit_test(a_complete_index_less_an_entry_is_something_to_do),
        cmocka_unit_test(attestations_are_left_out_by_replace_unknown_and_not_otherwise),
        cmocka_unit_test(an_entry_planted_while_we_built_is_refused_too),
        cmocka_unit_test(a_trusted_entry_of_another_arch_stays),
        cmocka_unit_test(more_architectures_than_can_be_merged_are_refused),
        cmocka_unit_test(an_unsigned_package_that_is_signed_already_is_nothing_to_do),
        cmocka_unit_test(an_unsigned_entry_that_stays_is_something_to_do),
        cmocka_unit_test(a_tag_that_names_a_single_image_is_left_alone),
        cmocka_unit_test(what_a_failed_push_had_pushed_is_looked_at_again_not_built_again),
        cmocka_unit_test(what_the_registry_lost_since_is_built_again),
        cmocka_unit_test(a_forced_push_replaces_what_we_published_unsigned),
        cmocka_unit_test(unsigned_and_published_by_us_is_nothing_to_do),
        cmocka_unit_test(a_dry_run_plans_and_stands_in_nobodys_way),
        cmocka_unit_test(a_dry_run_does_not_wait_for_a_registry),
        cmocka_unit_test(a_build_alone_keeps_what_is_published_and_trusted),
        cmocka_unit_test(a_build_alone_builds_what_is_untrusted_and_refuses_nothing),
        cmocka_unit_test(a_build_alone_needs_no_registry_and_says_that_it_did_not_know),
        cmocka_unit_test(trouble_with_the_registry_backs_off_and_passes),
        cmocka_unit_test(trouble_that_has_passed_does_not_count_for_the_next),
        cmocka_unit_test(a_registry_is_left_alone_for_as_long_as_it_asks),
        cmocka_unit_test(what_the_last_look_finds_false_is_not_published),
        cmocka_unit_test(patience_ends),
        cmocka_unit_test(the_signer_is_waited_for_longer_than_patience_lasts),
        cmocka_unit_test(a_wait_for_the_signer_uses_up_no_patience_with_the_registry),
        cmocka_unit_test(what_a_registry_error_means_for_the_push),
        cmocka_unit_test(a_tag_moved_by_an_outsider_is_looked_at_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
