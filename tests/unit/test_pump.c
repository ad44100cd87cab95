#include "tests/unit/source_helper.h"

#include "coordinator/store/journal.h"
#include "coordinator/store/pump.h"

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#define EFFECTS_MAX 64

/* What came out, and how many facts were on disk by then: asked of the file, not of the pump. */
struct seen {
    void          **state;
    struct lk_pump *pump;
    size_t          count;
    uint64_t        push[EFFECTS_MAX];
    long            on_disk[EFFECTS_MAX];
    uint64_t        answer_with; /* this effect makes another step */
    int             failures;
    struct lk_err   err;
};

static long rows_on_disk(void **state)
{
    sqlite3      *db = NULL;
    sqlite3_stmt *statement = NULL;
    long          rows = -1;

    /* The files as a crash would leave them: look at a copy. */
    LK_CLEANUP(lk_free_pointer)
    char *command =
        lk_xasprintf("rm -f %1$s/copy.db* && cp %1$s/state/journal.db %1$s/copy.db && "
                     "{ [ ! -e %1$s/state/journal.db-wal ] || "
                     "cp %1$s/state/journal.db-wal %1$s/copy.db-wal; }",
                     ((struct scratch *)*state)->directory);
    assert_int_equal(system(command), 0);
    assert_int_equal(sqlite3_open(scratch_path(state, "copy.db"), &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, "SELECT count(*) FROM journal", -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        rows = (long)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return rows;
}

static void hand_in(struct lk_pump *pump, size_t facts, uint64_t effect)
{
    struct lk_fact   list[4] = { 0 };
    struct lk_effect one = { .type = LK_EFFECT_FORGET, .push = effect };
    struct lk_out    out = {
           .fact_count = facts, .facts = list, .effect_count = effect != 0, .effects = &one
    };

    for (size_t i = 0; i < facts; i++) {
        list[i].type = LK_FACT_SOURCE_READY;
        list[i].push = 1;
    }
    lk_pump_put(pump, &out);
}

static void on_effect(void *ctx, const struct lk_effect *effect)
{
    struct seen *seen = ctx;

    assert_true(seen->count < EFFECTS_MAX);
    seen->on_disk[seen->count] = rows_on_disk(seen->state);
    seen->push[seen->count++] = effect->push;
    if (effect->push == seen->answer_with)
        hand_in(seen->pump, 1, effect->push + 100);
}

static void on_failed(void *ctx, const struct lk_err *err)
{
    struct seen *seen = ctx;

    seen->failures++;
    seen->err = *err;
}

static void collect_until(struct seen *seen, size_t count)
{
    struct pollfd item = { .fd = lk_pump_fd(seen->pump), .events = POLLIN };

    while (seen->count < count && seen->failures == 0) {
        assert_int_equal(poll(&item, 1, 5000), 1);
        lk_pump_collect(seen->pump);
    }
}

static struct lk_journal *start(void **state, struct seen *seen)
{
    struct lk_pump_listener listener = { .effect = on_effect,
                                         .failed = on_failed,
                                         .ctx = seen };
    struct lk_journal      *journal = NULL;
    struct lk_err           err;

    *seen = (struct seen) { .state = state };
    must(lk_journal_open(&journal, scratch_path(state, "state"), &err), &err);
    seen->pump = lk_pump_start(journal, &listener);
    return journal;
}

static void effects_come_when_their_facts_are_on_disk(void **state)
{
    struct seen        seen;
    struct lk_journal *journal = start(state, &seen);
    static const long  expected[] = { 2, 3, 3, 6 };

    hand_in(seen.pump, 2, 1);
    hand_in(seen.pump, 1, 2);
    hand_in(seen.pump, 0, 3);
    hand_in(seen.pump, 3, 4);
    assert_int_equal(seen.count, 0);
    collect_until(&seen, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(seen.push[i], i + 1);
        assert_true(seen.on_disk[i] >= expected[i]);
    }
    assert_int_equal(lk_pump_handed_in(seen.pump), 6);
    assert_int_equal(lk_pump_durable(seen.pump), 6);
    lk_pump_stop(&seen.pump);
    lk_journal_close(&journal);
}

static void an_effect_without_outstanding_facts_comes_at_once(void **state)
{
    struct seen        seen;
    struct lk_journal *journal = start(state, &seen);

    hand_in(seen.pump, 0, 1);
    assert_int_equal(seen.count, 1);
    lk_pump_stop(&seen.pump);
    lk_journal_close(&journal);
}

static void an_effect_that_steps_again_keeps_the_order(void **state)
{
    struct seen           seen;
    struct lk_journal    *journal = start(state, &seen);
    static const uint64_t order[] = { 1, 2, 101, 102 };

    seen.answer_with = 1;
    hand_in(seen.pump, 1, 1);
    hand_in(seen.pump, 1, 2);
    collect_until(&seen, 2);
    seen.answer_with = 2;
    hand_in(seen.pump, 0, 2);
    collect_until(&seen, 5);
    assert_int_equal(seen.push[0], order[0]);
    assert_int_equal(seen.push[1], order[1]);
    assert_int_equal(seen.push[2], order[2]);
    assert_int_equal(seen.push[3], 2);
    assert_int_equal(seen.push[4], order[3]);
    assert_true(seen.on_disk[4] >= 4);
    lk_pump_stop(&seen.pump);
    lk_journal_close(&journal);
}

static void count_effect(void *ctx, const struct lk_effect *effect)
{
    struct seen *seen = ctx;

    (void)effect;
    seen->count++;
}

static void what_waits_for_the_disk_has_a_maximum(void **state)
{
    struct seen             seen = { .state = state };
    struct lk_pump_listener listener = { .effect = count_effect,
                                         .failed = on_failed,
                                         .ctx = &seen };
    struct lk_journal      *journal = NULL;
    struct lk_err           err;

    must(lk_journal_open(&journal, scratch_path(state, "state"), &err), &err);
    seen.pump = lk_pump_start(journal, &listener);
    assert_false(lk_pump_is_full(seen.pump));
    hand_in(seen.pump, 1, 1);
    for (int i = 0; i < 2047; i++)
        hand_in(seen.pump, 0, 1);
    assert_true(lk_pump_is_full(seen.pump));
    collect_until(&seen, 2048);
    assert_false(lk_pump_is_full(seen.pump));
    for (int i = 0; i < 8192 / 4; i++)
        hand_in(seen.pump, 4, 0);
    assert_true(lk_pump_is_full(seen.pump));
    hand_in(seen.pump, 0, 1);
    collect_until(&seen, 2049);
    assert_false(lk_pump_is_full(seen.pump));
    lk_pump_stop(&seen.pump);
    lk_journal_close(&journal);
}

/* A disk that is full, as far as this process can tell. */
static void let_files_grow(rlim_t bytes)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void after_a_failed_append_no_effect_comes_out(void **state)
{
    struct seen        seen;
    struct lk_journal *journal = start(state, &seen);

    hand_in(seen.pump, 1, 1);
    collect_until(&seen, 1);
    let_files_grow(1024);
    hand_in(seen.pump, 1, 2);
    hand_in(seen.pump, 1, 3);
    collect_until(&seen, 2);
    assert_int_equal(seen.failures, 1);
    assert_true(seen.err.text[0] != '\0');
    let_files_grow(RLIM_INFINITY);
    hand_in(seen.pump, 0, 4);
    hand_in(seen.pump, 1, 5);
    usleep(200000);
    lk_pump_collect(seen.pump);
    assert_int_equal(seen.count, 1);
    lk_pump_stop(&seen.pump);
    lk_journal_close(&journal);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(effects_come_when_their_facts_are_on_disk),
        TEST(an_effect_without_outstanding_facts_comes_at_once),
        TEST(an_effect_that_steps_again_keeps_the_order),
        TEST(what_waits_for_the_disk_has_a_maximum),
        TEST(after_a_failed_append_no_effect_comes_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
