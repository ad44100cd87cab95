#include "common/pkg/source_state.h"

#include "common/git/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Where git would be started: in the directory that the path names or leads to, else in the file's. */
static int directory_of(const char *path, char **out, struct lk_err *err)
{
    struct stat status;

    if (lstat(path, &status) < 0)
        return lk_err_sys(err, "%s", path);
    *out = lk_xstrdup(path);
    if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
        *strrchr(*out, '/') = '\0';
    return 0;
}

static int open_repository(struct lk_source_state *out, const char *path, const char *where,
                           struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *directory = NULL;

    if (!where && directory_of(path, &directory, err) < 0)
        return -1;
    return lk_git_open(&out->repo, where ? where : directory[0] ? directory : "/", err);
}

int lk_source_state_open(struct lk_source_state *out, const char *path, const char *where,
                         const char *commit, struct lk_err *err)
{
    LK_CLEANUP(lk_source_state_close) struct lk_source_state state = { 0 };

    if (open_repository(&state, path, where, err) < 0 ||
        lk_git_entry_at(state.repo, commit, path, &state.entry, err) < 0)
        return -1;
    if (strcmp(commit, "HEAD") == 0) {
        int rc = S_ISDIR(state.entry.mode)
                     ? lk_git_is_dirty(state.repo, path, &state.dirty, state.example, err)
                     : lk_git_is_file_dirty(state.repo, path, &state.entry, &state.dirty,
                                            state.example, err);
        if (rc < 0)
            return -1;
    }
    *out = state;
    state.repo = NULL;
    return 0;
}

void lk_source_state_close(struct lk_source_state *state)
{
    lk_git_close(&state->repo);
    *state = (struct lk_source_state) { 0 };
}
