#include "coordinator/config.h"

#include "common/os/file.h"
#include "common/yaml/yaml.h"

#include <stdio.h>
#include <string.h>

#define SOCKET_PATH_SIZE 108 /* sun_path */
#define MIB              (1024 * 1024ULL)

static const char *const root_keys[] = {
    "agents-endpoint", "clients-endpoint", "key",           "state",
    "agents",          "clients",          "registries",    "signing",
    "signer",          "trusted-keys",     "publish",       "lease-ms",
    "permit-ms",       "suspect-ms",       "ping-ms",       "shelf",
    "logs-max-mib",    "sources-max-mib",  "content-trust", "quarantine",
    "raise-ms",        "history",          "notary",        NULL,
};
static const char *const agent_keys[] = { "key", "arches", "slots", NULL };
static const char *const registry_keys[] = { "host",   "plain-http",    "ca-file",
                                             "user",   "password-file", "agent-logins",
                                             "notary", "uploads",       NULL };
static const char *const registry_notary_keys[] = { "content-trust", "server", "ca-file",
                                                    NULL };
static const char *const notary_keys[] = {
    "content-trust", "server", "ca-file", "keys", "passphrase-file", "passphrase-fd", NULL
};
static const char *const login_keys[] = { "user", "password-file", NULL };
static const char *const signing_keys[] = { "key", "second-key", "passphrase-file",
                                            "passphrase-fd", NULL };
static const char *const signer_keys[] = { "socket", "exec", "public-keys", NULL };
static const char *const publish_keys[] = { "stage", NULL };
static const char *const quarantine_keys[] = { "after", "back-off-ms", NULL };

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

static int endpoint(const struct reader *reader, const struct lk_yaml_node *root,
                    const char *key, char *out, size_t size)
{
    if (text(reader, root, key, out, size) < 0)
        return -1;
    if (lk_str_starts(lk_str_of(out), "tcp://") || lk_str_starts(lk_str_of(out), "ipc://"))
        return 0;
    return lk_err_set(reader->err, LK_ERR_INVALID,
                      "%s:%u: %s: expected tcp://ADDRESS:PORT or ipc://PATH, found '%s'",
                      reader->name, lk_yaml_get(root, key)->line, key, out);
}

static int milliseconds(const struct reader *reader, const struct lk_yaml_node *map,
                        const char *key, uint64_t min, uint64_t max, uint32_t *out)
{
    const struct lk_yaml_node *node = lk_yaml_get(map, key);
    uint64_t                   value;

    if (!node)
        return 0;
    if (lk_yaml_u64(node, reader->name, key, min, max, &value, reader->err) < 0)
        return -1;
    *out = (uint32_t)value;
    return 0;
}

static int mebibytes(const struct reader *reader, const struct lk_yaml_node *map,
                     const char *key, uint64_t *out_bytes)
{
    const struct lk_yaml_node *node = lk_yaml_get(map, key);
    uint64_t                   value;

    if (!node)
        return 0;
    if (lk_yaml_u64(node, reader->name, key, 16, 1024 * 1024 * 1024, &value, reader->err) < 0)
        return -1;
    *out_bytes = value * MIB;
    return 0;
}

static int expect_map(const struct reader *reader, const struct lk_yaml_node *node,
                      const char *key, const char *const *known)
{
    if (node->kind != LK_YAML_MAP)
        return wrong(reader, node, key, "must be a map (key: value)");
    return known ? lk_yaml_check_keys(node, reader->name, known, reader->err) : 0;
}

/* Names become names of directories and parts of log lines. */
static bool is_name(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(text);

    return len > 0 && len < LK_NAME_SIZE && text[0] != '.' && strspn(text, allowed) == len;
}

static int arches(const struct reader *reader, const struct lk_yaml_node *list,
                  struct lk_peer *out)
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

/* A number of things. */
static int limit(const struct reader *reader, const struct lk_yaml_node *map, const char *key,
                 uint32_t *out)
{
    const struct lk_yaml_node *node = lk_yaml_get(map, key);
    uint64_t                   value;

    if (!node)
        return 0;
    if (lk_yaml_u64(node, reader->name, key, 1, 1000, &value, reader->err) < 0)
        return -1;
    *out = (uint32_t)value;
    return 0;
}

