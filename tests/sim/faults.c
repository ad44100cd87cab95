/* What the plan says goes wrong, and when. */
#include "tests/sim/sim.h"

#include "tests/sim/words.h"

#include <string.h>

void sim_feel(struct sim *sim, enum sim_fault_kind kind, uint32_t agent)
{
    if (sim->in_force[kind][agent])
        sim->felt[sim->in_force[kind][agent] - 1] = true;
}

void sim_count(struct sim *sim, const struct sim_fault *fault)
{
    char text[200];

    sim->injected[fault->kind]++;
    if (!sim->trace)
        return;
    sim_plan_fault_text(sim->plan, fault, text, sizeof(text));
    sim_say(sim, "FAULT %s", text);
}

bool sim_strikes(struct sim *sim, enum sim_fault_kind kind, uint32_t agent,
                 const struct sim_fault **fault)
{
    uint8_t armed = sim->armed[kind][agent];

    if (!armed)
        return false;
    sim->armed[kind][agent] = 0;
    *fault = &sim->plan->faults[armed - 1];
    sim->felt[armed - 1] = true;
    sim_count(sim, *fault);
    return true;
}

static bool is_for_all(enum sim_fault_kind kind)
{
    return kind >= SIM_REGISTRY_REFUSES && kind < SIM_FIRST_TIMED;
}

static bool is_of_agent(enum sim_fault_kind kind)
{
    return strstr(sim_fault_sentence(kind), "%a") != NULL;
}

static bool cancel(struct sim *sim, const struct sim_fault *fault)
{
    uint64_t push = sim->clients[fault->luck % sim->plan->submit_count].push;

    return push && sim_coordinator_cancel(sim, push);
}

/* True: it makes a difference as it happens, which for some is seen only later (sim_feel). */
static bool is_felt_at_once(const struct sim *sim, const struct sim_fault *fault)
{
    switch ((int)fault->kind) {
    case SIM_LINE_IS_CUT: return sim_agent_connection(sim, fault->agent) != 0;
    case SIM_AGENT_IS_KILLED:
    case SIM_AGENT_IS_WIPED:
    case SIM_AGENT_LEAVES: return sim_agent_runs(sim, fault->agent);
    case SIM_COORDINATOR_IS_KILLED:
    case SIM_COORDINATOR_REBOOTS:
    case SIM_BACKUP_IS_RESTORED:
    case SIM_JOURNAL_IS_COPIED_BACK: return sim_coordinator_runs(sim);
    case SIM_LINE_STALLS:
    case SIM_LINE_IS_A_HOLE:
    case SIM_AGENT_IS_PAUSED:
    case SIM_AGENT_FAILS_FAST:
    case SIM_COORDINATOR_IS_PAUSED:
    case SIM_DISK_IS_SLOW:
    case SIM_REGISTRY_IS_DOWN:
    case SIM_SIGNER_IS_DOWN: return false;
    case SIM_CHILD_IS_DELETED:
    case SIM_PERSON_CANCELS:
    case SIM_PART_IS_DELETED:
    case SIM_INDEX_IS_DELETED:
    case SIM_OUTSIDER_TAKES_PART:
    case SIM_OUTSIDER_DELETES_TAG:
    case SIM_OLD_BACKUP_IS_RESTORED: return false; /* these find something, or not */
    default: return true;
    }
}

static void do_to_coordinator(struct sim *sim, const struct sim_fault *fault)
{
    int64_t until_ms = sim->now_ms + fault->for_ms;

    if (fault->kind == SIM_COORDINATOR_IS_KILLED)
        sim_coordinator_kill(sim, fault->for_ms, fault->luck);
    else if (fault->kind == SIM_COORDINATOR_IS_PAUSED)
        sim_coordinator_pause(sim, fault->for_ms);
    else if (fault->kind == SIM_COORDINATOR_CLOCK_JUMPS)
        sim_coordinator_jump(sim, fault->for_ms, false);
    else if (fault->kind == SIM_COORDINATOR_REBOOTS) {
        sim_coordinator_kill(sim, fault->for_ms, fault->luck);
        sim_coordinator_jump(sim, 0, true);
    } else if (fault->kind == SIM_BACKUP_IS_RESTORED)
        sim_coordinator_restore(sim, fault->for_ms, fault->luck, true);
    else if (fault->kind == SIM_JOURNAL_IS_COPIED_BACK)
        sim_coordinator_restore(sim, fault->for_ms, fault->luck, false);
    else if (fault->kind == SIM_DISK_IS_SLOW)
        sim_coordinator_slow_disk(sim, until_ms);
    else if (fault->kind == SIM_REGISTRY_IS_DOWN)
        sim->registry.down_until_ms = until_ms;
    else if (fault->kind == SIM_SIGNER_IS_DOWN)
        sim->registry.signer_down_until_ms = until_ms;
    else if (fault->kind == SIM_OUTSIDER_MOVES_TAG)
        sim_outsider_moves(sim, sim_luck_name(fault->luck));
    else if (fault->kind == SIM_OUTSIDER_MOVES_ARCH_TAG)
        sim_outsider_moves_arch_tag(sim, sim_luck_name(fault->luck),
                                    sim_luck_arch(fault->luck));
}

