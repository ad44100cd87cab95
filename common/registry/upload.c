#include "common/registry/registry.h"

#include "common/http/url.h"
#include "common/registry/session.h"

#include <stdlib.h>
#include <string.h>

#define MONOLITHIC_BYTES_MAX \
    (1024 * 1024) /* up to here one PUT carries all: a round trip less */
#define FRESH_STARTS_MAX 3
#define UNSETTLED_MAX    2

/*
 * One upload.  `location` is where the registry wants the next piece; NULL until it has opened an upload for us.
 * `sent` is what it has confirmed, never what we believe to have sent.
 */
struct upload {
    struct lk_registry     *registry;
    const struct lk_upload *order;
    struct lk_str           memory; /* used if order->fd < 0 */
    char                    digest[LK_DIGEST_TEXT_SIZE];
    char                   *location;
    uint64_t                sent;
    unsigned                fresh_starts;
    unsigned                unsettled;
    bool in_doubt; /* trouble came since the registry last said where it stands */
    bool resumed;
    bool mounted;
    bool no_mount; /* the registry would not hear of it */
    bool arrived;  /* an earlier request did its work although its answer was lost */
};

static void upload_fini(struct upload *upload)
{
    free(upload->location);
}

static void on_sent(void *ctx, uint64_t bytes)
{
    const struct upload *upload = ctx;

    upload->order->progress(upload->order->progress_ctx, upload->sent + bytes);
}

static void set_body(struct upload *upload, struct lk_http_request *request)
{
    uint64_t left = upload->order->size - upload->sent;

    if (upload->order->progress) {
        request->progress = on_sent;
        request->progress_ctx = upload;
    }
    if (upload->order->fd < 0) {
        request->body = (struct lk_str) { upload->memory.data + upload->sent, (size_t)left };
        return;
    }
    request->from_file = true;
    request->file_fd = upload->order->fd;
    request->file_offset = upload->order->offset + upload->sent;
    request->file_size = left;
}

/* Keeps the Location of an answer, which is the only address that the next request may use. */
static int keep_location(struct upload *upload, const char *base,
                         const struct lk_http_answer *answer, struct lk_err *err)
{
    const char *location = lk_http_header(answer, "Location", NULL);
    char       *resolved = NULL;

    if (!location)
        return upload->location
                   ? 0
                   : lk_err_set(err, LK_ERR_PERMANENT,
                                "registry %s, repository %s: opening an upload: it did "
                                "not say where to send the data",
                                upload->registry->name.host, upload->registry->name.path);
    if (lk_url_resolve(&resolved, base, location, err) < 0)
        return -1;
    free(upload->location);
    upload->location = resolved;
    return 0;
}

static bool wants_mount(const struct upload *upload)
{
    return upload->order->mount_from && !upload->no_mount;
}

static int opening_url(const struct upload *upload, char **out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *plain = lk_xasprintf("%sblobs/uploads/", upload->registry->base);
    LK_CLEANUP(lk_free_pointer) char *mount = NULL;

    if (!wants_mount(upload)) {
        *out = LK_TAKE(plain);
        return 0;
    }
    if (lk_url_add_query(&mount, plain, "mount", upload->digest, err) < 0)
        return -1;
    return lk_url_add_query(out, mount, "from", upload->order->mount_from, err);
}

static int open_upload(struct upload *upload, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char                     *url = NULL;
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };

    if (opening_url(upload, &url, err) < 0)
        return -1;
    struct lk_call call = {
        .what = "opening an upload",
        .request = { .method = "POST", .url = url, .total_ms = LK_SMALL_REQUEST_MS }
    };
    if (lk_session_ask_once(upload->registry, &call, &answer, err) < 0)
        return -1;
    if (answer.status == 201 && wants_mount(upload)) {
        upload->mounted = true;
        return 0;
    }
    /* Such as 401, where we may not read the other repository: an upload does not need it. */
    if (wants_mount(upload) && answer.status >= 400 && answer.status < 500) {
        upload->no_mount = true;
        return open_upload(upload, err);
    }
    if (answer.status != 202)
        return lk_session_refused(upload->registry, &call, &answer, err);
    upload->sent = 0;
    return keep_location(upload, url, &answer, err);
}

