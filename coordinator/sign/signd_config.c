#include "coordinator/sign/signd_config.h"

#include "common/os/file.h"
#include "common/yaml/yaml.h"

#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

static const char *const root_keys[] = { "socket",     "allow",           "key",
                                         "second-key", "passphrase-file", "passphrase-fd",
                                         "record",     "repositories",    NULL };
static const char *const repository_keys[] = { "name", "arches", NULL };

struct reader {
    const char    *name;
    struct lk_err *err;
};

static int wrong(const struct reader *reader, const struct lk_yaml_node *node, const char *key,
                 const char *expected)
{
    return lk_err_set(reader->err, LK_ERR_INVALID, "%s:%u: %s: %s", reader->name, node->line,
                      key, expected);
}

static int text(const struct reader *reader, const struct lk_yaml_node *map, const char *key,
                char *out, size_t size)
{
    const struct lk_yaml_node *node = lk_yaml_get(map, key);

    return node ? lk_yaml_text(node, reader->name, key, out, size, reader->err) : 0;
}

static int required(const struct reader *reader, const struct lk_yaml_node *map,
                    const char *key, const char *what, char *out, size_t size)
{
    if (text(reader, map, key, out, size) < 0)
        return -1;
    return out[0] ? 0 : wrong(reader, map, key, what);
}

/* A name, or a number as `id -u` prints it. */
static int user(const struct reader *reader, const struct lk_yaml_node *item, uid_t *out)
{
    char                 name[LK_NAME_SIZE];
    const struct passwd *found;
    uint64_t             number;

    if (lk_yaml_text(item, reader->name, "allow", name, sizeof(name), reader->err) < 0)
        return -1;
    if (lk_parse_u64(lk_str_of(name), UINT32_MAX - 1, &number)) {
        *out = (uid_t)number;
        return 0;
    }
    found = getpwnam(name);
    if (!found)
        return wrong(reader, item, "allow", "this machine has no user of this name");
    *out = found->pw_uid;
    return 0;
}

static int users(const struct reader *reader, const struct lk_yaml_node *root,
                 struct lk_signd_config *out)
{
    static const char          expected[] = "must be a list of 1 to 8 users, as [lkcoord]";
    const struct lk_yaml_node *list = lk_yaml_get(root, "allow");

    if (!list || list->kind != LK_YAML_LIST || !list->first)
        return wrong(reader, list ? list : root, "allow", expected);
    for (const struct lk_yaml_node *item = list->first; item; item = item->next)
        if (out->user_count == LK_SIGND_USERS_MAX)
            return wrong(reader, item, "allow", expected);
        else if (user(reader, item, &out->users[out->user_count++]) < 0)
            return -1;
    return 0;
}

static int arches(const struct reader *reader, const struct lk_yaml_node *list,
                  struct lk_signd_repository *out)
{
    static const char expected[] = "must be a list of 1 to 8 architectures, as [amd64, arm64]";

    if (list->kind != LK_YAML_LIST || !list->first)
        return wrong(reader, list, "arches", expected);
    for (const struct lk_yaml_node *item = list->first; item; item = item->next)
        if (item->kind != LK_YAML_SCALAR || out->arch_count == LK_PACKAGE_ARCHES_MAX ||
            !lk_arch_parse(lk_str_of(item->text), &out->arches[out->arch_count++]))
            return wrong(reader, item, "arches", expected);
    return 0;
}

static int repository(const struct reader *reader, const struct lk_yaml_node *map,
                      struct lk_signd_repository *out)
{
    const struct lk_yaml_node *list;

    if (map->kind != LK_YAML_MAP)
        return wrong(reader, map, "repositories", "must be a list of maps with `name`");
    if (lk_yaml_check_keys(map, reader->name, repository_keys, reader->err) < 0 ||
        required(reader, map, "name", "HOST/PATH is missing, as registry.example/linuxkit/*",
                 out->pattern, sizeof(out->pattern)) < 0)
        return -1;
    if (!strchr(out->pattern, '/'))
        return wrong(reader, map, "name", "expected HOST/PATH, as registry.example/linuxkit/*");
    list = lk_yaml_get(map, "arches");
    return list ? arches(reader, list, out) : 0;
}

static int repositories(const struct reader *reader, const struct lk_yaml_node *root,
                        struct lk_signd_config *out)
{
    const struct lk_yaml_node *list = lk_yaml_get(root, "repositories");

    if (!list || list->kind != LK_YAML_LIST || !list->first)
        return wrong(reader, list ? list : root, "repositories",
                     "must be a list of what is signed, as [{name: registry.example/*}]");
    for (const struct lk_yaml_node *item = list->first; item; item = item->next)
        if (out->repository_count == LK_SIGND_REPOSITORIES_MAX)
            return wrong(reader, item, "repositories", "more entries than the limit of 64");
        else if (repository(reader, item, &out->repositories[out->repository_count++]) < 0)
            return -1;
    return 0;
}

static int passphrase(const struct reader *reader, const struct lk_yaml_node *root,
                      struct lk_signd_config *out)
{
    const struct lk_yaml_node *fd = lk_yaml_get(root, "passphrase-fd");
    uint64_t                   number;

    if (text(reader, root, "passphrase-file", out->passphrase_file,
             sizeof(out->passphrase_file)) < 0)
        return -1;
    if (!fd)
        return 0;
    if (lk_yaml_u64(fd, reader->name, "passphrase-fd", 3, 1023, &number, reader->err) < 0)
        return -1;
    out->passphrase_fd = (int)number;
    return out->passphrase_file[0]
               ? wrong(reader, fd, "passphrase-fd", "excludes passphrase-file")
               : 0;
}

static int everything(const struct reader *reader, const struct lk_yaml_node *root,
                      struct lk_signd_config *out)
{
    if (root->kind != LK_YAML_MAP)
        return wrong(reader, root, "the file", "must be a map (key: value)");
    if (lk_yaml_check_keys(root, reader->name, root_keys, reader->err) < 0 ||
        required(reader, root, "socket", "is missing, as /run/lkcoord-signd/socket",
                 out->socket, sizeof(out->socket)) < 0 ||
        required(reader, root, "record", "is missing, as /var/lib/lkcoord-signd/record",
                 out->record, sizeof(out->record)) < 0 ||
        required(reader, root, "key", "the path of a signing key is missing", out->key,
                 sizeof(out->key)) < 0 ||
        text(reader, root, "second-key", out->second_key, sizeof(out->second_key)) < 0)
        return -1;
    if (strlen(out->socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return wrong(reader, root, "socket", "is longer than the 107 characters of a socket");
    return passphrase(reader, root, out) < 0 || users(reader, root, out) < 0
               ? -1
               : repositories(reader, root, out);
}

int lk_signd_config_load(struct lk_signd_config *out, const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf    bytes = LK_BUF_INIT(LK_YAML_BYTES_MAX);
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root;
    struct reader                            reader = { path, err };

    *out = (struct lk_signd_config) { .passphrase_fd = -1 };
    if (lk_file_read(path, &bytes, err) < 0)
        return lk_err_wrap(err, "reading the configuration");
    if (lk_yaml_parse(&yaml, &root, lk_buf_str(&bytes), path, err) < 0)
        return -1;
    if (!root)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: is empty; the example lkcoord-signd.yml shows what is needed",
                          path);
    return everything(&reader, root, out);
}
