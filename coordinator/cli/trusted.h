/*
 * trusted - whose word counts when `verify` and `audit` look at what is published: signing keys, and a trust server.
 *
 * Keys: --key, else `trusted-keys` of the configuration, else, without a coordinator, the private one's own.  Trust
 * server: --trust-server, else `trust-server` of the configuration, else, where DOCKER_CONTENT_TRUST is on, the one that Docker's client
 * would ask.
 */
#ifndef LK_CLI_TRUSTED_H
#define LK_CLI_TRUSTED_H

#include "common/base/arch.h"
#include "common/registry/verify.h"
#include "coordinator/cli/command.h"

/* The options that both commands have; rows of their tables. */
struct lk_trusted_values {
    struct lk_words key;
    const char     *trust_server;
    const char     *arches;
    const char     *ca_file;
    bool            plain_http;
    const char     *output;
    bool            json;
};

#define LK_TRUSTED_OPTION(name, kind, field, argument, help)                              \
    {                                                                                     \
        name, LK_OPTION_##kind, offsetof(struct lk_trusted_values, field), argument, help \
    }

#define LK_TRUSTED_OPTIONS                                                          \
    LK_TRUSTED_OPTION(                                                              \
        "key", LIST, key, "PUB",                                                    \
        "a public key file (PEM); several: one of them must have signed (default: " \
        "trusted-keys of the configuration)"),                                      \
        LK_TRUSTED_OPTION(                                                          \
            "trust-server", TEXT, trust_server, "URL",                              \
            "the digest must also be what this Notary server says (default: "       \
            "trust-server of the configuration; with DOCKER_CONTENT_TRUST=1 the "   \
            "one that Docker's client asks)"),                                      \
        LK_TRUSTED_OPTION("arches", TEXT, arches, "LIST",                           \
                          "architectures that must be there, as amd64,arm64"),      \
        LK_TRUSTED_OPTION(                                                          \
            "ca-file", TEXT, ca_file, "PEM",                                        \
            "whom to trust as registry besides the system's certificates, and as "  \
            "trust server unless ~/.docker/tls names one"),                         \
        LK_TRUSTED_OPTION(                                                          \
            "plain-http", FLAG, plain_http, NULL,                                   \
            "speak HTTP to the registry (loopback hosts: always, unless --ca-file " \
            "is given)"),                                                           \
        LK_TRUSTED_OPTION("output", TEXT, output, "FORM", "text or json"),          \
        LK_TRUSTED_OPTION("json", FLAG, json, NULL, "the same as --output json")

struct lk_trusted {
    const struct lk_trusted_values *values;
    bool                            as_json;
    size_t                          key_count;
    struct lk_public_key            keys[16];
    bool                            asks_server;
    char                            server[1024]; /* "": the one that Docker's client asks */
    size_t                          required_count;
    struct lk_arch                  required[LK_PACKAGE_ARCHES_MAX];
};

/* INVALID, with the way out, if nobody's word counts, or an argument is no reference. */
int lk_trusted_load(struct lk_trusted *out, const struct lk_call *call, struct lk_err *err);

/* A tag's or digest's whole name; INVALID for anything else. */
int lk_trusted_reference(const struct lk_trusted *trusted, const char *text,
                         struct lk_reference *out, struct lk_err *err);

/* How to reach the reference's registry, with the user's login: a secret. */
int lk_trusted_registry(const struct lk_trusted *trusted, const struct lk_reference *reference,
                        struct lk_registry_options *out, struct lk_err *err);

/* What content trust says of the tag; where it knows of none, or shows what does not hold, `distrust` says so. */
struct lk_trusted_word {
    bool             asked;
    struct lk_digest digest;
    char             distrust[LK_ERR_TEXT_MAX]; /* "" if there is a digest */
};

int lk_trusted_ask(const struct lk_trusted *trusted, const struct lk_reference *reference,
                   const struct lk_registry_options *how, struct lk_trusted_word *out,
                   struct lk_err *err);

#endif
