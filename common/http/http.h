/*
 * http - one request and its answer over libcurl: a body from memory or from a file, an answer under caps.
 *
 * Blocking, one thread at a time, the connection is kept.  Redirects, authentication and repeating are the
 * caller's: nothing is followed or sent again here.  Every request ends by itself (connect 10 s, then a
 * total time or 30 s without a byte), and about a second after *cancel became true.
 */
#ifndef LK_HTTP_H
#define LK_HTTP_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdatomic.h>

/* Once a process, before its first thread. */
void lk_http_init(void);

struct lk_http_options {
    bool               plain_http; /* http:// is allowed beside https:// */
    const char        *ca_file;    /* NULL: the system's; borrowed */
    const char        *user_agent; /* may be NULL; borrowed */
    const atomic_bool *cancel;     /* may be NULL; borrowed */
};

struct lk_http;

int  lk_http_open(struct lk_http **out, const struct lk_http_options *options,
                  struct lk_err *err);
void lk_http_close(struct lk_http **http);

#define LK_HTTP_REQUEST_HEADERS_MAX 4

struct lk_http_request {
    const char *method; /* GET and HEAD send no body; all others do, if only an empty one */
    const char *url;
    const char *headers[LK_HTTP_REQUEST_HEADERS_MAX]; /* "Name: value"; unused ones NULL */

    struct lk_str body; /* used if `from_file` is false */
    bool     from_file; /* `file_size` bytes of `file_fd` from `file_offset` on, by pread */
    int      file_fd;
    uint64_t file_offset;
    uint64_t file_size;

    /* A new connection: on one that proves dead libcurl would send everything again by itself. */
    bool   only_once;
    size_t answer_max; /* bytes of the answer's body; more is an error with kind LIMIT */
    bool   to_file; /* the body of a good answer goes to `answer_fd`, which is emptied first */
    int    answer_fd;
    uint32_t total_ms;                                /* 0: as long as bytes flow */
    void (*progress)(void *ctx, uint64_t bytes_sent); /* may be NULL */
    void *progress_ctx;
};

struct lk_http_answer {
    int           status;
    size_t        header_count;
    struct lk_buf headers; /* name NUL value NUL ... */
    struct lk_buf body;    /* of an answer with an error status only the first 64 KiB */
};

void lk_http_answer_fini(struct lk_http_answer *answer);

/* The next value of header `name` after `previous` (NULL: the first), or NULL.  Borrowed from the answer. */
const char *lk_http_header(const struct lk_http_answer *answer, const char *name,
                           const char *previous);

/*
 * RETRY: the network failed, or it was cancelled; whether the server acted on the request is unknown.
 * 0: there was an answer, whatever its status.  `answer` is to be finished in both cases.
 */
int lk_http_perform(struct lk_http *http, const struct lk_http_request *request,
                    struct lk_http_answer *answer, struct lk_err *err);

#endif
