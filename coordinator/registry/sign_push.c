#include "coordinator/registry/sign_push.h"

#include "common/registry/names.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define PAYLOAD_BYTES_MAX 4096
#define THREADS_MAX       4

/* What the threads share: number `next` is to be signed next, the index after the last child. */
struct signing {
    const struct lk_publisher *publisher;
    const char                *tag;
    const struct lk_index     *children;
    const struct lk_digest    *index;
    atomic_size_t              next;
    atomic_bool                failed;
};

struct share {
    struct signing *signing;
    pthread_t       thread;
    bool            failed; /* err is set */
    struct lk_err   err;
};

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

static int sign_child(const struct signing *signing, struct lk_registry *registry,
                      const struct lk_index_entry *child, struct lk_err *err)
{
    struct lk_names names;
    const char     *references[] = { names.arch_reference, names.reference };

    if (lk_names_make(&names, signing->publisher->repository.repository, signing->tag,
                      &child->arch, err) < 0)
        return -1;
    return sign_digest(signing->publisher, registry, &child->descriptor.digest, references,
                       LK_COUNT(references), err);
}

static int sign_index(const struct signing *signing, struct lk_registry *registry,
                      struct lk_err *err)
{
    char        reference[LK_REFERENCE_SIZE];
    const char *references[] = { reference };

    snprintf(reference, sizeof(reference), "%s:%s", signing->publisher->repository.repository,
             signing->tag);
    return sign_digest(signing->publisher, registry, signing->index, references,
                       LK_COUNT(references), err);
}

static int sign_share(struct signing *signing, struct lk_err *err)
{
    const struct lk_publisher                        *publisher = signing->publisher;
    const struct lk_index                            *children = signing->children;
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;
    size_t                                            i;

    if (lk_registry_open(&registry, &publisher->repository, &publisher->options, err) < 0)
        return -1;
    while (!atomic_load(&signing->failed) &&
           (i = atomic_fetch_add(&signing->next, 1)) <= children->count)
        if ((i < children->count ? sign_child(signing, registry, &children->entries[i], err)
                                 : sign_index(signing, registry, err)) < 0)
            return -1;
    return 0;
}

static void *run(void *ctx)
{
    struct share *share = ctx;

    share->failed = sign_share(share->signing, &share->err) < 0;
    if (share->failed)
        atomic_store(&share->signing->failed, true);
    return NULL;
}

int lk_sign_push(const struct lk_publisher *publisher, const char *tag,
                 const struct lk_index *children, const struct lk_digest *index,
                 struct lk_err *err)
{
    struct signing signing = {
        .publisher = publisher, .tag = tag, .children = children, .index = index
    };
    struct share shares[THREADS_MAX] = { 0 };
    size_t       started = 0;

    /* The first share is ours, so that a host that gives no more threads is only slower. */
    for (size_t i = 0; i < THREADS_MAX; i++)
        shares[i].signing = &signing;
    while (started + 1 < THREADS_MAX && started < children->count &&
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
