#include "common/base/digest.h"

#include "common/base/hex.h"

#include <string.h>

static const char prefix[] = "sha256:";

bool lk_digest_parse(struct lk_str text, struct lk_digest *out)
{
    size_t skip = sizeof(prefix) - 1;

    if (!lk_str_starts(text, prefix))
        return false;
    return lk_hex_decode(out->sha256, sizeof(out->sha256),
                         (struct lk_str) { text.data + skip, text.len - skip });
}

void lk_digest_format(const struct lk_digest *digest, char out[LK_DIGEST_TEXT_SIZE])
{
    memcpy(out, prefix, sizeof(prefix) - 1);
    lk_hex_encode(out + sizeof(prefix) - 1, digest->sha256, sizeof(digest->sha256));
}

bool lk_digest_eq(const struct lk_digest *a, const struct lk_digest *b)
{
    return memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
}

bool lk_digest_is_zero(const struct lk_digest *digest)
{
    static const struct lk_digest zero;

    return lk_digest_eq(digest, &zero);
}

bool lk_oid_parse(struct lk_str text, struct lk_oid *out)
{
    return lk_hex_decode(out->sha1, sizeof(out->sha1), text);
}

void lk_oid_format(const struct lk_oid *oid, char out[LK_OID_TEXT_SIZE])
{
    lk_hex_encode(out, oid->sha1, sizeof(oid->sha1));
}

bool lk_oid_eq(const struct lk_oid *a, const struct lk_oid *b)
{
    return memcmp(a->sha1, b->sha1, sizeof(a->sha1)) == 0;
}

bool lk_oid_is_zero(const struct lk_oid *oid)
{
    static const struct lk_oid zero;

    return lk_oid_eq(oid, &zero);
}
