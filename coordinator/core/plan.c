/* What is under a tag already, whom we trust of it, and so what is left to do. */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

/* An entry for no platform that we build for is named "unknown", as in the index itself. */
static const char *name_of(const struct lk_arch *arch)
{
    return arch->name[0] ? arch->name : "unknown";
}

static bool is_replaced(const struct lk_push *push, const struct lk_arch *arch)
{
    for (size_t i = 0; i < push->options.replace_count; i++)
        if (strcmp(push->options.replace[i].name, name_of(arch)) == 0)
            return true;
    return false;
}

static bool is_adopted(const struct lk_push *push, const struct lk_digest *digest)
{
    for (size_t i = 0; i < push->options.adopt_count; i++)
        if (lk_digest_eq(&push->options.adopt[i], digest))
            return true;
    return false;
}

bool lk_plan_is_trusted(const struct lk_core *core, const struct lk_package *package,
                        const struct lk_push *push, const struct lk_found_child *entry)
{
    if (entry->is_signed || is_adopted(push, &entry->child.digest))
        return true;
    const struct lk_record *record = lk_record_find(core, package, &entry->arch);
    return record && lk_digest_eq(&record->child.digest, &entry->child.digest);
}

static bool is_required(const struct lk_package *package, const struct lk_arch *arch)
{
    for (size_t i = 0; i < package->job_count; i++)
        if (lk_arch_eq(&package->jobs[i].arch, arch))
            return true;
    return false;
}

bool lk_plan_leaves_out(const struct lk_package *package, const struct lk_push *push,
                        const struct lk_arch *arch)
{
    return is_replaced(push, arch) && !is_required(package, arch);
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
                 is_required(package, &entry->arch) ? "build it anew" : "leave it out", arch);
    else
        snprintf(text, sizeof(text),
                 "the tag holds an entry that is no image for Linux, as an attestation: %s. "
                 "Such entries are not kept; to leave them out: --replace %s",
                 digest, arch);
    lk_package_end(core, package, LK_OUTCOME_REFUSED, text);
}

bool lk_plan_refuses(struct lk_core *core, struct lk_package *package,
                     const struct lk_probe *probe)
{
    static const struct lk_arch whole_index;
    const struct lk_push       *push = lk_push_of(core, package->push);
    const struct lk_record     *ours = lk_record_find(core, package, &whole_index);
    char                        text[LK_REASON_SIZE];
    char                        digest[LK_DIGEST_TEXT_SIZE];

    if (probe->not_an_index) {
        lk_digest_format(&probe->index_digest, digest);
        snprintf(text, sizeof(text),
                 "the tag already names a single image (%s), not an index; delete or move that "
                 "tag first",
                 digest);
        lk_package_end(core, package, LK_OUTCOME_REFUSED, text);
        return true;
    }
    /* Of an index that we published ourselves every entry was ours, whatever was pushed since. */
    if (ours && lk_digest_eq(&ours->child.digest, &probe->index_digest))
        return false;
    for (size_t i = 0; i < probe->count; i++) {
        const struct lk_found_child *entry = &probe->entries[i];
        bool trusted = entry->arch.name[0] && lk_plan_is_trusted(core, package, push, entry);
        if (trusted || is_replaced(push, &entry->arch))
            continue;
        refuse_entry(core, package, entry);
        return true;
    }
    return false;
}

static const struct lk_found_child *find_entry(const struct lk_probe *probe,
                                               const struct lk_arch  *arch)
{
    for (size_t i = 0; i < probe->count; i++)
        if (lk_arch_eq(&probe->entries[i].arch, arch))
            return &probe->entries[i];
    return NULL;
}

/* True if nothing at all is left to do for this job. */
static bool plan_job(struct lk_core *core, struct lk_package *package, struct lk_job *job,
                     const struct lk_probe *probe)
{
    const struct lk_push        *push = lk_push_of(core, package->push);
    const struct lk_found_child *entry = find_entry(probe, &job->arch);
    const struct lk_record      *record = lk_record_find(core, package, &job->arch);
    struct lk_fact              *fact = lk_fact_new(core, LK_FACT_JOB_PLANNED);

    fact->job = job->id;
    fact->state = LK_JOB_QUEUED;
    if (push->options.force || is_replaced(push, &job->arch)) {
        /* built, whatever is there */
    } else if (entry) {
        fact->flag = true;
        fact->child = entry->child;
        fact->state = entry->arch_tag_is_right ? LK_JOB_KEPT : LK_JOB_STAGED;
    } else if (record) {
        /* Pushed earlier, by a push that could not complete: it is looked at again, not built again. */
        fact->flag = true;
        fact->child = record->child;
        fact->state = LK_JOB_STAGED;
    }
    bool done = fact->state == LK_JOB_KEPT && (entry->is_signed || !push->options.sign);
    lk_fact_commit(core);
    return done;
}

void lk_plan_answer(struct lk_core *core, struct lk_package *package,
                    const struct lk_probe *probe)
{
    static const struct lk_arch whole_index;
    const struct lk_push       *push = lk_push_of(core, package->push);
    bool                        all_done = probe->index_exists;

    if (lk_plan_refuses(core, package, probe))
        return;
    for (size_t i = 0; i < package->job_count; i++)
        all_done &= plan_job(core, package, &package->jobs[i], probe);
    for (size_t i = 0; i < probe->count; i++)
        all_done &= (!push->options.sign || probe->entries[i].is_signed) &&
                    !lk_plan_leaves_out(package, push, &probe->entries[i].arch);

    const struct lk_record *record = lk_record_find(core, package, &whole_index);
    bool                    vouched =
        probe->index_is_signed || (!push->options.sign && record &&
                                   lk_digest_eq(&record->child.digest, &probe->index_digest));
    if (all_done && vouched) {
        package->nothing_to_do = true;
        package->index_is_signed = probe->index_is_signed;
        package->index.digest = probe->index_digest;
        lk_package_end(core, package, LK_OUTCOME_OK, "");
        return;
    }
    if (push->options.dry_run) {
        lk_package_end(core, package, LK_OUTCOME_OK, "");
        return;
    }
    lk_fact_new(core, LK_FACT_PACKAGE_PLANNED)->package = package->id;
    lk_fact_commit(core);
}
