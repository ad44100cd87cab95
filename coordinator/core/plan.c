/* What is under a tag already, and so what is left to do. */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

/* What becomes of a job. */
struct plan {
    enum lk_job_state state;
    struct lk_child   child;   /* unless it is to be built */
    bool              is_done; /* nothing at all is left to do */
};

/* Before its push was retried.  It is looked at again; only where it is gone it is made again. */
static struct plan plan_done(const struct lk_core *core, const struct lk_package *package,
                             const struct lk_job *job)
{
    const struct lk_record *record =
        lk_record_find(core, package->repository, package->tag, &job->arch);

    /* What another push has put there since is newer. */
    return (struct plan) { .state = LK_JOB_STAGED,
                           .child = record ? record->child : job->child };
}

/* Pushed earlier, by a push that could not complete: it is looked at again, not built again. */
static struct plan plan_record(const struct lk_core *core, const struct lk_package *package,
                               const struct lk_job *job)
{
    const struct lk_record *record =
        lk_record_find(core, package->repository, package->tag, &job->arch);

    if (!record)
        return (struct plan) { .state = LK_JOB_QUEUED };
    return (struct plan) { .state = LK_JOB_STAGED, .child = record->child };
}

static struct plan plan_built(const struct lk_core *core, const struct lk_package *package,
                              const struct lk_job *job, const struct lk_probe *probe)
{
    const struct lk_push        *push = lk_core_push(core, package->push);
    const struct lk_found_child *entry = lk_probe_find(probe, &job->arch);

    bool is_anew = push->options.force || lk_is_replaced(push, &job->arch);
    if (job->was_done && (is_anew || !entry))
        return plan_done(core, package, job);
    if (is_anew)
        return (struct plan) { .state = LK_JOB_QUEUED }; /* whatever is there */
    if (!entry)
        return plan_record(core, package, job);
    bool is_kept = entry->arch_tag_is_right || push->options.no_arch_tags;
    return (struct plan) {
        .state = is_kept ? LK_JOB_KEPT : LK_JOB_STAGED,
        .child = entry->child,
        .is_done = is_kept && (entry->is_signed || !lk_package_is_signed(core, package)),
    };
}

/* Without a push: what is published and trusted serves; all else, refused by nobody, is built. */
static struct plan plan_unpublished(const struct lk_core    *core,
                                    const struct lk_package *package, const struct lk_job *job,
                                    const struct lk_probe *probe)
{
    const struct lk_push        *push = lk_core_push(core, package->push);
    const struct lk_found_child *entry = lk_probe_find(probe, &job->arch);

    if (job->was_done)
        return (struct plan) { .state = LK_JOB_KEPT, .child = job->child, .is_done = true };
    if (!entry || !lk_trust_covers(core, push, package->repository, package->tag, entry))
        return (struct plan) { .state = LK_JOB_QUEUED };
    return (struct plan) { .state = LK_JOB_KEPT, .child = entry->child, .is_done = true };
}

static struct plan plan_taken(const struct lk_core *core, const struct lk_package *package,
                              const struct lk_job *job, const struct lk_probe *probe,
                              const struct lk_probe *source)
{
    const struct lk_push        *push = lk_core_push(core, package->push);
    const struct lk_found_child *from = lk_probe_find(source, &job->arch);
    const struct lk_found_child *entry = lk_probe_find(probe, &job->arch);

    if (!from)
        return (struct plan) { .state = LK_JOB_STAGED }; /* a dry run: it would come later */
    bool is_listed = entry && lk_digest_eq(&entry->child.digest, &from->child.digest);
    bool is_here = is_listed || !lk_package_is_copied(package);
    bool is_tagged = push->options.no_arch_tags ||
                     package->origin == LK_PACKAGE_FROM_ARCH_TAGS ||
                     (is_listed && entry->arch_tag_is_right);
    return (struct plan) {
        .state = is_here && is_tagged ? LK_JOB_KEPT : LK_JOB_STAGED,
        .child = from->child,
        .is_done = is_listed && is_tagged &&
                   (entry->is_signed || !lk_package_is_signed(core, package)),
    };
}

/* With --nobuild nothing is; the package has ended if something would have to be. */
static bool refuses_to_build(struct lk_core *core, struct lk_package *package,
                             const struct plan *plans)
{
    char list[LK_PACKAGE_ARCHES_MAX * (LK_ARCH_SIZE + 2)] = "";
    char text[LK_REASON_SIZE];

    for (size_t i = 0; i < package->job_count; i++)
        if (plans[i].state == LK_JOB_QUEUED)
            lk_add_arch(list, sizeof(list), &package->jobs[i].arch);
    if (!list[0] || !lk_push_of(core, package->push)->options.no_build)
        return false;
    snprintf(text, sizeof(text),
             "the registry has no trusted image for %s, and nothing is built (--nobuild)",
             list);
    lk_package_end(core, package, LK_OUTCOME_REFUSED, text);
    return true;
}

static void plan_jobs(struct lk_core *core, struct lk_package *package,
                      const struct plan *plans)
{
    for (size_t i = 0; i < package->job_count; i++) {
        struct lk_fact *fact = lk_fact_new(core, LK_FACT_JOB_PLANNED);
        fact->job = package->jobs[i].id;
        fact->state = plans[i].state;
        fact->flag = plans[i].state != LK_JOB_QUEUED;
        fact->child = plans[i].child;
        lk_fact_commit(core);
    }
}

/* The tag names what it should, whole and signed, and nothing else. */
static bool is_complete(const struct lk_core *core, const struct lk_package *package,
                        const struct lk_probe *probe, const struct plan *plans)
{
    bool is_signed = lk_package_is_signed(core, package);

    for (size_t i = 0; i < package->job_count; i++)
        if (!plans[i].is_done)
            return false;
    for (size_t i = 0; i < probe->count; i++) {
        const struct lk_found_child *entry = &probe->entries[i];
        bool                         is_twin =
            package->origin != LK_PACKAGE_BUILT && lk_probe_find(probe, &entry->arch) != entry;
        if ((is_signed && !entry->is_signed) || is_twin ||
            lk_trust_leaves_out(core, package, probe, entry))
            return false;
    }
    return probe->index_is_signed ||
           (!is_signed &&
            lk_trust_is_ours(core, package->repository, package->tag, &probe->index_digest));
}

void lk_plan_answer(struct lk_core *core, struct lk_package *package,
                    const struct lk_probe *probe, const struct lk_probe *source)
{
    struct plan plans[LK_PACKAGE_ARCHES_MAX];
    bool        is_published = !lk_push_of(core, package->push)->options.build_only;

    if ((source && lk_source_refuses(core, package, source)) ||
        (is_published && lk_trust_refuses(core, package, probe, source)))
        return;
    for (size_t i = 0; i < package->job_count; i++)
        plans[i] = !is_published ? plan_unpublished(core, package, &package->jobs[i], probe)
                   : source      ? plan_taken(core, package, &package->jobs[i], probe, source)
                                 : plan_built(core, package, &package->jobs[i], probe);
    if (refuses_to_build(core, package, plans))
        return;
    bool is_done = package->job_count && is_complete(core, package, probe, plans);
    plan_jobs(core, package, plans);
    if (is_done) {
        package->nothing_to_do = true;
        package->index_is_signed = probe->index_is_signed;
        package->index.digest = probe->index_digest;
    }
    if (is_done || lk_push_of(core, package->push)->options.dry_run) {
        lk_package_end(core, package, LK_OUTCOME_OK, "");
        return;
    }
    lk_fact_new(core, LK_FACT_PACKAGE_PLANNED)->package = package->id;
    lk_fact_commit(core);
}
