/*
 * exchange - what is said through the socket of lkcoord-signd: one request and its answer a connection, each a line
 * of JSON.
 *
 *   request   {"manifest":BASE64,"names":["HOST/PATH:TAG",...]}
 *   answer    {"keys":[{"key":BASE64,"signatures":[BASE64,...]},...]}
 *             {"error":TEXT,"kind":"denied"}              one of lk_err_kind_name
 *
 * `manifest` has the bytes of an index or image; a key is its SubjectPublicKeyInfo; its signatures are in the order of
 * coordinator/sign/messages.h.  What does not belong there makes a request INVALID; sizes are bounded.
 */
#ifndef LK_SIGN_EXCHANGE_H
#define LK_SIGN_EXCHANGE_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/registry/signatures.h"

#define LK_SIGN_REQUEST_MAX (LK_MANIFEST_BYTES_MAX / 3 * 4 + 8192)
#define LK_SIGN_ANSWER_MAX  (16 * 1024)

struct lk_sign_request {
    struct lk_buf manifest;
    size_t        count; /* at least one */
    char          names[LK_SIGNED_NAMES_MAX][LK_REFERENCE_SIZE];
};

int lk_sign_request_write(struct lk_buf *out, struct lk_str manifest, const char *const *names,
                          size_t count, struct lk_err *err);
/* The caller finishes `out`, also after a failure. */
int  lk_sign_request_read(struct lk_sign_request *out, struct lk_str line, struct lk_err *err);
void lk_sign_request_fini(struct lk_sign_request *request);

int  lk_sign_answer_write(struct lk_buf *out, struct lk_signatures *signatures,
                          struct lk_err *err);
void lk_sign_answer_refuse(struct lk_buf *out, const struct lk_err *why);

/* Fills in the signatures by the keys of `out`, whose names are set; does not check them.  Or sets what was refused. */
int lk_sign_answer_read(struct lk_signatures *out, struct lk_str line, struct lk_err *err);

#endif
