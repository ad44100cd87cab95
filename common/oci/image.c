#include "common/oci/oci.h"

#include "common/oci/document.h"

#include <string.h>

bool lk_media_type_is_image(const char *media_type)
{
    return strcmp(media_type, LK_OCI_MANIFEST) == 0 ||
           strcmp(media_type, LK_DOCKER_MANIFEST) == 0;
}

int lk_image_manifest_read(struct lk_str bytes, struct lk_image_manifest *out,
                           struct lk_err *err)
{
    static const char                    what[] = "an image manifest";
    LK_CLEANUP(lk_document_free) json_t *document = NULL;
    char                                 media_type[LK_MEDIA_TYPE_SIZE];

    if (lk_document_parse_versioned(&document, bytes, what, media_type, err) < 0)
        return -1;
    if (media_type[0] && !lk_media_type_is_image(media_type))
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: it calls itself \"%s\"", what,
                          media_type);
    /* See lk_index_read: nothing may be both. */
    if (json_object_get(document, "manifests"))
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: it is an image index too", what);
    const json_t *layers = json_object_get(document, "layers");
    if (!json_is_array(layers))
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: it has no list \"layers\"", what);
    size_t count = json_array_size(layers);
    if (count > LK_COUNT(out->layers))
        return lk_err_set(err, LK_ERR_LIMIT,
                          "reading %s: it has %zu layers, at most %zu are read", what, count,
                          LK_COUNT(out->layers));
    out->docker = strcmp(media_type, LK_DOCKER_MANIFEST) == 0;
    out->layer_count = count;
    if (lk_document_descriptor(json_object_get(document, "config"), &out->config, what, err) <
        0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (lk_document_descriptor(json_array_get(layers, i), &out->layers[i], what, err) < 0)
            return -1;
    return 0;
}

int lk_image_config_read(struct lk_str bytes, struct lk_image_config *out, struct lk_err *err)
{
    static const char                    what[] = "an image config";
    LK_CLEANUP(lk_document_free) json_t *document = NULL;
    char                                 arch[LK_NAME_SIZE];

    if (lk_document_parse(&document, bytes, LK_IMAGE_CONFIG_BYTES_MAX, what, err) < 0 ||
        lk_document_text(document, "architecture", arch, sizeof(arch), what, err) < 0 ||
        lk_document_text(document, "os", out->os, sizeof(out->os), what, err) < 0 ||
        lk_document_text(document, "variant", out->variant, sizeof(out->variant), what, err) <
            0)
        return -1;
    if (!lk_arch_parse(lk_str_of(arch), &out->arch))
        return lk_err_set(err, LK_ERR_INVALID,
                          "reading %s: its architecture \"%s\" is not the name of one", what,
                          arch);
    if (!out->os[0])
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: it names no os", what);
    return 0;
}

int lk_image_rootfs_read(struct lk_str bytes, struct lk_image_rootfs *out, struct lk_err *err)
{
    static const char                    what[] = "an image config";
    LK_CLEANUP(lk_document_free) json_t *document = NULL;

    if (lk_document_parse(&document, bytes, LK_IMAGE_CONFIG_BYTES_MAX, what, err) < 0)
        return -1;
    const json_t *ids = json_object_get(json_object_get(document, "rootfs"), "diff_ids");
    size_t        count = json_array_size(ids);
    if (!json_is_array(ids))
        return lk_err_set(err, LK_ERR_INVALID, "reading %s: it has no list of diff_ids", what);
    if (count > LK_COUNT(out->diff_ids))
        return lk_err_set(err, LK_ERR_LIMIT,
                          "reading %s: it has %zu layers, at most %zu are read", what, count,
                          LK_COUNT(out->diff_ids));
    out->layer_count = count;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(ids, i));
        if (!text || !lk_digest_parse(lk_str_of(text), &out->diff_ids[i]))
            return lk_err_set(err, LK_ERR_INVALID,
                              "reading %s: a diff_id is not sha256: and 64 hex digits", what);
    }
    return 0;
}
