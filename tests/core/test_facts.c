/* Facts that do not fit what is there, as in a damaged journal, are refused; nothing of them is asserted. */
#include "coordinator/core/private.h"
#include "coordinator/core/snapshot.h"
#include "tests/core/world.h"

/* What a core of its own is told: push 1 with packages 1 and 2, and from indexes, without jobs yet, 3 and 4. */
static struct lk_fact fact(enum lk_fact_type type, uint64_t push, uint64_t package)
{
    return (struct lk_fact) { .type = type, .push = push, .package = package };
}

static struct lk_fact package_fact(uint64_t push, uint64_t package, size_t arch_count)
{
    struct lk_fact f = fact(LK_FACT_PACKAGE_ACCEPTED, push, package);

    snprintf(f.repository, sizeof(f.repository), "org/%u", (unsigned)package);
    strcpy(f.tag, "abc");
    f.arch_count = arch_count;
    f.arches[0] = amd64;
    f.origin = arch_count ? LK_PACKAGE_BUILT : LK_PACKAGE_FROM_INDEX;
    return f;
}

static struct lk_fact permit_fact(enum lk_fact_type type, uint64_t package, uint64_t job,
                                  uint64_t fence)
{
    struct lk_fact f = fact(type, 0, package);

    f.job = job;
    f.fence = fence;
    return f;
}

static struct lk_fact job_fact(enum lk_fact_type type, uint64_t job)
{
    struct lk_fact f = fact(type, 0, 0);

    f.job = job;
    return f;
}

static void fits(struct lk_core *core, struct lk_fact f)
{
    assert_true(lk_core_apply(core, &f));
}

static void refused(struct lk_core *core, struct lk_fact f)
{
    assert_false(lk_core_apply(core, &f));
}

static struct lk_core *core_of_four(void)
{
    struct lk_core *core = lk_core_new(&lk_core_defaults);

    fits(core, (struct lk_fact) { .type = LK_FACT_STARTED, .epoch = 1 });
    fits(core, fact(LK_FACT_PUSH_ACCEPTED, 1, 0));
    for (uint64_t package = 1; package <= 4; package++)
        fits(core, package_fact(1, package, package <= 2));
    return core;
}

#define CORE LK_CLEANUP(lk_core_free) struct lk_core *

static void an_epoch_that_does_not_grow_or_is_too_large_is_refused(void **state)
{
    CORE core = core_of_four();

    (void)state;
    refused(core, (struct lk_fact) { .type = LK_FACT_STARTED, .epoch = 1 });
    refused(core,
            (struct lk_fact) { .type = LK_FACT_STARTED, .epoch = (uint64_t)UINT32_MAX + 1 });
    refused(core, (struct lk_fact) { .type = LK_FACT_NUMBERS,
                                     .epoch = (uint64_t)UINT32_MAX + 1,
                                     .fence = core->fence });
    assert_int_equal(lk_core_epoch(core), 1);
}

static void pushes_and_packages_without_a_place_are_refused(void **state)
{
    CORE           core = core_of_four();
    struct lk_fact f = package_fact(1, 5, 1);

    (void)state;
    refused(core, fact(LK_FACT_PUSH_ACCEPTED, 0, 0));
    refused(core, fact(LK_FACT_PUSH_ACCEPTED, 1, 0));
    refused(core, package_fact(9, 5, 1));
    refused(core, package_fact(1, 0, 1));
    refused(core, package_fact(1, 1, 1));
    f.arch_count = 0;
    refused(core, f);
    f.arch_count = LK_PACKAGE_ARCHES_MAX + 1;
    refused(core, f);
    assert_null(lk_core_package(core, 5));
}

static void facts_about_what_is_not_there_are_refused(void **state)
{
    CORE core = core_of_four();

    (void)state;
    refused(core, fact(LK_FACT_SOURCE_READY, 9, 0));
    refused(core, fact(LK_FACT_PACKAGE_PLANNED, 0, 9));
    refused(core, job_fact(LK_FACT_JOB_STAGED, 9 * LK_PACKAGE_ARCHES_MAX));
    refused(core, fact(LK_FACT_RECORD, 0, 0));
    refused(core, fact((enum lk_fact_type)999, 1, 1));
}

