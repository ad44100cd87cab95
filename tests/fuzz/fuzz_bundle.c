#include "tests/fuzz/fuzz.h"

#include "common/registry/attached.h"

#include <sodium.h>

/* The statement in a bundle that is signed as it should be: only what it says is left to be judged. */
static void wrap(struct lk_buf *out, struct lk_str statement, const uint8_t *secret)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf envelope = LK_BUF_INIT(1 << 20);
    uint8_t                               signature[crypto_sign_BYTES];
    char                                  base64[2 * crypto_sign_BYTES];
    size_t size = sodium_base64_encoded_len(statement.len, sodium_base64_VARIANT_ORIGINAL);
    LK_CLEANUP(lk_free_pointer) char *payload = lk_xmalloc(size);

    lk_signature_envelope(&envelope, statement);
    crypto_sign_detached(signature, NULL, (const uint8_t *)lk_buf_text(&envelope), envelope.len,
                         secret);
    sodium_bin2base64(base64, sizeof(base64), signature, sizeof(signature),
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(payload, size, (const uint8_t *)statement.data, statement.len,
                      sodium_base64_VARIANT_ORIGINAL);
    lk_buf_printf(out,
                  "{\"mediaType\":\"" LK_BUNDLE_MEDIA_TYPE
                  "\",\"dsseEnvelope\":{\"payload\":\"%s\",\"payloadType\":"
                  "\"" LK_STATEMENT_MEDIA_TYPE "\",\"signatures\":[{\"sig\":\"%s\"}]}}",
                  payload, base64);
}

/* The bytes are a bundle, and a signed statement.  What names every reference names one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const              names[] = { "registry.example/org/x:t", "org/x:u" };
    const uint8_t                         seed[crypto_sign_SEEDBYTES] = { 7 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf bundle = LK_BUF_INIT(1 << 20);
    uint8_t              raw[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    struct lk_digest     digest = { { 1 } };
    struct lk_public_key key;
    struct lk_str        bytes = { (const char *)data, size };
    struct lk_signature_wanted wanted = { &digest, names, LK_COUNT(names), &key, 1 };

    lk_assert(sodium_init() >= 0);
    crypto_sign_seed_keypair(raw, secret, seed);
    lk_public_key_of_ed25519(&key, raw);
    lk_bundle_is_wanted(bytes, &wanted, false);
    wrap(&bundle, bytes, secret);
    if (lk_bundle_is_wanted(lk_buf_str(&bundle), &wanted, true)) {
        lk_assert(lk_bundle_is_wanted(lk_buf_str(&bundle), &wanted, false));
        raw[0] ^= 1;
        lk_public_key_of_ed25519(&key, raw);
        lk_assert(!lk_bundle_is_wanted(lk_buf_str(&bundle), &wanted, false));
    }
    return 0;
}
