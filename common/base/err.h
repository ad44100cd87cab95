/*
 * err - why something failed, as a value: no allocation, no thread-local.
 *
 * A function that can fail returns 0 or -1 and takes `struct lk_err *err` last; it sets `err` only
 * when it fails.  The kind drives policy, the text drives people: what was attempted, on what, what
 * was found, what to do.  `err` may not be NULL.
 */
#ifndef LK_ERR_H
#define LK_ERR_H

#include "common/base/base.h"

enum lk_err_kind {
    LK_ERR_NONE,
    LK_ERR_INVALID,   /* the caller's or user's input is wrong: tell them */
    LK_ERR_DENIED,    /* not allowed */
    LK_ERR_NOT_FOUND, /* proven absent (a 404), never "could not ask" */
    LK_ERR_CONFLICT,  /* somebody else changed it, or it is not what it should be */
    LK_ERR_RETRY,     /* may go well later: network, 5xx, 429 */
    LK_ERR_LIMIT,     /* a maximum was reached */
    LK_ERR_PERMANENT, /* will not go well by itself */
};

#define LK_ERR_TEXT_MAX 600

struct lk_err {
    enum lk_err_kind kind;
    int              sys;            /* errno, or 0 */
    uint32_t         retry_after_ms; /* hint with LK_ERR_RETRY, or 0 */
    bool is_signers; /* with LK_ERR_RETRY: no registry's trouble, but our signer's */
    char text[LK_ERR_TEXT_MAX];
};

/* Each sets `err` and returns -1, so that `return lk_err_set(...)` reads well. */
int lk_err_set(struct lk_err *err, enum lk_err_kind kind, const char *format, ...)
    LK_PRINTF(3, 4);

/* Adds what errno says; the kind follows from it (ENOENT: NOT_FOUND, EACCES: DENIED, else PERMANENT). */
int lk_err_sys(struct lk_err *err, const char *format, ...) LK_PRINTF(2, 3);

/* Puts "context: " in front of the text; the rest is cut where it does not fit. */
int lk_err_wrap(struct lk_err *err, const char *format, ...) LK_PRINTF(2, 3);

/* A word for logs and for the wire: "invalid", "denied", ... */
const char *lk_err_kind_name(enum lk_err_kind kind);

#endif
