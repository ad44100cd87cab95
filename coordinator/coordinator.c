#include "coordinator/coordinator.h"

#include "common/log/log.h"
#include "common/os/clock.h"
#include "common/os/file.h"
#include "coordinator/parts.h"
#include "coordinator/sign/passphrase.h"
#include "coordinator/store/journal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SWEEP_MS 1000

static void arm(struct lk_coordinator *c, int64_t wake_ms);

void lk_coordinator_step(struct lk_coordinator *c, struct lk_event *event)
{
    event->now_ms = lk_clock_boot_ms();
    event->wall_ms = lk_clock_wall_ms();
    const struct lk_out *out = lk_core_step(c->core, event);
    int64_t              wake_ms = out->wake_ms;

    lk_pump_put(c->pump, out);
    arm(c, wake_ms);
    lk_clients_flush(c);
}

static int on_wake(zloop_t *loop, int timer, void *arg)
{
    struct lk_coordinator *c = arg;
    struct lk_event        event = { .type = LK_EVENT_TIMER };

    (void)loop;
    (void)timer;
    c->timer_id = -1;
    lk_coordinator_step(c, &event);
    return 0;
}

/* The one timer of the core: always the earliest time that it asked for last. */
static void arm(struct lk_coordinator *c, int64_t wake_ms)
{
    if (c->timer_id >= 0)
        zloop_timer_end(c->loop, c->timer_id);
    c->timer_id = -1;
    if (wake_ms == INT64_MAX)
        return;
    int64_t delay = wake_ms - lk_clock_boot_ms();
    size_t  bounded = delay < 1 ? 1 : delay > 3600000 ? 3600000 : (size_t)delay;
    c->timer_id = zloop_timer(c->loop, bounded, 1, on_wake, c);
}

static int on_retry(zloop_t *loop, int timer, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)timer;
    c->retry_armed = false;
    lk_agents_flush(c);
    lk_clients_flush(c);
    return 0;
}

void lk_coordinator_retry_soon(struct lk_coordinator *c, int ms)
{
    if (c->retry_armed)
        return;
    c->retry_armed = true;
    zloop_timer(c->loop, (size_t)ms, 1, on_retry, c);
}

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
    snprintf(domain->client, sizeof(domain->client), "%s", client);
    c->domain_count++;
    return domain->store;
}

/* ---- effects ---- */

static void forget_push(struct lk_coordinator *c, const struct lk_effect *effect)
{
    lk_log_debug("push left the history", "push=%llu", (unsigned long long)effect->push);
    (void)c;
}

static void on_effect(void *ctx, const struct lk_effect *effect)
{
    struct lk_coordinator *c = ctx;

    switch (effect->type) {
    case LK_EFFECT_ACCEPTED:
    case LK_EFFECT_ANSWER:
    case LK_EFFECT_RECEIVE: lk_clients_carry_out(c, effect); return;
    case LK_EFFECT_OFFER:
    case LK_EFFECT_PERMIT:
    case LK_EFFECT_DROP: lk_agents_carry_out(c, effect); return;
    case LK_EFFECT_TICKET:
    case LK_EFFECT_PROBE:
    case LK_EFFECT_ACCEPT_CHILD:
    case LK_EFFECT_MERGE:
    case LK_EFFECT_TAG: lk_operations_begin(c->operations, effect); return;
    case LK_EFFECT_FORGET: forget_push(c, effect); return;
    }
}

static void on_durable(void *ctx)
{
    lk_clients_flush(ctx);
}

static void on_journal_failed(void *ctx, const struct lk_err *err)
{
    struct lk_coordinator *c = ctx;

    c->broken = true;
    c->broken_by = *err;
    c->stop = true;
}

/* ---- answers of the registry ---- */

static enum lk_event_type answer_type(enum lk_effect_type type)
{
    if (type == LK_EFFECT_PROBE)
        return LK_EVENT_PROBED;
    if (type == LK_EFFECT_MERGE)
        return LK_EVENT_MERGED;
    return type == LK_EFFECT_TAG ? LK_EVENT_TAGGED : LK_EVENT_CHILD_CHECKED;
}

static void child_of(const struct lk_descriptor *descriptor, struct lk_child *out)
{
    *out = (struct lk_child) { .digest = descriptor->digest, .size = descriptor->size };
    memcpy(out->media_type, descriptor->media_type, sizeof(out->media_type));
}

