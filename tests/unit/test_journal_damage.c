/* Journals that are not what was written, that must be on the disk, and that take the place of another. */
#include "coordinator/store/store.h"

#include "common/base/buf.h"
#include "common/base/hex.h"
#include "common/os/file.h"
#include "coordinator/core/core.h"
#include "coordinator/store/backup.h"
#include "coordinator/store/head.h"
#include "coordinator/store/journal.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

/* Every call of this program and its libraries comes here. */
static unsigned syncs;

int fsync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}

struct place {
    char directory[64];
    char database[96];
    char backup[96];
};

static int make_place(void **state)
{
    struct place *place = lk_xcalloc(1, sizeof(*place));

    strcpy(place->directory, "/tmp/lk-damage.XXXXXX");
    if (!mkdtemp(place->directory))
        return -1;
    snprintf(place->database, sizeof(place->database), "%s/journal.db", place->directory);
    snprintf(place->backup, sizeof(place->backup), "%s/backup.db", place->directory);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    struct lk_err err;
    int           result = lk_directory_remove(place->directory, &err);

    free(place);
    return result;
}

static void must(int result, const struct lk_err *err)
{
    if (result < 0)
        fail_msg("%s", err->text);
}

static struct lk_journal *opened(const struct place *place)
{
    struct lk_journal *journal = NULL;
    struct lk_err      err;

    must(lk_journal_open(&journal, place->directory, &err), &err);
    return journal;
}

static void append(struct lk_journal *journal, struct lk_fact fact)
{
    uint8_t       bytes[LK_FACT_BYTES_MAX];
    struct lk_str record = { (const char *)bytes, lk_fact_encode(&fact, bytes) };
    struct lk_err err;

    must(lk_journal_append(journal, &record, 1, &err), &err);
}

/* Five starts. */
static struct lk_journal *filled(const struct place *place)
{
    struct lk_journal *journal = opened(place);

    for (uint64_t epoch = 1; epoch <= 5; epoch++)
        append(journal, (struct lk_fact) { .type = LK_FACT_STARTED, .epoch = epoch });
    return journal;
}

