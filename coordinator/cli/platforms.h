/* platforms - --platforms and --skip-platforms: which of a package's architectures are meant.  Pure. */
#ifndef LK_CLI_PLATFORMS_H
#define LK_CLI_PLATFORMS_H

#include "common/base/arch.h"
#include "common/base/err.h"

#define LK_PLATFORMS_MAX 32

struct lk_platforms {
    bool           only; /* the list says what to take; else what to leave out */
    size_t         count;
    struct lk_arch arches[LK_PLATFORMS_MAX];
};

/* "amd64,linux/arm64"; either list may be NULL, both at once are refused. */
int lk_platforms_parse(struct lk_platforms *out, const char *only, const char *skip,
                       struct lk_err *err);

/* Moves the architectures that remain to the front, in their order; how many they are. */
size_t lk_platforms_filter(const struct lk_platforms *platforms, struct lk_arch *arches,
                           size_t count);

#endif
