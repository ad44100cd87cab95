#include "agent/builder/builder.h"

#include "agent/builder/jail.h"
#include "common/log/log.h"
#include "common/os/file.h"
#include "common/os/spawn.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct lk_builder *lk_builder_of(enum lk_builder_kind kind)
{
    switch (kind) {
    case LK_BUILDER_BUILDAH: return &lk_builder_buildah;
    case LK_BUILDER_DOCKER: return &lk_builder_docker;
    case LK_BUILDER_PODMAN: return &lk_builder_podman;
    }
    return &lk_builder_buildah;
}

struct lk_argv *lk_build_plan_step(struct lk_build_plan *plan, enum lk_build_step_kind kind,
                                   const struct lk_build_request *request)
{
    lk_assert(plan->step_count < LK_BUILD_STEPS_MAX);
    bool                  is_first = plan->step_count == 0;
    struct lk_build_step *step = &plan->steps[plan->step_count++];

    step->kind = kind;
    if (lk_builder_of(request->config->builder)->jailed)
        lk_jail_add(&step->argv, request->config, request->directory,
                    is_first ? request->secrets : NULL);
    if (is_first && request->secrets) {
        step->fds = request->secrets->fds;
        step->fd_count = request->secrets->count;
    }
    step->jail_count = step->argv.count;
    return &step->argv;
}

void lk_build_add_options(struct lk_argv *argv, const struct lk_build_request *request)
{
    const struct lk_spec *spec = request->spec;

    lk_argv_printf(argv, "--platform=linux/%s", request->arch->name);
    lk_argv_add(argv, "--pull");
    if (spec->no_cache)
        lk_argv_add(argv, "--no-cache");
    lk_argv_printf(argv, "--file=%s/%s", request->context, spec->dockerfile);
    for (size_t i = 0; i < spec->label_count; i++)
        lk_argv_printf(argv, "--label=%s=%s", spec->labels[i].name, spec->labels[i].value);
    for (size_t i = 0; i < spec->argument_count; i++)
        lk_argv_printf(argv, "--build-arg=%s=%s", spec->arguments[i].name,
                       spec->arguments[i].value);
    if (!request->secrets)
        return;
    if (request->secrets->ssh[0])
        lk_argv_add(argv, "--ssh=default=" LK_JAIL_SSH);
    for (size_t i = 0; i < request->secrets->count; i++)
        lk_argv_printf(argv, "--secret=id=%s,src=" LK_JAIL_SECRET, spec->secrets[i], i);
}

void lk_build_add_kept_bases(struct lk_argv *argv, const struct lk_build_request *request)
{
    static const char hub[] = "docker.io/";

    for (size_t i = 0; i < request->spec->after_count && request->keep_count > 0; i++) {
        const struct lk_spec_target *base = &request->spec->after[i];
        const char                  *name = base->repository;

        lk_argv_printf(argv, "--build-context=%s:%s=container-image://%s:%s-%s", name,
                       base->tag, name, base->tag, request->arch->name);
        /* As a Dockerfile may write it too. */
        if (lk_str_starts(lk_str_of(name), hub))
            lk_argv_printf(argv, "--build-context=%s:%s=container-image://%s:%s-%s",
                           name + sizeof(hub) - 1, base->tag, name, base->tag,
                           request->arch->name);
    }
}

const char *lk_build_add_tags(struct lk_argv *argv, const struct lk_build_request *request,
                              const char *passing)
{
    for (size_t i = 0; i < request->keep_count; i++)
        lk_argv_printf(argv, "--tag=%s", request->keep[i]);
    if (request->keep_count > 0)
        return request->keep[0];
    lk_argv_printf(argv, "--tag=%s", passing);
    return passing;
}

