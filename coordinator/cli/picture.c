#include "coordinator/cli/picture.h"

#include <stdlib.h>
#include <string.h>

void lk_picture_init(struct lk_picture *picture, uint64_t push)
{
    *picture = (struct lk_picture) { .push = push };
    picture->packages = lk_xcalloc(LK_PUSH_PACKAGES_MAX, sizeof(*picture->packages));
}

void lk_picture_fini(struct lk_picture *picture)
{
    free(picture->packages);
    *picture = (struct lk_picture) { 0 };
}

bool lk_picture_take_push(struct lk_picture *picture, const lk_wire_PushUpdate *update,
                          int64_t now_ms)
{
    if (update->push != picture->push)
        return false;

    bool changed = picture->state != update->state;

    if (picture->began_ms == 0)
        picture->began_ms = now_ms;
    picture->state = update->state;
    picture->outcome = update->outcome;
    picture->dry_run = update->dry_run;
    picture->build_only = update->build_only;
    lk_copy_text(picture->client, sizeof(picture->client), update->client);
    return changed;
}

static struct lk_picture_package *package_at(struct lk_picture *picture, uint32_t number)
{
    if (number >= LK_PUSH_PACKAGES_MAX)
        return NULL;
    if (number >= picture->package_count)
        picture->package_count = number + 1;
    return &picture->packages[number];
}

bool lk_picture_take_package(struct lk_picture *picture, const lk_wire_PackageUpdate *update)
{
    struct lk_picture_package *package =
        update->push == picture->push ? package_at(picture, update->package) : NULL;

    if (!package)
        return false;

    bool changed = package->state != update->state || strcmp(package->text, update->text) != 0;

    package->state = update->state;
    package->outcome = update->outcome;
    package->is_signed = update->is_signed;
    package->nothing_to_do = update->nothing_to_do;
    lk_copy_text(package->repository, sizeof(package->repository), update->repository);
    lk_copy_text(package->tag, sizeof(package->tag), update->tag);
    lk_copy_text(package->path, sizeof(package->path), update->path);
    lk_copy_text(package->text, sizeof(package->text), update->text);
    package->index_digest = (struct lk_digest) { 0 };
    if (update->index_digest.size == sizeof(package->index_digest.sha256))
        memcpy(package->index_digest.sha256, update->index_digest.bytes,
               sizeof(package->index_digest.sha256));
    return changed;
}

/* The package's job of this architecture, made in its place if it is new; NULL if there is no room. */
static struct lk_picture_job *job_at(struct lk_picture_package *package,
                                     const struct lk_arch      *arch)
{
    size_t at = 0;

    while (at < package->job_count && lk_arch_compare(&package->jobs[at].arch, arch) < 0)
        at++;
    if (at < package->job_count && lk_arch_eq(&package->jobs[at].arch, arch))
        return &package->jobs[at];
    if (package->job_count == LK_COUNT(package->jobs))
        return NULL;
    memmove(&package->jobs[at + 1], &package->jobs[at],
            (package->job_count - at) * sizeof(package->jobs[0]));
    package->jobs[at] = (struct lk_picture_job) { .arch = *arch };
    package->job_count++;
    return &package->jobs[at];
}

bool lk_picture_job_ended(lk_wire_JobState state)
{
    return state == lk_wire_JobState_JOB_DONE || state == lk_wire_JobState_JOB_KEPT ||
           state == lk_wire_JobState_JOB_FAILED || state == lk_wire_JobState_JOB_CANCELLED;
}

static void set_times(struct lk_picture_job *job, const lk_wire_JobUpdate *update,
                      int64_t now_ms)
{
    /* How long ago is the coordinator's to say, but not before this machine was started. */
    int64_t ago_ms = update->state_ms < (uint64_t)now_ms ? (int64_t)update->state_ms : now_ms;

    job->since_ms = now_ms - ago_ms;
    if (update->state == lk_wire_JobState_JOB_QUEUED || update->attempt != job->attempt)
        job->began_ms = 0;
    if (update->state == lk_wire_JobState_JOB_ASSIGNED && job->began_ms == 0)
        job->began_ms = job->since_ms;
    if (!lk_picture_job_ended(update->state))
        job->ended_ms = 0;
    else if (job->ended_ms == 0)
        job->ended_ms = job->since_ms;
}

bool lk_picture_take_job(struct lk_picture *picture, const lk_wire_JobUpdate *update,
                         int64_t now_ms, const struct lk_picture_job **changed)
{
    struct lk_arch             arch;
    struct lk_picture_package *package =
        update->push == picture->push ? package_at(picture, update->package) : NULL;
    struct lk_picture_job *job = package && lk_arch_parse(lk_str_of(update->arch), &arch)
                                     ? job_at(package, &arch)
                                     : NULL;

    if (!job)
        return false;

    /* States and phases that are one word to people are one to them. */
    const char *word = job->id ? lk_picture_job_word(job) : "";
    bool differs = job->attempt != update->attempt || strcmp(job->text, update->text) != 0;

    set_times(job, update, now_ms);
    job->id = update->job;
    job->attempt = update->attempt;
    job->state = update->state;
    job->phase = update->phase;
    job->emulated = update->emulated;
    job->bytes_done = update->bytes_done;
    job->bytes_total = update->bytes_total;
    job->outcome = update->outcome;
    lk_copy_text(job->agent, sizeof(job->agent), update->agent);
    lk_copy_text(job->text, sizeof(job->text), update->text);
    job->digest = (struct lk_digest) { 0 };
    if (update->digest.size == sizeof(job->digest.sha256))
        memcpy(job->digest.sha256, update->digest.bytes, sizeof(job->digest.sha256));
    if (changed)
        *changed = job;
    return differs || strcmp(word, lk_picture_job_word(job)) != 0;
}

