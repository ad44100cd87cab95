#include "common/git/handle.h"

#include <stdlib.h>
#include <string.h>

struct visit {
    struct lk_git_repo *repo;
    git_oid             head;
    void (*each)(void *ctx, const char *name);
    void *ctx;
};

static int look_at(const char *name, git_oid *id, void *ctx)
{
    static const char prefix[] = "refs/tags/";
    struct visit     *visit = ctx;
    git_object       *tag = NULL, *commit = NULL;

    if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 ||
        git_object_lookup(&tag, visit->repo->git, id, GIT_OBJECT_ANY) < 0)
        return 0;
    /* A tag may stand on anything; one that names no commit is not at HEAD. */
    if (git_object_peel(&commit, tag, GIT_OBJECT_COMMIT) == 0 &&
        git_oid_equal(git_object_id(commit), &visit->head))
        visit->each(visit->ctx, name + sizeof(prefix) - 1);
    git_object_free(commit);
    git_object_free(tag);
    return 0;
}

int lk_git_each_tag_at_head(struct lk_git_repo *repo, void (*each)(void *ctx, const char *name),
                            void *ctx, struct lk_err *err)
{
    struct visit visit = { .repo = repo, .each = each, .ctx = ctx };

    if (git_reference_name_to_id(&visit.head, repo->git, "HEAD") < 0 ||
        git_tag_foreach(repo->git, look_at, &visit) < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "%s: listing the git tags at HEAD: %s",
                          repo->top, lk_git_reason());
    return 0;
}
