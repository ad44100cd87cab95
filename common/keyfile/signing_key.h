/*
 * signing_key - a private key that signs, Ed25519 (libsodium) or ECDSA P-256 (libcrypto), in locked memory.
 *
 * Made, or read from PKCS#8; both are all there is to it.  While libcrypto reads or uses a P-256 key it has copies of
 * its own, which it wipes.  Signing may be done by several threads.
 */
#ifndef LK_SIGNING_KEY_H
#define LK_SIGNING_KEY_H

#include "common/keyfile/public_key.h"

#define LK_PKCS8_BYTES_MAX \
    512 /* a P-256 key has 138, Ed25519 48: enough to say what is foreign */

struct lk_signing_key;

int lk_signing_key_new(struct lk_signing_key **out, enum lk_key_type type, struct lk_err *err);

/* From PKCS#8 in DER, unencrypted; INVALID if it is no key of these types.  The caller wipes `pkcs8`. */
int lk_signing_key_read(struct lk_signing_key **out, struct lk_str pkcs8, struct lk_err *err);

void lk_signing_key_free(struct lk_signing_key **key);

/* Borrowed. */
const struct lk_public_key *lk_signing_key_public(const struct lk_signing_key *key);

/* PKCS#8 in DER: secret, in the key's locked memory.  Borrowed. */
struct lk_str lk_signing_key_pkcs8(const struct lk_signing_key *key);

/* Ed25519: the same message has the same signature.  ECDSA: another one each time. */
int lk_signing_key_sign(const struct lk_signing_key *key, struct lk_str message,
                        struct lk_signature *out, struct lk_err *err);

#endif
