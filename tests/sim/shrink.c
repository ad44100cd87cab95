#include "tests/sim/shrink.h"

#include "tests/sim/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a process of its own, because a core may end it. */
static int broken_by(const struct sim_plan *plan)
{
    int   status;
    pid_t process = fork();

    lk_assert(process >= 0);
    if (process == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(0);
        struct sim *sim = sim_new(plan, NULL);
        sim_run(sim);
        _exit(sim->broken);
    }
    while (waitpid(process, &status, 0) < 0)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : CHECK_ALIVE;
}

static bool without_fault(struct sim_plan *plan, size_t number, int broken)
{
    if (plan->faults[number].is_off)
        return false;
    plan->faults[number].is_off = true;
    if (broken_by(plan) == broken)
        return true;
    plan->faults[number].is_off = false;
    return false;
}

static bool without_submit(struct sim_plan *plan, size_t number, int broken)
{
    struct sim_plan less = *plan;

    memmove(&less.submits[number], &less.submits[number + 1],
            (less.submit_count - number - 1) * sizeof(less.submits[0]));
    less.submit_count--;
    if (less.submit_count == 0 || broken_by(&less) != broken)
        return false;
    *plan = less;
    return true;
}

int sim_shrink(struct sim_plan *plan)
{
    int  broken = broken_by(plan);
    bool smaller = broken != 0;

    while (smaller) {
        smaller = false;
        for (size_t i = 0; i < plan->fault_count; i++)
            smaller |= without_fault(plan, i, broken);
        for (size_t i = plan->submit_count; i-- > 0;)
            smaller |= without_submit(plan, i, broken);
    }
    return broken;
}
