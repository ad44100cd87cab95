/* Packages whose images are not built: from another index, or from the arch tags. */
#include "tests/core/world.h"

static const struct lk_arch riscv64 = { "riscv64" };

/* An index somewhere, with the arch tags that go with it; its children are numbered from `first` on. */
static struct world_index *plant(struct world *w, const char *repository, const char *tag,
                                 size_t count, uint64_t first, bool is_signed)
{
    struct world_index *index = tag_in(w, repository, tag, true);

    memset(&index->digest, 0, sizeof(index->digest));
    index->digest.sha256[0] = (uint8_t)first;
    index->digest.sha256[1] = 0xee;
    index->is_signed = is_signed;
    index->count = count;
    for (size_t i = 0; i < count; i++) {
        index->entries[i].arch = three[i];
        index->entries[i].child = child_of(1000 * first + i, 1);
        index->entries[i].is_signed = is_signed;
        put_manifest(w, &index->entries[i].child.digest);
        put_arch_tag(w, repository, tag, &three[i], &index->entries[i].child, is_signed);
    }
    return index;
}

/* TO from FROM, or from the arch tags of TO. */
static struct request taken(uint8_t key, const struct lk_index_name *to,
                            const struct lk_index_name *from, size_t arch_count)
{
    struct request request = request_of(key, to->repository, to->tag, arch_count, three);

    request.packages[0].origin = from ? LK_PACKAGE_FROM_INDEX : LK_PACKAGE_FROM_ARCH_TAGS;
    if (from)
        request.packages[0].from = *from;
    return request;
}

static const struct lk_index_name hash = { "org/it", "abc" }, release = { "org/it", "v1" },
                                  elsewhere = { "org/other", "v1" };

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
    assert_int_equal(push_of(w)->outcome, outcome);
}

static void same_images(struct world *w, const struct lk_index_name *a,
                        const struct lk_index_name *b, size_t count)
{
    const struct world_index *left = tag_in(w, a->repository, a->tag, false);
    const struct world_index *right = tag_in(w, b->repository, b->tag, false);

    assert_non_null(left);
    assert_non_null(right);
    for (size_t i = 0; i < count; i++) {
        const struct lk_found_child *other = entry_of(right, &three[i]);
        assert_non_null(other);
        assert_true(
            lk_digest_eq(&entry_of(left, &three[i])->child.digest, &other->child.digest));
    }
}

static void nothing_was_published(struct world *w)
{
    assert_int_equal(w->seen[LK_EFFECT_OFFER] + w->seen[LK_EFFECT_ACCEPT_CHILD] +
                         w->seen[LK_EFFECT_MERGE] + w->seen[LK_EFFECT_TAG],
                     0);
}

/* ---- from an index ---- */

/* The built package and its release, as `push --release` asks. */
static struct request release_of(uint8_t key)
{
    struct request request = request_of(key, "org/it", "abc", 3, three);

    request.count = 2;
    request.packages[1] = taken(key, &release, &hash, 3).packages[0];
    request.packages[1].after = &hash;
    request.packages[1].after_count = 1;
    return request;
}

static void a_release_has_the_images_that_the_same_push_built(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = release_of(1);

    (void)state;
    push(w, &request);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 3);
    same_images(w, &hash, &release, 3);
    assert_true(tag_in(w, "org/it", "v1", false)->is_signed);
    for (size_t i = 0; i < 3; i++)
        assert_true(
            has_arch_tag(w, "org/it", "v1", &three[i],
                         &entry_of(tag_in(w, "org/it", "v1", false), &three[i])->child.digest));
    /* Within one repository nothing is copied. */
    assert_string_equal(w->last[LK_EFFECT_ACCEPT_CHILD].from.repository, "");
}

static void a_release_survives_a_crash_at_any_step(void **state)
{
    (void)state;
    for (int unwritten = 0; unwritten < 2; unwritten++)
        for (size_t steps = 1; steps < 70; steps++) {
            LK_WORLD       w = world_of_three();
            struct request request = release_of(1);
            submit(w, &request);
            for (size_t i = 0; i < steps && move_one(w); i++)
                ;
            crash_and_reconnect(w, unwritten);
            submit(w, &request);
            run(w);
            assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
            same_images(w, &hash, &release, 3);
        }
}

