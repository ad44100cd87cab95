/* common/base: values that everything else stands on. */
#include "common/base/arch.h"
#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/hex.h"
#include "common/base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_buffer_stops_at_its_maximum_and_keeps_what_it_had(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf buf = LK_BUF_INIT(5);

    (void)state;
    assert_true(lk_buf_add_text(&buf, "hello"));
    assert_false(lk_buf_add_text(&buf, "!"));
    assert_string_equal(lk_buf_text(&buf), "hello");
    assert_int_equal(buf.len, 5);
}

static void a_failed_append_is_remembered_until_cleared(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf buf = LK_BUF_INIT(4);

    (void)state;
    assert_false(lk_buf_printf(&buf, "%d", 12345));
    assert_false(lk_buf_add_text(&buf, "a"));
    assert_false(lk_buf_ok(&buf));
    lk_buf_clear(&buf);
    assert_true(lk_buf_add_text(&buf, "a"));
    assert_true(lk_buf_ok(&buf));
    assert_string_equal(lk_buf_text(&buf), "a");
}

static void a_size_that_would_wrap_around_is_refused(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf buf = LK_BUF_INIT(1 << 20);

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_true(lk_buf_printf(&buf, "%03d,", i));
    assert_int_equal(buf.len, 4000);
    assert_false(lk_buf_add(&buf, "x", SIZE_MAX));
    assert_int_equal(buf.len, 4000);
    assert_memory_equal(buf.data + 3996, "999,", 5);
}

static void an_untouched_buffer_reads_as_empty_text(void **state)
{
    struct lk_buf                     buf = LK_BUF_INIT(10);
    LK_CLEANUP(lk_free_pointer) char *taken = NULL;

    (void)state;
    assert_string_equal(lk_buf_text(&buf), "");
    assert_int_equal(lk_buf_str(&buf).len, 0);
    taken = lk_buf_take(&buf);
    assert_string_equal(taken, "");
}

static void taking_a_buffers_memory_leaves_it_empty_and_usable(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf buf = LK_BUF_INIT(10);
    LK_CLEANUP(lk_free_pointer) char     *taken = NULL;

    (void)state;
    assert_true(lk_buf_add_text(&buf, "one"));
    taken = lk_buf_take(&buf);
    assert_string_equal(taken, "one");
    assert_true(lk_buf_add_text(&buf, "two"));
    assert_string_equal(lk_buf_text(&buf), "two");
}

static void a_slice_is_split_at_its_first_separator(void **state)
{
    struct lk_str head;
    struct lk_str rest;

    (void)state;
    assert_true(lk_str_split(LK_STR("a:b:c"), ':', &head, &rest));
    assert_true(lk_str_eq_text(head, "a"));
    assert_true(lk_str_eq_text(rest, "b:c"));
    assert_true(lk_str_split(LK_STR("a:"), ':', &head, &rest));
    assert_int_equal(rest.len, 0);
    assert_false(lk_str_split(LK_STR("abc"), ':', &head, &rest));
    assert_false(lk_str_split(LK_STR(""), ':', &head, &rest));
}

static void prefixes_and_suffixes_longer_than_the_slice_do_not_match(void **state)
{
    (void)state;
    assert_true(lk_str_starts(LK_STR("sha256:00"), "sha256:"));
    assert_false(lk_str_starts(LK_STR("sha"), "sha256:"));
    assert_true(lk_str_ends(LK_STR("key.pub"), ".pub"));
    assert_false(lk_str_ends(LK_STR("pub"), ".pub"));
    assert_true(lk_str_starts(LK_STR(""), ""));
}

static void text_that_does_not_fit_a_field_is_not_cut_short(void **state)
{
    char field[4] = "old";

    (void)state;
    assert_true(lk_str_copy(field, sizeof(field), LK_STR("abc")));
    assert_string_equal(field, "abc");
    assert_false(lk_str_copy(field, sizeof(field), LK_STR("abcd")));
    assert_string_equal(field, "");
    assert_false(lk_str_copy(field, sizeof(field), LK_STR("a\0b")));
    assert_string_equal(field, "");
    assert_true(lk_copy_text(field, sizeof(field), "abc"));
    assert_false(lk_copy_text(field, sizeof(field), "abcd"));
    assert_string_equal(field, "");
}

