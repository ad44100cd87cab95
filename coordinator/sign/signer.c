#include "coordinator/sign/signer.h"

#include "common/keyfile/sigstore.h"
#include "common/os/file.h"
#include "coordinator/sign/messages.h"
#include "coordinator/sign/outside.h"

#include <stdlib.h>
#include <string.h>

struct lk_signer {
    size_t count;
    struct lk_public_key public[LK_SIGNING_KEYS_MAX];
    struct lk_signing_key *keys[LK_SIGNING_KEYS_MAX]; /* NULL: somebody else has them */
    char                  *socket;
    const char *const     *program;
};

static int add(struct lk_signer *signer, const char *key_path, struct lk_str passphrase,
               struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);

    lk_assert(signer->count < LK_SIGNING_KEYS_MAX);
    if (lk_file_read_secret(key_path, &pem, err) < 0 ||
        lk_sigstore_open(&signer->keys[signer->count], lk_buf_str(&pem), passphrase, err) < 0)
        return lk_err_wrap(err, "opening the signing key %s", key_path);
    signer->public[signer->count] = *lk_signing_key_public(signer->keys[signer->count]);
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

static struct lk_signer *elsewhere(const struct lk_public_key *keys, size_t count)
{
    struct lk_signer *signer = lk_xcalloc(1, sizeof(*signer));

    lk_assert(count > 0 && count <= LK_SIGNING_KEYS_MAX);
    memcpy(signer->public, keys, count * sizeof(*keys));
    signer->count = count;
    return signer;
}

struct lk_signer *lk_signer_at_socket(const char *path, const struct lk_public_key *keys,
                                      size_t count)
{
    struct lk_signer *signer = elsewhere(keys, count);

    signer->socket = lk_xstrdup(path);
    return signer;
}

struct lk_signer *lk_signer_of_program(const char *const *argv, const struct lk_public_key *key)
{
    struct lk_signer *signer = elsewhere(key, 1);

    signer->program = argv;
    return signer;
}

void lk_signer_close(struct lk_signer **signer)
{
    if (!*signer)
        return;
    for (size_t i = 0; i < (*signer)->count; i++)
        lk_signing_key_free(&(*signer)->keys[i]);
    free((*signer)->socket);
    free(*signer);
    *signer = NULL;
}

size_t lk_signer_key_count(const struct lk_signer *signer)
{
    return signer->count;
}

const struct lk_public_key *lk_signer_public_key(const struct lk_signer *signer, size_t i)
{
    return &signer->public[i];
}

/* By the keys that are here. */
static int sign(const struct lk_signer *signer, struct lk_signatures *out, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf message = LK_BUF_INIT(2 * LK_PAYLOAD_MAX);

    for (size_t i = 0; i < lk_messages_count(out); i++) {
        if (lk_message_make(&message, out, i, err) < 0)
            return -1;
        for (size_t k = 0; k < signer->count; k++)
            if (lk_signing_key_sign(signer->keys[k], lk_buf_str(&message),
                                    lk_message_signature(out, i, k), err) < 0)
                return -1;
    }
    return 0;
}

int lk_signer_sign(const struct lk_signer *signer, struct lk_str manifest,
                   const char *const *names, size_t count, struct lk_signatures *out,
                   struct lk_err *err)
{
    *out = (struct lk_signatures) { .key_count = signer->count };
    memcpy(out->keys, signer->public, sizeof(out->keys));
    if (lk_messages_begin(out, manifest, names, count, err) < 0)
        return -1;
    if (!signer->socket && !signer->program)
        return sign(signer, out, err);
    if ((signer->socket ? lk_outside_ask_socket(signer->socket, manifest, out, err)
                        : lk_outside_run(signer->program, LK_OUTSIDE_RUN_MS, out, err)) == 0)
        return 0;
    err->is_signers = true;
    return -1;
}
