/* What is said of a verification: what the findings mean together, and which of them matters first. */
#include "common/registry/names.h"
#include "common/registry/verify_parts.h"

#include <stdio.h>
#include <string.h>

const char *lk_verify_reason_name(enum lk_verify_reason reason)
{
    switch (reason) {
    case LK_VERIFY_FINE: return "fine";
    case LK_VERIFY_NOT_FOUND: return "not-found";
    case LK_VERIFY_NOT_AN_INDEX: return "not-an-index";
    case LK_VERIFY_NOT_TRUSTED: return "not-what-content-trust-says";
    case LK_VERIFY_INDEX_UNSIGNED: return "index-unsigned";
    case LK_VERIFY_IMAGE_UNSIGNED: return "image-unsigned";
    case LK_VERIFY_ARCH_MISSING: return "architecture-missing";
    case LK_VERIFY_CHANGED: return "changed";
    case LK_VERIFY_WRONG_PLATFORM: return "wrong-platform";
    case LK_VERIFY_INCOMPLETE: return "incomplete";
    }
    return "?";
}

void lk_verify_note(struct lk_verify_problem *problem, enum lk_verify_reason reason,
                    const char *text)
{
    if (problem->reason != LK_VERIFY_FINE && problem->reason <= reason)
        return;
    problem->reason = reason;
    snprintf(problem->text, sizeof(problem->text), "%s", text);
}

int lk_verify_wanted(struct lk_verify_wanted *out, const struct lk_verify_work *work,
                     const struct lk_verified_child *child, struct lk_err *err)
{
    const struct lk_reference *reference = &work->request->reference;
    struct lk_names            names;

    if (child && lk_names_make(&names, reference->repository, reference->tag,
                               &child->entry.arch, err) < 0)
        return -1;
    if (child)
        lk_copy_text(out->name, sizeof(out->name), names.arch_reference);
    else
        snprintf(out->name, sizeof(out->name), "%s:%s", reference->repository, reference->tag);
    out->names[0] = out->name;
    out->how = (struct lk_signature_wanted) {
        .digest = child ? &child->entry.descriptor.digest : &work->out->index.digest,
        .references = out->names,
        .reference_count = reference->tag[0] ? 1 : 0,
        .keys = work->request->keys,
        .key_count = work->request->key_count,
    };
    return 0;
}

struct survey {
    const struct lk_signature_wanted *wanted;
    struct lk_signature_survey        found;
};

static int survey(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct survey *survey = ctx;

    return lk_signature_survey(registry, survey->wanted, &survey->found, err);
}

/* It is worth a few more requests to say why nothing counts. */
static int note_unsigned(struct lk_verify_work *work, const struct lk_verified_child *child,
                         struct lk_verify_problem *problem, enum lk_verify_reason reason,
                         struct lk_err *err)
{
    struct lk_verify_wanted wanted;
    struct survey           any = { .wanted = &wanted.how };
    const char             *what = child ? "the image" : "the index";
    char                    text[2 * LK_REASON_SIZE];

    if (lk_verify_wanted(&wanted, work, child, err) < 0)
        return -1;
    wanted.how.reference_count = 0;
    if (lk_crew_run(work->crew, &(struct lk_step) { survey, &any }, 1, err) < 0)
        return -1;
    if (any.found.legacy || any.found.bundle)
        snprintf(text, sizeof(text),
                 "%s is signed under other names only, not as %s: it was published there, or "
                 "was put here by somebody else",
                 what, wanted.name);
    else
        snprintf(text, sizeof(text), "%s is not signed by this key%s", what,
                 any.found.others ? ", only by others" : "");
    lk_verify_note(problem, reason, text);
    return 0;
}

