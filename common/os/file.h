/* file - small files read whole with a cap, and written so that a crash leaves the old or the new one. */
#ifndef LK_FILE_H
#define LK_FILE_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <sys/types.h>

/* Appends the file's bytes; LIMIT if larger than out->max. */
int lk_file_read(const char *path, struct lk_buf *out, struct lk_err *err);

/* The same for secrets: refuses symlinks and files that group or others may read. */
int lk_file_read_secret(const char *path, struct lk_buf *out, struct lk_err *err);

/* Writes beside, syncs, renames, syncs the directory. */
int lk_file_replace(const char *path, struct lk_str bytes, mode_t mode, struct lk_err *err);

/* Creates with O_EXCL; CONFLICT if it is there. */
int lk_file_create(const char *path, struct lk_str bytes, mode_t mode, struct lk_err *err);

/* mkdir -p with `mode` for what is made. */
int lk_directory_make(const char *path, mode_t mode, struct lk_err *err);

/* Removes a directory and everything below it, never following a link or entering a mount; absent is fine. */
int lk_directory_remove(const char *path, struct lk_err *err);

#endif
