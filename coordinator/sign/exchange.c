#include "coordinator/sign/exchange.h"

#include "common/json/writer.h"
#include "coordinator/sign/messages.h"

#include <jansson.h>
#include <sodium.h>
#include <string.h>

static void release(json_t **root)
{
    json_decref(*root);
}

static void write_base64(struct lk_json *json, const void *data, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    LK_CLEANUP(lk_free_pointer) char *text = lk_xmalloc(size);

    sodium_bin2base64(text, size, data, len, sodium_base64_VARIANT_ORIGINAL);
    lk_json_text(json, text);
}

int lk_sign_request_write(struct lk_buf *out, struct lk_str manifest, const char *const *names,
                          size_t count, struct lk_err *err)
{
    struct lk_json json = { .out = out };

    lk_json_begin_object(&json);
    lk_json_key(&json, "manifest");
    write_base64(&json, manifest.data, manifest.len);
    lk_json_key(&json, "names");
    lk_json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        lk_json_text(&json, names[i]);
    lk_json_end_array(&json);
    lk_json_end_object(&json);
    lk_buf_add_text(out, "\n");
    return lk_buf_ok(out)
               ? 0
               : lk_err_set(err, LK_ERR_LIMIT,
                            "a manifest of %zu bytes is too large to be signed", manifest.len);
}

static int read_names(struct lk_sign_request *out, json_t *names, struct lk_err *err)
{
    size_t count = json_array_size(names);

    if (count == 0 || count > LK_SIGNED_NAMES_MAX)
        return lk_err_set(err, LK_ERR_INVALID, "\"names\" must be a list of 1 to %d names",
                          LK_SIGNED_NAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name || !lk_copy_text(out->names[i], sizeof(out->names[i]), name))
            return lk_err_set(err, LK_ERR_INVALID,
                              "names[%zu] is no text of at most %zu characters", i,
                              sizeof(out->names[i]) - 1);
    }
    out->count = count;
    return 0;
}

static int read_manifest(struct lk_buf *out, const char *base64, struct lk_err *err)
{
    size_t                               len = strlen(base64), got;
    LK_CLEANUP(lk_free_pointer) uint8_t *bytes = lk_xmalloc(len + 1);

    if (sodium_base642bin(bytes, len, base64, len, NULL, &got, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return lk_err_set(err, LK_ERR_INVALID, "\"manifest\" is not base64");
    if (got > 0 && lk_buf_add(out, bytes, got))
        return 0;
    return lk_err_set(err, LK_ERR_INVALID, "\"manifest\" must have 1 to %zu bytes, and has %zu",
                      out->max, got);
}

int lk_sign_request_read(struct lk_sign_request *out, struct lk_str line, struct lk_err *err)
{
    LK_CLEANUP(release) json_t *root = NULL;
    json_error_t                problem;
    const char                 *manifest;
    json_t                     *names;

    *out = (struct lk_sign_request) { .manifest = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX) };
    root = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, &problem);
    if (!root)
        return lk_err_set(err, LK_ERR_INVALID, "the request is not JSON: %s", problem.text);
    if (json_unpack_ex(root, &problem, JSON_STRICT, "{s:s,s:o}", "manifest", &manifest, "names",
                       &names) != 0)
        return lk_err_set(err, LK_ERR_INVALID, "the request is not as it should be: %s",
                          problem.text);
    return read_names(out, names, err) < 0 ? -1 : read_manifest(&out->manifest, manifest, err);
}

void lk_sign_request_fini(struct lk_sign_request *request)
{
    lk_buf_fini(&request->manifest);
}

int lk_sign_answer_write(struct lk_buf *out, struct lk_signatures *signatures,
                         struct lk_err *err)
{
    struct lk_json json = { .out = out };

