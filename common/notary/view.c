#include "common/notary/view.h"

#include "common/base/hex.h"
#include "common/hash/sha256.h"
#include "common/notary/key.h"
#include "common/notary/memory.h"

#include <stdio.h>
#include <string.h>

#define ROOTS_MAX 1000 /* rotations since it was last seen */

/* What all steps of one look need. */
struct look {
    struct lk_notary_server *server;
    const char              *gun;
    const char              *memory;
    enum lk_notary_purpose   purpose;
    int64_t                  now_s;
};

void lk_notary_view_fini(struct lk_notary_view *view)
{
    lk_notary_file_fini(&view->root);
    lk_notary_file_fini(&view->timestamp);
    lk_notary_file_fini(&view->snapshot);
    lk_notary_file_fini(&view->targets);
    for (size_t i = 0; i < view->count; i++)
        lk_notary_file_fini(&view->delegations[i].file);
    memset(view, 0, sizeof(*view));
}

const json_t *lk_notary_root_role(const struct lk_notary_file *root, const char *role)
{
    return json_object_get(json_object_get(lk_notary_signed(root), "roles"), role);
}

const json_t *lk_notary_keys(const struct lk_notary_file *file)
{
    const json_t *part = lk_notary_signed(file);
    const json_t *own = json_object_get(part, "keys");

    return own ? own : json_object_get(json_object_get(part, "delegations"), "keys");
}

static int fetch(const struct look *look, struct lk_notary_file *out, const char *role,
                 const char *name, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_NOTARY_FILE_MAX);

    if (lk_notary_server_get(look->server, name, &bytes, err) < 0)
        return -1;
    return lk_notary_file_parse(out, role, lk_buf_str(&bytes), err);
}

/* ---- the root ---- */

static int check_own_signature(const struct lk_notary_file *root, struct lk_err *err)
{
    return lk_notary_check_signatures(root, lk_notary_keys(root),
                                      lk_notary_root_role(root, LK_NOTARY_ROOT), err);
}

static int check_certificates(const struct look *look, const struct lk_notary_file *root,
                              struct lk_err *err)
{
    const json_t *ids = json_object_get(lk_notary_root_role(root, LK_NOTARY_ROOT), "keyids");

    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        if (id && lk_notary_key_is_root_of(json_object_get(lk_notary_keys(root), id), look->gun,
                                           look->now_s))
            return 0;
    }
    return lk_err_set(
        err, LK_ERR_CONFLICT,
        "version %llu of the root has no certificate for %s that is valid by this "
        "machine's clock: if the clock is right, whoever holds the root key has to "
        "renew it (`notary key rotate %s root`)",
        (unsigned long long)root->version, look->gun, look->gun);
}

/* From the root that was seen last to the one that is shown, each signed by the one before. */
static int check_succession(const struct look *look, const struct lk_notary_file *seen,
                            const struct lk_notary_file *shown, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file before = { 0 }, next = { 0 };
    char                                                  name[64];

    if (shown->version - seen->version > ROOTS_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "the root was replaced more than %d times",
                          ROOTS_MAX);
    if (lk_notary_file_parse(&before, LK_NOTARY_ROOT, lk_buf_str(&seen->bytes), err) < 0)
        return -1;
    for (uint64_t version = seen->version + 1; version <= shown->version; version++) {
        snprintf(name, sizeof(name), "%llu.root.json", (unsigned long long)version);
        int rc =
            version == shown->version
                ? lk_notary_file_parse(&next, LK_NOTARY_ROOT, lk_buf_str(&shown->bytes), err)
                : fetch(look, &next, LK_NOTARY_ROOT, name, err);
        if (rc < 0)
            return -1;
        if (next.version != version ||
            lk_notary_check_signatures(&next, lk_notary_keys(&before),
                                       lk_notary_root_role(&before, LK_NOTARY_ROOT), err) < 0)
            return lk_err_set(
                err, LK_ERR_CONFLICT,
                "version %llu of the root is not signed by the keys of the one "
                "before, which this machine trusts: somebody else's root is shown, "
                "or the repository was begun anew; if you know it was, remove "
                "%s/tuf/%s",
                (unsigned long long)version, look->memory, look->gun);
        lk_notary_file_fini(&before);
        before = next;
        next = (struct lk_notary_file) { 0 };
    }
    return 0;
}