static void a_release_of_a_failed_build_is_not_published(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = release_of(1);

    (void)state;
    submit(w, &request);
    run_until_build_fails(w);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_BUILD_FAILED);
    assert_string_equal(package_of(w)->next_in_push->text,
                        "not published because org/it:abc failed");
    assert_int_equal(w->seen[LK_EFFECT_TAG], 0);
}

static void a_release_gains_what_it_lacks_and_keeps_what_it_has(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = release_of(1);

    (void)state;
    request.packages[0].arch_count = request.packages[1].arch_count = 2;
    struct world_index *whole = plant(w, "org/it", "abc", 3, 1, true);
    struct world_index *old = plant(w, "org/it", "v1", 2, 1, true);
    old->entries[1] = whole->entries[2];
    push(w, &request);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(tag_in(w, "org/it", "v1", false)->count, 3);
    same_images(w, &hash, &release, 3);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 0);
}

static void a_release_does_not_mix_two_versions(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = release_of(1);

    (void)state;
    request.packages[0].arch_count = request.packages[1].arch_count = 1;
    plant(w, "org/it", "abc", 1, 1, true);
    plant(w, "org/it", "v1", 1, 2, true)->entries[0].arch = riscv64;
    push(w, &request);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_REFUSED);
    assert_int_equal(tag_in(w, "org/it", "v1", false)->count, 1);
    request.key = 2;
    request.options.force = true;
    push(w, &request);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(tag_in(w, "org/it", "v1", false)->count, 1);
    same_images(w, &hash, &release, 1);
}

static void a_copy_is_not_mixed_with_what_its_name_had(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &elsewhere, &hash, 2);

    (void)state;
    plant(w, "org/it", "abc", 2, 1, true);
    plant(w, "org/other", "v1", 1, 2, true)->entries[0].arch = riscv64;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "holds an image for riscv64 already, and org/it:abc has none");
    nothing_was_published(w);
    request.key = 2;
    request.options.force = true;
    push(w, &request);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(tag_in(w, "org/other", "v1", false)->count, 2);
}

static void a_strangers_entry_in_a_release_is_refused_with_the_way_out(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &release, &hash, 3);

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true);
    plant(w, "org/it", "v1", 1, 2, false)->entries[0].arch = riscv64;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "leave it out: --replace riscv64");
    nothing_was_published(w);
    request.key = 2;
    request.options.replace_count = 1;
    request.options.replace[0] = riscv64;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "entries left out of the index: 1");
    assert_int_equal(tag_in(w, "org/it", "v1", false)->count, 3);
}

static void what_a_release_has_is_not_changed_without_force(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &release, &hash, 3);

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true);
    plant(w, "org/it", "v1", 1, 2, true);
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "another image for amd64");
    check(w, LK_OUTCOME_REFUSED, "--force");
    nothing_was_published(w);
    request.key = 2;
    request.options.force = true;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    same_images(w, &hash, &release, 3);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 0);
}

static void what_somebody_put_there_meanwhile_is_not_changed_either(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &release, &hash, 3);

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true);
    submit(w, &request);
    run_until_effect(w, LK_EFFECT_ACCEPT_CHILD);
    plant(w, "org/it", "v1", 1, 2, true);
    run(w);
    check(w, LK_OUTCOME_REFUSED, "another image for amd64");
    assert_int_equal(w->seen[LK_EFFECT_TAG], 0);
}

static void a_complete_release_is_nothing_to_do(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &release, &hash, 3);

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true);
    plant(w, "org/it", "v1", 3, 1, true);
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    assert_true(package_of(w)->nothing_to_do);
    nothing_was_published(w);
}

static void what_is_missing_in_the_source_is_named(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &release, &hash, 3);

    (void)state;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "org/it:abc is not in the registry");
    request.key = 2;
    plant(w, "org/it", "abc", 1, 1, true);
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "no image for arm64, s390x");
    request.key = 3;
    tag_in(w, "org/it", "abc", false)->not_an_index = true;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "single image");
    nothing_was_published(w);
}

static void what_is_untrusted_in_the_source_is_named_unless_adopted(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &release, &hash, 3);

    (void)state;
    struct world_index *index = plant(w, "org/it", "abc", 3, 1, true);
    index->entries[1].is_signed = false;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "for arm64 what neither");
    check(w, LK_OUTCOME_REFUSED, "--adopt sha256:");
    nothing_was_published(w);
    request.key = 2;
    request.options.adopt_count = 1;
    request.options.adopt[0] = index->entries[1].child.digest;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
}

