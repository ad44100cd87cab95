#include "coordinator/cli/trusted.h"

#include "common/notary/place.h"
#include "common/notary/view.h"
#include "common/registry/docker_config.h"
#include "coordinator/cli/config.h"
#include "coordinator/cli/local_setup.h"
#include "coordinator/cli/local_state.h"
#include "coordinator/cli/local_trust.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int add_key(struct lk_trusted *out, const char *path, struct lk_err *err)
{
    return lk_public_key_load(&out->keys[out->key_count++], path, err);
}

/* The private coordinator's key, once it has made one. */
static int add_own_key(struct lk_trusted *out, const struct lk_target *target,
                       struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *state = NULL;
    LK_CLEANUP(lk_free_pointer) char *path = NULL;
    struct lk_err                     nowhere;
    bool                              is_local = target->local;

    if (!is_local && lk_config_is_absent(target->config, &is_local, err) < 0)
        return -1;
    if (!is_local || !(state = lk_local_state_find(&nowhere)))
        return 0;
    path = lk_local_path(state, "signing.pub");
    return access(path, R_OK) == 0 ? add_key(out, path, err) : 0;
}

static int load_keys(struct lk_trusted *out, const struct lk_words *given,
                     const struct lk_config_trust *config, const struct lk_target *target,
                     struct lk_err *err)
{
    for (size_t i = 0; i < given->count; i++)
        if (add_key(out, given->words[i], err) < 0)
            return -1;
    for (size_t i = 0; given->count == 0 && i < config->key_count; i++)
        if (add_key(out, config->keys[i], err) < 0)
            return -1;
    return out->key_count ? 0 : add_own_key(out, target, err);
}

static void choose_server(struct lk_trusted *out, const struct lk_config_trust *config)
{
    const char *server = out->values->trust_server ? out->values->trust_server : config->server;

    lk_copy_text(out->server, sizeof(out->server), server);
    out->asks_server = server[0] || lk_local_wants_trust();
}

static int add_required(void *ctx, struct lk_str item, struct lk_err *err)
{
    struct lk_trusted *out = ctx;

    if (out->required_count == LK_COUNT(out->required))
        return lk_err_set(err, LK_ERR_INVALID, "--arches names more than %zu architectures",
                          LK_COUNT(out->required));
    if (!lk_arch_parse(item, &out->required[out->required_count]))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--arches: \"" LK_STR_FMT "\" is no architecture's name",
                          LK_STR_ARG(item));
    out->required_count++;
    return 0;
}

int lk_trusted_reference(const struct lk_trusted *trusted, const char *text,
                         struct lk_reference *out, struct lk_err *err)
{
    if (lk_reference_parse(lk_str_of(text), out, err) < 0)
        return -1;
    if (!out->tag[0] && !out->has_digest)
        return lk_err_set(err, LK_ERR_INVALID, "%s names no image: add :TAG or @DIGEST", text);
    if (!out->tag[0] && trusted->asks_server)
        return lk_err_set(err, LK_ERR_INVALID, "%s: content trust speaks of tags: add :TAG",
                          text);
    return 0;
}

int lk_trusted_load(struct lk_trusted *out, const struct lk_call *call, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct lk_config_trust *config = lk_xcalloc(1, sizeof(*config));
    const struct lk_trusted_values                     *values = call->values;
    struct lk_reference                                 reference;

    *out = (struct lk_trusted) { .values = values };
    if (sodium_init() < 0)
        return lk_err_set(err, LK_ERR_PERMANENT,
                          "libsodium does not start: no source of random numbers");
    if (lk_wants_json(values->output, &out->as_json, err) < 0 ||
        lk_config_trust(call->target.config, config, err) < 0 ||
        load_keys(out, &values->key, config, &call->target, err) < 0 ||
        (values->arches && lk_each_item(values->arches, add_required, out, err) < 0))
        return -1;
    out->as_json |= values->json;
    choose_server(out, config);
    for (size_t i = 0; i < call->count; i++)
        if (lk_trusted_reference(out, call->arguments[i], &reference, err) < 0)
            return -1;
    return out->key_count || out->asks_server
               ? 0
               : lk_err_set(err, LK_ERR_INVALID,
                            "whose word counts?  Give the public key to trust: --key FILE "
                            "(trusted-keys in the configuration), or --trust-server URL");
}

int lk_trusted_registry(const struct lk_trusted *trusted, const struct lk_reference *reference,
                        struct lk_registry_options *out, struct lk_err *err)
{
    const struct lk_trusted_values *values = trusted->values;

    out->plain_http =
        values->plain_http || (lk_host_is_loopback(reference->host) && !values->ca_file);
    out->ca_file = values->ca_file;
    out->user_agent = "lkcoord/" LK_VERSION;
    out->patience_ms = 10000;
    return lk_docker_config_find(&out->credential, reference, err);
}

/* Trouble on the way is an error; what the server shows is an answer, be it none. */
static int look_up(struct lk_notary_server *server, const char *memory, const char *tag,
                   struct lk_trusted_word *out, struct lk_err *err)
{
    uint64_t length;

    if (lk_notary_lookup(server, memory, tag, time(NULL), &out->digest, &length, err) == 0)
        return 0;
    if (err->kind != LK_ERR_NOT_FOUND && err->kind != LK_ERR_CONFLICT)
        return lk_err_wrap(err, "asking content trust");
    lk_copy_text(out->distrust, sizeof(out->distrust), err->text);
    return 0;
}

int lk_trusted_ask(const struct lk_trusted *trusted, const struct lk_reference *reference,
                   const struct lk_registry_options *how, struct lk_trusted_word *out,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_notary_server_close) struct lk_notary_server *server = NULL;
    LK_CLEANUP(lk_free_pointer) char                           *url = NULL;
    LK_CLEANUP(lk_free_pointer) char                           *memory = NULL;
    LK_CLEANUP(lk_free_pointer) char                           *ca_file = NULL;
    struct lk_registry_options                                  own = *how;

    *out = (struct lk_trusted_word) { .asked = trusted->asks_server };
    if (!out->asked)
        return 0;
    url = lk_notary_server_choose(trusted->server, reference->host);
    if (lk_notary_directory(&memory, err) < 0 || lk_notary_ca_file(&ca_file, url, err) < 0)
        return -1;
    if (ca_file)
        own.ca_file = ca_file;
    own.plain_http = false;
    const struct lk_notary_server_options options = { url, reference->repository, &own };
    int                                   rc = lk_notary_server_open(&server, &options, err);
    sodium_memzero(&own.credential, sizeof(own.credential));
    return rc < 0 ? -1 : look_up(server, memory, reference->tag, out, err);
}
