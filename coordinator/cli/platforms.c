#include "coordinator/cli/platforms.h"

#include "coordinator/cli/command.h"

static int add(void *ctx, struct lk_str item, struct lk_err *err)
{
    struct lk_platforms *platforms = ctx;
    struct lk_str        name = item;

    if (lk_str_starts(item, "linux/"))
        name = (struct lk_str) { item.data + 6, item.len - 6 };
    if (platforms->count == LK_PLATFORMS_MAX)
        return lk_err_set(err, LK_ERR_INVALID, "more than %d platforms", LK_PLATFORMS_MAX);
    if (!lk_arch_parse(name, &platforms->arches[platforms->count]))
        return lk_err_set(err, LK_ERR_INVALID,
                          "\"" LK_STR_FMT "\" is no platform: write amd64 or linux/amd64",
                          LK_STR_ARG(item));
    platforms->count++;
    return 0;
}

int lk_platforms_parse(struct lk_platforms *out, const char *only, const char *skip,
                       struct lk_err *err)
{
    *out = (struct lk_platforms) { .only = only != NULL };
    if (only && skip)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--platforms and --skip-platforms exclude each other; use one");
    if (only && lk_each_item(only, add, out, err) < 0)
        return lk_err_wrap(err, "--platforms");
    if (skip && lk_each_item(skip, add, out, err) < 0)
        return lk_err_wrap(err, "--skip-platforms");
    return 0;
}

static bool is_listed(const struct lk_platforms *platforms, const struct lk_arch *arch)
{
    for (size_t i = 0; i < platforms->count; i++)
        if (lk_arch_eq(&platforms->arches[i], arch))
            return true;
    return false;
}

size_t lk_platforms_filter(const struct lk_platforms *platforms, struct lk_arch *arches,
                           size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (is_listed(platforms, &arches[i]) == platforms->only)
            arches[kept++] = arches[i];
    return kept;
}
