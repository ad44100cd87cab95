/*
 * keyring - the private keys of a trust directory (DIR/private, as Docker's and Notary's clients lay it out, the
 * older one too), opened once with one passphrase.
 *
 * A key that does not open is remembered with the reason and told when it is needed; that none opens is an error at
 * once.  Root keys stay closed unless they are asked for: publishing needs none.  Any thread may sign.
 */
#ifndef LK_NOTARY_KEYRING_H
#define LK_NOTARY_KEYRING_H

#include "common/notary/signer.h"

#define LK_NOTARY_KEYS_MAX 256

enum lk_notary_keys { LK_NOTARY_PUBLISHING_KEYS, LK_NOTARY_ROOT_KEYS };

struct lk_notary_keyring;

/* NOT_FOUND if the directory has no such key; DENIED if the passphrase opens none of them. */
int  lk_notary_keyring_open(struct lk_notary_keyring **out, const char *directory,
                            enum lk_notary_keys which, struct lk_str passphrase,
                            struct lk_err *err);
void lk_notary_keyring_close(struct lk_notary_keyring **keyring);

/* Lives as long as the keyring. */
struct lk_notary_signer lk_notary_keyring_signer(struct lk_notary_keyring *keyring);

/* The first that opened, or NULL. */
const struct lk_notary_private *
lk_notary_keyring_first(const struct lk_notary_keyring *keyring);

/* Writes a new key to DIR/private/ID.key; CONFLICT if it is there. */
int lk_notary_keyring_save(const char *directory, const struct lk_notary_private *key,
                           const char *role, const char *gun, struct lk_str passphrase,
                           struct lk_err *err);

#endif