static int fetch_root(const struct look *look, struct lk_notary_file *out, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file seen = { 0 };

    if (lk_notary_memory_read(look->memory, look->gun, LK_NOTARY_ROOT, &seen, err) < 0)
        return -1;
    if (fetch(look, out, LK_NOTARY_ROOT, "root.json", err) < 0)
        return err->kind == LK_ERR_NOT_FOUND
                   ? lk_err_set(
                         err, LK_ERR_NOT_FOUND,
                         "the trust server %s has nothing of %s yet; `lkcoord trust init "
                         "%s` begins it",
                         lk_notary_server_url(look->server), look->gun, look->gun)
                   : -1;
    if (lk_notary_memory_check(look->memory, look->gun, &seen, out, err) < 0 ||
        check_own_signature(out, err) < 0 ||
        (seen.version && check_succession(look, &seen, out, err) < 0) ||
        lk_notary_check_time(out, look->now_s, err) < 0 ||
        check_certificates(look, out, err) < 0)
        return -1;
    /* The same version with other keys is no rotation. */
    if (seen.version == out->version &&
        !json_equal(lk_notary_signed(&seen), lk_notary_signed(out)))
        return lk_err_set(
            err, LK_ERR_CONFLICT,
            "version %llu of the root is another one than was seen before; if the "
            "repository was begun anew, remove %s/tuf/%s",
            (unsigned long long)out->version, look->memory, look->gun);
    return 0;
}

/* ---- what the root vouches for ---- */

/* Who may sign a file, and which one is meant. */
struct claim {
    const json_t *keys;
    const json_t *role;
    const struct lk_notary_file
        *listed_in; /* by hash; NULL: it is asked for by its name alone */
};

static int check_listed(const struct lk_notary_file *file, const struct lk_digest *digest,
                        uint64_t length, struct lk_err *err)
{
    struct lk_digest found;

    lk_sha256(lk_buf_text(&file->bytes), file->bytes.len, &found);
    if (file->bytes.len == length && lk_digest_eq(&found, digest))
        return 0;
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "what the trust server serves for %s is not what its own metadata list; "
                      "publish again, or begin the repository anew",
                      file->role);
}

static int fetch_listed(const struct look *look, struct lk_notary_file *out, const char *role,
                        const struct lk_notary_file *listed_in, struct lk_err *err)
{
    struct lk_digest digest;
    uint64_t         length;
    char             hex[2 * sizeof(digest.sha256) + 1];

    if (!lk_notary_meta(listed_in, role, &digest, &length))
        return lk_err_set(err, LK_ERR_NOT_FOUND, "version %llu of %s does not list %s",
                          (unsigned long long)listed_in->version, listed_in->role, role);
    lk_hex_encode(hex, digest.sha256, sizeof(digest.sha256));
    LK_CLEANUP(lk_free_pointer) char *name = lk_xasprintf("%s.%s.json", role, hex);
    if (fetch(look, out, role, name, err) == 0)
        return check_listed(out, &digest, length, err);
    if (err->kind != LK_ERR_NOT_FOUND)
        return -1;
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "the trust server %s lists a version of %s that it does not serve: no "
                      "client can read this repository until whoever holds the key of %s "
                      "publishes again",
                      lk_notary_server_url(look->server), role, role);
}

static int fetch_claimed(const struct look *look, struct lk_notary_file *out, const char *role,
                         const struct claim *claim, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file seen = { 0 };

    if (lk_notary_memory_read(look->memory, look->gun, role, &seen, err) < 0)
        return -1;
    int rc = claim->listed_in ? fetch_listed(look, out, role, claim->listed_in, err)
                              : fetch(look, out, role, "timestamp.json", err);
    if (rc < 0 || lk_notary_check_signatures(out, claim->keys, claim->role, err) < 0 ||
        lk_notary_memory_check(look->memory, look->gun, &seen, out, err) < 0)
        return -1;
    if (look->purpose == LK_NOTARY_TO_RENEW && claim->listed_in)
        return 0;
    return lk_notary_check_time(out, look->now_s, err);
}

