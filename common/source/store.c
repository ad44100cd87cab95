#include "common/source/store.h"

#include "common/os/file.h"
#include "common/source/recovery.h"
#include "common/source/store_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <git2.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct lk_store_writer {
    struct lk_store         *store;
    int                      fd;
    bool                     is_tree;
    uint64_t                 size;
    char                     name[32]; /* below the store's directory */
    crypto_hash_sha256_state sha256;
};

void lk_store_object_name(char out[LK_OBJECT_NAME_SIZE], const struct lk_oid *oid, bool is_tree)
{
    char text[LK_OID_TEXT_SIZE];

    lk_oid_format(oid, text);
    snprintf(out, LK_OBJECT_NAME_SIZE, "%.2s/%s.%c", text, text + 2, is_tree ? 't' : 'b');
}

static int write_failed(struct lk_err *err, const struct lk_store *store)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return lk_err_set(
            err, LK_ERR_LIMIT,
            "no space left for sources in %s: free some, or give it a larger disk",
            store->path);
    return lk_err_sys(err, "writing a source object in %s", store->path);
}

/* What a crash left half written. */
static int clear_temporary(const struct lk_store *store, struct lk_err *err)
{
    int  fd = openat(store->fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);

    if (!directory) {
        lk_err_sys(err, "listing %s/tmp", store->path);
        lk_close_fd(&fd);
        return -1;
    }
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            unlinkat(fd, entry->d_name, 0);
    closedir(directory);
    return 0;
}

int lk_store_open(struct lk_store **out, const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_store_close) struct lk_store *store = lk_xcalloc(1, sizeof(*store));

    store->path = lk_xstrdup(directory);
    store->fd = -1;
    pthread_mutex_init(&store->lock, NULL);
    git_libgit2_init();
    if (lk_directory_make(directory, 0700, err) < 0)
        return -1;
    store->fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->fd < 0 || (mkdirat(store->fd, "tmp", 0700) < 0 && errno != EEXIST))
        return lk_err_sys(err, "opening the source store %s", directory);
    if (clear_temporary(store, err) < 0 || lk_recovery_run(directory, err) < 0)
        return -1;
    *out = LK_TAKE(store);
    return 0;
}

void lk_store_close(struct lk_store **store)
{
    struct lk_store *s = LK_TAKE(*store);

    if (!s)
        return;
    lk_close_fd(&s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s->path);
    free(s);
    git_libgit2_shutdown();
}

int lk_store_sync(struct lk_store *store, struct lk_err *err)
{
    int result = 0;

    pthread_mutex_lock(&store->lock);
    uint64_t settled = store->settled;
    pthread_mutex_unlock(&store->lock);
    if (syncfs(store->fd) < 0)
        return lk_err_sys(err, "writing the source store %s to disk", store->path);
    pthread_mutex_lock(&store->lock);
    /* What came meanwhile may not be on disk: the mark stands until the next sync. */
    if (store->settled == settled) {
        store->unsynced = false;
        result = lk_recovery_clear(store->path, err);
    }
    pthread_mutex_unlock(&store->lock);
    return result;
}

bool lk_store_has(struct lk_store *store, const struct lk_oid *oid)
{
    char name[LK_OBJECT_NAME_SIZE];

    lk_store_object_name(name, oid, false);
    if (faccessat(store->fd, name, F_OK, 0) == 0)
        return true;
    lk_store_object_name(name, oid, true);
    return faccessat(store->fd, name, F_OK, 0) == 0;
}

int lk_store_open_object(struct lk_store *store, const struct lk_oid *oid, bool *is_tree,
                         uint64_t *size, struct lk_err *err)
{
    char        name[LK_OBJECT_NAME_SIZE];
    struct stat st;

    *is_tree = false;
    lk_store_object_name(name, oid, *is_tree);
    int fd = openat(store->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        *is_tree = true;
        lk_store_object_name(name, oid, *is_tree);
        fd = openat(store->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        lk_err_sys(err, "opening source object %s", name);
        lk_close_fd(&fd);
        return -1;
    }
    *size = (uint64_t)st.st_size;
    return fd;
}

int lk_store_read(struct lk_store *store, const struct lk_oid *oid, bool *is_tree,
                  struct lk_buf *out, struct lk_err *err)
{
    char                        piece[16 * 1024];
    uint64_t                    size;
    LK_CLEANUP(lk_close_fd) int fd = lk_store_open_object(store, oid, is_tree, &size, err);

    if (fd < 0)
        return -1;
    for (;;) {
        ssize_t got = read(fd, piece, sizeof(piece));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lk_err_sys(err, "reading a source object in %s", store->path);
        if (got == 0)
            return 0;
        if (size > out->max || !lk_buf_add(out, piece, (size_t)got))
            return lk_err_set(
                err, LK_ERR_LIMIT, "a %s of the source has %llu bytes; at most %zu are allowed",
                *is_tree ? "directory" : "file", (unsigned long long)size, out->max);
    }
}

int lk_store_write_begin(struct lk_store_writer **out, struct lk_store *store, bool is_tree,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_store_write_abort)
    struct lk_store_writer *writer = lk_xcalloc(1, sizeof(*writer));

    writer->store = store;
    writer->is_tree = is_tree;
    snprintf(writer->name, sizeof(writer->name), "tmp/%u", atomic_fetch_add(&store->writes, 1));
    writer->fd = openat(store->fd, writer->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0)
        return write_failed(err, store);
    crypto_hash_sha256_init(&writer->sha256);
    *out = LK_TAKE(writer);
    return 0;
}

