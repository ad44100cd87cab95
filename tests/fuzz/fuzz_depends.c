#include "tests/fuzz/fuzz.h"

#include "common/pkg/depends.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The input as the file of images: read or refused with a reason, and each image that is read has a digest. */
static void read_lines(struct lk_str bytes)
{
    LK_CLEANUP(lk_close_fd) int                   fd = memfd_create("images", 0);
    LK_CLEANUP(lk_depends_fini) struct lk_depends depends = { 0 };
    struct lk_docker_images                       written = { 0 };
    struct lk_err                                 err = { 0 };

    lk_assert(fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
    snprintf(written.from_file, sizeof(written.from_file), "%d", fd);
    if (lk_depends_read(&depends, &written, "/proc/self/fd", "f", &err) < 0)
        lk_assert(err.text[0] && (err.kind == LK_ERR_INVALID || err.kind == LK_ERR_LIMIT));
    for (size_t i = 0; i < depends.images.count; i++)
        lk_assert(strstr(depends.images.texts[i], "@sha256:") != NULL);
}

/* And as a path: what is taken stays inside. */
static void read_path(struct lk_str bytes)
{
    LK_CLEANUP(lk_depends_fini) struct lk_depends depends = { 0 };
    struct lk_docker_images                       written = { 0 };
    struct lk_err                                 err = { 0 };

    if (!lk_str_copy(written.target, sizeof(written.target), bytes) || bytes.len == 0)
        return;
    if (lk_depends_read(&depends, &written, "/a/package", "f", &err) < 0)
        lk_assert(err.text[0] && err.kind == LK_ERR_INVALID);
    else
        lk_assert(depends.target[0] && depends.target[0] != '/' &&
                  strcmp(depends.target, "..") != 0 && strncmp(depends.target, "../", 3) != 0 &&
                  !strstr(depends.target, "/../"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_str bytes = { (const char *)data, size };

    read_lines(bytes);
    read_path(bytes);
    return 0;
}
