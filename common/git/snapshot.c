#include "common/git/snapshot.h"

#include "common/git/listing.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void drop_config(git_config **config)
{
    git_config_free(*config);
}

static void drop_filters(git_filter_list **filters)
{
    git_filter_list_free(*filters);
}

static void drop_buf(git_buf *buf)
{
    git_buf_dispose(buf);
}

static bool config_has(struct lk_git_repo *repo, const char *filter, const char *what)
{
    LK_CLEANUP(drop_config) git_config *config = NULL;
    LK_CLEANUP(lk_free_pointer) char   *key = lk_xasprintf("filter.%s.%s", filter, what);
    const char                         *value;

    return git_repository_config_snapshot(&config, repo->git) == 0 &&
           git_config_get_string(&value, config, key) == 0 && value[0];
}

static bool counts_modes(struct lk_git_repo *repo)
{
    LK_CLEANUP(drop_config) git_config *config = NULL;
    int                                 value;

    return git_repository_config_snapshot(&config, repo->git) < 0 ||
           git_config_get_bool(&value, config, "core.filemode") < 0 || value;
}

static const char *attribute(struct lk_git_repo *repo, const char *relative, const char *name)
{
    const char *value = NULL;

    return git_attr_get(&value, repo->git, GIT_ATTR_CHECK_FILE_THEN_INDEX, relative, name) ==
                       0 &&
                   git_attr_value(value) == GIT_ATTR_VALUE_STRING
               ? value
               : NULL;
}

/* libgit2 knows line ends and $Id$, but runs no programs and converts no character sets. */
static int check_filters(struct lk_git_repo *repo, const char *relative, struct lk_err *err)
{
    const char *filter = attribute(repo, relative, "filter");
    const char *encoding = attribute(repo, relative, "working-tree-encoding");

    if (filter && (config_has(repo, filter, "clean") || config_has(repo, filter, "process")))
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s/%s is not committed and goes through git's filter '%s', which "
                          "lkcoord does not run; commit it, so that git does",
                          repo->top, relative, filter);
    if (encoding)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s/%s is not committed and has the encoding %s, from which lkcoord "
                          "does not convert; commit it, so that git does",
                          repo->top, relative, encoding);
    return 0;
}

static int read_link(const char *path, char target[PATH_MAX], size_t *len, struct lk_err *err)
{
    ssize_t size = readlink(path, target, PATH_MAX);

    if (size < 0)
        return lk_err_sys(err, "reading the link %s", path);
    *len = (size_t)size;
    return 0;
}

static int hash_file(struct lk_git_repo *repo, const char *relative, const char *path,
                     mode_t mode, git_oid *out, struct lk_err *err)
{
    char   target[PATH_MAX];
    size_t len;

    if (S_ISLNK(mode)) {
        if (read_link(path, target, &len, err) < 0)
            return -1;
        lk_assert(git_odb_hash(out, target, len, GIT_OBJECT_BLOB) == 0);
        return 0;
    }
    if (check_filters(repo, relative, err) < 0)
        return -1;
    if (git_repository_hashfile(out, repo->git, path, GIT_OBJECT_BLOB, NULL) < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "reading %s: %s", path, lk_git_reason());
    return 0;
}

static bool is_unlooked_at(const git_index_entry *entry)
{
    return (entry->flags & GIT_INDEX_ENTRY_VALID) ||
           (entry->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE);
}

static mode_t stored_mode(const git_index_entry *indexed, mode_t on_disk, bool counts)
{
    if (S_ISLNK(on_disk))
        return S_IFLNK;
    if (!counts)
        return indexed && S_ISREG(indexed->mode) ? (mode_t)indexed->mode : S_IFREG | 0644;
    return S_IFREG | (on_disk & S_IXUSR ? 0755 : 0644);
}