static void probe_of(const struct lk_found *found, struct lk_found_child *entries,
                     struct lk_probe *out)
{
    *out = (struct lk_probe) {
        .index_exists = found->index_exists,
        .not_an_index = found->not_an_index,
        .index_digest = found->index_digest,
        .index_is_signed = found->index_is_signed,
        .count = found->count,
        .entries = entries,
    };
    for (size_t i = 0; i < found->count; i++) {
        entries[i].arch = found->entries[i].arch;
        entries[i].is_signed = found->entries[i].is_signed;
        entries[i].arch_tag_is_right = found->entries[i].arch_tag_is_right;
        child_of(&found->entries[i].descriptor, &entries[i].child);
    }
}

static void log_operation(const struct lk_effect           *effect,
                          const struct lk_operation_result *result)
{
    static const char *const names[] = {
        [LK_EFFECT_TICKET] = "ticket",
        [LK_EFFECT_PROBE] = "probe",
        [LK_EFFECT_ACCEPT_CHILD] = "accept-child",
        [LK_EFFECT_MERGE] = "merge",
        [LK_EFFECT_TAG] = "tag",
    };

    if (result->err)
        lk_log_warn("registry operation failed",
                    "op=%s push=%llu repository=%s tag=%s arch=%s kind=%s err=%s",
                    names[effect->type], (unsigned long long)effect->push,
                    LK_Q(effect->repository), LK_Q(effect->tag), LK_Q(effect->arch.name),
                    lk_err_kind_name(result->err->kind), LK_Q(result->err->text));
    else
        lk_log_info("registry operation done", "op=%s push=%llu repository=%s tag=%s arch=%s",
                    names[effect->type], (unsigned long long)effect->push,
                    LK_Q(effect->repository), LK_Q(effect->tag), LK_Q(effect->arch.name));
}

static void on_operation(void *ctx, const struct lk_effect *effect,
                         const struct lk_operation_result *result)
{
    struct lk_coordinator *c = ctx;
    struct lk_found_child  entries[LK_INDEX_ENTRIES_MAX];
    struct lk_probe        probe;
    struct lk_event        event = { .type = answer_type(effect->type) };

    log_operation(effect, result);
    if (effect->type == LK_EFFECT_TICKET) {
        lk_agents_ticket(c, effect, result);
        return;
    }
    event.answer.package = effect->package;
    event.answer.job = effect->job;
    event.answer.op = effect->op;
    event.answer.err = result->err;
    if (effect->type == LK_EFFECT_PROBE && !result->err) {
        probe_of(result->found, entries, &probe);
        event.answer.probe = &probe;
    }
    child_of(&result->index, &event.answer.index);
    lk_coordinator_step(c, &event);
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
            "does not fit what is before it: the journal is damaged; restore a backup");
    c->replayed++;
    return 0;
}

static int open_state(struct lk_coordinator *c, struct lk_err *err)
{
    struct lk_core_config   config = lk_core_defaults;
    struct lk_pump_listener listener = { on_effect, on_durable, on_journal_failed, c };
    LK_CLEANUP(lk_free_pointer) char *logs = lk_xasprintf("%s/logs", c->config->state);

    config.lease_ms = c->config->lease_ms;
    config.hold_ms = c->config->permit_ms;
    config.suspect_ms = c->config->suspect_ms;
    c->core = lk_core_new(&config);
    if (lk_journal_open(&c->journal, c->config->state, err) < 0 ||
        lk_journal_replay(c->journal, replay_record, c, err) < 0 ||
        lk_logbook_open(&c->logs, logs, err) < 0)
        return -1;
    c->pump = lk_pump_start(c->journal, &listener);
    return 0;
}

static int open_keys(struct lk_coordinator *c, struct lk_err *err)
{
    if (lk_curve_load(&c->key, c->config->key, err) < 0)
        return -1;
    if (c->config->signing_key[0]) {
        if (lk_signer_unlock(&c->signer, c->config, err) < 0)
            return -1;
        memcpy(c->trusted[c->trusted_count++], lk_signer_public_key(c->signer),
               LK_PUBLIC_KEY_BYTES);
    }
    for (size_t i = 0; i < c->config->trusted_count; i++)
        if (lk_public_key_load(c->trusted[c->trusted_count++], c->config->trusted[i], err) < 0)
            return -1;
    return 0;
}

static int open_zap(struct lk_coordinator *c, struct lk_err *err)
{
    struct lk_zap_entry entries[2 * LK_PEERS_MAX];
    size_t              count = 0;

    for (size_t i = 0; i < c->config->agents.count; i++)
        entries[count++] = (struct lk_zap_entry) { "agents", c->config->agents.list[i].key };
    for (size_t i = 0; i < c->config->clients.count; i++)
        entries[count++] = (struct lk_zap_entry) { "clients", c->config->clients.list[i].key };
    if (lk_zap_start(&c->zap, err) < 0)
        return -1;
    lk_zap_set(c->zap, entries, count);
    return 0;
}

