#include "common/http/http.h"

#include "common/http/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#define CONNECT_MS       10000L
#define STALL_SECONDS    30L
#define HEADERS_MAX      128
#define HEADER_BYTES_MAX (64 * 1024)
#define ERROR_BYTES_MAX  (64 * 1024)
#define UPLOAD_BYTES     (512 * 1024L)

struct lk_http {
    CURL                  *easy;
    struct lk_http_options options;
};

/* One request under way. */
struct transfer {
    struct lk_http               *http;
    const struct lk_http_request *request;
    struct lk_http_answer        *answer;
    uint64_t                      read_at; /* bytes of the body handed to libcurl */
    uint64_t                      told;    /* what progress was last told */
    int                           file_errno;
    bool                          file_short;
    uint64_t                      saved; /* bytes of the answer in its file */
    int                           save_errno;
    bool                          body_too_large;
    bool                          headers_too_large;
};

void lk_http_init(void)
{
    lk_assert(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

int lk_http_open(struct lk_http **out, const struct lk_http_options *options,
                 struct lk_err *err)
{
    CURL *easy = curl_easy_init();

    if (!easy)
        return lk_err_set(err, LK_ERR_PERMANENT, "starting an HTTP client: libcurl gave none");
    struct lk_http *http = lk_xcalloc(1, sizeof(*http));
    http->easy = easy;
    http->options = *options;
    *out = http;
    return 0;
}

void lk_http_close(struct lk_http **http)
{
    if (!*http)
        return;
    curl_easy_cleanup((*http)->easy);
    free(*http);
    *http = NULL;
}

void lk_http_answer_fini(struct lk_http_answer *answer)
{
    lk_buf_fini(&answer->headers);
    lk_buf_fini(&answer->body);
}

const char *lk_http_header(const struct lk_http_answer *answer, const char *name,
                           const char *previous)
{
    const char *at = lk_buf_text(&answer->headers);
    const char *end = at + answer->headers.len;

    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0 && (!previous || value > previous))
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

static size_t body_size(const struct lk_http_request *request)
{
    return request->from_file ? request->file_size : request->body.len;
}

static size_t on_read(char *out, size_t unit, size_t count, void *ctx)
{
    struct transfer              *transfer = ctx;
    const struct lk_http_request *request = transfer->request;
    uint64_t                      left = body_size(request) - transfer->read_at;
    size_t                        want = unit * count < left ? unit * count : (size_t)left;

    if (want == 0)
        return 0;
    if (!request->from_file) {
        memcpy(out, request->body.data + transfer->read_at, want);
        transfer->read_at += want;
        return want;
    }
    ssize_t got;
    do
        got = pread(request->file_fd, out, want,
                    (off_t)(request->file_offset + transfer->read_at));
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        transfer->file_errno = got < 0 ? errno : 0;
        transfer->file_short = got == 0;
        return CURL_READFUNC_ABORT;
    }
    transfer->read_at += (uint64_t)got;
    return (size_t)got;
}

/* libcurl rewinds when a kept connection turns out to be dead before anything was answered. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct transfer *transfer = ctx;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > body_size(transfer->request))
        return CURL_SEEKFUNC_CANTSEEK;
    transfer->read_at = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static bool save(struct transfer *transfer, const char *data, size_t len)
{
    const struct lk_http_request *request = transfer->request;

    transfer->body_too_large = len > request->answer_max - transfer->saved;
    while (len > 0 && !transfer->body_too_large) {
        ssize_t put = pwrite(request->answer_fd, data, len, (off_t)transfer->saved);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            transfer->save_errno = put < 0 ? errno : EIO;
            return false;
        }
        transfer->saved += (uint64_t)put;
        data += put;
        len -= (size_t)put;
    }
    return !transfer->body_too_large;
}

static size_t on_write(char *data, size_t unit, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    struct lk_buf   *body = &transfer->answer->body;
    size_t           len = unit * count;
    long             status = 0;

    curl_easy_getinfo(transfer->http->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status >= 300) {
        size_t room = body->len < ERROR_BYTES_MAX ? ERROR_BYTES_MAX - body->len : 0;
        body->max = ERROR_BYTES_MAX;
        lk_buf_add(body, data, len < room ? len : room);
        return len;
    }
    if (transfer->request->to_file)
        return save(transfer, data, len) ? len : 0;
    if (lk_buf_add(body, data, len))
        return len;
    transfer->body_too_large = true;
    return 0;
}

static bool keep_header(struct lk_http_answer *answer, struct lk_str line)
{
    struct lk_str name, value;

    if (!lk_str_split(line, ':', &name, &value) || memchr(line.data, '\0', line.len))
        return true;
    while (value.len && (value.data[0] == ' ' || value.data[0] == '\t'))
        value = (struct lk_str) { value.data + 1, value.len - 1 };
    while (value.len && strchr(" \t\r\n", value.data[value.len - 1]))
        value.len--;
    answer->header_count++;
    lk_buf_add_str(&answer->headers, name);
    lk_buf_add(&answer->headers, "", 1);
    lk_buf_add_str(&answer->headers, value);
    lk_buf_add(&answer->headers, "", 1);
    return lk_buf_ok(&answer->headers) && answer->header_count <= HEADERS_MAX;
}

static size_t on_header(char *data, size_t unit, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    struct lk_str    line = { data, unit * count };

    /* A status line begins anew: "100 Continue" and its like come before the real one. */
    if (lk_str_starts(line, "HTTP/")) {
        lk_buf_clear(&transfer->answer->headers);
        transfer->answer->header_count = 0;
        return line.len;
    }
    if (keep_header(transfer->answer, line))
        return line.len;
    transfer->headers_too_large = true;
    return 0;
}

