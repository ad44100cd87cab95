/* Begins a repository's trust data: the first root and an empty targets file. */
#include "common/notary/canonical.h"
#include "common/notary/publish.h"
#include "common/notary/write.h"

#include <string.h>

#define ROOT_YEARS 10
#define DAY_S      (24 * 60 * 60)

/* Both keys, for one who signs; the root's is named by its certificate. */
struct pair {
    const struct lk_notary_private *root;
    const struct lk_notary_private *targets;
    char                            root_id[LK_NOTARY_ID_SIZE];
};

static bool has(void *ctx, const char *key_id)
{
    const struct pair *pair = ctx;

    return strcmp(key_id, pair->root_id) == 0 ||
           strcmp(key_id, lk_notary_private_id(pair->targets)) == 0;
}

static int sign(void *ctx, const char *key_id, struct lk_str message,
                struct lk_notary_signature *out, struct lk_err *err)
{
    const struct pair *pair = ctx;
    bool               is_root = strcmp(key_id, pair->root_id) == 0;

    return lk_notary_private_sign(is_root ? pair->root : pair->targets, message, out, err);
}

/* One key, threshold one. */
static int add_role(json_t *root, const char *role, const json_t *key, struct lk_err *err)
{
    char id[LK_NOTARY_ID_SIZE];

    if (!lk_notary_key_id(key, id))
        return lk_err_set(err, LK_ERR_CONFLICT, "the trust server's key for %s is none", role);
    json_object_set(json_object_get(root, "keys"), id, (json_t *)(uintptr_t)key);
    json_object_set_new(json_object_get(root, "roles"), role,
                        json_pack("{s:[s],s:i}", "keyids", id, "threshold", 1));
    return 0;
}

static int add_servers_role(json_t *root, const char *role, struct lk_notary_server *server,
                            struct lk_err *err)
{
    LK_CLEANUP(lk_json_free) json_t *key = NULL;

    return lk_notary_server_key(server, role, &key, err) < 0 ? -1
                                                             : add_role(root, role, key, err);
}

static int compose_root(json_t *root, struct lk_notary_server *server, struct pair *pair,
                        int64_t now_s, struct lk_err *err)
{
    LK_CLEANUP(lk_json_free)
    json_t *certificate =
        lk_notary_private_certificate(pair->root, lk_notary_server_gun(server), now_s, err);

    if (!certificate || !lk_notary_key_id(certificate, pair->root_id) ||
        add_role(root, LK_NOTARY_ROOT, certificate, err) < 0 ||
        add_role(root, LK_NOTARY_TARGETS, lk_notary_private_public(pair->targets), err) < 0 ||
        add_servers_role(root, LK_NOTARY_SNAPSHOT, server, err) < 0 ||
        add_servers_role(root, LK_NOTARY_TIMESTAMP, server, err) < 0)
        return -1;
    return lk_notary_date(root, 1, now_s + (int64_t)ROOT_YEARS * 365 * DAY_S, err);
}

static int put_first(struct lk_notary_server *server, struct pair *pair, int64_t now_s,
                     struct lk_err *err)
{
    LK_CLEANUP(lk_json_free)
    json_t *root = json_pack("{s:s,s:b,s:{},s:{}}", "_type", "Root", "consistent_snapshot", 0,
                             "keys", "roles");
    LK_CLEANUP(lk_json_free)
    json_t *targets = json_pack("{s:s,s:{s:{},s:[]},s:{}}", "_type", "Targets", "delegations",
                                "keys", "roles", "targets");
    LK_CLEANUP(lk_json_free) json_t                      *root_ids = NULL, *targets_ids = NULL;
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file root_file = { 0 };
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file targets_file = { 0 };
    const struct lk_notary_file  *files[] = { &root_file, &targets_file };
    const struct lk_notary_signer signer = { .has = has, .sign = sign, .ctx = pair };

    if (compose_root(root, server, pair, now_s, err) < 0 ||
        lk_notary_date(targets, 1, now_s + (int64_t)LK_NOTARY_EXPIRES_DAYS * DAY_S, err) < 0)
        return -1;
    root_ids = json_pack("[s]", pair->root_id);
    targets_ids = json_pack("[s]", lk_notary_private_id(pair->targets));
    if (lk_notary_write(&root_file, LK_NOTARY_ROOT, root, root_ids, 1, &signer, err) < 0 ||
        lk_notary_write(&targets_file, LK_NOTARY_TARGETS, targets, targets_ids, 1, &signer,
                        err) < 0)
        return -1;
    return lk_notary_server_put(server, files, LK_COUNT(files), err);
}

int lk_notary_is_absent(struct lk_notary_server *server, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_NOTARY_FILE_MAX);

    if (lk_notary_server_get(server, "root.json", &bytes, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    return lk_err_set(
        err, LK_ERR_CONFLICT,
        "the trust server %s has trust data of %s already; `lkcoord trust inspect "
        "%s` shows them",
        lk_notary_server_url(server), lk_notary_server_gun(server),
        lk_notary_server_gun(server));
}

int lk_notary_begin(struct lk_notary_server *server, const struct lk_notary_private *root,
                    const struct lk_notary_private *targets, const char *memory, int64_t now_s,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_notary_view_fini) struct lk_notary_view view = { 0 };
    struct pair                                           pair = { root, targets, "" };

    if (lk_notary_is_absent(server, err) < 0 || put_first(server, &pair, now_s, err) < 0)
        return -1;
    if (lk_notary_view_fetch(&view, server, memory, LK_NOTARY_TO_BELIEVE, now_s, err) < 0)
        return lk_err_wrap(err, "reading back what was begun");
    return 0;
}
