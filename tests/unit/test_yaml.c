#include "common/yaml/yaml.h"

#include "common/base/buf.h"
#include "common/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Writes a node out in flow style, so that expectations are one string. */
static void show(const struct lk_yaml_node *node, struct lk_buf *out)
{
    if (node->kind == LK_YAML_SCALAR) {
        lk_buf_printf(out, node->plain ? "%s" : "'%s'", node->text);
        return;
    }
    lk_buf_add_text(out, node->kind == LK_YAML_LIST ? "[" : "{");
    for (const struct lk_yaml_node *at = node->first; at; at = at->next) {
        show(at, out);
        if (node->kind == LK_YAML_MAP) {
            lk_buf_add_text(out, ":");
            show(at->value, out);
        }
        if (at->next)
            lk_buf_add_text(out, ",");
    }
    lk_buf_add_text(out, node->kind == LK_YAML_LIST ? "]" : "}");
}

static void expect_bytes(struct lk_str bytes, const char *shown)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf    out = LK_BUF_INIT(1 << 20);
    const struct lk_yaml_node               *root;
    struct lk_err                            err = { 0 };

    if (lk_yaml_parse(&yaml, &root, bytes, "f", &err) < 0)
        fail_msg("%s", err.text);
    if (root)
        show(root, &out);
    assert_string_equal(lk_buf_text(&out), shown);
}

static void expect(const char *text, const char *shown)
{
    expect_bytes(lk_str_of(text), shown);
}

static void expect_refusal(struct lk_str bytes, enum lk_err_kind kind, const char *message)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root;
    struct lk_err                            err = { 0 };

    assert_int_equal(lk_yaml_parse(&yaml, &root, bytes, "f", &err), -1);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
    assert_int_equal(err.kind, kind);
}

static void expect_invalid(const char *text, const char *message)
{
    expect_refusal(lk_str_of(text), LK_ERR_INVALID, message);
}

static void maps_lists_and_scalars_keep_their_order_and_text(void **state)
{
    (void)state;
    expect("image: x\narches: [amd64, 'arm64']\nn:\n  - 0x10\n  - {a: 1.0}\nlast:\n",
           "{image:x,arches:[amd64,'arm64'],n:[0x10,{a:1.0}],last:}");
    expect("\xef\xbb\xbf"
           "a: 1\r\nb: 2\r\n",
           "{a:1,b:2}");
}

static void an_empty_document_has_no_root(void **state)
{
    (void)state;
    expect("", "");
    expect("# only a comment\n", "");
    expect("---\n", "");
}

static void only_the_first_document_counts(void **state)
{
    (void)state;
    expect("a: 1\n---\nb: 2\n", "{a:1}");
}

static void aliases_stand_for_what_they_name(void **state)
{
    (void)state;
    expect("a: &x [1, 2]\nb: *x\nc: &y 3\n*y : *y\n", "{a:[1,2],b:[1,2],c:3,3:3}");
    expect("a: &x 1\nb: &x 2\nc: *x\n", "{a:1,b:2,c:2}");
}

static void merge_keys_give_what_is_not_written(void **state)
{
    (void)state;
    expect("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n", "{a:{k:1,l:2},b:{l:3,k:1}}");
    expect("a: &x {k: 1}\nb: &y {k: 2, m: 4}\nc:\n  <<: [*x, *y]\n",
           "{a:{k:1},b:{k:2,m:4},c:{k:1,m:4}}");
    expect("'<<': 1\n", "{'<<':1}");
    expect("a: {<<: [], k: 1}\nb: {<<: {<<: {l: 2}, k: 1}, k: 3}\n", "{a:{k:1},b:{k:3,l:2}}");
    expect_invalid("a: {<<: 3}\n", "f:1: '<<' needs a mapping");
    expect_invalid("a: {<<: ~}\n", "f:1: '<<' needs a mapping");
    expect_invalid("a: &x [{k: 1}]\nb: {<<: *x}\n", "f:2: '<<' needs a mapping");
    expect_invalid("a: {<<: [[{k: 1}]]}\n", "f:1: '<<' needs a mapping");
    expect_invalid("a: &x {}\nb: {<<: *x, <<: *x}\n", "f:2: duplicate key '<<'");
}

static void bad_aliases_are_refused(void **state)
{
    (void)state;
    expect_invalid("a: *x\n", "f:1: alias *x has no anchor");
    expect_invalid("a: &x [*x]\n", "f:1: alias *x is used inside");
    expect_invalid("a: &x 1\nb: &x [*x]\n", "f:2: alias *x is used inside");
}

