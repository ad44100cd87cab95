#include "coordinator/cli/config.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/os/file.h"
#include "common/yaml/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const known_keys[] = {
    "coordinator",  "coordinator-key", "key", "default-arches",
    "trusted-keys", "trust-server",    NULL
};

/* A configuration as it was read; `root` is a mapping with known keys. */
struct document {
    struct lk_yaml            *yaml;
    const struct lk_yaml_node *root;
};

static void close_document(struct document *document)
{
    lk_yaml_free(&document->yaml);
}

static int find_file(const char *given, char *out, size_t size, struct lk_err *err)
{
    const char *home = getenv("HOME");
    const char *xdg = getenv("XDG_CONFIG_HOME");
    int         len;

    if (!given)
        given = getenv("LKCOORD_CONFIG");
    if (given && given[0])
        len = snprintf(out, size, "%s", given);
    else if (xdg && xdg[0])
        len = snprintf(out, size, "%s/lkcoord/config.yml", xdg);
    else if (home && home[0])
        len = snprintf(out, size, "%s/.config/lkcoord/config.yml", home);
    else
        return lk_err_set(err, LK_ERR_INVALID,
                          "neither HOME nor LKCOORD_CONFIG is set: say --config FILE");
    if (len < 0 || (size_t)len >= size)
        return lk_err_set(err, LK_ERR_INVALID, "the path of the configuration is too long");
    return 0;
}

static int read_file(const char *path, struct lk_buf *out, struct lk_err *err)
{
    if (lk_file_read(path, out, err) == 0)
        return 0;
    if (err->kind == LK_ERR_NOT_FOUND)
        return lk_err_set(err, LK_ERR_INVALID,
                          "there is no %s; write it with three lines (coordinator: "
                          "tcp://HOST:7412, coordinator-key: ITS-PUBLIC-KEY, key: "
                          "FILE-FROM-lkcoord-keys-new) or name another by --config",
                          path);
    return -1;
}

static int text_of(const struct lk_yaml_node *root, const char *file, const char *key,
                   char *out, size_t size, struct lk_err *err)
{
    const struct lk_yaml_node *node = lk_yaml_get(root, key);

    if (!node)
        return lk_err_set(err, LK_ERR_INVALID, "%s: the line \"%s: ...\" is missing", file,
                          key);
    return lk_yaml_text(node, file, key, out, size, err);
}

/* A path that is not absolute is meant from the directory of the configuration. */
static int resolve(const char *file, const char *path, char *out, size_t size,
                   struct lk_err *err)
{
    const char *slash = strrchr(file, '/');
    int         len;

    if (path[0] == '/' || !slash)
        len = snprintf(out, size, "%s", path);
    else
        len = snprintf(out, size, "%.*s/%s", (int)(slash - file), file, path);
    if (len < 0 || (size_t)len >= size)
        return lk_err_set(err, LK_ERR_INVALID, "%s: the path %s is too long", file, path);
    return 0;
}

static int read_keys(struct lk_config *config, const struct lk_yaml_node *root,
                     struct lk_err *err)
{
    char text[1024];
    char path[1024];

    if (text_of(root, config->path, "coordinator-key", text, sizeof(text), err) < 0)
        return -1;
    /* A key in Z85 has 40 characters, '/' among them: only other lengths can be paths. */
    if (strlen(text) == LK_CURVE_Z85_SIZE - 1)
        snprintf(path, sizeof(path), "%s", text);
    else if (resolve(config->path, text, path, sizeof(path), err) < 0)
        return -1;
    if (lk_curve_parse_public(&config->coordinator_key, path, err) < 0)
        return lk_err_wrap(err, "%s: coordinator-key", config->path);
    if (text_of(root, config->path, "key", text, sizeof(text), err) < 0 ||
        resolve(config->path, text, config->key_path, sizeof(config->key_path), err) < 0)
        return -1;
    if (lk_curve_load(&config->key, config->key_path, err) < 0)
        return lk_err_wrap(err, "%s: key (`lkcoord keys new NAME` makes one)", config->path);
    return 0;
}

static int read_document(const char *file, struct document *out, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_YAML_BYTES_MAX);

    if (read_file(file, &bytes, err) < 0 ||
        lk_yaml_parse(&out->yaml, &out->root, lk_buf_str(&bytes), file, err) < 0)
        return -1;
    if (!out->root || out->root->kind != LK_YAML_MAP)
        return lk_err_set(err, LK_ERR_INVALID, "%s: expected lines of the form \"key: value\"",
                          file);
    return lk_yaml_check_keys(out->root, file, known_keys, err);
}

/* Nobody told us which file to read. */
static bool is_unnamed(const char *path)
{
    const char *named = getenv("LKCOORD_CONFIG");

    return !path && !(named && named[0]);
}

static bool names_coordinator(const struct lk_yaml_node *root)
{
    return lk_yaml_get(root, "coordinator") || lk_yaml_get(root, "coordinator-key") ||
           lk_yaml_get(root, "key");
}

int lk_config_is_absent(const char *path, bool *absent, struct lk_err *err)
{
    LK_CLEANUP(close_document) struct document document = { 0 };
    char                                       file[sizeof(((struct lk_config *)0)->path)];
    struct lk_err                              ignored;

    *absent = false;
    if (!is_unnamed(path))
        return 0;
    if (find_file(NULL, file, sizeof(file), err) < 0)
        return -1;
    /* What is wrong with it is for lk_config_load to say. */
    if (access(file, F_OK) < 0)
        *absent = errno == ENOENT;
    else
        *absent =
            read_document(file, &document, &ignored) == 0 && !names_coordinator(document.root);
    return 0;
}

