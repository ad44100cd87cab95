#include "coordinator/registry/merge.h"

#include "common/hash/sha256.h"
#include "common/registry/child.h"
#include "common/registry/names.h"

#include <pthread.h>
#include <stdio.h>

#define PAYLOAD_BYTES_MAX 4096
#define THREADS_MAX       4

/* What the threads share: the children are worked on in their order, the index last. */
struct merge {
    const struct lk_publisher *publisher;
    const char                *tag;
    const struct lk_index     *children;
    const bool                *accepted; /* of each child: it need not be read; NULL: none */
    bool                       sign;
    struct lk_descriptor      *index; /* written by the thread that puts it */
    pthread_mutex_t            lock;  /* over all below */
    pthread_cond_t             changed;
    size_t                     next;    /* to be worked on */
    size_t                     checked; /* children */
    bool                       failed;
};

struct share {
    struct merge *merge;
    pthread_t     thread;
    bool          failed; /* err is set */
    struct lk_err err;
};

static int put_index(struct lk_registry *registry, const struct lk_index *children,
                     struct lk_descriptor *out, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);
    struct lk_index                       written;
    char                                  digest[LK_DIGEST_TEXT_SIZE];

    /* The children's types decide whether it becomes an OCI index or a Docker list: look. */
    if (lk_index_write(children, &bytes, err) < 0 ||
        lk_index_read(lk_buf_str(&bytes), &written, err) < 0)
        return -1;
    lk_copy_text(out->media_type, sizeof(out->media_type),
                 written.docker ? LK_DOCKER_LIST : LK_OCI_INDEX);
    out->size = bytes.len;
    lk_sha256(lk_buf_text(&bytes), bytes.len, &out->digest);
    lk_digest_format(&out->digest, digest);
    return lk_registry_put_manifest(registry, digest, lk_buf_str(&bytes), out->media_type, err);
}

/* Signs one digest under each of these names. */
static int sign_digest(const struct lk_publisher *publisher, struct lk_registry *registry,
                       const struct lk_digest *digest, const char *const *references,
                       size_t count, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(PAYLOAD_BYTES_MAX);
    struct lk_signature                   signatures[2];

    lk_assert(count <= LK_COUNT(signatures));
    for (size_t i = 0; i < count; i++) {
        lk_buf_clear(&payload);
        signatures[i].reference = references[i];
        if (lk_signature_payload(&payload, references[i], digest) < 0)
            return lk_err_set(err, LK_ERR_INVALID, "the name \"%s\" cannot be signed",
                              references[i]);
        lk_signer_sign(publisher->signer, lk_buf_str(&payload), signatures[i].bytes);
    }
    return lk_signature_attach(registry, digest, signatures, count, err);
}

static int sign_child(const struct merge *merge, struct lk_registry *registry,
                      const struct lk_index_entry *child, struct lk_err *err)
{
    struct lk_names names;
    const char     *references[] = { names.arch_reference, names.reference };

    if (lk_names_make(&names, merge->publisher->repository.repository, merge->tag, &child->arch,
                      err) < 0)
        return -1;
    return sign_digest(merge->publisher, registry, &child->descriptor.digest, references,
                       LK_COUNT(references), err);
}

static int sign_index(const struct merge *merge, struct lk_registry *registry,
                      struct lk_err *err)
{
    char        reference[LK_REFERENCE_SIZE];
    const char *references[] = { reference };

    snprintf(reference, sizeof(reference), "%s:%s", merge->publisher->repository.repository,
             merge->tag);
    return sign_digest(merge->publisher, registry, &merge->index->digest, references,
                       LK_COUNT(references), err);
}

/* The next one to work on, or false: there is none, or it is in vain. */
static bool take_next(struct merge *merge, size_t *number)
{
    pthread_mutex_lock(&merge->lock);
    bool any = !merge->failed && merge->next <= merge->children->count;
    *number = merge->next;
    merge->next += any;
    pthread_mutex_unlock(&merge->lock);
    return any;
}

static void note(struct merge *merge, bool failed)
{
    pthread_mutex_lock(&merge->lock);
    merge->checked += !failed;
    merge->failed |= failed;
    pthread_cond_broadcast(&merge->changed);
    pthread_mutex_unlock(&merge->lock);
}

/* Ends, because every child was taken by some thread before the index was. */
static bool all_are_checked(struct merge *merge)
{
    pthread_mutex_lock(&merge->lock);
    while (!merge->failed && merge->checked < merge->children->count)
        pthread_cond_wait(&merge->changed, &merge->lock);
    bool all = !merge->failed;
    pthread_mutex_unlock(&merge->lock);
    return all;
}

static int check_child(struct lk_registry *registry, const struct lk_index_entry *child,
                       struct lk_err *err)
{
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

static int do_child(struct merge *merge, struct lk_registry *registry, size_t number,
                    struct lk_err *err)
{
    const struct lk_index_entry *child = &merge->children->entries[number];
    bool                         is_accepted = merge->accepted && merge->accepted[number];

    if (!is_accepted && check_child(registry, child, err) < 0)
        return -1;
    note(merge, false);
    return merge->sign ? sign_child(merge, registry, child, err) : 0;
}

static int do_index(struct merge *merge, struct lk_registry *registry, struct lk_err *err)
{
    if (!all_are_checked(merge))
        return 0;
    if (put_index(registry, merge->children, merge->index, err) < 0)
        return -1;
    return merge->sign ? sign_index(merge, registry, err) : 0;
}

static int do_share(struct merge *merge, struct lk_err *err)
{
    const struct lk_publisher                        *publisher = merge->publisher;
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;
    size_t                                            i;

    if (lk_registry_open(&registry, &publisher->repository, &publisher->options, err) < 0)
        return -1;
    while (take_next(merge, &i))
        if ((i < merge->children->count ? do_child(merge, registry, i, err)
                                        : do_index(merge, registry, err)) < 0)
            return -1;
    return 0;
}

static void *run(void *ctx)
{
    struct share *share = ctx;

    share->failed = do_share(share->merge, &share->err) < 0;
    if (share->failed)
        note(share->merge, true);
    return NULL;
}

static int run_all(struct merge *merge, struct lk_err *err)
{
    struct share shares[THREADS_MAX] = { 0 };
    size_t       started = 0;

    /* The first share is ours, so that a host that gives no more threads is only slower. */
    for (size_t i = 0; i < THREADS_MAX; i++)
        shares[i].merge = merge;
    while (started + 1 < THREADS_MAX && started < merge->children->count &&
           pthread_create(&shares[started + 1].thread, NULL, run, &shares[started + 1]) == 0)
        started++;
    run(&shares[0]);
    for (size_t i = 1; i <= started; i++)
        pthread_join(shares[i].thread, NULL);
    for (size_t i = 0; i <= started; i++) {
        if (!shares[i].failed)
            continue;
        *err = shares[i].err;
        return -1;
    }
    return 0;
}

int lk_merge(const struct lk_publisher *publisher, const char *tag,
             const struct lk_index *children, const bool *accepted, bool sign,
             struct lk_descriptor *index, struct lk_err *err)
{
    struct merge merge = {
        .publisher = publisher,
        .tag = tag,
        .children = children,
        .accepted = accepted,
        .sign = sign,
        .index = index,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    int result = run_all(&merge, err);

    pthread_cond_destroy(&merge.changed);
    pthread_mutex_destroy(&merge.lock);
    return result;
}