static bool is_first_level(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *rest = name + strlen("targets/");

    return strncmp(name, "targets/", strlen("targets/")) == 0 && rest[0] && rest[0] != '.' &&
           strspn(rest, allowed) == strlen(rest) && strlen(name) < LK_NOTARY_ROLE_SIZE;
}

static int fetch_delegation(const struct look *look, struct lk_notary_view *view,
                            const json_t *role, struct lk_err *err)
{
    const char                  *name = json_string_value(json_object_get(role, "name"));
    struct lk_notary_delegation *delegation;
    struct claim     claim = { lk_notary_keys(&view->targets), role, &view->snapshot };
    struct lk_digest digest;
    uint64_t         length;

    if (!name || !is_first_level(name))
        return 0;
    if (view->count == LK_NOTARY_DELEGATIONS_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "the repository has more than %d delegations",
                          LK_NOTARY_DELEGATIONS_MAX);
    delegation = &view->delegations[view->count++];
    delegation->role = role;
    delegation->name = name;
    if (!lk_notary_meta(&view->snapshot, name, &digest, &length))
        return 0;
    if (fetch_claimed(look, &delegation->file, name, &claim, err) == 0)
        return 0;
    if (err->kind != LK_ERR_CONFLICT)
        return -1;
    delegation->why = *err;
    return 0;
}

static int fetch_below_root(const struct look *look, struct lk_notary_view *view,
                            struct lk_err *err)
{
    const json_t *keys = lk_notary_keys(&view->root);
    struct claim  timestamp = { keys, lk_notary_root_role(&view->root, LK_NOTARY_TIMESTAMP),
                                NULL };
    struct claim  snapshot = { keys, lk_notary_root_role(&view->root, LK_NOTARY_SNAPSHOT),
                               &view->timestamp };
    struct claim  targets = { keys, lk_notary_root_role(&view->root, LK_NOTARY_TARGETS),
                              &view->snapshot };
    const json_t *roles;

    if (fetch_claimed(look, &view->timestamp, LK_NOTARY_TIMESTAMP, &timestamp, err) < 0 ||
        fetch_claimed(look, &view->snapshot, LK_NOTARY_SNAPSHOT, &snapshot, err) < 0 ||
        fetch_claimed(look, &view->targets, LK_NOTARY_TARGETS, &targets, err) < 0)
        return -1;
    roles = json_object_get(json_object_get(lk_notary_signed(&view->targets), "delegations"),
                            "roles");
    for (size_t i = 0; i < json_array_size(roles); i++)
        if (fetch_delegation(look, view, json_array_get(roles, i), err) < 0)
            return -1;
    return 0;
}

static int check_root_is_listed(const struct lk_notary_view *view, struct lk_err *err)
{
    struct lk_digest digest;
    uint64_t         length;

    if (lk_notary_meta(&view->snapshot, LK_NOTARY_ROOT, &digest, &length))
        return check_listed(&view->root, &digest, length, err);
    return lk_err_set(err, LK_ERR_CONFLICT, "the snapshot lists no root");
}

static int keep_all(const struct look *look, const struct lk_notary_view *view,
                    struct lk_err *err)
{
    const struct lk_notary_file *files[] = { &view->root, &view->timestamp, &view->snapshot,
                                             &view->targets };

    for (size_t i = 0; i < LK_COUNT(files); i++)
        if (lk_notary_memory_keep(look->memory, look->gun, files[i], err) < 0)
            return -1;
    for (size_t i = 0; i < view->count; i++)
        if (view->delegations[i].file.version && !view->delegations[i].why.kind &&
            lk_notary_memory_keep(look->memory, look->gun, &view->delegations[i].file, err) < 0)
            return -1;
    return 0;
}

int lk_notary_view_fetch(struct lk_notary_view *out, struct lk_notary_server *server,
                         const char *memory, enum lk_notary_purpose purpose, int64_t now_s,
                         struct lk_err *err)
{
    struct look look = { server, lk_notary_server_gun(server), memory, purpose, now_s };

    memset(out, 0, sizeof(*out));
    if (fetch_root(&look, &out->root, err) < 0 || fetch_below_root(&look, out, err) < 0 ||
        check_root_is_listed(out, err) < 0 || keep_all(&look, out, err) < 0)
        return lk_err_wrap(err, "content trust of %s", look.gun);
    return 0;
}
