/* A shorter journal gives the same state again, whenever it is written, and the core goes on from it alike. */
#include "coordinator/core/private.h"
#include "coordinator/core/snapshot.h"
#include "tests/core/chance.h"

struct journal {
    size_t          count;
    struct lk_fact *facts;
};

static void free_journal(struct journal *journal)
{
    free(journal->facts);
}

static struct journal shortened(const struct lk_core *core, const struct lk_fact *facts,
                                size_t count)
{
    LK_CLEANUP(lk_snapshot_free) struct lk_snapshot *snapshot = lk_snapshot_take(core);
    struct journal                                   out = { 0 };
    struct lk_fact                                   added;

    out.facts = lk_xcalloc(count + core->config.records_max + core->agent_count + 1,
                           sizeof(*out.facts));
    for (size_t i = 0; i < count; i++)
        if (lk_snapshot_keeps(snapshot, &facts[i]))
            out.facts[out.count++] = facts[i];
    for (size_t i = 0; lk_snapshot_adds(snapshot, i, &added); i++)
        out.facts[out.count++] = added;
    return out;
}

static struct lk_core *replayed(const struct lk_core_config *config,
                                const struct lk_fact *facts, size_t count)
{
    struct lk_core *core = lk_core_new(config);

    for (size_t i = 0; i < count; i++)
        if (!lk_core_apply(core, &facts[i]))
            fail_msg("fact %zu of type %d does not fit", i, (int)facts[i].type);
    return core;
}

/* Arrivals are numbered anew: who was there before whom is what counts. */
static uint64_t rank_of(const struct lk_turnstile *turnstile, uint64_t arrival)
{
    uint64_t rank = arrival != 0;

    for (const struct lk_package *p = turnstile->packages; p && arrival;
         p = p->next_in_turnstile) {
        rank += p->arrival && p->arrival < arrival;
        for (size_t i = 0; i < p->job_count; i++)
            rank += p->jobs[i].arrival && p->jobs[i].arrival < arrival;
    }
    return rank;
}

static void number_arrivals_anew(struct lk_core *core)
{
    size_t max = core->config.packages_max;
    LK_CLEANUP(lk_free_pointer)
    uint64_t *ranks = lk_xcalloc(max * (LK_PACKAGE_ARCHES_MAX + 1), sizeof(*ranks));
    size_t    n = 0;

    for (size_t i = 0; i < max; i++) {
        const struct lk_package *p = &core->packages[i];
        if (!p->id)
            continue;
        ranks[n++] = rank_of(p->turnstile, p->arrival);
        for (size_t k = 0; k < p->job_count; k++)
            ranks[n++] = rank_of(p->turnstile, p->jobs[k].arrival);
    }
    n = 0;
    for (size_t i = 0; i < max; i++) {
        struct lk_package *p = &core->packages[i];
        if (!p->id)
            continue;
        p->arrival = ranks[n++];
        for (size_t k = 0; k < p->job_count; k++)
            p->jobs[k].arrival = ranks[n++];
    }
}

static uint64_t whole_digest(struct lk_core *core)
{
    number_arrivals_anew(core);
    uint64_t sum = world_digest(core);

    mix_u64(&sum, core->fence);
    mix_u64(&sum, core->push_id);
    mix_u64(&sum, core->package_id);
    mix_u64(&sum, core->package_count);
    mix_u64(&sum, core->ended_count);
    mix_u64(&sum, core->record_next);
    for (size_t i = 0; i < core->config.records_max; i++) {
        mix_text(&sum, core->records[i].repository);
        mix_text(&sum, core->records[i].tag);
        mix_text(&sum, core->records[i].arch.name);
        mix_child(&sum, &core->records[i].child);
    }
    return sum;
}

/* What the core does first after a restart. */
static uint64_t digest_of_start(struct lk_core *core, uint64_t epoch)
{
    struct lk_event event = { .type = LK_EVENT_START, .now_ms = 1000000, .wall_ms = 1 };
    uint64_t        sum = 1;

    event.start.epoch = epoch;
    const struct lk_out *out = lk_core_step(core, &event);
    mix_u64(&sum, out->fact_count);
    mix_u64(&sum, out->effect_count);
    mix_u64(&sum, (uint64_t)out->wake_ms);
    for (size_t i = 0; i < out->fact_count; i++)
        mix(&sum, &out->facts[i], sizeof(out->facts[i]));
    for (size_t i = 0; i < out->effect_count; i++)
        mix(&sum, &out->effects[i], sizeof(out->effects[i]));
    return sum;
}

static void check_same(const struct world *w, const struct lk_fact *facts, size_t count)
{
    LK_CLEANUP(lk_core_free)
    struct lk_core *whole = replayed(&w->config, w->facts, w->fact_count);
    LK_CLEANUP(lk_core_free)
    struct lk_core *again = replayed(&w->config, facts, count);

    assert_int_equal(whole_digest(whole), whole_digest(again));
    assert_int_equal(digest_of_start(whole, w->epoch + 1),
                     digest_of_start(again, w->epoch + 1));
}

/* A journal that is shortened now and then, and goes on with what happens after that. */
static void keep_up(struct world *w, struct journal *kept, size_t *taken)
{
    size_t added = w->fact_count - *taken;

    kept->facts = lk_xrealloc(kept->facts, (kept->count + added + 1) * sizeof(*kept->facts));
    memcpy(kept->facts + kept->count, w->facts + *taken, added * sizeof(*kept->facts));
    kept->count += added;
    *taken = w->fact_count;
    /* What is in the shorter journal cannot be lost by a crash any more. */
    w->facts_before = w->fact_count;
}

