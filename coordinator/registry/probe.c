#include "coordinator/registry/publisher.h"

#include "common/registry/names.h"

#include <stdio.h>
#include <string.h>

/* What we build is for Linux, and an attestation ("unknown") is not for anything. */
static bool is_for_us(const struct lk_index_entry *entry)
{
    return strcmp(entry->os, "linux") == 0 && strcmp(entry->arch.name, "unknown") != 0;
}

static int probe_arch_tag(struct lk_registry *registry, const char *arch_tag,
                          struct lk_found_entry *entry, struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };

    if (lk_registry_get_manifest(registry, arch_tag, &manifest, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    entry->arch_tag_is_right = lk_digest_eq(&manifest.digest, &entry->descriptor.digest);
    return 0;
}

static int probe_entry(const struct lk_publisher *publisher, struct lk_registry *registry,
                       const char *tag, const struct lk_index_entry *listed,
                       struct lk_found_entry *entry, struct lk_err *err)
{
    struct lk_names names;
    const char     *wanted[] = { names.arch_reference }; /* says also what it was signed as */

    entry->descriptor = listed->descriptor;
    if (!is_for_us(listed))
        return 0;
    entry->arch = listed->arch;
    if (entry->arch.name[0] == '\0')
        return 0;
    if (lk_names_make(&names, publisher->repository.repository, tag, &entry->arch, err) < 0 ||
        lk_signature_check(registry, &entry->descriptor.digest, wanted, LK_COUNT(wanted),
                           publisher->trusted_keys, publisher->trusted_key_count,
                           &entry->is_signed, err) < 0)
        return -1;
    return probe_arch_tag(registry, names.arch_tag, entry, err);
}

static int probe_index(const struct lk_publisher *publisher, struct lk_registry *registry,
                       const char *tag, struct lk_str bytes, struct lk_found *out,
                       struct lk_err *err)
{
    struct lk_index index;
    char            reference[LK_REFERENCE_SIZE];
    const char     *wanted[] = { reference };

    snprintf(reference, sizeof(reference), "%s:%s", publisher->repository.repository, tag);
    if (lk_index_read(bytes, &index, err) < 0 ||
        lk_signature_check(registry, &out->index_digest, wanted, LK_COUNT(wanted),
                           publisher->trusted_keys, publisher->trusted_key_count,
                           &out->index_is_signed, err) < 0)
        return -1;
    for (size_t i = 0; i < index.count; i++)
        if (probe_entry(publisher, registry, tag, &index.entries[i], &out->entries[i], err) < 0)
            return -1;
    out->count = index.count;
    return 0;
}

static int probe(const struct lk_publisher *publisher, const char *tag, struct lk_found *out,
                 struct lk_err *err)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest   manifest = { 0 };

    if (lk_registry_open(&registry, &publisher->repository, &publisher->options, err) < 0)
        return -1;
    if (lk_registry_get_manifest(registry, tag, &manifest, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    out->index_digest = manifest.digest;
    if (!lk_media_type_is_index(manifest.media_type)) {
        out->not_an_index = true;
        return 0;
    }
    out->index_exists = true;
    return probe_index(publisher, registry, tag, lk_buf_str(&manifest.bytes), out, err);
}

int lk_publisher_probe(const struct lk_publisher *publisher, const char *tag,
                       struct lk_found *out, struct lk_err *err)
{
    memset(out, 0, sizeof(*out));
    if (probe(publisher, tag, out, err) < 0)
        return lk_err_wrap(err, "looking at %s:%s", publisher->repository.repository, tag);
    return 0;
}
