/*
 * Places for uploads: a registry may be too weak for all agents at once.  Who has a place has its ticket (or, with
 * the upload inside the turn, waits for the turn or has it); all others wait as BUILT, the oldest push first.
 *
 * Whoever reports that it uploads, as after our restart, has a place, also beyond the limit: it cannot be taken back.
 */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

size_t lk_upload_limit_of(const struct lk_core *core, const char *repository)
{
    for (size_t i = 0; i < core->config.upload_limit_count; i++) {
        const char *host = core->config.upload_limits[i].host;
        size_t      len = strlen(host);
        if (strncmp(repository, host, len) == 0 && repository[len] == '/')
            return i + 1;
    }
    return 0;
}

bool lk_upload_has_place(const struct lk_push *push, const struct lk_job *job)
{
    if (job->kept || job->pushed || push->options.build_only)
        return false;
    if (push->options.in_turn)
        return job->state == LK_JOB_STAGED || job->state == LK_JOB_IN_TURN;
    return job->state == LK_JOB_BUILT &&
           (job->ticket_session || job->phase == LK_PHASE_STAGING);
}

void lk_uploads_count(struct lk_core *core, const struct lk_push *push,
                      const struct lk_package *package)
{
    for (size_t i = 0; package->upload_limit && i < package->job_count; i++)
        core->uploads[package->upload_limit - 1] +=
            lk_upload_has_place(push, &package->jobs[i]);
}

bool lk_upload_begins(struct lk_core *core, const struct lk_push *push,
                      struct lk_package *package, struct lk_job *job)
{
    const struct lk_upload_limit *limit;
    char                          text[LK_JOB_TEXT_SIZE];

    if (!package->upload_limit || lk_upload_has_place(push, job))
        return true;
    if (!job->session)
        return false; /* its agent has to come back first */
    limit = &core->config.upload_limits[package->upload_limit - 1];
    if (core->uploads[package->upload_limit - 1] < limit->max) {
        core->uploads[package->upload_limit - 1]++;
        return true;
    }
    snprintf(text, sizeof(text), "waits for a place to upload: %.100s takes %u at once",
             limit->host, limit->max);
    if (strcmp(text, job->text) != 0) {
        memcpy(job->text, text, sizeof(job->text));
        lk_touch_job(core, package, job);
    }
    return false;
}
