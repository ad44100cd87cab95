#include "common/oci/oci.h"

#include "common/json/writer.h"
#include "common/oci/document.h"

#include <stdlib.h>
#include <string.h>

bool lk_media_type_is_index(const char *media_type)
{
    return strcmp(media_type, LK_OCI_INDEX) == 0 || strcmp(media_type, LK_DOCKER_LIST) == 0;
}

static int read_platform(const json_t *platform, struct lk_index_entry *out, struct lk_err *err)
{
    static const char what[] = "a platform in an image index";
    char              arch[LK_NAME_SIZE];

    if (!platform)
        return 0;
    if (!json_is_object(platform))
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: it is not an object", what);
    if (lk_document_text(platform, "architecture", arch, sizeof(arch), what, err) < 0 ||
        lk_document_text(platform, "os", out->os, sizeof(out->os), what, err) < 0 ||
        lk_document_text(platform, "variant", out->variant, sizeof(out->variant), what, err) <
            0)
        return -1;
    if (!lk_arch_parse(lk_str_of(arch), &out->arch))
        out->arch = (struct lk_arch) { 0 };
    return 0;
}

static int read_entry(const json_t *value, struct lk_index_entry *out, struct lk_err *err)
{
    *out = (struct lk_index_entry) { 0 };
    if (lk_document_descriptor(value, &out->descriptor, "an image index", err) < 0)
        return -1;
    return read_platform(json_object_get(value, "platform"), out, err);
}

int lk_index_read(struct lk_str bytes, struct lk_index *out, struct lk_err *err)
{
    static const char                    what[] = "an image index";
    LK_CLEANUP(lk_document_free) json_t *document = NULL;
    char                                 media_type[LK_MEDIA_TYPE_SIZE];

    if (lk_document_parse_versioned(&document, bytes, what, media_type, err) < 0)
        return -1;
    if (media_type[0] && !lk_media_type_is_index(media_type))
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: it calls itself \"%s\"", what,
                          media_type);
    /* A document that is both an index and an image is read differently by different programs (CVE-2021-41190). */
    if (json_object_get(document, "layers") || json_object_get(document, "config"))
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: it is an image manifest too", what);
    const json_t *manifests = json_object_get(document, "manifests");
    if (!json_is_array(manifests))
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: it has no list \"manifests\"",
                          what);
    size_t count = json_array_size(manifests);
    if (count > LK_COUNT(out->entries))
        return lk_err_set(err, LK_ERR_LIMIT,
                          "reading %s: it has %zu entries, at most %zu are read", what, count,
                          LK_COUNT(out->entries));
    out->docker = strcmp(media_type, LK_DOCKER_LIST) == 0;
    out->count = count;
    for (size_t i = 0; i < count; i++)
        if (read_entry(json_array_get(manifests, i), &out->entries[i], err) < 0)
            return -1;
    return 0;
}

/* By arch as people expect it, then by whatever tells two entries of one arch apart. */
static int compare_entries(const void *left, const void *right)
{
    const struct lk_index_entry *a = left, *b = right;
    int                          order = lk_arch_compare(&a->arch, &b->arch);

    if (order == 0)
        order = strcmp(a->os, b->os);
    if (order == 0)
        order = strcmp(a->variant, b->variant);
    if (order == 0)
        order = memcmp(&a->descriptor.digest, &b->descriptor.digest, sizeof(struct lk_digest));
    return order;
}

static bool all_docker(const struct lk_index *index)
{
    for (size_t i = 0; i < index->count; i++)
        if (strcmp(index->entries[i].descriptor.media_type, LK_DOCKER_MANIFEST) != 0)
            return false;
    return true;
}

static void write_platform(struct lk_json *json, const struct lk_index_entry *entry)
{
    lk_json_key(json, "platform");
    lk_json_begin_object(json);
    lk_json_key(json, "architecture");
    lk_json_text(json, entry->arch.name);
    lk_json_key(json, "os");
    lk_json_text(json, entry->os);
    if (entry->variant[0]) {
        lk_json_key(json, "variant");
        lk_json_text(json, entry->variant);
    }
    lk_json_end_object(json);
}

static void write_entry(struct lk_json *json, const struct lk_index_entry *entry)
{
    char digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&entry->descriptor.digest, digest);
    lk_json_begin_object(json);
    lk_json_key(json, "mediaType");
    lk_json_text(json, entry->descriptor.media_type);
    lk_json_key(json, "size");
    lk_json_u64(json, entry->descriptor.size);
    lk_json_key(json, "digest");
    lk_json_text(json, digest);
    if (entry->arch.name[0])
        write_platform(json, entry);
    lk_json_end_object(json);
}

int lk_index_write(const struct lk_index *index, struct lk_buf *out, struct lk_err *err)
{
    struct lk_json  json = { .out = out };
    struct lk_index sorted = *index;

    /* An index without an entry would hide what the tag had; no caller may want that. */
    if (index->count == 0)
        return lk_err_set(err, LK_ERR_INVALID, "writing an image index: it has no entry");
    qsort(sorted.entries, sorted.count, sizeof(sorted.entries[0]), compare_entries);
    lk_json_begin_object(&json);
    lk_json_key(&json, "schemaVersion");
    lk_json_u64(&json, 2);
    lk_json_key(&json, "mediaType");
    lk_json_text(&json, all_docker(index) ? LK_DOCKER_LIST : LK_OCI_INDEX);
    lk_json_key(&json, "manifests");
    lk_json_begin_array(&json);
    for (size_t i = 0; i < sorted.count; i++)
        write_entry(&json, &sorted.entries[i]);
    lk_json_end_array(&json);
    lk_json_end_object(&json);
    if (!lk_buf_ok(out))
        return lk_err_set(err, LK_ERR_LIMIT,
                          "writing an image index: it does not fit into %zu bytes", out->max);
    return 0;
}