static void take_indexed(const git_index_entry *indexed, struct lk_git_file *out)
{
    out->entry.mode = (mode_t)indexed->mode;
    memcpy(out->entry.oid.sha1, indexed->id.id, sizeof(out->entry.oid.sha1));
    out->on_disk = false;
}

/* NOT_FOUND if nothing is there that git would store. */
static int look_at_disk(struct lk_git_repo *repo, const git_index_entry *indexed,
                        const char *relative, struct lk_git_file *out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", repo->top, relative);
    struct stat                       status;
    git_oid                           id;

    if (lstat(path, &status) < 0)
        return lk_err_sys(err, "%s", path);
    if (S_ISDIR(status.st_mode) && indexed && LK_GIT_IS_SUBMODULE(indexed->mode)) {
        take_indexed(indexed, out);
        return 0;
    }
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
        return lk_err_set(err, LK_ERR_NOT_FOUND, "%s is neither a file nor a link", path);
    if ((uint64_t)status.st_size > LK_SOURCE_OBJECT_BYTES_MAX)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "the file %s is larger than %llu MiB, the most allowed; leave it "
                          "out of the package, or fetch it in the Dockerfile",
                          path, LK_SOURCE_OBJECT_BYTES_MAX >> 20);
    out->entry.mode = stored_mode(indexed, status.st_mode, counts_modes(repo));
    if (hash_file(repo, relative, path, out->entry.mode, &id, err) < 0)
        return -1;
    memcpy(out->entry.oid.sha1, id.id, sizeof(out->entry.oid.sha1));
    out->on_disk = true;
    return 0;
}

struct walk {
    struct lk_git_repo   *repo;
    struct lk_git_listing listing;
    size_t                skip; /* of paths, to name them below the directory */
    int (*each)(void *ctx, const struct lk_git_file *file, struct lk_err *err);
    void *ctx;
};

