/* hex - lower-case hexadecimal text of bytes, and back.  Upper case is refused: OCI digests and git ids are lower case. */
#ifndef LK_HEX_H
#define LK_HEX_H

#include "common/base/str.h"

/* `out` has room for 2 * len + 1 characters. */
void lk_hex_encode(char *out, const void *data, size_t len);

/* True if `text` is exactly 2 * len lower-case digits; else `out` is untouched. */
bool lk_hex_decode(void *out, size_t len, struct lk_str text);

#endif
