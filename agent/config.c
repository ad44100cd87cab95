#include "agent/config.h"

#include "common/os/file.h"
#include "common/yaml/yaml.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define PODMAN_RUNROOT_MAX 50

static const char *const known_keys[] = {
    "coordinator", "coordinator-key", "key",     "state",
    "slots",       "arches",          "builder", "builder-command",
    "isolation",   "runtime",         "storage", "registries-conf",
    "ca-file",     "shelf",           "secrets", "sources-max-mib",
    NULL,
};
static const char *const storage_keys[] = { "root", "runroot", "driver", NULL };
static const char *const builder_names[] = { "buildah", "docker", "podman", NULL };
static const char *const isolation_names[] = { "oci", "chroot-unsafe", NULL };

struct reader {
    const struct lk_yaml_node *map;
    const char                *name;
    struct lk_err             *err;
};

static int text(const struct reader *reader, const char *key, char *out, size_t size)
{
    const struct lk_yaml_node *node = lk_yaml_get(reader->map, key);

    if (!node)
        return 0;
    if (lk_yaml_text(node, reader->name, key, out, size, reader->err) < 0)
        return -1;
    if (out[0] == '\0')
        return lk_err_set(reader->err, LK_ERR_INVALID, "%s:%u: %s: is empty", reader->name,
                          node->line, key);
    return 0;
}

static int required(const struct reader *reader, const char *key, const char *what, char *out,
                    size_t size)
{
    if (!lk_yaml_get(reader->map, key))
        return lk_err_set(reader->err, LK_ERR_INVALID, "%s:%u: %s: is missing: %s",
                          reader->name, reader->map->line, key, what);
    return text(reader, key, out, size);
}

/* An absolute path: the daemon's working directory is nobody's business. */
static int path(const struct reader *reader, const char *key, char *out, size_t size)
{
    const struct lk_yaml_node *node = lk_yaml_get(reader->map, key);

    if (text(reader, key, out, size) < 0)
        return -1;
    if (node && out[0] != '/')
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s:%u: %s: must be an absolute path, found \"%s\"", reader->name,
                          node->line, key, out);
    return 0;
}

/* The index in `words` of a key's value; 0, the default, if the key is not there. */
static int choice(const struct reader *reader, const char *key, const char *const *words,
                  const char *allowed, size_t *out)
{
    const struct lk_yaml_node *node = lk_yaml_get(reader->map, key);
    char                       word[LK_AGENT_WORD_SIZE];

    *out = 0;
    if (!node)
        return 0;
    if (lk_yaml_text(node, reader->name, key, word, sizeof(word), reader->err) < 0)
        return -1;
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(word, words[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    return lk_err_set(reader->err, LK_ERR_INVALID, "%s:%u: %s: must be %s, found \"%s\"",
                      reader->name, node->line, key, allowed, word);
}

static int add_arch(struct lk_agent_config *out, const struct reader *reader,
                    const struct lk_yaml_node *item)
{
    struct lk_arch arch;

    if (item->kind != LK_YAML_SCALAR || !lk_arch_parse(lk_str_of(item->text), &arch))
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s:%u: arches: must be GOARCH names such as amd64, arm64, s390x, "
                          "found \"%.64s\"",
                          reader->name, item->line,
                          item->kind == LK_YAML_SCALAR ? item->text : "a list or map");
    for (size_t i = 0; i < out->arch_count; i++)
        if (lk_arch_eq(&out->arches[i], &arch))
            return lk_err_set(reader->err, LK_ERR_INVALID, "%s:%u: arches: %s is there twice",
                              reader->name, item->line, arch.name);
    if (out->arch_count == LK_PACKAGE_ARCHES_MAX)
        return lk_err_set(reader->err, LK_ERR_LIMIT, "%s:%u: arches: at most %d", reader->name,
                          item->line, LK_PACKAGE_ARCHES_MAX);
    out->arches[out->arch_count++] = arch;
    return 0;
}

static int arches(struct lk_agent_config *out, const struct reader *reader, const char *machine)
{
    const struct lk_yaml_node *node = lk_yaml_get(reader->map, "arches");
    struct lk_arch             native = { "" };
    bool                       has_native = lk_arch_of_machine(machine, &native);

    if (node && (node->kind != LK_YAML_LIST || !node->first))
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s:%u: arches: must be a list of GOARCH names, such as [amd64]",
                          reader->name, node->line);
    if (!node && !has_native)
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s:%u: arches: is missing, and the machine \"%s\" is not known",
                          reader->name, reader->map->line, machine);
    if (!node)
        out->arches[out->arch_count++] = native;
    for (const struct lk_yaml_node *item = node ? node->first : NULL; item; item = item->next)
        if (add_arch(out, reader, item) < 0)
            return -1;
    for (size_t i = 0; i < out->arch_count; i++)
        out->emulated[i] = !has_native || !lk_arch_eq(&out->arches[i], &native);
    return 0;
}

