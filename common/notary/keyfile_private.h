/* What reading and writing key files share.  Used only in common/notary. */
#ifndef LK_NOTARY_KEYFILE_PRIVATE_H
#define LK_NOTARY_KEYFILE_PRIVATE_H

#include "common/notary/keyfile.h"

#include <openssl/evp.h>

struct lk_notary_private {
    EVP_PKEY *ec;      /* or NULL: */
    uint8_t  *ed25519; /* crypto_sign_SECRETKEYBYTES in locked memory */
    json_t   *public_key;
    char      id[LK_NOTARY_ID_SIZE];
};

/* Takes `ec` over; sets the public half and the id. */
int lk_notary_private_of_ec(struct lk_notary_private **out, EVP_PKEY *ec, struct lk_err *err);

#endif