static int on_signal(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct lk_coordinator  *c = arg;
    struct signalfd_siginfo info;

    (void)loop;
    (void)item;
    if (read(c->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    c->stop = true;
    return -1;
}

static int on_agents(zloop_t *loop, zsock_t *sock, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)sock;
    lk_door_read(c->agents);
    return c->stop ? -1 : 0;
}

static int on_clients(zloop_t *loop, zsock_t *sock, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)sock;
    lk_door_read(c->clients);
    return c->stop ? -1 : 0;
}

static int on_operations(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)item;
    lk_operations_collect(c->operations);
    return c->stop ? -1 : 0;
}

static int on_disk(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)item;
    lk_workers_collect(c->disk);
    return c->stop ? -1 : 0;
}

static int on_journal(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)item;
    lk_pump_collect(c->pump);
    return c->stop ? -1 : 0;
}

static int on_sweep(zloop_t *loop, int timer, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)timer;
    lk_door_sweep(c->agents);
    lk_door_sweep(c->clients);
    lk_clients_flush(c);
    return 0;
}

static void poll_fd(struct lk_coordinator *c, int fd, zloop_fn *handler)
{
    zmq_pollitem_t item = { .fd = fd, .events = ZMQ_POLLIN };

    zloop_poller(c->loop, &item, handler, c);
    zloop_poller_set_tolerant(c->loop, &item);
}

static int open_loop(struct lk_coordinator *c, struct lk_err *err)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    c->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (c->signals < 0)
        return lk_err_sys(err, "preparing to receive signals");
    c->loop = zloop_new();
    zloop_set_nonstop(c->loop, true);
    poll_fd(c, c->signals, on_signal);
    poll_fd(c, lk_operations_fd(c->operations), on_operations);
    poll_fd(c, lk_workers_fd(c->disk), on_disk);
    poll_fd(c, lk_pump_fd(c->pump), on_journal);
    zloop_reader(c->loop, lk_door_sock(c->agents), on_agents, c);
    zloop_reader(c->loop, lk_door_sock(c->clients), on_clients, c);
    zloop_timer(c->loop, SWEEP_MS, 0, on_sweep, c);
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
        .trusted_keys = (const uint8_t(*)[LK_PUBLIC_KEY_BYTES])c->trusted,
        .trusted_key_count = c->trusted_count,
        .done = on_operation,
        .ctx = c,
    };

    c->operations = lk_operations_start(&options);
    c->disk = lk_workers_start(1, "disk");
}

int lk_coordinator_open(struct lk_coordinator **out, const struct lk_coordinator_config *config,
                        struct lk_err *err)
{
    LK_CLEANUP(lk_coordinator_close) struct lk_coordinator *c = lk_xcalloc(1, sizeof(*c));

    c->config = config;
    c->signals = -1;
    c->timer_id = -1;
    if (open_keys(c, err) < 0 || open_state(c, err) < 0)
        return -1;
    start_operations(c);
    if (open_zap(c, err) < 0 || lk_agents_open(c, err) < 0 || lk_clients_open(c, err) < 0 ||
        open_loop(c, err) < 0 || write_endpoints(c, err) < 0)
        return -1;
    *out = LK_TAKE(c);
    return 0;
}

int lk_coordinator_run(struct lk_coordinator *c, struct lk_err *err)
{
    struct lk_event event = { .type = LK_EVENT_START };

    event.start.epoch = lk_journal_epoch(c->journal);
    lk_coordinator_step(c, &event);
    lk_log_info("lkcoordd ready", "endpoint=%s endpoint=%s count=%llu",
                lk_door_endpoint(c->agents), lk_door_endpoint(c->clients),
                (unsigned long long)c->replayed);
    /* zloop of czmq 4.2.1 also returns when a system call was interrupted: only `stop` ends us. */
    while (!c->stop)
        zloop_start(c->loop);
    if (!c->broken)
        return 0;
    *err = c->broken_by;
    return -1;
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
    lk_pump_stop(&c->pump);
    lk_journal_close(&c->journal);
    lk_core_free(&c->core);
    lk_logbook_close(&c->logs);
    for (size_t i = 0; i < c->domain_count; i++)
        lk_store_close(&c->domains[i].store);
    lk_signer_close(&c->signer);
    lk_curve_free(&c->key);
    lk_close_fd(&c->signals);
    free(c);
}
