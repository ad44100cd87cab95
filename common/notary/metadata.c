#include "common/notary/metadata.h"

#include "common/notary/canonical.h"
#include "common/notary/key.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define KEYS_MAX   64 /* of one role */
#define RENEW_DAYS 30

void lk_notary_file_fini(struct lk_notary_file *file)
{
    lk_buf_fini(&file->bytes);
    lk_json_free(&file->document);
    *file = (struct lk_notary_file) { 0 };
}

json_t *lk_notary_signed(const struct lk_notary_file *file)
{
    return json_object_get(file->document, "signed");
}

/* ".123" and an offset such as "Z" or "+01:00". */
static bool parse_offset(const char *at, int64_t *offset_s)
{
    int hours, minutes, len = 0;

    if (*at == '.')
        at += 1 + strspn(at + 1, "0123456789");
    *offset_s = 0;
    if (strcmp(at, "Z") == 0)
        return true;
    if ((*at != '+' && *at != '-') ||
        sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &len) != 2 || at[1 + len] != '\0' ||
        hours < 0 || minutes < 0)
        return false;
    *offset_s = (hours * 60 + minutes) * (*at == '-' ? -60 : 60);
    return true;
}

bool lk_notary_time_parse(const char *text, int64_t *out_s)
{
    struct tm   parts = { 0 };
    int64_t     offset_s;
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;

    if (!rest || !parse_offset(rest, &offset_s))
        return false;
    *out_s = (int64_t)timegm(&parts) - offset_s;
    return true;
}

void lk_notary_time_format(char out[32], int64_t time_s)
{
    time_t    time = (time_t)time_s;
    struct tm parts;

    gmtime_r(&time, &parts);
    if (strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        out[0] = '\0';
}

/* "Targets" is also the type of a delegation's file. */
static bool type_fits(const json_t *signed_part, const char *role)
{
    const char *type = json_string_value(json_object_get(signed_part, "_type"));
    const char *wanted = strncmp(role, "targets/", 8) == 0 ? LK_NOTARY_TARGETS : role;

    return type && strcasecmp(type, wanted) == 0;
}

int lk_notary_file_parse(struct lk_notary_file *out, const char *role, struct lk_str bytes,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file file = { 0 };
    const json_t                                         *part, *version;

    file.bytes = LK_BUF_INIT(LK_NOTARY_FILE_MAX);
    if (!lk_copy_text(file.role, sizeof(file.role), role) ||
        !lk_buf_add_str(&file.bytes, bytes))
        return lk_err_set(err, LK_ERR_LIMIT, "the file of %s is larger than %d bytes", role,
                          LK_NOTARY_FILE_MAX);
    file.document = json_loadb(bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    part = lk_notary_signed(&file);
    version = json_object_get(part, "version");
    if (!type_fits(part, role) ||
        !json_is_array(json_object_get(file.document, "signatures")) ||
        !json_is_integer(version) || json_integer_value(version) < 1 ||
        !lk_notary_time_parse(json_string_value(json_object_get(part, "expires")),
                              &file.expires_s))
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "what the trust server holds for %s is no signed metadata (type, "
                          "version and expiry were looked for)",
                          role);
    file.version = (uint64_t)json_integer_value(version);
    lk_notary_file_fini(out);
    *out = file;
    file = (struct lk_notary_file) { 0 };
    return 0;
}

static const json_t *signature_by(const struct lk_notary_file *file, const char *id)
{
    const json_t *list = json_object_get(file->document, "signatures");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *signature = json_array_get(list, i);
        const char   *by = json_string_value(json_object_get(signature, "keyid"));
        if (by && strcmp(by, id) == 0)
            return signature;
    }
    return NULL;
}

/* A key counts only under its own id, or one key could count as several. */
static bool is_signed_by(const struct lk_notary_file *file, const char *id, const json_t *key,
                         struct lk_str message)
{
    const json_t *signature = signature_by(file, id);
    char          computed[LK_NOTARY_ID_SIZE];

    return signature && lk_notary_key_id(key, computed) && strcmp(computed, id) == 0 &&
           lk_notary_key_verifies(key, json_string_value(json_object_get(signature, "method")),
                                  json_string_value(json_object_get(signature, "sig")),
                                  message);
}

static bool stands_before(const json_t *ids, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (json_equal(json_array_get(ids, i), json_array_get(ids, at)))
            return true;
    return false;
}

int lk_notary_check_signatures(const struct lk_notary_file *file, const json_t *keys,
                               const json_t *role, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf message = LK_BUF_INIT(LK_NOTARY_FILE_MAX);
    const json_t                         *ids = json_object_get(role, "keyids");
    const json_t                         *threshold = json_object_get(role, "threshold");
    json_int_t                            valid = 0;

    if (json_array_size(ids) > KEYS_MAX || json_integer_value(threshold) < 1)
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "whose signature counts for %s is not said, or more than %d keys' is",
                          file->role, KEYS_MAX);
    if (lk_canonical_json(&message, lk_notary_signed(file), err) < 0)
        return lk_err_wrap(err, "the metadata of %s", file->role);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        if (id && !stands_before(ids, i) &&
            is_signed_by(file, id, json_object_get(keys, id), lk_buf_str(&message)))
            valid++;
    }
    if (valid >= json_integer_value(threshold))
        return 0;
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "version %llu of %s has %lld valid signatures of keys that may sign it; "
                      "%lld are needed",
                      (unsigned long long)file->version, file->role, (long long)valid,
                      (long long)json_integer_value(threshold));
}

bool lk_notary_is_fresh(const struct lk_notary_file *file, int64_t now_s)
{
    return now_s < file->expires_s - RENEW_DAYS * 24 * 60 * 60;
}

int lk_notary_check_time(const struct lk_notary_file *file, int64_t now_s, struct lk_err *err)
{
    char until[32], now[32];

    if (now_s < file->expires_s)
        return 0;
    lk_notary_time_format(until, file->expires_s);
    lk_notary_time_format(now, now_s);
    return lk_err_set(
        err, LK_ERR_CONFLICT,
        "version %llu of %s ran out at %s, and it is %s by this machine's clock: if the clock "
        "is right, %s",
        (unsigned long long)file->version, file->role, until, now,
        strcmp(file->role, LK_NOTARY_TIMESTAMP) == 0
            ? "the trust server shows old metadata or cannot sign new"
            : "who holds its key has to publish again");
}

/* Hashes and length, as files and tags are described alike. */
static bool read_description(const json_t *description, struct lk_digest *digest,
                             uint64_t *length)
{
    const json_t *hashes = json_object_get(description, "hashes");
    const json_t *size = json_object_get(description, "length");

    if (lk_base64_decode(digest->sha256, sizeof(digest->sha256),
                         json_string_value(json_object_get(hashes, "sha256"))) !=
            sizeof(digest->sha256) ||
        !json_is_integer(size) || json_integer_value(size) < 0)
        return false;
    *length = (uint64_t)json_integer_value(size);
    return true;
}

bool lk_notary_meta(const struct lk_notary_file *file, const char *role,
                    struct lk_digest *digest, uint64_t *length)
{
    const json_t *meta = json_object_get(lk_notary_signed(file), "meta");

    return read_description(json_object_get(meta, role), digest, length);
}

bool lk_notary_target(const struct lk_notary_file *file, const char *tag,
                      struct lk_digest *digest, uint64_t *length)
{
    const json_t *targets = json_object_get(lk_notary_signed(file), "targets");

    return read_description(json_object_get(targets, tag), digest, length);
}
