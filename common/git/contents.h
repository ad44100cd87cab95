/*
 * contents - a digest over the contents of what lies in a directory of a work tree, byte for byte the one
 * that `linuxkit pkg` puts into the tags of dirty packages.
 *
 * Contents alone, one after the other: first of the files of `git ls-files`, then of those of
 * `git ls-files --others --exclude-standard`, both run in the directory.  A file whose name git prints in
 * quotes (core.quotePath) is looked for under that print, not found, and left out; so are links, directories
 * and what cannot be opened.  Nothing waits for a pipe or device in a file's place: those are left out too.
 */
#ifndef LK_GIT_CONTENTS_H
#define LK_GIT_CONTENTS_H

#include "common/git/repo.h"
#include "common/hash/sha256.h"

/* Adds to `hash`.  The directory may be reached by links. */
int lk_git_hash_directory(struct lk_git_repo *repo, const char *directory,
                          struct lk_sha256_stream *hash, struct lk_err *err);

/* Adds one file's content, unless it is nothing that can be read. */
int lk_git_hash_file(const char *path, struct lk_sha256_stream *hash, struct lk_err *err);

#endif
