/*
 * parts - what the files of the composition root share.
 *
 *   coordinator_open.c  start and end
 *   coordinator.c       the loop: events in, effects out
 *   housekeeping.c      logs and sources that go
 *   agents.c            the agents' door: sessions, reports (agents.h: its subjects)
 *   answers.c           what the registry answered becomes events
 *   clients.c           the clients' door (clients.h: its subjects)
 *   picture.c           the wire's view of the model
 *
 * Whatever wakes the loop ends in lk_coordinator_end_turn, which sends what became sendable: nothing else
 * does, so a step that makes another step finds no half-sent list or watch.
 */
#ifndef LK_PARTS_H
#define LK_PARTS_H

#include "common/net/zap.h"
#include "common/notary/keyring.h"
#include "common/os/workers.h"
#include "common/source/store.h"
#include "coordinator/coordinator.h"
#include "coordinator/core/core.h"
#include "coordinator/door/door.h"
#include "coordinator/logs/logbook.h"
#include "coordinator/registry/operations.h"
#include "coordinator/store/pump.h"
#include "coordinator/store/store.h"

#define LK_TRUSTED_MAX \
    (LK_SIGNING_KEYS_MAX + LK_PACKAGE_ARCHES_MAX) /* our own keys, and the configuration's */
#define LK_SILENCES 15 /* pings that may stay away before a line counts as dead */

struct lk_domain {
    char             client[LK_NAME_SIZE];
    struct lk_store *store;
    bool             sweeping;
};

struct lk_coordinator {
    const struct lk_coordinator_config *config;
    struct lk_peers                     agent_peers; /* as the last SIGHUP left them */
    struct lk_peers                     client_peers;
    zloop_t                            *loop;
    int                                 signals;
    int                                 timer_id;
    int64_t                             timer_ms; /* when it fires */
    bool                                stop;
    bool                                retry_armed;
    bool                                held; /* until the journal has caught up */
    bool                                broken;
    struct lk_err                       broken_by;
    struct lk_core                     *core;
    struct lk_journal                  *journal;
    struct lk_pump                     *pump;
    uint64_t                            replayed; /* facts that the journal held at the start */
    uint64_t                            epoch_after; /* so many facts on disk: the epoch is */
    struct lk_zap                      *zap;
    struct lk_curve_pair               *key;
    struct lk_door                     *agents;
    struct lk_door                     *clients;
    struct lk_signer                   *signer;
    struct lk_notary_keyring           *notary_keys; /* NULL: no registry has content trust */
    struct lk_notary_signer             notary;
    struct lk_public_key                trusted[LK_TRUSTED_MAX];
    size_t                              trusted_count;
    struct lk_operations               *operations;
    struct lk_workers                  *disk; /* syncs sources, removes what has to go */
    struct lk_logbook                  *logs;
    size_t                              domain_count;
    struct lk_domain                    domains[LK_PEERS_MAX]; /* sources, apart per client */
};

/* coordinator.c */
void lk_coordinator_step(struct lk_coordinator *c, struct lk_event *event);
int  lk_coordinator_end_turn(struct lk_coordinator *c); /* for zloop: -1 ends the loop */
void lk_coordinator_on_effect(void *ctx, const struct lk_effect *effect);
void lk_coordinator_on_journal_failed(void *ctx, const struct lk_err *err);
int  lk_coordinator_open_loop(struct lk_coordinator *c, struct lk_err *err);

/* answers.c */
void lk_coordinator_on_operation(void *ctx, const struct lk_effect *effect,
                                 const struct lk_operation_result *result);

/* coordinator_open.c */
struct lk_store *lk_coordinator_domain(struct lk_coordinator *c, const char *client,
                                       struct lk_err *err);
void             lk_coordinator_admit(struct lk_coordinator *c, const struct lk_peers *agents,
                                      const struct lk_peers *clients);
/* housekeeping.c: all on the disk's worker. */
void lk_coordinator_forget_logs(struct lk_coordinator *c, uint64_t push);
void lk_coordinator_trim_logs(struct lk_coordinator *c); /* where newer ones need their room */
void lk_coordinator_trim_sources(struct lk_coordinator *c); /* the same */

/* agents.c, agent_orders.c */
int  lk_agents_open(struct lk_coordinator *c, struct lk_err *err);
bool lk_agents_flush(struct lk_coordinator *c); /* true: some pipe is full */
void lk_agents_carry_out(struct lk_coordinator *c, const struct lk_effect *effect);
void lk_agents_ticket(struct lk_coordinator *c, const struct lk_effect *effect,
                      const struct lk_operation_result *result);

/* clients.c */
int  lk_clients_open(struct lk_coordinator *c, struct lk_err *err);
void lk_clients_carry_out(struct lk_coordinator *c, const struct lk_effect *effect);
bool lk_clients_flush(struct lk_coordinator *c); /* true: some pipe is full */

/* picture.c */
void lk_picture_of_push(const struct lk_push *push, lk_wire_Envelope *out);
void lk_picture_of_package(const struct lk_package *package, lk_wire_Envelope *out);
void lk_picture_of_job(const struct lk_package *package, const struct lk_job *job,
                       int64_t now_ms, lk_wire_Envelope *out);
void lk_picture_of_agent(const struct lk_core *core, const struct lk_agent *agent,
                         int64_t now_ms, lk_wire_Envelope *out);

#endif
