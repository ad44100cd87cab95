#include "tests/unit/source_helper.h"

#include "common/base/limits.h"
#include "coordinator/logs/logbook.h"

static const struct lk_log_id first = { .push = 7, .job = 56, .attempt = 1 };

static struct lk_logbook *open_book(void **state)
{
    struct lk_logbook *book = NULL;
    struct lk_err      err;

    must(lk_logbook_open(&book, scratch_path(state, "logs"), &err), &err);
    return book;
}

static void append(struct lk_logbook *book, uint64_t offset, const char *text)
{
    struct lk_err err;

    must(lk_logbook_append(book, first, offset, lk_str_of(text), &err), &err);
}

static void holds(struct lk_logbook *book, const char *text)
{
    char bytes[256];
    long got = lk_logbook_read(book, first, 0, bytes, sizeof(bytes) - 1);

    assert_in_range(got, 0, sizeof(bytes) - 1);
    bytes[got] = '\0';
    assert_string_equal(bytes, text);
}

static void what_is_there_already_is_skipped(void **state)
{
    LK_CLEANUP(lk_logbook_close) struct lk_logbook *book = open_book(state);

    append(book, 0, "one ");
    append(book, 0, "one ");
    append(book, 2, "e two ");
    append(book, 1, "n");
    append(book, 8, "three");
    holds(book, "one two three");
    assert_int_equal(lk_logbook_size(book, first), 13);
}

static void a_gap_is_refused_and_nothing_is_written(void **state)
{
    LK_CLEANUP(lk_logbook_close) struct lk_logbook *book = open_book(state);
    struct lk_err                                   err;

    append(book, 0, "one");
    assert_int_equal(lk_logbook_append(book, first, 4, LK_STR("two"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    must_say(&err, "gap");
    assert_int_equal(lk_logbook_append(book, first, UINT64_MAX, LK_STR("two"), &err), -1);
    holds(book, "one");
}

static void a_log_stops_at_its_maximum(void **state)
{
    LK_CLEANUP(lk_logbook_close) struct lk_logbook *book = open_book(state);
    LK_CLEANUP(lk_free_pointer) char               *piece = lk_xcalloc(1, 1000000);
    char                                            byte;
    struct lk_err                                   err;

    for (uint64_t offset = 0; offset < LK_LOG_BYTES_MAX + 2000000; offset += 1000000)
        if (lk_logbook_append(book, first, offset, (struct lk_str) { piece, 1000000 }, &err) <
            0)
            assert_true(offset > LK_LOG_BYTES_MAX);
    assert_int_equal(lk_logbook_size(book, first), LK_LOG_BYTES_MAX);
    assert_int_equal(lk_logbook_read(book, first, LK_LOG_BYTES_MAX, &byte, 1), 0);
    assert_int_equal(lk_logbook_read(book, first, UINT64_MAX, &byte, 1), 0);
}

static void an_end_is_known_after_a_restart_and_final(void **state)
{
    struct lk_logbook *book = open_book(state);
    struct lk_err      err;

    append(book, 0, "all");
    assert_false(lk_logbook_has_ended(book, first));
    must(lk_logbook_end(book, first, &err), &err);
    must(lk_logbook_end(book, first, &err), &err);
    lk_logbook_close(&book);

    book = open_book(state);
    assert_true(lk_logbook_has_ended(book, first));
    append(book, 3, " and more");
    holds(book, "all");
    lk_logbook_close(&book);
}

static void a_log_without_a_byte_can_end(void **state)
{
    LK_CLEANUP(lk_logbook_close) struct lk_logbook *book = open_book(state);
    struct lk_err                                   err;

    assert_false(lk_logbook_has_ended(book, first));
    must(lk_logbook_end(book, first, &err), &err);
    assert_true(lk_logbook_has_ended(book, first));
    holds(book, "");
}

static void attempts_are_apart(void **state)
{
    LK_CLEANUP(lk_logbook_close) struct lk_logbook *book = open_book(state);
    struct lk_log_id                                second = first;

    second.attempt = 2;
    append(book, 0, "first");
    assert_int_equal(lk_logbook_size(book, second), 0);
}

static void count(void *ctx, uint64_t push)
{
    *(uint64_t *)ctx += push;
}

static void forgetting_takes_the_push_and_nothing_else(void **state)
{
    LK_CLEANUP(lk_logbook_close) struct lk_logbook *book = open_book(state);
    struct lk_log_id other = { .push = 8, .job = 64, .attempt = 1 };
    uint64_t         pushes = 0;
    struct lk_err    err;

    append(book, 0, "seven");
    must(lk_logbook_append(book, other, 0, LK_STR("eight"), &err), &err);
    must(lk_logbook_list(book, count, &pushes, &err), &err);
    assert_int_equal(pushes, 7 + 8);
    must(lk_logbook_forget(book, 7, &err), &err);
    must(lk_logbook_forget(book, 7, &err), &err);
    holds(book, "");
    assert_int_equal(lk_logbook_size(book, other), 5);
    pushes = 0;
    must(lk_logbook_list(book, count, &pushes, &err), &err);
    assert_int_equal(pushes, 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_there_already_is_skipped),
        TEST(a_gap_is_refused_and_nothing_is_written),
        TEST(a_log_stops_at_its_maximum),
        TEST(an_end_is_known_after_a_restart_and_final),
        TEST(a_log_without_a_byte_can_end),
        TEST(attempts_are_apart),
        TEST(forgetting_takes_the_push_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