static void an_index_that_we_published_is_trusted_without_signatures(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request adopting = request_of(1, "org/it", "abc", 1, &amd64);
    struct request request = taken(2, &release, &hash, 1);

    (void)state;
    adopting.options.sign = request.options.sign = false;
    adopting.options.adopt_count = 1;
    adopting.options.adopt[0] = plant(w, "org/it", "abc", 1, 1, false)->entries[0].child.digest;
    push(w, &adopting);
    check(w, LK_OUTCOME_OK, "");
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    same_images(w, &hash, &release, 1);
}

static void trouble_with_the_registry_does_not_mean_that_nothing_is_there(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &release, &hash, 3);

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true);
    w->faults[LK_EFFECT_PROBE] = (struct world_fault) { 3, LK_ERR_RETRY };
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    same_images(w, &hash, &release, 3);
    request.key = 2;
    w->faults[LK_EFFECT_PROBE] = (struct world_fault) { 1, LK_ERR_DENIED };
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "the registry says");
}

/* ---- all arches, and copies ---- */

static void a_copy_takes_every_architecture_that_is_there(void **state)
{
    (void)state;
    for (size_t steps = 0; steps < 40; steps++) {
        LK_WORLD       w = world_of_three();
        struct request request = taken(1, &elsewhere, &hash, 0);
        plant(w, "org/it", "abc", 3, 1, true);
        submit(w, &request);
        for (size_t i = 0; i < steps && move_one(w); i++)
            ;
        crash_and_reconnect(w, false);
        submit(w, &request);
        run(w);
        check(w, LK_OUTCOME_OK, "");
        assert_int_equal(package_of(w)->job_count, 3);
        same_images(w, &hash, &elsewhere, 3);
        assert_true(w->seen[LK_EFFECT_ACCEPT_CHILD] >= 3);
        assert_string_equal(w->last[LK_EFFECT_ACCEPT_CHILD].from.repository, "org/it");
        assert_string_equal(w->last[LK_EFFECT_ACCEPT_CHILD].repository, "org/other");
    }
}

static void without_arch_tags_only_what_is_elsewhere_needs_a_turn(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request here = taken(1, &release, &hash, 3);
    struct request there = taken(2, &elsewhere, &hash, 3);

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true);
    here.options.no_arch_tags = true;
    there.options.no_arch_tags = true;
    push(w, &here);
    check(w, LK_OUTCOME_OK, "");
    assert_int_equal(w->seen[LK_EFFECT_ACCEPT_CHILD], 0);
    push(w, &there);
    check(w, LK_OUTCOME_OK, "");
    assert_int_equal(w->seen[LK_EFFECT_ACCEPT_CHILD], 3);
    assert_int_equal(w->arch_tag_count, 3);
}

static void what_cannot_all_be_taken_is_refused(void **state)
{
    LK_WORLD            w = world_of_three();
    struct request      request = taken(1, &elsewhere, &hash, 0);
    struct world_index *index = plant(w, "org/it", "abc", 2, 1, true);

    (void)state;
    index->entries[1].arch = amd64;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "two images for one architecture");
    request.key = 2;
    index->count = LK_PACKAGE_ARCHES_MAX + 1;
    for (size_t i = 0; i < index->count; i++) {
        index->entries[i] = index->entries[0];
        snprintf(index->entries[i].arch.name, LK_ARCH_SIZE, "arch%c", (char)('a' + i));
    }
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "limit: 8");
    nothing_was_published(w);
}

static void an_empty_index_is_never_published(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &elsewhere, &hash, 0);

    (void)state;
    plant(w, "org/it", "abc", 1, 1, true)->entries[0].arch.name[0] = '\0';
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "has no image for Linux");
    nothing_was_published(w);
}

static void a_copy_that_vanished_meanwhile_is_refused_and_not_built(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &elsewhere, &hash, 1);

    (void)state;
    plant(w, "org/it", "abc", 1, 1, true);
    w->manifest_count = 0;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "amd64: the registry does not have it");
    assert_int_equal(w->seen[LK_EFFECT_OFFER] + w->seen[LK_EFFECT_MERGE], 0);
}

static void two_copies_to_one_tag_go_one_after_the_other(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request first = taken(1, &elsewhere, &hash, 0);
    struct request second = taken(2, &elsewhere, &hash, 0);

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true);
    submit(w, &first);
    submit(w, &second);
    run(w);
    check(w, LK_OUTCOME_OK, "");
    assert_true(package_of(w)->nothing_to_do);
    assert_int_equal(w->seen[LK_EFFECT_TAG], 1);
}

