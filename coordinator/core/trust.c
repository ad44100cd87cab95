/* What is under a tag already, or is to be taken from elsewhere, and whom we trust of it. */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

/* An entry for no platform that we build for is named "unknown", as in the index itself. */
static const char *name_of(const struct lk_arch *arch)
{
    return arch->name[0] ? arch->name : "unknown";
}

bool lk_is_replaced(const struct lk_push *push, const struct lk_arch *arch)
{
    for (size_t i = 0; i < push->options.replace_count; i++)
        if (strcmp(push->options.replace[i].name, name_of(arch)) == 0)
            return true;
    return false;
}

bool lk_is_required(const struct lk_package *package, const struct lk_arch *arch)
{
    for (size_t i = 0; i < package->job_count; i++)
        if (lk_arch_eq(&package->jobs[i].arch, arch))
            return true;
    return false;
}

void lk_add_arch(char *list, size_t size, const struct lk_arch *arch)
{
    size_t len = strlen(list);

    snprintf(list + len, size - len, "%s%s", len ? ", " : "", arch->name);
}

const struct lk_found_child *lk_probe_find(const struct lk_probe *probe,
                                           const struct lk_arch  *arch)
{
    for (size_t i = 0; i < probe->count; i++)
        if (lk_arch_eq(&probe->entries[i].arch, arch))
            return &probe->entries[i];
    return NULL;
}

static bool is_adopted(const struct lk_push *push, const struct lk_digest *digest)
{
    for (size_t i = 0; i < push->options.adopt_count; i++)
        if (lk_digest_eq(&push->options.adopt[i], digest))
            return true;
    return false;
}

bool lk_trust_is_ours(const struct lk_core *core, const char *repository, const char *tag,
                      const struct lk_digest *index)
{
    const struct lk_digest *ours = lk_core_published(core, repository, tag);

    return ours && lk_digest_eq(ours, index);
}

bool lk_trust_covers(const struct lk_core *core, const struct lk_push *push,
                     const char *repository, const char *tag,
                     const struct lk_found_child *entry)
{
    if (entry->arch.name[0] == '\0')
        return false;
    if (entry->is_signed || is_adopted(push, &entry->child.digest))
        return true;
    const struct lk_record *record = lk_record_find(core, repository, tag, &entry->arch);
    return record && lk_digest_eq(&record->child.digest, &entry->child.digest);
}

/* One that is taken from an index, of remote-tag, not a release: nothing in the same push publishes what it is taken from. */
static bool is_copy(const struct lk_push *push, const struct lk_package *package)
{
    for (const struct lk_package *other = push->packages; other; other = other->next_in_push)
        if (strcmp(other->tag, package->from.tag) == 0 &&
            strcmp(other->repository, package->from.repository) == 0)
            return other == package;
    return true;
}

bool lk_trust_leaves_out(const struct lk_core *core, const struct lk_package *package,
                         const struct lk_probe *probe, const struct lk_found_child *entry)
{
    const struct lk_push *push = lk_core_push(core, package->push);

    if (lk_is_required(package, &entry->arch))
        return false;
    if (lk_is_replaced(push, &entry->arch) ||
        (push->options.force && package->origin == LK_PACKAGE_FROM_INDEX))
        return true;
    /* What is rebuilt from the arch tags is freed of what nobody vouches for. */
    return package->origin == LK_PACKAGE_FROM_ARCH_TAGS &&
           !lk_trust_is_ours(core, package->repository, package->tag, &probe->index_digest) &&
           !lk_trust_covers(core, push, package->repository, package->tag, entry);
}

/* Says only what helps with this entry. */
static void refuse_entry(struct lk_core *core, struct lk_package *package,
                         const struct lk_found_child *entry)
{
    const char *arch = name_of(&entry->arch);
    char        text[LK_REASON_SIZE];
    char        digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&entry->child.digest, digest);
    if (entry->arch.name[0])
        snprintf(text, sizeof(text),
                 "the tag holds an entry for %s that neither this coordinator pushed nor a "
                 "trusted key signed: %s. If you vouch for it: --adopt %s; to %s: --replace %s",
                 arch, digest, digest,
                 lk_is_required(package, &entry->arch) ? "build it anew" : "leave it out",
                 arch);
    else
        snprintf(text, sizeof(text),
                 "the tag holds an entry that is no image for Linux, as an attestation: %s. "
                 "Such entries are not kept; to leave them out: --replace %s",
                 digest, arch);
    lk_package_end(core, package, LK_OUTCOME_REFUSED, text);
}