const struct lk_picture_job *lk_picture_find(const struct lk_picture *picture, uint64_t job,
                                             const struct lk_picture_package **package)
{
    for (size_t i = 0; i < picture->package_count; i++)
        for (size_t j = 0; j < picture->packages[i].job_count; j++)
            if (picture->packages[i].jobs[j].id == job) {
                *package = &picture->packages[i];
                return &picture->packages[i].jobs[j];
            }
    return NULL;
}

const char *lk_picture_name(const struct lk_picture_package *package)
{
    const char *slash = strrchr(package->repository, '/');

    if (slash && slash[1])
        return slash + 1;
    return package->repository[0] ? package->repository : "package";
}

static const char *outcome_word(lk_wire_Outcome outcome, const char *good)
{
    switch (outcome) {
    case lk_wire_Outcome_OUTCOME_OK: return good;
    case lk_wire_Outcome_OUTCOME_BUILD_FAILED: return "build failed";
    case lk_wire_Outcome_OUTCOME_INFRASTRUCTURE: return "infrastructure failed";
    case lk_wire_Outcome_OUTCOME_REFUSED: return "refused";
    case lk_wire_Outcome_OUTCOME_VERIFICATION_FAILED: return "verification failed";
    case lk_wire_Outcome_OUTCOME_CANCELLED: return "cancelled";
    case lk_wire_Outcome_OUTCOME_UNUSED_2:
    case lk_wire_Outcome_OUTCOME_UNUSED_3: return "failed";
    }
    return "failed";
}

const char *lk_picture_push_word(lk_wire_PushState state, lk_wire_Outcome outcome)
{
    switch (state) {
    case lk_wire_PushState_PUSH_NONE: return "unknown";
    case lk_wire_PushState_PUSH_RECEIVING: return "receiving source";
    case lk_wire_PushState_PUSH_RUNNING: return "running";
    case lk_wire_PushState_PUSH_ENDED: return outcome_word(outcome, "done");
    }
    return "unknown";
}

const char *lk_picture_package_word(const struct lk_picture_package *package)
{
    switch (package->state) {
    case lk_wire_PackageState_PACKAGE_NONE: return "unknown";
    case lk_wire_PackageState_PACKAGE_WAITING: return "waiting";
    case lk_wire_PackageState_PACKAGE_PLANNING: return "planning";
    case lk_wire_PackageState_PACKAGE_ACTIVE: return "building";
    case lk_wire_PackageState_PACKAGE_PUBLISHING: return "publishing";
    case lk_wire_PackageState_PACKAGE_ENDED:
        return package->nothing_to_do ? "nothing to do"
                                      : outcome_word(package->outcome, "done");
    }
    return "unknown";
}

static const char *phase_word(lk_wire_Phase phase)
{
    switch (phase) {
    case lk_wire_Phase_PHASE_NONE: return "assigned";
    case lk_wire_Phase_PHASE_TAKEN: return "fetching source";
    case lk_wire_Phase_PHASE_BUILDING: return "building";
    case lk_wire_Phase_PHASE_BUILT: return "built";
    case lk_wire_Phase_PHASE_STAGING: return "uploading";
    case lk_wire_Phase_PHASE_STAGED: return "uploaded";
    case lk_wire_Phase_PHASE_PUSHING: return "pushing";
    case lk_wire_Phase_PHASE_PUSHED: return "pushed";
    case lk_wire_Phase_PHASE_FAILED: return "failed";
    }
    return "assigned";
}

const char *lk_picture_job_word(const struct lk_picture_job *job)
{
    switch (job->state) {
    case lk_wire_JobState_JOB_NONE: return "unknown";
    case lk_wire_JobState_JOB_QUEUED: return "queued";
    case lk_wire_JobState_JOB_ASSIGNED: return phase_word(job->phase);
    case lk_wire_JobState_JOB_BUILT:
        return job->phase == lk_wire_Phase_PHASE_STAGING ? "uploading" : "built";
    case lk_wire_JobState_JOB_STAGED: return "waiting for its turn";
    case lk_wire_JobState_JOB_IN_TURN:
        return job->phase == lk_wire_Phase_PHASE_STAGING ? "uploading in its turn" : "pushing";
    case lk_wire_JobState_JOB_DONE: return "done";
    case lk_wire_JobState_JOB_KEPT: return "kept";
    case lk_wire_JobState_JOB_FAILED: return "failed";
    case lk_wire_JobState_JOB_CANCELLED: return "cancelled";
    }
    return "unknown";
}

int64_t lk_picture_job_ms(const struct lk_picture_job *job, int64_t now_ms)
{
    if (job->began_ms == 0)
        return -1;
    return (job->ended_ms ? job->ended_ms : now_ms) - job->began_ms;
}

const char *lk_picture_job_action(const struct lk_picture_job *job)
{
    if (job->state == lk_wire_JobState_JOB_KEPT)
        return "keep";
    if (job->state == lk_wire_JobState_JOB_STAGED)
        return "take";
    if (job->state == lk_wire_JobState_JOB_NONE)
        return "unknown";
    return job->state == lk_wire_JobState_JOB_FAILED ? "cannot" : "build";
}
