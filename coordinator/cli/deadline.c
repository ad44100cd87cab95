#include "coordinator/cli/deadline.h"

#include "common/base/str.h"

#include <inttypes.h>

#define TIMEOUT_SECONDS_MAX 604800 /* a week */

int lk_deadline_parse(int64_t *timeout_ms, const char *option, const char *seconds,
                      struct lk_err *err)
{
    uint64_t value = 0;

    if (seconds &&
        (!lk_parse_u64(lk_str_of(seconds), TIMEOUT_SECONDS_MAX, &value) || value == 0))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--%s %.64s: expected a number of seconds from 1 to %d", option,
                          seconds, TIMEOUT_SECONDS_MAX);
    *timeout_ms = (int64_t)value * 1000;
    return 0;
}

/* The first job that had not ended, one with a reason before those without. */
static const struct lk_picture_job *find_laggard(const struct lk_picture          *picture,
                                                 const struct lk_picture_package **package)
{
    const struct lk_picture_job *found = NULL;

    for (size_t i = 0; i < picture->package_count; i++)
        for (size_t j = 0; j < picture->packages[i].job_count; j++) {
            const struct lk_picture_job *job = &picture->packages[i].jobs[j];

            if (lk_picture_job_ended(job->state) || (found && !job->text[0]))
                continue;
            found = job;
            *package = &picture->packages[i];
            if (job->text[0])
                return job;
        }
    return found;
}

static const struct lk_picture_package *find_late_package(const struct lk_picture *picture)
{
    for (size_t i = 0; i < picture->package_count; i++)
        if (picture->packages[i].state != lk_wire_PackageState_PACKAGE_ENDED)
            return &picture->packages[i];
    return NULL;
}

static const char *separator(const char *text)
{
    return text[0] ? ": " : "";
}

void lk_deadline_explain(const struct lk_picture *picture, uint32_t timeout_s,
                         struct lk_err *err)
{
    const struct lk_picture_package *package = NULL;
    const struct lk_picture_job     *job = find_laggard(picture, &package);

    if (picture->push == 0) {
        lk_err_set(err, LK_ERR_RETRY,
                   "the coordinator had not accepted the push after --timeout %" PRIu32,
                   timeout_s);
        return;
    }
    if (job)
        lk_err_set(err, LK_ERR_RETRY, "%s for %s: %s%s%s", lk_picture_name(package),
                   job->arch.name, lk_picture_job_word(job), separator(job->text), job->text);
    else if ((package = find_late_package(picture)))
        lk_err_set(err, LK_ERR_RETRY, "%s: %s%s%s", lk_picture_name(package),
                   lk_picture_package_word(package), separator(package->text), package->text);
    else
        lk_err_set(err, LK_ERR_RETRY, "the source was not in");
    lk_err_wrap(err,
                "push %" PRIu64 " was not done after --timeout %" PRIu32 " and is cancelled",
                picture->push, timeout_s);
}
