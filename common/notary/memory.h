/*
 * memory - what was last seen of a repository's trust data: DIR/tuf/GUN/metadata/ROLE.json, as Docker's client
 * keeps it.  Against a server, or who stands between, that plays old metadata back.
 *
 * `directory` may be NULL: then nothing is remembered.  Any thread; a file is replaced whole.
 */
#ifndef LK_NOTARY_MEMORY_H
#define LK_NOTARY_MEMORY_H

#include "common/notary/metadata.h"

/* 0 with version 0: never seen.  INVALID, with the remedy, if the file is damaged. */
int lk_notary_memory_read(const char *directory, const char *gun, const char *role,
                          struct lk_notary_file *out, struct lk_err *err);

/* Keeps it unless a later version is there. */
int lk_notary_memory_keep(const char *directory, const char *gun,
                          const struct lk_notary_file *file, struct lk_err *err);

/* CONFLICT, with the remedy, if `seen` is later than `now`. */
int lk_notary_memory_check(const char *directory, const char *gun,
                           const struct lk_notary_file *seen, const struct lk_notary_file *now,
                           struct lk_err *err);

#endif
