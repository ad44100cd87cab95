#include "coordinator/registry/operations.h"

#include "common/os/file.h"
#include "common/os/workers.h"
#include "common/registry/docker_config.h"
#include "common/registry/shelf.h"
#include "coordinator/registry/content_trust.h"
#include "coordinator/registry/copy.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS            8
#define PATIENCE_MS        3000  /* then the core is told, says so to people, and tries again */
#define VISIBLE_MS         10000 /* less than a turn */
#define PASSWORD_BYTES_MAX 4096

struct lk_operations {
    struct lk_operations_options options;
    struct lk_workers           *workers;
    atomic_bool                  cancel;
};

struct operation {
    struct lk_work        work; /* first: the workers know only this */
    struct lk_operations *owner;
    struct lk_effect      effect;
    bool                  failed;
    struct lk_err         err;
    struct lk_found       found;
    struct lk_found       source;
    struct lk_descriptor  index;
    struct lk_credential  ticket;
    uint32_t              ticket_valid_ms;
};

bool lk_operations_plain_http(const struct lk_coordinator_config *config, const char *host)
{
    const struct lk_registry_config *registry = lk_coordinator_config_registry(config, host);

    return registry ? registry->plain_http : lk_host_is_loopback(host);
}

/* BASIC with what the login's file holds (its last newline aside); NONE for an empty login. */
static int read_login(const struct lk_login *login, struct lk_credential *out,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(PASSWORD_BYTES_MAX);

    *out = (struct lk_credential) { 0 };
    if (!login->user[0])
        return 0;
    if (lk_file_read_secret(login->password_file, &bytes, err) < 0)
        return lk_err_wrap(err, "reading the registry's password");
    struct lk_str password = lk_buf_str(&bytes);
    if (lk_str_ends(password, "\n"))
        password.len--;
    bool fits = lk_str_copy(out->secret, sizeof(out->secret), password) &&
                lk_copy_text(out->user, sizeof(out->user), login->user);
    out->kind = LK_CREDENTIAL_BASIC;
    sodium_memzero(bytes.data, bytes.len);
    return fits ? 0
                : lk_err_set(err, LK_ERR_INVALID, "%s: is no password", login->password_file);
}

static int set_up(const struct operation *operation, const char *repository,
                  struct lk_publisher *publisher, struct lk_err *err)
{
    const struct lk_operations_options *options = &operation->owner->options;
    const struct lk_registry_config    *registry;

    *publisher = (struct lk_publisher) {
        .signer = options->signer,
        .trusted_keys = options->trusted_keys,
        .trusted_key_count = options->trusted_key_count,
        .visible_ms = VISIBLE_MS,
    };
    if (lk_reference_parse(lk_str_of(repository), &publisher->repository, err) < 0)
        return -1;
    registry = lk_coordinator_config_registry(options->config, publisher->repository.host);
    publisher->options = (struct lk_registry_options) {
        .plain_http = lk_operations_plain_http(options->config, publisher->repository.host),
        .ca_file = registry && registry->ca_file[0] ? registry->ca_file : NULL,
        .patience_ms = PATIENCE_MS,
        .cancel = &operation->owner->cancel,
        .user_agent = "lkcoordd/" LK_VERSION,
    };
    if (registry && registry->login.user[0])
        return read_login(&registry->login, &publisher->options.credential, err);
    return lk_docker_config_find(&publisher->options.credential, &publisher->repository, err);
}

static void child_of(const struct lk_child *child, struct lk_descriptor *out)
{
    memcpy(out->media_type, child->media_type, sizeof(out->media_type));
    out->digest = child->digest;
    out->size = child->size;
}

/* NULL: no content trust for this registry, or for what this push publishes. */
static const struct lk_content_trust_of *trust_of(const struct operation     *operation,
                                                  const struct lk_publisher  *publisher,
                                                  struct lk_content_trust_of *out)
{
    const struct lk_operations_options *options = &operation->owner->options;
    const struct lk_notary_config      *trust =
        lk_coordinator_config_notary(options->config, publisher->repository.host);

    /* What lies on the shelf is on no registry, and has a name that nobody else uses. */
    if (!operation->effect.sign || !options->notary || trust->trust == LK_CONTENT_TRUST_OFF ||
        strcmp(publisher->repository.host, LK_SHELF_HOST) == 0)
        return NULL;
    *out = (struct lk_content_trust_of) { options->config, publisher, options->notary };
    return out;
}