static void a_push_is_forgotten_and_retried_only_when_it_has_ended(void **state)
{
    CORE core = core_of_four();

    (void)state;
    refused(core, fact(LK_FACT_PUSH_FORGOTTEN, 1, 0));
    refused(core, fact(LK_FACT_PUSH_RETRIED, 1, 0));
    fits(core, fact(LK_FACT_PUSH_ENDED, 1, 0));
    refused(core, fact(LK_FACT_PUSH_RETRIED, 1, 0)); /* its source never came */
    fits(core, fact(LK_FACT_PUSH_FORGOTTEN, 1, 0));
    assert_null(lk_core_push(core, 1));
}

static void architectures_are_found_once_and_while_it_matters(void **state)
{
    CORE           core = core_of_four();
    struct lk_fact f = fact(LK_FACT_ARCHES_FOUND, 0, 3);

    (void)state;
    refused(core, f);
    f.arch_count = LK_PACKAGE_ARCHES_MAX + 1;
    refused(core, f);
    f.arch_count = 1;
    f.arches[0] = arm64;
    f.package = 9;
    refused(core, f);
    f.package = 1;
    refused(core, f);
    fits(core, fact(LK_FACT_PACKAGE_ENDED, 0, 4));
    f.package = 4;
    refused(core, f);
    f.package = 3;
    fits(core, f);
    assert_int_equal(lk_core_package(core, 3)->job_count, 1);
}

static void permits_that_do_not_fit_are_refused(void **state)
{
    CORE     core = core_of_four();
    uint64_t job = LK_PACKAGE_ARCHES_MAX;
    uint64_t fence = core->fence + 1;

    (void)state;
    refused(core, permit_fact(LK_FACT_PERMIT_GRANTED, 9, 0, fence));
    refused(core, permit_fact(LK_FACT_PERMIT_GRANTED, 1, 9 * job, fence));
    refused(core, permit_fact(LK_FACT_PERMIT_GRANTED, 2, job, fence));
    refused(core, permit_fact(LK_FACT_PERMIT_GRANTED, 1, job, fence - 1));
    fits(core, permit_fact(LK_FACT_PERMIT_GRANTED, 1, job, fence));
    refused(core, permit_fact(LK_FACT_PERMIT_GRANTED, 1, job, fence + 1));
    refused(core, permit_fact(LK_FACT_PERMIT_ENDED, 1, job, fence + 1));
    assert_int_equal(lk_core_job(core, job)->state, LK_JOB_IN_TURN);
    fits(core, permit_fact(LK_FACT_PERMIT_ENDED, 1, job, fence));
    assert_int_equal(lk_core_job(core, job)->state, LK_JOB_BUILT);
}

static void a_permit_that_ends_changes_only_a_job_that_is_in_its_turn(void **state)
{
    CORE     core = core_of_four();
    uint64_t job = LK_PACKAGE_ARCHES_MAX;
    uint64_t fence = core->fence + 1;

    (void)state;
    fits(core, permit_fact(LK_FACT_PERMIT_GRANTED, 1, 0, fence));
    fits(core, permit_fact(LK_FACT_PERMIT_ENDED, 1, 0, fence));
    fits(core, permit_fact(LK_FACT_PERMIT_GRANTED, 1, job, fence + 1));
    fits(core, job_fact(LK_FACT_JOB_ASSIGNED, job));
    fits(core, permit_fact(LK_FACT_PERMIT_ENDED, 1, job, fence + 1));
    assert_int_equal(lk_core_job(core, job)->state, LK_JOB_ASSIGNED);
}

static void a_job_that_is_settled_stays_so(void **state)
{
    CORE     core = core_of_four();
    uint64_t job = LK_PACKAGE_ARCHES_MAX;

    (void)state;
    fits(core, job_fact(LK_FACT_JOB_CANCELLED, job));
    refused(core, job_fact(LK_FACT_JOB_STAGED, job));
    assert_int_equal(lk_core_job(core, job)->state, LK_JOB_CANCELLED);
}

static struct lk_fact drain_fact(enum lk_fact_type type, const char *agent)
{
    struct lk_fact f = fact(type, 0, 0);

    snprintf(f.agent, sizeof(f.agent), "%s", agent);
    return f;
}

