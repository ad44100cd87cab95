#include "common/log/log.h"

#include "common/base/str.h"
#include "common/os/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static FILE *captured;
static int   real_stderr;
static char  text[256 * 1024];

static int redirect(void **state)
{
    (void)state;
    captured = tmpfile();
    real_stderr = dup(STDERR_FILENO);
    return captured && real_stderr >= 0 && dup2(fileno(captured), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int restore(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(captured);
    unsetenv("JOURNAL_STREAM");
    return 0;
}

/* What was logged so far in this test. */
static const char *logged(void)
{
    rewind(captured);
    text[fread(text, 1, sizeof(text) - 1, captured)] = '\0';
    return text;
}

static size_t count_of(const char *haystack, char wanted)
{
    size_t count = 0;

    for (; *haystack; haystack++)
        count += *haystack == wanted;
    return count;
}

static void a_line_has_time_level_message_and_keys(void **state)
{
    (void)state;
    lk_log_start("lkcoordd", LK_LOG_INFO);
    lk_log_info("permit granted", "push=%d arch=%s", 3, LK_Q("arm64"));
    const char *line = logged();
    assert_true(strlen(line) > 24);
    assert_int_equal(line[10], 'T');
    assert_int_equal(line[23], 'Z');
    assert_string_equal(line + 24,
                        " lkcoordd level=info msg=\"permit granted\" push=3 arch=arm64\n");
}

static void levels_above_the_chosen_one_are_silent(void **state)
{
    (void)state;
    lk_log_start("x", LK_LOG_WARN);
    lk_log_info("quiet", "count=%d", 1);
    lk_log_debug("quiet", "count=%d", 1);
    assert_string_equal(logged(), "");
    lk_log_warn("said", "count=%d", 1);
    lk_log_error("said", "count=%d", 2);
    assert_int_equal(count_of(logged(), '\n'), 2);
}

static void journald_gets_a_priority_instead_of_the_time(void **state)
{
    struct stat status;
    char        stream[64];

    (void)state;
    assert_int_equal(fstat(STDERR_FILENO, &status), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    lk_log_start("lkcoordd", LK_LOG_INFO);
    lk_log_warn("odd", "count=%d", 1);
    assert_string_equal(logged(), "<4>level=warn msg=\"odd\" count=1\n");
}

static void a_journal_that_is_not_our_stderr_is_ignored(void **state)
{
    (void)state;
    setenv("JOURNAL_STREAM", "1:2", 1);
    lk_log_start("", LK_LOG_INFO);
    lk_log_warn("odd", "count=%d", 1);
    assert_int_not_equal(logged()[0], '<');
}

static void untrusted_bytes_cannot_make_a_line(void **state)
{
    (void)state;
    lk_log_start("x", LK_LOG_INFO);
    lk_log_info("said", "err=%s", LK_Q("a\nlevel=error msg=\"forged\"\r\x1b[2J\x7f"));
    lk_log_info("said", "err=%s", "careless\nlevel=error");
    assert_int_equal(count_of(logged(), '\n'), 2);
    assert_int_equal(count_of(logged(), '\x1b'), 0);
    assert_non_null(strstr(logged(), "\"a\\nlevel=error msg=\\\"forged\\\"\\r\\x1b[2J\\x7f\""));
}

static void quoting_keeps_what_is_plain_and_escapes_the_rest(void **state)
{
    (void)state;
    assert_string_equal(lk_log_quote("plain-1.2/x:y"), "plain-1.2/x:y");
    assert_string_equal(lk_log_quote(""), "\"\"");
    assert_string_equal(lk_log_quote(NULL), "\"\"");
    assert_string_equal(lk_log_quote("two words"), "\"two words\"");
    assert_string_equal(lk_log_quote("a=b"), "\"a=b\"");
    assert_string_equal(lk_log_quote("\\"), "\"\\\\\"");
    assert_string_equal(lk_log_quote("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
    assert_string_equal(lk_log_quote("\xff\xc3"), "\"\\xff\\xc3\"");
    assert_string_equal(lk_log_quote("\xc2\x9b"), "\"\\xc2\\x9b\"");
}

static void eight_quoted_values_live_at_once(void **state)
{
    const char *values[8];
    char        number[16];

    (void)state;
    for (int i = 0; i < 8; i++) {
        snprintf(number, sizeof(number), "%d", i);
        values[i] = lk_log_quote(number);
    }
    for (int i = 0; i < 8; i++)
        assert_int_equal(values[i][0], '0' + i);
}

static void long_values_and_lines_are_cut(void **state)
{
    static char huge[20000];

    (void)state;
    lk_log_start("x", LK_LOG_INFO);
    for (int escaped = 0; escaped < 2; escaped++) {
        memset(huge, escaped ? '\n' : 'a', sizeof(huge) - 1);
        size_t len = strlen(lk_log_quote(huge));
        assert_true(len > 1000 && len < 2048);
        lk_log_info("long", "err=%s", lk_log_quote(huge));
        lk_log_info("long", "err=%s", huge);
        lk_log_info(huge, "count=%d", 1);
    }
    assert_int_equal(count_of(logged(), '\n'), 6);
    assert_non_null(strstr(logged(), "...\"\n"));
    assert_non_null(strstr(logged(), " ...\n"));
}

static void *log_many(void *argument)
{
    (void)argument;
    for (int i = 0; i < 200; i++)
        lk_log_info("concurrent", "err=%s", LK_Q("a value with blanks"));
    return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
    static const char tail[] = " x level=info msg=\"concurrent\" err=\"a value with blanks\"";
    pthread_t         threads[4];
    size_t            lines = 0;

    (void)state;
    lk_log_start("x", LK_LOG_INFO);
    for (size_t i = 0; i < LK_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, NULL), 0);
    for (size_t i = 0; i < LK_COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    struct lk_str rest = lk_str_of(logged());
    struct lk_str line;
    while (lk_str_split(rest, '\n', &line, &rest)) {
        assert_int_equal(line.len, 24 + strlen(tail));
        assert_true(lk_str_ends(line, tail));
        lines++;
    }
    assert_int_equal(lines, 800);
}

static void the_clocks_go_forward(void **state)
{
    int64_t boot = lk_clock_boot_ms();

    (void)state;
    usleep(3000);
    assert_true(lk_clock_boot_ms() >= boot + 2);
    assert_true(lk_clock_wall_ms() > INT64_C(1700000000000));
}

#define WITH_STDERR(test) cmocka_unit_test_setup_teardown(test, redirect, restore)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STDERR(a_line_has_time_level_message_and_keys),
        WITH_STDERR(levels_above_the_chosen_one_are_silent),
        WITH_STDERR(journald_gets_a_priority_instead_of_the_time),
        WITH_STDERR(a_journal_that_is_not_our_stderr_is_ignored),
        WITH_STDERR(untrusted_bytes_cannot_make_a_line),
        cmocka_unit_test(quoting_keeps_what_is_plain_and_escapes_the_rest),
        cmocka_unit_test(eight_quoted_values_live_at_once),
        WITH_STDERR(long_values_and_lines_are_cut),
        WITH_STDERR(threads_do_not_mix_their_lines),
        cmocka_unit_test(the_clocks_go_forward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
