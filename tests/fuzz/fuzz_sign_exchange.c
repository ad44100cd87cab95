#include "tests/fuzz/fuzz.h"

#include "coordinator/sign/exchange.h"

#include <sodium.h>

/* What is read of a request is the same when it is written again. */
static void read_request(struct lk_str line)
{
    static struct lk_sign_request         request, again;
    LK_CLEANUP(lk_buf_fini) struct lk_buf written = LK_BUF_INIT(LK_SIGN_REQUEST_MAX);
    const char                           *names[LK_SIGNED_NAMES_MAX];
    struct lk_err                         err = { 0 };

    request = again = (struct lk_sign_request) { 0 };
    if (lk_sign_request_read(&request, line, &err) < 0) {
        lk_assert(err.kind == LK_ERR_INVALID && err.text[0]);
        lk_sign_request_fini(&request);
        return;
    }
    lk_assert(request.count >= 1 && request.count <= LK_SIGNED_NAMES_MAX);
    for (size_t i = 0; i < request.count; i++)
        names[i] = request.names[i];
    lk_assert(lk_sign_request_write(&written, lk_buf_str(&request.manifest), names,
                                    request.count, &err) == 0);
    lk_assert(lk_sign_request_read(&again, lk_buf_str(&written), &err) == 0);
    lk_assert(again.count == request.count &&
              lk_str_eq(lk_buf_str(&again.manifest), lk_buf_str(&request.manifest)));
    lk_sign_request_fini(&request);
    lk_sign_request_fini(&again);
}

/* The bytes are a line through lkcoord-signd's socket, of either side. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lk_signatures signatures;
    const uint8_t               raw[LK_ED25519_BYTES] = { 0 };
    struct lk_str               line = { (const char *)data, size };
    struct lk_err               err = { 0 };

    lk_assert(sodium_init() >= 0);
    read_request(line);
    signatures = (struct lk_signatures) { .key_count = 1,
                                          .name_count = 1,
                                          .names = { "registry.example/org/x:t" } };
    lk_public_key_of_ed25519(&signatures.keys[0], raw);
    lk_assert(lk_sign_answer_read(&signatures, line, &err) == 0 || err.text[0]);
    return 0;
}
