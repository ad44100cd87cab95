#include "common/git/repo.h"

#include "common/git/handle.h"

#include <stdlib.h>
#include <string.h>

static void drop_object(git_object **object)
{
    git_object_free(*object);
}

static void drop_reference(git_reference **reference)
{
    git_reference_free(*reference);
}

static void drop_odb_object(git_odb_object **object)
{
    git_odb_object_free(*object);
}

/* Read once: whatever is asked of a repository in one go is answered as of one commit. */
static int find_head(struct lk_git_repo *repo, struct lk_err *err)
{
    LK_CLEANUP(drop_reference) git_reference *head = NULL;
    LK_CLEANUP(drop_object) git_object       *commit = NULL;

    if (repo->head)
        return 0;
    int code = git_repository_head(&head, repo->git);
    if (code == GIT_EUNBORNBRANCH)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "the git repository at %s has no commit yet; commit the package first", repo->top);
    if (code < 0 || git_reference_peel(&commit, head, GIT_OBJECT_COMMIT) < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "reading HEAD of the git repository at %s: %s",
                          repo->top, lk_git_reason());
    repo->head = (git_commit *)LK_TAKE(commit);
    return 0;
}

int lk_git_head(struct lk_git_repo *repo, struct lk_oid *commit, int64_t *time_s,
                struct lk_err *err)
{
    if (find_head(repo, err) < 0)
        return -1;
    memcpy(commit->sha1, git_commit_id(repo->head)->id, sizeof(commit->sha1));
    *time_s = git_commit_time(repo->head);
    return 0;
}

int lk_git_head_tree(struct lk_git_repo *repo, git_tree **out, struct lk_err *err)
{
    if (find_head(repo, err) < 0)
        return -1;
    if (git_commit_tree(out, repo->head) == 0)
        return 0;
    return lk_err_set(err, LK_ERR_PERMANENT,
                      "reading the tree of HEAD in the git repository at %s: %s", repo->top,
                      lk_git_reason());
}

static int object_failed(const struct lk_oid *oid, const char *problem, struct lk_err *err)
{
    char text[LK_OID_TEXT_SIZE];

    lk_oid_format(oid, text);
    return lk_err_set(err, LK_ERR_PERMANENT, "reading git object %s: %s", text, problem);
}

int lk_git_size(struct lk_git_repo *repo, const struct lk_oid *oid, bool *is_tree,
                uint64_t *size, struct lk_err *err)
{
    git_oid      id;
    size_t       len;
    git_object_t type;

    memcpy(id.id, oid->sha1, sizeof(id.id));
    int code = git_odb_read_header(&len, &type, repo->odb, &id);
    if (code < 0) {
        object_failed(oid, lk_git_reason(), err);
        if (code == GIT_ENOTFOUND)
            err->kind = LK_ERR_NOT_FOUND; /* another repository may have it */
        return -1;
    }
    if (type != GIT_OBJECT_TREE && type != GIT_OBJECT_BLOB)
        return object_failed(oid, "it is neither a tree nor a file", err);
    *is_tree = type == GIT_OBJECT_TREE;
    *size = len;
    return 0;
}

int lk_git_read(struct lk_git_repo *repo, const struct lk_oid *oid, bool *is_tree,
                struct lk_buf *out, struct lk_err *err)
{
    LK_CLEANUP(drop_odb_object) git_odb_object *object = NULL;
    uint64_t                                    size;
    git_oid                                     id;

    if (lk_git_size(repo, oid, is_tree, &size, err) < 0)
        return -1;
    if (size > out->max - out->len) {
        object_failed(oid, "larger than is accepted", err);
        err->kind = LK_ERR_LIMIT;
        return -1;
    }
    memcpy(id.id, oid->sha1, sizeof(id.id));
    if (git_odb_read(&object, repo->odb, &id) < 0)
        return object_failed(oid, lk_git_reason(), err);
    lk_buf_add(out, git_odb_object_data(object), git_odb_object_size(object));
    return lk_buf_ok(out) ? 0
                          : object_failed(oid, "it is not as large as its header says", err);
}

void lk_git_hash(bool is_tree, struct lk_str bytes, struct lk_oid *out)
{
    git_oid id;

    lk_assert(git_odb_hash(&id, bytes.data, bytes.len,
                           is_tree ? GIT_OBJECT_TREE : GIT_OBJECT_BLOB) == 0);
    memcpy(out->sha1, id.id, sizeof(out->sha1));
}