static void run_sql(const struct place *place, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(place->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int apply(void *ctx, struct lk_str record, struct lk_err *err)
{
    struct lk_fact fact;

    if (lk_fact_decode(record, &fact, err) < 0)
        return -1;
    return lk_core_apply(ctx, &fact) ? 0 : lk_err_set(err, LK_ERR_CONFLICT, "does not fit");
}

static void is_about(const struct lk_err *err, const char *text)
{
    if (err->kind != LK_ERR_CONFLICT || !strstr(err->text, text))
        fail_msg("kind %s, \"%s\" is not about \"%s\"", lk_err_kind_name(err->kind), err->text,
                 text);
}

/* ---- damage ---- */

static void check_replay_is_refused(const struct place *place, const char *sql,
                                    const char *text)
{
    LK_CLEANUP(lk_core_free) struct lk_core        *core = lk_core_new(&lk_core_defaults);
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = filled(place);
    struct lk_err                                   err;

    lk_journal_close(&journal);
    run_sql(place, sql);
    journal = opened(place);
    assert_int_equal(lk_journal_replay(journal, apply, core, &err), -1);
    is_about(&err, text);
}

/* What takes its place is a fact too, and fits. */
static void a_record_that_was_changed_is_refused_by_its_number(void **state)
{
    check_replay_is_refused(
        *state, "UPDATE journal SET fact=(SELECT fact FROM journal WHERE seq=4) WHERE seq=3",
        "record 3 is not what was written");
}

static void a_record_of_another_format_than_was_written_is_refused(void **state)
{
    check_replay_is_refused(*state, "UPDATE journal SET format=1 WHERE seq=3",
                            "record 3 is not what was written");
}

static void a_record_whose_sum_was_cut_is_refused_by_its_number(void **state)
{
    check_replay_is_refused(*state, "UPDATE journal SET sum=substr(sum, 1, 8) WHERE seq=3",
                            "record 3 is not what was written");
}

static void a_record_without_a_sum_is_refused_by_its_number(void **state)
{
    check_replay_is_refused(*state, "UPDATE journal SET sum=x'' WHERE seq=3",
                            "record 3 is not what was written");
}

static void a_record_that_is_gone_is_missing_by_its_number(void **state)
{
    check_replay_is_refused(*state, "DELETE FROM journal WHERE seq=3", "record 3 is missing");
}

static void records_that_are_gone_are_missing_by_their_numbers(void **state)
{
    check_replay_is_refused(*state, "DELETE FROM journal WHERE seq IN (2, 3)",
                            "records 2 to 3 are missing");
}

static int compact(struct lk_journal *journal, const struct lk_core *core, struct lk_err *err)
{
    LK_CLEANUP(lk_snapshot_free) struct lk_snapshot *snapshot = lk_snapshot_take(core);

    return lk_journal_compact(journal, snapshot, err);
}

static void what_was_changed_since_it_was_read_is_not_made_right_by_a_compaction(void **state)
{
    LK_CLEANUP(lk_core_free) struct lk_core        *core = lk_core_new(&lk_core_defaults);
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = filled(*state);
    struct lk_err                                   err;

    must(lk_journal_replay(journal, apply, core, &err), &err);
    run_sql(*state,
            "UPDATE journal SET fact=(SELECT fact FROM journal WHERE seq=4) WHERE seq=3");
    assert_int_equal(compact(journal, core, &err), -1);
    is_about(&err, "record 3 is not what was written");
}

/* journal.head would say it as well: it may be behind after a loss of power, or not there. */
static void a_journal_that_lost_a_part_of_its_snapshot_is_refused(void **state)
{
    const struct place                             *place = *state;
    LK_CLEANUP(lk_core_free) struct lk_core        *core = lk_core_new(&lk_core_defaults);
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = filled(place);
    LK_CLEANUP(lk_free_pointer)
    char         *head = lk_xasprintf("%s/journal.head", place->directory);
    struct lk_err err;

    must(lk_journal_replay(journal, apply, core, &err), &err);
    must(compact(journal, core, &err), &err);
    lk_journal_close(&journal);
    run_sql(place, "DELETE FROM journal WHERE seq=(SELECT max(seq) FROM journal)");
    assert_int_equal(unlink(head), 0);
    assert_int_equal(lk_journal_open(&journal, place->directory, &err), -1);
    is_about(&err, "had been written");
}

static void the_note_of_another_journal_says_nothing_of_this_one(void **state)
{
    const struct place                             *place = *state;
    const uint8_t                                   other[LK_CLUSTER_BYTES] = { 1 };
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = filled(place);
    LK_CLEANUP(lk_close_fd) int                     fd = -1;
    struct lk_err                                   err;

    lk_journal_close(&journal);
    must(lk_head_open(&fd, place->directory, &err), &err);
    must(lk_head_write(fd, other, 1000, &err), &err);
    journal = opened(place);
}

static void count_finding(void *ctx, const char *finding)
{
    (void)finding;
    ++*(unsigned *)ctx;
}

/* What follows a fault is judged by what the record there says of itself. */
static void one_fault_is_one_finding(void **state)
{
    static const char *const faults[] = {
        "UPDATE journal SET fact=(SELECT fact FROM journal WHERE seq=4) WHERE seq=2",
        "DELETE FROM journal WHERE seq=3",
    };
    const struct place                             *place = *state;
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = filled(place);
    struct lk_inspection                            found;
    struct lk_err                                   err;

    lk_journal_close(&journal);
    for (unsigned i = 0; i < LK_COUNT(faults); i++) {
        unsigned findings = 0;

        run_sql(place, faults[i]);
        must(lk_journal_inspect(place->database, NULL, &found, count_finding, &findings, &err),
             &err);
        assert_int_equal(findings, i + 1);
        assert_int_equal(found.faults, i + 1);
        assert_int_equal(found.good, 1);
    }
}

/* As half a write would leave it, or a hand. */
static void a_damaged_note_of_the_end_says_nothing(void **state)
{
    static const char *const ends[] = { "+00000000000000001000\n", " 00000000000000001000 ",
                                        " 0000000000000000100x\n", " 0000000000000000100",
                                        " 00000000000000001000\n" };
    const struct place      *place = *state;
    const uint8_t            cluster[LK_CLUSTER_BYTES] = { 1 };
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/journal.head", place->directory);
    char                              hex[2 * LK_CLUSTER_BYTES + 1];
    struct lk_err                     err;

    lk_hex_encode(hex, cluster, sizeof(cluster));
    for (size_t i = 0; i < LK_COUNT(ends); i++) {
        LK_CLEANUP(lk_close_fd) int       fd = -1;
        LK_CLEANUP(lk_free_pointer) char *note = lk_xasprintf("%s%s", hex, ends[i]);

        must(lk_file_replace(path, lk_str_of(note), 0600, &err), &err);
        must(lk_head_open(&fd, place->directory, &err), &err);
        assert_int_equal(lk_head_read(fd, cluster), i == LK_COUNT(ends) - 1 ? 1000 : 0);
    }
}

/* ---- on the disk ---- */

static void what_was_appended_is_on_the_disk(void **state)
{
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = opened(*state);

    for (uint64_t epoch = 1; epoch <= 3; epoch++) {
        unsigned before = syncs;
        append(journal, (struct lk_fact) { .type = LK_FACT_STARTED, .epoch = epoch });
        assert_true(syncs > before);
    }
}

/* ---- epochs ---- */

static void the_epoch_is_raised_past_every_one_that_was_heard_of(void **state)
{
    static const struct {
        uint64_t known, raised;
    } steps[] = { { 0, 1 }, { 41, 42 }, { 7, 43 }, { 43, 44 } };
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = opened(*state);
    struct lk_err                                   err;

    for (size_t i = 0; i < LK_COUNT(steps); i++) {
        must(lk_journal_raise_epoch(journal, steps[i].known, &err), &err);
        assert_int_equal(lk_journal_epoch(journal), steps[i].raised);
    }
}

static void a_restored_state_begins_above_the_backup_and_what_it_replaces(void **state)
{
    const struct place                             *place = *state;
    const struct lk_restore_options                 options = { .replace = true };
    LK_CLEANUP(lk_core_free) struct lk_core        *core = lk_core_new(&lk_core_defaults);
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = filled(place);
    struct lk_inspection                            look;
    struct lk_err                                   err;
    uint64_t                                        epoch;

    must(lk_journal_raise_epoch(journal, 4, &err), &err);
    must(lk_journal_backup(place->directory, place->backup, &look, &err), &err);
    must(lk_journal_raise_epoch(journal, 99, &err), &err);
    lk_journal_close(&journal);
    must(lk_journal_restore(place->backup, place->directory, &options, &look, &epoch, &err),
         &err);
    assert_int_equal(epoch, 100 + LK_RESTORE_EPOCHS);
    journal = opened(place);
    must(lk_journal_replay(journal, apply, core, &err), &err);
    assert_int_equal(lk_core_epoch(core), epoch);
    must(lk_journal_raise_epoch(journal, 0, &err), &err);
    assert_int_equal(lk_journal_epoch(journal), epoch + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_that_was_changed_is_refused_by_its_number),
        TEST(a_record_of_another_format_than_was_written_is_refused),
        TEST(a_record_whose_sum_was_cut_is_refused_by_its_number),
        TEST(a_record_without_a_sum_is_refused_by_its_number),
        TEST(one_fault_is_one_finding),
        TEST(a_damaged_note_of_the_end_says_nothing),
        TEST(a_record_that_is_gone_is_missing_by_its_number),
        TEST(records_that_are_gone_are_missing_by_their_numbers),
        TEST(what_was_changed_since_it_was_read_is_not_made_right_by_a_compaction),
        TEST(a_journal_that_lost_a_part_of_its_snapshot_is_refused),
        TEST(the_note_of_another_journal_says_nothing_of_this_one),
        TEST(what_was_appended_is_on_the_disk),
        TEST(the_epoch_is_raised_past_every_one_that_was_heard_of),
        TEST(a_restored_state_begins_above_the_backup_and_what_it_replaces),
    };
    return cmocka_run_group_tests_name("journal damage", tests, NULL, NULL);
}
