/*
 * sigstore - signing keys in the encrypted sigstore key file format ("ENCRYPTED SIGSTORE PRIVATE KEY", also
 * the older "ENCRYPTED COSIGN PRIVATE KEY"): scrypt and NaCl secretbox around PKCS#8, all by libsodium.
 * scrypt parameters of a foreign file are capped.
 */
#ifndef LK_SIGSTORE_H
#define LK_SIGSTORE_H

#include "common/keyfile/signing_key.h"

#define LK_SIGSTORE_FILE_SIZE_MAX 16384

/* Makes a new key pair and saves it. */
int lk_sigstore_generate(const char *secret_path, const char *public_path,
                         enum lk_key_type type, struct lk_str passphrase, struct lk_err *err);

/*
 * The encrypted key goes to `secret_path` (mode 0600), the public key as PEM to `public_path`.  Existing files are
 * never overwritten: CONFLICT.
 */
int lk_sigstore_save(const struct lk_signing_key *key, const char *secret_path,
                     const char *public_path, struct lk_str passphrase, struct lk_err *err);

/* Encrypts a key; the PEM text goes to `out`. */
int lk_sigstore_seal(struct lk_buf *out, const struct lk_signing_key *key,
                     struct lk_str passphrase, struct lk_err *err);

/* True if the text has a block of this format. */
bool lk_sigstore_is(struct lk_str pem);

/* Decrypts; DENIED if the passphrase does not open it. */
int lk_sigstore_open(struct lk_signing_key **out, struct lk_str pem, struct lk_str passphrase,
                     struct lk_err *err);

#endif
