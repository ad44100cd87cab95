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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_arches_are_built_pushed_merged_signed_and_tagged),
        cmocka_unit_test(a_crash_at_every_move_ends_with_the_same_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
