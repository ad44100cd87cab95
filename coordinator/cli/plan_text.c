#include "coordinator/cli/plan_text.h"

#include "coordinator/cli/command.h"

static void add_text(struct lk_buf *out, const char *text)
{
    lk_add_clean(out, lk_str_of(text));
}

static void add_job(struct lk_buf *out, const struct lk_picture_job *job)
{
    char digest[LK_DIGEST_TEXT_SIZE];

    lk_buf_printf(out, "  %-8s %s%s", job->arch.name, lk_picture_job_action(job),
                  job->emulated   ? " (emulated)"
                  : job->foreseen ? " (native)"
                                  : "");
    if (!lk_digest_is_zero(&job->digest)) {
        lk_digest_format(&job->digest, digest);
        lk_buf_printf(out, " %s", digest);
    }
    if (job->text[0]) {
        lk_buf_add_text(out, ": ");
        add_text(out, job->text);
    }
    lk_buf_add_text(out, "\n");
}

static void add_package(struct lk_buf *out, const struct lk_picture_package *package)
{
    add_text(out, package->repository);
    lk_buf_add_text(out, ":");
    add_text(out, package->tag);
    if (package->nothing_to_do)
        lk_buf_add_text(out, "  nothing to do");
    else if (package->outcome != lk_wire_Outcome_OUTCOME_OK)
        lk_buf_printf(out, "  %s", lk_picture_package_word(package));
    if (package->text[0]) {
        lk_buf_add_text(out, ": ");
        add_text(out, package->text);
    }
    lk_buf_add_text(out, "\n");
    for (size_t i = 0; i < package->job_count; i++)
        add_job(out, &package->jobs[i]);
}

static void add_unknown(struct lk_buf *out, const struct lk_spec *spec)
{
    lk_buf_printf(out, "%s:%s\n", spec->repository, spec->tag);
    for (size_t i = 0; i < spec->arch_count; i++)
        lk_buf_printf(out, "  %-8s unknown\n", spec->arches[i].name);
}

void lk_plan_text(struct lk_buf *out, const struct lk_submission *submission,
                  const struct lk_picture *picture)
{
    for (size_t i = 0; picture && i < picture->package_count; i++)
        add_package(out, &picture->packages[i]);
    for (size_t i = 0; !picture && i < submission->count; i++)
        add_unknown(out, &submission->items[i].spec);
}
