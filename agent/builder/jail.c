#include "agent/builder/jail.h"

#include "common/os/spawn.h"

#include <string.h>

/* Links on most systems, to directories below /usr. */
static const char *const programs[] = {
    "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"
};

/* With /etc/containers as a whole, podman and buildah would want to write in it. */
static const char *const settings[] = {
    "/etc/passwd",
    "/etc/group",
    "/etc/subuid",
    "/etc/subgid",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/run/systemd/resolve",
    "/etc/services",
    "/etc/protocols",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/ca-certificates",
    "/etc/docker/certs.d",
    "/etc/containers/certs.d",
    "/etc/containers/policy.json",
    "/etc/containers/registries.conf",
    "/etc/containers/registries.conf.d",
    "/etc/containers/registries.d",
    "/etc/containers/containers.conf",
    "/etc/containers/containers.conf.d",
    "/etc/containers/mounts.conf",
};

static void add_visible(struct lk_argv *argv, const char *how, const char *path)
{
    lk_argv_add_all(argv, how, path, path, NULL);
}

static void add_secrets(struct lk_argv *argv, const struct lk_agent_config *config,
                        const struct lk_build_secrets *secrets)
{
    if (secrets->ssh[0])
        lk_argv_add_all(argv, "--bind", secrets->ssh, LK_JAIL_SSH, NULL);
    if (secrets->count == 0)
        return;
    lk_argv_add(argv, "--tmpfs");
    lk_argv_printf(argv, "%s/%s-containers", config->storage_root, config->storage_driver);
    for (size_t i = 0; i < secrets->count; i++) {
        lk_argv_add_all(argv, "--perms", "0600", "--ro-bind-data", NULL);
        lk_argv_printf(argv, "%zu", LK_SPAWN_KEEP_FIRST + i);
        lk_argv_printf(argv, LK_JAIL_SECRET, i);
    }
}

void lk_jail_add(struct lk_argv *argv, const struct lk_agent_config *config, const char *job,
                 const struct lk_build_secrets *secrets)
{
    lk_argv_add_all(argv, "bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc",
                    "--unshare-uts", "--cap-add", "ALL", "--chdir", "/", NULL);
    add_visible(argv, "--ro-bind", "/usr");
    for (size_t i = 0; i < LK_COUNT(programs); i++)
        add_visible(argv, "--ro-bind-try", programs[i]);
    /* Root may write kernel settings without any capability: /proc must not be writable. */
    lk_argv_add_all(argv, "--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev",
                    "--tmpfs", "/tmp", "--tmpfs", "/run", "--tmpfs", "/var/tmp", NULL);
    add_visible(argv, "--ro-bind", "/sys");
    add_visible(argv, "--bind-try", "/sys/fs/cgroup");
    for (size_t i = 0; i < LK_COUNT(settings); i++)
        add_visible(argv, "--ro-bind-try", settings[i]);
    if (config->registries_conf[0])
        add_visible(argv, "--ro-bind-try", config->registries_conf);
    if (strchr(config->builder_command, '/'))
        add_visible(argv, "--ro-bind-try", config->builder_command);
    if (strchr(config->runtime, '/'))
        add_visible(argv, "--ro-bind-try", config->runtime);
    add_visible(argv, "--bind", config->storage_root);
    add_visible(argv, "--bind", config->storage_runroot);
    if (job) {
        add_visible(argv, "--bind", job);
        lk_argv_add(argv, "--bind");
        lk_argv_printf(argv, "%s/" LK_JAIL_SCRATCH, job);
        lk_argv_add(argv, "/var/tmp");
    }
    if (secrets)
        add_secrets(argv, config, secrets);
    lk_argv_add(argv, "--");
}