static int judge_signatures(struct lk_verify_work *work, struct lk_err *err)
{
    struct lk_verification *out = work->out;

    if (work->request->key_count == 0)
        return 0;
    if (!out->index_is_signed &&
        note_unsigned(work, NULL, &out->problem, LK_VERIFY_INDEX_UNSIGNED, err) < 0)
        return -1;
    for (size_t i = 0; i < out->count; i++) {
        struct lk_verified_child *child = &out->children[i];
        if (child->is_image && !child->is_signed &&
            note_unsigned(work, child, &child->problem, LK_VERIFY_IMAGE_UNSIGNED, err) < 0)
            return -1;
    }
    return 0;
}
static void judge_trust(struct lk_verify_work *work)
{
    const struct lk_verify_request *request = work->request;
    char                            says[LK_DIGEST_TEXT_SIZE], is[LK_DIGEST_TEXT_SIZE];
    char                            text[LK_REASON_SIZE];

    if (request->distrust)
        lk_verify_note(&work->out->problem, LK_VERIFY_NOT_TRUSTED, request->distrust);
    if (!request->trusted || lk_digest_eq(request->trusted, &work->out->index.digest))
        return;
    lk_digest_format(request->trusted, says);
    lk_digest_format(&work->out->index.digest, is);
    snprintf(text, sizeof(text), "content trust says that it is %s, and it is %s", says, is);
    lk_verify_note(&work->out->problem, LK_VERIFY_NOT_TRUSTED, text);
}

static bool same_platform(const struct lk_index_entry *a, const struct lk_index_entry *b)
{
    return lk_arch_eq(&a->arch, &b->arch) && strcmp(a->os, b->os) == 0 &&
           strcmp(a->variant, b->variant) == 0;
}

static void judge_platforms(struct lk_verification *out)
{
    size_t image_count = 0;

    for (size_t i = 0; i < out->count; i++) {
        struct lk_verified_child *child = &out->children[i];
        image_count += child->is_image;
        for (size_t j = 0; j < i && child->is_image; j++)
            if (out->children[j].is_image &&
                same_platform(&child->entry, &out->children[j].entry))
                lk_verify_note(&child->problem, LK_VERIFY_WRONG_PLATFORM,
                               "this platform is listed twice");
    }
    if (image_count == 0)
        lk_verify_note(&out->problem, LK_VERIFY_ARCH_MISSING, "the index lists no image");
}

static void judge_required(struct lk_verify_work *work)
{
    const struct lk_verification *out = work->out;
    char                          text[LK_REASON_SIZE];

    for (size_t i = 0; i < work->request->required_count; i++) {
        const struct lk_arch *arch = &work->request->required[i];
        bool                  found = false;
        for (size_t j = 0; j < out->count && !found; j++)
            found = out->children[j].is_image &&
                    strcmp(out->children[j].entry.os, "linux") == 0 &&
                    lk_arch_eq(&out->children[j].entry.arch, arch);
        snprintf(text, sizeof(text), "linux/%s is required and not in the index", arch->name);
        if (!found)
            lk_verify_note(&work->out->problem, LK_VERIFY_ARCH_MISSING, text);
    }
}

static int conclude(struct lk_verification *out, struct lk_err *err)
{
    const struct lk_verify_problem *first = &out->problem;
    const struct lk_index_entry    *of = NULL;

    for (size_t i = 0; i < out->count; i++) {
        const struct lk_verify_problem *problem = &out->children[i].problem;
        if (problem->reason == LK_VERIFY_FINE ||
            (first->reason != LK_VERIFY_FINE && first->reason <= problem->reason))
            continue;
        first = problem;
        of = &out->children[i].entry;
    }
    out->first = first->reason;
    if (first->reason == LK_VERIFY_FINE)
        return 0;
    return of ? lk_err_set(err, LK_ERR_CONFLICT, "%s/%s: %s", of->os, of->arch.name,
                           first->text)
              : lk_err_set(err, LK_ERR_CONFLICT, "%s", first->text);
}

int lk_verify_judge(struct lk_verify_work *work, struct lk_err *err)
{
    if (work->out->problem.reason == LK_VERIFY_FINE) {
        judge_trust(work);
        judge_platforms(work->out);
        judge_required(work);
        if (judge_signatures(work, err) < 0)
            return -1;
    }
    return conclude(work->out, err);
}
