/*
 * config - lkcoordd.yml, read strictly: every key with its default and bounds; what is wrong is told with file,
 * line, key and what is allowed.  deploy/examples/lkcoordd.yml shows all keys.
 */
#ifndef LK_COORDINATOR_CONFIG_H
#define LK_COORDINATOR_CONFIG_H

#include "common/base/arch.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/net/curve.h"

#define LK_PEERS_MAX      512
#define LK_REGISTRIES_MAX 32

/* Who may come in. */
struct lk_peer {
    char                   name[LK_NAME_SIZE];
    struct lk_curve_public key;
    /* For which an agent may build; none: for all that it says. */
    size_t         arch_count;
    struct lk_arch arches[LK_PACKAGE_ARCHES_MAX];
    uint32_t       slots; /* an agent gets no more at once, whatever it says; 0: no limit */
};

struct lk_peers {
    size_t         count;
    struct lk_peer list[LK_PEERS_MAX];
};

/* A user name and the file that holds the password. */
struct lk_login {
    char user[256];
    char password_file[LK_PATH_SIZE];
};

/* Whether what is published has to be signed. */
enum lk_content_trust {
    LK_CONTENT_TRUST_OFF,      /* as each push and each build.yml asks */
    LK_CONTENT_TRUST_ON,       /* the same, but never for want of a key */
    LK_CONTENT_TRUST_REQUIRED, /* always */
};

/* Docker Content Trust: OFF is none; ON, beside each signature of ours; REQUIRED, and nothing unsigned. */
struct lk_notary_config {
    bool                  is_said; /* false: a registry's is that of all */
    enum lk_content_trust trust;
    char                  server[LK_PATH_SIZE];  /* "": as Docker's client chooses */
    char                  ca_file[LK_PATH_SIZE]; /* "": the system's, and Docker's */
};

struct lk_registry_config {
    char            host[LK_REPOSITORY_SIZE]; /* host[:port], as in references */
    bool            plain_http;
    char            ca_file[LK_PATH_SIZE]; /* "": the system's */
    struct lk_login login;                 /* user "": none */
    uint32_t        uploads;               /* at once, by all agents together; 0: no limit */
    /* What agents get where the registry has passwords but no tokens. */
    size_t          agent_count;
    struct lk_arch  agent_arch[LK_PACKAGE_ARCHES_MAX];
    struct lk_login agent_login[LK_PACKAGE_ARCHES_MAX];

    struct lk_notary_config notary;
};

#define LK_SIGNER_KEYS_MAX 2 /* two while one replaces the other */
#define LK_ARGUMENTS_MAX   16

/* A program and its arguments. */
struct lk_program {
    char        text[LK_ARGUMENTS_MAX][LK_PATH_SIZE];
    const char *argv[LK_ARGUMENTS_MAX + 1]; /* NULL-terminated; [0] is NULL: none */
};

struct lk_coordinator_config {
    char                      file[LK_PATH_SIZE]; /* where all this was read from */
    char                      agents_endpoint[LK_PATH_SIZE];
    char                      clients_endpoint[LK_PATH_SIZE];
    char                      key[LK_PATH_SIZE];
    char                      state[LK_PATH_SIZE];
    char                      shelf[LK_PATH_SIZE]; /* "": none (common/registry/shelf.h) */
    struct lk_peers           agents;
    struct lk_peers           clients;
    size_t                    registry_count;
    struct lk_registry_config registries[LK_REGISTRIES_MAX];
    char signing_key[LK_PATH_SIZE]; /* "": this coordinator does not sign */
    char second_key[LK_PATH_SIZE];  /* "": none; has the same passphrase */
    char passphrase_file[LK_PATH_SIZE];
    int  passphrase_fd; /* -1: none */
    /* A signer elsewhere, in place of signing_key. */
    char                  signer_socket[LK_PATH_SIZE]; /* "": none */
    struct lk_program     signer_program;
    size_t                signer_key_count; /* its public keys */
    char                  signer_keys[LK_SIGNER_KEYS_MAX][LK_PATH_SIZE];
    size_t                trusted_count; /* further public keys whose signatures count */
    char                  trusted[LK_PACKAGE_ARCHES_MAX][LK_PATH_SIZE];
    enum lk_content_trust content_trust;
    bool                  in_turn;
    uint32_t              lease_ms;
    uint32_t              permit_ms;
    uint32_t              suspect_ms;
    uint32_t              ping_ms;
    uint32_t              raise_ms;          /* a push that waited so long rises in priority */
    uint32_t              history;           /* pushes that ended and are still known */
    uint32_t              quarantine_after;  /* failures of an agent; 0: never */
    uint32_t              quarantine_ms;     /* until it is tried out */
    uint64_t              logs_max_bytes;    /* of all logs together */
    uint64_t              sources_max_bytes; /* of each client's sources */

    /* Docker Content Trust. */
    struct lk_notary_config notary;                    /* of registries that say nothing else */
    char                    notary_keys[LK_PATH_SIZE]; /* keys are in its private/ */
    char                    notary_passphrase_file[LK_PATH_SIZE];
    int                     notary_passphrase_fd; /* -1: none */
};

int lk_coordinator_config_load(struct lk_coordinator_config *out, const char *path,
                               struct lk_err *err);

/* True if there is something to sign with. */
bool lk_coordinator_config_signs(const struct lk_coordinator_config *config);

/* The entry for a host, or NULL. */
const struct lk_registry_config *
lk_coordinator_config_registry(const struct lk_coordinator_config *config, const char *host);

/* What holds for a registry's host. */
const struct lk_notary_config *
lk_coordinator_config_notary(const struct lk_coordinator_config *config, const char *host);

/* True if any registry has content trust. */
bool lk_coordinator_config_uses_notary(const struct lk_coordinator_config *config);

#endif
