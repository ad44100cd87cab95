#include "tests/unit/source_helper.h"

#include "common/base/limits.h"
#include "common/source/materialise.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

typedef int materialise(struct lk_store *store, const struct lk_oid *tree,
                        const char *directory, struct lk_err *err);

static const char *target(void **state)
{
    const char   *path = scratch_path(state, "out");
    struct lk_err err;

    must(lk_directory_make(path, 0700, &err), &err);
    return path;
}

static void check(const char *path, mode_t mode, off_t size)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_mode, mode);
    assert_int_equal(st.st_mtim.tv_sec, 0);
    assert_int_equal(st.st_mtim.tv_nsec, 0);
    if (S_ISREG(mode))
        assert_int_equal(st.st_size, size);
}

static void write_one_of_each(void **state, materialise *function)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    LK_CLEANUP(lk_buf_fini) struct lk_buf       tree = LK_BUF_INIT(4096);
    struct lk_oid                               text = put_blob(store, "text\n");
    struct lk_oid                               empty = put_blob(store, "");
    struct lk_oid                               link = put_blob(store, "../../../etc/passwd");
    struct lk_oid                               inner = put_tree(store, "100755", "run", &text);
    struct lk_err                               err;
    char                                        read[64] = "";

    add_entry(&tree, "40000", "dir", &inner);
    add_entry(&tree, "100644", "empty", &empty);
    add_entry(&tree, "120000", "link", &link);
    add_entry(&tree, "100644", "text", &text);
    struct lk_oid root = put(store, true, lk_buf_str(&tree));

    mode_t before = umask(077);
    must(function(store, &root, target(state), &err), &err);
    umask(before);
    check(scratch_path(state, "out"), S_IFDIR | 0755, 0);
    check(scratch_path(state, "out/dir"), S_IFDIR | 0755, 0);
    check(scratch_path(state, "out/dir/run"), S_IFREG | 0755, 5);
    check(scratch_path(state, "out/empty"), S_IFREG | 0644, 0);
    check(scratch_path(state, "out/text"), S_IFREG | 0644, 5);
    check(scratch_path(state, "out/link"), S_IFLNK | 0777, 0);
    assert_int_equal(readlink(scratch_path(state, "out/link"), read, sizeof(read)), 19);
    assert_string_equal(read, "../../../etc/passwd");

    assert_int_equal(function(store, &root, scratch_path(state, "out"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
}

static void files_links_and_directories_are_written_with_fixed_modes_and_times(void **state)
{
    write_one_of_each(state, lk_materialise);
}

static void the_fall_back_writes_the_same(void **state)
{
    write_one_of_each(state, lk_materialise_without_openat2);
}

static void a_link_target_that_is_no_path_is_refused(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    char                                        text[5000];
    struct lk_err                               err;
    struct lk_oid                               with_nul = put(store, false, LK_STR("a\0b"));
    struct lk_oid nul_tree = put_tree(store, "120000", "l", &with_nul);

    memset(text, 'x', sizeof(text));
    struct lk_oid too_long = put(store, false, (struct lk_str) { text, sizeof(text) });
    struct lk_oid long_tree = put_tree(store, "120000", "l", &too_long);
    assert_int_equal(lk_materialise(store, &nul_tree, target(state), &err), -1);
    must_say(&err, "no path");
    assert_int_equal(lk_materialise(store, &long_tree, target(state), &err), -1);
    must_say(&err, "4095");
}

static void an_absent_object_is_named(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    struct lk_oid                               absent = { { 0xab } };
    struct lk_oid                               tree = put_tree(store, "100644", "f", &absent);
    struct lk_err                               err;

    assert_int_equal(lk_materialise(store, &tree, target(state), &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
}

static void a_blob_named_as_a_directory_is_refused_and_the_other_way_round(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    struct lk_oid                               blob = put_blob(store, "b");
    struct lk_oid                               tree = put_tree(store, "100644", "f", &blob);
    struct lk_oid as_directory = put_tree(store, "40000", "d", &blob);
    struct lk_oid as_file = put_tree(store, "100644", "f", &tree);
    struct lk_err err;

    assert_int_equal(lk_materialise(store, &as_directory, target(state), &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    lk_directory_remove(scratch_path(state, "out"), &err);
    assert_int_equal(lk_materialise(store, &as_file, target(state), &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

static void nesting_beyond_the_limit_is_refused(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    struct lk_oid                               oid = put_blob(store, "b");
    struct lk_err                               err;

    oid = put_tree(store, "100644", "f", &oid);
    for (int i = 0; i < LK_TREE_DEPTH_MAX; i++)
        oid = put_tree(store, "40000", "d", &oid);
    must(lk_materialise(store, &oid, target(state), &err), &err);
    must(lk_directory_remove(scratch_path(state, "out"), &err), &err);
    oid = put_tree(store, "40000", "d", &oid);
    assert_int_equal(lk_materialise(store, &oid, target(state), &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
}

/* Seven trees that name each other ten times are ten million files. */
static void a_small_tree_that_unfolds_without_end_is_stopped(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    struct lk_oid                               oid = put_blob(store, "x");
    const char                                 *mode = "120000";
    struct lk_err                               err;

    for (int level = 0; level < 7; level++, mode = "40000") {
        LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(4096);
        char                                  name[2] = "0";
        for (; name[0] <= '9'; name[0]++)
            add_entry(&tree, mode, name, &oid);
        oid = put(store, true, lk_buf_str(&tree));
    }
    assert_int_equal(lk_materialise(store, &oid, target(state), &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_int_equal(rmdir(scratch_path(state, "out")), 0); /* nothing was written */
}

static void a_full_disk_is_said_in_words(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    LK_CLEANUP(lk_free_pointer) char           *zeros = lk_xcalloc(1, 1 << 20);
    struct lk_oid oid = put(store, false, (struct lk_str) { zeros, 1 << 20 });
    struct lk_oid tree = put_tree(store, "100644", "big", &oid);
    struct lk_err err;

    /* In a mount namespace of this process, so that nothing can stay behind. */
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", target(state), "tmpfs", 0, "size=64k") < 0)
        skip();
    assert_int_equal(lk_materialise(store, &tree, scratch_path(state, "out"), &err), -1);
    umount(scratch_path(state, "out"));
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    must_say(&err, "no space left");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_links_and_directories_are_written_with_fixed_modes_and_times),
        TEST(the_fall_back_writes_the_same),
        TEST(a_link_target_that_is_no_path_is_refused),
        TEST(an_absent_object_is_named),
        TEST(a_blob_named_as_a_directory_is_refused_and_the_other_way_round),
        TEST(nesting_beyond_the_limit_is_refused),
        TEST(a_small_tree_that_unfolds_without_end_is_stopped),
        TEST(a_full_disk_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
