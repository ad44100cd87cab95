#include "common/oci/document.h"

#include <string.h>

void lk_document_free(json_t **document)
{
    json_decref(*document);
}

int lk_document_parse(json_t **out, struct lk_str bytes, size_t max, const char *what,
                      struct lk_err *err)
{
    json_error_t problem;

    if (bytes.len > max)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "reading %s: it has %zu bytes, at most %zu are read", what, bytes.len,
                          max);
    /* Two fields of one name are read differently by different programs, so nobody may rely on either. */
    json_t *document = json_loadb(bytes.data, bytes.len, JSON_REJECT_DUPLICATES, &problem);
    if (!document)
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: not JSON at line %d, column %d",
                          what, problem.line, problem.column);
    if (!json_is_object(document)) {
        json_decref(document);
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: not a JSON object", what);
    }
    *out = document;
    return 0;
}

int lk_document_parse_versioned(json_t **out, struct lk_str bytes, const char *what,
                                char media_type[LK_MEDIA_TYPE_SIZE], struct lk_err *err)
{
    LK_CLEANUP(lk_document_free) json_t *document = NULL;

    if (lk_document_parse(&document, bytes, LK_MANIFEST_BYTES_MAX, what, err) < 0)
        return -1;
    const json_t *version = json_object_get(document, "schemaVersion");
    if (!json_is_integer(version) || json_integer_value(version) != 2)
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: its schemaVersion is not 2", what);
    if (lk_document_text(document, "mediaType", media_type, LK_MEDIA_TYPE_SIZE, what, err) < 0)
        return -1;
    *out = LK_TAKE(document);
    return 0;
}

int lk_document_text(const json_t *object, const char *key, char *out, size_t size,
                     const char *what, struct lk_err *err)
{
    const json_t *value = json_object_get(object, key);

    out[0] = '\0';
    if (!value)
        return 0;
    if (!json_is_string(value))
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: \"%s\" is not a string", what, key);
    if (!lk_copy_text(out, size, json_string_value(value)))
        return lk_err_set(err, LK_ERR_LIMIT, "reading %s: \"%s\" is longer than %zu bytes",
                          what, key, size - 1);
    return 0;
}

int lk_document_descriptor(const json_t *object, struct lk_descriptor *out, const char *what,
                           struct lk_err *err)
{
    const json_t *size = json_object_get(object, "size");
    char          digest[LK_DIGEST_TEXT_SIZE];

    if (!json_is_object(object))
        return lk_err_set(err, LK_ERR_INVALID,
                          "reading %s: a descriptor is missing or no object", what);
    if (lk_document_text(object, "mediaType", out->media_type, sizeof(out->media_type), what,
                         err) < 0 ||
        lk_document_text(object, "digest", digest, sizeof(digest), what, err) < 0)
        return -1;
    if (!out->media_type[0])
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: a descriptor has no mediaType",
                          what);
    if (!lk_digest_parse(lk_str_of(digest), &out->digest))
        return lk_err_set(err, LK_ERR_INVALID,
                          "reading %s: a descriptor's digest is not sha256: and 64 hex digits",
                          what);
    if (!json_is_integer(size) || json_integer_value(size) < 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "reading %s: the size of %s is missing or no natural number", what,
                          digest);
    out->size = (uint64_t)json_integer_value(size);
    return 0;
}
