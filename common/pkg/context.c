#include "common/pkg/context.h"

#include "common/pkg/source_state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *kind_of(mode_t mode)
{
    if (LK_GIT_IS_SUBMODULE(mode))
        return "a submodule";
    return S_ISLNK(mode) ? "a symbolic link" : "a file";
}

/* What a link leads to, or a submodule holds, is not what the tag was made of. */
static int check_package(const char *directory, mode_t mode, struct lk_err *err)
{
    if (S_ISDIR(mode))
        return 0;
    return lk_err_set(err, LK_ERR_INVALID,
                      "%s is %s in git, not a directory; name the package's own directory",
                      directory, kind_of(mode));
}

static int check_source(const struct lk_extra_source *source, mode_t mode, struct lk_err *err)
{
    if (!LK_GIT_IS_SUBMODULE(mode))
        return 0;
    return lk_err_set(err, LK_ERR_INVALID,
                      "the extra source %s is a git submodule that is not there: git submodule "
                      "update --init",
                      source->src);
}

static int put(struct lk_context *context, const struct lk_source_state *state,
               const char *path, const char *destination, bool dirty, struct lk_err *err)
{
    if (dirty && state->dirty)
        return lk_git_composed_put_disk(context->composed, state->repo, path, destination, err);
    return lk_git_composed_put(context->composed, state->repo, &state->entry, destination, err);
}

static int open_state(struct lk_context *context, const char *path, const char *where,
                      struct lk_source_state *state, struct lk_err *err)
{
    if (lk_source_state_open(state, path, where, "HEAD", err) < 0)
        return -1;
    context->repos[context->repo_count++] = state->repo;
    return 0;
}

static int add_source(struct lk_context *context, const struct lk_extra_source *source,
                      bool dirty, struct lk_err *err)
{
    struct lk_source_state state;

    if (open_state(context, source->src, NULL, &state, err) == 0 &&
        check_source(source, state.entry.mode, err) == 0 &&
        put(context, &state, source->src, source->dst, dirty, err) == 0)
        return 0;
    return lk_err_wrap(err, "extra source %s:%s", source->src, source->dst);
}

static int compose(struct lk_context *context, const char *directory,
                   const struct lk_extra_source *sources, size_t source_count, bool dirty,
                   struct lk_err *err)
{
    struct lk_source_state package;

    if (open_state(context, directory, directory, &package, err) < 0 ||
        check_package(directory, package.entry.mode, err) < 0)
        return -1;
    context->tree = package.entry.oid;
    if (source_count == 0 && !(dirty && package.dirty))
        return 0;
    context->composed = lk_git_composed_new();
    if (put(context, &package, directory, "", dirty, err) < 0)
        return -1;
    for (size_t i = 0; i < source_count; i++)
        if (add_source(context, &sources[i], dirty, err) < 0)
            return -1;
    return lk_git_composed_seal(context->composed, &context->tree, err);
}

int lk_context_open(struct lk_context *out, const char *directory,
                    const struct lk_extra_source *sources, size_t source_count, bool dirty,
                    struct lk_err *err)
{
    *out = (struct lk_context) { 0 };
    out->repos = lk_xcalloc(source_count + 1, sizeof(out->repos[0]));
    if (compose(out, directory, sources, source_count, dirty, err) == 0)
        return 0;
    lk_context_fini(out);
    return lk_err_wrap(err, "%s: what to build it from", directory);
}

void lk_context_fini(struct lk_context *context)
{
    lk_git_composed_free(&context->composed);
    for (size_t i = 0; i < context->repo_count; i++)
        lk_git_close(&context->repos[i]);
    free(context->repos);
    *context = (struct lk_context) { 0 };
}

int lk_context_read(struct lk_context *context, const struct lk_oid *oid, bool *is_tree,
                    struct lk_buf *out, struct lk_err *err)
{
    if (context->composed) {
        if (lk_git_composed_read(context->composed, oid, is_tree, out, err) == 0)
            return 0;
        if (err->kind != LK_ERR_NOT_FOUND)
            return -1;
    }
    /* Objects come in runs from one repository: the one that had the last is asked first. */
    for (size_t i = 0; i < context->repo_count; i++) {
        size_t at = (context->last_hit + i) % context->repo_count;

        if (lk_git_read(context->repos[at], oid, is_tree, out, err) == 0) {
            context->last_hit = at;
            return 0;
        }
        if (err->kind != LK_ERR_NOT_FOUND)
            return -1;
    }
    return lk_err_set(err, LK_ERR_NOT_FOUND, "the build context has no such object");
}
