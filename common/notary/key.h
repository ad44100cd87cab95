/*
 * key - public keys as content trust's metadata hold them: {"keytype", "keyval": {"private": null, "public"}}.
 *
 * ECDSA, RSA (also as X.509 certificates: the root's) and Ed25519.  A key's id is the SHA-256 of its canonical
 * form.  Pure.
 */
#ifndef LK_NOTARY_KEY_H
#define LK_NOTARY_KEY_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <jansson.h>

#define LK_NOTARY_ID_SIZE 65

/* Owned by the caller.  `type` is "ecdsa", "ed25519", "ecdsa-x509", ... */
json_t *lk_notary_key_new(const char *type, const void *public_bytes, size_t len);

/* False if it is no key. */
bool lk_notary_key_id(const json_t *key, char out[LK_NOTARY_ID_SIZE]);

/* True if `signature` (base64) is this key's over the message, by the method that is named. */
bool lk_notary_key_verifies(const json_t *key, const char *method, const char *signature,
                            struct lk_str message);

/*
 * True if a root's key is a certificate for this repository: its common name is the repository, or a prefix and '*',
 * and it is valid at this time.
 */
bool lk_notary_key_is_root_of(const json_t *key, const char *gun, int64_t now_s);

/* Base64 to bytes: how many, or 0 if it is malformed or does not fit. */
size_t lk_base64_decode(void *out, size_t size, const char *text);

/* A new string. */
char *lk_base64_encode(const void *data, size_t len);

#endif
