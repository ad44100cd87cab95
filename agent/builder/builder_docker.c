#include "agent/builder/builder.h"

#include <stdlib.h>

/* The daemon does not see our environment: of a name without a value the client sends its own. */
static void add_proxies(struct lk_argv *argv)
{
    static const char *const names[] = { "http_proxy",  "HTTP_PROXY", "https_proxy",
                                         "HTTPS_PROXY", "ftp_proxy",  "FTP_PROXY",
                                         "no_proxy",    "NO_PROXY" };

    for (size_t i = 0; i < LK_COUNT(names); i++)
        if (getenv(names[i]))
            lk_argv_printf(argv, "--build-arg=%s", names[i]);
}

/*
 * Docker's daemon keeps the image under a name of ours; skopeo turns it into a layout; then it goes, unless it
 * shall stay.  It is fetched with the docker client, which knows where its daemon is (DOCKER_HOST, contexts):
 * skopeo does not.
 */
static void compose(struct lk_build_plan *plan, const struct lk_build_request *request)
{
    LK_CLEANUP(lk_free_pointer)
    char           *passing = lk_xasprintf("lkcoord/%s:latest", request->name);
    const char     *docker = request->config->builder_command;
    struct lk_argv *argv = lk_build_plan_step(plan, LK_STEP_BUILD, request);

    lk_argv_add_all(argv, docker, "build",
                    request->spec->network ? "--network=host" : "--network=none", NULL);
    if (request->spec->network)
        add_proxies(argv);
    lk_build_add_options(argv, request);
    const char *built = lk_build_add_tags(argv, request, passing);
    lk_argv_add(argv, request->context);

    argv = lk_build_plan_step(plan, LK_STEP_BUILD, request);
    lk_argv_add_all(argv, docker, "save", NULL);
    lk_argv_printf(argv, "--output=%s.tar", request->layout);
    lk_argv_add(argv, built);

    /* The host's policy is about what is pulled; this is our own file. */
    argv = lk_build_plan_step(plan, LK_STEP_BUILD, request);
    lk_argv_add_all(argv, "skopeo", "--insecure-policy", "copy", NULL);
    lk_argv_printf(argv, "docker-archive:%s.tar", request->layout);
    lk_argv_printf(argv, "oci:%s:image", request->layout);

    if (request->keep_count > 0)
        return;
    argv = lk_build_plan_step(plan, LK_STEP_TIDY, request);
    lk_argv_add_all(argv, docker, "image", "rm", "--force", passing, NULL);
}

const struct lk_builder lk_builder_docker = { .name = "docker", .compose = compose };
