#include "common/json/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void commas_stand_between_members_and_nowhere_else(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1024);
    struct lk_json                        json = { .out = &out };

    (void)state;
    lk_json_begin_object(&json);
    lk_json_key(&json, "a");
    lk_json_begin_array(&json);
    lk_json_u64(&json, UINT64_MAX);
    lk_json_begin_object(&json);
    lk_json_end_object(&json);
    lk_json_begin_array(&json);
    lk_json_end_array(&json);
    lk_json_end_array(&json);
    lk_json_key(&json, "b");
    lk_json_bool(&json, true);
    lk_json_key(&json, "c");
    lk_json_null(&json);
    lk_json_key(&json, "d");
    lk_json_bool(&json, false);
    lk_json_end_object(&json);
    assert_true(lk_buf_ok(&out));
    assert_string_equal(
        lk_buf_text(&out),
        "{\"a\":[18446744073709551615,{},[]],\"b\":true,\"c\":null,\"d\":false}");
}

static void only_what_must_be_is_escaped(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1024);
    struct lk_json                        json = { .out = &out };

    (void)state;
    lk_json_text(&json, "a/b<>&\x7f \"q\" \\ \b\f\n\r\t\x01\x1f \xc3\xa9\xe2\x80\xa8");
    assert_string_equal(lk_buf_text(&out),
                        "\"a/b<>&\x7f \\\"q\\\" \\\\ \\b\\f\\n\\r\\t\\u0001\\u001f "
                        "\xc3\xa9\xe2\x80\xa8\"");
}

static void more_is_escaped_where_go_does(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1024);
    struct lk_json                        json = { .out = &out, .escapes_as_go = true };

    (void)state;
    lk_json_text(&json,
                 "a/b<>&\x7f\n\x01 \xc3\xa9\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa");
    assert_string_equal(lk_buf_text(&out), "\"a/b\\u003c\\u003e\\u0026\x7f\\n\\u0001 "
                                           "\xc3\xa9\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\"");
}

static void bytes_that_are_not_utf8_fail_the_buffer(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1024);
    struct lk_json                        json = { .out = &out };

    (void)state;
    lk_json_begin_array(&json);
    lk_json_text(&json, "\xff");
    lk_json_end_array(&json);
    assert_false(lk_buf_ok(&out));
}

static void a_nul_inside_of_a_string_fails_the_buffer(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1024);
    struct lk_json                        json = { .out = &out };

    (void)state;
    lk_json_string(&json, (struct lk_str) { "a\0b", 3 });
    assert_false(lk_buf_ok(&out));
}

static void an_empty_slice_is_an_empty_string(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1024);
    struct lk_json                        json = { .out = &out };

    (void)state;
    lk_json_string(&json, (struct lk_str) { NULL, 0 });
    assert_string_equal(lk_buf_text(&out), "\"\"");
}

static void a_full_buffer_is_told(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(4);
    struct lk_json                        json = { .out = &out };

    (void)state;
    lk_json_text(&json, "abcd");
    assert_false(lk_buf_ok(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_members_and_nowhere_else),
        cmocka_unit_test(only_what_must_be_is_escaped),
        cmocka_unit_test(more_is_escaped_where_go_does),
        cmocka_unit_test(bytes_that_are_not_utf8_fail_the_buffer),
        cmocka_unit_test(a_nul_inside_of_a_string_fails_the_buffer),
        cmocka_unit_test(an_empty_slice_is_an_empty_string),
        cmocka_unit_test(a_full_buffer_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
