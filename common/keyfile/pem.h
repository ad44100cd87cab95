/*
 * pem - one labelled base64 block of text (RFC 7468), written with lines of 64 characters.
 *
 * Headers inside the block (RFC 1421) are not understood: such a block is refused.
 */
#ifndef LK_PEM_H
#define LK_PEM_H

#include "common/base/buf.h"

void lk_pem_write(struct lk_buf *out, const char *label, const void *data, size_t len);

/* Appends the bytes of the first block with this label.  False: none there, malformed, or too large. */
bool lk_pem_read(struct lk_str text, const char *label, struct lk_buf *out);

#endif
