#include "coordinator/registry/seal.h"

#include "common/registry/attach.h"
#include "common/registry/names.h"

#include <stdio.h>

int lk_seal_is_there(const struct lk_publisher *publisher, struct lk_registry *registry,
                     const char *tag, const struct lk_arch *arch,
                     const struct lk_digest *digest, bool *found, struct lk_err *err)
{
    struct lk_names            names;
    const char                *references[] = { names.arch_reference };
    struct lk_public_key       keys[LK_SIGNING_KEYS_MAX];
    struct lk_signature_wanted wanted = { digest, references, LK_COUNT(references), keys,
                                          lk_signer_key_count(publisher->signer) };

    for (size_t i = 0; i < wanted.key_count; i++)
        keys[i] = *lk_signer_public_key(publisher->signer, i);
    return lk_names_make(&names, publisher->repository.repository, tag, arch, err) < 0
               ? -1
               : lk_signature_check(registry, &wanted, found, err);
}

static int seal_child(const struct lk_publisher *publisher, struct lk_crew *crew,
                      const char *tag, const struct lk_arch *arch,
                      const struct lk_descriptor *child, struct lk_str bytes, bool is_new,
                      struct lk_err *err)
{
    struct lk_signatures signatures;
    struct lk_names      names;
    const char          *references[] = { names.arch_reference, names.reference };

    return lk_names_make(&names, publisher->repository.repository, tag, arch, err) < 0 ||
                   lk_signer_sign(publisher->signer, bytes, references, LK_COUNT(references),
                                  &signatures, err) < 0
               ? -1
               : lk_attach(crew, child, &signatures, is_new, NULL, 0, err);
}

int lk_seal_new_child(const struct lk_publisher *publisher, struct lk_crew *crew,
                      const char *tag, const struct lk_arch *arch,
                      const struct lk_descriptor *child, struct lk_str bytes,
                      struct lk_err *err)
{
    return seal_child(publisher, crew, tag, arch, child, bytes, true, err);
}

static int read_child(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_manifest *manifest = ctx;
    char                digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&manifest->digest, digest);
    return lk_registry_get_manifest(registry, digest, manifest, err);
}

int lk_seal_child(const struct lk_publisher *publisher, struct lk_crew *crew, const char *tag,
                  const struct lk_arch *arch, const struct lk_descriptor *child,
                  struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { .digest = child->digest };

    return lk_crew_run(crew, &(struct lk_step) { read_child, &manifest }, 1, err) < 0
               ? -1
               : seal_child(publisher, crew, tag, arch, child, lk_buf_str(&manifest.bytes),
                            false, err);
}

int lk_seal_index(const struct lk_publisher *publisher, struct lk_crew *crew, const char *tag,
                  const struct lk_descriptor *index, struct lk_str bytes,
                  const struct lk_step *also, size_t also_count, struct lk_err *err)
{
    struct lk_signatures signatures;
    char                 reference[LK_REFERENCE_SIZE];
    const char          *references[] = { reference };

    snprintf(reference, sizeof(reference), "%s:%s", publisher->repository.repository, tag);
    return lk_signer_sign(publisher->signer, bytes, references, 1, &signatures, err) < 0
               ? -1
               : lk_attach(crew, index, &signatures, true, also, also_count, err);
}
