#include "common/pkg/tag.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/package_options.h"

#include <stdio.h>
#include <stdlib.h>

struct values {
    struct lk_package_values package;
    bool                     canonical;
    bool                     disable_content_trust;
};

static const struct lk_option options[] = {
    LK_PACKAGE_OPTIONS(struct values, package),
    { "canonical", LK_OPTION_FLAG, offsetof(struct values, canonical), NULL,
      "with docker.io/ in front where Docker would add it" },
    { "disable-content-trust", LK_OPTION_FLAG, offsetof(struct values, disable_content_trust),
      NULL, "changes no tag; taken so that a Makefile can give all commands the same options" },
    { 0 },
};

static int add_tag(const char *path, const struct lk_package_options *how, bool canonical,
                   struct lk_buf *out, struct lk_err *err)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_free_pointer) char             *name = NULL;

    if (lk_package_open(&package, path, how, err) < 0)
        return -1;
    name = lk_xasprintf("%s/%s:%s", package.org, package.image, package.tag);
    if (canonical)
        lk_tag_add_canonical(name, out);
    else
        lk_buf_add_text(out, name);
    if (!lk_buf_add_text(out, "\n"))
        return lk_err_set(err, LK_ERR_LIMIT, "more tags than fit into one answer");
    return 0;
}

static int run(const struct lk_call *call)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf              tags = LK_BUF_INIT(16 * 1024 * 1024);
    LK_CLEANUP(lk_git_group_free) struct lk_git_group *group = NULL;
    const struct values                               *values = call->values;
    struct lk_package_options                          how;
    struct lk_err                                      err;

    if (lk_package_options_of(&values->package, &how, &err) < 0)
        return lk_exit_of(&err);
    lk_git_init();
    group = lk_package_group(call->arguments, call->count);
    for (size_t i = 0; i < call->count; i++)
        if (add_tag(call->arguments[i], &how, values->canonical, &tags, &err) < 0)
            return lk_exit_of(&err);
    fputs(lk_buf_text(&tags), stdout);
    return LK_EXIT_OK;
}

const struct lk_command lk_cmd_show_tag = {
    .name = "show-tag",
    .arguments = "PATH...",
    .summary = "Prints ORG/IMAGE:TAG of each package, from git alone; asks nobody.",
    .details =
        "What is not committed shows as -dirty-... in the tag.  Prints nothing if one of the\n"
        "packages has no tag.",
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};
