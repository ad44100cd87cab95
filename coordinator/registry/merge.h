/*
 * merge - reads each child that this push did not accept itself, then puts the index of them, and signs what
 * is to be signed: each child under its two names, the index under its one.
 *
 * Whoever told of a child may have lied or erred: an entry that was kept or adopted, or somebody's index.  So a
 * child is signed only after its bytes and its image config were found to be what the entry says, and the
 * index is put and signed only after all of them were.
 *
 * The new tag is awaited meanwhile.  So what need not wait for each other is done at once, each step by a thread
 * with a registry connection of its own (common/registry/crew.h), and children that were accepted are not
 * signed here: that they are signed is only looked at.
 */
#ifndef LK_MERGE_H
#define LK_MERGE_H

#include "coordinator/registry/publisher.h"

/*
 * `children`: one an architecture, all for Linux.  CONFLICT, naming architecture and digest, if one of them is not
 * what its entry says or not there.
 */
int lk_merge(const struct lk_publisher *publisher, const char *tag,
             const struct lk_index *children, const bool *accepted, bool sign,
             struct lk_descriptor *index, struct lk_err *err);

/*
 * What `lkcoord verify` will say of the index under this tag, asked before the tag names it.  CONFLICT: something is not
 * what it should be; NOT_FOUND: what was stored a moment ago (a manifest, a blob, a signature) is not there (yet).
 */
int lk_merge_verify(const struct lk_publisher *publisher, const char *tag,
                    const struct lk_index *children, bool sign,
                    const struct lk_descriptor *index, struct lk_err *err);

#endif
