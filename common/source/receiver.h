/*
 * receiver - fetches what a store lacks of some roots: blobs, and trees with all that is below them.
 *
 * It says what to send (WANT, CREDIT) and takes what comes (OBJECT, ABSENT); whoever owns the socket
 * carries the messages.  Objects are asked for level by level, at most 256 in flight; credit is granted in
 * bytes, 8 pieces ahead.  Limits: objects, bytes and depth of limits.h; past them the transfer fails.
 * What is already in the store is walked, not asked for.
 */
#ifndef LK_SOURCE_RECEIVER_H
#define LK_SOURCE_RECEIVER_H

#include "common/source/store.h"
#include "proto/message.h"

struct lk_receiver;

struct lk_receiver *lk_receiver_new(struct lk_store *store, uint64_t job); /* store borrowed */
void                lk_receiver_free(struct lk_receiver **receiver);

int lk_receiver_add_root(struct lk_receiver *receiver, const struct lk_oid *oid, bool is_tree,
                         struct lk_err *err);

/* Fills the body of the next message to send; false: none now. */
bool lk_receiver_next(struct lk_receiver *receiver, lk_wire_Envelope *out);

/* Takes a message in.  An error ends the transfer; its text is for the user. */
int lk_receiver_take(struct lk_receiver *receiver, const lk_wire_Envelope *in,
                     struct lk_str payload, struct lk_err *err);

/* True if the object was asked for and has not come: with several receivers on one line, whose it is. */
bool lk_receiver_expects(const struct lk_receiver *receiver, const struct lk_oid *oid);

/*
 * A piece that none of them waits for, of a transfer that was given up: it has used up credit which was given
 * for what this one waits for.
 */
void lk_receiver_skip(struct lk_receiver *receiver, const lk_wire_Object *object);

/* True when every root is in the store with all that is below it. */
bool lk_receiver_is_done(const struct lk_receiver *receiver);

/* The line broke: ask again for what did not come. */
void lk_receiver_restart(struct lk_receiver *receiver);

uint64_t lk_receiver_bytes(const struct lk_receiver *receiver); /* content received so far */

#endif
