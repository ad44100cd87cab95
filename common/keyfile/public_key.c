#include "common/keyfile/public_key.h"

#include "common/keyfile/pem.h"
#include "common/os/file.h"

#include <string.h>

#define LABEL         "PUBLIC KEY"
#define FILE_SIZE_MAX 16384

/*
 * RFC 8410 leaves one DER encoding for an Ed25519 key: SEQUENCE { SEQUENCE { OID 1.3.101.112 },
 * BIT STRING of 32 bytes }.  So the document is these 12 bytes and the key, and needs no ASN.1 reader.
 */
static const uint8_t SPKI_START[12] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                        0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

#define SPKI_SIZE (sizeof(SPKI_START) + LK_PUBLIC_KEY_BYTES)

int lk_public_key_load(uint8_t out[LK_PUBLIC_KEY_BYTES], const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(FILE_SIZE_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf der = LK_BUF_INIT(FILE_SIZE_MAX);

    if (lk_file_read(path, &text, err) < 0)
        return lk_err_wrap(err, "reading the public key");
    if (!lk_pem_read(lk_buf_str(&text), LABEL, &der))
        return lk_err_set(err, LK_ERR_INVALID, "%s holds no PEM block \"" LABEL "\"", path);
    if (der.len != SPKI_SIZE || memcmp(der.data, SPKI_START, sizeof(SPKI_START)) != 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "the public key in %s is not an Ed25519 key, the only kind that is "
                          "supported here",
                          path);
    memcpy(out, der.data + sizeof(SPKI_START), LK_PUBLIC_KEY_BYTES);
    return 0;
}

void lk_public_key_pem(const uint8_t key[LK_PUBLIC_KEY_BYTES], struct lk_buf *out)
{
    uint8_t der[SPKI_SIZE];

    memcpy(der, SPKI_START, sizeof(SPKI_START));
    memcpy(der + sizeof(SPKI_START), key, LK_PUBLIC_KEY_BYTES);
    lk_pem_write(out, LABEL, der, sizeof(der));
}
