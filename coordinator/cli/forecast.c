#include "coordinator/cli/forecast.h"

#include <stdio.h>
#include <string.h>

static void add(struct lk_forecast *forecast, const struct lk_arch *arch, bool native)
{
    for (size_t i = 0; i < forecast->count; i++)
        if (lk_arch_eq(&forecast->served[i].arch, arch)) {
            forecast->served[i].native |= native;
            return;
        }
    if (forecast->count == LK_COUNT(forecast->served))
        return;
    forecast->served[forecast->count].arch = *arch;
    forecast->served[forecast->count++].native = native;
}

void lk_forecast_take(struct lk_forecast *forecast, const lk_wire_AgentUpdate *agent)
{
    struct lk_arch arch;

    for (size_t i = 0; agent->connected && !agent->drained && i < agent->platforms_count; i++)
        if (lk_arch_parse(lk_str_of(agent->platforms[i].arch), &arch))
            add(forecast, &arch, !agent->platforms[i].emulated);
}

enum lk_outlook lk_forecast_of(const struct lk_forecast *forecast, const struct lk_arch *arch)
{
    for (size_t i = 0; i < forecast->count; i++)
        if (lk_arch_eq(&forecast->served[i].arch, arch)) {
            if (forecast->served[i].native)
                return LK_OUTLOOK_NATIVE;
            return forecast->allow_emulation ? LK_OUTLOOK_EMULATED : LK_OUTLOOK_FORBIDDEN;
        }
    return LK_OUTLOOK_NOBODY;
}

static void annotate(const struct lk_forecast *forecast, struct lk_picture_job *job)
{
    struct lk_arch arch = job->arch;

    switch (lk_forecast_of(forecast, &arch)) {
    case LK_OUTLOOK_NATIVE: job->foreseen = true; return;
    case LK_OUTLOOK_EMULATED: job->foreseen = job->emulated = true; return;
    case LK_OUTLOOK_FORBIDDEN:
        snprintf(job->text, sizeof(job->text),
                 "would wait: agents build for %s only by emulation; --allow-emulation "
                 "permits it",
                 arch.name);
        return;
    case LK_OUTLOOK_NOBODY:
        snprintf(job->text, sizeof(job->text),
                 "would wait: no agent that is there builds for %s", arch.name);
        return;
    }
}

void lk_forecast_annotate(const struct lk_forecast *forecast, struct lk_picture *picture)
{
    if (!forecast->complete)
        return;
    for (size_t i = 0; i < picture->package_count; i++)
        for (size_t j = 0; j < picture->packages[i].job_count; j++) {
            struct lk_picture_job *job = &picture->packages[i].jobs[j];

            /* What has a digest was built before; what is taken is, or will be, by then. */
            if (job->state != lk_wire_JobState_JOB_NONE &&
                job->state != lk_wire_JobState_JOB_KEPT &&
                job->state != lk_wire_JobState_JOB_STAGED &&
                job->state != lk_wire_JobState_JOB_FAILED && !job->text[0] &&
                lk_digest_is_zero(&job->digest))
                annotate(forecast, job);
        }
}

static int explain(const char *name, const struct lk_arch *arch, enum lk_outlook outlook,
                   struct lk_err *why)
{
    if (outlook == LK_OUTLOOK_FORBIDDEN)
        return lk_err_set(why, LK_ERR_CONFLICT,
                          "%s: this machine builds for %s only by emulation; permit it by "
                          "--allow-emulation, or leave it out by --skip-platforms %s",
                          name, arch->name, arch->name);
    return lk_err_set(why, LK_ERR_CONFLICT,
                      "%s: this machine can neither build for %s nor emulate it (no entry for "
                      "it with flag F in /proc/sys/fs/binfmt_misc; on Debian: "
                      "qemu-user-static); leave it out by --skip-platforms %s",
                      name, arch->name, arch->name);
}

bool lk_forecast_hopeless(const struct lk_forecast *forecast, const struct lk_picture *picture,
                          struct lk_err *why)
{
    if (picture->dry_run || !forecast->complete || forecast->count == 0)
        return false;
    for (size_t i = 0; i < picture->package_count; i++)
        for (size_t j = 0; j < picture->packages[i].job_count; j++) {
            const struct lk_picture_job *job = &picture->packages[i].jobs[j];
            enum lk_outlook              outlook = lk_forecast_of(forecast, &job->arch);

            if (job->state != lk_wire_JobState_JOB_QUEUED || outlook < LK_OUTLOOK_FORBIDDEN)
                continue;
            explain(lk_picture_name(&picture->packages[i]), &job->arch, outlook, why);
            return true;
        }
    return false;
}
