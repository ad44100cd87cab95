/* Packages of one push that wait for one another. */
#include "tests/core/world.h"

#define TAG_A        \
    {                \
        "org/a", "1" \
    }
#define TAG_B        \
    {                \
        "org/b", "1" \
    }
#define TAG_C        \
    {                \
        "org/c", "1" \
    }

static const struct lk_index_name a_name = TAG_A, b_name = TAG_B, c_name = TAG_C;

/* A, B and C; what waits for what is the test's. */
static struct request three_packages(void)
{
    struct request              request = request_of(1, "org/a", "1", 1, &amd64);
    const struct lk_index_name *names[] = { &a_name, &b_name, &c_name };

    request.count = 3;
    for (size_t i = 0; i < 3; i++) {
        request.packages[i] = request.packages[0];
        request.packages[i].repository = names[i]->repository;
    }
    return request;
}

static void wait_for(struct request *request, size_t number, const struct lk_index_name *names,
                     size_t count)
{
    request->packages[number].after = names;
    request->packages[number].after_count = count;
}

static const struct lk_package *package_at(const struct world *w, size_t number)
{
    const struct lk_package *package = package_of(w);

    while (number-- > 0)
        package = package->next_in_push;
    return package;
}

/* Until a package has come to a state. */
static void run_until_package(struct world *w, size_t number, enum lk_package_state state)
{
    for (unsigned i = 0; i < 10000; i++) {
        if (package_at(w, number)->state == state)
            return;
        if (!move_one(w))
            break;
    }
    fail_msg("package %zu does not come to state %d", number, (int)state);
}

static void nothing_begins_before_what_it_waits_for_is_published(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = three_packages();

    (void)state;
    wait_for(&request, 0, (struct lk_index_name[]) { TAG_B, TAG_C }, 2);
    wait_for(&request, 1, &c_name, 1);
    submit(w, &request);
    run_until_package(w, 2, LK_PACKAGE_PUBLISHING);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 1);
    assert_int_equal(package_at(w, 0)->state, LK_PACKAGE_WAITING);
    assert_string_equal(package_at(w, 0)->text, "waits for org/b:1");
    assert_string_equal(package_at(w, 1)->text, "waits for org/c:1");
    run_until_package(w, 1, LK_PACKAGE_PUBLISHING);
    assert_int_equal(package_at(w, 2)->state, LK_PACKAGE_ENDED);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 2);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(package_at(w, i)->text, "");
}

static void what_waits_for_a_failure_fails_with_its_outcome(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = three_packages();

    (void)state;
    wait_for(&request, 1, &a_name, 1);
    wait_for(&request, 2, &b_name, 1);
    submit(w, &request);
    run_until_build_fails(w);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
    assert_int_equal(package_at(w, 1)->outcome, LK_OUTCOME_BUILD_FAILED);
    assert_string_equal(package_at(w, 1)->text, "not built because org/a:1 failed");
    assert_string_equal(package_at(w, 2)->text, "not built because org/b:1 failed");
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 1);
}

static void refused_with(struct world *w, const struct request *request, const char *text)
{
    submit(w, request);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], 0);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
    if (!strstr(w->last[LK_EFFECT_ANSWER].text, text))
        fail_msg("\"%s\" does not say \"%s\"", w->last[LK_EFFECT_ANSWER].text, text);
    assert_null(lk_core_first_push(w->core));
    assert_int_equal(w->fact_count, 1);
}

static void a_circle_is_refused(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = three_packages();

    (void)state;
    wait_for(&request, 0, &b_name, 1);
    wait_for(&request, 1, &c_name, 1);
    wait_for(&request, 2, &a_name, 1);
    refused_with(w, &request, "circle");
    wait_for(&request, 2, NULL, 0);
    wait_for(&request, 1, NULL, 0);
    wait_for(&request, 2, &c_name, 1);
    wait_for(&request, 0, &c_name, 1);
    refused_with(w, &request, "org/c:1 is one of them");
    wait_for(&request, 1, &b_name, 1);
    wait_for(&request, 0, &b_name, 1);
    wait_for(&request, 2, &a_name, 1);
    refused_with(w, &request, "org/b:1 is one of them");
}

static void one_that_waits_for_a_stranger_is_refused(void **state)
{
    LK_WORLD             w = world_of_three();
    struct request       request = three_packages();
    struct lk_index_name stranger = { "org/b", "2" };

    (void)state;
    wait_for(&request, 0, &stranger, 1);
    refused_with(w, &request, "wait for org/b:2, which is not in this push");
}

static void the_order_survives_a_crash_at_any_step(void **state)
{
    (void)state;
    for (size_t steps = 0; steps < 60; steps++) {
        LK_WORLD       w = world_of_three();
        struct request request = three_packages();
        wait_for(&request, 0, (struct lk_index_name[]) { TAG_B, TAG_C }, 2);
        wait_for(&request, 1, &c_name, 1);
        submit(w, &request);
        for (size_t i = 0; i < steps && move_one(w); i++)
            ;
        bool accepted = push_of(w)->state != LK_PUSH_RECEIVING;
        crash_and_reconnect(w, false);
        if (!accepted)
            submit(w, &request);
        run(w);
        assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
        assert_int_equal(w->merge_count >= 3, true);
        for (size_t i = 1; i < w->merge_count; i++)
            assert_true(w->merges[i].package <= w->merges[i - 1].package);
    }
}

static void a_dry_run_and_a_build_go_in_the_same_order(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = three_packages();

    (void)state;
    wait_for(&request, 0, &b_name, 1);
    request.options.build_only = true;
    submit(w, &request);
    run_until_package(w, 1, LK_PACKAGE_ACTIVE);
    assert_int_equal(package_at(w, 0)->state, LK_PACKAGE_WAITING);
    run(w);
    request.options = (struct lk_push_options) { .dry_run = true };
    request.key = 2;
    submit(w, &request);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void a_cancelled_push_waits_for_nothing(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = three_packages();

    (void)state;
    wait_for(&request, 0, &b_name, 1);
    submit(w, &request);
    run_until_package(w, 1, LK_PACKAGE_ACTIVE);
    cancel(w, w->push);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_CANCELLED);
    assert_string_equal(package_at(w, 0)->text, "cancelled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_begins_before_what_it_waits_for_is_published),
        cmocka_unit_test(what_waits_for_a_failure_fails_with_its_outcome),
        cmocka_unit_test(a_circle_is_refused),
        cmocka_unit_test(one_that_waits_for_a_stranger_is_refused),
        cmocka_unit_test(the_order_survives_a_crash_at_any_step),
        cmocka_unit_test(a_dry_run_and_a_build_go_in_the_same_order),
        cmocka_unit_test(a_cancelled_push_waits_for_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
