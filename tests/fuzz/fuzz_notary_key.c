#include "tests/fuzz/fuzz.h"

#include "common/notary/keyfile.h"

#include <sodium.h>

/* The bytes are a key file.  What opens can sign, and its own public half verifies that. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LK_CLEANUP(lk_notary_private_free) struct lk_notary_private *key = NULL;
    struct lk_str              pem = { (const char *)data, size };
    struct lk_notary_signature signature;
    char                       role[LK_NOTARY_ROLE_SIZE];
    struct lk_err              err = { 0 };

    lk_assert(sodium_init() >= 0);
    lk_notary_keyfile_role(pem, role);
    if (lk_notary_private_read(&key, pem, LK_STR("words"), &err) < 0) {
        lk_assert(err.kind == LK_ERR_INVALID || err.kind == LK_ERR_DENIED ||
                  err.kind == LK_ERR_LIMIT);
        return 0;
    }
    if (lk_notary_private_sign(key, LK_STR("message"), &signature, &err) < 0)
        return 0;
    LK_CLEANUP(lk_free_pointer) char *text = lk_base64_encode(signature.bytes, signature.len);
    lk_notary_key_verifies(lk_notary_private_public(key), signature.method, text,
                           LK_STR("message"));
    return 0;
}
