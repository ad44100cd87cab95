#include "common/registry/verify.h"

#include "common/registry/child.h"
#include "common/registry/verify_parts.h"

#include <stdio.h>
#include <string.h>

struct part {
    struct lk_verify_work    *work;
    struct lk_verified_child *child;
};

/* What the registry answered is noted; -1: it could not be asked. */
static int note_answer(struct lk_verify_problem *problem, enum lk_verify_reason reason,
                       const struct lk_err *err)
{
    switch (err->kind) {
    case LK_ERR_NOT_FOUND: lk_verify_note(problem, LK_VERIFY_INCOMPLETE, err->text); return 0;
    case LK_ERR_CONFLICT:
    case LK_ERR_INVALID:
    case LK_ERR_LIMIT: lk_verify_note(problem, reason, err->text); return 0;
    case LK_ERR_NONE:
    case LK_ERR_DENIED:
    case LK_ERR_RETRY:
    case LK_ERR_PERMANENT: return -1;
    }
    return -1;
}

static int read_index(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_verify_work                          *work = ctx;
    const struct lk_reference                      *reference = &work->request->reference;
    struct lk_descriptor                           *index = &work->out->index;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    char                                            text[LK_REASON_SIZE];
    char                                            digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&reference->digest, digest);
    if (lk_registry_get_manifest(registry, reference->has_digest ? digest : reference->tag,
                                 &manifest, err) < 0) {
        if (note_answer(&work->out->problem, LK_VERIFY_CHANGED, err) < 0)
            return -1;
        if (err->kind == LK_ERR_NOT_FOUND)
            work->out->problem.reason = LK_VERIFY_NOT_FOUND;
        else
            err->kind = LK_ERR_CONFLICT;
        work->out->first = work->out->problem.reason;
        return -1;
    }
    lk_copy_text(index->media_type, sizeof(index->media_type), manifest.media_type);
    index->digest = manifest.digest;
    index->size = manifest.bytes.len;
    snprintf(text, sizeof(text), "it is a %s, not an index of several architectures",
             manifest.media_type);
    if (!lk_media_type_is_index(manifest.media_type))
        lk_verify_note(&work->out->problem, LK_VERIFY_NOT_AN_INDEX, text);
    else if (lk_index_read(lk_buf_str(&manifest.bytes), &work->index, err) < 0)
        lk_verify_note(&work->out->problem, LK_VERIFY_NOT_AN_INDEX, err->text);
    return 0;
}

static int check_image(struct lk_registry *registry, struct lk_verified_child *child,
                       struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    const struct lk_index_entry                    *entry = &child->entry;
    struct lk_image_manifest                        image;
    struct lk_image_config                          config;

    if (lk_child_read_manifest(registry, &entry->descriptor, &manifest, &image, err) < 0 ||
        lk_child_read_config(registry, &image, &config, err) < 0)
        return note_answer(&child->problem, LK_VERIFY_CHANGED, err);
    if (lk_child_check_platform(&config, entry->os, &entry->arch, err) < 0)
        lk_verify_note(&child->problem, LK_VERIFY_WRONG_PLATFORM, err->text);
    if (lk_child_check_layers(registry, &image, err) < 0)
        return note_answer(&child->problem, LK_VERIFY_INCOMPLETE, err);
    return 0;
}

/* What names no platform is no image that somebody runs; it has to be there as stated, no more. */
static int check_attachment(struct lk_registry *registry, struct lk_verified_child *child,
                            struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    const struct lk_descriptor                     *stated = &child->entry.descriptor;
    char                                            digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&stated->digest, digest);
    if (lk_registry_get_manifest(registry, digest, &manifest, err) < 0)
        return note_answer(&child->problem, LK_VERIFY_CHANGED, err);
    if (manifest.bytes.len != stated->size)
        lk_verify_note(&child->problem, LK_VERIFY_CHANGED, "its size is not the stated one");
    return 0;
}

static int check_child(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_verified_child *child = ((struct part *)ctx)->child;
    int                       rc = child->is_image ? check_image(registry, child, err)
                                                   : check_attachment(registry, child, err);

    child->is_right = child->problem.reason == LK_VERIFY_FINE;
    return rc;
}

static int check_child_signature(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct part            *part = ctx;
    struct lk_verify_wanted wanted;

    return lk_verify_wanted(&wanted, part->work, part->child, err) < 0
               ? -1
               : lk_signature_check(registry, &wanted.how, &part->child->is_signed, err);
}

static int check_index_signature(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_verify_work  *work = ctx;
    struct lk_verify_wanted wanted;

    return lk_verify_wanted(&wanted, work, NULL, err) < 0
               ? -1
               : lk_signature_check(registry, &wanted.how, &work->out->index_is_signed, err);
}

static bool names_a_platform(const struct lk_index_entry *entry)
{
    return entry->arch.name[0] && strcmp(entry->arch.name, "unknown") != 0;
}

static int check_parts(struct lk_verify_work *work, struct lk_err *err)
{
    struct part    parts[LK_INDEX_ENTRIES_MAX];
    struct lk_step steps[1 + 2 * LK_INDEX_ENTRIES_MAX];
    size_t         count = 0;
    bool           signatures = work->request->key_count > 0;

    if (signatures)
        steps[count++] = (struct lk_step) { check_index_signature, work };
    work->out->count = work->index.count;
    for (size_t i = 0; i < work->index.count; i++) {
        struct lk_verified_child *child = &work->out->children[i];
        child->entry = work->index.entries[i];
        child->is_image = names_a_platform(&child->entry);
        parts[i] = (struct part) { work, child };
        steps[count++] = (struct lk_step) { check_child, &parts[i] };
        if (signatures && child->is_image)
            steps[count++] = (struct lk_step) { check_child_signature, &parts[i] };
    }
    return lk_crew_run(work->crew, steps, count, err);
}

int lk_verify(struct lk_crew *crew, const struct lk_verify_request *request,
              struct lk_verification *out, struct lk_err *err)
{
    const struct lk_reference *reference = &request->reference;
    struct lk_verify_work      work = { .crew = crew, .request = request, .out = out };
    const struct lk_step       read = { read_index, &work };

    memset(out, 0, sizeof(*out));
    if (!reference->tag[0] && !reference->has_digest)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s names neither a tag nor a digest: give one to verify",
                          reference->repository);
    if (lk_crew_run(crew, &read, 1, err) < 0 ||
        (out->problem.reason == LK_VERIFY_FINE && check_parts(&work, err) < 0))
        return -1;
    return lk_verify_judge(&work, err);
}
