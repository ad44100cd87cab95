/*
 * registry - a client of the OCI distribution API, version 1.1 (and of Docker's registry v2).
 *
 * One `struct lk_registry` talks to one repository with one credential, keeps its connection, and is
 * used by one thread at a time.  Calls block; they end by themselves: connect, stall and total time are
 * bounded, and *cancel (if given) is looked at once a second.  Passing troubles (network, 5xx, 429 with
 * Retry-After) are retried inside with back-off until `patience_ms` is used up, then reported with kind
 * RETRY.  NOT_FOUND means that the registry said 404, never that it could not be asked.
 *
 * Secrets are never logged and never appear in an error's text.
 */
#ifndef LK_REGISTRY_H
#define LK_REGISTRY_H

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/registry/reference.h"

#include <stdatomic.h>

enum lk_credential_kind {
    LK_CREDENTIAL_NONE,
    LK_CREDENTIAL_BEARER, /* secret is a token for this one repository */
    LK_CREDENTIAL_BASIC, /* user and secret; also traded for a token when the registry asks for one */
    LK_CREDENTIAL_IDENTITY, /* secret is a refresh token: good only to get tokens with */
};

struct lk_credential {
    enum lk_credential_kind kind;
    char                    user[256];
    char                    secret[8192];
};

struct lk_registry_options {
    bool plain_http; /* else HTTPS; loopback hosts are not special here, the caller decides */
    const char          *ca_file;     /* NULL: the system's */
    uint32_t             patience_ms; /* 0: 60,000 */
    struct lk_credential credential;
    const atomic_bool   *cancel;     /* may be NULL; borrowed */
    const char          *user_agent; /* borrowed; e.g. "lkcoordd/0.1.0" */
};

struct lk_registry;

int  lk_registry_open(struct lk_registry **out, const struct lk_reference *repository,
                      const struct lk_registry_options *options, struct lk_err *err);
void lk_registry_close(struct lk_registry **registry);

/* A manifest as the registry keeps it: bytes are never re-serialised. */
struct lk_manifest {
    struct lk_buf bytes;                 /* max LK_MANIFEST_BYTES_MAX */
    char media_type[LK_MEDIA_TYPE_SIZE]; /* from Content-Type, else from the document */
    struct lk_digest digest;             /* computed by us over the bytes */
};

void lk_manifest_fini(struct lk_manifest *manifest);

/*
 * GET by tag or digest, for every image and index type.  By digest the bytes are checked against it:
 * CONFLICT if they differ, as when Docker-Content-Digest disagrees with the bytes.
 */
int lk_registry_get_manifest(struct lk_registry *registry, const char *tag_or_digest,
                             struct lk_manifest *out, struct lk_err *err);

/* PUT under a tag or a digest.  CONFLICT if the registry says that it stored another digest. */
int lk_registry_put_manifest(struct lk_registry *registry, const char *tag_or_digest,
                             struct lk_str bytes, const char *media_type, struct lk_err *err);

/* GET of a small blob into memory (image configs, signature payloads), checked against its digest. */
int lk_registry_get_blob(struct lk_registry *registry, const struct lk_digest *digest,
                         struct lk_buf *out, struct lk_err *err);

/*
 * GET of a blob of any size into a file, which is emptied first: CONFLICT, or LIMIT for far too many bytes, if it
 * does not have this size and digest; then nothing in the file is of use.
 */
int lk_registry_fetch_blob(struct lk_registry *registry, const struct lk_digest *digest,
                           uint64_t size, int fd, struct lk_err *err);

/* HEAD.  0: there; -1 with NOT_FOUND: not there; -1 with another kind: could not ask. */
int lk_registry_has_blob(struct lk_registry *registry, const struct lk_digest *digest,
                         struct lk_err *err);

struct lk_upload {
    struct lk_digest digest;
    uint64_t         size;
    int              fd; /* read from `offset` on by pread; borrowed */
    uint64_t         offset;
    const char *mount_from; /* a repository path of the same host that may have it, or NULL */
    void (*progress)(
        void    *ctx,
        uint64_t bytes_sent); /* may be NULL; total of this blob so far, also after a resume */
    void  *progress_ctx;
    char **unfinished; /* may be NULL; the upload that a call which failed leaves to the next */
};

enum lk_upload_result { LK_UPLOAD_EXISTED, LK_UPLOAD_MOUNTED, LK_UPLOAD_SENT };

/*
 * Makes sure that the blob is there: HEAD, mount, else upload; a broken upload is resumed where the
 * registry says it stands.  CONFLICT if the bytes do not have the digest.  `*result` may be NULL.
 */
int lk_registry_upload_blob(struct lk_registry *registry, const struct lk_upload *upload,
                            enum lk_upload_result *result, struct lk_err *err);

/*
 * 0: the blob is there, or now is, taken over from another repository of the same host.  NOT_FOUND: the registry
 * wants the bytes.
 */
int lk_registry_mount_blob(struct lk_registry *registry, const struct lk_digest *digest,
                           const char *mount_from, struct lk_err *err);

/* The same as lk_registry_upload_blob for a small blob from memory. */
int lk_registry_put_blob(struct lk_registry *registry, const struct lk_digest *digest,
                         struct lk_str bytes, struct lk_err *err);

/* The same for one that is not there, most probably: nothing is asked before. */
int lk_registry_send_blob(struct lk_registry *registry, const struct lk_digest *digest,
                          struct lk_str bytes, struct lk_err *err);

/*
 * A short-lived bearer token with pull and push rights for this one repository, from the registry's own
 * token server with our credential.  BEARER with `*valid_ms`, or, where the registry has no tokens, kind
 * NONE (it asks for nothing) or BASIC (it wants the password itself: the caller decides what to give).
 */
int lk_registry_fetch_ticket(struct lk_registry *registry, struct lk_credential *out,
                             uint32_t *valid_ms, struct lk_err *err);

#endif
