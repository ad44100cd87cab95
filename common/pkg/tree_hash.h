/*
 * tree_hash - the {{.Hash}} of a package's tag, byte for byte as `linuxkit pkg` makes it from git.
 *
 * It is the id of the tree that the commit has at `hash_path`; with extra sources the SHA-1 of that id and
 * theirs, as texts in a row; "-dirty-" and seven digits over what lies on disk are added if something is not
 * committed.  Where LinuxKit is careless this is not, and the hash of clean packages stays the same:
 *
 *  - git trouble (no repository, none to be trusted, no commit) is an error, not an empty hash;
 *  - an extra source that is not committed makes the package dirty too.  The contents of each such source
 *    follow the package's own in the digest after "-dirty-", in the order of build.yml;
 *  - a single file can be an extra source: its blob id stands in the row.
 */
#ifndef LK_TREE_HASH_H
#define LK_TREE_HASH_H

#include "common/base/digest.h"
#include "common/base/limits.h"
#include "common/pkg/extra_source.h"

#define LK_TREE_HASH_SIZE (LK_OID_TEXT_SIZE + sizeof("-dirty-1234567") - 1)

struct lk_tree_hash_options {
    const char                   *path;      /* the package's directory, absolute and clean */
    const char                   *hash_path; /* the same; NULL: `path` */
    const char                   *commit;    /* NULL: HEAD, the only one that can be dirty */
    bool                          force_dirty;
    const struct lk_extra_source *sources;
    size_t                        source_count;
};

struct lk_tree_hash {
    char          text[LK_TREE_HASH_SIZE];
    bool          dirty;
    char          dirty_example[LK_PATH_SIZE]; /* "" if dirty by force alone */
    struct lk_oid head;                        /* commit id, whatever `commit` is */
    int64_t       head_time_s;                 /* committer date */
};

/* Needs lk_git_init().  Extra sources are looked at first, in order, as LinuxKit does. */
int lk_tree_hash(const struct lk_tree_hash_options *options, struct lk_tree_hash *out,
                 struct lk_err *err);

#endif