static int below_state(const struct lk_agent_config *config, const char *name, char *out,
                       size_t size, struct lk_err *err)
{
    int len = snprintf(out, size, "%s/%s", config->state, name);

    if (len < 0 || (size_t)len >= size)
        return lk_err_set(err, LK_ERR_LIMIT, "state: the path is too long");
    return 0;
}

static int storage(struct lk_agent_config *out, const struct reader *reader)
{
    const struct lk_yaml_node *node = lk_yaml_get(reader->map, "storage");
    struct reader              inner = { node, reader->name, reader->err };

    lk_copy_text(out->storage_driver, sizeof(out->storage_driver), "overlay");
    if (below_state(out, "storage", out->storage_root, PATH_MAX, reader->err) < 0 ||
        below_state(out, "storage-run", out->storage_runroot, PATH_MAX, reader->err) < 0)
        return -1;
    if (!node)
        return 0;
    if (node->kind != LK_YAML_MAP)
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s:%u: storage: must be a map of root, runroot, driver",
                          reader->name, node->line);
    if (lk_yaml_check_keys(node, reader->name, storage_keys, reader->err) < 0)
        return -1;
    /* With a root of one's own and the system's runroot, two stores would share their mounts. */
    if (lk_yaml_get(node, "root") && !lk_yaml_get(node, "runroot"))
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s:%u: storage: root needs a runroot beside it", reader->name,
                          node->line);
    if (path(&inner, "root", out->storage_root, PATH_MAX) < 0 ||
        path(&inner, "runroot", out->storage_runroot, PATH_MAX) < 0)
        return -1;
    return text(&inner, "driver", out->storage_driver, sizeof(out->storage_driver));
}

/* podman refuses longer ones at each build (its sockets lie below); better at the start. */
static int check_podman(const struct lk_agent_config *config, const struct reader *reader)
{
    if (config->builder != LK_BUILDER_PODMAN ||
        strlen(config->storage_runroot) <= PODMAN_RUNROOT_MAX)
        return 0;
    return lk_err_set(reader->err, LK_ERR_INVALID,
                      "%s:%u: storage: runroot: podman takes at most %d characters, found "
                      "\"%s\"; set a shorter one, such as /run/lkcoord",
                      reader->name, reader->map->line, PODMAN_RUNROOT_MAX,
                      config->storage_runroot);
}

static int coordinator(struct lk_agent_config *out, const struct reader *reader)
{
    if (required(reader, "coordinator", "the coordinator's endpoint, such as tcp://HOST:7411",
                 out->coordinator, sizeof(out->coordinator)) < 0)
        return -1;
    if (!lk_str_starts(lk_str_of(out->coordinator), "tcp://") &&
        !lk_str_starts(lk_str_of(out->coordinator), "ipc://"))
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s:%u: coordinator: must be tcp://HOST:PORT or ipc://PATH, found "
                          "\"%s\"",
                          reader->name, lk_yaml_get(reader->map, "coordinator")->line,
                          out->coordinator);
    if (required(reader, "coordinator-key", "its public key or the path of its .pub file",
                 out->coordinator_key, PATH_MAX) < 0 ||
        required(reader, "key", "the path of this agent's .key file", out->key, PATH_MAX) < 0 ||
        required(reader, "state", "a directory for this agent alone", out->state, PATH_MAX) < 0)
        return -1;
    return path(reader, "state", out->state, PATH_MAX);
}

