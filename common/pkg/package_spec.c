#include "common/pkg/package.h"

#include "common/pkg/arguments.h"
#include "common/pkg/labels.h"
#include "common/registry/reference.h"

#include <stdlib.h>
#include <string.h>

static int set_repository(const struct lk_package *package, struct lk_spec *out,
                          struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char               *image = lk_xasprintf("%s/%s", package->org, package->image);
    struct lk_reference reference;

    if (lk_reference_parse(lk_str_of(image), &reference, err) < 0)
        return lk_err_wrap(err, "%s: org and image", package->path);
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

static int set_depends(const struct lk_package *package, struct lk_spec *out,
                       struct lk_err *err)
{
    const struct lk_depends *depends = &package->depends;

    /* Without images nothing is saved, nor a directory emptied: LinuxKit does not either. */
    if (depends->images.count == 0)
        return 0;
    if (!depends->target[0] && !depends->target_dir[0])
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: depends.docker-images says which images, but not where they go: "
                          "add target: FILE or target-dir: DIRECTORY",
                          package->path);
    memcpy(out->depends.target, depends->target, sizeof(out->depends.target));
    memcpy(out->depends.target_dir, depends->target_dir, sizeof(out->depends.target_dir));
    for (size_t i = 0; i < depends->images.count; i++)
        if (lk_spec_add_image(out, depends->images.texts[i], err) < 0)
            return lk_err_wrap(err, "%s", package->path);
    return 0;
}

int lk_package_spec_of_images(const struct lk_package *package, struct lk_spec *out,
                              struct lk_err *err)
{
    *out = (struct lk_spec) { 0 };
    if (package->build.unbuildable[0])
        return lk_err_set(err, LK_ERR_INVALID, "%s", package->build.unbuildable);
    set_source(package, out);
    return set_repository(package, out, err);
}

int lk_package_spec(const struct lk_package *package, struct lk_spec *out, struct lk_err *err)
{
    if (lk_package_spec_of_images(package, out, err) == 0 &&
        set_depends(package, out, err) == 0 && lk_labels_add(out, package, err) == 0 &&
        lk_arguments_add(out, package, err) == 0)
        return 0;
    lk_spec_fini(out);
    return -1;
}