/* What may find nothing to be done; true: it did. */
static bool look_for_something(struct sim *sim, const struct sim_fault *fault)
{
    if (fault->kind == SIM_CHILD_IS_DELETED)
        return sim_outsider_deletes(sim, fault->luck);
    if (fault->kind == SIM_PERSON_CANCELS)
        return cancel(sim, fault);
    if (fault->kind == SIM_OLD_BACKUP_IS_RESTORED)
        return sim_coordinator_restore_old(sim, fault->for_ms, 1000 * (int64_t)fault->luck);
    return fault->kind >= SIM_PART_IS_DELETED && fault->kind <= SIM_OUTSIDER_DELETES_TAG &&
           sim_outsider_does(sim, fault->kind, sim_luck_name(fault->luck),
                             sim_luck_arch(fault->luck));
}

static void do_to_agent(struct sim *sim, const struct sim_fault *fault)
{
    uint32_t agent = fault->agent;

    if (fault->kind == SIM_LINE_STALLS) {
        sim->line_until_ms[0][agent] = sim->line_until_ms[1][agent] =
            sim->now_ms + fault->for_ms;
    } else if (fault->kind == SIM_LINE_IS_CUT)
        sim_cut(sim, agent);
    else if (fault->kind == SIM_LINE_IS_A_HOLE)
        sim->hole_until_ms[agent] = sim->now_ms + fault->for_ms;
    else if (fault->kind == SIM_AGENT_IS_KILLED)
        sim_agent_kill(sim, agent, fault->for_ms, false);
    else if (fault->kind == SIM_AGENT_IS_WIPED)
        sim_agent_kill(sim, agent, fault->for_ms, true);
    else if (fault->kind == SIM_AGENT_LEAVES)
        sim_agent_leave(sim, agent, fault->for_ms);
    else if (fault->kind == SIM_AGENT_IS_PAUSED)
        sim_agent_pause(sim, agent, fault->for_ms);
    else if (fault->kind == SIM_AGENT_CLOCK_JUMPS)
        sim_agent_jump(sim, agent, fault->for_ms);
    else if (fault->kind == SIM_AGENT_FAILS_FAST)
        sim_agent_fails_fast(sim, agent, sim->now_ms + fault->for_ms);
    else if (fault->kind == SIM_PERSON_DRAINS) {
        sim_coordinator_drain(sim, agent, true);
        sim_at(sim, sim->now_ms + fault->for_ms, SIM_AT_RESUME, 0, agent, 0);
    }
}

void sim_do_fault(struct sim *sim, uint32_t number)
{
    const struct sim_fault *fault = &sim->plan->faults[number];

    if (fault->kind < SIM_FIRST_TIMED) {
        sim->armed[fault->kind][is_for_all(fault->kind) ? 0 : fault->agent] =
            (uint8_t)(number + 1);
        return;
    }
    sim_count(sim, fault);
    sim->in_force[fault->kind][is_of_agent(fault->kind) ? fault->agent : 0] =
        (uint8_t)(number + 1);
    sim->felt[number] = is_felt_at_once(sim, fault);
    do_to_agent(sim, fault);
    do_to_coordinator(sim, fault);
    sim->felt[number] |= look_for_something(sim, fault);
}

/* What waits for its chance does so no longer; what lasts ends.  Who is away comes back by itself. */
void sim_heal(struct sim *sim)
{
    memset(sim->armed, 0, sizeof(sim->armed));
    memset(sim->hole_until_ms, 0, sizeof(sim->hole_until_ms));
    sim->registry.down_until_ms = 0;
    sim->registry.signer_down_until_ms = 0;
    sim_coordinator_slow_disk(sim, 0);
    sim->healed = true;
    SIM_SAY(sim, "nothing goes wrong any more");
}