static void numbers_are_decimal_digits_within_the_bound(void **state)
{
    static const char *const wrong[] = { "",
                                         "-1",
                                         "+1",
                                         " 1",
                                         "1 ",
                                         "0x10",
                                         "1e3",
                                         "65536",
                                         "18446744073709551616",
                                         "99999999999999999999999" };
    uint64_t                 value = 7;

    (void)state;
    for (size_t i = 0; i < LK_COUNT(wrong); i++)
        assert_false(lk_parse_u64(lk_str_of(wrong[i]), 65535, &value));
    assert_int_equal(value, 7);
    assert_true(lk_parse_u64(LK_STR("65535"), 65535, &value));
    assert_int_equal(value, 65535);
    assert_true(lk_parse_u64(LK_STR("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_false(lk_parse_u64(LK_STR("18446744073709551616"), UINT64_MAX, &value));
}

static void only_well_formed_utf8_without_nul_is_text(void **state)
{
    static const char *const wrong[] = {
        "\xff",     "\xc0\x80", "\xe0\x80\x80",     "\xed\xa0\x80",
        "\xe2\x82", "\x80",     "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"
    };

    (void)state;
    assert_true(lk_str_is_utf8(LK_STR("")));
    assert_true(lk_str_is_utf8(LK_STR("plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x90\xa7")));
    assert_false(lk_str_is_utf8(LK_STR("a\0b")));
    for (size_t i = 0; i < LK_COUNT(wrong); i++)
        assert_false(lk_str_is_utf8(lk_str_of(wrong[i])));
}

static void a_misspelt_word_finds_its_neighbour_and_nonsense_finds_none(void **state)
{
    static const char *const known[] = { "image", "network", "disable-cache", NULL };
    char                     endless[200];

    (void)state;
    assert_string_equal(lk_nearest_word(LK_STR("netwrok"), known), "network");
    assert_string_equal(lk_nearest_word(LK_STR("disable_cache"), known), "disable-cache");
    assert_null(lk_nearest_word(LK_STR("xyzzy"), known));
    memset(endless, 'i', sizeof(endless));
    assert_null(lk_nearest_word((struct lk_str) { endless, sizeof(endless) }, known));
}

static void hex_goes_there_and_back_and_is_lower_case_only(void **state)
{
    const unsigned char bytes[] = { 0x00, 0x9a, 0xff };
    unsigned char       back[3] = { 1, 2, 3 };
    char                text[7];

    (void)state;
    lk_hex_encode(text, bytes, sizeof(bytes));
    assert_string_equal(text, "009aff");
    assert_false(lk_hex_decode(back, sizeof(back), LK_STR("009AFF")));
    assert_false(lk_hex_decode(back, sizeof(back), LK_STR("009af")));
    assert_false(lk_hex_decode(back, sizeof(back), LK_STR("009afg")));
    assert_false(lk_hex_decode(back, sizeof(back), LK_STR("009aff00")));
    assert_memory_equal(back, "\1\2\3", 3);
    assert_true(lk_hex_decode(back, sizeof(back), LK_STR("009aff")));
    assert_memory_equal(back, bytes, sizeof(bytes));
}

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define EMPTY_BLOB   "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

static void a_digest_is_sha256_colon_and_64_digits(void **state)
{
    struct lk_digest digest = { { 0 } };
    char             text[LK_DIGEST_TEXT_SIZE];

    (void)state;
    assert_true(lk_digest_is_zero(&digest));
    assert_true(lk_digest_parse(LK_STR("sha256:" EMPTY_SHA256), &digest));
    assert_false(lk_digest_is_zero(&digest));
    lk_digest_format(&digest, text);
    assert_string_equal(text, "sha256:" EMPTY_SHA256);
    assert_false(lk_digest_parse(LK_STR(EMPTY_SHA256), &digest));
    assert_false(lk_digest_parse(LK_STR("sha512:" EMPTY_SHA256), &digest));
    assert_false(lk_digest_parse(LK_STR("sha256:" EMPTY_SHA256 "0"), &digest));
    assert_false(lk_digest_parse(LK_STR("sha256:"), &digest));
}

static void an_object_id_is_40_digits(void **state)
{
    struct lk_oid oid;
    struct lk_oid other = { { 0 } };
    char          text[LK_OID_TEXT_SIZE];

    (void)state;
    assert_true(lk_oid_parse(LK_STR(EMPTY_BLOB), &oid));
    lk_oid_format(&oid, text);
    assert_string_equal(text, EMPTY_BLOB);
    assert_false(lk_oid_eq(&oid, &other));
    assert_true(lk_oid_is_zero(&other));
    assert_false(lk_oid_parse(LK_STR("e69de29"), &other));
}

static void architectures_have_one_order(void **state)
{
    static const char *const order[] = { "amd64", "arm64", "s390x",  "riscv64",
                                         "386",   "arm",   "ppc64le" };
    struct lk_arch           arches[LK_COUNT(order)];

    (void)state;
    for (size_t i = 0; i < LK_COUNT(order); i++)
        assert_true(lk_arch_parse(lk_str_of(order[LK_COUNT(order) - 1 - i]), &arches[i]));
    qsort(arches, LK_COUNT(order), sizeof(arches[0]), lk_arch_compare);
    for (size_t i = 0; i < LK_COUNT(order); i++)
        assert_string_equal(arches[i].name, order[i]);
}

static void an_architecture_is_a_short_lower_case_word(void **state)
{
    static const char *const wrong[] = { "",       "AMD64", "arm/v7",          "arm-64",
                                         "x86_64", "a b",   "sixteenletters16" };
    struct lk_arch           arch;

    (void)state;
    assert_true(lk_arch_parse(LK_STR("mips64p32le"), &arch));
    for (size_t i = 0; i < LK_COUNT(wrong); i++)
        assert_false(lk_arch_parse(lk_str_of(wrong[i]), &arch));
}

static void machines_map_to_go_names(void **state)
{
    struct lk_arch arch;

    (void)state;
    assert_true(lk_arch_of_machine("x86_64", &arch));
    assert_string_equal(arch.name, "amd64");
    assert_true(lk_arch_of_machine("aarch64", &arch));
    assert_string_equal(arch.name, "arm64");
    assert_false(lk_arch_of_machine("vax", &arch));
}

static void an_error_carries_kind_text_and_context(void **state)
{
    struct lk_err err;

    (void)state;
    assert_int_equal(lk_err_set(&err, LK_ERR_LIMIT, "%d of %d", 5, 4), -1);
    assert_int_equal(lk_err_wrap(&err, "reading %s", "x.yml"), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_string_equal(err.text, "reading x.yml: 5 of 4");
}

static void a_system_error_takes_its_kind_from_errno(void **state)
{
    struct lk_err err;

    (void)state;
    errno = ENOENT;
    assert_int_equal(lk_err_sys(&err, "opening %s", "/no"), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
    assert_int_equal(err.sys, ENOENT);
    assert_string_equal(err.text, "opening /no: No such file or directory");
    errno = EACCES;
    lk_err_sys(&err, "opening");
    assert_int_equal(err.kind, LK_ERR_DENIED);
}

static void an_overlong_error_is_cut_and_stays_terminated(void **state)
{
    struct lk_err err;
    char          word[LK_ERR_TEXT_MAX * 2];

    (void)state;
    memset(word, 'w', sizeof(word));
    word[sizeof(word) - 1] = '\0';
    lk_err_set(&err, LK_ERR_INVALID, "%s", word);
    assert_int_equal(strlen(err.text), LK_ERR_TEXT_MAX - 1);
    lk_err_wrap(&err, "context");
    assert_int_equal(strlen(err.text), LK_ERR_TEXT_MAX - 1);
    assert_memory_equal(err.text, "context: www", 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_stops_at_its_maximum_and_keeps_what_it_had),
        cmocka_unit_test(a_failed_append_is_remembered_until_cleared),
        cmocka_unit_test(a_size_that_would_wrap_around_is_refused),
        cmocka_unit_test(an_untouched_buffer_reads_as_empty_text),
        cmocka_unit_test(taking_a_buffers_memory_leaves_it_empty_and_usable),
        cmocka_unit_test(a_slice_is_split_at_its_first_separator),
        cmocka_unit_test(prefixes_and_suffixes_longer_than_the_slice_do_not_match),
        cmocka_unit_test(text_that_does_not_fit_a_field_is_not_cut_short),
        cmocka_unit_test(numbers_are_decimal_digits_within_the_bound),
        cmocka_unit_test(only_well_formed_utf8_without_nul_is_text),
        cmocka_unit_test(a_misspelt_word_finds_its_neighbour_and_nonsense_finds_none),
        cmocka_unit_test(hex_goes_there_and_back_and_is_lower_case_only),
        cmocka_unit_test(a_digest_is_sha256_colon_and_64_digits),
        cmocka_unit_test(an_object_id_is_40_digits),
        cmocka_unit_test(architectures_have_one_order),
        cmocka_unit_test(an_architecture_is_a_short_lower_case_word),
        cmocka_unit_test(machines_map_to_go_names),
        cmocka_unit_test(an_error_carries_kind_text_and_context),
        cmocka_unit_test(a_system_error_takes_its_kind_from_errno),
        cmocka_unit_test(an_overlong_error_is_cut_and_stays_terminated),
    };

    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