static int visit(const struct walk *walk, const git_index_entry *indexed, const char *relative,
                 bool unchanged, struct lk_err *err)
{
    struct lk_git_file file = { .path = relative + walk->skip };

    if (unchanged)
        take_indexed(indexed, &file);
    else if (look_at_disk(walk->repo, indexed, relative, &file, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    return walk->each(walk->ctx, &file, err);
}

static int visit_tracked(const struct walk *walk, struct lk_err *err)
{
    const char *last = "";

    for (size_t i = 0; i < walk->listing.tracked_count; i++) {
        const git_index_entry *entry = walk->listing.tracked[i];
        const git_diff_delta  *change = lk_git_listing_change(&walk->listing, entry->path);
        bool                   unmerged = git_index_entry_stage(entry) > 0;

        if (strcmp(entry->path, last) == 0)
            continue;
        last = entry->path;
        bool unchanged = !unmerged && (!change || is_unlooked_at(entry));
        if (!unchanged && change && change->status == GIT_DELTA_DELETED)
            continue;
        int stop = visit(walk, unmerged ? NULL : entry, entry->path, unchanged, err);
        if (stop)
            return stop;
    }
    return 0;
}

static int visit_untracked(const struct walk *walk, struct lk_err *err)
{
    for (size_t i = 0; i < walk->listing.changed_count; i++) {
        const git_diff_delta *change = walk->listing.changed[i];
        const char           *path = change->new_file.path;

        if (change->status != GIT_DELTA_UNTRACKED)
            continue;
        if (path[strlen(path) - 1] == '/')
            return lk_err_set(err, LK_ERR_INVALID,
                              "%s/%s is a git repository of its own, whose files are not part "
                              "of the package; remove it, or let git ignore it",
                              walk->repo->top, path);
        int stop = visit(walk, NULL, path, false, err);
        if (stop)
            return stop;
    }
    return 0;
}

int lk_git_each_file(struct lk_git_repo *repo, const char *directory,
                     int (*each)(void *ctx, const struct lk_git_file *file, struct lk_err *err),
                     void *ctx, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *relative = NULL;
    struct walk                       walk = { .repo = repo, .each = each, .ctx = ctx };

    if (lk_git_relative_path(repo, directory, &relative, err) < 0 ||
        lk_git_list(repo, relative, &walk.listing, err) < 0)
        return -1;
    walk.skip = strlen(relative) + (relative[0] ? 1 : 0);
    int stop = visit_tracked(&walk, err);
    if (!stop)
        stop = visit_untracked(&walk, err);
    lk_git_listing_fini(&walk.listing);
    return stop;
}

/* Borrowed from the repository's index; NULL: not tracked, or not merged. */
static const git_index_entry *find_indexed(struct lk_git_repo *repo, const char *relative)
{
    git_index *index;

    if (git_repository_index(&index, repo->git) < 0)
        return NULL;
    git_index_read(index, false);
    const git_index_entry *entry = git_index_get_bypath(index, relative, 0);
    git_index_free(index); /* the repository holds it too */
    return entry;
}

int lk_git_file_at(struct lk_git_repo *repo, const char *path, struct lk_git_file *out,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *relative = NULL;

    if (lk_git_relative_path(repo, path, &relative, err) < 0)
        return -1;
    const git_index_entry *indexed = find_indexed(repo, relative);
    *out = (struct lk_git_file) { .path = "" };
    if (indexed && is_unlooked_at(indexed)) {
        take_indexed(indexed, out);
        return 0;
    }
    return look_at_disk(repo, indexed, relative, out, err);
}

int lk_git_is_file_dirty(struct lk_git_repo *repo, const char *path,
                         const struct lk_git_entry *head, bool *dirty,
                         char example[LK_PATH_SIZE], struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *relative = NULL;
    struct lk_git_file                now;
    unsigned                          status;

    if (lk_git_relative_path(repo, path, &relative, err) < 0)
        return -1;
    /* Cheap, and it knows what was not even touched; of what it calls changed the content decides. */
    if (git_status_file(&status, repo->git, relative) == 0 && status == GIT_STATUS_CURRENT) {
        *dirty = false;
    } else if (!find_indexed(repo, relative)) {
        *dirty = true;
    } else if (lk_git_file_at(repo, path, &now, err) < 0) {
        if (err->kind != LK_ERR_NOT_FOUND)
            return -1;
        *dirty = true;
    } else {
        *dirty = now.entry.mode != head->mode || !lk_oid_eq(&now.entry.oid, &head->oid);
    }
    lk_copy_text(example, LK_PATH_SIZE, *dirty ? relative : "");
    return 0;
}

static int read_regular(struct lk_git_repo *repo, const char *relative, struct lk_buf *out,
                        const char *path, struct lk_err *err)
{
    LK_CLEANUP(drop_filters) git_filter_list *filters = NULL;
    LK_CLEANUP(drop_buf) git_buf              bytes = { 0 };

    if (git_filter_list_load(&filters, repo->git, NULL, relative, GIT_FILTER_TO_ODB, 0) < 0 ||
        git_filter_list_apply_to_file(&bytes, filters, repo->git, relative) < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "reading %s: %s", path, lk_git_reason());
    if (!lk_buf_add(out, bytes.ptr, bytes.size))
        return lk_err_set(err, LK_ERR_LIMIT, "%s is larger than is accepted", path);
    return 0;
}

int lk_git_read_file(struct lk_git_repo *repo, const char *path, mode_t mode,
                     struct lk_buf *out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *relative = NULL;
    char                              target[PATH_MAX];
    size_t                            len;

    if (!S_ISLNK(mode))
        return lk_git_relative_path(repo, path, &relative, err) < 0
                   ? -1
                   : read_regular(repo, relative, out, path, err);
    if (read_link(path, target, &len, err) < 0)
        return -1;
    if (!lk_buf_add(out, target, len))
        return lk_err_set(err, LK_ERR_LIMIT, "%s is larger than is accepted", path);
    return 0;
}
