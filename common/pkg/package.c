#include "common/pkg/package.h"

#include "common/os/file.h"
#include "common/pkg/tag.h"
#include "common/pkg/tree_hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *or_default(const char *text, const char *otherwise)
{
    return text && text[0] ? text : otherwise;
}

int lk_package_absolute_path(const char *path, char **out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *here = NULL;

    if (path[0] == '/') {
        *out = lk_xstrdup(path);
    } else {
        here = getcwd(NULL, 0);
        if (!here)
            return lk_err_sys(err, "finding the current directory");
        *out = lk_xasprintf("%s/%s", here, path);
    }
    lk_clean_path(*out);
    return 0;
}

/* Sets `*out` to the absolute path, or to NULL if none was asked for. */
static int find_hash_path(const char *asked, const char *directory, char **out,
                          struct lk_err *err)
{
    size_t len;

    if (!asked || !asked[0])
        return 0;
    if (lk_package_absolute_path(asked, out, err) < 0)
        return -1;
    len = strcmp(*out, "/") == 0 ? 0 : strlen(*out);
    if (strncmp(directory, *out, len) == 0 && (directory[len] == '/' || !directory[len]))
        return 0;
    return lk_err_set(err, LK_ERR_INVALID,
                      "--hash-path %s: it must be the package's directory %s or one above it",
                      asked, directory);
}

static int no_build_yml(const char *path, const char *file, struct lk_err *err)
{
    return lk_err_set(err, LK_ERR_INVALID,
                      "%s: there is no %s in it: is it a package's directory?", path, file);
}

/* Both LinuxKit's way: the name is cleaned as text, and lies below the package even if it begins with '/'. */
static int read_build_yml(struct lk_package *out, const char *directory, const char *file,
                          struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_YAML_BYTES_MAX);
    LK_CLEANUP(lk_free_pointer) char     *name = lk_xasprintf("%s/%s", out->path, file);

    out->build_yml = lk_xasprintf("%s/%s", directory, file);
    lk_clean_path(out->build_yml);
    if (lk_file_read(out->build_yml, &bytes, err) < 0) {
        if (err->kind == LK_ERR_NOT_FOUND || err->sys == ENOTDIR)
            return no_build_yml(out->path, file, err);
        return -1;
    }
    if (lk_build_yml_read(lk_buf_str(&bytes), name, &out->build, err) < 0)
        return -1;
    return lk_depends_read(&out->depends, &out->build.docker_images, directory, name, err);
}

/* build.yml's org gives way to --dev's, to the environment's, and to the command line's, even if empty. */
static int set_names(struct lk_package *out, const struct lk_package_options *options,
                     struct lk_err *err)
{
    const char *user = getenv("USER");
    const char *org = out->build.org;

    if (options->dev)
        org = user ? user : "";
    org = or_default(getenv("LINUXKIT_PKG_ORG"), org);
    if (options->org)
        org = options->org;
    if (!lk_copy_text(out->org, sizeof(out->org), org))
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: org '%.64s...' is longer than %d characters", out->path, org,
                          LK_REPOSITORY_SIZE - 1);
    memcpy(out->image, out->build.image, sizeof(out->image));
    return 0;
}

static void override(struct lk_build_yml *build, const struct lk_package_options *options)
{
    if (options->network != LK_CHOICE_NONE)
        build->network = options->network == LK_CHOICE_YES;
    if (options->cache != LK_CHOICE_NONE)
        build->disable_cache = options->cache == LK_CHOICE_NO;
    if (build->has_default_arches && options->default_arch_count > 0) {
        build->arch_count = options->default_arch_count;
        memcpy(build->arches, options->default_arches, sizeof(build->arches));
    }
}

static int parse_sources(struct lk_package *out, const char *directory, struct lk_err *err)
{
    const struct lk_texts *written = &out->build.extra_sources;

    out->sources = lk_xcalloc(written->count + 1, sizeof(*out->sources));
    for (; out->source_count < written->count; out->source_count++)
        if (lk_extra_source_parse(lk_str_of(written->texts[out->source_count]), directory,
                                  &out->sources[out->source_count], err) < 0)
            return lk_err_wrap(err, "%s", out->build_yml);
    return 0;
}

