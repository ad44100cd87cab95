#include "tests/fuzz/fuzz.h"

#include "agent/config.h"
#include "coordinator/cli/config.h"
#include "coordinator/config.h"
#include "coordinator/sign/signd_config.h"
#include "tests/fuzz/scratch.h"

#include <string.h>

#define FILE_NAME "config.yml"

static int read_coordinators(const char *path, struct lk_err *err)
{
    static struct lk_coordinator_config config;

    if (lk_coordinator_config_load(&config, path, err) < 0)
        return -1;
    lk_assert(config.agents.count <= LK_PEERS_MAX && config.clients.count <= LK_PEERS_MAX);
    lk_assert(config.registry_count <= LK_REGISTRIES_MAX);
    lk_coordinator_config_notary(&config, "registry.example");
    lk_coordinator_config_uses_notary(&config);
    return 0;
}

static int read_signers(const char *path, struct lk_err *err)
{
    static struct lk_signd_config config;

    if (lk_signd_config_load(&config, path, err) < 0)
        return -1;
    lk_assert(config.user_count <= LK_SIGND_USERS_MAX &&
              config.repository_count <= LK_SIGND_REPOSITORIES_MAX);
    return 0;
}

static int read_clients(const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_config_fini) struct lk_config config = { 0 };
    static struct lk_config_trust               trust;
    struct lk_arch                              arches[LK_PACKAGE_ARCHES_MAX];
    size_t                                      count;
    bool                                        absent;

    if (lk_config_is_absent(path, &absent, err) < 0 ||
        lk_config_default_arches(path, arches, &count, err) < 0)
        return -1;
    lk_assert(count <= LK_PACKAGE_ARCHES_MAX);
    return lk_config_trust(path, &trust, err) < 0 ? -1 : lk_config_load(&config, path, err);
}

static int read_agents(struct lk_str bytes, struct lk_err *err)
{
    static struct lk_agent_config config;

    if (lk_agent_config_parse(&config, bytes, FILE_NAME, "x86_64", err) < 0)
        return -1;
    lk_assert(config.arch_count <= LK_PACKAGE_ARCHES_MAX);
    return 0;
}

/* The first byte says whose configuration the rest is.  It is read, or what is wrong is said, with the file's name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_err err = { 0 };
    int           rc = 0;

    if (size == 0)
        return 0;
    switch (*data++ % 4) {
    case 0: rc = read_coordinators(scratch_write(FILE_NAME, data, size - 1), &err); break;
    case 1: rc = read_agents((struct lk_str) { (const char *)data, size - 1 }, &err); break;
    case 2: rc = read_signers(scratch_write(FILE_NAME, data, size - 1), &err); break;
    case 3: rc = read_clients(scratch_write(FILE_NAME, data, size - 1), &err); break;
    }
    lk_assert(rc == 0 || strstr(err.text, FILE_NAME));
    return 0;
}
