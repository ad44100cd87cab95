/* Start and end of the coordinator: state, keys, doors. */
#include "coordinator/parts.h"

#include "common/log/log.h"
#include "common/os/file.h"
#include "coordinator/sign/passphrase.h"
#include "coordinator/sign/unlock.h"
#include "coordinator/store/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORTH_COMPACTING 1000 /* records, at the end */

struct lk_store *lk_coordinator_domain(struct lk_coordinator *c, const char *client,
                                       struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *directory = NULL;

    for (size_t i = 0; i < c->domain_count; i++)
        if (strcmp(c->domains[i].client, client) == 0)
            return c->domains[i].store;
    if (c->domain_count == LK_PEERS_MAX) {
        lk_err_set(err, LK_ERR_LIMIT, "more than %d clients have sources here", LK_PEERS_MAX);
        return NULL;
    }
    struct lk_domain *domain = &c->domains[c->domain_count];
    directory = lk_xasprintf("%s/sources/%s", c->config->state, client);
    if (lk_directory_make(directory, 0700, err) < 0 ||
        lk_store_open(&domain->store, directory, err) < 0)
        return NULL;
    lk_store_limit(domain->store, c->config->sources_max_bytes);
    snprintf(domain->client, sizeof(domain->client), "%s", client);
    c->domain_count++;
    return domain->store;
}

/* An end between the fact that forgets a push and the removal leaves them behind. */
static void drop_unknown_logs(void *ctx, uint64_t push)
{
    struct lk_coordinator *c = ctx;

    if (!lk_core_push(c->core, push))
        lk_coordinator_forget_logs(c, push);
}

/* ---- start ---- */

static int replay_record(void *ctx, struct lk_str record, struct lk_err *err)
{
    struct lk_coordinator *c = ctx;
    struct lk_fact         fact;

    if (lk_fact_decode(record, &fact, err) < 0)
        return -1;
    if (!lk_core_apply(c->core, &fact))
        return lk_err_set(
            err, LK_ERR_CONFLICT,
            "does not fit what is before it: the journal is damaged; `lkcoordd fsck` says what "
            "is lost, `lkcoordd restore` puts a backup in its place");
    c->replayed++;
    return 0;
}

static void compacted(void *ctx, uint64_t kept)
{
    const struct lk_coordinator *c = ctx;

    lk_log_info("journal compacted", "path=%s count=%llu", LK_Q(c->config->state),
                (unsigned long long)kept);
}

/* While nobody else writes: at the start and at the end. */
static int compact(struct lk_coordinator *c, struct lk_err *err)
{
    LK_CLEANUP(lk_snapshot_free) struct lk_snapshot *snapshot = lk_snapshot_take(c->core);

    if (lk_journal_compact(c->journal, snapshot, err) < 0)
        return -1;
    compacted(c, lk_journal_kept(c->journal));
    return 0;
}

static int open_journal(struct lk_coordinator *c, struct lk_err *err)
{
    if (lk_journal_open(&c->journal, c->config->state, err) < 0 ||
        lk_journal_replay(c->journal, replay_record, c, err) < 0 ||
        lk_journal_raise_epoch(c->journal, lk_core_epoch(c->core), err) < 0)
        return -1;
    return lk_journal_is_long(lk_journal_kept(c->journal), lk_journal_grown(c->journal))
               ? compact(c, err)
               : 0;
}

static void limit_uploads(const struct lk_coordinator_config *from, struct lk_core_config *to)
{
    _Static_assert(LK_UPLOAD_LIMITS_MAX >= LK_REGISTRIES_MAX, "each registry may have one");
    for (size_t i = 0; i < from->registry_count; i++) {
        struct lk_upload_limit *limit = &to->upload_limits[to->upload_limit_count];
        if (from->registries[i].uploads == 0)
            continue;
        memcpy(limit->host, from->registries[i].host, sizeof(limit->host));
        limit->max = from->registries[i].uploads;
        to->upload_limit_count++;
    }
}

static int open_state(struct lk_coordinator *c, struct lk_err *err)
{
    struct lk_core_config   config = lk_core_defaults;
    struct lk_pump_listener listener = {
        .effect = lk_coordinator_on_effect,
        .compacted = compacted,
        .failed = lk_coordinator_on_journal_failed,
        .ctx = c,
    };
    LK_CLEANUP(lk_free_pointer) char *logs = lk_xasprintf("%s/logs", c->config->state);

    config.agents_max = LK_PEERS_MAX;
    config.lease_ms = c->config->lease_ms;
    config.hold_ms = c->config->permit_ms;
    config.suspect_ms = c->config->suspect_ms;
    config.raise_ms = c->config->raise_ms;
    config.history_max = c->config->history;
    config.quarantine_after = c->config->quarantine_after;
    config.quarantine_ms = c->config->quarantine_ms;
    limit_uploads(c->config, &config);
    c->core = lk_core_new(&config);
    if (open_journal(c, err) < 0 ||
        lk_logbook_open(&c->logs, logs, c->config->logs_max_bytes, err) < 0 ||
        lk_logbook_list(c->logs, drop_unknown_logs, c, err) < 0)
        return -1;
    lk_coordinator_trim_logs(c);
    c->pump = lk_pump_start(c->journal, &listener);
    return 0;
}