static void a_dry_run_of_a_release_needs_nothing_published(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = release_of(1);

    (void)state;
    request.options.dry_run = true;
    push(w, &request);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(package_of(w)->next_in_push->jobs[0].state, LK_JOB_STAGED);
    nothing_was_published(w);
}

/* What is there is looked at as if it were all; what is not there comes later. */
static void a_dry_run_of_a_release_looks_at_what_was_published_earlier(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = release_of(1);

    (void)state;
    request.options.dry_run = true;
    plant(w, "org/it", "abc", 1, 1, true);
    push(w, &request);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    request.key = 2;
    w->tag_count = 0;
    plant(w, "org/it", "v1", 1, 1, true);
    push(w, &request);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    request.key = 3;
    tag_in(w, "org/it", "v1", false)->entries[0].arch = riscv64;
    push(w, &request);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    nothing_was_published(w);
}

static void a_copy_under_the_same_tag_is_not_mixed_either(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &release, &elsewhere, 2);

    (void)state;
    plant(w, "org/other", "v1", 2, 1, true);
    plant(w, "org/it", "v1", 1, 2, true)->entries[0].arch = riscv64;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "holds an image for riscv64 already");
    nothing_was_published(w);
}

static void two_images_for_one_architecture_are_named_whatever_follows(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &elsewhere, &hash, 0);

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true)->entries[1].arch = amd64;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "two images for one architecture");
    nothing_was_published(w);
}

static void a_release_with_two_images_for_one_architecture_is_put_right(void **state)
{
    LK_WORLD            w = world_of_three();
    struct request      request = taken(1, &release, &hash, 3);
    struct world_index *index;

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true);
    index = plant(w, "org/it", "v1", 3, 1, true);
    index->entries[index->count++] = index->entries[0];
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    assert_false(package_of(w)->nothing_to_do);
    same_images(w, &hash, &release, 3);
}

static void nobody_gets_a_ticket_for_what_is_not_built(void **state)
{
    LK_WORLD        w = world_of_three();
    struct request  request = taken(1, &release, &hash, 1);
    struct lk_event event = { .type = LK_EVENT_TICKET_WANTED };

    (void)state;
    plant(w, "org/it", "abc", 1, 1, true);
    submit(w, &request);
    run_until_effect(w, LK_EFFECT_ACCEPT_CHILD);
    event.report.agent = "";
    event.report.job = job_of(w, &amd64)->id;
    step(w, &event);
    assert_int_equal(w->stale, 1);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 0);
    run(w);
    check(w, LK_OUTCOME_OK, "");
}

/* ---- from the arch tags ---- */

static void an_index_is_put_together_from_the_arch_tags(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &hash, NULL, 3);

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true);
    w->tag_count = 0;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    assert_int_equal(tag_in(w, "org/it", "abc", false)->count, 3);
    assert_int_equal(w->seen[LK_EFFECT_OFFER] + w->seen[LK_EFFECT_ACCEPT_CHILD], 0);
    for (size_t i = 0; i < 3; i++)
        assert_false(w->last[LK_EFFECT_MERGE].accepted[i]);
}

static void a_broken_index_is_repaired(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &hash, NULL, 3);

    (void)state;
    /* One arch lost, one changed by a stranger, and something for which nobody vouches. */
    struct world_index *index = plant(w, "org/it", "abc", 3, 1, true);
    index->entries[1].child = child_of(77, 1);
    index->entries[1].is_signed = false;
    index->entries[2].arch = riscv64;
    index->entries[2].is_signed = false;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "entries left out of the index: 1");
    index = tag_in(w, "org/it", "abc", false);
    assert_int_equal(index->count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(has_arch_tag(w, "org/it", "abc", &three[i],
                                 &entry_of(index, &three[i])->child.digest));
}

static void what_is_trusted_stays_in_a_repaired_index(void **state)
{
    LK_WORLD            w = world_of_three();
    struct request      request = taken(1, &hash, NULL, 2);
    struct world_index *index = plant(w, "org/it", "abc", 3, 1, true);

    (void)state;
    index->entries[0].child = child_of(77, 1);
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    index = tag_in(w, "org/it", "abc", false);
    assert_int_equal(index->count, 3);
    assert_true(
        has_arch_tag(w, "org/it", "abc", &amd64, &entry_of(index, &amd64)->child.digest));
}

