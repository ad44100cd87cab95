#include "tests/unit/source_helper.h"

#include "common/base/limits.h"
#include "coordinator/logs/logbook.h"

#define MAX (20 * 1000 * 1000)

static const struct lk_log_id first = { .push = 7, .job = 56, .attempt = 1 };

static struct lk_logbook *open_book(void **state)
{
    struct lk_logbook *book = NULL;
    struct lk_err      err;

    must(lk_logbook_open(&book, scratch_path(state, "logs"), MAX, &err), &err);
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

/* In pieces of a million bytes; what was appended. */
static uint64_t append_much(struct lk_logbook *book, struct lk_log_id id, uint64_t from,
                            uint64_t to)
{
    LK_CLEANUP(lk_free_pointer) char *piece = lk_xcalloc(1, 1000000);
    struct lk_err                     err;

    for (; from < to; from += 1000000)
        must(lk_logbook_append(book, id, from, (struct lk_str) { piece, 1000000 }, &err), &err);
    return from;
}

static void ends_with(struct lk_logbook *book, struct lk_log_id id, const char *text)
{
    char     bytes[256] = "";
    uint64_t size = lk_logbook_size(book, id);
    long     got = lk_logbook_read(book, id, size - strlen(text), bytes, sizeof(bytes) - 1);

    assert_int_equal(got, strlen(text));
    assert_string_equal(bytes, text);
}

static void a_log_stops_at_its_maximum_and_says_what_is_missing(void **state)
{
    LK_CLEANUP(lk_logbook_close) struct lk_logbook *book = open_book(state);
    uint64_t      length = append_much(book, first, 0, LK_LOG_BYTES_MAX + 2000000);
    uint64_t      size = lk_logbook_size(book, first);
    char          byte, said[100];
    struct lk_err err;

    assert_in_range(size, LK_LOG_BYTES_MAX + 1, LK_LOG_BYTES_MAX + 100);
    ends_with(book, first, "or 16 MiB of one log)]\n");
    assert_int_equal(lk_logbook_read(book, first, UINT64_MAX, &byte, 1), 0);
    must(lk_logbook_end(book, first, length, &err), &err);
    snprintf(said, sizeof(said), "[lkcoordd: %llu bytes left out: quota]\n",
             (unsigned long long)(length - LK_LOG_BYTES_MAX));
    ends_with(book, first, said);
}

static bool seven_has_ended(void *ctx, uint64_t push)
{
    (void)ctx;
    return push == 7;
}

static void all_logs_together_stop_at_their_maximum(void **state)
{
    LK_CLEANUP(lk_logbook_close) struct lk_logbook *book = open_book(state);
    struct lk_log_id second = { .push = 8, .job = 64, .attempt = 1 };
    struct lk_err    err;

    append_much(book, first, 0, 15000000);
    uint64_t length = append_much(book, second, 0, 9000000);
    assert_in_range(lk_logbook_size(book, second), MAX - 15000000 - 10000, MAX - 15000000);
    must(lk_logbook_end(book, second, length, &err), &err);
    assert_int_equal(lk_logbook_size(book, first), 15000000);
}

static void the_oldest_that_has_ended_makes_room_and_leaves_a_mark(void **state)
{
    struct lk_logbook *book = open_book(state);
    struct lk_log_id   older = { .push = 6, .job = 48, .attempt = 1 };
    struct lk_err      err;

    append_much(book, first, 0, 10000000);
    assert_int_equal(lk_logbook_choose(book, seven_has_ended, NULL), 0);
    append_much(book, older, 0, 8000000);
    lk_logbook_close(&book);

    book = open_book(state); /* what is there is counted anew */
    assert_int_equal(lk_logbook_choose(book, seven_has_ended, NULL), 7);
    assert_int_equal(lk_logbook_choose(book, seven_has_ended, NULL), 0);
    assert_false(lk_logbook_was_emptied(book, 7));
    must(lk_logbook_empty(book, 7, &err), &err);
    lk_logbook_gone(book, 7);
    assert_true(lk_logbook_was_emptied(book, 7));
    assert_false(lk_logbook_was_emptied(book, 6));
    assert_int_equal(lk_logbook_size(book, first), 0);
    append_much(book, older, 8000000, 16000000);
    assert_int_equal(lk_logbook_size(book, older), 16000000);
    lk_logbook_close(&book);
}

static void an_end_is_known_after_a_restart_and_final(void **state)
{
    struct lk_logbook *book = open_book(state);
    struct lk_err      err;

    append(book, 0, "all");
    assert_false(lk_logbook_has_ended(book, first));
    must(lk_logbook_end(book, first, 3, &err), &err);
    must(lk_logbook_end(book, first, 3, &err), &err);
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
    must(lk_logbook_end(book, first, 0, &err), &err);
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
        TEST(a_log_stops_at_its_maximum_and_says_what_is_missing),
        TEST(all_logs_together_stop_at_their_maximum),
        TEST(the_oldest_that_has_ended_makes_room_and_leaves_a_mark),
        TEST(an_end_is_known_after_a_restart_and_final),
        TEST(a_log_without_a_byte_can_end),
        TEST(attempts_are_apart),
        TEST(forgetting_takes_the_push_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