    lk_json_begin_object(&json);
    lk_json_key(&json, "keys");
    lk_json_begin_array(&json);
    for (size_t k = 0; k < signatures->key_count; k++) {
        lk_json_begin_object(&json);
        lk_json_key(&json, "key");
        write_base64(&json, signatures->keys[k].spki, signatures->keys[k].spki_len);
        lk_json_key(&json, "signatures");
        lk_json_begin_array(&json);
        for (size_t i = 0; i < lk_messages_count(signatures); i++) {
            const struct lk_signature *signature = lk_message_signature(signatures, i, k);
            write_base64(&json, signature->bytes, signature->len);
        }
        lk_json_end_array(&json);
        lk_json_end_object(&json);
    }
    lk_json_end_array(&json);
    lk_json_end_object(&json);
    lk_buf_add_text(out, "\n");
    return lk_buf_ok(out) ? 0 : lk_err_set(err, LK_ERR_LIMIT, "the answer is too long");
}

void lk_sign_answer_refuse(struct lk_buf *out, const struct lk_err *why)
{
    struct lk_json json = { .out = out };

    lk_buf_clear(out);
    lk_json_begin_object(&json);
    /* What the peer sent may be quoted, and cut in the middle of a character. */
    lk_json_text_field(&json, "error",
                       lk_str_is_utf8(lk_str_of(why->text)) ? why->text
                                                            : "what was asked is not UTF-8");
    lk_json_text_field(&json, "kind", lk_err_kind_name(why->kind));
    lk_json_end_object(&json);
    lk_buf_add_text(out, "\n");
}

static int refused(const char *text, const char *kind_name, struct lk_err *err)
{
    enum lk_err_kind kind = LK_ERR_PERMANENT;

    for (enum lk_err_kind known = LK_ERR_INVALID; known < LK_ERR_PERMANENT; known++)
        if (strcmp(lk_err_kind_name(known), kind_name) == 0)
            kind = known;
    /* Nothing was looked for: for a job it would mean that its image is gone. */
    if (kind == LK_ERR_NOT_FOUND)
        kind = LK_ERR_PERMANENT;
    return lk_err_set(err, kind, "it refuses: %s", text);
}

static bool read_signature(const char *base64, struct lk_signature *out)
{
    return base64 &&
           sodium_base642bin(out->bytes, sizeof(out->bytes), base64, strlen(base64), NULL,
                             &out->len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
}

static bool is_key(json_t *entry, const struct lk_public_key *key)
{
    const char *base64 = json_string_value(json_object_get(entry, "key"));
    uint8_t     spki[LK_SPKI_BYTES_MAX];
    size_t      len;

    return base64 &&
           sodium_base642bin(spki, sizeof(spki), base64, strlen(base64), NULL, &len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           len == key->spki_len && memcmp(spki, key->spki, len) == 0;
}

static int read_key(struct lk_signatures *out, size_t k, json_t *keys, struct lk_err *err)
{
    json_t *entry = NULL;

    for (size_t i = 0; i < json_array_size(keys) && !entry; i++)
        if (is_key(json_array_get(keys, i), &out->keys[k]))
            entry = json_array_get(keys, i);
    if (!entry)
        return lk_err_set(err, LK_ERR_DENIED,
                          "it does not sign with the configured public key number %zu", k + 1);
    json_t *list = json_object_get(entry, "signatures");
    for (size_t i = 0; i < lk_messages_count(out); i++)
        if (!read_signature(json_string_value(json_array_get(list, i)),
                            lk_message_signature(out, i, k)))
            return lk_err_set(err, LK_ERR_CONFLICT, "it left signatures out of its answer");
    return 0;
}

int lk_sign_answer_read(struct lk_signatures *out, struct lk_str line, struct lk_err *err)
{
    LK_CLEANUP(release)
    json_t     *root = json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
    const char *text, *kind;
    json_t     *keys;

    if (root && json_unpack(root, "{s:s,s:s}", "error", &text, "kind", &kind) == 0)
        return refused(text, kind, err);
    if (!root || json_unpack(root, "{s:o}", "keys", &keys) != 0)
        return lk_err_set(err, LK_ERR_CONFLICT, "what it answered is no answer of a signer");
    for (size_t k = 0; k < out->key_count; k++)
        if (read_key(out, k, keys, err) < 0)
            return -1;
    return 0;
}