/* The end of "0-END", or false if there is none that can be true. */
static bool confirmed_bytes(const struct upload *upload, const struct lk_http_answer *answer,
                            uint64_t *out)
{
    const char   *range = lk_http_header(answer, "Range", NULL);
    struct lk_str text = lk_str_of(range ? range : ""), first, last;
    uint64_t      zero, end;

    if (lk_str_starts(text, "bytes="))
        text = (struct lk_str) { text.data + 6, text.len - 6 };
    if (!lk_str_split(text, '-', &first, &last) || !lk_parse_u64(first, 0, &zero) ||
        !lk_parse_u64(last, UINT64_MAX - 1, &end) || end >= upload->order->size)
        return false;
    *out = end + 1;
    return true;
}

static int send_data(struct upload *upload, struct lk_err *err)
{
    char                                                 *range = NULL;
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    struct lk_call                                        call = { .what = "sending a blob",
                                                                   .request = {
                                                                       .method = "PATCH",
                                                                       .url = upload->location,
                                                                       .only_once = true,
                                                                       .headers = { "Content-Type: application/octet-stream" } } };

    /* Only a resumed upload names its range: some registries refuse the header on a plain stream. */
    if (upload->sent)
        range = lk_xasprintf("Content-Range: %llu-%llu", (unsigned long long)upload->sent,
                             (unsigned long long)upload->order->size - 1);
    call.request.headers[1] = range;
    set_body(upload, &call.request);
    int result = lk_session_ask_once(upload->registry, &call, &answer, err);
    free(range);
    if (result < 0)
        return -1;
    if (answer.status < 200 || answer.status > 204)
        return lk_session_refused(upload->registry, &call, &answer, err);
    uint64_t confirmed = upload->order->size;
    if (confirmed_bytes(upload, &answer, &confirmed) && confirmed <= upload->sent)
        return lk_err_set(err, LK_ERR_RETRY,
                          "registry %s, repository %s: sending a blob: it took nothing",
                          upload->registry->name.host, upload->registry->name.path);
    upload->sent = confirmed;
    return keep_location(upload, upload->location, &answer, err);
}

/* The last request names the digest; of a small blob it also carries the bytes. */
static int commit(struct upload *upload, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *url = NULL;
    LK_CLEANUP(lk_free_pointer)
    char *what = lk_xasprintf("completing blob %.19s", upload->digest);
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    struct lk_digest                                      stated;

    if (lk_url_add_query(&url, upload->location, "digest", upload->digest, err) < 0)
        return -1;
    /* A registry may copy the whole blob before it answers: no byte flows then, but it is no stall. */
    uint64_t       total_ms = LK_SMALL_REQUEST_MS + upload->order->size / (4 * 1024);
    struct lk_call call = {
        .what = what,
        .request = { .method = "PUT",
                     .url = url,
                     .headers = { "Content-Type: application/octet-stream" },
                     .total_ms = total_ms > 3600000 ? 3600000 : (uint32_t)total_ms }
    };
    if (upload->sent < upload->order->size)
        set_body(upload, &call.request);
    if (lk_session_ask_once(upload->registry, &call, &answer, err) < 0)
        return -1;
    if (answer.status < 200 || answer.status > 204)
        return lk_session_refused(upload->registry, &call, &answer, err);
    const char *header = lk_http_header(&answer, "Docker-Content-Digest", NULL);
    if (header && lk_digest_parse(lk_str_of(header), &stated) &&
        !lk_digest_eq(&stated, &upload->order->digest))
        return lk_err_set(
            err, LK_ERR_CONFLICT, "registry %s, repository %s: %s: it stored %s instead",
            upload->registry->name.host, upload->registry->name.path, what, header);
    return 0;
}

