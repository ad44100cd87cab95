#include "coordinator/store/store.h"

#include "common/base/buf.h"
#include "common/base/hex.h"
#include "common/os/file.h"
#include "coordinator/store/chain.h"
#include "coordinator/store/journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct place {
    char directory[64];
    char database[96];
};

static int make_place(void **state)
{
    struct place *place = lk_xcalloc(1, sizeof(*place));

    strcpy(place->directory, "/tmp/lk-journal.XXXXXX");
    if (!mkdtemp(place->directory))
        return -1;
    snprintf(place->database, sizeof(place->database), "%s/journal.db", place->directory);
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

static struct lk_journal *opened(const struct place *place)
{
    struct lk_journal *journal = NULL;
    struct lk_err      err;

    if (lk_journal_open(&journal, place->directory, &err) < 0 ||
        lk_journal_raise_epoch(journal, 0, &err) < 0)
        fail_msg("%s", err.text);
    return journal;
}

static void check_refused(const struct place *place, enum lk_err_kind kind, const char *text)
{
    struct lk_journal *journal = NULL;
    struct lk_err      err;

    assert_int_equal(lk_journal_open(&journal, place->directory, &err), -1);
    assert_null(journal);
    if (err.kind != kind || !strstr(err.text, text) || !strstr(err.text, place->directory))
        fail_msg("kind %s, \"%s\" is not about \"%s\"", lk_err_kind_name(err.kind), err.text,
                 text);
}

static void append(struct lk_journal *journal, const char *const *texts, size_t count)
{
    struct lk_str records[16];
    struct lk_err err;

    for (size_t i = 0; i < count; i++)
        records[i] = lk_str_of(texts[i]);
    if (lk_journal_append(journal, records, count, &err) < 0)
        fail_msg("%s", err.text);
}

static int collect(void *ctx, struct lk_str record, struct lk_err *err)
{
    lk_buf_add(ctx, record.data, record.len);
    lk_buf_add(ctx, ";", 1);
    (void)err;
    return 0;
}

static void check_records(struct lk_journal *journal, const char *expected)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf all = LK_BUF_INIT(64 * 1024);
    struct lk_err                         err;

    if (lk_journal_replay(journal, collect, &all, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(lk_str_eq_text(lk_buf_str(&all), expected));
}

static void what_was_appended_is_replayed_in_order(void **state)
{
    static const char *const first[] = { "a", "b", "c" };
    static const char *const second[] = { "d" };

    {
        LK_CLEANUP(lk_journal_close) struct lk_journal *journal = opened(*state);
        check_records(journal, "");
        append(journal, first, 3);
        append(journal, second, 1);
        check_records(journal, "a;b;c;d;");
    }
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = opened(*state);
    check_records(journal, "a;b;c;d;");
    append(journal, second, 1);
    check_records(journal, "a;b;c;d;d;");
}

static int stop_at_b(void *ctx, struct lk_str record, struct lk_err *err)
{
    ++*(unsigned *)ctx;
    return lk_str_eq_text(record, "b") ? lk_err_set(err, LK_ERR_CONFLICT, "no b") : 0;
}

static void a_replay_stops_where_a_record_does_not_fit_and_says_which(void **state)
{
    static const char *const                        texts[] = { "a", "b", "c" };
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = opened(*state);
    unsigned                                        count = 0;
    struct lk_err                                   err;

    append(journal, texts, 3);
    assert_int_equal(lk_journal_replay(journal, stop_at_b, &count, &err), -1);
    assert_int_equal(count, 2);
    assert_non_null(strstr(err.text, "record 2 of "));
    assert_non_null(strstr(err.text, "no b"));
}

static void the_epoch_grows_by_one_and_the_identity_stays(void **state)
{
    uint8_t cluster[LK_CLUSTER_BYTES];

    for (uint64_t epoch = 1; epoch <= 3; epoch++) {
        LK_CLEANUP(lk_journal_close) struct lk_journal *journal = opened(*state);
        assert_int_equal(lk_journal_epoch(journal), epoch);
        if (epoch == 1)
            memcpy(cluster, lk_journal_cluster(journal), sizeof(cluster));
        assert_memory_equal(lk_journal_cluster(journal), cluster, sizeof(cluster));
    }
}

static void a_second_one_is_refused_while_the_first_works(void **state)
{
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = opened(*state);

    check_refused(*state, LK_ERR_CONFLICT, "another lkcoordd works on");
    lk_journal_close(&journal);
    journal = opened(*state);
    assert_int_equal(lk_journal_epoch(journal), 2);
}

static void overwrite(const struct place *place, off_t from, size_t len)
{
    LK_CLEANUP(lk_close_fd) int fd = open(place->database, O_WRONLY | O_CLOEXEC);
    char                        garbage[4096];

    assert_true(fd >= 0 && len <= sizeof(garbage));
    memset(garbage, 0x5a, sizeof(garbage));
    assert_int_equal(pwrite(fd, garbage, len, from), (ssize_t)len);
}

static void fill(const struct place *place)
{
    static const char *const texts[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = opened(place);

    for (unsigned i = 0; i < 500; i++)
        append(journal, texts, LK_COUNT(texts));
}

static void a_journal_without_a_head_is_refused(void **state)
{
    fill(*state);
    overwrite(*state, 0, 100);
    check_refused(*state, LK_ERR_CONFLICT, "is damaged");
}

static void a_journal_damaged_inside_is_refused(void **state)
{
    fill(*state);
    for (off_t page = 2; page < 8; page++)
        overwrite(*state, page * 4096, 64);
    check_refused(*state, LK_ERR_CONFLICT, "is damaged");
}

static void run_sql(const struct place *place, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(place->database, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_database_of_another_program_is_left_alone(void **state)
{
    run_sql(*state, "CREATE TABLE photos(name); PRAGMA application_id=7;");
    check_refused(*state, LK_ERR_INVALID, "some other program");
}

static void a_database_without_a_name_that_is_not_empty_is_left_alone(void **state)
{
    run_sql(*state, "CREATE TABLE photos(name);");
    check_refused(*state, LK_ERR_INVALID, "some other program");
}

static void a_journal_of_a_newer_schema_is_refused(void **state)
{
    fill(*state);
    run_sql(*state, "PRAGMA user_version=3;");
    check_refused(*state, LK_ERR_INVALID, "newer lkcoordd");
}

static void a_journal_that_lost_its_end_is_refused(void **state)
{
    fill(*state);
    run_sql(*state, "DELETE FROM journal WHERE seq=4000;");
    check_refused(*state, LK_ERR_CONFLICT,
                  "its last record is 3999, but 4000 had been written");
}

/* As a newer version would have written it: with a sum that is right. */
static void set_format(const struct place *place, uint32_t format)
{
    static const char *const texts[] = { "a", "b", "c" };
    struct lk_chain          chain;
    char                     hex[2 * LK_CHAIN_BYTES + 1];

    {
        LK_CLEANUP(lk_journal_close) struct lk_journal *journal = opened(place);
        lk_chain_begin(&chain, lk_journal_cluster(journal));
    }
    for (size_t i = 0; i < LK_COUNT(texts); i++)
        lk_chain_add(&chain, i == 2 ? format : LK_JOURNAL_FORMAT, lk_str_of(texts[i]));
    lk_hex_encode(hex, chain.sum, sizeof(chain.sum));
    LK_CLEANUP(lk_free_pointer)
    char *sql =
        lk_xasprintf("UPDATE journal SET format=%u, sum=X'%s' WHERE seq=3", format, hex);
    run_sql(place, sql);
}

static void a_record_of_a_newer_format_is_refused(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf all = LK_BUF_INIT(64 * 1024);
    struct lk_err                         err;

    fill(*state);
    set_format(*state, LK_JOURNAL_FORMAT + 1);
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = opened(*state);
    assert_int_equal(lk_journal_replay(journal, collect, &all, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_non_null(strstr(err.text, "record 3 of "));
    assert_non_null(strstr(err.text, "newer lkcoordd"));
    assert_true(lk_str_eq_text(lk_buf_str(&all), "a;b;"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_appended_is_replayed_in_order),
        TEST(a_replay_stops_where_a_record_does_not_fit_and_says_which),
        TEST(the_epoch_grows_by_one_and_the_identity_stays),
        TEST(a_second_one_is_refused_while_the_first_works),
        TEST(a_journal_without_a_head_is_refused),
        TEST(a_journal_damaged_inside_is_refused),
        TEST(a_database_of_another_program_is_left_alone),
        TEST(a_database_without_a_name_that_is_not_empty_is_left_alone),
        TEST(a_journal_that_lost_its_end_is_refused),
        TEST(a_journal_of_a_newer_schema_is_refused),
        TEST(a_record_of_a_newer_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
