/*
 * signer - who holds content trust's private keys, behind one small interface: keys are named by their id, and
 * only signatures come out, so that the keys may be another process's.
 *
 * What is signed is always a whole metadata file's "signed" half in its canonical form, built by publish.c.
 */
#ifndef LK_NOTARY_SIGNER_H
#define LK_NOTARY_SIGNER_H

#include "common/notary/keyfile.h"

struct lk_notary_signer {
    bool (*has)(void *ctx, const char *key_id);
    /* DENIED, with the remedy, if that key cannot be used. */
    int (*sign)(void *ctx, const char *key_id, struct lk_str message,
                struct lk_notary_signature *out, struct lk_err *err);
    void *ctx;
};

#endif
