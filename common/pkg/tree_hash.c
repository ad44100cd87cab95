#include "common/pkg/tree_hash.h"

#include "common/base/hex.h"
#include "common/git/contents.h"
#include "common/pkg/source_state.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX_DIGITS 7

static int check_hash_path(const struct lk_tree_hash_options *options, struct lk_err *err)
{
    const char *hash_path = options->hash_path;

    /* As text: that is how LinuxKit compares; a path in between is then found not to be committed. */
    if (!hash_path || strncmp(options->path, hash_path, strlen(hash_path)) == 0)
        return 0;
    return lk_err_set(err, LK_ERR_INVALID,
                      "--hash-path %s: it has to be the package %s or a directory above it",
                      hash_path, options->path);
}

static void note_dirt(struct lk_tree_hash *out, const struct lk_source_state *state)
{
    if (state->dirty && !out->dirty)
        memcpy(out->dirty_example, state->example, sizeof(out->dirty_example));
    out->dirty = out->dirty || state->dirty;
}

static int open_sources(const struct lk_tree_hash_options *options, const char *commit,
                        struct lk_source_state *states, struct lk_err *err)
{
    for (size_t i = 0; i < options->source_count; i++)
        if (lk_source_state_open(&states[i], options->sources[i].src, NULL, commit, err) < 0)
            return lk_err_wrap(err, "%s: extra source", options->path);
    return 0;
}

/* One id stands for itself, several for the digest of their texts in a row. */
static void hash_ids(const struct lk_source_state *package,
                     const struct lk_source_state *sources, size_t count, char *text)
{
    LK_CLEANUP(lk_free_pointer)
    char         *row = lk_xmalloc((count + 1) * (LK_OID_TEXT_SIZE - 1) + 1);
    struct lk_oid digest = package->entry.oid;

    lk_oid_format(&package->entry.oid, row);
    for (size_t i = 0; i < count; i++)
        lk_oid_format(&sources[i].entry.oid, row + (i + 1) * (LK_OID_TEXT_SIZE - 1));
    if (count > 0)
        lk_assert(EVP_Digest(row, strlen(row), digest.sha1, NULL, EVP_sha1(), NULL) == 1);
    lk_oid_format(&digest, text);
}

static int hash_source(const struct lk_source_state *state, const char *path,
                       struct lk_sha256_stream *hash, struct lk_err *err)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return lk_git_hash_directory(state->repo, path, hash, err);
    return lk_git_hash_file(path, hash, err);
}

static int add_suffix(const struct lk_tree_hash_options *options,
                      const struct lk_source_state      *package,
                      const struct lk_source_state *sources, char *text, struct lk_err *err)
{
    LK_CLEANUP(lk_sha256_close) struct lk_sha256_stream *hash = NULL;
    struct lk_digest                                     digest;
    char                                                 digits[2 * sizeof(digest.sha256) + 1];

    /* The package's own files always, also if `hash_path` is another directory. */
    if (lk_sha256_open(&hash, err) < 0 ||
        lk_git_hash_directory(package->repo, options->path, hash, err) < 0)
        return -1;
    for (size_t i = 0; i < options->source_count; i++)
        if (sources[i].dirty &&
            hash_source(&sources[i], options->sources[i].src, hash, err) < 0)
            return -1;
    if (lk_sha256_end(hash, &digest, err) < 0)
        return -1;
    lk_hex_encode(digits, digest.sha256, sizeof(digest.sha256));
    sprintf(text + strlen(text), "-dirty-%.*s", SUFFIX_DIGITS, digits);
    return 0;
}

static int hash_all(const struct lk_tree_hash_options *options, struct lk_source_state *package,
                    struct lk_source_state *sources, struct lk_tree_hash *out,
                    struct lk_err *err)
{
    const char *commit = options->commit ? options->commit : "HEAD";
    const char *hash_path = options->hash_path ? options->hash_path : options->path;

    if (open_sources(options, commit, sources, err) < 0 ||
        lk_source_state_open(package, hash_path, options->path, commit, err) < 0 ||
        lk_git_head(package->repo, &out->head, &out->head_time_s, err) < 0)
        return -1;
    note_dirt(out, package);
    for (size_t i = 0; i < options->source_count; i++)
        note_dirt(out, &sources[i]);
    out->dirty = out->dirty || options->force_dirty;
    hash_ids(package, sources, options->source_count, out->text);
    return out->dirty ? add_suffix(options, package, sources, out->text, err) : 0;
}

int lk_tree_hash(const struct lk_tree_hash_options *options, struct lk_tree_hash *out,
                 struct lk_err *err)
{
    LK_CLEANUP(lk_source_state_close) struct lk_source_state package = { 0 };
    LK_CLEANUP(lk_free_pointer)
    struct lk_source_state *sources = lk_xcalloc(options->source_count + 1, sizeof(*sources));

    *out = (struct lk_tree_hash) { 0 };
    if (check_hash_path(options, err) < 0)
        return -1;
    int rc = hash_all(options, &package, sources, out, err);
    for (size_t i = 0; i < options->source_count; i++)
        lk_source_state_close(&sources[i]);
    return rc;
}
