#include "coordinator/sign/signer.h"

#include "common/hash/sha256.h"
#include "common/keyfile/sigstore.h"
#include "common/oci/oci.h"
#include "common/os/file.h"

#include <stdlib.h>

struct lk_signer {
    size_t                 count;
    struct lk_signing_key *keys[LK_SIGNING_KEYS_MAX];
};

static int add(struct lk_signer *signer, const char *key_path, struct lk_str passphrase,
               struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);

    lk_assert(signer->count < LK_SIGNING_KEYS_MAX);
    if (lk_file_read_secret(key_path, &pem, err) < 0 ||
        lk_sigstore_open(&signer->keys[signer->count], lk_buf_str(&pem), passphrase, err) < 0)
        return lk_err_wrap(err, "opening the signing key %s", key_path);
    signer->count++;
    return 0;
}

int lk_signer_open(struct lk_signer **out, const char *key_path, struct lk_str passphrase,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_signer_close) struct lk_signer *signer = lk_xcalloc(1, sizeof(*signer));

    if (add(signer, key_path, passphrase, err) < 0)
        return -1;
    *out = LK_TAKE(signer);
    return 0;
}

int lk_signer_add(struct lk_signer *signer, const char *key_path, struct lk_str passphrase,
                  struct lk_err *err)
{
    if (add(signer, key_path, passphrase, err) < 0)
        return -1;
    if (!lk_public_key_eq(lk_signer_public_key(signer, 0), lk_signer_public_key(signer, 1)))
        return 0;
    return lk_err_set(err, LK_ERR_INVALID, "%s holds the same key as the first one", key_path);
}

void lk_signer_close(struct lk_signer **signer)
{
    if (!*signer)
        return;
    for (size_t i = 0; i < (*signer)->count; i++)
        lk_signing_key_free(&(*signer)->keys[i]);
    free(*signer);
    *signer = NULL;
}

size_t lk_signer_key_count(const struct lk_signer *signer)
{
    return signer->count;
}

const struct lk_public_key *lk_signer_public_key(const struct lk_signer *signer, size_t i)
{
    return lk_signing_key_public(signer->keys[i]);
}

/* Not the first lie in the line, but the last place where one can be seen. */
static int check_manifest(struct lk_str manifest, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct lk_index          *index = lk_xcalloc(1, sizeof(*index));
    LK_CLEANUP(lk_free_pointer) struct lk_image_manifest *image = lk_xcalloc(1, sizeof(*image));

    if (lk_index_read(manifest, index, err) == 0 ||
        lk_image_manifest_read(manifest, image, err) == 0)
        return 0;
    err->kind = LK_ERR_INVALID;
    return lk_err_wrap(err, "what is to be signed is neither an index nor an image");
}

static int sign_names(const struct lk_signing_key *key, struct lk_signatures *out, size_t k,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(LK_PAYLOAD_MAX);

    for (size_t i = 0; i < out->name_count; i++) {
        lk_buf_clear(&payload);
        if (lk_signature_payload(&payload, out->names[i], &out->digest) < 0)
            return lk_err_set(err, LK_ERR_INVALID, "the name \"%s\" cannot be signed",
                              out->names[i]);
        if (lk_signing_key_sign(key, lk_buf_str(&payload), &out->payload[i][k], err) < 0)
            return -1;
    }
    return 0;
}

static int sign_statement(const struct lk_signing_key *key, struct lk_signatures *out, size_t k,
                          struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf statement = LK_BUF_INIT(LK_PAYLOAD_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf envelope = LK_BUF_INIT(2 * LK_PAYLOAD_MAX);

    if (lk_signature_statement(&statement, out) < 0 ||
        lk_signature_envelope(&envelope, lk_buf_str(&statement)) < 0)
        return lk_err_set(err, LK_ERR_INVALID, "the names do not fit what is to be signed");
    return lk_signing_key_sign(key, lk_buf_str(&envelope), &out->statement[k], err);
}

int lk_signer_sign(const struct lk_signer *signer, struct lk_str manifest,
                   const char *const *names, size_t count, struct lk_signatures *out,
                   struct lk_err *err)
{
    *out = (struct lk_signatures) { .name_count = count, .key_count = signer->count };
    lk_assert(count <= LK_SIGNED_NAMES_MAX);
    if (check_manifest(manifest, err) < 0)
        return -1;
    lk_sha256(manifest.data, manifest.len, &out->digest);
    for (size_t i = 0; i < count; i++)
        if (!lk_copy_text(out->names[i], sizeof(out->names[i]), names[i]))
            return lk_err_set(err, LK_ERR_INVALID, "the name \"%.60s...\" is too long",
                              names[i]);
    for (size_t k = 0; k < signer->count; k++) {
        out->keys[k] = *lk_signer_public_key(signer, k);
        if (sign_names(signer->keys[k], out, k, err) < 0 ||
            sign_statement(signer->keys[k], out, k, err) < 0)
            return -1;
    }
    return 0;
}
