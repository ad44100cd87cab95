/*
 * config - lkagentd.yml as a struct, checked: every key, its default and what it may be.
 *
 *   coordinator: tcp://build.example.org:7411   (required; tcp:// or ipc://)
 *   coordinator-key: /etc/lkcoord/coordinator.pub   (required; a path or 40 characters of Z85)
 *   key: /etc/lkcoord/arm64-1.key                   (required; this agent's secret)
 *   state: /var/lib/lkcoord/agent                   (required; a directory of its own)
 *   slots: 1                     builds at once, 1-16
 *   arches: [arm64]              default: this machine's; others are emulated and said to be
 *   builder: buildah             or docker, podman
 *   builder-command: buildah     default: the builder's name, looked up in PATH
 *   isolation: oci               or chroot-unsafe (buildah only: the network cannot be switched off)
 *   runtime: runc                of the RUN steps
 *   storage: {root: DIR, runroot: DIR, driver: overlay}   default: below `state`
 *   registries-conf: FILE        for base images (containers-registries.conf(5))
 *   ca-file: FILE                whom to trust as registry; default: the system's
 *   sources-max-mib: 16384       the most that sources may take below `state`, 16 at least
 *   shelf: DIR                   in place of a registry (common/registry/shelf.h); the coordinator's
 *   secrets: DIR                 where lkcoord commands on this host offer build secrets; a private agent's alone
 */
#ifndef LK_AGENT_CONFIG_H
#define LK_AGENT_CONFIG_H

#include "agent/core/core.h"

#include <limits.h>

#define LK_AGENT_WORD_SIZE 256

enum lk_builder_kind { LK_BUILDER_BUILDAH, LK_BUILDER_DOCKER, LK_BUILDER_PODMAN };

struct lk_agent_config {
    char                 coordinator[LK_AGENT_WORD_SIZE];
    char                 coordinator_key[PATH_MAX];
    char                 key[PATH_MAX];
    char                 state[PATH_MAX];
    size_t               slots;
    size_t               arch_count;
    struct lk_arch       arches[LK_PACKAGE_ARCHES_MAX];
    bool                 emulated[LK_PACKAGE_ARCHES_MAX];
    enum lk_builder_kind builder;
    char                 builder_command[PATH_MAX];
    bool                 chroot_unsafe;
    char                 runtime[LK_AGENT_WORD_SIZE];
    char                 storage_root[PATH_MAX];
    char                 storage_runroot[PATH_MAX];
    char                 storage_driver[LK_AGENT_WORD_SIZE];
    char                 registries_conf[PATH_MAX]; /* "" if not set */
    char                 ca_file[PATH_MAX];         /* "" if not set */
    char                 shelf[PATH_MAX];           /* "" if not set */
    char                 secrets[PATH_MAX];         /* "" if not set */
    uint64_t             sources_max_bytes;
};

/* `name` is what messages call the file; `machine` is uname(2)'s word for this one. */
int lk_agent_config_parse(struct lk_agent_config *out, struct lk_str bytes, const char *name,
                          const char *machine, struct lk_err *err);

int lk_agent_config_load(struct lk_agent_config *out, const char *path, struct lk_err *err);

#endif
