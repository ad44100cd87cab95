/*
 * operations - carries out the core's effects at the registry: each on a worker's thread, with the registry's
 * settings and credentials from the configuration, else with the logins of the coordinator's own user
 * (common/registry/docker_config.h); files are read afresh each time.
 *
 * Called by the loop's thread; `done` too, from collect.  This is the only place that sees credentials.
 */
#ifndef LK_OPERATIONS_H
#define LK_OPERATIONS_H

#include "common/notary/signer.h"
#include "coordinator/config.h"
#include "coordinator/core/effect.h"
#include "coordinator/registry/publisher.h"

struct lk_operations;

struct lk_operation_result {
    const struct lk_err   *err;    /* NULL: it went well */
    const struct lk_found *found;  /* PROBE */
    const struct lk_found *source; /* the same of where the images come from, or NULL */
    struct lk_descriptor   index;  /* MERGE */
    struct lk_credential  *ticket; /* TICKET */
    uint32_t               ticket_valid_ms;
};

struct lk_operations_options {
    const struct lk_coordinator_config *config; /* borrowed */
    const struct lk_signer             *signer; /* borrowed; may be NULL */
    const struct lk_notary_signer *notary; /* borrowed; NULL: no registry has content trust */
    const struct lk_public_key    *trusted_keys;
    size_t                         trusted_key_count;
    void (*done)(void *ctx, const struct lk_effect *effect,
                 const struct lk_operation_result *result);
    void *ctx;
};

struct lk_operations *lk_operations_start(const struct lk_operations_options *options);
void                  lk_operations_stop(struct lk_operations **operations);

/* PROBE, ACCEPT_CHILD, MERGE, TAG or TICKET; copied. */
void lk_operations_begin(struct lk_operations *operations, const struct lk_effect *effect);

int  lk_operations_fd(const struct lk_operations *operations);
void lk_operations_collect(struct lk_operations *operations);

/* True if the repository's host speaks plain HTTP: as configured, and loopback unless configured otherwise. */
bool lk_operations_plain_http(const struct lk_coordinator_config *config, const char *host);

#endif