static void a_whole_index_needs_no_repair(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &hash, NULL, 3);

    (void)state;
    plant(w, "org/it", "abc", 3, 1, true);
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    assert_true(package_of(w)->nothing_to_do);
    nothing_was_published(w);
}

static void missing_and_foreign_arch_tags_are_named(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &hash, NULL, 3);

    (void)state;
    plant(w, "org/it", "abc", 1, 1, true);
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "for arm64, s390x");
    request.key = 2;
    plant(w, "org/it", "abc", 3, 2, true);
    w->arch_tags[w->arch_tag_count - 1].is_signed = false;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "for s390x what neither");
    request.key = 3;
    tag_in(w, "org/it", "abc", false)->not_an_index = true;
    w->arch_tags[w->arch_tag_count - 1].is_signed = true;
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "single image");
    nothing_was_published(w);
}

/* ---- options ---- */

static void without_building_what_is_missing_is_named(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 3, three);

    (void)state;
    request.options.no_build = true;
    plant(w, "org/it", "abc", 1, 1, true);
    push(w, &request);
    check(w, LK_OUTCOME_REFUSED, "no trusted image for arm64, s390x");
    nothing_was_published(w);
    plant(w, "org/it", "abc", 3, 1, true);
    request.key = 2;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    request.key = 3;
    request.options.force = true;
    submit(w, &request);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
}

static void arch_tags_that_nobody_wants_are_neither_written_nor_missed(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 3, three);

    (void)state;
    request.options.no_arch_tags = true;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    assert_int_equal(w->arch_tag_count, 0);
    request.key = 2;
    push(w, &request);
    assert_true(package_of(w)->nothing_to_do);
    request.key = 3;
    request.options.no_arch_tags = false;
    push(w, &request);
    assert_false(package_of(w)->nothing_to_do);
    assert_int_equal(w->arch_tag_count, 3);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 3);
}

static void an_unsigned_package_says_so_and_its_neighbour_is_signed(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 3, three);

    (void)state;
    request.count = 2;
    request.packages[1] = request.packages[0];
    request.packages[1].tag = "def";
    request.packages[0].is_unsigned = true;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "unsigned, as build.yml asks");
    assert_false(package_of(w)->index_is_signed);
    assert_false(tag_in(w, "org/it", "abc", false)->is_signed);
    assert_string_equal(package_of(w)->next_in_push->text, "");
    assert_true(tag_in(w, "org/it", "def", false)->is_signed);
    request.key = 2;
    push(w, &request);
    assert_true(package_of(w)->nothing_to_do);
    /* Nobody signed it, but it is our own: a release may be made of it. */
    request = taken(3, &release, &hash, 3);
    request.packages[0].is_unsigned = true;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "unsigned, as build.yml asks");
}

static void what_cannot_be_built_is_refused_without_a_push(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &release, &hash, 3);

    (void)state;
    request.options.build_only = true;
    submit(w, &request);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
    request.options.build_only = false;
    request.packages[0].from.tag[0] = '\0';
    submit(w, &request);
    assert_int_equal(w->seen[LK_EFFECT_ANSWER], 2);
    request = taken(1, &release, NULL, 0);
    submit(w, &request);
    assert_int_equal(w->seen[LK_EFFECT_ANSWER], 3);
    assert_null(lk_core_first_push(w->core));
}

/* `neighbour` is built by the same push: only what the copy is taken from would make it a release. */
static void check_meanwhile(const struct lk_index_name *neighbour)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &elsewhere, &hash, 2);

    plant(w, "org/it", "abc", 2, 1, true);
    if (neighbour) {
        request.packages[1] =
            request_of(1, neighbour->repository, neighbour->tag, 1, &amd64).packages[0];
        request.count = 2;
    }
    submit(w, &request);
    run_until_effect(w, LK_EFFECT_ACCEPT_CHILD);
    plant(w, "org/other", "v1", 1, 2, true)->entries[0].arch = riscv64;
    run(w);
    assert_int_equal(package_of(w)->outcome, LK_OUTCOME_REFUSED);
    assert_non_null(strstr(package_of(w)->text, "holds an image for riscv64 already"));
    assert_int_equal(tag_in(w, "org/other", "v1", false)->count, 1);
}

