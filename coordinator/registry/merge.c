#include "coordinator/registry/merge.h"

#include "common/hash/sha256.h"
#include "common/registry/child.h"
#include "common/registry/verify.h"
#include "coordinator/registry/seal.h"

#include <stdio.h>
#include <stdlib.h>

struct merge {
    const struct lk_publisher *publisher;
    struct lk_crew            *crew;
    const char                *tag;
    const struct lk_index     *children;
    struct lk_buf              bytes; /* of the index */
    struct lk_descriptor      *index;
};

/* One image of the index, while it is worked on. */
struct part {
    const struct merge          *merge;
    const struct lk_index_entry *child;
    bool                         is_accepted;
    bool                         is_signed;
};

static int compose(struct merge *merge, struct lk_err *err)
{
    struct lk_index       written;
    struct lk_descriptor *out = merge->index;

    /* The children's types decide whether it becomes an OCI index or a Docker list: look. */
    if (lk_index_write(merge->children, &merge->bytes, err) < 0 ||
        lk_index_read(lk_buf_str(&merge->bytes), &written, err) < 0)
        return -1;
    lk_copy_text(out->media_type, sizeof(out->media_type),
                 written.docker ? LK_DOCKER_LIST : LK_OCI_INDEX);
    out->size = merge->bytes.len;
    lk_sha256(lk_buf_text(&merge->bytes), merge->bytes.len, &out->digest);
    return 0;
}

static int put_index(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    const struct merge *merge = ctx;
    char                digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&merge->index->digest, digest);
    return lk_registry_put_manifest(registry, digest, lk_buf_str(&merge->bytes),
                                    merge->index->media_type, err);
}

static int check_child(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    const struct part                              *part = ctx;
    const struct lk_index_entry                    *child = part->child;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_image_manifest                        image;

    if (lk_child_read(registry, &child->descriptor, child->os, &child->arch, &manifest, &image,
                      err) == 0)
        return 0;
    /* An entry for what is not there is as false as one for something else. */
    if (err->kind != LK_ERR_NOT_FOUND && err->kind != LK_ERR_CONFLICT)
        return -1;
    err->kind = LK_ERR_CONFLICT;
    return lk_err_wrap(
        err, "the entry for %s is false (--replace %s builds it anew or leaves it out)",
        child->arch.name, child->arch.name);
}

static int look_for_signature(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct part               *part = ctx;
    const struct lk_publisher *publisher = part->merge->publisher;

    return lk_seal_is_there(publisher, registry, part->merge->tag, &part->child->arch,
                            &part->child->descriptor.digest, &part->is_signed, err);
}

static size_t add_steps(struct part *parts, size_t count, bool are_accepted,
                        int (*run)(void *ctx, struct lk_registry *registry, struct lk_err *err),
                        struct lk_step *steps, size_t used)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i].is_accepted == are_accepted)
            steps[used++] = (struct lk_step) { run, &parts[i] };
    return used;
}

/* Accepted ones were signed by then; that it is so still is looked at while the index is put. */
static int seal_children(const struct merge *merge, const struct part *parts, bool are_accepted,
                         struct lk_err *err)
{
    for (size_t i = 0; i < merge->children->count; i++) {
        const struct part *part = &parts[i];
        if (part->is_accepted == are_accepted && !part->is_signed &&
            lk_seal_child(merge->publisher, merge->crew, merge->tag, &part->child->arch,
                          &part->child->descriptor, err) < 0)
            return -1;
    }
    return 0;
}

static int merge_and_sign(struct merge *merge, struct part *parts, struct lk_err *err)
{
    struct lk_step steps[1 + LK_INDEX_ENTRIES_MAX] = { { put_index, merge } };
    size_t count = add_steps(parts, merge->children->count, true, look_for_signature, steps, 1);

    return seal_children(merge, parts, false, err) < 0 ||
                   lk_seal_index(merge->publisher, merge->crew, merge->tag, merge->index,
                                 lk_buf_str(&merge->bytes), steps, count, err) < 0 ||
                   seal_children(merge, parts, true, err) < 0
               ? -1
               : 0;
}

static int merge_all(struct merge *merge, const bool *accepted, bool sign, struct lk_err *err)
{
    struct part    parts[LK_INDEX_ENTRIES_MAX];
    struct lk_step steps[LK_INDEX_ENTRIES_MAX];
    size_t         count = merge->children->count;

    for (size_t i = 0; i < count; i++)
        parts[i] = (struct part) { .merge = merge,
                                   .child = &merge->children->entries[i],
                                   .is_accepted = accepted && accepted[i] };
    if (lk_crew_run(merge->crew, steps, add_steps(parts, count, false, check_child, steps, 0),
                    err) < 0 ||
        compose(merge, err) < 0)
        return -1;
    return sign ? merge_and_sign(merge, parts, err)
                : lk_crew_run(merge->crew, &(struct lk_step) { put_index, merge }, 1, err);
}

int lk_merge(const struct lk_publisher *publisher, const char *tag,
             const struct lk_index *children, const bool *accepted, bool sign,
             struct lk_descriptor *index, struct lk_err *err)
{
    LK_CLEANUP(lk_crew_fini)
    struct lk_crew crew = { .repository = &publisher->repository,
                            .options = &publisher->options };
    struct merge   merge = {
          .publisher = publisher,
          .crew = &crew,
          .tag = tag,
          .children = children,
          .bytes = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX),
          .index = index,
    };
    int result = merge_all(&merge, accepted, sign, err);

    lk_buf_fini(&merge.bytes);
    return result;
}

static bool may_still_appear(enum lk_verify_reason reason)
{
    return reason == LK_VERIFY_INDEX_UNSIGNED || reason == LK_VERIFY_IMAGE_UNSIGNED ||
           reason == LK_VERIFY_INCOMPLETE;
}

int lk_merge_verify(const struct lk_publisher *publisher, const char *tag,
                    const struct lk_index *children, bool sign,
                    const struct lk_descriptor *index, struct lk_err *err)
{
    LK_CLEANUP(lk_crew_fini)
    struct lk_crew crew = { .repository = &publisher->repository,
                            .options = &publisher->options };
    LK_CLEANUP(lk_free_pointer)
    struct lk_verification  *found = lk_xcalloc(1, sizeof(*found));
    struct lk_public_key     keys[LK_SIGNING_KEYS_MAX];
    struct lk_arch           required[LK_INDEX_ENTRIES_MAX];
    struct lk_verify_request request = {
        .reference = publisher->repository,
        .keys = keys,
        .key_count = sign ? lk_signer_key_count(publisher->signer) : 0,
        .required = required,
        .required_count = children->count,
    };

    lk_copy_text(request.reference.tag, sizeof(request.reference.tag), tag);
    request.reference.has_digest = true;
    request.reference.digest = index->digest;
    for (size_t i = 0; i < request.key_count; i++)
        keys[i] = *lk_signer_public_key(publisher->signer, i);
    for (size_t i = 0; i < children->count; i++)
        required[i] = children->entries[i].arch;
    int result = lk_verify(&crew, &request, found, err);
    if (result < 0 && err->kind == LK_ERR_CONFLICT && may_still_appear(found->first))
        err->kind = LK_ERR_NOT_FOUND;
    return result;
}