static bool is_cancelled(const struct lk_http *http)
{
    return http->options.cancel && atomic_load(http->options.cancel);
}

static int on_progress(void *ctx, curl_off_t download_total, curl_off_t downloaded,
                       curl_off_t upload_total, curl_off_t uploaded)
{
    struct transfer              *transfer = ctx;
    const struct lk_http_request *request = transfer->request;

    (void)download_total;
    (void)downloaded;
    (void)upload_total;
    if (request->progress && uploaded > 0 && (uint64_t)uploaded != transfer->told) {
        transfer->told = (uint64_t)uploaded;
        request->progress(request->progress_ctx, transfer->told);
    }
    return is_cancelled(transfer->http);
}

static void set_method(CURL *easy, struct transfer *transfer)
{
    const struct lk_http_request *request = transfer->request;

    if (strcmp(request->method, "GET") == 0) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        return;
    }
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body_size(request));
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
}

static void set_bounds(CURL *easy, const struct lk_http_request *request)
{
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    if (request->only_once)
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (request->total_ms) {
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
        return;
    }
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
}

static void set_connection(CURL *easy, const struct lk_http *http, const char *url)
{
    const struct lk_http_options *options = &http->options;

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a cancelled name look-up is not joined */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, options->plain_http ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    if (options->user_agent)
        curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
    if (lk_url_is_loopback(url))
        curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
}

static void set_answer(CURL *easy, struct transfer *transfer)
{
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
}

static void headers_free(struct curl_slist **headers)
{
    curl_slist_free_all(*headers);
}

static void add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);

    lk_assert(longer);
    *headers = longer;
}

static bool is_certificate_trouble(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_CERTPROBLEM;
}

/* In the words of OpenSSL and of GnuTLS; other trouble while connecting may pass. */
static bool speaks_no_tls(CURLcode code, const char *detail)
{
    return code == CURLE_SSL_CONNECT_ERROR && (strstr(detail, "wrong version number") ||
                                               strstr(detail, "packet length too long") ||
                                               strstr(detail, "unexpected TLS packet"));
}

/* What libcurl said, for people; the URL stays out, since its query may hold a signature. */
static int explain(const struct transfer *transfer, CURLcode code, const char *detail,
                   struct lk_err *err)
{
    const char *reason = detail[0] ? detail : curl_easy_strerror(code);
    const char *ca_file = transfer->http->options.ca_file;

    if (transfer->body_too_large)
        return lk_err_set(err, LK_ERR_LIMIT, "the answer is larger than %zu bytes",
                          transfer->request->answer_max);
    if (transfer->headers_too_large)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "the answer has more than %d headers or %d bytes of them",
                          HEADERS_MAX, HEADER_BYTES_MAX);
    if (transfer->file_errno) {
        errno = transfer->file_errno;
        return lk_err_sys(err, "reading what was to be sent");
    }
    if (transfer->save_errno) {
        errno = transfer->save_errno;
        return lk_err_sys(err, "keeping what was received");
    }
    if (transfer->file_short)
        return lk_err_set(err, LK_ERR_PERMANENT,
                          "the file to be sent is shorter than announced");
    if (is_cancelled(transfer->http))
        return lk_err_set(err, LK_ERR_RETRY, "cancelled");
    if (is_certificate_trouble(code))
        return lk_err_set(err, LK_ERR_PERMANENT, "certificate not accepted by %s%s (%s)",
                          ca_file ? "ca-file " : "the system's CAs; set ca-file to its own",
                          ca_file ? ca_file : "", reason);
    if (speaks_no_tls(code, detail))
        return lk_err_set(err, LK_ERR_PERMANENT,
                          "it does not speak TLS (%s); if plain http shall be spoken with it, "
                          "say so (plain-http)",
                          reason);
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
        return lk_err_set(
            err, LK_ERR_PERMANENT,
            "plain http is not allowed for this registry, or the address is not one (%s)",
            reason);
    return lk_err_set(err, LK_ERR_RETRY, "no answer (%s)", reason);
}

int lk_http_perform(struct lk_http *http, const struct lk_http_request *request,
                    struct lk_http_answer *answer, struct lk_err *err)
{
    LK_CLEANUP(headers_free) struct curl_slist *headers = NULL;
    struct transfer transfer = { .http = http, .request = request, .answer = answer };
    char            detail[CURL_ERROR_SIZE] = "";
    long            status = 0;

    *answer = (struct lk_http_answer) { .headers = LK_BUF_INIT(HEADER_BYTES_MAX),
                                        .body = LK_BUF_INIT(request->answer_max) };
    if (request->to_file && ftruncate(request->answer_fd, 0) < 0)
        return lk_err_sys(err, "emptying the file for the answer");
    add_header(&headers, "Expect:"); /* waiting for "100 Continue" costs up to a second */
    for (size_t i = 0; i < LK_COUNT(request->headers); i++)
        if (request->headers[i])
            add_header(&headers, request->headers[i]);
    curl_easy_reset(http->easy);
    set_connection(http->easy, http, request->url);
    set_method(http->easy, &transfer);
    set_bounds(http->easy, request);
    set_answer(http->easy, &transfer);
    curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = curl_easy_perform(http->easy);
    curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, NULL);
    if (code != CURLE_OK)
        return explain(&transfer, code, detail, err);
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    return 0;
}