static void duplicates_tags_and_odd_keys_are_refused(void **state)
{
    (void)state;
    expect_invalid("a: 1\nb: 2\n'a': 3\n", "f:3: duplicate key 'a': it is on line 1");
    expect_invalid("a: !!str 1\n", "f:1: explicit tags");
    expect_invalid("a: ! 1\n", "f:1: explicit tags");
    expect_invalid("!x {a: 1}\n", "f:1: explicit tags");
    expect_invalid("? [a]\n: 1\n", "f:1: a key must be text");
}

static void duplicates_can_be_collected(void **state)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf    out = LK_BUF_INIT(1000);
    const struct lk_yaml_node               *root;
    struct lk_yaml_problems                  problems = { 0 };
    struct lk_err                            err = { 0 };

    (void)state;
    assert_int_equal(lk_yaml_parse_all(&yaml, &root,
                                       LK_STR("a: 1\nb: {c: 2, c: [3]}\n<<: {d: 4}\na: 5\n"
                                              "<<: {e: 6}\n"),
                                       "f", &problems, &err),
                     0);
    show(root, &out);
    assert_string_equal(lk_buf_text(&out), "{a:1,b:{c:2},d:4}");
    assert_int_equal(lk_yaml_problems_tell(&problems, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_string_equal(err.text, "f:2: duplicate key 'c': it is on line 2 already\n"
                                  "f:4: duplicate key 'a': it is on line 1 already\n"
                                  "f:5: duplicate key '<<': it is on line 3 already");
}

static void broken_text_is_refused_with_its_line(void **state)
{
    (void)state;
    expect_invalid("a: 1\nb: [\n", "f:3: not well-formed YAML");
    expect_invalid("a: 1\n\tb: 1\n", "f:2: not well-formed YAML");
    expect_invalid("a: 1\nb: \x01\n", "f:2: not well-formed YAML");
    expect_invalid("a: 1\nb: \x7f\n", "f:2: not well-formed YAML");
    expect_invalid("a: \"\\0\"\n", "f:1: text with a NUL");
    expect_invalid("a: \xff\n", "not UTF-8");
    expect_refusal((struct lk_str) { "a: \0", 4 }, LK_ERR_INVALID, "not UTF-8");
    expect_refusal((struct lk_str) { "\xff\xfe"
                                     "a\0",
                                     4 },
                   LK_ERR_INVALID, "not UTF-8");
}

static void size_is_capped(void **state)
{
    static char text[LK_YAML_BYTES_MAX + 1];

    (void)state;
    memset(text, ' ', sizeof(text));
    expect_refusal((struct lk_str) { text, sizeof(text) }, LK_ERR_LIMIT, "at most 65536");
    expect_bytes((struct lk_str) { text, sizeof(text) - 1 }, "");
}

static void depth_is_capped_before_it_gets_slow(void **state)
{
    static char text[LK_YAML_BYTES_MAX];

    (void)state;
    memset(text, '[', sizeof(text));
    expect_refusal((struct lk_str) { text, sizeof(text) }, LK_ERR_LIMIT, "deeper than 16");
    memset(text + LK_YAML_DEPTH_MAX, ']', LK_YAML_DEPTH_MAX);
    expect_bytes((struct lk_str) { text, 2 * LK_YAML_DEPTH_MAX },
                 "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]");
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "- ", 2);
    expect_refusal((struct lk_str) { text, sizeof(text) }, LK_ERR_LIMIT, "deeper than 16");
}

static void depth_through_aliases_is_capped(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4096);

    (void)state;
    lk_buf_add_text(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 20; i++)
        lk_buf_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    expect_refusal(lk_buf_str(&text), LK_ERR_LIMIT, "written out");
}

static void an_alias_bomb_ends_at_the_cap(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4096);

    (void)state;
    lk_buf_add_text(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++) {
        lk_buf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            lk_buf_printf(&text, "%s*a%d", j ? "," : "", i - 1);
        lk_buf_add_text(&text, "]\n");
    }
    expect_refusal(lk_buf_str(&text), LK_ERR_LIMIT, "more than 8192 values");
}

static void many_merges_end_at_the_cap(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LK_YAML_BYTES_MAX);

    (void)state;
    lk_buf_add_text(&text, "a: &a {");
    for (int i = 0; i < 100; i++)
        lk_buf_printf(&text, "k%d: 1, ", i);
    lk_buf_add_text(&text, "}\n");
    for (int i = 0; i < 100; i++)
        lk_buf_printf(&text, "m%d: {<<: *a}\n", i);
    expect_refusal(lk_buf_str(&text), LK_ERR_LIMIT, "more than 8192 values");
}

