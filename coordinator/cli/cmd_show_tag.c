#include "common/pkg/package.h"
#include "coordinator/cli/commands.h"

#include <stdio.h>
#include <stdlib.h>

struct values {
    const char *org;
    const char *hash;
};

static const struct lk_option options[] = {
    { "org", LK_OPTION_TEXT, offsetof(struct values, org), "ORG",
      "in place of build.yml's org and of LINUXKIT_PKG_ORG" },
    { "hash", LK_OPTION_TEXT, offsetof(struct values, hash), "HASH",
      "in place of the git tree's id" },
    { 0 },
};

static int add_tag(const char *path, const struct values *values, struct lk_buf *out,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    const struct lk_package_options how = { .org = values->org, .hash = values->hash };

    if (lk_package_open(&package, path, &how, err) < 0)
        return -1;
    if (package.dirty)
        return lk_err_set(err, LK_ERR_INVALID,
                          "uncommitted changes in %s (for example %s); commit them first", path,
                          package.dirty_example);
    if (!lk_buf_printf(out, "%s/%s:%s\n", package.org, package.image, package.tag))
        return lk_err_set(err, LK_ERR_LIMIT, "more tags than fit into one answer");
    return 0;
}

static int run(const struct lk_call *call)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf              tags = LK_BUF_INIT(16 * 1024 * 1024);
    LK_CLEANUP(lk_git_group_free) struct lk_git_group *group = NULL;
    struct lk_err                                      err;

    lk_git_init();
    group = lk_package_group(call->arguments, call->count);
    for (size_t i = 0; i < call->count; i++)
        if (add_tag(call->arguments[i], call->values, &tags, &err) < 0)
            return lk_exit_of(&err);
    fputs(lk_buf_text(&tags), stdout);
    return LK_EXIT_OK;
}

const struct lk_command lk_cmd_show_tag = {
    .name = "show-tag",
    .arguments = "PATH...",
    .summary = "Prints ORG/IMAGE:TAG of each package, from git alone; asks nobody.",
    .details = "Prints nothing if one of the packages has no tag.",
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};
