/* clock - the two clocks: CLOCK_BOOTTIME in milliseconds for every span, wall time only for people and facts. */
#ifndef LK_CLOCK_H
#define LK_CLOCK_H

#include <stdint.h>

int64_t lk_clock_boot_ms(void);
int64_t lk_clock_wall_ms(void);

#endif
