/*
 * view - what content trust says of one repository, verified from the root down: signatures, thresholds, versions
 * against each other and against what was seen before, hashes and lengths, expiry.
 *
 * Whoever sees a repository for the first time trusts the root that the server shows, as Docker's client does; from
 * then on a new root has to be signed by the one before.  Blocking; see server.h for threads.
 */
#ifndef LK_NOTARY_VIEW_H
#define LK_NOTARY_VIEW_H

#include "common/notary/server.h"

#define LK_NOTARY_DELEGATIONS_MAX 32
#define LK_NOTARY_RELEASES        "targets/releases"

struct lk_notary_delegation {
    const json_t *role; /* name, paths, keyids, threshold; borrowed from the targets file */
    const char   *name;
    struct lk_notary_file file; /* version 0: nothing published under it yet */
    /* Kind NONE, or why nobody believes it, as Docker's client, which goes on without it. */
    struct lk_err why;
};

struct lk_notary_view {
    struct lk_notary_file       root;
    struct lk_notary_file       timestamp;
    struct lk_notary_file       snapshot;
    struct lk_notary_file       targets;
    size_t                      count;
    struct lk_notary_delegation delegations[LK_NOTARY_DELEGATIONS_MAX];
};

enum lk_notary_purpose {
    LK_NOTARY_TO_BELIEVE,
    LK_NOTARY_TO_RENEW, /* what ran out counts too, but for the root and the timestamp */
};

/*
 * `memory`: see memory.h.  NOT_FOUND: the server has nothing of this repository.  CONFLICT: what it shows does not
 * hold together, is old, or ran out; the text names what, and what to do.  `out` is zeroed first; finish it always.
 */
int  lk_notary_view_fetch(struct lk_notary_view *out, struct lk_notary_server *server,
                          const char *memory, enum lk_notary_purpose purpose, int64_t now_s,
                          struct lk_err *err);
void lk_notary_view_fini(struct lk_notary_view *view);

/* "keyids" and "threshold" of one of the four main roles; and the root's keys by id.  Borrowed. */
const json_t *lk_notary_root_role(const struct lk_notary_file *root, const char *role);
const json_t *lk_notary_keys(const struct lk_notary_file *root_or_targets);

/*
 * The digest that Docker's clients resolve this tag to: of targets/releases, else of targets.  False: they know no
 * such tag.  `role` says whose word it is; borrowed.
 */
bool lk_notary_view_find(const struct lk_notary_view *view, const char *tag,
                         struct lk_digest *digest, uint64_t *length, const char **role);

/*
 * Fetches, verifies, and answers what content trust says of this tag.  NOT_FOUND: it knows no such tag, or nothing of
 * the repository.
 */
int lk_notary_lookup(struct lk_notary_server *server, const char *memory, const char *tag,
                     int64_t now_s, struct lk_digest *digest, uint64_t *length,
                     struct lk_err *err);

/* The file of "targets", "snapshot" or a delegation; NULL: there is no such role. */
const struct lk_notary_file *lk_notary_view_file(const struct lk_notary_view *view,
                                                 const char                  *role);

/* True if a delegation may speak for this tag. */
bool lk_notary_delegation_covers(const struct lk_notary_delegation *delegation,
                                 const char                        *tag);

#endif