static void shorten(const struct world *w, struct journal *kept)
{
    struct journal shorter = shortened(w->core, kept->facts, kept->count);

    free(kept->facts);
    *kept = shorter;
    check_same(w, kept->facts, kept->count);
}

static void play(uint64_t seed, unsigned every)
{
    struct dice                             dice = { seed * 0x9e3779b97f4a7c15 + 1 };
    LK_CLEANUP(free_journal) struct journal kept = { 0 };
    LK_WORLD                                w = world_of_chance();
    uint8_t                                 key = 1;
    size_t                                  taken = 0;
    size_t                                  checked = 0;

    for (unsigned i = 0; i < 1500; i++) {
        random_move(w, &dice, &key);
        keep_up(w, &kept, &taken);
        if (w->fact_count == checked || w->fact_count % every != 0)
            continue;
        checked = w->fact_count;
        shorten(w, &kept);
    }
    heal(w);
    keep_up(w, &kept, &taken);
    shorten(w, &kept);
    assert_true(kept.count < w->fact_count);
}

static void a_shorter_journal_gives_the_same_state_at_every_step(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++)
        play(seed, 1);
}

static void a_journal_that_is_shortened_again_and_again_loses_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 125; seed++)
        play(seed, 7);
}

/* The newest was forgotten where the oldest should have been. */
static void what_is_forgotten_leaves_its_record_and_its_numbers(void **state)
{
    struct lk_core_config config = lk_core_defaults;
    LK_WORLD              w = NULL;

    (void)state;
    config.history_max = 1;
    w = world_new(&config);
    add_agent(w, "a1", &amd64, false, 2);
    for (uint8_t i = 1; i <= 5; i++) {
        char           tag[8];
        struct request request = request_of(i, "org/it", tag, 1, three);
        snprintf(tag, sizeof(tag), "t%u", i);
        submit(w, &request);
        run(w);
    }
    LK_CLEANUP(free_journal)
    struct journal                           kept = shortened(w->core, w->facts, w->fact_count);
    LK_CLEANUP(lk_core_free) struct lk_core *core = replayed(&config, kept.facts, kept.count);
    assert_null(lk_core_push(core, 4));
    assert_non_null(lk_core_push(core, 5));
    assert_int_equal(core->push_id, 5);
    assert_non_null(lk_record_find(core, "org/it", "t1", &three[0]));
    for (size_t i = 0; i < kept.count; i++)
        assert_true(kept.facts[i].type >= LK_FACT_NUMBERS || kept.facts[i].push == 5 ||
                    kept.facts[i].push == 0);
}

static void numbers_never_go_back(void **state)
{
    LK_CLEANUP(lk_core_free) struct lk_core *core = lk_core_new(&lk_core_defaults);
    const struct lk_fact now = { LK_FACT_NUMBERS, .epoch = 5, .fence = 5ULL << 32 | 3,
                                 .push = 7, .package = 9 };
    struct lk_fact       bad[5];

    (void)state;
    assert_true(lk_core_apply(core, &now));
    for (size_t i = 0; i < LK_COUNT(bad); i++)
        bad[i] = now;
    bad[0].epoch = 4;
    bad[1].fence--;
    bad[2].push--;
    bad[3].package--;
    bad[4].fence = 6ULL << 32;
    for (size_t i = 0; i < LK_COUNT(bad); i++)
        assert_false(lk_core_apply(core, &bad[i]));
    assert_true(lk_core_apply(core, &now));
}

static void an_epoch_that_is_ahead_is_passed_with_all_numbers_of_what_was_lost(void **state)
{
    LK_WORLD        w = world_of_three();
    struct lk_event event = { .type = LK_EVENT_EPOCH_HEARD };

    (void)state;
    submit_three(w);
    run(w);
    assert_int_equal(lk_core_judge_epoch(w->core, w->epoch), LK_EPOCH_IS_KNOWN);
    event.start.epoch = w->epoch + 40;
    assert_int_equal(lk_core_judge_epoch(w->core, event.start.epoch), LK_EPOCH_IS_AHEAD);
    step(w, &event);
    assert_int_equal(lk_core_epoch(w->core), w->epoch + 41);
    uint64_t       before = w->push;
    struct request request = request_of(2, "org/it", "def", 3, three);
    w->epoch = lk_core_epoch(w->core);
    submit(w, &request);
    assert_true(w->push > before + LK_LOST_PUSHES_MAX);
    assert_true(package_of(w)->id > (uint64_t)LK_LOST_PUSHES_MAX * LK_PUSH_PACKAGES_MAX);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    crash_and_reconnect(w, false);
    assert_int_equal(lk_core_push(w->core, w->push)->outcome, LK_OUTCOME_OK);
}

static void an_epoch_that_cannot_be_true_changes_nothing(void **state)
{
    LK_WORLD       w = world_of_three();
    const uint64_t absurd[] = { w->epoch + LK_EPOCH_AHEAD_MAX + 1, UINT32_MAX, UINT64_MAX };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(absurd); i++) {
        struct lk_event event = { .type = LK_EVENT_EPOCH_HEARD };
        size_t          count = w->fact_count;
        event.start.epoch = absurd[i];
        assert_int_equal(lk_core_judge_epoch(w->core, absurd[i]), LK_EPOCH_IS_ABSURD);
        step(w, &event);
        assert_int_equal(w->fact_count, count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shorter_journal_gives_the_same_state_at_every_step),
        cmocka_unit_test(a_journal_that_is_shortened_again_and_again_loses_nothing),
        cmocka_unit_test(what_is_forgotten_leaves_its_record_and_its_numbers),
        cmocka_unit_test(numbers_never_go_back),
        cmocka_unit_test(an_epoch_that_is_ahead_is_passed_with_all_numbers_of_what_was_lost),
        cmocka_unit_test(an_epoch_that_cannot_be_true_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
