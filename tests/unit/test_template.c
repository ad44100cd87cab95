#include "common/pkg/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *text, const char *result)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(200);
    struct lk_err                         err = { 0 };

    if (lk_template_expand(lk_str_of(text), "abc", &out, &err) < 0)
        fail_msg("'%s': %s", text, err.text);
    assert_string_equal(lk_buf_text(&out), result);
}

static void expect_refusal(const char *text, const char *message)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(200);
    struct lk_err                         err = { 0 };

    if (lk_template_expand(lk_str_of(text), "abc", &out, &err) == 0)
        fail_msg("'%s' becomes '%s'", text, lk_buf_text(&out));
    assert_int_equal(err.kind, LK_ERR_INVALID);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

/* What Go's text/template makes of the same. */
static void it_expands_as_go_does(void **state)
{
    static const char *const rows[][2] = {
        { "", "" },
        { "v1.0", "v1.0" },
        { "{{.Hash}}", "abc" },
        { "v1-{{.Hash}}-x", "v1-abc-x" },
        { "{{.Hash}}{{.Hash}}", "abcabc" },
        { "{{ .Hash }}", "abc" },
        { "{{\t\r\n .Hash\n}}", "abc" },
        { "a {{- .Hash}}", "aabc" },
        { "{{.Hash -}} b", "abcb" },
        { "a \n{{- .Hash -}}\t b", "aabcb" },
        { "a {{-  .Hash  -}} b", "aabcb" },
        { "a {{.Hash}} b", "a abc b" },
        { "a{{/* a comment */}}b", "ab" },
        { "a {{- /* a comment */ -}} b", "ab" },
        { "{{/* {{.Hash}} }} */}}x", "x" },
        { "{{/**/}}", "" },
        { " {{- /**/ -}} {{- .Hash}}", "abc" },
        { "a}}b", "a}}b" },
        { "{.Hash}", "{.Hash}" },
        { "{{.Hash}}}", "abc}" },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(rows); i++)
        expect(rows[i][0], rows[i][1]);
}

static void what_no_tag_needs_is_refused(void **state)
{
    static const char *const rows[] = {
        "{{}}",
        "{{ }}",
        "{{.}}",
        "{{.hash}}",
        "{{.Hash.x}}",
        "{{.Hashes}}",
        "{{.Ha sh}}",
        "{{. Hash}}",
        "{{.Hash .Hash}}",
        "{{.Hash | printf \"%.7s\"}}",
        "{{printf \"%.7s\" .Hash}}",
        "{{slice .Hash 0 7}}",
        "{{(.Hash)}}",
        "{{$.Hash}}",
        "{{\"x\"}}",
        "{{if .Hash}}x{{end}}",
        "{{-.Hash}}",
        "{{.Hash-}}",
        "{{.Hashx-}}",
        "{{- -}}",
        "{{ /* c */}}",
        "{{/* c */ }}",
        "{{/* c */.Hash}}",
        "{{{.Hash}}}",
        "x{{.Hash}}{{.Version}}",
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(rows); i++)
        expect_refusal(rows[i], "is more than a tag may use of a template: {{.Hash}}, with");
    expect_refusal("v1-{{.Version}}", "the tag's '{{.Version}}' is more than");
}

static void an_open_end_is_refused(void **state)
{
    static const char *const rows[] = { "{{",   "a{{.Hash",    "{{.Hash}",  "{{/* c",
                                        "{{- ", "{{.Hash}}{{", "{{.Hash -}" };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(rows); i++)
        expect_refusal(rows[i], "has a {{ without }}");
}

static void what_grows_too_long_is_refused(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(5);
    struct lk_err                         err = { 0 };

    (void)state;
    assert_int_equal(lk_template_expand(LK_STR("{{.Hash}}{{.Hash}}"), "abc", &out, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_string_equal(err.text, "the tag becomes longer than 5 characters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_expands_as_go_does),
        cmocka_unit_test(what_no_tag_needs_is_refused),
        cmocka_unit_test(an_open_end_is_refused),
        cmocka_unit_test(what_grows_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