int lk_store_write(struct lk_store_writer *writer, const void *data, size_t len,
                   struct lk_err *err)
{
    const char *next = data;

    if (lk_store_take_room(writer->store, len, err) < 0)
        return -1;
    writer->size += len;
    crypto_hash_sha256_update(&writer->sha256, data, len);
    while (len > 0) {
        ssize_t put = write(writer->fd, next, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return write_failed(err, writer->store);
        next += put;
        len -= (size_t)put;
    }
    return 0;
}

static int mark_unsynced(struct lk_store *store, struct lk_err *err)
{
    if (!store->unsynced && lk_recovery_mark(store->path, err) < 0)
        return -1;
    store->unsynced = true;
    return 0;
}

static int give_name(struct lk_store_writer *writer, const struct lk_oid *oid,
                     struct lk_err *err)
{
    struct lk_store *store = writer->store;
    char             name[LK_OBJECT_NAME_SIZE], directory[3] = "";

    if (mark_unsynced(store, err) < 0)
        return -1;
    lk_store_object_name(name, oid, writer->is_tree);
    memcpy(directory, name, 2);
    if ((mkdirat(store->fd, directory, 0700) < 0 && errno != EEXIST) ||
        renameat(store->fd, writer->name, store->fd, name) < 0)
        return write_failed(err, store);
    store->settled++;
    lk_store_count(store, writer->size);
    return 0;
}

/* The content was found to have this id. */
static int settle(struct lk_store_writer **writer, const struct lk_oid *oid, struct lk_err *err)
{
    struct lk_store_writer *w = *writer;

    pthread_mutex_lock(&w->store->lock);
    int result = give_name(w, oid, err);
    pthread_mutex_unlock(&w->store->lock);
    if (result < 0)
        return -1;
    lk_store_give_back(w->store, w->size);
    close(w->fd);
    lk_free_pointer(writer);
    return 0;
}

static int check_id(const git_oid *found, const struct lk_oid *oid, struct lk_err *err)
{
    char expected[LK_OID_TEXT_SIZE];

    if (memcmp(found->id, oid->sha1, sizeof(oid->sha1)) == 0)
        return 0;
    lk_oid_format(oid, expected);
    return lk_err_set(err, LK_ERR_INVALID,
                      "what was sent as source object %s has the id %s: refused", expected,
                      git_oid_tostr_s(found));
}

static int check_sha256(struct lk_store_writer *writer, const struct lk_oid *oid,
                        const struct lk_digest *sha256, struct lk_err *err)
{
    struct lk_digest found;
    char             id[LK_OID_TEXT_SIZE];

    crypto_hash_sha256_final(&writer->sha256, found.sha256);
    if (!sha256 || lk_digest_eq(&found, sha256))
        return 0;
    lk_oid_format(oid, id);
    return lk_err_set(
        err, LK_ERR_INVALID,
        "source object %s does not have the SHA-256 that its sender stated: refused", id);
}

static git_object_t type_of(bool is_tree)
{
    return is_tree ? GIT_OBJECT_TREE : GIT_OBJECT_BLOB;
}

static int git_failed(struct lk_err *err)
{
    const git_error *why = git_error_last();

    return lk_err_set(err, LK_ERR_PERMANENT, "computing a git object id: %s",
                      why ? why->message : "libgit2 gave no reason");
}

static int check_file(struct lk_store_writer *writer, const struct lk_oid *oid,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char   *path = lk_xasprintf("%s/%s", writer->store->path, writer->name);
    git_oid found;

    if (git_odb_hashfile(&found, path, type_of(writer->is_tree)) < 0)
        return git_failed(err);
    return check_id(&found, oid, err);
}

int lk_store_write_finish(struct lk_store_writer **writer, const struct lk_oid *oid,
                          const struct lk_digest *sha256, struct lk_err *err)
{
    LK_CLEANUP(lk_store_write_abort) struct lk_store_writer *w = LK_TAKE(*writer);

    if (check_sha256(w, oid, sha256, err) < 0 || check_file(w, oid, err) < 0)
        return -1;
    return settle(&w, oid, err);
}

void lk_store_write_abort(struct lk_store_writer **writer)
{
    struct lk_store_writer *w = LK_TAKE(*writer);

    if (!w)
        return;
    if (w->fd >= 0) {
        unlinkat(w->store->fd, w->name, 0);
        close(w->fd);
    }
    lk_store_give_back(w->store, w->size);
    free(w);
}

int lk_store_put(struct lk_store *store, const struct lk_oid *oid, bool is_tree,
                 struct lk_str content, struct lk_err *err)
{
    LK_CLEANUP(lk_store_write_abort) struct lk_store_writer *writer = NULL;
    git_oid                                                  found;

    if (git_odb_hash(&found, content.data, content.len, type_of(is_tree)) < 0)
        return git_failed(err);
    if (check_id(&found, oid, err) < 0 ||
        lk_store_write_begin(&writer, store, is_tree, err) < 0 ||
        lk_store_write(writer, content.data, content.len, err) < 0)
        return -1;
    return settle(&writer, oid, err);
}
