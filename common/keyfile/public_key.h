/* public_key - Ed25519 public keys as PEM "PUBLIC KEY" text (SubjectPublicKeyInfo, RFC 8410). */
#ifndef LK_PUBLIC_KEY_H
#define LK_PUBLIC_KEY_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define LK_PUBLIC_KEY_BYTES 32

/* Reads a PEM file; INVALID if it holds no Ed25519 key. */
int lk_public_key_load(uint8_t out[LK_PUBLIC_KEY_BYTES], const char *path, struct lk_err *err);

/* Appends the PEM text of a public key. */
void lk_public_key_pem(const uint8_t key[LK_PUBLIC_KEY_BYTES], struct lk_buf *out);

#endif
