#include "coordinator/cli/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT 3

/* Three packages, docker.io/o/0:t to docker.io/o/2:t, at pkg/0 to pkg/2. */
struct world {
    struct lk_spec  specs[COUNT];
    struct lk_spec *pointers[COUNT];
    struct lk_str   dockerfiles[COUNT];
    struct lk_err   err;
};

static int setup(void **state)
{
    struct world *world = lk_xcalloc(1, sizeof(*world));

    for (size_t i = 0; i < COUNT; i++) {
        struct lk_spec *spec = &world->specs[i];

        snprintf(spec->path, sizeof(spec->path), "pkg/%zu", i);
        snprintf(spec->repository, sizeof(spec->repository), "docker.io/o/%zu", i);
        snprintf(spec->tag, sizeof(spec->tag), "t");
        world->pointers[i] = spec;
        world->dockerfiles[i] = LK_STR("FROM scratch\n");
    }
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < COUNT; i++)
        lk_spec_fini(&world->specs[i]);
    free(world);
    return 0;
}

static int order(struct world *world)
{
    return lk_order_specs(world->pointers, world->dockerfiles, COUNT, &world->err);
}

static void must_wait_for(const struct world *world, size_t at, const char *repository)
{
    assert_int_equal(world->specs[at].after_count, 1);
    assert_string_equal(world->specs[at].after[0].repository, repository);
    assert_string_equal(world->specs[at].after[0].tag, "t");
}

static void a_package_waits_for_what_its_Dockerfile_names(void **state)
{
    static const char *const texts[] = {
        "FROM o/1:t",
        "FROM docker.io/o/1:t AS build\n",
        "from --platform=linux/amd64 o/1:t as x\r\n",
        "FROM scratch\nCOPY --from=o/1:t / /\n",
        "ARG BASE=o/1:t\nFROM $BASE\n",
        "ARG BASE=\"o/1:t\"\nFROM ${BASE}\n",
        "FROM \\\n  o/1:t\n",
        "FROM scratch\nRUN --mount=type=bind,from=o/1:t,target=/x true\n",
    };
    struct world *world = *state;

    for (size_t i = 0; i < LK_COUNT(texts); i++) {
        lk_spec_fini(&world->specs[0]);
        world->dockerfiles[0] = lk_str_of(texts[i]);
        if (order(world) < 0 || world->specs[0].after_count != 1)
            fail_msg("not seen in: %s", texts[i]);
        must_wait_for(world, 0, "docker.io/o/1");
        assert_int_equal(world->specs[1].after_count, 0);
        teardown(state);
        setup(state);
        world = *state;
    }
}

static void what_is_not_exactly_the_name_is_another_image(void **state)
{
    static const char *const texts[] = {
        "# FROM o/1:t\n",
        "  # o/1:t\nFROM scratch\n",
        "FROM o/1:t2\n",
        "FROM o/11:t\n",
        "FROM ghcr.io/o/1:t",
        "FROM o/1\n",
        "FROM oo/1:t\n",
        "FROM o/1:tt",
        "FROM O/1:t\n",
        "FROM o/1:T\n",
        "",
    };
    struct world *world = *state;

    for (size_t i = 0; i < LK_COUNT(texts); i++) {
        world->dockerfiles[0] = lk_str_of(texts[i]);
        assert_int_equal(order(world), 0);
        if (world->specs[0].after_count != 0)
            fail_msg("taken for o/1:t: %s", texts[i]);
    }
}

static void a_build_argument_counts_as_a_name_too(void **state)
{
    struct world *world = *state;

    assert_int_equal(
        lk_spec_add_argument(&world->specs[2], "BASE", "docker.io/o/0:t", &world->err), 0);
    assert_int_equal(order(world), 0);
    must_wait_for(world, 2, "docker.io/o/0");
}

static void a_package_that_names_itself_waits_for_nobody(void **state)
{
    struct world *world = *state;

    world->dockerfiles[0] = LK_STR("FROM o/0:t\n");
    assert_int_equal(order(world), 0);
    assert_int_equal(world->specs[0].after_count, 0);
}

static void a_name_that_stands_twice_is_waited_for_once(void **state)
{
    struct world *world = *state;

    world->dockerfiles[0] = LK_STR("FROM o/1:t\nCOPY --from=docker.io/o/1:t / /\n");
    assert_int_equal(order(world), 0);
    must_wait_for(world, 0, "docker.io/o/1");
}

static void a_row_is_fine_and_a_circle_is_refused_with_its_paths(void **state)
{
    struct world *world = *state;

    world->dockerfiles[0] = LK_STR("FROM o/1:t\n");
    world->dockerfiles[1] = LK_STR("FROM o/2:t\n");
    assert_int_equal(order(world), 0);
    world->dockerfiles[2] = LK_STR("FROM o/0:t\n");
    assert_int_equal(order(world), -1);
    assert_int_equal(world->err.kind, LK_ERR_INVALID);
    assert_non_null(strstr(world->err.text, "pkg/2 needs pkg/0"));
    assert_non_null(strstr(world->err.text, "circle"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_package_waits_for_what_its_Dockerfile_names, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_exactly_the_name_is_another_image, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_build_argument_counts_as_a_name_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_package_that_names_itself_waits_for_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_name_that_stands_twice_is_waited_for_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_row_is_fine_and_a_circle_is_refused_with_its_paths,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
