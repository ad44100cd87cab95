#include "common/registry/session.h"

#include "common/http/url.h"
#include "common/os/clock.h"
#include "common/registry/shelf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>
#include <jansson.h>
#include <sodium.h>

#define PATIENCE_DEFAULT_MS 60000
#define BACKOFF_FIRST_MS    250u
#define BACKOFF_MAX_MS      8000u
#define RETRY_AFTER_MAX_S   3600
#define REDIRECTS_MAX       3
#define LOOK_AT_CANCEL_MS   200

int lk_session_open(struct lk_registry **out, const char *noun, const struct lk_reference *name,
                    const char *base, const struct lk_registry_options *options,
                    struct lk_err *err)
{
    struct lk_http_options http = { .plain_http = options->plain_http,
                                    .ca_file = options->ca_file,
                                    .user_agent = options->user_agent,
                                    .cancel = options->cancel };
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *registry = lk_xcalloc(1, sizeof(*registry));

    if (lk_http_open(&registry->http, &http, err) < 0)
        return -1;
    registry->noun = noun;
    registry->name = *name;
    registry->base = lk_xstrdup(base);
    registry->patience_ms = options->patience_ms ? options->patience_ms : PATIENCE_DEFAULT_MS;
    registry->plain_http = options->plain_http;
    registry->credential = options->credential;
    registry->cancel = options->cancel;
    *out = LK_TAKE(registry);
    return 0;
}

int lk_registry_open(struct lk_registry **out, const struct lk_reference *repository,
                     const struct lk_registry_options *options, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *base = lk_xasprintf("%s://%s/v2/%s/", options->plain_http ? "http" : "https",
                              lk_reference_api_host(repository), repository->path);

    return lk_session_open(out, "registry", repository, base, options, err);
}

void lk_registry_close(struct lk_registry **registry)
{
    if (!*registry)
        return;
    lk_http_close(&(*registry)->http);
    free((*registry)->base);
    sodium_memzero(*registry, sizeof(**registry));
    free(*registry);
    *registry = NULL;
}

static void document_free(json_t **document)
{
    json_decref(*document);
}

/* What the registry says of itself, made fit for one line of ours. */
static void copy_shown(char *out, size_t size, const char *text)
{
    size_t len = 0;

    for (; text && text[len] && len + 1 < size; len++)
        out[len] = isprint((unsigned char)text[len]) ? text[len] : '?';
    out[len] = '\0';
}

struct complaint {
    char code[64];
    char message[200];
};

/* The first of its `errors`; empty if there is none. */
static void read_complaint(const struct lk_http_answer *answer, struct complaint *out)
{
    LK_CLEANUP(document_free)
    json_t       *document = json_loadb(lk_buf_text(&answer->body), answer->body.len, 0, NULL);
    const json_t *first = json_array_get(json_object_get(document, "errors"), 0);

    copy_shown(out->code, sizeof(out->code), json_string_value(json_object_get(first, "code")));
    copy_shown(out->message, sizeof(out->message),
               json_string_value(json_object_get(first, "message")));
}

