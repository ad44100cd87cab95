#include "common/registry/signatures.h"

#include "common/base/hex.h"
#include "common/json/writer.h"
#include "common/registry/attached.h"

int lk_signature_payload(struct lk_buf *out, const char *reference,
                         const struct lk_digest *digest)
{
    struct lk_json json = { .out = out };
    char           digest_text[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(digest, digest_text);
    lk_json_begin_object(&json);
    lk_json_key(&json, "critical");
    lk_json_begin_object(&json);
    lk_json_key(&json, "identity");
    lk_json_begin_object(&json);
    lk_json_text_field(&json, "docker-reference", reference);
    lk_json_end_object(&json);
    lk_json_key(&json, "image");
    lk_json_begin_object(&json);
    lk_json_text_field(&json, "docker-manifest-digest", digest_text);
    lk_json_end_object(&json);
    lk_json_text_field(&json, "type", LK_ATTACHED_PAYLOAD_TYPE);
    lk_json_end_object(&json);
    lk_json_key(&json, "optional");
    lk_json_null(&json);
    lk_json_end_object(&json);
    return lk_buf_ok(out) ? 0 : -1;
}

int lk_signature_statement(struct lk_buf *out, const struct lk_signatures *of)
{
    struct lk_json json = { .out = out };
    char           hex[65];

    lk_hex_encode(hex, of->digest.sha256, sizeof(of->digest.sha256));
    lk_json_begin_object(&json);
    lk_json_text_field(&json, "_type", LK_STATEMENT_TYPE);
    lk_json_key(&json, "subject");
    lk_json_begin_array(&json);
    for (size_t i = 0; i < of->name_count; i++) {
        lk_json_begin_object(&json);
        lk_json_text_field(&json, "name", of->names[i]);
        lk_json_key(&json, "digest");
        lk_json_begin_object(&json);
        lk_json_text_field(&json, "sha256", hex);
        lk_json_end_object(&json);
        lk_json_end_object(&json);
    }
    lk_json_end_array(&json);
    lk_json_text_field(&json, "predicateType", LK_PREDICATE_TYPE);
    lk_json_key(&json, "predicate");
    lk_json_begin_object(&json);
    lk_json_end_object(&json);
    lk_json_end_object(&json);
    return lk_buf_ok(out) ? 0 : -1;
}

int lk_signature_envelope(struct lk_buf *out, struct lk_str statement)
{
    lk_buf_printf(out, "DSSEv1 %zu %s %zu ", sizeof(LK_STATEMENT_MEDIA_TYPE) - 1,
                  LK_STATEMENT_MEDIA_TYPE, statement.len);
    lk_buf_add_str(out, statement);
    return lk_buf_ok(out) ? 0 : -1;
}
