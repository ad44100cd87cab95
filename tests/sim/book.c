#include "tests/sim/book.h"

#include "tests/sim/coordinator.h"

#include <stdlib.h>
#include <string.h>

static uint8_t arch_of(const struct lk_job *job)
{
    for (uint8_t i = 0; job && i < SIM_ARCHES; i++)
        if (strcmp(sim_arch_names[i], job->arch.name) == 0)
            return (uint8_t)(i + 1);
    return 0;
}

bool sim_entry_fits(const struct sim_entry *entry, const struct sim_filter *filter)
{
    if (filter->has_name &&
        (!entry->has_name || entry->name.repository != filter->name.repository ||
         entry->name.tag != filter->name.tag))
        return false;
    return (!filter->arch || filter->arch == entry->arch) &&
           (!filter->agent || filter->agent == entry->agent);
}

/* How many like the one at that place there are up to it. */
static uint32_t count_until(const struct sim *sim, const struct sim_fault *fault, size_t place)
{
    uint32_t count = 0;

    for (size_t i = 0; i <= place; i++)
        count += sim->book[i].type == fault->fact && sim_entry_fits(&sim->book[i], &fault->of);
    return count;
}

/* What waits for this entry to be decided, or to be on disk, happens right after. */
static void announce(struct sim *sim, size_t place, bool is_on_disk)
{
    const struct sim_entry *entry = &sim->book[place];

    for (uint32_t i = 0; i < sim->plan->fault_count; i++) {
        const struct sim_fault *fault = &sim->plan->faults[i];
        if (fault->fact == entry->type && fault->is_on_disk == is_on_disk &&
            sim_entry_fits(entry, &fault->of) && count_until(sim, fault, place) == fault->nth)
            sim_at(sim, sim->now_ms, SIM_AT_PLAN, 0, 0, i);
    }
}

void book_note(struct sim *sim, const struct lk_fact *fact)
{
    const struct sim_coordinator *c = sim->coordinator;
    const struct lk_job          *job = fact->job ? lk_core_job(c->core, fact->job) : NULL;
    const struct lk_package      *package = fact->package || !fact->job
                                                ? lk_core_package(c->core, fact->package)
                                                : lk_core_package_of_job(c->core, fact->job);
    struct sim_entry              entry = {
                     .type = (uint8_t)fact->type, .arch = arch_of(job), .life = c->life, .place = c->count
    };

    if (!sim->plan->is_scenario)
        return;
    if (package) {
        entry.has_name = true;
        coordinator_name(package->repository, package->tag, &entry.name);
    }
    if (fact->type == LK_FACT_AGENT_DRAINED || fact->type == LK_FACT_AGENT_RESUMED)
        entry.agent = (uint8_t)(fact->agent[1] - '0' + 1);
    else if (job && job->agent[0])
        entry.agent = (uint8_t)(job->agent[1] - '0' + 1);
    sim->book = lk_xrealloc(sim->book, (sim->book_count + 1) * sizeof(*sim->book));
    sim->book[sim->book_count++] = entry;
    announce(sim, sim->book_count - 1, false);
}

void book_synced(struct sim *sim, size_t count)
{
    while (sim->book_synced < sim->book_count) {
        const struct sim_entry *entry = &sim->book[sim->book_synced];
        if (entry->life == sim->coordinator->life && entry->place > count)
            return;
        if (entry->life == sim->coordinator->life)
            announce(sim, sim->book_synced, true);
        sim->book_synced++;
    }
}
