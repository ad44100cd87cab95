#include "coordinator/sign/policy.h"

#include "common/oci/oci.h"
#include "common/registry/reference.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* As the coordinator writes it, and no other way to write the same: what is signed is compared byte by byte. */
static int check_name(const char *name, char repository[LK_REPOSITORY_SIZE], struct lk_err *err)
{
    struct lk_reference reference;
    char                whole[LK_REFERENCE_SIZE];

    if (lk_reference_parse(lk_str_of(name), &reference, err) < 0)
        return -1;
    snprintf(whole, sizeof(whole), "%s:%s", reference.repository, reference.tag);
    if (!reference.tag[0] || strcmp(whole, name) != 0)
        return lk_err_set(err, LK_ERR_INVALID, "the name \"%s\" is not HOST/PATH:TAG", name);
    if (repository[0] && strcmp(repository, reference.repository) != 0)
        return lk_err_set(err, LK_ERR_INVALID, "the names are of two repositories, %s and %s",
                          repository, reference.repository);
    return lk_copy_text(repository, LK_REPOSITORY_SIZE, reference.repository)
               ? 0
               : lk_err_set(err, LK_ERR_INVALID, "the name \"%.80s...\" is too long", name);
}

static const struct lk_signd_repository *find(const struct lk_signd_config *config,
                                              const char                   *repository)
{
    for (size_t i = 0; i < config->repository_count; i++)
        if (fnmatch(config->repositories[i].pattern, repository, FNM_NOESCAPE) == 0)
            return &config->repositories[i];
    return NULL;
}

static bool has_arch(const struct lk_index *index, size_t count, const struct lk_arch *arch)
{
    for (size_t i = 0; i < count; i++)
        if (lk_arch_eq(&index->entries[i].arch, arch))
            return true;
    return false;
}

static int check_index(const struct lk_index *index, const struct lk_signd_repository *wanted,
                       struct lk_err *err)
{
    if (index->count == 0)
        return lk_err_set(err, LK_ERR_DENIED, "the index has no images");
    for (size_t i = 0; i < index->count; i++) {
        const struct lk_index_entry *entry = &index->entries[i];
        if (!entry->arch.name[0] || strcmp(entry->os, "linux") != 0 ||
            !lk_media_type_is_image(entry->descriptor.media_type))
            return lk_err_set(err, LK_ERR_DENIED,
                              "entry %zu of the index is no image for Linux", i);
        if (has_arch(index, i, &entry->arch))
            return lk_err_set(err, LK_ERR_DENIED, "the index has two images for %s",
                              entry->arch.name);
    }
    for (size_t i = 0; i < wanted->arch_count; i++)
        if (!has_arch(index, index->count, &wanted->arches[i]))
            return lk_err_set(err, LK_ERR_DENIED,
                              "the index has no image for %s, which %s must have",
                              wanted->arches[i].name, wanted->pattern);
    return 0;
}

static int check_manifest(struct lk_str bytes, const struct lk_signd_repository *wanted,
                          struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct lk_index          *index = lk_xcalloc(1, sizeof(*index));
    LK_CLEANUP(lk_free_pointer) struct lk_image_manifest *image = lk_xcalloc(1, sizeof(*image));

    if (lk_index_read(bytes, index, err) == 0)
        return check_index(index, wanted, err);
    if (lk_image_manifest_read(bytes, image, err) == 0)
        return 0;
    err->kind = LK_ERR_INVALID;
    return lk_err_wrap(err, "what is to be signed is neither an index nor an image");
}

int lk_policy_check(const struct lk_signd_config *config, const struct lk_sign_request *request,
                    char repository[LK_REPOSITORY_SIZE], struct lk_err *err)
{
    const struct lk_signd_repository *wanted;

    repository[0] = '\0';
    for (size_t i = 0; i < request->count; i++)
        if (check_name(request->names[i], repository, err) < 0)
            return -1;
    wanted = find(config, repository);
    if (!wanted)
        return lk_err_set(err, LK_ERR_DENIED,
                          "%s is in none of the `repositories` that are signed here",
                          repository);
    return check_manifest(lk_buf_str(&request->manifest), wanted, err);
}