static void a_copy_is_not_mixed_with_what_came_under_its_name_meanwhile(void **state)
{
    const struct lk_index_name same_tag = { "org/third", "abc" },
                               same_place = { "org/it", "def" };

    (void)state;
    check_meanwhile(NULL);
    check_meanwhile(&same_tag);
    check_meanwhile(&same_place);
}

static void an_image_of_a_release_is_replaced_where_a_person_says_so(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = taken(1, &release, &hash, 1);
    char           there[LK_DIGEST_TEXT_SIZE], wanted[LK_DIGEST_TEXT_SIZE];

    (void)state;
    lk_digest_format(&plant(w, "org/it", "abc", 1, 1, true)->entries[0].child.digest, wanted);
    lk_digest_format(&plant(w, "org/it", "v1", 1, 2, true)->entries[0].child.digest, there);
    push(w, &request);
    LK_CLEANUP(lk_free_pointer)
    char *text = lk_xasprintf("another image for amd64 already: %s, not %s", there, wanted);
    check(w, LK_OUTCOME_REFUSED, text);
    request.key = 2;
    request.options.replace_count = 1;
    request.options.replace[0] = amd64;
    push(w, &request);
    check(w, LK_OUTCOME_OK, "");
    same_images(w, &hash, &release, 1);
}

/* In its turn the coordinator looks anew: what it found before counts no more. */
static void what_is_kept_is_counted_anew_after_the_tag_was_moved(void **state)
{
    LK_WORLD       w = world_of_three();
    struct request request = request_of(1, "org/it", "abc", 1, &amd64);

    (void)state;
    plant(w, "org/it", "abc", 1, 2, true)->entries[0].arch = riscv64;
    w->faults[LK_EFFECT_TAG] = (struct world_fault) { 1, LK_ERR_CONFLICT };
    submit(w, &request);
    run_until_effect(w, LK_EFFECT_TAG);
    carry_out_one(w);
    assert_string_equal(package_of(w)->text,
                        "waits, and will try again: the registry says conflict");
    run(w);
    check(w, LK_OUTCOME_OK, "");
    assert_string_equal(package_of(w)->text, "");
    assert_int_equal(tag_in(w, "org/it", "abc", false)->count, 2);
    request.key = 2;
    request.options.force = true;
    request.options.replace_count = 1;
    request.options.replace[0] = riscv64;
    w->faults[LK_EFFECT_TAG] = (struct world_fault) { 1, LK_ERR_CONFLICT };
    push(w, &request);
    check(w, LK_OUTCOME_OK, "entries left out of the index: 1");
}

static void look_and_merge(struct world *w, uint8_t key, bool sign, bool no_arch_tags)
{
    struct request request = request_of(key, "org/it", "abc", 1, &amd64);

    request.options.sign = sign;
    request.options.force = true;
    request.options.no_arch_tags = no_arch_tags;
    submit(w, &request);
    run_until_effect(w, LK_EFFECT_PROBE);
    assert_int_equal(w->last[LK_EFFECT_PROBE].sign, sign);
    assert_int_equal(w->last[LK_EFFECT_PROBE].no_arch_tag, no_arch_tags);
    run(w);
    check(w, LK_OUTCOME_OK, "");
    assert_int_equal(w->last[LK_EFFECT_MERGE].no_arch_tag, no_arch_tags);
    for (size_t i = w->fact_count; i-- > 0;)
        if (w->facts[i].type == LK_FACT_PACKAGE_MERGED) {
            assert_int_equal(w->facts[i].is_signed, sign);
            return;
        }
    fail_msg("nothing was merged");
}

static void who_looks_and_who_merges_knows_what_is_to_be_signed_and_tagged(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    look_and_merge(w, 1, true, false);
    look_and_merge(w, 2, false, true);
}

