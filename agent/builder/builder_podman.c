#include "agent/builder/builder.h"

static void compose_environment(struct lk_build_plan         *plan,
                                const struct lk_agent_config *config)
{
    lk_argv_printf(&plan->environment, "BUILDAH_RUNTIME=%s", config->runtime);
}

static struct lk_argv *step(struct lk_build_plan *plan, const struct lk_build_request *request,
                            enum lk_build_step_kind kind)
{
    const struct lk_agent_config *config = request->config;
    struct lk_argv               *argv = lk_build_plan_step(plan, kind, request);

    lk_argv_add_all(argv, config->builder_command, "--root", config->storage_root, "--runroot",
                    config->storage_runroot, "--storage-driver", config->storage_driver,
                    "--runtime", config->runtime, NULL);
    return argv;
}

static void compose(struct lk_build_plan *plan, const struct lk_build_request *request)
{
    LK_CLEANUP(lk_free_pointer)
    char           *passing = lk_xasprintf("localhost/lkcoord/%s:latest", request->name);
    struct lk_argv *argv = step(plan, request, LK_STEP_BUILD);

    lk_argv_add_all(argv, "build", "--isolation=oci",
                    request->spec->network ? "--network=host" : "--network=none",
                    "--identity-label=false", "--force-rm", "--layers", NULL);
    if (!request->spec->network)
        lk_argv_add(argv, "--http-proxy=false");
    lk_build_add_options(argv, request);
    lk_build_add_kept_bases(argv, request);
    /* Where nothing can be pulled, buildah with --pull takes what is in the store; podman does not. */
    if (request->keep_count > 0 && request->spec->after_count > 0)
        lk_argv_add(argv, "--pull=false");
    lk_argv_add(argv, "--format=oci");
    const char *built = lk_build_add_tags(argv, request, passing);
    lk_argv_add(argv, request->context);

    argv = step(plan, request, LK_STEP_BUILD);
    lk_argv_add_all(argv, "push", "--format=oci", built, NULL);
    lk_argv_printf(argv, "oci:%s:image", request->layout);

    if (request->keep_count > 0)
        return;
    argv = step(plan, request, LK_STEP_TIDY);
    lk_argv_add_all(argv, "image", "rm", "--force", passing, NULL);
}

const struct lk_builder lk_builder_podman = {
    .name = "podman",
    .jailed = true,
    .compose = compose,
    .compose_environment = compose_environment,
};