/* `NAME: {key: KEY, arches: [...], slots: N}` in place of `NAME: KEY`. */
static int limited_agent(const struct reader *reader, const struct lk_yaml_node *map,
                         struct lk_peer *out, char *key_text, size_t size)
{
    const struct lk_yaml_node *list = lk_yaml_get(map, "arches");

    if (lk_yaml_check_keys(map, reader->name, agent_keys, reader->err) < 0 ||
        required(reader, map, "key", "the agent's public key is missing", key_text, size) < 0 ||
        limit(reader, map, "slots", &out->slots) < 0)
        return -1;
    return list ? arches(reader, list, out) : 0;
}

static int peer(const struct reader *reader, const struct lk_yaml_node *node, const char *key,
                struct lk_peers *out)
{
    struct lk_peer *entry = &out->list[out->count];
    char            key_text[LK_PATH_SIZE] = "";
    bool            is_limited = node->value->kind == LK_YAML_MAP && strcmp(key, "agents") == 0;

    if (out->count == LK_PEERS_MAX)
        return wrong(reader, node, key, "more entries than the limit of 512");
    if (!is_name(node->text))
        return wrong(reader, node, key,
                     "a name has 1 to 63 letters, digits, '.', '_' and '-', and begins with no "
                     "'.'");
    snprintf(entry->name, sizeof(entry->name), "%s", node->text);
    if ((is_limited ? limited_agent(reader, node->value, entry, key_text, sizeof(key_text))
                    : lk_yaml_text(node->value, reader->name, node->text, key_text,
                                   sizeof(key_text), reader->err)) < 0)
        return -1;
    if (lk_curve_parse_public(&entry->key, key_text, reader->err) < 0)
        return lk_err_wrap(reader->err, "%s:%u: %s: %s", reader->name, node->line, key,
                           node->text);
    for (size_t i = 0; i < out->count; i++)
        if (strcmp(out->list[i].key.z85, entry->key.z85) == 0)
            return wrong(reader, node, key, "has the same key as another name");
    out->count++;
    return 0;
}

static int peers(const struct reader *reader, const struct lk_yaml_node *map, const char *key,
                 struct lk_peers *out)
{
    const struct lk_yaml_node *list = lk_yaml_get(map, key);

    if (!list || lk_yaml_is_null(list))
        return 0;
    if (expect_map(reader, list, key, NULL) < 0)
        return -1;
    for (const struct lk_yaml_node *node = list->first; node; node = node->next)
        if (peer(reader, node, key, out) < 0)
            return -1;
    return 0;
}

static int login(const struct reader *reader, const struct lk_yaml_node *map,
                 struct lk_login *out)
{
    if (text(reader, map, "user", out->user, sizeof(out->user)) < 0 ||
        text(reader, map, "password-file", out->password_file, sizeof(out->password_file)) < 0)
        return -1;
    if (!out->user[0] != !out->password_file[0])
        return wrong(reader, map, "user", "goes together with password-file");
    return 0;
}

static int agent_logins(const struct reader *reader, const struct lk_yaml_node *map,
                        struct lk_registry_config *out)
{
    if (expect_map(reader, map, "agent-logins", NULL) < 0)
        return -1;
    for (const struct lk_yaml_node *arch = map->first; arch; arch = arch->next) {
        if (out->agent_count == LK_PACKAGE_ARCHES_MAX ||
            !lk_arch_parse(lk_str_of(arch->text), &out->agent_arch[out->agent_count]))
            return wrong(reader, arch, "agent-logins",
                         "keys are at most 8 architectures, as amd64");
        if (expect_map(reader, arch->value, arch->text, login_keys) < 0 ||
            login(reader, arch->value, &out->agent_login[out->agent_count]) < 0)
            return -1;
        out->agent_count++;
    }
    return 0;
}

static int trust_word(const struct reader *reader, const struct lk_yaml_node *map,
                      enum lk_content_trust *out)
{
    static const char *const   words[] = { "off", "on", "required" };
    const struct lk_yaml_node *node = lk_yaml_get(map, "content-trust");
    char                       word[16] = "off";

