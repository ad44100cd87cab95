/*
 * recovery - what a store does about a machine that went down before its files were on disk.
 *
 * Objects are not synced one by one.  A power cut may leave one with its right name and no content, so
 * while anything is unsynced a mark with the kernel's boot id stands beside the objects; a store
 * that is opened under another boot id with the mark there hashes every object and throws out what is
 * broken.  A mere crash of the program loses nothing and costs nothing.
 */
#ifndef LK_SOURCE_RECOVERY_H
#define LK_SOURCE_RECOVERY_H

#include "common/base/err.h"

/* At opening: checks the objects below `directory` if it has to. */
int lk_recovery_run(const char *directory, struct lk_err *err);

/* Before the first write after opening or syncing. */
int lk_recovery_mark(const char *directory, struct lk_err *err);

/* After syncing. */
int lk_recovery_clear(const char *directory, struct lk_err *err);

#endif
