#include "tests/fuzz/fuzz.h"

#include "common/keyfile/import.h"
#include "common/keyfile/pem.h"
#include "common/keyfile/sigstore.h"
#include "common/net/curve.h"
#include "tests/fuzz/scratch.h"

#include <sodium.h>

/* What opens can sign, and its own public half verifies that. */
static int read_signing(struct lk_str pem, struct lk_err *err)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    struct lk_signature                                    signature;

    (void)lk_key_is_encrypted(pem);
    if (lk_key_import(&key, pem, LK_STR("words"), err) < 0)
        return -1;
    if (lk_signing_key_sign(key, LK_STR("message"), &signature, err) < 0)
        return -1;
    lk_assert(
        lk_public_key_verifies(lk_signing_key_public(key), LK_STR("message"), &signature));
    return 0;
}

/* What a mutation of base64 seldom reaches: the inner of such files as it is. */
static int read_inner(const char *label, struct lk_str inner, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(1 << 20);

    lk_pem_write(&pem, label, inner.data, inner.len);
    return read_signing(lk_buf_str(&pem), err);
}

/* A key is its own PEM's key. */
static int read_public(const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(4096);
    struct lk_public_key                  key, again;

    if (lk_public_key_load(&key, path, err) < 0)
        return -1;
    lk_public_key_pem(&key, &pem);
    path = scratch_write("again.pub", lk_buf_text(&pem), pem.len);
    lk_assert(lk_public_key_load(&again, path, err) == 0 && lk_public_key_eq(&key, &again));
    return 0;
}

static int read_curve(const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *pair = NULL;
    struct lk_curve_public public;

    return lk_curve_load(&pair, path, err) < 0 ? lk_curve_parse_public(&public, path, err) : 0;
}

/* The first byte says what kind of key file the rest is taken for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_str rest = { (const char *)data + 1, size - 1 };
    struct lk_err err = { 0 };
    int           rc = 0;

    lk_assert(sodium_init() >= 0);
    if (size == 0)
        return 0;
    switch (*data % 6) {
    case 0: rc = read_signing(rest, &err); break;
    case 1: rc = read_public(scratch_write("key.pub", rest.data, rest.len), &err); break;
    case 2: rc = read_curve(scratch_write("curve.key", rest.data, rest.len), &err); break;
    case 3: rc = read_inner("ENCRYPTED SIGSTORE PRIVATE KEY", rest, &err); break;
    case 4: rc = read_inner("ENCRYPTED PRIVATE KEY", rest, &err); break;
    case 5: rc = read_inner("PRIVATE KEY", rest, &err); break;
    }
    lk_assert(rc == 0 || err.kind == LK_ERR_INVALID || err.kind == LK_ERR_DENIED ||
              err.kind == LK_ERR_LIMIT);
    return 0;
}
