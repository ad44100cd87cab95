#include "common/registry/reference.h"
#include "coordinator/cli/submission_parts.h"

#include <string.h>

/* A further tag for what is published under the package's own; its own again is none. */
static int add_release(struct lk_submission *submission, const struct lk_spec *package,
                       const char *release, struct lk_err *err)
{
    struct lk_submission_item *item = lk_submission_next(submission, err);

    if (!item)
        return -1;
    if (strcmp(release, package->tag) == 0)
        return 0;
    item->spec = (struct lk_spec) {
        .origin = LK_ORIGIN_INDEX,
        .arch_count = package->arch_count,
        .is_unsigned = package->is_unsigned,
    };
    memcpy(item->spec.path, package->path, sizeof(item->spec.path));
    memcpy(item->spec.repository, package->repository, sizeof(item->spec.repository));
    memcpy(item->spec.from.repository, package->repository, sizeof(package->repository));
    memcpy(item->spec.from.tag, package->tag, sizeof(package->tag));
    memcpy(item->spec.arches, package->arches, sizeof(item->spec.arches));
    if (!lk_tag_is_valid(lk_str_of(release)) ||
        !lk_copy_text(item->spec.tag, sizeof(item->spec.tag), release))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--release %s: a tag has at most 128 letters, digits, '_', '.' and "
                          "'-', and does not begin with '.' or '-'",
                          release);
    if (lk_spec_add_after(&item->spec, package->repository, package->tag, err) < 0)
        return -1;
    return lk_submission_keep(submission, item, err);
}

struct releasing {
    struct lk_submission *submission;
    const struct lk_spec *package;
    struct lk_err        *err;
    int                   rc;
};

static void release_git_tag(void *ctx, const char *name)
{
    struct releasing *releasing = ctx;

    if (releasing->rc < 0)
        return;
    if (lk_tag_is_valid(lk_str_of(name)))
        releasing->rc =
            add_release(releasing->submission, releasing->package, name, releasing->err);
    else
        lk_complain("%s is not released as '%s', git's tag at HEAD: that is no legal image tag",
                    releasing->package->path, name);
}

/* An empty word is none: so a Makefile may pass what it does not have. */
static int add_said(struct lk_submission *submission, const struct lk_spec *package,
                    const struct lk_words *releases, bool *any, struct lk_err *err)
{
    *any = false;
    for (size_t i = 0; i < releases->count; i++) {
        if (releases->words[i][0] == '\0')
            continue;
        if (add_release(submission, package, releases->words[i], err) < 0)
            return -1;
        *any = true;
    }
    return 0;
}

int lk_submission_add_releases(struct lk_submission *submission, bool has_git_tags,
                               const struct lk_words *releases, struct lk_err *err)
{
    size_t count = submission->count;

    for (size_t i = 0; i < count; i++) {
        struct lk_submission_item *item = &submission->items[i];
        struct releasing           releasing = { submission, &item->spec, err, 0 };
        bool                       any;

        if (add_said(submission, &item->spec, releases, &any, err) < 0)
            return -1;
        if (any)
            continue;
        if (has_git_tags &&
            lk_git_each_tag_at_head(item->package.repo, release_git_tag, &releasing, err) < 0)
            return -1;
        if (releasing.rc < 0)
            return -1;
    }
    return 0;
}

static int set_copy(struct lk_spec *spec, const char *from, const char *to, struct lk_err *err)
{
    struct lk_reference source, target;

    if (lk_reference_parse(lk_str_of(from), &source, err) < 0 ||
        lk_reference_parse(lk_str_of(to), &target, err) < 0)
        return -1;
    if (!source.tag[0] || !target.tag[0] || source.has_digest || target.has_digest)
        return lk_err_set(err, LK_ERR_INVALID,
                          "remote-tag takes two names with tags, as ORG/IMAGE:TAG; %s has %s",
                          !source.tag[0] || source.has_digest ? from : to,
                          source.has_digest || target.has_digest ? "a digest" : "none");
    spec->origin = LK_ORIGIN_INDEX;
    memcpy(spec->from.repository, source.repository, sizeof(spec->from.repository));
    memcpy(spec->from.tag, source.tag, sizeof(spec->from.tag));
    memcpy(spec->repository, target.repository, sizeof(spec->repository));
    memcpy(spec->tag, target.tag, sizeof(spec->tag));
    lk_copy_text(spec->path, sizeof(spec->path), to);
    return 0;
}

int lk_submission_add_copy(struct lk_submission *submission, const char *from, const char *to,
                           struct lk_err *err)
{
    struct lk_submission_item *item = lk_submission_next(submission, err);

    if (!item || set_copy(&item->spec, from, to, err) < 0)
        return -1;
    return lk_submission_keep(submission, item, err);
}
