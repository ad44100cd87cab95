#include "agent/publish/publish.h"

#include <sodium.h>
#include <stdlib.h>

#define PARALLEL_MAX 3
#define PATIENCE_MS  20000 /* then the core is told, says so to people, and tries again */
#define USER_AGENT   "lkagentd/" LK_VERSION

/* One thread's share: blobs are taken from a common list, one after the other. */
struct share {
    struct lk_work     work; /* first: the pool hands back this pointer */
    struct lk_publish *publish;
    bool               failed; /* err is set */
    struct lk_err      err;
};

struct lk_publish {
    struct lk_publish_conf     conf;
    struct lk_publish_listener listener;
    struct lk_credential       ticket; /* of what runs; not touched meanwhile */
    size_t                     running;
    struct lk_err              err; /* the first of what runs */
    atomic_bool                cancel;
    atomic_bool                failed;
    atomic_size_t              next;
    uint64_t                   total;
    _Atomic uint64_t           done[LK_IMAGE_LAYERS_MAX + 1]; /* by blob */
    atomic_bool                is_there[LK_IMAGE_LAYERS_MAX + 1];
    char                      *mount_from[LK_IMAGE_LAYERS_MAX + 1]; /* NULL: unknown where */
    char                      *unfinished[LK_IMAGE_LAYERS_MAX + 1]; /* their tickets ran out */
};

/* The configuration comes last: a registry that has it is likely to have its layers too. */
static const struct lk_descriptor *blob(const struct lk_publish *publish, size_t i)
{
    const struct lk_image_manifest *contents = &publish->conf.image->contents;

    if (i < contents->layer_count)
        return &contents->layers[i];
    return i == contents->layer_count ? &contents->config : NULL;
}

struct lk_publish *lk_publish_new(const struct lk_publish_conf     *conf,
                                  const struct lk_publish_listener *listener)
{
    struct lk_publish *publish = lk_xcalloc(1, sizeof(*publish));

    publish->conf = *conf;
    publish->listener = *listener;
    for (size_t i = 0; blob(publish, i); i++)
        publish->total += blob(publish, i)->size;
    return publish;
}

void lk_publish_free(struct lk_publish **publish)
{
    if (!*publish)
        return;
    lk_assert((*publish)->running == 0);
    sodium_memzero(&(*publish)->ticket, sizeof((*publish)->ticket));
    for (size_t i = 0; blob(*publish, i); i++) {
        free((*publish)->mount_from[i]);
        free((*publish)->unfinished[i]);
    }
    free(*publish);
    *publish = NULL;
}

static int open_registry(struct lk_publish *publish, struct lk_registry **out,
                         struct lk_err *err)
{
    struct lk_registry_options options = {
        .plain_http = publish->conf.plain_http,
        .ca_file = publish->conf.ca_file,
        .patience_ms = PATIENCE_MS,
        .credential = publish->ticket,
        .cancel = &publish->cancel,
        .user_agent = USER_AGENT,
    };
    int result = lk_registry_open(out, &publish->conf.repository, &options, err);

    sodium_memzero(&options.credential, sizeof(options.credential));
    return result;
}

static void note_progress(void *ctx, uint64_t bytes_sent)
{
    _Atomic uint64_t *done = ctx;

    atomic_store(done, bytes_sent);
}

static int upload_one(struct lk_publish *publish, struct lk_registry *registry, size_t i,
                      struct lk_err *err)
{
    const struct lk_descriptor *descriptor = blob(publish, i);
    LK_CLEANUP(lk_close_fd)
    int fd = lk_layout_open_blob(publish->conf.image->layout, &descriptor->digest, err);

    if (fd < 0)
        return -1;
    struct lk_upload upload = {
        .digest = descriptor->digest,
        .size = descriptor->size,
        .fd = fd,
        .mount_from = publish->mount_from[i],
        .progress = note_progress,
        .progress_ctx = &publish->done[i],
        .unfinished = &publish->unfinished[i],
    };
    if (lk_registry_upload_blob(registry, &upload, NULL, err) < 0)
        return -1;
    atomic_store(&publish->done[i], descriptor->size);
    atomic_store(&publish->is_there[i], true);
    return 0;
}

static int upload_share(struct lk_publish *publish, struct lk_err *err)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;
    size_t                                            i;

    if (open_registry(publish, &registry, err) < 0)
        return -1;
    while (!atomic_load(&publish->failed) && !atomic_load(&publish->cancel) &&
           blob(publish, i = atomic_fetch_add(&publish->next, 1)))
        if (upload_one(publish, registry, i, err) < 0)
            return -1;
    return 0;
}

