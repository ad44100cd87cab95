/*
 * Random worlds: pushes, cancels, lost and doubled effects in any order, silent and forgetful agents, a registry
 * with moods, crashes.  What must always hold is checked at every step; when the world heals, all has to end.
 *
 *   LK_SEEDS=N     so many worlds (default 40)
 *   LK_SEED=N      just this one
 */
#include "tests/core/chance.h"

static void check_rest(struct world *w)
{
    for (const struct lk_push *push = lk_core_first_push(w->core); push; push = push->next)
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push) {
            assert_int_equal(p->state, LK_PACKAGE_ENDED);
            assert_int_equal(p->turnstile->fence, 0);
            assert_int_equal(p->turnstile->waiting, 0);
        }
    for (size_t i = 0; i < w->agent_count; i++)
        for (size_t k = 0; k < WORLD_SLOTS; k++)
            assert_int_equal(w->agents[i].slots[k].job, 0);
    crash(w, false);
}

static void play(uint64_t seed)
{
    struct dice dice = { seed * 0x9e3779b97f4a7c15 + 1 };
    LK_WORLD    w = world_of_chance();
    uint8_t     key = 1;

    for (unsigned i = 0; i < 1500; i++)
        random_move(w, &dice, &key);
    heal(w);
    check_rest(w);
}

static void in_any_world_every_push_ends_and_nothing_is_left_over(void **state)
{
    const char *one = getenv("LK_SEED");
    const char *many = getenv("LK_SEEDS");
    uint64_t    first = one ? strtoull(one, NULL, 10) : 1;
    uint64_t    count = one ? 1 : many ? strtoull(many, NULL, 10) : 40;

    (void)state;
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (getenv("LK_VERBOSE"))
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        play(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_any_world_every_push_ends_and_nothing_is_left_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