    if (!node)
        return 0;
    if (text(reader, map, "content-trust", word, sizeof(word)) < 0)
        return -1;
    for (size_t i = 0; i < LK_COUNT(words); i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (enum lk_content_trust)i;
            return 0;
        }
    return wrong(reader, node, "content-trust", "expected off, on or required");
}

static int notary(const struct reader *reader, const struct lk_yaml_node *map,
                  const char *const *known, struct lk_notary_config *out)
{
    out->is_said = true;
    if (expect_map(reader, map, "notary", known) < 0 ||
        trust_word(reader, map, &out->trust) < 0 ||
        text(reader, map, "server", out->server, sizeof(out->server)) < 0 ||
        text(reader, map, "ca-file", out->ca_file, sizeof(out->ca_file)) < 0)
        return -1;
    if (out->server[0] && !lk_str_starts(lk_str_of(out->server), "https://"))
        return wrong(reader, lk_yaml_get(map, "server"), "server",
                     "expected https://HOST[:PORT]");
    return 0;
}

static int registry(const struct reader *reader, const struct lk_yaml_node *map,
                    struct lk_registry_config *out)
{
    const struct lk_yaml_node *plain = lk_yaml_get(map, "plain-http");
    const struct lk_yaml_node *logins = lk_yaml_get(map, "agent-logins");
    const struct lk_yaml_node *trust = lk_yaml_get(map, "notary");

    if (required(reader, map, "host", "host[:port] is missing", out->host, sizeof(out->host)) <
            0 ||
        text(reader, map, "ca-file", out->ca_file, sizeof(out->ca_file)) < 0 ||
        login(reader, map, &out->login) < 0 || limit(reader, map, "uploads", &out->uploads) < 0)
        return -1;
    if (plain &&
        lk_yaml_bool(plain, reader->name, "plain-http", &out->plain_http, reader->err) < 0)
        return -1;
    if (trust && notary(reader, trust, registry_notary_keys, &out->notary) < 0)
        return -1;
    return logins ? agent_logins(reader, logins, out) : 0;
}

static int registries(const struct reader *reader, const struct lk_yaml_node *root,
                      struct lk_coordinator_config *out)
{
    const struct lk_yaml_node *list = lk_yaml_get(root, "registries");

    if (!list || lk_yaml_is_null(list))
        return 0;
    if (list->kind != LK_YAML_LIST)
        return wrong(reader, list, "registries", "must be a list of maps with `host`");
    for (const struct lk_yaml_node *item = list->first; item; item = item->next) {
        if (out->registry_count == LK_REGISTRIES_MAX)
            return wrong(reader, item, "registries", "more entries than the limit of 32");
        struct lk_registry_config *entry = &out->registries[out->registry_count];
        if (expect_map(reader, item, "registries", registry_keys) < 0 ||
            registry(reader, item, entry) < 0)
            return -1;
        if (lk_coordinator_config_registry(out, entry->host))
            return wrong(reader, item, "host", "is in the list already");
        out->registry_count++;
    }
    return 0;
}

static int passphrase_fd(const struct reader *reader, const struct lk_yaml_node *map,
                         const char *file, int *out)
{
    const struct lk_yaml_node *fd = lk_yaml_get(map, "passphrase-fd");
    uint64_t                   number;

    if (!fd)
        return 0;
    if (lk_yaml_u64(fd, reader->name, "passphrase-fd", 3, 1023, &number, reader->err) < 0)
        return -1;
    *out = (int)number;
    return file[0] ? wrong(reader, fd, "passphrase-fd", "excludes passphrase-file") : 0;
}

static int signing(const struct reader *reader, const struct lk_yaml_node *root,
                   struct lk_coordinator_config *out)
{
    const struct lk_yaml_node *map = lk_yaml_get(root, "signing");

    if (!map || lk_yaml_is_null(map))
        return 0;
    if (expect_map(reader, map, "signing", signing_keys) < 0 ||
        required(reader, map, "key", "the path of a signing key is missing", out->signing_key,
                 sizeof(out->signing_key)) < 0 ||
        text(reader, map, "second-key", out->second_key, sizeof(out->second_key)) < 0 ||
        text(reader, map, "passphrase-file", out->passphrase_file,
             sizeof(out->passphrase_file)) < 0)
        return -1;
    return passphrase_fd(reader, map, out->passphrase_file, &out->passphrase_fd);
}

