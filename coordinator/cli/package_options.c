#include "coordinator/cli/package_options.h"

/* Two options for one thing: `no` says the opposite. */
static int choose(enum lk_choice yes, const char *yes_name, enum lk_choice no,
                  const char *no_name, enum lk_choice *out, struct lk_err *err)
{
    if (yes != LK_CHOICE_NONE && no != LK_CHOICE_NONE)
        return lk_err_set(err, LK_ERR_INVALID, "--%s and --%s exclude each other", yes_name,
                          no_name);
    *out = yes;
    if (no != LK_CHOICE_NONE)
        *out = no == LK_CHOICE_YES ? LK_CHOICE_NO : LK_CHOICE_YES;
    return 0;
}

int lk_package_options_of(const struct lk_package_values *values,
                          struct lk_package_options *out, struct lk_err *err)
{
    *out = (struct lk_package_options) {
        .org = values->org,
        .hash = values->hash,
        .hash_commit = values->hash_commit,
        .hash_path = values->hash_path,
        .tag = values->tag,
        .build_yml = values->build_yml,
        .dev = values->dev,
        .force_dirty = values->force_dirty,
    };
    if (choose(values->network, "network", values->no_network, "nonetwork", &out->network,
               err) < 0)
        return -1;
    return choose(values->enable_cache, "enable-cache", values->disable_cache, "disable-cache",
                  &out->cache, err);
}
