#include "common/git/group.h"

#include "common/git/handle.h"

#include <stdlib.h>

struct lk_git_group {
    size_t              count;
    struct lk_git_repo *repos[]; /* of each directory; NULL where that failed */
};

struct lk_git_group *lk_git_group_new(const char *const *directories, size_t count)
{
    struct lk_git_group *group =
        lk_xcalloc(1, sizeof(*group) + count * sizeof(group->repos[0]));

    group->count = count;
    for (size_t i = 0; i < count; i++) {
        LK_CLEANUP(lk_free_pointer) char *relative = NULL;
        struct lk_err                     ignored;

        if (lk_git_open(&group->repos[i], directories[i], &ignored) == 0 &&
            lk_git_relative_path(group->repos[i], directories[i], &relative, &ignored) == 0)
            lk_git_expect(group->repos[i], relative);
    }
    return group;
}

void lk_git_group_free(struct lk_git_group **group)
{
    for (size_t i = 0; *group && i < (*group)->count; i++)
        lk_git_close(&(*group)->repos[i]);
    free(LK_TAKE(*group));
}
