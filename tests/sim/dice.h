/*
 * dice - numbers that look random and are the same everywhere: SplitMix64.  Each part of the world has dice of its
 * own, so that a fault taken away from one does not change the luck of the others.
 */
#ifndef LK_TESTS_SIM_DICE_H
#define LK_TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t x = dice->state += 0x9e3779b97f4a7c15U;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

static inline struct dice dice_of(uint64_t seed, uint64_t stream)
{
    struct dice dice = { seed * 0x2545f4914f6cdd1dU + stream };

    dice_next(&dice);
    return dice;
}

/* 0 .. sides - 1 */
static inline uint32_t roll(struct dice *dice, uint32_t sides)
{
    return (uint32_t)((dice_next(dice) >> 32) * sides >> 32);
}

static inline bool one_in(struct dice *dice, uint32_t sides)
{
    return roll(dice, sides) == 0;
}

static inline int64_t between(struct dice *dice, int64_t least, int64_t most)
{
    return least + (int64_t)roll(dice, (uint32_t)(most - least + 1));
}

/* Mostly short, now and then very long. */
static inline int64_t skewed(struct dice *dice, int64_t least, int64_t most)
{
    int64_t span = (most - least) >> roll(dice, 6);

    return least + (int64_t)roll(dice, (uint32_t)span + 1);
}

#endif
