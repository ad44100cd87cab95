#include "tests/unit/source_helper.h"

#include <dirent.h>

static int files_in(const char *path)
{
    DIR *directory = opendir(path);
    int  count = -2; /* "." and ".." */

    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void what_is_put_is_there_with_its_kind_and_content(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    LK_CLEANUP(lk_buf_fini) struct lk_buf       bytes = LK_BUF_INIT(100);
    struct lk_oid                               blob = put_blob(store, "hello\n");
    struct lk_oid                               tree = put_tree(store, "100644", "f", &blob);
    struct lk_err                               err;
    bool                                        is_tree = true;
    char                                        text[LK_OID_TEXT_SIZE];

    lk_oid_format(&blob, text);
    assert_string_equal(text, "ce013625030ba8dba906f756967f9e9ca394464a");
    assert_true(lk_store_has(store, &blob) && lk_store_has(store, &tree));
    must(lk_store_read(store, &blob, &is_tree, &bytes, &err), &err);
    assert_false(is_tree);
    assert_string_equal(lk_buf_text(&bytes), "hello\n");
    lk_buf_clear(&bytes);
    must(lk_store_read(store, &tree, &is_tree, &bytes, &err), &err);
    assert_true(is_tree);
    must(lk_store_sync(store, &err), &err);
}

static void an_absent_object_is_not_found(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    struct lk_buf                               bytes = LK_BUF_INIT(100);
    struct lk_oid                               oid = { { 9 } };
    struct lk_err                               err;
    bool                                        is_tree;

    assert_false(lk_store_has(store, &oid));
    assert_int_equal(lk_store_read(store, &oid, &is_tree, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
}

static void an_object_larger_than_the_buffer_is_a_limit(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    LK_CLEANUP(lk_buf_fini) struct lk_buf       bytes = LK_BUF_INIT(3);
    struct lk_oid                               blob = put_blob(store, "four");
    struct lk_err                               err;
    bool                                        is_tree;

    assert_int_equal(lk_store_read(store, &blob, &is_tree, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
}

static void content_under_a_wrong_id_is_thrown_away(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    struct lk_oid                               other = id_of(false, LK_STR("other"));
    struct lk_store_writer                     *writer;
    struct lk_err                               err;

    assert_int_equal(lk_store_put(store, &other, false, LK_STR("this"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    must(lk_store_write_begin(&writer, store, false, &err), &err);
    must(lk_store_write(writer, "this", 4, &err), &err);
    assert_int_equal(lk_store_write_finish(&writer, &other, NULL, &err), -1);
    assert_null(writer);
    assert_false(lk_store_has(store, &other));
    assert_int_equal(files_in(scratch_path(state, "s/tmp")), 0);
}

static void a_tree_does_not_pass_for_a_blob(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    struct lk_oid                               as_blob = id_of(false, LK_STR(""));
    struct lk_err                               err;

    assert_int_equal(lk_store_put(store, &as_blob, true, LK_STR(""), &err), -1);
}

static void an_alien_sha256_is_refused(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    struct lk_oid                               oid = id_of(false, LK_STR("this"));
    struct lk_digest                            sha256;
    struct lk_store_writer                     *writer;
    struct lk_err                               err;

    crypto_hash_sha256(sha256.sha256, (const uint8_t *)"this", 4);
    must(lk_store_write_begin(&writer, store, false, &err), &err);
    must(lk_store_write(writer, "th", 2, &err), &err);
    must(lk_store_write(writer, "is", 2, &err), &err);
    must(lk_store_write_finish(&writer, &oid, &sha256, &err), &err);

    sha256.sha256[31] ^= 1;
    must(lk_store_write_begin(&writer, store, false, &err), &err);
    must(lk_store_write(writer, "this", 4, &err), &err);
    assert_int_equal(lk_store_write_finish(&writer, &oid, &sha256, &err), -1);
    must_say(&err, "SHA-256");
}

static void opening_again_keeps_objects_and_clears_leftovers(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    struct lk_oid                               blob = put_blob(store, "kept");
    struct lk_err                               err;

    must(lk_file_create(scratch_path(state, "s/tmp/0"), LK_STR("half"), 0600, &err), &err);
    lk_store_close(&store);
    store = store_make(state, "s");
    assert_true(lk_store_has(store, &blob));
    assert_int_equal(files_in(scratch_path(state, "s/tmp")), 0);
    put_blob(store, "and writing goes on");
}

static void a_power_cut_does_not_leave_objects_with_wrong_content(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    const char                                 *mark = scratch_path(state, "s/unsynced");
    const char   *file = scratch_path(state, "s/ce/013625030ba8dba906f756967f9e9ca394464a.b");
    struct lk_oid broken = put_blob(store, "hello\n");
    struct lk_oid whole = put_blob(store, "whole");
    struct lk_oid tree = put_tree(store, "100644", "f", &whole);
    struct lk_err err;

    assert_int_equal(truncate(file, 0), 0);
    lk_store_close(&store);
    store = store_make(state, "s");
    assert_true(lk_store_has(store, &broken)); /* the same boot: nothing is checked */
    lk_store_close(&store);
    must(lk_file_replace(mark, LK_STR("another boot\n"), 0600, &err), &err);
    store = store_make(state, "s");
    assert_false(lk_store_has(store, &broken));
    assert_true(lk_store_has(store, &whole) && lk_store_has(store, &tree));
    must(lk_store_sync(store, &err), &err);
    assert_int_equal(access(mark, F_OK), -1);
    put_blob(store, "more");
    assert_int_equal(access(mark, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_there_with_its_kind_and_content),
        TEST(an_absent_object_is_not_found),
        TEST(an_object_larger_than_the_buffer_is_a_limit),
        TEST(content_under_a_wrong_id_is_thrown_away),
        TEST(a_tree_does_not_pass_for_a_blob),
        TEST(an_alien_sha256_is_refused),
        TEST(opening_again_keeps_objects_and_clears_leftovers),
        TEST(a_power_cut_does_not_leave_objects_with_wrong_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