static int ask_git(struct lk_package *out, const struct lk_package_options *options,
                   const char *directory, const char *hash_path, struct lk_err *err)
{
    const char                       *commit = or_default(options->hash_commit, "HEAD");
    const struct lk_tree_hash_options how = {
        .path = directory,
        .hash_path = hash_path,
        .commit = commit,
        .force_dirty = options->force_dirty,
        .sources = out->sources,
        .source_count = out->source_count,
    };
    struct lk_tree_hash hash;

    if (lk_git_open(&out->repo, directory, err) < 0 || lk_tree_hash(&how, &hash, err) < 0)
        return -1;
    lk_assert(lk_copy_text(out->hash, sizeof(out->hash), hash.text));
    out->dirty = hash.dirty;
    memcpy(out->dirty_example, hash.dirty_example, sizeof(out->dirty_example));
    out->head = hash.head;
    out->head_time_s = hash.head_time_s;
    /* Of another commit only the tag is asked for. */
    if (strcmp(commit, "HEAD") != 0) {
        snprintf(out->build.unbuildable, sizeof(out->build.unbuildable),
                 "%.300s: only HEAD can be built; leave --hash-commit %.100s out", out->path,
                 commit);
        return 0;
    }
    /* A link to a package has a tag, that of the link. */
    if (lk_git_tree_of(out->repo, directory, &out->tree, err) < 0)
        snprintf(out->build.unbuildable, sizeof(out->build.unbuildable), "%s", err->text);
    return 0;
}

/* A tag that was told needs nothing of git, as long as nothing is built. */
static int set_hash(struct lk_package *out, const struct lk_package_options *options,
                    const char *directory, const char *hash_path, struct lk_err *err)
{
    const char *told = or_default(options->hash, options->dev ? "dev" : NULL);

    if (parse_sources(out, directory, err) < 0)
        return -1;
    if (ask_git(out, options, directory, hash_path, err) < 0) {
        if (!told || out->source_count > 0)
            return -1;
        snprintf(out->build.unbuildable, sizeof(out->build.unbuildable), "%s", err->text);
    }
    if (!told || lk_copy_text(out->hash, sizeof(out->hash), told))
        return 0;
    return lk_err_set(err, LK_ERR_INVALID, "--hash %.40s...: it has more than %d characters",
                      told, LK_TEMPLATE_SIZE - 1);
}

static int set_tag(struct lk_package *out, const struct lk_package_options *options,
                   struct lk_err *err)
{
    const char *template = or_default(options->tag, or_default(out->build.tag, "{{.Hash}}"));

    if (lk_tag_make(template, out->hash, out->build.arches, out->build.arch_count, out->tag,
                    err) == 0)
        return 0;
    return lk_err_wrap(err, "%s", out->path);
}

struct lk_git_group *lk_package_group(const char *const *paths, size_t count)
{
    LK_CLEANUP(lk_free_pointer)
    char               **directories = lk_xcalloc(count + 1, sizeof(*directories));
    struct lk_git_group *group;
    struct lk_err        ignored;
    size_t               found = 0;

    for (size_t i = 0; i < count; i++)
        if (lk_package_absolute_path(paths[i], &directories[found], &ignored) == 0)
            found++;
    group = lk_git_group_new((const char *const *)directories, found);
    while (found > 0)
        free(directories[--found]);
    return group;
}

/* In LinuxKit's order, so that of several mistakes the same one is told. */
static int open_at(struct lk_package *out, const char *directory,
                   const struct lk_package_options *options, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *hash_path = NULL;

    if (find_hash_path(options->hash_path, directory, &hash_path, err) < 0 ||
        read_build_yml(out, directory, or_default(options->build_yml, "build.yml"), err) < 0 ||
        set_names(out, options, err) < 0)
        return -1;
    override(&out->build, options);
    if (set_hash(out, options, directory, hash_path, err) < 0)
        return -1;
    return set_tag(out, options, err);
}

int lk_package_open(struct lk_package *out, const char *path,
                    const struct lk_package_options *options, struct lk_err *err)
{
    *out = (struct lk_package) { 0 };
    if (!lk_copy_text(out->path, sizeof(out->path), path))
        return lk_err_set(err, LK_ERR_LIMIT, "%.100s...: longer than %d characters", path,
                          LK_PATH_SIZE - 1);
    if (lk_package_absolute_path(path, &out->directory, err) == 0 &&
        open_at(out, out->directory, options, err) == 0)
        return 0;
    lk_package_fini(out);
    return -1;
}

void lk_package_fini(struct lk_package *package)
{
    for (size_t i = 0; i < package->source_count; i++)
        lk_extra_source_fini(&package->sources[i]);
    free(package->sources);
    free(package->directory);
    free(package->build_yml);
    lk_git_close(&package->repo);
    lk_depends_fini(&package->depends);
    lk_build_yml_fini(&package->build);
    *package = (struct lk_package) { 0 };
}
