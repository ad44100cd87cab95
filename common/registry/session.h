/*
 * session - what every question to a registry needs: the connection, the credential and what became of it,
 * redirects, and patience with passing troubles.  Used only in common/registry and by common/notary, whose servers
 * ask for tokens in the same way.
 */
#ifndef LK_REGISTRY_SESSION_H
#define LK_REGISTRY_SESSION_H

#include "common/http/http.h"
#include "common/registry/registry.h"

#define LK_SMALL_REQUEST_MS 30000
#define LK_ANSWER_BYTES_MAX (64 * 1024)

/* How the registry wants to be shown the credential; learned from its first 401. */
enum lk_auth_scheme { LK_AUTH_UNKNOWN, LK_AUTH_BASIC, LK_AUTH_TOKEN };

struct lk_challenge {
    enum lk_auth_scheme scheme;
    char                realm[1024];
    char                service[256];
    char                scope[1024];
};

struct lk_registry {
    struct lk_http      *http;
    const char          *noun; /* "registry": what errors call it */
    char                *base; /* "https://host/v2/path/" */
    struct lk_reference  name;
    uint32_t             patience_ms;
    bool                 plain_http;
    struct lk_credential credential;
    const atomic_bool   *cancel;
    struct lk_challenge  challenge;
    char                 token[sizeof(((struct lk_credential *)0)->secret)];
    int64_t              token_until_ms;
    bool                 has_no_referrers; /* learned from its first answer */
    char                 mount_from
        [LK_REPOSITORY_SIZE]; /* a second repository that the token has to let us read, or "" */
};

/*
 * What lk_registry_open does, for another API: `name` has the host that errors name, and the path that tokens are
 * for; `base` is what credentials may be sent to.
 */
int lk_session_open(struct lk_registry **out, const char *noun, const struct lk_reference *name,
                    const char *base, const struct lk_registry_options *options,
                    struct lk_err *err);

/* One request.  `what` completes "registry H, repository R: ..." in errors: "reading manifest 1.2". */
struct lk_call {
    const char            *what;
    struct lk_http_request request;
};

/* Since when the troubles last; one for each operation, zeroed at its start and whenever it got further. */
struct lk_patience {
    int64_t  since_ms;
    unsigned failures;
};

/* Asks until there is an answer that is final: any status but 408, 429 and 5xx.  The caller judges it. */
int lk_session_ask(struct lk_registry *registry, const struct lk_call *call,
                   struct lk_http_answer *answer, struct lk_err *err);

/* The same, but asks once; passing trouble is kind RETRY. */
int lk_session_ask_once(struct lk_registry *registry, const struct lk_call *call,
                        struct lk_http_answer *answer, struct lk_err *err);

/* Waits before the next try.  -1 if `err` is not RETRY, patience is used up or it was cancelled; `err` then says so. */
int lk_session_wait(struct lk_registry *registry, struct lk_patience *patience,
                    struct lk_err *err);

/* Turns an answer that the caller cannot use into an error. */
int lk_session_refused(const struct lk_registry *registry, const struct lk_call *call,
                       const struct lk_http_answer *answer, struct lk_err *err);

/* `Authorization: ...` into `out` (fails sticky if none fits), fetching a token if one is needed and due. */
int lk_auth_header(struct lk_registry *registry, struct lk_buf *out, struct lk_err *err);

/* After a 401: true in `*improved` if asking again makes sense. */
int lk_auth_improve(struct lk_registry *registry, const struct lk_http_answer *answer,
                    bool *improved, struct lk_err *err);

/* For LK_CLEANUP: wipes before it frees. */
void lk_secret_fini(struct lk_buf *secret);

/* Reads the best challenge of an answer; false if there is none that we can meet. */
bool lk_auth_challenge(const struct lk_http_answer *answer, struct lk_challenge *out);

/* A fresh token for our repository.  One request, not repeated. */
int lk_auth_fetch_token(struct lk_registry *registry, char *token, size_t size,
                        uint32_t *valid_ms, struct lk_err *err);

#endif
