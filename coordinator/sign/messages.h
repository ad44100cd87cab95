/*
 * messages - the byte strings that a signer signs for one digest: a payload for each name, and last the statement of
 * them all (common/registry/signatures.h).  Both ends of a signer elsewhere build them, each by itself.
 */
#ifndef LK_SIGN_MESSAGES_H
#define LK_SIGN_MESSAGES_H

#include "common/base/err.h"
#include "common/registry/signatures.h"

/* Sets digest and names; INVALID if `manifest` is neither an index nor an image, or a name is none. */
int lk_messages_begin(struct lk_signatures *of, struct lk_str manifest,
                      const char *const *names, size_t count, struct lk_err *err);

/* How many there are. */
size_t lk_messages_count(const struct lk_signatures *of);

/* Replaces what is in `out`, which has room for 2 * LK_PAYLOAD_MAX. */
int lk_message_make(struct lk_buf *out, const struct lk_signatures *of, size_t i,
                    struct lk_err *err);

/* Where the signature of message `i` by key `k` belongs. */
struct lk_signature *lk_message_signature(struct lk_signatures *of, size_t i, size_t k);

/* CONFLICT unless each key has signed each message. */
int lk_messages_check(struct lk_signatures *of, struct lk_err *err);

#endif
