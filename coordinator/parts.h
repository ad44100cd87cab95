/*
 * parts - what the files of the composition root share: coordinator.c (loop, pump), agents.c and clients.c
 * (what comes in at the two doors, and what goes out there).
 */
#ifndef LK_PARTS_H
#define LK_PARTS_H

#include "common/net/zap.h"
#include "common/os/workers.h"
#include "common/source/store.h"
#include "coordinator/coordinator.h"
#include "coordinator/core/core.h"
#include "coordinator/door/door.h"
#include "coordinator/logs/logbook.h"
#include "coordinator/registry/operations.h"
#include "coordinator/store/pump.h"
#include "coordinator/store/store.h"

#define LK_TRUSTED_MAX 9

struct lk_domain {
    char             client[LK_NAME_SIZE];
    struct lk_store *store;
};

struct lk_coordinator {
    const struct lk_coordinator_config *config;
    zloop_t                            *loop;
    int                                 signals;
    int                                 timer_id;
    bool                                stop;
    bool                                retry_armed;
    bool                                broken;
    struct lk_err                       broken_by;
    struct lk_core                     *core;
    struct lk_journal                  *journal;
    struct lk_pump                     *pump;
    uint64_t                            replayed; /* facts that the journal held at the start */
    struct lk_zap                      *zap;
    struct lk_curve_pair               *key;
    struct lk_door                     *agents;
    struct lk_door                     *clients;
    struct lk_signer                   *signer;
    uint8_t                             trusted[LK_TRUSTED_MAX][LK_PUBLIC_KEY_BYTES];
    size_t                              trusted_count;
    struct lk_operations               *operations;
    struct lk_workers                  *disk; /* syncs sources */
    struct lk_logbook                  *logs;
    size_t                              domain_count;
    struct lk_domain                    domains[LK_PEERS_MAX]; /* sources, apart per client */
};

/* coordinator.c */
void             lk_coordinator_step(struct lk_coordinator *c, struct lk_event *event);
struct lk_store *lk_coordinator_domain(struct lk_coordinator *c, const char *client,
                                       struct lk_err *err);
void             lk_coordinator_retry_soon(struct lk_coordinator *c, int ms);

/* agents.c */
int  lk_agents_open(struct lk_coordinator *c, struct lk_err *err);
void lk_agents_carry_out(struct lk_coordinator *c, const struct lk_effect *effect);
void lk_agents_ticket(struct lk_coordinator *c, const struct lk_effect *effect,
                      const struct lk_operation_result *result);
void lk_agents_flush(struct lk_coordinator *c);

/* clients.c */
int  lk_clients_open(struct lk_coordinator *c, struct lk_err *err);
void lk_clients_carry_out(struct lk_coordinator *c, const struct lk_effect *effect);
void lk_clients_flush(struct lk_coordinator *c);

/* picture.c: the wire's view of the model. */
void lk_picture_of_push(const struct lk_push *push, lk_wire_Envelope *out);
void lk_picture_of_package(const struct lk_package *package, lk_wire_Envelope *out);
void lk_picture_of_job(const struct lk_package *package, const struct lk_job *job,
                       int64_t now_ms, lk_wire_Envelope *out);
void lk_picture_of_agent(const struct lk_core *core, const struct lk_agent *agent,
                         int64_t now_ms, lk_wire_Envelope *out);

#endif
