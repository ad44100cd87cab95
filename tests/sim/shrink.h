/* shrink - a failing plan without what makes no difference to its failure. */
#ifndef LK_TESTS_SIM_SHRINK_H
#define LK_TESTS_SIM_SHRINK_H

#include "tests/sim/sim.h"

/* The promise that it breaks, before and after; 0: none, and nothing was changed. */
int sim_shrink(struct sim_plan *plan);

#endif
