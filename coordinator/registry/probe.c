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

static int check_signature(const struct lk_publisher *publisher, struct lk_registry *registry,
                           const struct lk_names *names, struct lk_found_entry *entry,
                           struct lk_err *err)
{
    /* Says also what it was signed as. */
    const char                *references[] = { names->arch_reference };
    struct lk_signature_wanted wanted = { &entry->descriptor.digest, references,
                                          LK_COUNT(references), publisher->trusted_keys,
                                          publisher->trusted_key_count };

    return lk_signature_check(registry, &wanted, &entry->is_signed, err);
}

static int probe_entry(const struct lk_publisher *publisher, struct lk_registry *registry,
                       const char *tag, const struct lk_index_entry *listed,
                       struct lk_found_entry *entry, struct lk_err *err)
{
    struct lk_names names;

    entry->descriptor = listed->descriptor;
    if (!is_for_us(listed))
        return 0;
    entry->arch = listed->arch;
    if (entry->arch.name[0] == '\0')
        return 0;
    if (lk_names_make(&names, publisher->repository.repository, tag, &entry->arch, err) < 0 ||
        check_signature(publisher, registry, &names, entry, err) < 0)
        return -1;
    return probe_arch_tag(registry, names.arch_tag, entry, err);
}

static int probe_index(const struct lk_publisher *publisher, struct lk_registry *registry,
                       const char *tag, struct lk_str bytes, struct lk_found *out,
                       struct lk_err *err)
{
    struct lk_index            index;
    char                       reference[LK_REFERENCE_SIZE];
    const char                *references[] = { reference };
    struct lk_signature_wanted wanted = { &out->index_digest, references, LK_COUNT(references),
                                          publisher->trusted_keys,
                                          publisher->trusted_key_count };

    snprintf(reference, sizeof(reference), "%s:%s", publisher->repository.repository, tag);
    if (lk_index_read(bytes, &index, err) < 0 ||
        lk_signature_check(registry, &wanted, &out->index_is_signed, err) < 0)
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

/* Adds what one arch tag names, if it is there. */
static int add_arch_tag(const struct lk_publisher *publisher, struct lk_registry *registry,
                        const char *tag, const struct lk_arch *arch, struct lk_found *out,
                        struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_found_entry                          *entry = &out->entries[out->count];
    struct lk_names                                 names;

    if (lk_names_make(&names, publisher->repository.repository, tag, arch, err) < 0)
        return -1;
    if (lk_registry_get_manifest(registry, names.arch_tag, &manifest, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    if (!lk_media_type_is_image(manifest.media_type))
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "the tag %s names no image but \"%s\"; delete or move that tag",
                          names.arch_tag, manifest.media_type);
    *entry = (struct lk_found_entry) { .arch = *arch, .arch_tag_is_right = true };
    entry->descriptor.digest = manifest.digest;
    entry->descriptor.size = manifest.bytes.len;
    memcpy(entry->descriptor.media_type, manifest.media_type,
           sizeof(entry->descriptor.media_type));
    out->count++;
    return check_signature(publisher, registry, &names, entry, err);
}

int lk_publisher_probe_arch_tags(const struct lk_publisher *publisher, const char *tag,
                                 const struct lk_arch *arches, size_t count,
                                 struct lk_found *out, struct lk_err *err)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;

    memset(out, 0, sizeof(*out));
    int result = lk_registry_open(&registry, &publisher->repository, &publisher->options, err);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = add_arch_tag(publisher, registry, tag, &arches[i], out, err);
    return result == 0 ? 0
                       : lk_err_wrap(err, "looking at the images of %s:%s",
                                     publisher->repository.repository, tag);
}
