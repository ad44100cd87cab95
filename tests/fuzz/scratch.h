/* scratch - for what is read only from files: a directory of this process's own below build/, gone at its end. */
#ifndef LK_FUZZ_SCRATCH_H
#define LK_FUZZ_SCRATCH_H

#include "common/base/base.h"
#include "common/os/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char scratch_directory[64];

static inline void scratch_remove(void)
{
    struct lk_err err;

    lk_directory_remove(scratch_directory, &err);
}

/* The path of a file in it; good until the next call. */
static inline const char *scratch_path(const char *name)
{
    static char   path[128];
    struct lk_err err;

    if (!scratch_directory[0]) {
        snprintf(scratch_directory, sizeof(scratch_directory), "build/fuzz-%d", (int)getpid());
        lk_assert(lk_directory_make(scratch_directory, 0700, &err) == 0);
        atexit(scratch_remove);
    }
    snprintf(path, sizeof(path), "%s/%s", scratch_directory, name);
    return path;
}

/* As secret as a key file has to be. */
static inline const char *scratch_write(const char *name, const void *data, size_t size)
{
    const char                 *path = scratch_path(name);
    LK_CLEANUP(lk_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    lk_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    return path;
}

#endif
