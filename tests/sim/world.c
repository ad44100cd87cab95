/* Time, and what is due when. */
#include "tests/sim/sim.h"

#include "tests/sim/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 4000000

static bool is_earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

void sim_at(struct sim *sim, int64_t at_ms, enum sim_event_type type, uint32_t life,
            uint32_t who, uint32_t what)
{
    struct sim_event event = {
        at_ms < sim->now_ms ? sim->now_ms : at_ms, ++sim->numbers, type, life, who, what
    };

    if (sim->heap_count == sim->heap_max) {
        sim->heap_max = sim->heap_max ? 2 * sim->heap_max : 256;
        sim->heap = lk_xrealloc(sim->heap, sim->heap_max * sizeof(*sim->heap));
    }
    size_t i = sim->heap_count++;
    while (i > 0 && is_earlier(&event, &sim->heap[(i - 1) / 2])) {
        sim->heap[i] = sim->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    sim->heap[i] = event;
}

static struct sim_event next_event(struct sim *sim)
{
    struct sim_event first = sim->heap[0];
    struct sim_event last = sim->heap[--sim->heap_count];
    size_t           i = 0;

    for (size_t child; (child = 2 * i + 1) < sim->heap_count; i = child) {
        if (child + 1 < sim->heap_count && is_earlier(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!is_earlier(&sim->heap[child], &last))
            break;
        sim->heap[i] = sim->heap[child];
    }
    sim->heap[i] = last;
    return first;
}

void sim_break(struct sim *sim, int number, const char *format, ...)
{
    va_list args;

    if (sim->broken)
        return;
    sim->broken = number;
    va_start(args, format);
    vsnprintf(sim->broken_text, sizeof(sim->broken_text), format, args);
    va_end(args);
    SIM_SAY(sim, "BROKEN %d: %s", number, sim->broken_text);
}

void sim_say(const struct sim *sim, const char *format, ...)
{
    va_list args;

    fprintf(sim->trace, "%4lld.%03lld  ", (long long)sim->now_ms / 1000,
            (long long)sim->now_ms % 1000);
    va_start(args, format);
    vfprintf(sim->trace, format, args);
    va_end(args);
    putc('\n', sim->trace);
}

void sim_mix(struct sim *sim, uint64_t value)
{
    for (unsigned shift = 0; shift < 64; shift += 8)
        sim->digest = (sim->digest ^ (uint8_t)(value >> shift)) * 0x100000001b3;
}

static void happen(struct sim *sim, const struct sim_event *event)
{
    switch (event->type) {
    case SIM_AT_PLAN: sim_do_fault(sim, event->what); return;
    case SIM_AT_HEALED: sim_heal(sim); return;
    case SIM_AT_RESUME: sim_person_resumes(sim, event->who); return;
    case SIM_AT_CLIENT:
    case SIM_AT_SOURCE: sim_client_happens(sim, event); return;
    case SIM_AT_COORDINATOR:
    case SIM_AT_START:
    case SIM_AT_TIMER:
    case SIM_AT_SYNCED:
    case SIM_AT_OPERATION: sim_coordinator_happens(sim, event); return;
    case SIM_AT_AGENT:
    case SIM_AT_AGENT_START:
    case SIM_AT_AGENT_WAKE:
    case SIM_AT_AGENT_TASK:
    case SIM_AT_LINE_LOST: sim_agent_happens(sim, event); return;
    }
}

struct sim *sim_new(const struct sim_plan *plan, FILE *trace)
{
    struct sim *sim = lk_xcalloc(1, sizeof(*sim));

    sim->seed = plan->seed;
    sim->plan = plan;
    sim->trace = trace;
    sim->digest = 0xcbf29ce484222325;
    sim->net = dice_of(plan->seed, 2);
    sim->registry.dice = dice_of(plan->seed, 3);
    sim->registry.count = 1;
    sim->check = check_new();
    sim_coordinator_new(sim);
    for (uint32_t i = 0; i < plan->agent_count; i++)
        sim_agent_new(sim, i);
    for (uint32_t i = 0; i < plan->submit_count; i++)
        sim_client_begins(sim, i);
    for (uint32_t i = 0; i < plan->fault_count; i++)
        if (!plan->faults[i].is_off && !plan->faults[i].fact)
            sim_at(sim, plan->faults[i].at_ms, SIM_AT_PLAN, 0, 0, i);
    sim_at(sim, plan->end_ms, SIM_AT_HEALED, 0, 0, 0);
    return sim;
}

void sim_free(struct sim **sim)
{
    struct sim *s = *sim;

    if (!s)
        return;
    for (uint32_t i = 0; i < s->plan->agent_count; i++)
        sim_agent_free(s, i);
    sim_coordinator_free(s);
    check_free(&s->check);
    free(s->heap);
    free(s->messages);
    free(s->free_messages);
    free(s->book);
    free(s);
    *sim = NULL;
}

static bool has_ended(struct sim *sim)
{
    for (size_t i = 0; i < sim->plan->submit_count; i++)
        if (!sim->clients[i].done)
            return false;
    for (uint32_t i = 0; i < sim->plan->agent_count; i++)
        if (!sim_agent_is_idle(sim, i))
            return false;
    return sim_coordinator_is_at_rest(sim);
}

bool sim_run(struct sim *sim)
{
    while (!sim->broken && sim->heap_count > 0) {
        struct sim_event event = next_event(sim);
        sim->now_ms = event.at_ms;
        sim->steps++;
        happen(sim, &event);
        if (sim->healed && has_ended(sim))
            break;
        if (sim->now_ms > sim->plan->end_ms + SIM_HEALED_MS || sim->steps > EVENTS_MAX) {
            if (sim->trace)
                sim_coordinator_dump(sim);
            sim_break(sim, CHECK_LIVENESS, "a push or an agent's work does not end");
        }
    }
    if (!sim->broken)
        sim_coordinator_check_rest(sim);
    return !sim->broken;
}