static int merge(struct operation *operation, const struct lk_publisher *publisher,
                 struct lk_err *err)
{
    const struct lk_effect                      *effect = &operation->effect;
    LK_CLEANUP(lk_free_pointer) struct lk_index *children = lk_xcalloc(1, sizeof(*children));
    struct lk_content_trust_of                   of;
    const struct lk_content_trust_of            *trust = trust_of(operation, publisher, &of);

    for (size_t i = 0; i < effect->count; i++) {
        struct lk_index_entry *entry = &children->entries[children->count++];
        child_of(&effect->children[i], &entry->descriptor);
        entry->arch = effect->arches[i];
        snprintf(entry->os, sizeof(entry->os), "linux");
    }
    if (lk_publisher_merge(publisher, effect->tag, children, effect->accepted, effect->sign,
                           &operation->index, err) < 0)
        return -1;
    return trust ? lk_content_trust_publish(trust, effect->tag, !effect->no_arch_tag,
                                            &operation->index, children, err)
                 : 0;
}

/* On one machine, without a coordinator: the agent is the same user's as the login. */
static int own_login(const struct lk_publisher *publisher, struct lk_credential *out,
                     struct lk_err *err)
{
    *out = publisher->options.credential;
    if (out->kind == LK_CREDENTIAL_BASIC)
        return 0;
    return lk_err_set(err, LK_ERR_DENIED,
                      "registry %s wants a password: log in to it (docker login, skopeo login)",
                      publisher->repository.host);
}

/* What agents get of a registry that has passwords but no tokens. */
static int agent_login(const struct operation *operation, const struct lk_publisher *publisher,
                       struct lk_credential *out, struct lk_err *err)
{
    const struct lk_registry_config *registry = lk_coordinator_config_registry(
        operation->owner->options.config, publisher->repository.host);

    for (size_t i = 0; registry && i < registry->agent_count; i++)
        if (lk_arch_eq(&registry->agent_arch[i], &operation->effect.arch))
            return read_login(&registry->agent_login[i], out, err);
    return lk_err_set(
        err, LK_ERR_DENIED,
        "registry %s wants a password and has no tokens: set agent-logins.%s for it in the "
        "coordinator's configuration",
        publisher->repository.host, operation->effect.arch.name);
}

static int fetch_ticket(struct operation *operation, const struct lk_publisher *publisher,
                        struct lk_err *err)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;

    if (lk_registry_open(&registry, &publisher->repository, &publisher->options, err) < 0 ||
        lk_registry_fetch_ticket(registry, &operation->ticket, &operation->ticket_valid_ms,
                                 err) < 0)
        return -1;
    if (operation->ticket.kind != LK_CREDENTIAL_BASIC)
        return 0;
    if (operation->owner->options.config->shelf[0])
        return own_login(publisher, &operation->ticket, err);
    return agent_login(operation, publisher, &operation->ticket, err);
}

/* Where the images come from: another tag, perhaps in another repository, or the tags of the arches. */
static int probe_source(struct operation *operation, const struct lk_publisher *publisher,
                        struct lk_err *err)
{
    const struct lk_effect *effect = &operation->effect;
    struct lk_publisher     other;

    if (effect->origin == LK_PACKAGE_BUILT)
        return 0;
    if (effect->origin == LK_PACKAGE_FROM_ARCH_TAGS)
        return lk_publisher_probe_arch_tags(publisher, effect->tag, effect->arches,
                                            effect->count, &operation->source, err);
    int result = set_up(operation, effect->from.repository, &other, err);
    if (result == 0)
        result = lk_publisher_probe(&other, effect->from.tag, &operation->source, err);
    sodium_memzero(&other.options.credential, sizeof(other.options.credential));
    return result;
}

static int accept_child(struct operation *operation, const struct lk_publisher *publisher,
                        struct lk_err *err)
{
    const struct lk_effect *effect = &operation->effect;
    struct lk_publisher     other;
    struct lk_descriptor    child;
    int                     result = 0;

