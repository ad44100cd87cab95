#include "tests/unit/source_helper.h"

#include <sys/stat.h>

static void a_replaced_file_has_the_new_bytes_and_mode(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(16);
    const char                           *path = scratch_path(state, "f");
    struct lk_err                         err;
    struct stat                           st;

    must(lk_file_replace(path, LK_STR("old"), 0600, &err), &err);
    must(lk_file_replace(path, LK_STR("new bytes"), 0640, &err), &err);
    must(lk_file_read(path, &bytes, &err), &err);
    assert_string_equal(lk_buf_text(&bytes), "new bytes");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void a_file_larger_than_the_buffer_is_a_limit(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(4);
    const char                           *path = scratch_path(state, "f");
    struct lk_err                         err;

    must(lk_file_create(path, LK_STR("12345"), 0600, &err), &err);
    assert_int_equal(lk_file_read(path, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
}

static void creating_over_a_file_is_a_conflict_and_keeps_it(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(16);
    const char                           *path = scratch_path(state, "f");
    struct lk_err                         err;

    must(lk_file_create(path, LK_STR("first"), 0600, &err), &err);
    assert_int_equal(lk_file_create(path, LK_STR("second"), 0600, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    must(lk_file_read(path, &bytes, &err), &err);
    assert_string_equal(lk_buf_text(&bytes), "first");
}

static void an_absent_file_is_not_found(void **state)
{
    struct lk_buf bytes = LK_BUF_INIT(4);
    struct lk_err err;

    assert_int_equal(lk_file_read(scratch_path(state, "none"), &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(16);
    const char                           *path = scratch_path(state, "secret");
    struct lk_err                         err;

    must(lk_file_create(path, LK_STR("s"), 0640, &err), &err);
    assert_int_equal(lk_file_read_secret(path, &bytes, &err), -1);
    must_say(&err, "chmod 600");
    assert_int_equal(chmod(path, 0400), 0);
    must(lk_file_read_secret(path, &bytes, &err), &err);
    assert_string_equal(lk_buf_text(&bytes), "s");
}

static void a_secret_behind_a_link_or_a_fifo_is_refused(void **state)
{
    struct lk_buf bytes = LK_BUF_INIT(16);
    const char   *path = scratch_path(state, "secret");
    struct lk_err err;

    must(lk_file_create(path, LK_STR("s"), 0600, &err), &err);
    assert_int_equal(symlink(path, scratch_path(state, "link")), 0);
    assert_int_equal(lk_file_read_secret(scratch_path(state, "link"), &bytes, &err), -1);
    must_say(&err, "symbolic link");
    assert_int_equal(mkfifo(scratch_path(state, "fifo"), 0600), 0);
    assert_int_equal(lk_file_read_secret(scratch_path(state, "fifo"), &bytes, &err), -1);
    must_say(&err, "not a plain file");
}

static void directories_are_made_with_their_parents_and_twice_is_fine(void **state)
{
    const char   *path = scratch_path(state, "a/b//c/");
    struct lk_err err;
    struct stat   st;

    must(lk_directory_make(path, 0700, &err), &err);
    must(lk_directory_make(path, 0700, &err), &err);
    assert_int_equal(stat(path, &st), 0);
    must(lk_file_create(scratch_path(state, "f"), LK_STR(""), 0600, &err), &err);
    assert_int_equal(lk_directory_make(scratch_path(state, "f/d"), 0700, &err), -1);
}

static void removing_a_directory_does_not_follow_links(void **state)
{
    const char   *kept = scratch_path(state, "kept/file");
    struct lk_err err;

    must(lk_directory_make(scratch_path(state, "kept"), 0700, &err), &err);
    must(lk_file_create(kept, LK_STR("x"), 0600, &err), &err);
    must(lk_directory_make(scratch_path(state, "gone/deep/er"), 0700, &err), &err);
    assert_int_equal(symlink(scratch_path(state, "kept"), scratch_path(state, "gone/deep/l")),
                     0);
    must(lk_directory_remove(scratch_path(state, "gone"), &err), &err);
    assert_int_equal(access(kept, F_OK), 0);
    assert_int_not_equal(access(scratch_path(state, "gone"), F_OK), 0);
    must(lk_directory_remove(scratch_path(state, "gone"), &err), &err);
    assert_int_equal(symlink(scratch_path(state, "kept"), scratch_path(state, "link")), 0);
    assert_int_equal(lk_directory_remove(scratch_path(state, "link"), &err), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_replaced_file_has_the_new_bytes_and_mode),
        TEST(a_file_larger_than_the_buffer_is_a_limit),
        TEST(creating_over_a_file_is_a_conflict_and_keeps_it),
        TEST(an_absent_file_is_not_found),
        TEST(a_secret_that_others_may_read_is_refused),
        TEST(a_secret_behind_a_link_or_a_fifo_is_refused),
        TEST(directories_are_made_with_their_parents_and_twice_is_fine),
        TEST(removing_a_directory_does_not_follow_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