static int program(const struct reader *reader, const struct lk_yaml_node *list,
                   const char *key, struct lk_program *out)
{
    size_t count = 0;

    if (list->kind != LK_YAML_LIST || !list->first)
        return wrong(reader, list, key,
                     "must be a list of a program and its arguments, as [/usr/local/bin/sign]");
    for (const struct lk_yaml_node *item = list->first; item; item = item->next) {
        if (count == LK_ARGUMENTS_MAX)
            return wrong(reader, item, key, "has more than 16 words");
        if (lk_yaml_text(item, reader->name, key, out->text[count], sizeof(out->text[count]),
                         reader->err) < 0)
            return -1;
        out->argv[count] = out->text[count];
        count++;
    }
    return out->argv[0][0] ? 0 : wrong(reader, list, key, "the program's name is empty");
}

static int signer_public_keys(const struct reader *reader, const struct lk_yaml_node *map,
                              struct lk_coordinator_config *out)
{
    const struct lk_yaml_node *list = lk_yaml_get(map, "public-keys");
    size_t                     max = out->signer_socket[0] ? LK_SIGNER_KEYS_MAX : 1;

    if (!list || list->kind != LK_YAML_LIST || !list->first)
        return wrong(reader, map, "public-keys",
                     "must be a list of the paths of the public keys that it signs with");
    for (const struct lk_yaml_node *item = list->first; item; item = item->next) {
        if (out->signer_key_count == max)
            return wrong(reader, item, "public-keys",
                         "lkcoord-signd has two at most, a program has one");
        if (lk_yaml_text(item, reader->name, "public-keys",
                         out->signer_keys[out->signer_key_count++], LK_PATH_SIZE,
                         reader->err) < 0)
            return -1;
    }
    return 0;
}

static int signer(const struct reader *reader, const struct lk_yaml_node *root,
                  struct lk_coordinator_config *out)
{
    const struct lk_yaml_node *map = lk_yaml_get(root, "signer");
    const struct lk_yaml_node *exec;

    if (!map || lk_yaml_is_null(map))
        return 0;
    if (expect_map(reader, map, "signer", signer_keys) < 0 ||
        text(reader, map, "socket", out->signer_socket, sizeof(out->signer_socket)) < 0)
        return -1;
    exec = lk_yaml_get(map, "exec");
    if (out->signing_key[0])
        return wrong(reader, map, "signer", "excludes `signing`: the keys are here or there");
    if (!exec == !out->signer_socket[0])
        return wrong(reader, map, "signer", "needs either `socket` or `exec`");
    if (strlen(out->signer_socket) >= SOCKET_PATH_SIZE)
        return wrong(reader, map, "socket", "is longer than the 107 characters of a socket");
    if (exec && program(reader, exec, "exec", &out->signer_program) < 0)
        return -1;
    return signer_public_keys(reader, map, out);
}

static int notary_for_all(const struct reader *reader, const struct lk_yaml_node *root,
                          struct lk_coordinator_config *out)
{
    const struct lk_yaml_node *map = lk_yaml_get(root, "notary");

    if (map && (notary(reader, map, notary_keys, &out->notary) < 0 ||
                text(reader, map, "keys", out->notary_keys, sizeof(out->notary_keys)) < 0 ||
                text(reader, map, "passphrase-file", out->notary_passphrase_file,
                     sizeof(out->notary_passphrase_file)) < 0 ||
                passphrase_fd(reader, map, out->notary_passphrase_file,
                              &out->notary_passphrase_fd) < 0))
        return -1;
    if (!lk_coordinator_config_uses_notary(out))
        return 0;
    if (!out->notary_keys[0])
        return wrong(reader, map ? map : root, "notary",
                     "keys: the directory whose private/ holds the keys is missing, as "
                     "/etc/lkcoord/trust");
    return lk_coordinator_config_signs(out)
               ? 0
               : wrong(reader, map ? map : root, "notary",
                       "stands beside signatures, which tell what is complete: set "
                       "`signing` or `signer` too");
}

