#include "agent/publish/places.h"

#include "common/hash/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct lk_reference repository(const char *text)
{
    struct lk_reference reference;
    struct lk_err       err;

    assert_int_equal(lk_reference_parse(lk_str_of(text), &reference, &err), 0);
    return reference;
}

static struct lk_digest digest_of(uint32_t number)
{
    struct lk_digest digest;

    lk_sha256(&number, sizeof(number), &digest);
    return digest;
}

static void note(struct lk_places *places, const char *name, uint32_t blob)
{
    struct lk_reference reference = repository(name);
    struct lk_digest    digest = digest_of(blob);

    lk_places_note(places, &reference, &digest);
}

/* The path, or "" if no place is known. */
static const char *find(const struct lk_places *places, const char *name, uint32_t blob)
{
    static char         path[LK_REPOSITORY_SIZE];
    struct lk_reference reference = repository(name);
    struct lk_digest    digest = digest_of(blob);

    return lk_places_find(places, &reference, &digest, path) ? path : "";
}

static void another_repository_of_the_same_registry_is_found(void **state)
{
    LK_CLEANUP(lk_places_free) struct lk_places *places = lk_places_new();

    (void)state;
    assert_string_equal(find(places, "one.example/org/b", 1), "");
    note(places, "one.example/org/a", 1);
    assert_string_equal(find(places, "one.example/org/b", 1), "org/a");
    assert_string_equal(find(places, "one.example/org/b", 2), "");
}

static void the_same_repository_and_other_registries_are_no_help(void **state)
{
    LK_CLEANUP(lk_places_free) struct lk_places *places = lk_places_new();

    (void)state;
    note(places, "one.example/org/a", 1);
    assert_string_equal(find(places, "one.example/org/a", 1), "");
    assert_string_equal(find(places, "two.example/org/b", 1), "");
}

static void the_last_place_told_is_kept(void **state)
{
    LK_CLEANUP(lk_places_free) struct lk_places *places = lk_places_new();

    (void)state;
    note(places, "one.example/org/a", 1);
    note(places, "one.example/org/b", 1);
    assert_string_equal(find(places, "one.example/org/c", 1), "org/b");
}

static void the_oldest_is_forgotten_when_there_are_too_many(void **state)
{
    LK_CLEANUP(lk_places_free) struct lk_places *places = lk_places_new();

    (void)state;
    for (uint32_t i = 0; i < LK_PLACES_MAX; i++)
        note(places, "one.example/org/a", i);
    assert_string_equal(find(places, "one.example/org/b", 0), "org/a");
    note(places, "one.example/org/a", LK_PLACES_MAX);
    assert_string_equal(find(places, "one.example/org/b", 0), "");
    assert_string_equal(find(places, "one.example/org/b", 1), "org/a");
    assert_string_equal(find(places, "one.example/org/b", LK_PLACES_MAX), "org/a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_repository_of_the_same_registry_is_found),
        cmocka_unit_test(the_same_repository_and_other_registries_are_no_help),
        cmocka_unit_test(the_last_place_told_is_kept),
        cmocka_unit_test(the_oldest_is_forgotten_when_there_are_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