/* What the daemon itself was given, but for secrets and for what the builder is told by us. */
static bool is_ours(const char *variable, bool jailed)
{
    static const char *const names[] = {
        "BUILDAH_", "CONTAINERS_", "STORAGE_", "REGISTRY_AUTH_FILE=", "NOTIFY_SOCKET=",
        "LISTEN_",  "LKCOORD_",    "COSIGN_",  "DOCKER_CONTENT_TRUST"
    };
    static const char logins[] = "DOCKER_CONFIG=";

    /* In a jail there is no such directory, and podman does not push without the file that it names. */
    if (jailed && strncmp(variable, logins, sizeof(logins) - 1) == 0)
        return true;
    for (size_t i = 0; i < LK_COUNT(names); i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void compose_environment(struct lk_build_plan         *plan,
                                const struct lk_agent_config *config)
{
    bool jailed = lk_builder_of(config->builder)->jailed;

    for (char **variable = environ; *variable; variable++)
        if (!is_ours(*variable, jailed))
            lk_argv_add(&plan->environment, *variable);
    if (config->registries_conf[0])
        lk_argv_printf(&plan->environment, "CONTAINERS_REGISTRIES_CONF=%s",
                       config->registries_conf);
}

int lk_builder_prepare(const struct lk_agent_config *config, struct lk_err *err)
{
    if (!lk_builder_of(config->builder)->jailed)
        return 0;
    if (lk_directory_make(config->storage_root, 0700, err) < 0)
        return -1;
    return lk_directory_make(config->storage_runroot, 0700, err);
}

void lk_builder_ask_version(struct lk_argv *out, const struct lk_agent_config *config)
{
    if (lk_builder_of(config->builder)->jailed)
        lk_jail_add(out, config, NULL, NULL);
    lk_argv_add_all(out, config->builder_command, "--version", NULL);
}

/* A storage that others may use too is not ours to clean. */
static bool owns_storage(const struct lk_agent_config *config)
{
    size_t len = strlen(config->state);

    return strncmp(config->storage_root, config->state, len) == 0 &&
           config->storage_root[len] == '/';
}

void lk_builder_salvage(const struct lk_agent_config *config)
{
    const struct lk_builder *builder = lk_builder_of(config->builder);
    struct lk_argv           argv = { .count = 0 };
    struct lk_err            err = { .kind = LK_ERR_NONE };
    int                      status = 0;

    if (!builder->compose_salvage || !owns_storage(config) ||
        access(config->storage_root, F_OK) < 0)
        return;
    if (builder->jailed)
        lk_jail_add(&argv, config, NULL, NULL);
    builder->compose_salvage(&argv, config);
    if (lk_run((const char *const *)argv.items, NULL, &status, &err) < 0 || status != 0)
        lk_log_warn("containers of earlier builds not removed", "path=%s status=%d",
                    LK_Q(config->storage_root), status);
    lk_argv_fini(&argv);
}

int lk_build_plan(struct lk_build_plan *out, const struct lk_build_request *request,
                  struct lk_err *err)
{
    const struct lk_builder *builder = lk_builder_of(request->config->builder);

    memset(out, 0, sizeof(*out));
    if (lk_spec_wants_secrets(request->spec) && (!builder->jailed || !request->secrets))
        return lk_err_set(
            err, LK_ERR_PERMANENT,
            "secrets and ssh need buildah or podman as the agent's builder, whose "
            "files stay in memory; this agent has %s",
            builder->name);
    compose_environment(out, request->config);
    if (builder->compose_environment)
        builder->compose_environment(out, request->config);
    builder->compose(out, request);
    /* With more slots it would take other builds' containers away; those are salvaged at the next start. */
    if (builder->compose_salvage && request->config->slots == 1 &&
        owns_storage(request->config))
        builder->compose_salvage(lk_build_plan_step(out, LK_STEP_SALVAGE, request),
                                 request->config);
    for (size_t i = 0; i < out->step_count; i++)
        if (out->steps[i].argv.failed)
            return lk_err_set(err, LK_ERR_LIMIT,
                              "the command for %s is too long: more than %d "
                              "arguments",
                              builder->name, LK_ARGV_MAX);
    return 0;
}

void lk_build_plan_fini(struct lk_build_plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++)
        lk_argv_fini(&plan->steps[i].argv);
    lk_argv_fini(&plan->environment);
    plan->step_count = 0;
}
