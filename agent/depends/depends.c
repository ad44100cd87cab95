#include "agent/depends/depends.h"

#include "agent/depends/image.h"
#include "agent/depends/place.h"
#include "common/oci/docker_archive.h"
#include "common/registry/reference.h"

#include <stdio.h>
#include <string.h>

static int parse_image(struct lk_reference *out, const char *text, struct lk_err *err)
{
    if (lk_reference_parse(lk_str_of(text), out, err) < 0)
        return -1;
    if (!out->has_digest)
        return lk_err_set(err, LK_ERR_INVALID,
                          "it has no digest: images are saved by digest only");
    return 0;
}

static int add_image(struct lk_image_fetcher *fetcher, struct lk_docker_archive *archive,
                     const char *text, struct lk_err *err)
{
    struct lk_reference image;

    if (parse_image(&image, text, err) < 0 || lk_image_fetch(fetcher, &image, archive, err) < 0)
        return lk_err_wrap(err, "depends.docker-images: %s", text);
    return 0;
}

/* Images `first` and the `count` - 1 after it, into one archive. */
static int save(struct lk_image_fetcher *fetcher, const char *path, size_t first, size_t count,
                struct lk_err *err)
{
    const struct lk_depends_request                             *request = fetcher->request;
    LK_CLEANUP(lk_docker_archive_free) struct lk_docker_archive *archive = NULL;
    LK_CLEANUP(lk_close_fd) int fd = lk_place_file(request->context, path, err);

    if (fd < 0)
        return lk_err_wrap(err, "depends.docker-images");
    if (lk_docker_archive_open(&archive, fd, err) < 0)
        return -1;
    for (size_t i = first; i < first + count; i++)
        if (add_image(fetcher, archive, request->depends->images[i], err) < 0)
            return -1;
    if (lk_docker_archive_finish(archive, err) < 0)
        return -1;
    return lk_place_settle(request->context, path, err);
}

static int save_each(struct lk_image_fetcher *fetcher, struct lk_err *err)
{
    const struct lk_spec_depends *depends = fetcher->request->depends;

    if (lk_place_directory(fetcher->request->context, depends->target_dir, err) < 0)
        return lk_err_wrap(err, "depends.docker-images");
    for (size_t i = 0; i < depends->image_count; i++) {
        LK_CLEANUP(lk_free_pointer) char *path = NULL;
        struct lk_reference               image;
        char                              digest[LK_DIGEST_TEXT_SIZE];

        if (parse_image(&image, depends->images[i], err) < 0)
            return lk_err_wrap(err, "depends.docker-images: %s", depends->images[i]);
        lk_digest_format(&image.digest, digest);
        const char *slash = strrchr(image.path, '/');
        path = lk_xasprintf("%s/%s@%s.tar", depends->target_dir, slash ? slash + 1 : image.path,
                            digest);
        if (save(fetcher, path, i, 1, err) < 0)
            return -1;
    }
    return lk_place_settle(fetcher->request->context, depends->target_dir, err);
}

static int fetch(const struct lk_depends_request *request, struct lk_err *err)
{
    LK_CLEANUP(lk_image_fetcher_fini) struct lk_image_fetcher fetcher = LK_IMAGE_FETCHER_NONE;
    const struct lk_spec_depends                             *depends = request->depends;

    if (depends->image_count == 0)
        return 0;
    if (lk_image_fetcher_init(&fetcher, request, err) < 0)
        return -1;
    return depends->target_dir[0]
               ? save_each(&fetcher, err)
               : save(&fetcher, depends->target, 0, depends->image_count, err);
}

int lk_depends_fetch(const struct lk_depends_request *request, struct lk_err *err)
{
    if (fetch(request, err) == 0)
        return 0;
    /* What is not there, or is too large, will be so on any other agent; a full disk will not. */
    if (err->kind == LK_ERR_NOT_FOUND || (err->kind == LK_ERR_LIMIT && err->sys == 0))
        err->kind = LK_ERR_INVALID;
    return -1;
}
