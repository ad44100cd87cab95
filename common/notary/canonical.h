/*
 * canonical - the one form of a JSON document that content trust signs: members sorted by byte, no blanks,
 * whole numbers only, strings as they are but for '\' and '"'.
 *
 * Documents come from jansson.  What has no such form (a fraction, a control character, far too deep) is INVALID.
 */
#ifndef LK_CANONICAL_H
#define LK_CANONICAL_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <jansson.h>

int lk_canonical_json(struct lk_buf *out, const json_t *value, struct lk_err *err);

/* For LK_CLEANUP. */
void lk_json_free(json_t **value);

#endif
