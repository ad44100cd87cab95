#include "common/pkg/depends.h"

#include "common/os/file.h"
#include "common/pkg/extra_source.h"
#include "common/registry/reference.h"

#include <stdio.h>
#include <string.h>

#define FIELD "depends.docker-images"

static int check_exclusions(const struct lk_docker_images *written, const char *name,
                            struct lk_err *err)
{
    if (written->target[0] && written->target_dir[0])
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: " FIELD ": target and target-dir exclude each other", name);
    if (written->from_file[0] && written->list.count > 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: " FIELD ": list and from-file exclude each other", name);
    return 0;
}

/* Writes `path` as it is from the package's directory, clean. */
static int inner_path(const char *field, const char *path, const char *directory,
                      const char *name, char out[LK_PATH_SIZE], struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *whole = lk_xasprintf("%s/%s", directory, path);
    size_t                            len = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    const char                       *problem = NULL;

    if (path[0] == '\0')
        return 0;
    lk_clean_path(whole);
    if (path[0] == '/')
        problem = "must be relative to the package's directory";
    else if (strcmp(whole, directory) == 0)
        problem = "must not be the package's directory itself";
    else if (strncmp(whole, directory, len) != 0 || whole[len] != '/')
        problem = "must be inside the package's directory";
    else if (!lk_copy_text(out, LK_PATH_SIZE, whole + len + 1))
        problem = "is too long";
    if (!problem)
        return 0;
    return lk_err_set(err, LK_ERR_INVALID, "%s: " FIELD ".%s: '%.200s' %s", name, field, path,
                      problem);
}

static int check_image(struct lk_str image, const char *place, struct lk_err *err)
{
    struct lk_reference reference;
    struct lk_str       name = image, digest;
    const char         *problem = NULL;
    int                 shown = image.len > 150 ? 150 : (int)image.len;

    lk_str_split(image, '@', &name, &digest);
    if (memmem(image.data, image.len, "://", 3))
        problem = "must be written without \"://\" and what is in front of it";
    else if (!memchr(name.data, '/', name.len))
        problem =
            "must be written with its registry or organisation, as docker.io/library/alpine";
    else if (lk_reference_parse(image, &reference, err) < 0)
        return lk_err_wrap(err, "%s", place);
    else if (!reference.has_digest)
        problem = "lacks a digest: write NAME@sha256:..., so that each build gets the same";
    if (!problem)
        return 0;
    return lk_err_set(err, LK_ERR_INVALID, "%s: the image '%.*s' %s", place, shown, image.data,
                      problem);
}

static int add_image(struct lk_depends *out, struct lk_str image, const char *place,
                     struct lk_err *err)
{
    if (check_image(image, place, err) < 0)
        return -1;
    lk_texts_add(&out->images, image);
    return 0;
}

static int add_lines(struct lk_depends *out, struct lk_str text, const char *place,
                     struct lk_err *err)
{
    struct lk_str line;
    unsigned      number = 0;

    while (text.len > 0) {
        if (!lk_str_split(text, '\n', &line, &text)) {
            line = text;
            text.len = 0;
        }
        number++;
        if (lk_str_ends(line, "\r"))
            line.len--;
        if (line.len == 0 || line.data[0] == '#')
            continue;
        LK_CLEANUP(lk_free_pointer) char *here = lk_xasprintf("%s:%u", place, number);
        if (add_image(out, line, here, err) < 0)
            return -1;
    }
    return 0;
}

static int read_file(struct lk_depends *out, const char *directory, const char *path,
                     const char *name, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_YAML_BYTES_MAX);
    LK_CLEANUP(lk_free_pointer) char     *whole = lk_xasprintf("%s/%s", directory, path);
    LK_CLEANUP(lk_free_pointer)
    char *place = lk_xasprintf("%s: " FIELD ".from-file: %s", name, path);

    if (lk_file_read(whole, &bytes, err) == 0)
        return add_lines(out, lk_buf_str(&bytes), place, err);
    if (err->kind == LK_ERR_NOT_FOUND)
        return lk_err_set(err, LK_ERR_INVALID, "%s: there is no such file", place);
    return lk_err_wrap(err, "%s: " FIELD ".from-file", name);
}

static int add_list(struct lk_depends *out, const struct lk_texts *list, const char *name,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *place = lk_xasprintf("%s: " FIELD ".list", name);

    for (size_t i = 0; i < list->count; i++)
        if (add_image(out, lk_str_of(list->texts[i]), place, err) < 0)
            return -1;
    return 0;
}

static int read_all(struct lk_depends *out, const struct lk_docker_images *written,
                    const char *directory, const char *name, struct lk_err *err)
{
    char from_file[LK_PATH_SIZE] = "";

    if (check_exclusions(written, name, err) < 0 ||
        inner_path("target", written->target, directory, name, out->target, err) < 0 ||
        inner_path("target-dir", written->target_dir, directory, name, out->target_dir, err) <
            0 ||
        inner_path("from-file", written->from_file, directory, name, from_file, err) < 0)
        return -1;
    if (from_file[0])
        return read_file(out, directory, from_file, name, err);
    return add_list(out, &written->list, name, err);
}

int lk_depends_read(struct lk_depends *out, const struct lk_docker_images *written,
                    const char *directory, const char *name, struct lk_err *err)
{
    *out = (struct lk_depends) { 0 };
    if (read_all(out, written, directory, name, err) == 0)
        return 0;
    lk_depends_fini(out);
    return -1;
}

void lk_depends_fini(struct lk_depends *depends)
{
    lk_texts_fini(&depends->images);
    *depends = (struct lk_depends) { 0 };
}
