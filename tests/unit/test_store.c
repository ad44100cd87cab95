#include "tests/unit/source_helper.h"

#include "common/os/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

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

/* ---- the maximum ---- */

#define MIB  (1024 * 1024)
#define HOUR 3600

static struct lk_oid put_aged(void **state, struct lk_store *store, char fill, size_t size,
                              time_t age_s)
{
    LK_CLEANUP(lk_free_pointer) char *bytes = lk_xmalloc(size);
    const struct timespec             times[2] = { { .tv_sec = time(NULL) - age_s },
                                                   { .tv_sec = time(NULL) - age_s } };
    char                              id[LK_OID_TEXT_SIZE], name[64];

    memset(bytes, fill, size);
    struct lk_oid oid = put(store, false, (struct lk_str) { bytes, size });
    lk_oid_format(&oid, id);
    snprintf(name, sizeof(name), "s/%.2s/%s.b", id, id + 2);
    assert_int_equal(utimensat(AT_FDCWD, scratch_path(state, name), times, 0), 0);
    return oid;
}

static bool is_tight(struct lk_store *store)
{
    return lk_store_is_tight(store, lk_clock_boot_ms());
}

static uint64_t sweep(struct lk_store *store, time_t needed_for_s)
{
    uint64_t      freed_bytes = 0;
    struct lk_err err;

    must(lk_store_sweep(store, time(NULL) - needed_for_s, &freed_bytes, &err), &err);
    return freed_bytes;
}

static void what_was_used_longest_ago_goes_when_half_is_full(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");

    lk_store_limit(store, 8 * MIB);
    struct lk_oid oldest = put_aged(state, store, 'a', 2 * MIB, 50 * HOUR);
    struct lk_oid middle = put_aged(state, store, 'b', 1 * MIB, 20 * HOUR);
    assert_true(is_tight(store)); /* it has not been counted yet */
    assert_int_equal(sweep(store, 0), 0);
    assert_false(is_tight(store));
    struct lk_oid newest = put_aged(state, store, 'c', 1 * MIB, 10 * HOUR);
    assert_true(is_tight(store));
    assert_in_range(sweep(store, 0), 2 * MIB, 2 * MIB + 8192);
    assert_false(lk_store_has(store, &oldest));
    assert_true(lk_store_has(store, &middle) && lk_store_has(store, &newest));
    assert_false(is_tight(store));
}

static void what_is_needed_or_was_just_used_stays(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");

    lk_store_limit(store, 5 * MIB);
    struct lk_oid used = put_aged(state, store, 'a', 1 * MIB, 50 * HOUR);
    struct lk_oid needed = put_aged(state, store, 'b', 1 * MIB, 5 * HOUR);
    struct lk_oid fresh = put_aged(state, store, 'c', 1 * MIB, HOUR / 2);
    struct lk_oid idle = put_aged(state, store, 'd', 1 * MIB, 8 * HOUR);
    assert_true(lk_store_use(store, &used));
    sweep(store, 6 * HOUR);
    assert_true(lk_store_has(store, &used) && lk_store_has(store, &needed));
    assert_true(lk_store_has(store, &fresh));
    assert_false(lk_store_has(store, &idle));
    put_aged(state, store, 'e', 1 * MIB, 0);
    sweep(store, 0);
    assert_false(lk_store_has(store, &needed));
    assert_true(lk_store_has(store, &used) && lk_store_has(store, &fresh));
}

/* Each finds room when it begins; both together do not. */
static void writers_share_the_room(struct lk_store *store)
{
    LK_CLEANUP(lk_free_pointer) char *bytes = lk_xcalloc(1, 3 * MIB);
    struct lk_store_writer           *one, *other;
    struct lk_err                     err;

    must(lk_store_write_begin(&one, store, false, &err), &err);
    must(lk_store_write_begin(&other, store, false, &err), &err);
    must(lk_store_write(one, bytes, 3 * MIB, &err), &err);
    assert_int_equal(lk_store_write(other, bytes, 3 * MIB, &err), -1);
    must_say(&err, "sources-max-mib");
    lk_store_write_abort(&one);
    must(lk_store_write(other, bytes, 3 * MIB, &err), &err);
    lk_store_write_abort(&other);
    must(lk_store_check_room(store, 3 * MIB, &err), &err);
}

static void a_full_store_says_so_until_a_sweep_found_room(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    struct lk_err                               err;

    must(lk_store_check_room(store, UINT64_MAX / 2, &err), &err); /* no maximum */
    lk_store_limit(store, 4 * MIB);
    put_aged(state, store, 'a', 3 * MIB, 50 * HOUR);
    must(lk_store_check_room(store, MIB / 2, &err), &err);
    sweep(store, 60 * HOUR); /* a push that runs needs it */
    assert_int_equal(lk_store_check_room(store, 1 * MIB, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    must_say(&err, "sources-max-mib");

    assert_false(is_tight(store));
    assert_true(lk_store_is_tight(store, lk_clock_boot_ms() + 600000)); /* tries again */
    sweep(store, 0);
    must(lk_store_check_room(store, 2 * MIB, &err), &err);
    writers_share_the_room(store);
}

struct finder {
    struct lk_store *store;
    struct lk_oid    oid;
    bool             found;
};

static void *find(void *ctx)
{
    struct finder *finder = ctx;

    finder->found = lk_store_use(finder->store, &finder->oid);
    return NULL;
}

static void what_was_found_during_a_sweep_is_still_there_after_it(void **state)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = store_make(state, "s");
    int                                         found = 0;

    for (int i = 0; i < 300; i++) {
        struct finder finder = { .store = store };
        pthread_t     thread;
        lk_store_limit(store, 0);
        finder.oid = put_aged(state, store, (char)i, MIB, 50 * HOUR);
        lk_store_limit(store, 1 * MIB);
        assert_int_equal(pthread_create(&thread, NULL, find, &finder), 0);
        sweep(store, 0);
        pthread_join(thread, NULL);
        if (finder.found)
            assert_true(lk_store_has(store, &finder.oid));
        found += finder.found;
    }
    print_message("found in time: %d of 300\n", found);
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
        TEST(what_was_used_longest_ago_goes_when_half_is_full),
        TEST(what_is_needed_or_was_just_used_stays),
        TEST(what_was_found_during_a_sweep_is_still_there_after_it),
        TEST(a_full_store_says_so_until_a_sweep_found_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
