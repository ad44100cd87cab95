#include "common/pkg/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Only a submodule that is not checked out is one to its outer repository. */
static int check_source(const struct lk_extra_source *source, mode_t mode, struct lk_err *err)
{
    if (!LK_GIT_IS_SUBMODULE(mode))
        return 0;
    return lk_err_set(err, LK_ERR_INVALID,
                      "%s is a git submodule without its files: git submodule update --init",
                      source->src);
}

static int put(struct lk_context *context, const struct lk_context_part *part,
               const char *directory, const char *destination, struct lk_err *err)
{
    const struct lk_source_state *state = &part->state;

    if (state->dirty)
        return lk_git_composed_put_disk(context->composed, state->repo, directory, destination,
                                        err);
    return lk_git_composed_put(context->composed, state->repo, &state->entry, destination, err);
}

static int open_part(struct lk_context *context, const char *path, const char *where,
                     const char *name, struct lk_err *err)
{
    struct lk_context_part *part = &context->parts[context->part_count];

    if (lk_source_state_open(&part->state, path, where, "HEAD", err) < 0)
        return -1;
    part->name = name;
    context->part_count++;
    return 0;
}

static int add_source(struct lk_context *context, const struct lk_extra_source *source,
                      struct lk_err *err)
{
    const struct lk_context_part *part = &context->parts[context->part_count];

    if (open_part(context, source->src, NULL, source->src, err) == 0 &&
        check_source(source, part->state.entry.mode, err) == 0 &&
        put(context, part, source->src, source->dst, err) == 0)
        return 0;
    return lk_err_wrap(err, "extra source %.150s, at '%.60s'", source->src,
                       source->dst[0] ? source->dst : ".");
}

static int compose(struct lk_context *context, const struct lk_package *package,
                   struct lk_err *err)
{
    context->composed = lk_git_composed_new();
    if (open_part(context, package->directory, package->directory, package->path, err) < 0 ||
        put(context, &context->parts[0], package->directory, "", err) < 0)
        return -1;
    for (size_t i = 0; i < package->source_count; i++)
        if (add_source(context, &package->sources[i], err) < 0)
            return -1;
    return lk_git_composed_seal(context->composed, &context->tree, err);
}

/* As most packages are: there is nothing to look at. */
static int open_committed(struct lk_context *context, const struct lk_package *package,
                          struct lk_err *err)
{
    struct lk_source_state *state = &context->parts[0].state;

    if (lk_git_open(&state->repo, package->directory, err) < 0)
        return -1;
    state->entry = (struct lk_git_entry) { .mode = S_IFDIR, .oid = package->tree };
    context->parts[0].name = package->path;
    context->part_count = 1;
    return 0;
}

int lk_context_open(struct lk_context *out, const struct lk_package *package,
                    struct lk_err *err)
{
    bool committed = package->source_count == 0 && !package->dirty;

    *out = (struct lk_context) { .tree = package->tree };
    out->parts = lk_xcalloc(package->source_count + 1, sizeof(out->parts[0]));
    if (committed ? open_committed(out, package, err) == 0 : compose(out, package, err) == 0)
        return 0;
    lk_context_fini(out);
    return lk_err_wrap(err, "%s", package->path);
}

void lk_context_fini(struct lk_context *context)
{
    lk_git_composed_free(&context->composed);
    for (size_t i = 0; i < context->part_count; i++)
        lk_source_state_close(&context->parts[i].state);
    free(context->parts);
    *context = (struct lk_context) { 0 };
}

bool lk_context_lacks(const struct lk_context *context, const char *path)
{
    if (context->composed)
        return lk_git_composed_lacks(context->composed, path);
    return lk_git_lacks(context->parts[0].state.repo, &context->tree, path);
}

/* git's words name an id only, which tells nobody what to look for. */
static bool find_path(const struct lk_context_part *part, const struct lk_oid *oid,
                      char path[LK_PATH_SIZE])
{
    return S_ISDIR(part->state.entry.mode) &&
           lk_git_path_of(part->state.repo, &part->state.entry.oid, oid, path);
}

static int unreadable(const struct lk_context_part *part, const struct lk_oid *oid,
                      struct lk_err *err)
{
    char path[LK_PATH_SIZE];

    if (!find_path(part, oid, path))
        return -1;
    if (err->kind == LK_ERR_LIMIT)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "%s: the file %s is larger than %llu MiB, the most allowed; leave it "
                          "out of the package, or fetch it in the Dockerfile",
                          part->name, path, LK_SOURCE_OBJECT_BYTES_MAX >> 20);
    return lk_err_wrap(err, "%s: %s", part->name, path);
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
    for (size_t i = 0; i < context->part_count; i++) {
        size_t                        at = (context->last_hit + i) % context->part_count;
        const struct lk_context_part *part = &context->parts[at];

        if (lk_git_read(part->state.repo, oid, is_tree, out, err) == 0) {
            context->last_hit = at;
            return 0;
        }
        if (err->kind != LK_ERR_NOT_FOUND)
            return unreadable(part, oid, err);
    }
    return lk_err_set(err, LK_ERR_NOT_FOUND, "no package's repository has the object");
}

bool lk_context_find(const struct lk_context *context, const struct lk_oid *oid,
                     char path[LK_PATH_SIZE])
{
    char inner[LK_PATH_SIZE];

    for (size_t i = 0; i < context->part_count; i++)
        if (find_path(&context->parts[i], oid, inner)) {
            snprintf(path, LK_PATH_SIZE, "%.500s/%.500s", context->parts[i].name, inner);
            return true;
        }
    return false;
}

bool lk_context_misses(const struct lk_context *context, const struct lk_oid *oid,
                       struct lk_err *err)
{
    char path[LK_PATH_SIZE];

    for (size_t i = 0; i < context->part_count; i++)
        if (find_path(&context->parts[i], oid, path)) {
            lk_err_set(err, LK_ERR_PERMANENT,
                       "%s: the git repository has lost the content of %s; see git fsck",
                       context->parts[i].name, path);
            return true;
        }
    return false;
}