/* A tag that was made from another index, as a release, keeps what it has; it only gains. */
static bool refuses_other_image(struct lk_core *core, struct lk_package *package,
                                const struct lk_probe *probe, const struct lk_probe *source)
{
    const struct lk_push *push = lk_push_of(core, package->push);
    char text[LK_REASON_SIZE], there[LK_DIGEST_TEXT_SIZE], wanted[LK_DIGEST_TEXT_SIZE];

    for (size_t i = 0; i < package->job_count; i++) {
        const struct lk_job         *job = &package->jobs[i];
        const struct lk_found_child *entry = lk_probe_find(probe, &job->arch);
        const struct lk_found_child *from = source ? lk_probe_find(source, &job->arch) : NULL;
        const struct lk_digest      *digest = from ? &from->child.digest : &job->child.digest;
        if (!entry || lk_digest_eq(&entry->child.digest, digest) || push->options.force ||
            lk_is_replaced(push, &job->arch) || lk_digest_is_zero(digest))
            continue;
        lk_digest_format(&entry->child.digest, there);
        lk_digest_format(digest, wanted);
        snprintf(text, sizeof(text),
                 "the tag holds another image for %s already: %s, not %s. What was published "
                 "is not changed, unless you say --force",
                 job->arch.name, there, wanted);
        lk_package_end(core, package, LK_OUTCOME_REFUSED, text);
        return true;
    }
    return false;
}

/*
 * An image that would stand beside those of another index without being of it.  In the turn the source is not
 * looked at again: whoever publishes under the same tag waits, so that a release then has what it had.
 */
static bool is_foreign(const struct lk_core *core, const struct lk_package *package,
                       const struct lk_probe *probe, const struct lk_probe *source,
                       const struct lk_found_child *entry)
{
    const struct lk_found_child *from = source ? lk_probe_find(source, &entry->arch) : NULL;

    if (lk_is_required(package, &entry->arch) ||
        lk_trust_leaves_out(core, package, probe, entry) ||
        (from && lk_digest_eq(&from->child.digest, &entry->child.digest)))
        return false;
    return is_copy(lk_core_push(core, package->push), package) ||
           (source && source->index_exists);
}

/* What one name has, under another one, is not mixed with what that one had. */
static bool refuses_mixture(struct lk_core *core, struct lk_package *package,
                            const struct lk_probe *probe, const struct lk_probe *source)
{
    char text[LK_REASON_SIZE];

    if (package->origin != LK_PACKAGE_FROM_INDEX)
        return false;
    for (size_t i = 0; i < probe->count; i++) {
        const struct lk_found_child *entry = &probe->entries[i];
        if (!is_foreign(core, package, probe, source, entry))
            continue;
        snprintf(text, sizeof(text),
                 "the tag holds an image for %s already, and %.100s:%.100s has none such: two "
                 "versions would be mixed. What was published is not changed, unless you say "
                 "--force",
                 name_of(&entry->arch), package->from.repository, package->from.tag);
        lk_package_end(core, package, LK_OUTCOME_REFUSED, text);
        return true;
    }
    return false;
}

/* An entry that will not be in the index that we publish needs nobody's trust. */
static bool goes_away(const struct lk_core *core, const struct lk_package *package,
                      const struct lk_probe *probe, const struct lk_found_child *entry)
{
    if (lk_is_replaced(lk_core_push(core, package->push), &entry->arch))
        return true;
    if (package->origin != LK_PACKAGE_BUILT && lk_is_required(package, &entry->arch))
        return true;
    return lk_trust_leaves_out(core, package, probe, entry);
}

bool lk_trust_refuses(struct lk_core *core, struct lk_package *package,
                      const struct lk_probe *probe, const struct lk_probe *source)
{
    const struct lk_push *push = lk_push_of(core, package->push);
    char                  text[LK_REASON_SIZE];
    char                  digest[LK_DIGEST_TEXT_SIZE];

    if (probe->not_an_index) {
        lk_digest_format(&probe->index_digest, digest);
        snprintf(text, sizeof(text),
                 "the tag already names a single image (%s), not an index; delete or move that "
                 "tag first",
                 digest);
        lk_package_end(core, package, LK_OUTCOME_REFUSED, text);
        return true;
    }
    if (package->origin == LK_PACKAGE_FROM_INDEX &&
        refuses_other_image(core, package, probe, source))
        return true;
    /* Of an index that we published ourselves every entry was ours, whatever was pushed since. */
    if (lk_trust_is_ours(core, package->repository, package->tag, &probe->index_digest))
        return refuses_mixture(core, package, probe, source);
    for (size_t i = 0; i < probe->count; i++) {
        const struct lk_found_child *entry = &probe->entries[i];
        if (lk_trust_covers(core, push, package->repository, package->tag, entry) ||
            goes_away(core, package, probe, entry))
            continue;
        refuse_entry(core, package, entry);
        return true;
    }
    return refuses_mixture(core, package, probe, source);
}
