#include "common/notary/keyring.h"

#include "common/os/file.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define DEPTH_MAX 12 /* private/tuf_keys/ and a repository's name */

struct entry {
    struct lk_notary_private *key; /* NULL: `why` says what is wrong */
    char                      id[LK_NOTARY_ID_SIZE];
    struct lk_err             why;
};

struct lk_notary_keyring {
    char         *directory; /* DIR/private */
    size_t        count;
    struct entry *entries;
};

void lk_notary_keyring_close(struct lk_notary_keyring **keyring)
{
    struct lk_notary_keyring *k = LK_TAKE(*keyring);

    if (!k)
        return;
    for (size_t i = 0; i < k->count; i++)
        lk_notary_private_free(&k->entries[i].key);
    free(k->entries);
    free(k->directory);
    free(k);
}

static void wipe(struct lk_buf *buf)
{
    if (buf->data)
        sodium_memzero(buf->data, buf->capacity);
    lk_buf_fini(buf);
}

/* The file's name begins with the key's id. */
static void add(struct lk_notary_keyring *keyring, const char *path, const char *name,
                enum lk_notary_keys which, struct lk_str passphrase)
{
    LK_CLEANUP(wipe) struct lk_buf pem = LK_BUF_INIT(LK_NOTARY_KEYFILE_MAX);
    struct entry                   entry = { 0 };
    char                           role[LK_NOTARY_ROLE_SIZE];
    bool                           is_root;

    snprintf(entry.id, sizeof(entry.id), "%.*s", (int)strcspn(name, "._"), name);
    int rc = lk_file_read_secret(path, &pem, &entry.why);
    lk_notary_keyfile_role(lk_buf_str(&pem), role);
    is_root = strcmp(role, LK_NOTARY_ROOT) == 0 || strstr(path, "/root_keys/");
    if (is_root != (which == LK_NOTARY_ROOT_KEYS))
        return;
    if (rc == 0)
        rc = lk_notary_private_read(&entry.key, lk_buf_str(&pem), passphrase, &entry.why);
    if (rc < 0)
        lk_err_wrap(&entry.why, "the key file %s", path);
    else
        snprintf(entry.id, sizeof(entry.id), "%s", lk_notary_private_id(entry.key));
    keyring->entries =
        lk_xrealloc(keyring->entries, (keyring->count + 1) * sizeof(*keyring->entries));
    keyring->entries[keyring->count++] = entry;
}

static void close_walk(FTS **walk)
{
    if (*walk)
        fts_close(*walk);
}

static int read_all(struct lk_notary_keyring *keyring, enum lk_notary_keys which,
                    struct lk_str passphrase, struct lk_err *err)
{
    char *const                 roots[] = { keyring->directory, NULL };
    LK_CLEANUP(close_walk) FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT                     *file;

    while (walk && (file = fts_read(walk))) {
        if (file->fts_info == FTS_D && file->fts_level > DEPTH_MAX)
            fts_set(walk, file, FTS_SKIP);
        if (file->fts_info == FTS_DNR || (file->fts_info == FTS_NS && file->fts_level == 0)) {
            errno = file->fts_errno;
            return lk_err_sys(err, "reading the directory of keys %s", file->fts_path);
        }
        if (file->fts_info != FTS_F || !lk_str_ends(lk_str_of(file->fts_name), ".key"))
            continue;
        if (keyring->count == LK_NOTARY_KEYS_MAX)
            return lk_err_set(err, LK_ERR_LIMIT, "%s holds more than %d keys",
                              keyring->directory, LK_NOTARY_KEYS_MAX);
        add(keyring, file->fts_path, file->fts_name, which, passphrase);
    }
    return walk ? 0 : lk_err_sys(err, "reading the directory of keys %s", keyring->directory);
}

const struct lk_notary_private *lk_notary_keyring_first(const struct lk_notary_keyring *keyring)
{
    for (size_t i = 0; i < keyring->count; i++)
        if (keyring->entries[i].key)
            return keyring->entries[i].key;
    return NULL;
}

int lk_notary_keyring_open(struct lk_notary_keyring **out, const char *directory,
                           enum lk_notary_keys which, struct lk_str passphrase,
                           struct lk_err *err)
{
    LK_CLEANUP(lk_notary_keyring_close)
    struct lk_notary_keyring *keyring = lk_xcalloc(1, sizeof(*keyring));

    if (sodium_init() < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "libsodium does not start on this machine");
    keyring->directory = lk_xasprintf("%s/private", directory);
    if (read_all(keyring, which, passphrase, err) < 0)
        return -1;
    if (keyring->count == 0)
        return lk_err_set(
            err, LK_ERR_NOT_FOUND,
            "%s holds no key to %s with; `lkcoord trust init REPOSITORY` makes one, "
            "`docker trust key load` brings one in",
            keyring->directory,
            which == LK_NOTARY_ROOT_KEYS ? "begin a repository" : "publish");
    if (!lk_notary_keyring_first(keyring)) {
        *err = keyring->entries[0].why;
        return -1;
    }
    *out = LK_TAKE(keyring);
    return 0;
}

static const struct entry *find(const struct lk_notary_keyring *keyring, const char *id)
{
    for (size_t i = 0; i < keyring->count; i++)
        if (strcmp(keyring->entries[i].id, id) == 0)
            return &keyring->entries[i];
    return NULL;
}

/* One that does not open is ours too: who needs it shall hear why. */
static bool has(void *ctx, const char *key_id)
{
    return find(ctx, key_id) != NULL;
}

static int sign(void *ctx, const char *key_id, struct lk_str message,
                struct lk_notary_signature *out, struct lk_err *err)
{
    const struct entry *entry = find(ctx, key_id);

    if (!entry)
        return lk_err_set(err, LK_ERR_DENIED, "the key %s is not here", key_id);
    if (!entry->key) {
        *err = entry->why;
        return -1;
    }
    return lk_notary_private_sign(entry->key, message, out, err);
}

struct lk_notary_signer lk_notary_keyring_signer(struct lk_notary_keyring *keyring)
{
    return (struct lk_notary_signer) { .has = has, .sign = sign, .ctx = keyring };
}

int lk_notary_keyring_save(const char *directory, const struct lk_notary_private *key,
                           const char *role, const char *gun, struct lk_str passphrase,
                           struct lk_err *err)
{
    LK_CLEANUP(wipe) struct lk_buf    pem = LK_BUF_INIT(LK_NOTARY_KEYFILE_MAX);
    LK_CLEANUP(lk_free_pointer) char *folder = lk_xasprintf("%s/private", directory);
    LK_CLEANUP(lk_free_pointer)
    char *path = lk_xasprintf("%s/%s.key", folder, lk_notary_private_id(key));

    if (lk_notary_private_write(key, role, gun, passphrase, &pem, err) < 0 ||
        lk_directory_make(folder, 0700, err) < 0)
        return -1;
    return lk_file_create(path, lk_buf_str(&pem), 0600, err);
}