static void run_upload(struct lk_work *work)
{
    struct share *share = (struct share *)work;

    share->failed = upload_share(share->publish, &share->err) < 0;
    if (share->failed)
        atomic_store(&share->publish->failed, true);
}

static int put_manifest(struct lk_publish *publish, struct lk_err *err)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;
    const struct lk_image                            *image = publish->conf.image;
    char                                              digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&image->manifest.digest, digest);
    if (open_registry(publish, &registry, err) < 0)
        return -1;
    return lk_registry_put_manifest(registry, digest, lk_buf_str(&image->manifest_bytes),
                                    image->manifest.media_type, err);
}

static void run_put(struct lk_work *work)
{
    struct share *share = (struct share *)work;

    share->failed = put_manifest(share->publish, &share->err) < 0;
}

/* True when it was the last one; `*err` is then the outcome, or NULL. */
static bool collect(struct share *share, const struct lk_err **err)
{
    struct lk_publish *publish = share->publish;

    if (share->failed && publish->err.kind == LK_ERR_NONE)
        publish->err = share->err;
    free(share);
    if (--publish->running > 0)
        return false;
    /* A pool that stops hands back what it never ran. */
    if (publish->err.kind == LK_ERR_NONE && atomic_load(&publish->cancel))
        lk_err_set(&publish->err, LK_ERR_RETRY, "cancelled");
    *err = publish->err.kind == LK_ERR_NONE ? NULL : &publish->err;
    return true;
}

static void note_places(const struct lk_publish *publish)
{
    for (size_t i = 0; blob(publish, i); i++)
        if (atomic_load(&publish->is_there[i]))
            lk_places_note(publish->conf.places, &publish->conf.repository,
                           &blob(publish, i)->digest);
}

static void upload_done(struct lk_work *work)
{
    struct share              *share = (struct share *)work;
    struct lk_publish         *publish = share->publish;
    struct lk_publish_listener listener = publish->listener;
    const struct lk_err       *err;

    if (!collect(share, &err))
        return;
    note_places(publish);
    listener.uploaded(listener.ctx, err);
}

static void put_done(struct lk_work *work)
{
    struct share              *share = (struct share *)work;
    struct lk_publish_listener listener = share->publish->listener;
    const struct lk_err       *err;

    if (collect(share, &err))
        listener.put(listener.ctx, err);
}

static void submit(struct lk_publish *publish, void (*run)(struct lk_work *),
                   void (*done)(struct lk_work *))
{
    struct share *share = lk_xcalloc(1, sizeof(*share));

    share->publish = publish;
    share->work.run = run;
    share->work.done = done;
    publish->running++;
    lk_workers_submit(publish->conf.workers, &share->work);
}

static void begin(struct lk_publish *publish, const struct lk_credential *ticket)
{
    lk_assert(publish->running == 0);
    publish->ticket = *ticket;
    publish->err.kind = LK_ERR_NONE;
    atomic_store(&publish->failed, false);
    atomic_store(&publish->next, 0);
}

/* A bearer ticket is for one repository: what it may not read it cannot mount. */
static void look_for_mounts(struct lk_publish *publish)
{
    char path[LK_REPOSITORY_SIZE];

    for (size_t i = 0; blob(publish, i); i++) {
        lk_free_pointer(&publish->mount_from[i]);
        if (publish->ticket.kind != LK_CREDENTIAL_BEARER &&
            lk_places_find(publish->conf.places, &publish->conf.repository,
                           &blob(publish, i)->digest, path))
            publish->mount_from[i] = lk_xstrdup(path);
    }
}

void lk_publish_upload(struct lk_publish *publish, const struct lk_credential *ticket)
{
    size_t blobs = publish->conf.image->contents.layer_count + 1;

    begin(publish, ticket);
    look_for_mounts(publish);
    for (size_t i = 0; i < PARALLEL_MAX && i < blobs; i++)
        submit(publish, run_upload, upload_done);
}

void lk_publish_put(struct lk_publish *publish, const struct lk_credential *ticket)
{
    begin(publish, ticket);
    submit(publish, run_put, put_done);
}

void lk_publish_cancel(struct lk_publish *publish)
{
    atomic_store(&publish->cancel, true);
}

bool lk_publish_is_busy(const struct lk_publish *publish)
{
    return publish->running > 0;
}

void lk_publish_progress(const struct lk_publish *publish, uint64_t *done, uint64_t *total)
{
    *done = 0;
    for (size_t i = 0; blob(publish, i); i++)
        *done += atomic_load(&publish->done[i]);
    *total = publish->total;
}
