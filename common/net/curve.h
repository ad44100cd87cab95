/*
 * curve - CURVE key pairs and their files.
 *
 * A key file is what `lkcoord keys new NAME` writes: NAME.key (secret, mode 0600) and NAME.pub (public).
 * Both are ZPL text as czmq's zcert writes it; we read only public-key and secret-key.  A secret file
 * that others may read is refused.  Secrets live in memory from sodium_malloc.
 */
#ifndef LK_CURVE_H
#define LK_CURVE_H

#include "common/base/err.h"
#include "common/base/str.h"

#define LK_CURVE_Z85_SIZE 41

struct lk_curve_public {
    char z85[LK_CURVE_Z85_SIZE];
};

struct lk_curve_pair; /* opaque: guards its secret */

int  lk_curve_generate(struct lk_curve_pair **out, struct lk_err *err);
int  lk_curve_load(struct lk_curve_pair **out, const char *path, struct lk_err *err);
int  lk_curve_save(const struct lk_curve_pair *pair, const char *secret_path,
                   const char *public_path, struct lk_err *err); /* refuses to overwrite */
void lk_curve_free(struct lk_curve_pair **pair);

const struct lk_curve_public *lk_curve_public_of(const struct lk_curve_pair *pair);
/* The secret in Z85, borrowed; for zmq_setsockopt only. */
const char *lk_curve_secret_of(const struct lk_curve_pair *pair);

/* A public key as configuration gives it: 40 characters of Z85, or the path of a .pub file. */
int lk_curve_parse_public(struct lk_curve_public *out, const char *text_or_path,
                          struct lk_err *err);

#endif
