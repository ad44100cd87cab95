/*
 * publish - adds tags to a repository's trust data, and begins new ones.
 *
 * A tag goes into targets/releases and into each further delegation that we hold a key of, as with `docker trust
 * sign`; where there are no delegations, into targets.  Everything else there is kept.  What is there already is
 * not written again.  What was published is fetched and verified afterwards: the server answers 200 to what it then
 * cannot serve.  Somebody else's publication in between is taken in and ours applied again.
 */
#ifndef LK_NOTARY_PUBLISH_H
#define LK_NOTARY_PUBLISH_H

#include "common/notary/signer.h"
#include "common/notary/view.h"

struct lk_notary_tag {
    const char      *tag;
    struct lk_digest digest;
    uint64_t         length; /* bytes of the index or manifest */
};

struct lk_notary_publication {
    struct lk_notary_server       *server;
    const struct lk_notary_signer *signer;
    const char                    *memory; /* see memory.h */
    /* Called before each new try, which is one more than `tries` so far; waits as long as it likes.  May be NULL. */
    void (*pause)(void *ctx, unsigned tries);
    void *pause_ctx;
};

/*
 * DENIED, with the remedy, if a key is missing or does not open.  CONFLICT if the server keeps something else than it
 * was sent.  RETRY if others published again and again.
 */
int lk_notary_publish(const struct lk_notary_publication *how, const struct lk_notary_tag *tags,
                      size_t count, int64_t now_s, struct lk_err *err);

/* DENIED, with the remedy, if this tag could not be published for want of a key.  Asks nobody. */
int lk_notary_may_publish(const struct lk_notary_view   *view,
                          const struct lk_notary_signer *signer, const char *tag,
                          struct lk_err *err);

/* 0: the server has nothing of this repository; CONFLICT: it has. */
int lk_notary_is_absent(struct lk_notary_server *server, struct lk_err *err);

/*
 * Begins a repository: root and targets by these keys, snapshot and timestamp by the server's own.  CONFLICT if the
 * server has it already.
 */
int lk_notary_begin(struct lk_notary_server *server, const struct lk_notary_private *root,
                    const struct lk_notary_private *targets, const char *memory, int64_t now_s,
                    struct lk_err *err);

#endif