static int building(struct lk_agent_config *out, const struct reader *reader)
{
    const struct lk_yaml_node *node = lk_yaml_get(reader->map, "isolation");
    size_t                     builder, isolation;

    if (choice(reader, "builder", builder_names, "buildah, docker or podman", &builder) < 0 ||
        choice(reader, "isolation", isolation_names, "oci or chroot-unsafe", &isolation) < 0)
        return -1;
    out->builder = (enum lk_builder_kind)builder;
    out->chroot_unsafe = isolation == 1;
    if (out->chroot_unsafe && out->builder != LK_BUILDER_BUILDAH)
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s:%u: isolation: chroot-unsafe is known to buildah only",
                          reader->name, node->line);
    lk_copy_text(out->builder_command, PATH_MAX, builder_names[builder]);
    lk_copy_text(out->runtime, sizeof(out->runtime), "runc");
    if (text(reader, "builder-command", out->builder_command, PATH_MAX) < 0 ||
        text(reader, "runtime", out->runtime, sizeof(out->runtime)) < 0 ||
        path(reader, "registries-conf", out->registries_conf, PATH_MAX) < 0)
        return -1;
    if (path(reader, "shelf", out->shelf, PATH_MAX) < 0 ||
        path(reader, "secrets", out->secrets, PATH_MAX) < 0)
        return -1;
    return path(reader, "ca-file", out->ca_file, PATH_MAX);
}

static int slots(struct lk_agent_config *out, const struct reader *reader)
{
    const struct lk_yaml_node *node = lk_yaml_get(reader->map, "slots");
    uint64_t                   value = 1;

    if (node && lk_yaml_u64(node, reader->name, "slots", 1, LK_AGENT_SLOTS_MAX, &value,
                            reader->err) < 0)
        return -1;
    out->slots = (size_t)value;
    return 0;
}

static int sources(struct lk_agent_config *out, const struct reader *reader)
{
    static const char          key[] = "sources-max-mib";
    const struct lk_yaml_node *node = lk_yaml_get(reader->map, key);
    uint64_t                   mib = 16384;

    if (node && lk_yaml_u64(node, reader->name, key, 16, 1 << 30, &mib, reader->err) < 0)
        return -1;
    out->sources_max_bytes = mib * 1024 * 1024;
    return 0;
}

int lk_agent_config_parse(struct lk_agent_config *out, struct lk_str bytes, const char *name,
                          const char *machine, struct lk_err *err)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root;
    struct reader                            reader = { .name = name, .err = err };

    memset(out, 0, sizeof(*out));
    if (lk_yaml_parse(&yaml, &root, bytes, name, err) < 0)
        return -1;
    if (!root || root->kind != LK_YAML_MAP)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s:1: must be a map with at least coordinator, coordinator-key, key "
                          "and state",
                          name);
    reader.map = root;
    if (lk_yaml_check_keys(root, name, known_keys, err) < 0 || coordinator(out, &reader) < 0 ||
        slots(out, &reader) < 0 || sources(out, &reader) < 0 ||
        arches(out, &reader, machine) < 0 || building(out, &reader) < 0 ||
        storage(out, &reader) < 0)
        return -1;
    return check_podman(out, &reader);
}

int lk_agent_config_load(struct lk_agent_config *out, const char *path_name, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_YAML_BYTES_MAX);
    struct utsname                        host;

    if (lk_file_read(path_name, &bytes, err) < 0)
        return -1;
    if (uname(&host) < 0)
        return lk_err_sys(err, "asking for the machine's name");
    return lk_agent_config_parse(out, lk_buf_str(&bytes), path_name, host.machine, err);
}
