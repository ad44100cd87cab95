#include "coordinator/cli/submission_parts.h"

#include <string.h>

void lk_submission_close_item(struct lk_submission_item *item)
{
    lk_context_fini(&item->context);
    lk_package_fini(&item->package);
    lk_spec_fini(&item->spec);
    lk_buf_fini(&item->bytes);
    *item = (struct lk_submission_item) { 0 };
}

struct lk_submission_item *lk_submission_next(struct lk_submission *submission,
                                              struct lk_err        *err)
{
    if (submission->count < LK_PUSH_PACKAGES_MAX)
        return &submission->items[submission->count];
    lk_err_set(
        err, LK_ERR_INVALID,
        "one push takes at most %d packages, and a release tag counts as one more; split "
        "the list",
        LK_PUSH_PACKAGES_MAX);
    return NULL;
}

static bool has_same_name(const struct lk_spec *a, const struct lk_spec *b)
{
    return strcmp(a->repository, b->repository) == 0 && strcmp(a->tag, b->tag) == 0;
}

static bool has_same_content(const struct lk_spec *a, const struct lk_spec *b)
{
    return a->origin == b->origin && lk_oid_eq(&a->tree, &b->tree) &&
           strcmp(a->from.tag, b->from.tag) == 0;
}

/* The same package named twice, by one path or two, is one; two packages under one name are a mistake. */
static int find_twin(const struct lk_submission *submission, const struct lk_spec *spec,
                     bool *found, struct lk_err *err)
{
    *found = false;
    for (size_t i = 0; i < submission->count; i++) {
        const struct lk_spec *other = &submission->items[i].spec;

        if (!has_same_name(other, spec))
            continue;
        if (!has_same_content(other, spec))
            return lk_err_set(err, LK_ERR_INVALID,
                              "%s and %s would both be published as %s:%s; push them under "
                              "different names",
                              other->path, spec->path, spec->repository, spec->tag);
        *found = true;
    }
    return 0;
}

int lk_submission_keep(struct lk_submission *submission, struct lk_submission_item *item,
                       struct lk_err *err)
{
    bool twin;

    if (find_twin(submission, &item->spec, &twin, err) < 0) {
        lk_submission_close_item(item);
        return -1;
    }
    if (twin)
        lk_submission_close_item(item);
    else
        submission->count++;
    return 0;
}
