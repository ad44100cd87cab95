/* source_helper - a scratch directory, and git objects made by hand, for the tests of common/source. */
#ifndef LK_TEST_SOURCE_HELPER_H
#define LK_TEST_SOURCE_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/os/file.h"
#include "common/source/store.h"

#include <git2.h>
#include <sodium.h>

struct scratch {
    char directory[64];
};

static inline int scratch_make(void **state)
{
    struct scratch *scratch = lk_xcalloc(1, sizeof(*scratch));

    strcpy(scratch->directory, "/tmp/lk-test-XXXXXX");
    *state = scratch;
    git_libgit2_init();
    return sodium_init() < 0 || !mkdtemp(scratch->directory);
}

static inline int scratch_remove(void **state)
{
    struct scratch *scratch = *state;
    struct lk_err   err;
    int             result = lk_directory_remove(scratch->directory, &err);

    git_libgit2_shutdown();
    free(scratch);
    return result;
}

/* Borrowed until eight more were made. */
static inline const char *scratch_path(void **state, const char *name)
{
    static char           paths[8][128];
    static unsigned       next;
    const struct scratch *scratch = *state;
    char                 *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", scratch->directory, name);
    return path;
}

static inline void must(int result, const struct lk_err *err)
{
    if (result < 0)
        fail_msg("%s", err->text);
}

static inline void must_say(const struct lk_err *err, const char *part)
{
    if (!strstr(err->text, part))
        fail_msg("\"%s\" does not say \"%s\"", err->text, part);
}

static inline struct lk_oid id_of(bool is_tree, struct lk_str content)
{
    git_oid       id;
    struct lk_oid oid;

    assert_int_equal(git_odb_hash(&id, content.data, content.len,
                                  is_tree ? GIT_OBJECT_TREE : GIT_OBJECT_BLOB),
                     0);
    memcpy(oid.sha1, id.id, sizeof(oid.sha1));
    return oid;
}

static inline struct lk_store *store_make(void **state, const char *name)
{
    struct lk_store *store = NULL;
    struct lk_err    err;

    must(lk_store_open(&store, scratch_path(state, name), &err), &err);
    return store;
}

static inline struct lk_oid put(struct lk_store *store, bool is_tree, struct lk_str content)
{
    struct lk_oid oid = id_of(is_tree, content);
    struct lk_err err;

    must(lk_store_put(store, &oid, is_tree, content, &err), &err);
    return oid;
}

static inline struct lk_oid put_blob(struct lk_store *store, const char *text)
{
    return put(store, false, lk_str_of(text));
}

static inline void add_entry(struct lk_buf *tree, const char *mode, const char *name,
                             const struct lk_oid *oid)
{
    lk_buf_printf(tree, "%s %s", mode, name);
    lk_buf_add(tree, "", 1);
    lk_buf_add(tree, oid->sha1, sizeof(oid->sha1));
    assert_true(lk_buf_ok(tree));
}

/* A tree of one entry. */
static inline struct lk_oid put_tree(struct lk_store *store, const char *mode, const char *name,
                                     const struct lk_oid *oid)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(4096);

    add_entry(&tree, mode, name, oid);
    return put(store, true, lk_buf_str(&tree));
}

#endif