    child_of(&effect->child, &child);
    if (effect->from.repository[0]) {
        result = set_up(operation, effect->from.repository, &other, err);
        if (result == 0)
            result = lk_copy_image(&other, publisher, &child,
                                   operation->owner->options.config->state, err);
        sodium_memzero(&other.options.credential, sizeof(other.options.credential));
    }
    return result < 0 ? -1
                      : lk_publisher_accept_child(publisher, effect->tag, &effect->arch, &child,
                                                  effect->sign, !effect->no_arch_tag, err);
}

static int probe(struct operation *operation, const struct lk_publisher *publisher,
                 struct lk_err *err)
{
    const struct lk_effect           *effect = &operation->effect;
    struct lk_content_trust_of        of;
    const struct lk_content_trust_of *trust = trust_of(operation, publisher, &of);

    if (lk_publisher_probe(publisher, effect->tag, &operation->found, err) < 0 ||
        (trust && lk_content_trust_look(trust, effect->tag, !effect->no_arch_tag,
                                        &operation->found, err) < 0))
        return -1;
    return probe_source(operation, publisher, err);
}

static int at_registry(struct operation *operation, const struct lk_publisher *publisher,
                       struct lk_err *err)
{
    const struct lk_effect *effect = &operation->effect;
    struct lk_descriptor    child;

    /* A coordinator that was started again without its key must not publish what was to be signed. */
    if (effect->sign && effect->type != LK_EFFECT_PROBE && !publisher->signer)
        return lk_err_set(
            err, LK_ERR_DENIED,
            "%s:%s is to be signed, but this coordinator has no signing key (any "
            "more): set `signing` or `signer` in its configuration and push again",
            effect->repository, effect->tag);
    child_of(&effect->child, &child);
    if (effect->type == LK_EFFECT_PROBE)
        return probe(operation, publisher, err);
    if (effect->type == LK_EFFECT_ACCEPT_CHILD)
        return accept_child(operation, publisher, err);
    if (effect->type == LK_EFFECT_MERGE)
        return merge(operation, publisher, err);
    if (effect->type == LK_EFFECT_TAG)
        return lk_publisher_move_tag(publisher, effect->tag, &effect->expected, &child, err);
    return fetch_ticket(operation, publisher, err);
}

static int carry_out(struct operation *operation, struct lk_err *err)
{
    struct lk_publisher publisher;
    int result = set_up(operation, operation->effect.repository, &publisher, err);

    if (result == 0)
        result = at_registry(operation, &publisher, err);
    sodium_memzero(&publisher.options.credential, sizeof(publisher.options.credential));
    return result;
}

static void run(struct lk_work *work)
{
    struct operation *operation = (struct operation *)work;

    operation->failed = carry_out(operation, &operation->err) < 0;
}

static void done(struct lk_work *work)
{
    struct operation                   *operation = (struct operation *)work;
    const struct lk_operations_options *options = &operation->owner->options;
    struct lk_operation_result          result = {
                 .err = operation->failed ? &operation->err : NULL,
                 .found = &operation->found,
                 .source = operation->effect.origin == LK_PACKAGE_BUILT ? NULL : &operation->source,
                 .index = operation->index,
                 .ticket = &operation->ticket,
                 .ticket_valid_ms = operation->ticket_valid_ms,
    };

    if (!atomic_load(&operation->owner->cancel))
        options->done(options->ctx, &operation->effect, &result);
    sodium_memzero(&operation->ticket, sizeof(operation->ticket));
    free(operation);
}

struct lk_operations *lk_operations_start(const struct lk_operations_options *options)
{
    struct lk_operations *operations = lk_xcalloc(1, sizeof(*operations));

    operations->options = *options;
    operations->workers = lk_workers_start(THREADS, "registry");
    return operations;
}

void lk_operations_stop(struct lk_operations **operations)
{
    struct lk_operations *o = LK_TAKE(*operations);

    if (!o)
        return;
    atomic_store(&o->cancel, true);
    lk_workers_stop(&o->workers);
    free(o);
}

void lk_operations_begin(struct lk_operations *operations, const struct lk_effect *effect)
{
    struct operation *operation = lk_xcalloc(1, sizeof(*operation));

    operation->work.run = run;
    operation->work.done = done;
    operation->owner = operations;
    operation->effect = *effect;
    lk_workers_submit(operations->workers, &operation->work);
}

int lk_operations_fd(const struct lk_operations *operations)
{
    return lk_workers_fd(operations->workers);
}

void lk_operations_collect(struct lk_operations *operations)
{
    lk_workers_collect(operations->workers);
}