static void forget_location(struct upload *upload)
{
    free(upload->location);
    upload->location = NULL;
    upload->sent = 0;
    upload->resumed = false;
}

/* HEAD, once: the caller has its own patience. */
static int look_for_blob(struct upload *upload, struct lk_err *err)
{
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    LK_CLEANUP(lk_free_pointer)
    char          *url = lk_xasprintf("%sblobs/%s", upload->registry->base, upload->digest);
    struct lk_call call = {
        .what = "looking for a blob",
        .request = { .method = "HEAD", .url = url, .total_ms = LK_SMALL_REQUEST_MS }
    };

    if (lk_session_ask_once(upload->registry, &call, &answer, err) < 0)
        return -1;
    upload->arrived = answer.status == 200;
    return 0;
}

/*
 * Asks how much has arrived.  Where that cannot be said the upload begins anew: Debian's registry gives an
 * upload up whose PATCH was cut.  "0-0" is said both for one byte and for none (distribution 2.x), so it
 * counts as "cannot be said".
 */
static int ask_where_it_stands(struct upload *upload, struct lk_err *err)
{
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    struct lk_call                                        call = {
                                               .what = "asking how much of an upload arrived",
                                               .request = { .method = "GET", .url = upload->location, .total_ms = LK_SMALL_REQUEST_MS }
    };
    uint64_t confirmed;

    /* The registry can be reached, or we would not be here: what keeps failing is this one upload. */
    if (lk_session_ask_once(upload->registry, &call, &answer, err) < 0) {
        if (err->kind == LK_ERR_RETRY && upload->unsettled++ < UNSETTLED_MAX)
            return -1;
        forget_location(upload);
        return 0;
    }
    if ((answer.status != 204 && answer.status != 200) ||
        !confirmed_bytes(upload, &answer, &confirmed) || confirmed <= 1 ||
        keep_location(upload, upload->location, &answer, err) < 0) {
        forget_location(upload);
        return 0;
    }
    upload->sent = confirmed;
    upload->resumed = true;
    return 0;
}

/* After trouble nothing is sent before it is known what arrived: the same bytes twice would spoil the blob. */
static int settle(struct upload *upload, struct lk_err *err)
{
    if (look_for_blob(upload, err) < 0)
        return -1;
    if (!upload->arrived && upload->location && ask_where_it_stands(upload, err) < 0)
        return -1;
    upload->in_doubt = false;
    upload->unsettled = 0;
    return 0;
}

/* From where it stands to the end. */
static int go_on(struct upload *upload, struct lk_err *err)
{
    if (upload->in_doubt && settle(upload, err) < 0)
        return -1;
    if (upload->arrived)
        return 0;
    if (!upload->location && open_upload(upload, err) < 0)
        return -1;
    if (upload->mounted)
        return 0;
    while (upload->order->size > MONOLITHIC_BYTES_MAX && upload->sent < upload->order->size)
        if (send_data(upload, err) < 0)
            return -1;
    return commit(upload, err);
}

/*
 * Errors that a fresh upload may cure: one that the registry no longer knows (it restarted, or another of
 * its servers answered), a range it does not want, and bytes that went wrong where we resumed.
 */
static bool is_cured_by_fresh_start(struct upload *upload, const struct lk_err *err)
{
    bool lost = err->kind == LK_ERR_NOT_FOUND ||
                (upload->resumed && err->kind != LK_ERR_DENIED && err->kind != LK_ERR_RETRY);

    if (!upload->location || !lost || upload->fresh_starts++ >= FRESH_STARTS_MAX)
        return false;
    forget_location(upload);
    /* Nor does it know an upload that is complete: libcurl asks again when the answer to that was lost. */
    upload->in_doubt = true;
    return true;
}

