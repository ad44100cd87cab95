#include "common/os/clock.h"

#include "common/base/base.h"

#include <time.h>

static int64_t now_ms(clockid_t clock)
{
    struct timespec now;

    lk_assert(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t lk_clock_boot_ms(void)
{
    return now_ms(CLOCK_BOOTTIME);
}

int64_t lk_clock_wall_ms(void)
{
    return now_ms(CLOCK_REALTIME);
}
