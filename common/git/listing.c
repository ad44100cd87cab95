#include "common/git/listing.h"

#include <stdlib.h>
#include <string.h>

static int compare_entries(const void *a, const void *b)
{
    const git_index_entry *x = *(const git_index_entry *const *)a;
    const git_index_entry *y = *(const git_index_entry *const *)b;
    int                    order = strcmp(x->path, y->path);

    return order ? order : git_index_entry_stage(x) - git_index_entry_stage(y);
}

static const char *path_of(const git_diff_delta *delta)
{
    return delta->new_file.path ? delta->new_file.path : delta->old_file.path;
}

static int compare_deltas(const void *a, const void *b)
{
    return strcmp(path_of(*(const git_diff_delta *const *)a),
                  path_of(*(const git_diff_delta *const *)b));
}

/* libgit2 sorts without regard to case where core.ignoreCase says so; git never does. */
static void collect_tracked(struct lk_git_listing *listing, const char *relative)
{
    size_t total = git_index_entrycount(listing->index);

    listing->tracked = lk_xcalloc(total + 1, sizeof(listing->tracked[0]));
    for (size_t i = 0; i < total; i++) {
        const git_index_entry *entry = git_index_get_byindex(listing->index, i);
        if (lk_git_is_below(relative, entry->path))
            listing->tracked[listing->tracked_count++] = entry;
    }
    qsort(listing->tracked, listing->tracked_count, sizeof(listing->tracked[0]),
          compare_entries);
}

static void collect_changed(struct lk_git_listing *listing, const char *relative)
{
    size_t total = git_diff_num_deltas(listing->diff);

    listing->changed = lk_xcalloc(total + 1, sizeof(listing->changed[0]));
    for (size_t i = 0; i < total; i++) {
        const git_diff_delta *delta = git_diff_get_delta(listing->diff, i);
        if (lk_git_is_below(relative, path_of(delta)))
            listing->changed[listing->changed_count++] = delta;
    }
    qsort(listing->changed, listing->changed_count, sizeof(listing->changed[0]),
          compare_deltas);
}

static int compare_with_disk(struct lk_git_repo *repo, const char *relative,
                             struct lk_git_listing *out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *below = lk_xasprintf("%s/", relative);
    bool                              narrow = relative[0] && lk_git_is_plain(relative);
    git_diff_options                  options;

    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    options.flags = GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_RECURSE_UNTRACKED_DIRS |
                    GIT_DIFF_DISABLE_PATHSPEC_MATCH | GIT_DIFF_INCLUDE_TYPECHANGE;
    options.pathspec = (git_strarray) { .strings = &below, .count = narrow ? 1 : 0 };
    if (git_repository_index(&out->index, repo->git) == 0 &&
        git_index_read(out->index, false) == 0 &&
        git_diff_index_to_workdir(&out->diff, repo->git, out->index, &options) == 0)
        return 0;
    return lk_err_set(err, LK_ERR_PERMANENT, "%s/%s: listing its files: %s", repo->top,
                      relative, lk_git_reason());
}

int lk_git_list(struct lk_git_repo *repo, const char *relative, struct lk_git_listing *out,
                struct lk_err *err)
{
    *out = (struct lk_git_listing) { 0 };
    if (compare_with_disk(repo, relative, out, err) < 0) {
        lk_git_listing_fini(out);
        return -1;
    }
    collect_tracked(out, relative);
    collect_changed(out, relative);
    return 0;
}

void lk_git_listing_fini(struct lk_git_listing *listing)
{
    free(listing->tracked);
    free(listing->changed);
    git_diff_free(listing->diff);
    git_index_free(listing->index);
    *listing = (struct lk_git_listing) { 0 };
}

static int compare_path(const void *path, const void *delta)
{
    return strcmp(path, path_of(*(const git_diff_delta *const *)delta));
}

const git_diff_delta *lk_git_listing_change(const struct lk_git_listing *listing,
                                            const char                  *path)
{
    const git_diff_delta **found = bsearch(path, listing->changed, listing->changed_count,
                                           sizeof(listing->changed[0]), compare_path);

    return found ? *found : NULL;
}