static int open_keys(struct lk_coordinator *c, struct lk_err *err)
{
    if (lk_curve_load(&c->key, c->config->key, err) < 0)
        return -1;
    if (lk_coordinator_config_signs(c->config)) {
        if (lk_signer_unlock(&c->signer, c->config, err) < 0)
            return -1;
        for (size_t i = 0; i < lk_signer_key_count(c->signer); i++)
            c->trusted[c->trusted_count++] = *lk_signer_public_key(c->signer, i);
    }
    if (lk_coordinator_config_uses_notary(c->config)) {
        if (lk_notary_unlock(&c->notary_keys, c->config, err) < 0)
            return -1;
        c->notary = lk_notary_keyring_signer(c->notary_keys);
    }
    for (size_t i = 0; i < c->config->trusted_count; i++)
        if (lk_public_key_load(&c->trusted[c->trusted_count++], c->config->trusted[i], err) < 0)
            return -1;
    lk_passphrase_forget_all();
    return 0;
}

void lk_coordinator_admit(struct lk_coordinator *c, const struct lk_peers *agents,
                          const struct lk_peers *clients)
{
    LK_CLEANUP(lk_free_pointer)
    struct lk_zap_entry *entries =
        lk_xcalloc(agents->count + clients->count + 1, sizeof(*entries));
    size_t count = 0;

    for (size_t i = 0; i < agents->count; i++)
        entries[count++] = (struct lk_zap_entry) { "agents", agents->list[i].key };
    for (size_t i = 0; i < clients->count; i++)
        entries[count++] = (struct lk_zap_entry) { "clients", clients->list[i].key };
    lk_zap_set(c->zap, entries, count);
    c->agent_peers = *agents;
    c->client_peers = *clients;
}

static int open_zap(struct lk_coordinator *c, struct lk_err *err)
{
    if (lk_zap_start(&c->zap, err) < 0)
        return -1;
    lk_coordinator_admit(c, &c->config->agents, &c->config->clients);
    return 0;
}

/* STATE/endpoints: where the doors really are, for whoever configured port 0. */
static int write_endpoints(const struct lk_coordinator *c, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/endpoints", c->config->state);
    LK_CLEANUP(lk_free_pointer)
    char *text = lk_xasprintf("agents %s\nclients %s\n", lk_door_endpoint(c->agents),
                              lk_door_endpoint(c->clients));

    return lk_file_replace(path, lk_str_of(text), 0644, err);
}

static void start_operations(struct lk_coordinator *c)
{
    struct lk_operations_options options = {
        .config = c->config,
        .signer = c->signer,
        .notary = c->notary_keys ? &c->notary : NULL,
        .trusted_keys = c->trusted,
        .trusted_key_count = c->trusted_count,
        .done = lk_coordinator_on_operation,
        .ctx = c,
    };

    c->operations = lk_operations_start(&options);
}

int lk_coordinator_open(struct lk_coordinator **out, const struct lk_coordinator_config *config,
                        struct lk_err *err)
{
    LK_CLEANUP(lk_coordinator_close) struct lk_coordinator *c = lk_xcalloc(1, sizeof(*c));

    c->config = config;
    c->signals = -1;
    c->timer_id = -1;
    c->disk = lk_workers_start(1, "disk");
    if (open_keys(c, err) < 0 || open_state(c, err) < 0)
        return -1;
    start_operations(c);
    if (open_zap(c, err) < 0 || lk_agents_open(c, err) < 0 || lk_clients_open(c, err) < 0 ||
        lk_coordinator_open_loop(c, err) < 0 || write_endpoints(c, err) < 0)
        return -1;
    *out = LK_TAKE(c);
    return 0;
}

/* A journal that is short when it is put down is quick to be taken up. */
static void close_journal(struct lk_coordinator *c)
{
    struct lk_err err;
    bool          is_whole = c->pump && lk_pump_is_idle(c->pump);

    lk_pump_stop(&c->pump);
    if (is_whole && lk_journal_grown(c->journal) > WORTH_COMPACTING && compact(c, &err) < 0)
        lk_log_warn("journal not compacted", "err=%s", LK_Q(err.text));
    lk_journal_close(&c->journal);
}

void lk_coordinator_close(struct lk_coordinator **coordinator)
{
    struct lk_coordinator *c = LK_TAKE(*coordinator);

    if (!c)
        return;
    c->stop = true;
    lk_operations_stop(&c->operations);
    lk_workers_stop(&c->disk);
    lk_door_close(&c->agents);
    lk_door_close(&c->clients);
    zloop_destroy(&c->loop);
    lk_zap_free(&c->zap);
    close_journal(c);
    lk_core_free(&c->core);
    lk_logbook_close(&c->logs);
    for (size_t i = 0; i < c->domain_count; i++)
        lk_store_close(&c->domains[i].store);
    lk_signer_close(&c->signer);
    lk_notary_keyring_close(&c->notary_keys);
    lk_curve_free(&c->key);
    lk_close_fd(&c->signals);
    free(c);
}