static void too_many_nodes_are_refused(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LK_YAML_BYTES_MAX);

    (void)state;
    lk_buf_add_text(&text, "[");
    for (int i = 0; i < 9000; i++)
        lk_buf_add_text(&text, "x,");
    lk_buf_add_text(&text, "]");
    expect_refusal(lk_buf_str(&text), LK_ERR_LIMIT, "more than 8192 values");
}

static void values_are_typed_by_the_caller(void **state)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root;
    struct lk_err                            err = { 0 };
    uint64_t                                 number;
    bool                                     yes;
    char                                     text[4];

    (void)state;
    assert_int_equal(lk_yaml_parse(&yaml, &root,
                                   LK_STR("b: Yes\nq: 'true'\nn: 17\nt: abcd\nl: []\no: off\n"),
                                   "f", &err),
                     0);
    assert_int_equal(lk_yaml_bool(lk_yaml_get(root, "b"), "f", "b", &yes, &err), 0);
    assert_true(yes);
    assert_int_equal(lk_yaml_bool(lk_yaml_get(root, "o"), "f", "o", &yes, &err), 0);
    assert_false(yes);
    assert_int_equal(lk_yaml_bool(lk_yaml_get(root, "q"), "f", "q", &yes, &err), -1);
    assert_string_equal(err.text, "f:2: q: expected true or false, found 'true' in quotes");
    assert_int_equal(lk_yaml_u64(lk_yaml_get(root, "n"), "f", "n", 1, 17, &number, &err), 0);
    assert_int_equal(number, 17);
    assert_int_equal(lk_yaml_u64(lk_yaml_get(root, "n"), "f", "n", 1, 16, &number, &err), -1);
    assert_string_equal(err.text, "f:3: n: expected a number from 1 to 16, found '17'");
    assert_int_equal(lk_yaml_u64(lk_yaml_get(root, "n"), "f", "n", 18, 20, &number, &err), -1);
    assert_int_equal(lk_yaml_text(lk_yaml_get(root, "t"), "f", "t", text, 4, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_int_equal(lk_yaml_text(lk_yaml_get(root, "l"), "f", "l", text, 4, &err), -1);
    assert_string_equal(err.text, "f:5: l: expected text, found a list");
    assert_null(lk_yaml_get(root, "nothing"));
    assert_null(lk_yaml_get(lk_yaml_get(root, "t"), "x"));
}

static void unknown_keys_are_named_with_the_nearest(void **state)
{
    static const char *const                 known[] = { "image", "org", NULL };
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root;
    struct lk_err                            err = { 0 };

    (void)state;
    assert_int_equal(lk_yaml_parse(&yaml, &root, LK_STR("org: a\nimge: b\n"), "f", &err), 0);
    assert_int_equal(lk_yaml_check_keys(root, "f", known, &err), -1);
    assert_string_equal(err.text, "f:2: unknown field 'imge'; did you mean 'image'?");
    assert_int_equal(lk_yaml_check_keys(lk_yaml_get(root, "org"), "f", known, &err), -1);
    assert_string_equal(err.text, "f:1: expected a mapping (key: value)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_lists_and_scalars_keep_their_order_and_text),
        cmocka_unit_test(an_empty_document_has_no_root),
        cmocka_unit_test(only_the_first_document_counts),
        cmocka_unit_test(aliases_stand_for_what_they_name),
        cmocka_unit_test(merge_keys_give_what_is_not_written),
        cmocka_unit_test(bad_aliases_are_refused),
        cmocka_unit_test(duplicates_tags_and_odd_keys_are_refused),
        cmocka_unit_test(duplicates_can_be_collected),
        cmocka_unit_test(broken_text_is_refused_with_its_line),
        cmocka_unit_test(size_is_capped),
        cmocka_unit_test(depth_is_capped_before_it_gets_slow),
        cmocka_unit_test(depth_through_aliases_is_capped),
        cmocka_unit_test(an_alias_bomb_ends_at_the_cap),
        cmocka_unit_test(many_merges_end_at_the_cap),
        cmocka_unit_test(too_many_nodes_are_refused),
        cmocka_unit_test(values_are_typed_by_the_caller),
        cmocka_unit_test(unknown_keys_are_named_with_the_nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
