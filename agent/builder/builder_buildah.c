#include "agent/builder/builder.h"

static void compose_environment(struct lk_build_plan         *plan,
                                const struct lk_agent_config *config)
{
    /* The default, crun, fails on hosts with cgroups in hybrid mode. */
    lk_argv_printf(&plan->environment, "BUILDAH_RUNTIME=%s", config->runtime);
}

static void add_storage(struct lk_argv *argv, const struct lk_agent_config *config)
{
    lk_argv_add_all(argv, config->builder_command, "--root", config->storage_root, "--runroot",
                    config->storage_runroot, "--storage-driver", config->storage_driver, NULL);
}

static void compose_salvage(struct lk_argv *argv, const struct lk_agent_config *config)
{
    add_storage(argv, config);
    lk_argv_add_all(argv, "rm", "--all", NULL);
}

/*
 * In docker's format, for what is there in OCI's is taken for a step's result by later builds, and buildah 1.28
 * fails when the last step of what it shall write into a layout is cached ("locating new copy of image").
 */
static void keep(struct lk_build_plan *plan, const struct lk_build_request *request)
{
    const struct lk_agent_config *config = request->config;
    struct lk_argv               *argv = lk_build_plan_step(plan, LK_STEP_BUILD, request);

    lk_argv_add_all(argv, "skopeo", "--insecure-policy", "copy", "--format=v2s2", NULL);
    lk_argv_printf(argv, "oci:%s:image", request->layout);
    lk_argv_printf(argv, "containers-storage:[%s@%s+%s]%s", config->storage_driver,
                   config->storage_root, config->storage_runroot, request->keep[0]);
    for (size_t i = 1; i < request->keep_count; i++) {
        argv = lk_build_plan_step(plan, LK_STEP_BUILD, request);
        add_storage(argv, config);
        lk_argv_add_all(argv, "tag", request->keep[0], request->keep[i], NULL);
    }
}

static void compose(struct lk_build_plan *plan, const struct lk_build_request *request)
{
    const struct lk_agent_config *config = request->config;
    struct lk_argv               *argv = lk_build_plan_step(plan, LK_STEP_BUILD, request);

    add_storage(argv, config);
    lk_argv_add(argv, "bud");
    /* With chroot isolation buildah refuses any word about the network: RUN steps share the host's. */
    if (config->chroot_unsafe)
        lk_argv_add(argv, "--isolation=chroot");
    else
        lk_argv_add_all(argv, "--isolation=oci",
                        request->spec->network ? "--network=host" : "--network=none", NULL);
    if (!request->spec->network)
        lk_argv_add(argv, "--http-proxy=false");
    /* No io.buildah.version in the image: the labels are those of the package. */
    lk_argv_add(argv, "--identity-label=false");
    /* Else the container of a failed step stays, mounted. */
    lk_argv_add(argv, "--force-rm");
    if (!request->spec->no_cache)
        lk_argv_add(argv, "--layers");
    lk_build_add_options(argv, request);
    lk_build_add_kept_bases(argv, request);
    lk_argv_add(argv, "--format=oci");
    lk_argv_printf(argv, "--tag=oci:%s:image", request->layout);
    lk_argv_add(argv, request->context);
    if (request->keep_count > 0)
        keep(plan, request);
}

const struct lk_builder lk_builder_buildah = {
    .name = "buildah",
    .jailed = true,
    .compose = compose,
    .compose_environment = compose_environment,
    .compose_salvage = compose_salvage,
};
