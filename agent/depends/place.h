/*
 * place - files and directories of ours in a build context, which a stranger filled: a symbolic link on the way
 * is not followed, wherever it leads, and what is made has time 0 like the rest of the context.
 *
 * Paths are relative to the context.  Nobody else writes there meanwhile.
 */
#ifndef LK_AGENT_PLACE_H
#define LK_AGENT_PLACE_H

#include "common/base/err.h"

/* An empty file in place of whatever has the name, mode 0600 as `docker image save` makes it; missing directories
 * are made.  The fd is the caller's. */
int lk_place_file(const char *context, const char *path, struct lk_err *err);

/* An empty directory in place of whatever has the name. */
int lk_place_directory(const char *context, const char *path, struct lk_err *err);

/* Times 0 for it and for the directories above it: builders' caches see them. */
int lk_place_settle(const char *context, const char *path, struct lk_err *err);

#endif
