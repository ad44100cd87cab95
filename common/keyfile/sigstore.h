/*
 * sigstore - signing keys in the encrypted sigstore key file format ("ENCRYPTED SIGSTORE PRIVATE KEY", also
 * the older "ENCRYPTED COSIGN PRIVATE KEY"): scrypt and NaCl secretbox around PKCS#8, all by libsodium.
 * scrypt parameters of a foreign file are capped.  Ed25519 only.
 */
#ifndef LK_SIGSTORE_H
#define LK_SIGSTORE_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define LK_SEED_BYTES             32
#define LK_SIGSTORE_FILE_SIZE_MAX 16384

/*
 * Makes a new key pair: the encrypted key at `secret_path` (mode 0600), the public key as PEM at
 * `public_path`.  Existing files are never overwritten: CONFLICT.
 */
int lk_sigstore_generate(const char *secret_path, const char *public_path,
                         struct lk_str passphrase, struct lk_err *err);

/* Encrypts a seed; the PEM text goes to `out`. */
int lk_sigstore_seal(struct lk_buf *out, const uint8_t seed[LK_SEED_BYTES],
                     struct lk_str passphrase, struct lk_err *err);

/* Decrypts; DENIED if the passphrase does not open it.  The caller wipes the seed (sodium_memzero). */
int lk_sigstore_open(uint8_t seed[LK_SEED_BYTES], struct lk_str pem, struct lk_str passphrase,
                     struct lk_err *err);

#endif