/* Two releases of one repository wait for a turn in which somebody else is; the first may be late with its look. */
static void check_publishing(bool first_is_late)
{
    static const struct lk_index_name names[] = { { "org/it", "v1" }, { "org/it", "v2" } };
    LK_WORLD                          w = world_of_three();
    struct request                    holder = request_of(9, "org/it", "held", 1, &s390x);

    plant(w, "org/it", "abc", 1, 1, true);
    submit(w, &holder);
    run_until_job(w, &s390x, LK_JOB_IN_TURN);
    w->agents[2].stuck = true;
    settle(w);
    for (size_t i = 0; i < 2; i++) {
        struct request request = taken((uint8_t)(i + 1), &names[i], &hash, 1);
        request.options.no_arch_tags = true;
        w->faults[LK_EFFECT_PROBE] =
            (struct world_fault) { first_is_late && i == 0, LK_ERR_RETRY };
        submit(w, &request);
        settle(w);
    }
    while (package_of(w)->state != LK_PACKAGE_PUBLISHING ||
           lk_core_push(w->core, w->push - 1)->packages->state != LK_PACKAGE_PUBLISHING) {
        w->now_ms += 1000;
        alive(w, &w->agents[2]);
        timer(w);
        settle(w);
    }
    w->agents[2].stuck = false;
    while (w->seen[LK_EFFECT_TAG] < 1)
        assert_true(move_one(w));
    assert_string_equal(w->last[LK_EFFECT_TAG].tag, names[first_is_late].tag);
}

static void who_wants_to_publish_first_publishes_first(void **state)
{
    (void)state;
    check_publishing(false);
    check_publishing(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_has_the_images_that_the_same_push_built),
        cmocka_unit_test(a_release_survives_a_crash_at_any_step),
        cmocka_unit_test(a_release_of_a_failed_build_is_not_published),
        cmocka_unit_test(a_release_gains_what_it_lacks_and_keeps_what_it_has),
        cmocka_unit_test(a_release_does_not_mix_two_versions),
        cmocka_unit_test(a_copy_is_not_mixed_with_what_its_name_had),
        cmocka_unit_test(a_strangers_entry_in_a_release_is_refused_with_the_way_out),
        cmocka_unit_test(what_a_release_has_is_not_changed_without_force),
        cmocka_unit_test(what_somebody_put_there_meanwhile_is_not_changed_either),
        cmocka_unit_test(a_complete_release_is_nothing_to_do),
        cmocka_unit_test(what_is_missing_in_the_source_is_named),
        cmocka_unit_test(what_is_untrusted_in_the_source_is_named_unless_adopted),
        cmocka_unit_test(an_index_that_we_published_is_trusted_without_signatures),
        cmocka_unit_test(trouble_with_the_registry_does_not_mean_that_nothing_is_there),
        cmocka_unit_test(a_copy_takes_every_architecture_that_is_there),
        cmocka_unit_test(without_arch_tags_only_what_is_elsewhere_needs_a_turn),
        cmocka_unit_test(what_cannot_all_be_taken_is_refused),
        cmocka_unit_test(an_empty_index_is_never_published),
        cmocka_unit_test(a_copy_that_vanished_meanwhile_is_refused_and_not_built),
        cmocka_unit_test(two_copies_to_one_tag_go_one_after_the_other),
        cmocka_unit_test(a_dry_run_of_a_release_needs_nothing_published),
        cmocka_unit_test(a_dry_run_of_a_release_looks_at_what_was_published_earlier),
        cmocka_unit_test(a_copy_under_the_same_tag_is_not_mixed_either),
        cmocka_unit_test(two_images_for_one_architecture_are_named_whatever_follows),
        cmocka_unit_test(a_release_with_two_images_for_one_architecture_is_put_right),
        cmocka_unit_test(nobody_gets_a_ticket_for_what_is_not_built),
        cmocka_unit_test(an_index_is_put_together_from_the_arch_tags),
        cmocka_unit_test(a_broken_index_is_repaired),
        cmocka_unit_test(what_is_trusted_stays_in_a_repaired_index),
        cmocka_unit_test(a_whole_index_needs_no_repair),
        cmocka_unit_test(missing_and_foreign_arch_tags_are_named),
        cmocka_unit_test(without_building_what_is_missing_is_named),
        cmocka_unit_test(arch_tags_that_nobody_wants_are_neither_written_nor_missed),
        cmocka_unit_test(an_unsigned_package_says_so_and_its_neighbour_is_signed),
        cmocka_unit_test(what_cannot_be_built_is_refused_without_a_push),
        cmocka_unit_test(a_copy_is_not_mixed_with_what_came_under_its_name_meanwhile),
        cmocka_unit_test(who_looks_and_who_merges_knows_what_is_to_be_signed_and_tagged),
        cmocka_unit_test(what_is_kept_is_counted_anew_after_the_tag_was_moved),
        cmocka_unit_test(an_image_of_a_release_is_replaced_where_a_person_says_so),
        cmocka_unit_test(who_wants_to_publish_first_publishes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
