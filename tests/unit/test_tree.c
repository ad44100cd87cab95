#include "tests/unit/source_helper.h"

#include "common/source/tree.h"

static const struct lk_oid any = { { 1, 2, 3 } };

struct seen {
    int                  count;
    struct lk_tree_entry last;
    int                  stop_with;
};

static int see(void *ctx, const struct lk_tree_entry *entry, struct lk_err *err)
{
    struct seen *seen = ctx;

    (void)err;
    seen->count++;
    seen->last = *entry;
    return seen->stop_with;
}

static void refused(const char *mode, const char *name, const char *why)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(4096);
    struct seen                           seen = { 0 };
    struct lk_err                         err;

    add_entry(&tree, "100644", "Dockerfile", &any);
    add_entry(&tree, mode, name, &any);
    assert_int_equal(lk_tree_read(lk_buf_str(&tree), see, &seen, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    must_say(&err, why);
    /* The good entry before it must not have been acted on. */
    assert_int_equal(seen.count, 0);
}

static void the_four_kinds_are_read_in_order(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(4096);
    struct seen                           seen = { 0 };
    struct lk_err                         err;

    (void)state;
    add_entry(&tree, "40000", "d", &any);
    add_entry(&tree, "100644", "f", &any);
    add_entry(&tree, "100755", "run", &any);
    add_entry(&tree, "120000", "\xc3\xa9 link", &any);
    must(lk_tree_read(lk_buf_str(&tree), see, &seen, &err), &err);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.last.kind, LK_TREE_SYMLINK);
    assert_true(lk_str_eq_text(seen.last.name, "\xc3\xa9 link"));
    assert_true(lk_oid_eq(&seen.last.oid, &any));
}

static void the_empty_tree_is_fine(void **state)
{
    struct seen   seen = { 0 };
    struct lk_err err;

    (void)state;
    must(lk_tree_read(LK_STR(""), see, &seen, &err), &err);
    assert_int_equal(seen.count, 0);
}

static void reading_stops_with_what_the_caller_returns(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(4096);
    struct seen                           seen = { .stop_with = 5 };
    struct lk_err                         err;

    (void)state;
    add_entry(&tree, "100644", "a", &any);
    add_entry(&tree, "100644", "b", &any);
    assert_int_equal(lk_tree_read(lk_buf_str(&tree), see, &seen, &err), 5);
    assert_int_equal(seen.count, 1);
}

static void names_that_leave_the_directory_are_refused(void **state)
{
    (void)state;
    refused("100644", "", "no name");
    refused("100644", ".", "no name");
    refused("40000", "..", "no name");
    refused("100644", "../etc/passwd", "slash");
    refused("100644", "/etc/passwd", "slash");
    refused("40000", ".git", "only git");
    refused("40000", ".GiT", "only git");
}

static void too_long_names_are_refused(void **state)
{
    char name[300];

    (void)state;
    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    refused("100644", name, "255");
}

static void twins_under_case_folding_are_refused(void **state)
{
    (void)state;
    refused("100644", "Dockerfile", "rename one");
    refused("100644", "dockerFILE", "rename one");
}

static void a_submodule_is_refused_with_the_way_out(void **state)
{
    (void)state;
    refused("160000", "vendor", "submodule");
}

static void other_modes_are_refused(void **state)
{
    (void)state;
    refused("100664", "f", "100664");
    refused("040000", "f", "mode 040000");
    refused("104755", "f", "104755");
    refused("", "f", "mode");
}

static void untrusted_names_are_shown_harmlessly(void **state)
{
    (void)state;
    refused("160000", "a\x1b[31m\nb", "\"a?[31m?b\"");
}

static void a_cut_tree_is_refused_at_every_length(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(4096);
    struct seen                           seen = { 0 };
    struct lk_err                         err;

    (void)state;
    add_entry(&tree, "100644", "a", &any);
    size_t whole = tree.len;
    add_entry(&tree, "100644", "b", &any);
    for (size_t len = 1; len < tree.len; len++) {
        /* A copy of that length exactly, so that a sanitizer sees a read beyond it. */
        LK_CLEANUP(lk_free_pointer) char *cut = lk_xmalloc(len);
        memcpy(cut, tree.data, len);
        assert_int_equal(lk_tree_read((struct lk_str) { cut, len }, see, &seen, &err),
                         len == whole ? 0 : -1);
    }
    assert_int_equal(seen.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_four_kinds_are_read_in_order),
        cmocka_unit_test(the_empty_tree_is_fine),
        cmocka_unit_test(reading_stops_with_what_the_caller_returns),
        cmocka_unit_test(names_that_leave_the_directory_are_refused),
        cmocka_unit_test(too_long_names_are_refused),
        cmocka_unit_test(twins_under_case_folding_are_refused),
        cmocka_unit_test(a_submodule_is_refused_with_the_way_out),
        cmocka_unit_test(other_modes_are_refused),
        cmocka_unit_test(untrusted_names_are_shown_harmlessly),
        cmocka_unit_test(a_cut_tree_is_refused_at_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
