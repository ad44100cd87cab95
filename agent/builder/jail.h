/*
 * jail - the small world a builder runs in, made by bubblewrap for each command anew.
 *
 * Builders follow what a package names: Debian's buildah 1.28 lets `RUN --mount` out of the package through a
 * symbolic link (CVE-2024-1753) and `FROM oci:/path` reads directories.  So a builder, though root, sees no
 * more than it needs: the system's programs and /sys, read-only; the few files of /etc that name users, hosts
 * and registries; /dev without disks; /proc, read-only, of its own processes alone; its storage; and one job's
 * directory.  Not there: the agent's keys, configuration and state, other jobs, home directories, other
 * programs' sockets in /run.  When the agent dies, by whatever, the kernel ends all that runs in the jail, and its
 * mounts go with it.
 *
 * What it does not keep apart: the network (base images are pulled); the storage, where one package can read
 * and, by that same bug, change the layers that another one's build is based on; cgroups, which runtimes must
 * write; the files below /etc/containers/certs.d.  Programs that gain rights by their file's mode (sudo) do not
 * gain them in RUN steps.  Docker's daemon builds in a world of its own, outside the jail.
 *
 * Build secrets are files that exist only in the jail's own memory.  So do, while there are any, the builder's
 * working directories of containers, for buildah (1.28) writes a secret there before it shows it to a RUN step.  If
 * such a build is killed, the storage keeps a layer that nothing refers to.
 *
 * /var/tmp is the job's: what `RUN --mount=type=cache` keeps lasts as long as the job.
 */
#ifndef LK_AGENT_JAIL_H
#define LK_AGENT_JAIL_H

#include "agent/builder/argv.h"
#include "agent/config.h"
#include "agent/builder/secrets.h"

/* Below a job's directory: its /var/tmp. */
#define LK_JAIL_SCRATCH "scratch"

/* Where the secrets are in it: a format for secret number N (size_t), and the socket of an ssh-agent. */
#define LK_JAIL_SECRET "/run/lkcoord/secret-%zu"
#define LK_JAIL_SSH    "/run/lkcoord/ssh"

/*
 * The words before a command that runs it in the jail.  job: the job's directory; NULL: none is seen.  secrets (or
 * NULL): the command is to be started with their descriptors, in order (common/os/spawn.h).
 */
void lk_jail_add(struct lk_argv *argv, const struct lk_agent_config *config, const char *job,
                 const struct lk_build_secrets *secrets);

#endif
