/* Whom we trust of what is under a tag, where what we published ourselves is all that vouches for it. */
#include "tests/core/world.h"

static void push(struct world *w, const struct request *request)
{
    submit(w, request);
    run(w);
}

static void check(const struct world *w, enum lk_outcome outcome, const char *text)
{
    const struct lk_package *package = package_of(w);

    if (package->outcome != outcome || !strstr(package->text, text))
        fail_msg("outcome %d: %s", (int)package->outcome, package->text);
}

static struct request unsigned_of(uint8_t key, const char *tag, size_t count,
                                  const struct lk_arch *arches)
{
    struct request request = request_of(key, "org/it", tag, count, arches);

    request.options.sign = false;
    return request;
}

static void our_own_tag_is_not_mixed_with_another_version_either(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "v1", 3, three);

    (void)state;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    struct world_index *ours = tag_in(w, "org/it", "v1", false);
    struct world_index *source = tag_in(w, "org/it", "abc", true);
    source->count = 1;
    source->entries[0] = *entry_of(ours, &amd64);
    request = request_of(2, "org/it", "v1", 1, &amd64);
    request.packages[0].origin = LK_PACKAGE_FROM_INDEX;
    request.packages[0].from = (struct lk_index_name) { "org/it", "abc" };
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "holds an image for arm64 already, and org/it:abc has none");
    assert_int_equal(ours->count, 3);
}

/* Both have an image for arm64, but not the same one. */
static void another_image_than_the_source_has_is_not_mixed_with_what_is_taken(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "v1", 2, three);

    (void)state;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    const struct world_index *ours = tag_in(w, "org/it", "v1", false);
    struct world_index       *source = tag_in(w, "org/it", "abc", true);
    source->count = 2;
    source->entries[0] = *entry_of(ours, &amd64);
    source->entries[1] = *entry_of(ours, &arm64);
    source->entries[1].child = child_of(99, 1);
    request = request_of(2, "org/it", "v1", 1, &amd64);
    request.packages[0].origin = LK_PACKAGE_FROM_INDEX;
    request.packages[0].from = (struct lk_index_name) { "org/it", "abc" };
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "holds an image for arm64 already");
}

/* Four records: an index and its three architectures.  The next push makes room of the two oldest. */
static void
what_we_published_is_kept_by_a_repair_when_only_its_index_is_remembered(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.records_max = 4;
    LK_WORLD w = world_new(&config);
    for (size_t i = 0; i < 3; i++)
        add_agent(w, three[i].name, &three[i], false, 1);
    struct request request = unsigned_of(1, "abc", 3, three);
    push(w, &request);
    request = unsigned_of(2, "def", 1, &s390x);
    push(w, &request);
    request = unsigned_of(3, "abc", 1, &s390x);
    request.packages[0].origin = LK_PACKAGE_FROM_ARCH_TAGS;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    assert_true(package_of(w)->nothing_to_do);
    assert_int_equal(tag_in(w, "org/it", "abc", false)->count, 3);
}

static void each_part_is_signed_exactly_if_its_package_is(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 1, &amd64);

    (void)state;
    push(w, &request);
    assert_true(w->last[LK_EFFECT_ACCEPT_CHILD].sign);
    request = unsigned_of(2, "def", 1, &amd64);
    push(w, &request);
    assert_false(w->last[LK_EFFECT_ACCEPT_CHILD].sign);
}

/* Somebody else puts what was only built under the tag that it is of. */
static void what_was_only_built_is_not_taken_for_published(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = unsigned_of(1, "abc", 1, &amd64);

    (void)state;
    request.options.build_only = true;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    struct world_index *index = tag_in(w, "org/it", "abc", true);
    index->digest.sha256[0] = 1;
    index->count = 1;
    index->entries[0] =
        (struct lk_found_child) { .arch = amd64, .child = job_of(w, &amd64)->child };
    put_manifest(w, &index->entries[0].child.digest);
    request = unsigned_of(2, "abc", 1, &amd64);
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "neither this coordinator pushed nor");
}

static void a_plan_does_not_change_what_counts_as_published(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = unsigned_of(1, "abc", 1, &amd64);

    (void)state;
    push(w, &request);
    request.key = 2;
    request.options.dry_run = request.options.force = true;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    request = unsigned_of(3, "abc", 1, &amd64);
    push(w, &request);
    assert_true(package_of(w)->nothing_to_do);
}

/* Of what we published, in an index that we did not. */
static void an_index_of_somebody_else_is_made_anew_although_all_its_parts_are_ours(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = unsigned_of(1, "abc", 1, &amd64);

    (void)state;
    push(w, &request);
    const struct lk_digest ours = package_of(w)->index.digest;
    tag_in(w, "org/it", "abc", false)->digest.sha256[0] ^= 1;
    request.key = 2;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    assert_false(package_of(w)->nothing_to_do);
    assert_true(lk_digest_eq(&tag_in(w, "org/it", "abc", false)->digest, &ours));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_tag_is_not_mixed_with_another_version_either),
        cmocka_unit_test(another_image_than_the_source_has_is_not_mixed_with_what_is_taken),
        cmocka_unit_test(
            what_we_published_is_kept_by_a_repair_when_only_its_index_is_remembered),
        cmocka_unit_test(each_part_is_signed_exactly_if_its_package_is),
        cmocka_unit_test(what_was_only_built_is_not_taken_for_published),
        cmocka_unit_test(a_plan_does_not_change_what_counts_as_published),
        cmocka_unit_test(
            an_index_of_somebody_else_is_made_anew_although_all_its_parts_are_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