static int add_arch(const struct lk_yaml_node *item, const char *file, struct lk_arch *out,
                    size_t *count, struct lk_err *err)
{
    char text[LK_NAME_SIZE];

    if (lk_yaml_text(item, file, "default-arches", text, sizeof(text), err) < 0)
        return -1;
    if (*count == LK_PACKAGE_ARCHES_MAX)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s:%u: default-arches: more than %d architectures", file, item->line,
                          LK_PACKAGE_ARCHES_MAX);
    if (!lk_arch_parse(lk_str_of(text), &out[*count]))
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s:%u: default-arches: '%s' is not an architecture's name as Go "
                          "writes it (amd64, arm64, s390x, riscv64, ...)",
                          file, item->line, text);
    for (size_t i = 0; i < *count; i++)
        if (lk_arch_eq(&out[i], &out[*count]))
            return 0;
    (*count)++;
    return 0;
}

static int read_arches(const struct lk_yaml_node *root, const char *file, struct lk_arch *out,
                       size_t *count, struct lk_err *err)
{
    const struct lk_yaml_node *list = lk_yaml_get(root, "default-arches");

    *count = 0;
    if (!list)
        return 0;
    if (list->kind != LK_YAML_LIST || !list->first)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s:%u: default-arches: expected a list, as [amd64, arm64, s390x]",
                          file, list->line);
    for (const struct lk_yaml_node *item = list->first; item; item = item->next)
        if (add_arch(item, file, out, count, err) < 0)
            return -1;
    return 0;
}

/* `*found`: there is a configuration, and it is read. */
static int read_optional(const char *path, char *file, size_t size, struct document *document,
                         bool *found, struct lk_err *err)
{
    *found = false;
    if (find_file(path, file, size, err) < 0)
        return is_unnamed(path) ? 0 : -1;
    if (is_unnamed(path) && access(file, F_OK) < 0 && errno == ENOENT)
        return 0;
    *found = true;
    return read_document(file, document, err);
}

int lk_config_default_arches(const char *path, struct lk_arch out[LK_PACKAGE_ARCHES_MAX],
                             size_t *count, struct lk_err *err)
{
    LK_CLEANUP(close_document) struct document document = { 0 };
    char                                       file[sizeof(((struct lk_config *)0)->path)];
    bool                                       found;

    *count = 0;
    if (read_optional(path, file, sizeof(file), &document, &found, err) < 0)
        return -1;
    return found ? read_arches(document.root, file, out, count, err) : 0;
}

static int read_trust(const struct lk_yaml_node *root, const char *file,
                      struct lk_config_trust *out, struct lk_err *err)
{
    const struct lk_yaml_node *list = lk_yaml_get(root, "trusted-keys");
    const struct lk_yaml_node *server = lk_yaml_get(root, "trust-server");
    char                       text[1024];

    if (list && list->kind != LK_YAML_LIST)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s:%u: trusted-keys: expected a list of files, as [signing.pub]",
                          file, list->line);
    for (const struct lk_yaml_node *item = list ? list->first : NULL; item; item = item->next) {
        if (out->key_count == LK_COUNT(out->keys))
            return lk_err_set(err, LK_ERR_INVALID, "%s:%u: trusted-keys: more than %zu files",
                              file, item->line, LK_COUNT(out->keys));
        if (lk_yaml_text(item, file, "trusted-keys", text, sizeof(text), err) < 0 ||
            resolve(file, text, out->keys[out->key_count++], sizeof(out->keys[0]), err) < 0)
            return -1;
    }
    return server ? lk_yaml_text(server, file, "trust-server", out->server, sizeof(out->server),
                                 err)
                  : 0;
}

int lk_config_trust(const char *path, struct lk_config_trust *out, struct lk_err *err)
{
    LK_CLEANUP(close_document) struct document document = { 0 };
    char                                       file[sizeof(((struct lk_config *)0)->path)];
    bool                                       found;

    *out = (struct lk_config_trust) { 0 };
    if (read_optional(path, file, sizeof(file), &document, &found, err) < 0)
        return -1;
    return found ? read_trust(document.root, file, out, err) : 0;
}

int lk_config_load(struct lk_config *out, const char *path, struct lk_err *err)
{
    LK_CLEANUP(close_document) struct document document = { 0 };

    *out = (struct lk_config) { 0 };
    if (find_file(path, out->path, sizeof(out->path), err) < 0 ||
        read_document(out->path, &document, err) < 0 ||
        text_of(document.root, out->path, "coordinator", out->coordinator,
                sizeof(out->coordinator), err) < 0)
        return -1;
    if (strncmp(out->coordinator, "tcp://", 6) != 0 &&
        strncmp(out->coordinator, "ipc://", 6) != 0)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s:%u: coordinator: expected tcp://HOST:PORT or ipc://PATH, found \"%s\"",
            out->path, lk_yaml_get(document.root, "coordinator")->line, out->coordinator);
    return read_keys(out, document.root, err);
}

void lk_config_fini(struct lk_config *config)
{
    lk_curve_free(&config->key);
}
