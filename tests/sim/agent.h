/* agent - what the files of a simulated agent share: core, disk, tasks. */
#ifndef LK_TESTS_SIM_AGENT_H
#define LK_TESTS_SIM_AGENT_H

#include "agent/core/core.h"
#include "tests/sim/sim.h"

#define TASKS_MAX 32
#define BUILT_MAX 32
#define LIVES_MAX 3

struct order {
    struct lk_arch  arch;
    struct sim_name name;
    struct lk_oid   spec;
    bool            in_turn;
    bool            build_only;
};

/* What an agent's disk has of something built, as agent/built.h. */
struct built {
    uint32_t     image; /* 0: none */
    uint64_t     job;
    uint32_t     attempt;
    uint32_t     lives;
    struct order order;
    bool         is_damaged;
};

struct task {
    uint64_t                  id; /* 0: free */
    uint64_t                  job;
    uint32_t                  attempt;
    struct order              order;
    uint32_t                  image;
    enum lk_agent_effect_kind runs; /* OPEN_LINE: nothing */
    uint32_t round;                 /* what was begun before the last change counts no longer */
};

struct sim_agent {
    struct lk_agent_core   *core; /* NULL: not running */
    struct lk_agent_effects effects;
    uint8_t                 number;
    uint8_t                 slots;
    struct lk_arch          arch;
    uint32_t                life;
    struct dice             dice;
    int64_t                 clock_ms;
    int64_t                 paused_until_ms;
    int64_t                 timer_ms;
    int64_t                 fails_until_ms;
    int64_t                 leaves_ms;
    bool                    exits;
    bool                    tells_inventory;
    uint64_t                connection; /* 0: none */
    struct order            order;      /* that is being obeyed */
    struct task             tasks[TASKS_MAX];
    struct {
        uint64_t     epoch;
        uint8_t      cluster[LK_CLUSTER_MAX];
        size_t       cluster_len;
        struct built built[BUILT_MAX];
    } disk;
};

/* agent.c */
void agent_step(struct sim *sim, struct sim_agent *agent, struct lk_agent_event *event);

/* talk.c */
void agent_send(struct sim *sim, struct sim_agent *agent, struct sim_message *message);
void agent_report(struct sim *sim, struct sim_agent *agent, const struct lk_report *report);
void agent_open_line(struct sim *sim, struct sim_agent *agent);
void agent_ping(struct sim *sim, struct sim_agent *agent);

/* task.c */
void task_carry_out(struct sim *sim, struct sim_agent *agent,
                    const struct lk_agent_effect *effect);
void task_goes_on(struct sim *sim, struct sim_agent *agent, uint32_t what);

#endif