static int run(struct upload *upload, struct lk_err *err)
{
    struct lk_patience patience = { 0 };
    uint64_t           furthest = 0;

    while (go_on(upload, err) < 0) {
        if (upload->sent > furthest) {
            furthest = upload->sent;
            patience = (struct lk_patience) { 0 };
        }
        if (is_cured_by_fresh_start(upload, err))
            continue;
        if (lk_session_wait(upload->registry, &patience, err) < 0)
            return -1;
        upload->in_doubt = true;
    }
    return 0;
}

static int ensure_blob(struct upload *upload, enum lk_upload_result *result, struct lk_err *err)
{
    enum lk_upload_result outcome = LK_UPLOAD_EXISTED;

    lk_digest_format(&upload->order->digest, upload->digest);
    if (lk_registry_has_blob(upload->registry, &upload->order->digest, err) < 0) {
        if (err->kind != LK_ERR_NOT_FOUND || run(upload, err) < 0)
            return -1;
        outcome = upload->mounted ? LK_UPLOAD_MOUNTED : LK_UPLOAD_SENT;
    }
    if (result)
        *result = outcome;
    return 0;
}

/* A token that was got before does not name the second repository. */
static void ask_to_read(struct lk_registry *registry, const char *mount_from)
{
    if (!mount_from || strcmp(registry->mount_from, mount_from) == 0)
        return;
    lk_copy_text(registry->mount_from, sizeof(registry->mount_from), mount_from);
    registry->token_until_ms = 0;
}

int lk_registry_upload_blob(struct lk_registry *registry, const struct lk_upload *order,
                            enum lk_upload_result *result, struct lk_err *err)
{
    LK_CLEANUP(upload_fini) struct upload upload = { .registry = registry, .order = order };

    ask_to_read(registry, order->mount_from);
    if (order->unfinished)
        upload.location = LK_TAKE(*order->unfinished);
    upload.in_doubt = upload.location != NULL;
    if (ensure_blob(&upload, result, err) == 0)
        return 0;
    if (order->unfinished)
        *order->unfinished = LK_TAKE(upload.location);
    return -1;
}

int lk_registry_mount_blob(struct lk_registry *registry, const struct lk_digest *digest,
                           const char *mount_from, struct lk_err *err)
{
    struct lk_upload order = { .digest = *digest, .fd = -1, .mount_from = mount_from };
    LK_CLEANUP(upload_fini) struct upload upload = { .registry = registry, .order = &order };

    ask_to_read(registry, mount_from);
    lk_digest_format(digest, upload.digest);
    if (lk_registry_has_blob(registry, digest, err) == 0)
        return 0;
    if (err->kind != LK_ERR_NOT_FOUND || open_upload(&upload, err) < 0)
        return -1;
    /* An upload that it opened instead is left to it: registries clear those away. */
    return upload.mounted ? 0
                          : lk_err_set(err, LK_ERR_NOT_FOUND,
                                       "registry %s, repository %s: blob %.19s is not there",
                                       registry->name.host, registry->name.path, upload.digest);
}

int lk_registry_put_blob(struct lk_registry *registry, const struct lk_digest *digest,
                         struct lk_str bytes, struct lk_err *err)
{
    struct lk_upload order = { .digest = *digest, .size = bytes.len, .fd = -1 };
    LK_CLEANUP(upload_fini)
    struct upload upload = { .registry = registry, .order = &order, .memory = bytes };

    return ensure_blob(&upload, NULL, err);
}

int lk_registry_send_blob(struct lk_registry *registry, const struct lk_digest *digest,
                          struct lk_str bytes, struct lk_err *err)
{
    struct lk_upload order = { .digest = *digest, .size = bytes.len, .fd = -1 };
    LK_CLEANUP(upload_fini)
    struct upload upload = { .registry = registry, .order = &order, .memory = bytes };

    lk_digest_format(digest, upload.digest);
    return run(&upload, err);
}