static int trusted_keys(const struct reader *reader, const struct lk_yaml_node *root,
                        struct lk_coordinator_config *out)
{
    const struct lk_yaml_node *list = lk_yaml_get(root, "trusted-keys");

    if (!list || lk_yaml_is_null(list))
        return 0;
    if (list->kind != LK_YAML_LIST)
        return wrong(reader, list, "trusted-keys", "must be a list of paths of public keys");
    for (const struct lk_yaml_node *item = list->first; item; item = item->next) {
        if (out->trusted_count == LK_COUNT(out->trusted))
            return wrong(reader, item, "trusted-keys", "more entries than the limit of 8");
        if (lk_yaml_text(item, reader->name, "trusted-keys", out->trusted[out->trusted_count++],
                         LK_PATH_SIZE, reader->err) < 0)
            return -1;
    }
    return 0;
}

static int content_trust(const struct reader *reader, const struct lk_yaml_node *root,
                         struct lk_coordinator_config *out)
{
    if (trust_word(reader, root, &out->content_trust) < 0)
        return -1;
    return out->content_trust == LK_CONTENT_TRUST_OFF || lk_coordinator_config_signs(out)
               ? 0
               : wrong(reader, lk_yaml_get(root, "content-trust"), "content-trust",
                       "needs a key to sign with: set `signing` or `signer` too");
}

static int publish(const struct reader *reader, const struct lk_yaml_node *root,
                   struct lk_coordinator_config *out)
{
    const struct lk_yaml_node *map = lk_yaml_get(root, "publish");
    char                       stage[32] = "parallel";

    if (!map || lk_yaml_is_null(map))
        return 0;
    if (expect_map(reader, map, "publish", publish_keys) < 0 ||
        text(reader, map, "stage", stage, sizeof(stage)) < 0)
        return -1;
    out->in_turn = strcmp(stage, "in-turn") == 0;
    if (!out->in_turn && strcmp(stage, "parallel") != 0)
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s:%u: stage: expected parallel or in-turn, found '%s'",
                          reader->name, lk_yaml_get(map, "stage")->line, stage);
    return 0;
}

static int quarantine(const struct reader *reader, const struct lk_yaml_node *root,
                      struct lk_coordinator_config *out)
{
    const struct lk_yaml_node *map = lk_yaml_get(root, "quarantine");
    const struct lk_yaml_node *after;
    uint64_t                   count = out->quarantine_after;

    if (!map || lk_yaml_is_null(map))
        return 0;
    if (expect_map(reader, map, "quarantine", quarantine_keys) < 0)
        return -1;
    after = lk_yaml_get(map, "after");
    if (after && lk_yaml_u64(after, reader->name, "after", 0, 1000, &count, reader->err) < 0)
        return -1;
    out->quarantine_after = (uint32_t)count;
    return milliseconds(reader, map, "back-off-ms", 1000, 3600000, &out->quarantine_ms);
}

static int everything(const struct reader *reader, const struct lk_yaml_node *root,
                      struct lk_coordinator_config *out)
{
    if (expect_map(reader, root, "the file", root_keys) < 0 ||
        endpoint(reader, root, "agents-endpoint", out->agents_endpoint,
                 sizeof(out->agents_endpoint)) < 0 ||
        endpoint(reader, root, "clients-endpoint", out->clients_endpoint,
                 sizeof(out->clients_endpoint)) < 0 ||
        required(reader, root, "key",
                 "the path of the coordinator's secret key is missing; `lkcoord keys "
                 "new coordinator` makes one",
                 out->key, sizeof(out->key)) < 0 ||
        required(reader, root, "state",
                 "is missing: the directory for journal and sources, as /var/lib/lkcoord",
                 out->state, sizeof(out->state)) < 0 ||
        text(reader, root, "shelf", out->shelf, sizeof(out->shelf)) < 0 ||
        peers(reader, root, "agents", &out->agents) < 0 ||
        peers(reader, root, "clients", &out->clients) < 0 ||
        registries(reader, root, out) < 0 || signing(reader, root, out) < 0 ||
        signer(reader, root, out) < 0 || content_trust(reader, root, out) < 0 ||
        notary_for_all(reader, root, out) < 0 || trusted_keys(reader, root, out) < 0 ||
        publish(reader, root, out) < 0 || quarantine(reader, root, out) < 0)
        return -1;
    if (milliseconds(reader, root, "lease-ms", 1000, 86400000, &out->lease_ms) < 0 ||
        milliseconds(reader, root, "permit-ms", 1000, 86400000, &out->permit_ms) < 0 ||
        milliseconds(reader, root, "suspect-ms", 500, 3600000, &out->suspect_ms) < 0 ||
        milliseconds(reader, root, "raise-ms", 1000, 86400000, &out->raise_ms) < 0)
        return -1;
    if (milliseconds(reader, root, "ping-ms", 100, 60000, &out->ping_ms) < 0)
        return -1;
    if (limit(reader, root, "history", &out->history) < 0 ||
        mebibytes(reader, root, "logs-max-mib", &out->logs_max_bytes) < 0)
        return -1;
    return mebibytes(reader, root, "sources-max-mib", &out->sources_max_bytes);
}

