#include "common/pkg/package.h"

#include "common/os/file.h"
#include "common/pkg/arguments.h"
#include "common/pkg/labels.h"
#include "common/registry/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Removes "//", "." and ".." from an absolute path as text, in place: links are not looked at. */
static void clean(char *path)
{
    size_t len = 0;

    for (const char *at = path; *at;) {
        const char *part = at + strspn(at, "/");
        size_t      size = strcspn(part, "/");
        at = part + size;
        if (size == 0 || (size == 1 && part[0] == '.'))
            continue;
        if (size == 2 && part[0] == '.' && part[1] == '.') {
            while (len > 0 && path[--len] != '/')
                continue;
            continue;
        }
        path[len++] = '/';
        memmove(path + len, part, size);
        len += size;
    }
    if (len == 0)
        path[len++] = '/';
    path[len] = '\0';
}

static int absolute_path(const char *path, char **out, struct lk_err *err)
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
    clean(*out);
    return 0;
}

static int read_build_yml(struct lk_package *out, const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_YAML_BYTES_MAX);
    LK_CLEANUP(lk_free_pointer) char     *name = lk_xasprintf("%s/build.yml", path);

    if (lk_file_read(name, &bytes, err) < 0) {
        if (err->kind == LK_ERR_NOT_FOUND)
            return lk_err_set(err, LK_ERR_INVALID,
                              "%s: there is no build.yml in it: is it a package's directory?",
                              path);
        return -1;
    }
    return lk_build_yml_read(lk_buf_str(&bytes), name, &out->build, err);
}

/* build.yml's org gives way to the environment's, and that to the command line's, even if empty. */
static int set_names(struct lk_package *out, const struct lk_package_options *options,
                     struct lk_err *err)
{
    const char *environment = getenv("LINUXKIT_PKG_ORG");
    const char *org = out->build.org;

    if (environment && environment[0])
        org = environment;
    if (options->org)
        org = options->org;
    if (!lk_copy_text(out->org, sizeof(out->org), org))
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: org '%.64s...' is longer than %d characters", out->path, org,
                          LK_REPOSITORY_SIZE - 1);
    memcpy(out->image, out->build.image, sizeof(out->image));
    return 0;
}

static int set_tag(struct lk_package *out, const char *hash, struct lk_err *err)
{
    char id[LK_OID_TEXT_SIZE];

    if (!hash || !hash[0]) {
        lk_oid_format(&out->tree, id);
        hash = id;
    }
    if (lk_tag_is_valid(lk_str_of(hash)) && lk_copy_text(out->tag, sizeof(out->tag), hash) &&
        lk_copy_text(out->hash, sizeof(out->hash), hash))
        return 0;
    return lk_err_set(
        err, LK_ERR_INVALID,
        "%s: '%.140s' is not a legal tag: at most 128 letters, digits, '_', '.' and "
        "'-', not beginning with '.' or '-'",
        out->path, hash);
}

static int read_git(struct lk_package *out, const char *directory, struct lk_err *err)
{
    if (lk_git_open(&out->repo, directory, err) < 0 ||
        lk_git_tree_of(out->repo, directory, &out->tree, err) < 0 ||
        lk_git_head(out->repo, &out->head, &out->head_time_s, err) < 0)
        return -1;
    return lk_git_is_dirty(out->repo, directory, &out->dirty, out->dirty_example, err);
}

struct lk_git_group *lk_package_group(const char *const *paths, size_t count)
{
    LK_CLEANUP(lk_free_pointer)
    char               **directories = lk_xcalloc(count + 1, sizeof(*directories));
    struct lk_git_group *group;
    struct lk_err        ignored;
    size_t               found = 0;

    for (size_t i = 0; i < count; i++)
        if (absolute_path(paths[i], &directories[found], &ignored) == 0)
            found++;
    group = lk_git_group_new((const char *const *)directories, found);
    while (found > 0)
        free(directories[--found]);
    return group;
}

int lk_package_open(struct lk_package *out, const char *path,
                    const struct lk_package_options *options, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *directory = NULL;

    *out = (struct lk_package) { 0 };
    if (!lk_copy_text(out->path, sizeof(out->path), path))
        return lk_err_set(err, LK_ERR_LIMIT, "%.100s...: longer than %d characters", path,
                          LK_PATH_SIZE - 1);
    if (read_build_yml(out, path, err) == 0 && set_names(out, options, err) == 0 &&
        absolute_path(path, &directory, err) == 0 && read_git(out, directory, err) == 0 &&
        set_tag(out, options->hash, err) == 0)
        return 0;
    lk_package_fini(out);
    return -1;
}

void lk_package_fini(struct lk_package *package)
{
    lk_git_close(&package->repo);
    lk_build_yml_fini(&package->build);
    *package = (struct lk_package) { 0 };
}

static int set_repository(const struct lk_package *package, struct lk_spec *out,
                          struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char               *image = lk_xasprintf("%s/%s", package->org, package->image);
    struct lk_reference reference;

    if (lk_reference_parse(lk_str_of(image), &reference, err) < 0)
        return lk_err_wrap(err, "%s: image name", package->path);
    if (reference.tag[0] || reference.has_digest)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s: image name '%s' has a tag or digest in it; lkcoord makes the tag",
            package->path, image);
    memcpy(out->repository, reference.repository, sizeof(out->repository));
    return 0;
}

static void set_source(const struct lk_package *package, struct lk_spec *out)
{
    const struct lk_build_yml *build = &package->build;

    memcpy(out->path, package->path, sizeof(out->path));
    memcpy(out->tag, package->tag, sizeof(out->tag));
    memcpy(out->dockerfile, build->dockerfile, sizeof(out->dockerfile));
    out->tree = package->tree;
    out->network = build->network;
    out->no_cache = build->disable_cache;
    out->is_unsigned = build->disable_content_trust;
    out->arch_count = build->arch_count;
    memcpy(out->arches, build->arches, sizeof(out->arches));
    qsort(out->arches, out->arch_count, sizeof(out->arches[0]), lk_arch_compare);
}

int lk_package_spec(const struct lk_package *package, struct lk_spec *out, struct lk_err *err)
{
    *out = (struct lk_spec) { 0 };
    if (package->build.unbuildable[0])
        return lk_err_set(err, LK_ERR_INVALID, "%s", package->build.unbuildable);
    set_source(package, out);
    if (set_repository(package, out, err) == 0 && lk_labels_add(out, package, err) == 0 &&
        lk_arguments_add(out, package, err) == 0)
        return 0;
    lk_spec_fini(out);
    return -1;
}
