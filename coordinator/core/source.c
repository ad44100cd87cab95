/* Images that are not built but taken: from another index, or from what the arch tags name. */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

static bool is_from_index(const struct lk_package *package)
{
    return package->origin == LK_PACKAGE_FROM_INDEX;
}

static const char *source_repository(const struct lk_package *package)
{
    return is_from_index(package) ? package->from.repository : package->repository;
}

static const char *source_tag(const struct lk_package *package)
{
    return is_from_index(package) ? package->from.tag : package->tag;
}

static void refuse(struct lk_core *core, struct lk_package *package, const char *problem)
{
    char text[LK_REASON_SIZE];

    snprintf(text, sizeof(text), "%.150s:%.100s %s", source_repository(package),
             source_tag(package), problem);
    lk_package_end(core, package, LK_OUTCOME_REFUSED, text);
}

/* A dry run publishes nothing, so that what a package waits for is not there yet. */
static bool comes_later(const struct lk_core *core, const struct lk_package *package)
{
    const struct lk_push *push = lk_core_push(core, package->push);

    if (!push->options.dry_run || !is_from_index(package))
        return false;
    for (const struct lk_package *other = push->packages; other; other = other->next_in_push)
        if (strcmp(other->tag, package->from.tag) == 0 &&
            strcmp(other->repository, package->from.repository) == 0)
            return true;
    return false;
}

static bool refuses_tag(struct lk_core *core, struct lk_package *package,
                        const struct lk_probe *source)
{
    if (!is_from_index(package) || source->index_exists)
        return false;
    refuse(core, package,
           source->not_an_index
               ? "is a single image, not an index: its architectures cannot be told"
               : "is not in the registry, so nothing can be taken from it; push it first");
    return true;
}

/* Where all arches are wanted, those that are there; entries for no platform, as attestations, are none. */
static bool refuses_arches(struct lk_core *core, struct lk_package *package,
                           const struct lk_probe *source)
{
    struct lk_arch arches[LK_PACKAGE_ARCHES_MAX];
    size_t         count = 0;
    const char    *problem = NULL;

    for (size_t i = 0; i < source->count && !problem; i++) {
        const struct lk_found_child *entry = &source->entries[i];
        if (entry->arch.name[0] == '\0')
            continue;
        if (lk_probe_find(source, &entry->arch) != entry)
            problem = "has two images for one architecture; name the architectures to take";
        else if (count == LK_PACKAGE_ARCHES_MAX)
            problem = "has more architectures than lkcoord publishes under a tag (limit: 8)";
        else
            arches[count++] = entry->arch;
    }
    if (count == 0)
        problem = "has no image for Linux, and an empty index is never published";
    if (problem) {
        refuse(core, package, problem);
        return true;
    }
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_ARCHES_FOUND);
    fact->package = package->id;
    fact->arch_count = count;
    memcpy(fact->arches, arches, count * sizeof(arches[0]));
    lk_fact_commit(core);
    return false;
}

static bool refuses_what_is_missing(struct lk_core *core, struct lk_package *package,
                                    const struct lk_probe *source)
{
    char list[LK_PACKAGE_ARCHES_MAX * (LK_ARCH_SIZE + 2)] = "";
    char text[LK_REASON_SIZE];

    for (size_t i = 0; i < package->job_count; i++)
        if (!lk_probe_find(source, &package->jobs[i].arch))
            lk_add_arch(list, sizeof(list), &package->jobs[i].arch);
    if (!list[0])
        return false;
    snprintf(text, sizeof(text),
             is_from_index(package)
                 ? "has no image for %s; push that first"
                 : "cannot be put together: there is no tag of its own (TAG-ARCH) for %s",
             list);
    refuse(core, package, text);
    return true;
}

static bool refuses_what_is_foreign(struct lk_core *core, struct lk_package *package,
                                    const struct lk_probe *source)
{
    const struct lk_push *push = lk_push_of(core, package->push);
    const char           *repository = source_repository(package);
    const char           *tag = source_tag(package);
    char                  text[LK_REASON_SIZE], digest[LK_DIGEST_TEXT_SIZE];

    if (is_from_index(package) &&
        lk_trust_is_ours(core, repository, tag, &source->index_digest))
        return false;
    for (size_t i = 0; i < package->job_count; i++) {
        const struct lk_found_child *entry = lk_probe_find(source, &package->jobs[i].arch);
        if (!entry || lk_trust_covers(core, push, repository, tag, entry))
            continue;
        lk_digest_format(&entry->child.digest, digest);
        snprintf(text, sizeof(text),
                 "holds for %s what neither this coordinator pushed nor a trusted key signed: "
                 "%s. If you vouch for it: --adopt %s",
                 entry->arch.name, digest, digest);
        refuse(core, package, text);
        return true;
    }
    return false;
}

bool lk_source_refuses(struct lk_core *core, struct lk_package *package,
                       const struct lk_probe *source)
{
    bool later = comes_later(core, package);

    if (later && !source->index_exists)
        return false;
    if (refuses_tag(core, package, source) ||
        (package->job_count == 0 && refuses_arches(core, package, source)))
        return true;
    if (!later && refuses_what_is_missing(core, package, source))
        return true;
    return refuses_what_is_foreign(core, package, source);
}