/* Each is fine by itself, but together they would never work. */
static int check_times(const struct reader *reader, const struct lk_coordinator_config *config)
{
    if (config->suspect_ms <= config->ping_ms)
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s: suspect-ms (%u) must be above ping-ms (%u), or every agent is "
                          "suspect between two pings",
                          reader->name, config->suspect_ms, config->ping_ms);
    if (config->lease_ms <= config->ping_ms)
        return lk_err_set(reader->err, LK_ERR_INVALID,
                          "%s: lease-ms (%u) must be above ping-ms (%u), which is how often "
                          "leases are renewed",
                          reader->name, config->lease_ms, config->ping_ms);
    return 0;
}

int lk_coordinator_config_load(struct lk_coordinator_config *out, const char *path,
                               struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf    bytes = LK_BUF_INIT(LK_YAML_BYTES_MAX);
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root;
    struct reader                            reader = { path, err };

    *out = (struct lk_coordinator_config) {
        .agents_endpoint = "tcp://0.0.0.0:7411",
        .clients_endpoint = "tcp://0.0.0.0:7412",
        .passphrase_fd = -1,
        .notary_passphrase_fd = -1,
        .lease_ms = 60000,
        .permit_ms = 60000,
        .suspect_ms = 9000,
        .ping_ms = 2000,
        .raise_ms = 600000,
        .history = 200,
        .quarantine_after = 3,
        .quarantine_ms = 30000,
        .logs_max_bytes = 4096 * MIB,
        .sources_max_bytes = 16384 * MIB,
    };
    if (!lk_copy_text(out->file, sizeof(out->file), path))
        return lk_err_set(err, LK_ERR_INVALID, "%s: the path is too long", path);
    if (lk_file_read(path, &bytes, err) < 0)
        return lk_err_wrap(err, "reading the configuration");
    if (lk_yaml_parse(&yaml, &root, lk_buf_str(&bytes), path, err) < 0)
        return -1;
    if (!root)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: is empty; the example lkcoordd.yml shows what is needed", path);
    return everything(&reader, root, out) < 0 ? -1 : check_times(&reader, out);
}

bool lk_coordinator_config_signs(const struct lk_coordinator_config *config)
{
    return config->signing_key[0] || config->signer_key_count > 0;
}

const struct lk_registry_config *
lk_coordinator_config_registry(const struct lk_coordinator_config *config, const char *host)
{
    for (size_t i = 0; i < config->registry_count; i++)
        if (strcmp(config->registries[i].host, host) == 0)
            return &config->registries[i];
    return NULL;
}

const struct lk_notary_config *
lk_coordinator_config_notary(const struct lk_coordinator_config *config, const char *host)
{
    const struct lk_registry_config *registry = lk_coordinator_config_registry(config, host);

    return registry && registry->notary.is_said ? &registry->notary : &config->notary;
}

bool lk_coordinator_config_uses_notary(const struct lk_coordinator_config *config)
{
    for (size_t i = 0; i < config->registry_count; i++)
        if (config->registries[i].notary.trust != LK_CONTENT_TRUST_OFF)
            return true;
    return config->notary.trust != LK_CONTENT_TRUST_OFF;
}