static bool is_passing(int status)
{
    return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* As registries in maintenance answer, and pull-through caches, which never change. */
static bool is_read_only(const struct lk_call *call, int status)
{
    const char *method = call->request.method;

    return status == 405 && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

static enum lk_err_kind kind_of(const struct lk_call *call, int status,
                                const struct complaint *complaint)
{
    /* VERSION is a trust server's: somebody else published meanwhile. */
    if (status == 400 && (strcmp(complaint->code, "DIGEST_INVALID") == 0 ||
                          strcmp(complaint->code, "VERSION") == 0))
        return LK_ERR_CONFLICT;
    if (is_passing(status) || is_read_only(call, status))
        return LK_ERR_RETRY;
    if (status == 401 || status == 403)
        return LK_ERR_DENIED;
    if (status == 404)
        return LK_ERR_NOT_FOUND;
    if (status == 409 || status == 412)
        return LK_ERR_CONFLICT;
    return status == 413 ? LK_ERR_LIMIT : LK_ERR_PERMANENT;
}

static const char *advice(const struct lk_registry *registry, const struct lk_call *call,
                          int status)
{
    if (is_read_only(call, status))
        return "; it takes nothing now: it is read-only, or a cache of another registry";
    if (status != 401 && status != 403)
        return "";
    switch (registry->credential.kind) {
    case LK_CREDENTIAL_NONE:
        return "; no credentials are configured for it: log in (docker login, skopeo login)";
    case LK_CREDENTIAL_BEARER: return "; the ticket does not allow it or ran out";
    case LK_CREDENTIAL_IDENTITY:
    case LK_CREDENTIAL_BASIC: return "; check the rights of the configured credentials";
    }
    return "";
}

int lk_session_refused(const struct lk_registry *registry, const struct lk_call *call,
                       const struct lk_http_answer *answer, struct lk_err *err)
{
    struct complaint complaint;

    read_complaint(answer, &complaint);
    return lk_err_set(err, kind_of(call, answer->status, &complaint),
                      "%s %s, repository %s: %s: answered %d%s%s%s%s%s", registry->noun,
                      registry->name.host, registry->name.path, call->what, answer->status,
                      complaint.code[0] ? " " : "", complaint.code,
                      complaint.message[0] ? ": " : "", complaint.message,
                      advice(registry, call, answer->status));
}

/* Seconds or a date; 0 if absent or unreadable. */
static uint32_t retry_after_ms(const struct lk_http_answer *answer)
{
    const char *text = lk_http_header(answer, "Retry-After", NULL);
    uint64_t    seconds = 0;

    if (text && !lk_parse_u64(lk_str_of(text), UINT32_MAX, &seconds)) {
        time_t at = curl_getdate(text, NULL);
        time_t now = time(NULL);
        seconds = at > now ? (uint64_t)(at - now) : 0;
    }
    if (seconds > RETRY_AFTER_MAX_S)
        seconds = RETRY_AFTER_MAX_S;
    return (uint32_t)seconds * 1000;
}

static bool is_redirect(const struct lk_http_request *request, int status)
{
    bool only_reads =
        strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;

    /* 301 to 303 let clients turn a PUT into a GET: what is sent follows only 307 and 308. */
    return status == 307 || status == 308 || (only_reads && status >= 301 && status <= 303);
}

void lk_secret_fini(struct lk_buf *secret)
{
    if (secret->data)
        sodium_memzero(secret->data, secret->capacity);
    lk_buf_fini(secret);
}

/* One hop; the credential goes with it only to the registry itself. */
static int hop(struct lk_registry *registry, const struct lk_call *call, const char *url,
               struct lk_http_answer *answer, bool *authenticated, struct lk_err *err)
{
    LK_CLEANUP(lk_secret_fini)
    struct lk_buf          authorization = LK_BUF_INIT(2 * sizeof(struct lk_credential));
    struct lk_http_request request = call->request;

    *authenticated = lk_url_same_origin(url, registry->base);
    if (*authenticated && lk_auth_header(registry, &authorization, err) < 0)
        return -1;
    if (authorization.len)
        request.headers[LK_HTTP_REQUEST_HEADERS_MAX - 1] = lk_buf_text(&authorization);
    request.url = url;
    if (request.answer_max < LK_ANSWER_BYTES_MAX)
        request.answer_max = LK_ANSWER_BYTES_MAX;
    lk_http_answer_fini(answer);
    if (lk_shelf_serves(url))
        return lk_shelf_perform(&request, answer, err);
    return lk_http_perform(registry->http, &request, answer, err);
}

/* Follows redirects by hand.  `*authenticated`: the last answer is the registry's own. */
static int follow(struct lk_registry *registry, const struct lk_call *call,
                  struct lk_http_answer *answer, bool *authenticated, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *url = lk_xstrdup(call->request.url);

    for (int hops = 0;; hops++) {
        char *next = NULL;
        if (hop(registry, call, url, answer, authenticated, err) < 0)
            return -1;
        const char *location = lk_http_header(answer, "Location", NULL);
        if (!is_redirect(&call->request, answer->status) || !location)
            return 0;
        if (hops == REDIRECTS_MAX)
            return lk_err_set(err, LK_ERR_PERMANENT, "redirected more than %d times",
                              REDIRECTS_MAX);
        if (lk_url_resolve(&next, url, location, err) < 0)
            return -1;
        free(url);
        url = next;
    }
}

static int ask_authenticated(struct lk_registry *registry, const struct lk_call *call,
                             struct lk_http_answer *answer, struct lk_err *err)
{
    bool authenticated, improved;

    if (follow(registry, call, answer, &authenticated, err) < 0)
        return -1;
    if (answer->status != 401 || !authenticated)
        return 0;
    if (lk_auth_improve(registry, answer, &improved, err) < 0)
        return -1;
    return improved ? follow(registry, call, answer, &authenticated, err) : 0;
}

int lk_session_ask_once(struct lk_registry *registry, const struct lk_call *call,
                        struct lk_http_answer *answer, struct lk_err *err)
{
    if (ask_authenticated(registry, call, answer, err) < 0)
        return lk_err_wrap(err, "%s %s, repository %s: %s", registry->noun, registry->name.host,
                           registry->name.path, call->what);
    if (!is_passing(answer->status))
        return 0;
    lk_session_refused(registry, call, answer, err);
    err->retry_after_ms = retry_after_ms(answer);
    return -1;
}

int lk_session_ask(struct lk_registry *registry, const struct lk_call *call,
                   struct lk_http_answer *answer, struct lk_err *err)
{
    struct lk_patience patience = { 0 };

    while (lk_session_ask_once(registry, call, answer, err) < 0)
        if (lk_session_wait(registry, &patience, err) < 0)
            return -1;
    return 0;
}

static bool is_cancelled(const struct lk_registry *registry)
{
    return registry->cancel && atomic_load(registry->cancel);
}

/* Doubles with each failure up to a cap; of it between half and all, so that many do not come back as one. */
static uint32_t backoff_ms(unsigned failures)
{
    uint32_t full = failures > 5 ? BACKOFF_MAX_MS : BACKOFF_FIRST_MS << failures;

    if (full > BACKOFF_MAX_MS)
        full = BACKOFF_MAX_MS;
    return full / 2 + randombytes_uniform(full / 2 + 1);
}

int lk_session_wait(struct lk_registry *registry, struct lk_patience *patience,
                    struct lk_err *err)
{
    int64_t now = lk_clock_boot_ms();

    if (err->kind != LK_ERR_RETRY || is_cancelled(registry))
        return -1;
    if (patience->failures == 0)
        patience->since_ms = now;
    uint32_t wait_ms = backoff_ms(patience->failures++);
    if (wait_ms < err->retry_after_ms)
        wait_ms = err->retry_after_ms;
    int64_t until = now + wait_ms;
    if (until > patience->since_ms + registry->patience_ms)
        return lk_err_wrap(err, "given up after %u tries in %lld s", patience->failures,
                           (long long)(now - patience->since_ms + 999) / 1000);
    while ((now = lk_clock_boot_ms()) < until) {
        int64_t left = until - now < LOOK_AT_CANCEL_MS ? until - now : LOOK_AT_CANCEL_MS;
        struct timespec nap = { .tv_nsec = (long)left * 1000000L };
        if (is_cancelled(registry))
            return -1;
        nanosleep(&nap, NULL);
    }
    return 0;
}