static void a_drain_of_nobody_or_of_one_too_many_is_refused(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.agents_max = 2;

    CORE core = lk_core_new(&config);

    refused(core, drain_fact(LK_FACT_AGENT_RESUMED, "a"));
    refused(core, drain_fact(LK_FACT_AGENT_DRAINED, ""));
    fits(core, drain_fact(LK_FACT_AGENT_DRAINED, "a"));
    fits(core, drain_fact(LK_FACT_AGENT_DRAINED, "b"));
    refused(core, drain_fact(LK_FACT_AGENT_DRAINED, "c"));
}

static void a_shorter_journal_keeps_what_it_does_not_know_and_nothing_of_nobody(void **state)
{
    CORE core = core_of_four();
    LK_CLEANUP(lk_snapshot_free)
    struct lk_snapshot *none = NULL;
    LK_CLEANUP(lk_snapshot_free)
    struct lk_snapshot *snapshot = lk_snapshot_take(core);
    struct lk_fact      of_nothing = fact(LK_FACT_SOURCE_READY, 0, 0);
    struct lk_fact      unknown = fact((enum lk_fact_type)999, 0, 0);

    (void)state;
    assert_false(lk_snapshot_keeps(snapshot, &of_nothing));
    of_nothing.type = LK_FACT_PACKAGE_PLANNED;
    assert_false(lk_snapshot_keeps(snapshot, &of_nothing));
    assert_true(lk_snapshot_keeps(snapshot, &unknown));
    assert_null(none);
}

static void number_zero_names_nothing(void **state)
{
    CORE core = core_of_four();
    CORE none = NULL;

    (void)state;
    assert_null(none);
    assert_null(lk_core_push(core, 0));
    assert_null(lk_core_package(core, 0));
}

static void an_epoch_that_no_restore_explains_is_absurd(void **state)
{
    CORE core = core_of_four();

    (void)state;
    assert_int_equal(lk_core_judge_epoch(core, 1), LK_EPOCH_IS_KNOWN);
    assert_int_equal(lk_core_judge_epoch(core, 1 + LK_EPOCH_AHEAD_MAX), LK_EPOCH_IS_AHEAD);
    assert_int_equal(lk_core_judge_epoch(core, 2 + LK_EPOCH_AHEAD_MAX), LK_EPOCH_IS_ABSURD);
    fits(core, (struct lk_fact) { .type = LK_FACT_STARTED, .epoch = UINT32_MAX - 1 });
    assert_int_equal(lk_core_judge_epoch(core, UINT32_MAX), LK_EPOCH_IS_ABSURD);
}

/* As where history_max was set lower. */
static void a_long_history_is_forgotten_in_several_steps(void **state)
{
    struct lk_core_config config = lk_core_defaults;
    struct lk_event       event = { .type = LK_EVENT_START, .start.epoch = 1, .now_ms = 1000 };
    unsigned              steps = 1;

    (void)state;
    config.pushes_max = 4000;
    config.history_max = 1;

    CORE core = lk_core_new(&config);

    for (uint64_t push = 1; push <= 3000; push++) {
        fits(core, fact(LK_FACT_PUSH_ACCEPTED, push, 0));
        fits(core, fact(LK_FACT_PUSH_ENDED, push, 0));
    }
    while (lk_core_step(core, &event)->wake_ms <= event.now_ms) {
        event.type = LK_EVENT_TIMER;
        steps++;
    }
    assert_int_equal(steps, 2);
    assert_int_equal(lk_core_first_push(core)->id, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_that_does_not_grow_or_is_too_large_is_refused),
        cmocka_unit_test(pushes_and_packages_without_a_place_are_refused),
        cmocka_unit_test(facts_about_what_is_not_there_are_refused),
        cmocka_unit_test(a_push_is_forgotten_and_retried_only_when_it_has_ended),
        cmocka_unit_test(architectures_are_found_once_and_while_it_matters),
        cmocka_unit_test(permits_that_do_not_fit_are_refused),
        cmocka_unit_test(a_permit_that_ends_changes_only_a_job_that_is_in_its_turn),
        cmocka_unit_test(a_job_that_is_settled_stays_so),
        cmocka_unit_test(a_drain_of_nobody_or_of_one_too_many_is_refused),
        cmocka_unit_test(a_shorter_journal_keeps_what_it_does_not_know_and_nothing_of_nobody),
        cmocka_unit_test(number_zero_names_nothing),
        cmocka_unit_test(an_epoch_that_no_restore_explains_is_absurd),
        cmocka_unit_test(a_long_history_is_forgotten_in_several_steps),
    };

    return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
