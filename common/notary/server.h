/*
 * server - the HTTP side of a Notary server: files of one repository ("globally unique name": HOST/PATH, no tag).
 *
 * Blocking, one thread at a time; credentials, tokens, patience and cancelling are common/registry's.  Believes
 * nothing of what it fetches.
 */
#ifndef LK_NOTARY_SERVER_H
#define LK_NOTARY_SERVER_H

#include "common/notary/metadata.h"
#include "common/registry/registry.h"

#include <jansson.h>

struct lk_notary_server;

struct lk_notary_server_options {
    const char                       *url; /* https://HOST[:PORT] */
    const char                       *gun;
    const struct lk_registry_options *how; /* credential, ca_file, patience, ... */
};

/*
 * INVALID if the URL is not HTTPS.  DENIED for Docker's own server, which ends on 2026-12-08.  Opens no connection.
 */
int  lk_notary_server_open(struct lk_notary_server              **out,
                           const struct lk_notary_server_options *options, struct lk_err *err);
void lk_notary_server_close(struct lk_notary_server **server);

const char *lk_notary_server_url(const struct lk_notary_server *server);
const char *lk_notary_server_gun(const struct lk_notary_server *server);

/* GET of "timestamp.json", "targets.HEX.json", ...  NOT_FOUND means 404. */
int lk_notary_server_get(struct lk_notary_server *server, const char *name, struct lk_buf *out,
                         struct lk_err *err);

/* One atomic POST of these files.  CONFLICT: the server has this version, or a later one, of one of them. */
int lk_notary_server_put(struct lk_notary_server            *server,
                         const struct lk_notary_file *const *files, size_t count,
                         struct lk_err *err);

/* The public key with which the server itself signs for this role; owned. */
int lk_notary_server_key(struct lk_notary_server *server, const char *role, json_t **out,
                         struct lk_err *err);

/*
 * The server for this repository: `configured`, else DOCKER_CONTENT_TRUST_SERVER if it is set, else the registry's
 * own host, as Docker's client chooses.  Owned.
 */
char *lk_notary_server_choose(const char *configured, const char *registry_host);

#endif
