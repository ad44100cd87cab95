#include "coordinator/sign/messages.h"

#include "common/hash/sha256.h"
#include "common/oci/oci.h"

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

int lk_messages_begin(struct lk_signatures *of, struct lk_str manifest,
                      const char *const *names, size_t count, struct lk_err *err)
{
    lk_assert(count <= LK_SIGNED_NAMES_MAX);
    if (check_manifest(manifest, err) < 0)
        return -1;
    of->name_count = count;
    lk_sha256(manifest.data, manifest.len, &of->digest);
    for (size_t i = 0; i < count; i++)
        if (!lk_copy_text(of->names[i], sizeof(of->names[i]), names[i]))
            return lk_err_set(err, LK_ERR_INVALID, "the name \"%.60s...\" is too long",
                              names[i]);
    return 0;
}

size_t lk_messages_count(const struct lk_signatures *of)
{
    return of->name_count + 1;
}

static int make_envelope(struct lk_buf *out, const struct lk_signatures *of, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf statement = LK_BUF_INIT(LK_PAYLOAD_MAX);

    return lk_signature_statement(&statement, of) == 0 &&
                   lk_signature_envelope(out, lk_buf_str(&statement)) == 0
               ? 0
               : lk_err_set(err, LK_ERR_INVALID, "the names do not fit what is to be signed");
}

int lk_message_make(struct lk_buf *out, const struct lk_signatures *of, size_t i,
                    struct lk_err *err)
{
    lk_buf_clear(out);
    if (i == of->name_count)
        return make_envelope(out, of, err);
    if (lk_signature_payload(out, of->names[i], &of->digest) == 0)
        return 0;
    return lk_err_set(err, LK_ERR_INVALID, "the name \"%s\" cannot be signed", of->names[i]);
}

struct lk_signature *lk_message_signature(struct lk_signatures *of, size_t i, size_t k)
{
    return i == of->name_count ? &of->statement[k] : &of->payload[i][k];
}

int lk_messages_check(struct lk_signatures *of, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf message = LK_BUF_INIT(2 * LK_PAYLOAD_MAX);

    for (size_t i = 0; i < lk_messages_count(of); i++) {
        if (lk_message_make(&message, of, i, err) < 0)
            return -1;
        for (size_t k = 0; k < of->key_count; k++)
            if (!lk_public_key_verifies(&of->keys[k], lk_buf_str(&message),
                                        lk_message_signature(of, i, k)))
                return lk_err_set(err, LK_ERR_CONFLICT,
                                  "what it answered is no signature by the configured public "
                                  "key of what it was asked to sign");
    }
    return 0;
}
