#include "coordinator/sign/passphrase.h"

#include "coordinator/sign/line.h"
#include "tests/unit/source_helper.h"

#include <sys/socket.h>

static struct lk_passphrase_source source = {
    .fd = -1,
    .file = "",
    .credential = "no-such-credential",
    .variable = "LK_TEST_PASSPHRASE",
    .map = "signing.",
    .what = "signing.key",
};

static int read_passphrase(int fd, struct lk_buf *out, struct lk_err *err)
{
    source.fd = fd;
    return lk_passphrase_read(out, &source, err);
}

/* A descriptor from which these bytes come. */
static int pipe_of(const char *bytes, size_t len)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, len), len);
    close(ends[1]);
    return ends[0];
}

static void a_descriptor_comes_before_a_variable_and_both_are_used_up(void **state)
{
    LK_CLEANUP(lk_passphrase_wipe) struct lk_buf words = LK_BUF_INIT(LK_PASSPHRASE_BYTES_MAX);
    struct lk_err                                err = { 0 };
    int                                          fd = pipe_of("words\n", 6);

    (void)state;
    setenv(source.variable, "others", 1);
    must(read_passphrase(fd, &words, &err), &err);
    assert_true(lk_str_eq_text(lk_passphrase_line(&words), "words"));
    assert_null(getenv(source.variable));
    assert_int_equal(read(fd, (char[1]) { 0 }, 1), -1);
}

static void what_is_too_long_for_a_passphrase_is_refused(void **state)
{
    LK_CLEANUP(lk_passphrase_wipe) struct lk_buf words = LK_BUF_INIT(LK_PASSPHRASE_BYTES_MAX);
    LK_CLEANUP(lk_passphrase_wipe) struct lk_buf again = LK_BUF_INIT(LK_PASSPHRASE_BYTES_MAX);
    char                                         text[LK_PASSPHRASE_BYTES_MAX + 2] = "";
    struct lk_err                                err = { 0 };

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    assert_int_equal(read_passphrase(pipe_of(text, sizeof(text) - 1), &words, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    must_say(&err, "is longer than 1024 bytes");
    setenv(source.variable, text, 1);
    assert_int_equal(read_passphrase(-1, &again, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    must_say(&err, "LK_TEST_PASSPHRASE is too long");
    assert_null(getenv(source.variable));
}

static void where_there_is_none_all_its_places_are_named(void **state)
{
    LK_CLEANUP(lk_passphrase_wipe) struct lk_buf words = LK_BUF_INIT(LK_PASSPHRASE_BYTES_MAX);
    struct lk_err                                err = { 0 };

    (void)state;
    assert_int_equal(read_passphrase(-1, &words, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    must_say(&err, "set signing.passphrase-file or signing.passphrase-fd");
    must_say(&err, "LK_TEST_PASSPHRASE");
    must_say(&err, "no-such-credential");
}

static void a_line_that_does_not_end_in_time_or_room_is_refused(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(8), longer = LK_BUF_INIT(8);
    struct lk_err                         err = { 0 };
    int                                   ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(write(ends[1], "part", 4), 4);
    assert_int_equal(lk_line_receive(ends[0], &line, 0, &err), -1);
    assert_int_equal(err.kind, LK_ERR_RETRY);
    assert_int_equal(write(ends[1], "of a longer one\n", 16), 16);
    assert_int_equal(lk_line_receive(ends[0], &longer, INT64_MAX / 2, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    must_say(&err, "longer than 8 bytes");
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_comes_before_a_variable_and_both_are_used_up),
        cmocka_unit_test(what_is_too_long_for_a_passphrase_is_refused),
        cmocka_unit_test(where_there_is_none_all_its_places_are_named),
        cmocka_unit_test(a_line_that_does_not_end_in_time_or_room_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
