#include "coordinator/cli/submission.h"

#include "coordinator/cli/platforms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int open_package(struct lk_submission_item *item, const char *path,
                        const struct lk_submit_values *values, struct lk_err *err)
{
    const struct lk_package_options how = { .org = values->org, .hash = values->hash };

    if (lk_package_open(&item->package, path, &how, err) < 0)
        return -1;
    if (item->package.dirty)
        return lk_err_set(
            err, LK_ERR_CONFLICT,
            "uncommitted changes in %s (for example %s); commit them first: what is "
            "pushed is what git has",
            path, item->package.dirty_example);
    if (lk_git_lacks(item->package.repo, &item->package.tree, item->package.build.dockerfile))
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: git has no %s in it, from which the image is built; add it, or "
                          "name another file by dockerfile in its build.yml",
                          path, item->package.build.dockerfile);
    return 0;
}

static int write_spec(struct lk_submission_item *item, const struct lk_platforms *platforms,
                      bool *skipped, struct lk_err *err)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };

    if (lk_package_spec(&item->package, &spec, err) < 0)
        return -1;
    spec.arch_count = lk_platforms_filter(platforms, spec.arches, spec.arch_count);
    *skipped = spec.arch_count == 0;
    if (*skipped)
        return 0;
    item->spec = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    if (lk_spec_write(&spec, &item->spec, err) < 0)
        return -1;
    lk_git_hash(false, lk_buf_str(&item->spec), &item->spec_id);
    return 0;
}

static void close_item(struct lk_submission_item *item)
{
    lk_package_fini(&item->package);
    lk_buf_fini(&item->spec);
    *item = (struct lk_submission_item) { 0 };
}

/* The same package named twice, by one path or two, is one package. */
static bool is_twin(const struct lk_submission *submission, const struct lk_oid *spec_id)
{
    for (size_t i = 0; i < submission->count; i++)
        if (lk_oid_eq(&submission->items[i].spec_id, spec_id))
            return true;
    return false;
}

static int add_package(struct lk_submission *submission, const char *path,
                       const struct lk_submit_values *values,
                       const struct lk_platforms *platforms, struct lk_err *err)
{
    if (submission->count == LK_PUSH_PACKAGES_MAX)
        return lk_err_set(err, LK_ERR_INVALID,
                          "one push takes at most %d packages; split the list",
                          LK_PUSH_PACKAGES_MAX);

    struct lk_submission_item *item = &submission->items[submission->count];
    bool                       skipped = false;

    if (open_package(item, path, values, err) < 0 ||
        write_spec(item, platforms, &skipped, err) < 0) {
        close_item(item);
        return -1;
    }
    if (skipped)
        lk_complain("%s is skipped: none of its architectures is asked for", path);
    if (skipped || is_twin(submission, &item->spec_id)) {
        close_item(item);
        return 0;
    }
    memcpy(submission->message.specs[submission->count], item->spec_id.sha1,
           sizeof(item->spec_id.sha1));
    submission->message.specs_count = (pb_size_t)++submission->count;
    return 0;
}

static int set_adopt(lk_wire_Submit *message, const struct lk_words *words, struct lk_err *err)
{
    for (size_t i = 0; i < words->count; i++) {
        struct lk_digest digest;

        if (!lk_digest_parse(lk_str_of(words->words[i]), &digest))
            return lk_err_set(err, LK_ERR_INVALID,
                              "--adopt %s: expected sha256: and 64 lower-case hex digits",
                              words->words[i]);
        memcpy(message->adopt[message->adopt_count++], digest.sha256, sizeof(digest.sha256));
    }
    return 0;
}

static int set_replace(lk_wire_Submit *message, const struct lk_words *words,
                       struct lk_err *err)
{
    for (size_t i = 0; i < words->count; i++) {
        struct lk_arch arch;

        if (!lk_arch_parse(lk_str_of(words->words[i]), &arch))
            return lk_err_set(err, LK_ERR_INVALID,
                              "--replace %s: that is no architecture's name", words->words[i]);
        LK_WIRE_TEXT(message->replace[message->replace_count++], arch.name);
    }
    return 0;
}

static int set_message(lk_wire_Submit *message, enum lk_submission_mode mode,
                       const struct lk_submit_values *values, struct lk_err *err)
{
    message->sequential = values->sequential;
    message->in_turn = values->in_turn;
    message->allow_emulation = values->allow_emulation;
    message->no_signature = values->disable_content_trust;
    message->force = values->force;
    message->dry_run = mode == LK_SUBMIT_PLAN;
    message->build_only = mode == LK_SUBMIT_BUILD;
    if (getrandom(message->request_key, sizeof(message->request_key), 0) !=
        sizeof(message->request_key))
        return lk_err_sys(err, "asking the kernel for random bytes");
    if (set_adopt(message, &values->adopt, err) < 0)
        return -1;
    return set_replace(message, &values->replace, err);
}

int lk_submission_open(struct lk_submission *out, enum lk_submission_mode mode,
                       const struct lk_submit_values *values, const char *const *paths,
                       size_t count, struct lk_err *err)
{
    struct lk_platforms platforms;

    *out = (struct lk_submission) { 0 };
    out->items = lk_xcalloc(LK_PUSH_PACKAGES_MAX, sizeof(*out->items));
    if (lk_platforms_parse(&platforms, values->platforms, values->skip_platforms, err) < 0 ||
        set_message(&out->message, mode, values, err) < 0)
        return -1;
    lk_git_init();
    for (size_t i = 0; i < count; i++)
        if (add_package(out, paths[i], values, &platforms, err) < 0)
            return -1;
    return 0;
}

void lk_submission_fini(struct lk_submission *submission)
{
    for (size_t i = 0; i < submission->count; i++)
        close_item(&submission->items[i]);
    free(submission->items);
    *submission = (struct lk_submission) { 0 };
}

/* git's words name an id only, which tells nobody what to look for. */
static int unreadable(const struct lk_package *package, const struct lk_oid *oid,
                      struct lk_err *err)
{
    char path[LK_PATH_SIZE];

    if (!lk_git_path_of(package->repo, &package->tree, oid, path))
        return -1;
    if (err->kind == LK_ERR_LIMIT)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "%s: the file %s is larger than %llu MiB, the most allowed; leave it "
                          "out of the package, or fetch it in the Dockerfile",
                          package->path, path, LK_SOURCE_OBJECT_BYTES_MAX >> 20);
    return lk_err_wrap(err, "%s: %s", package->path, path);
}

static int read_object(void *ctx, const struct lk_oid *oid, bool *is_tree, struct lk_buf *out,
                       struct lk_err *err)
{
    struct lk_submission *submission = ctx;

    for (size_t i = 0; i < submission->count; i++)
        if (lk_oid_eq(&submission->items[i].spec_id, oid)) {
            *is_tree = false;
            if (!lk_buf_add_str(out, lk_buf_str(&submission->items[i].spec)))
                return lk_err_set(err, LK_ERR_LIMIT, "a job specification is too large");
            return 0;
        }
    /* Objects come in runs from one repository: the one that had the last is asked first. */
    for (size_t i = 0; i < submission->count; i++) {
        size_t at = (submission->last_hit + i) % submission->count;
        int    rc = lk_git_read(submission->items[at].package.repo, oid, is_tree, out, err);

        if (rc == 0)
            submission->last_hit = at;
        if (rc == 0)
            return 0;
        if (err->kind != LK_ERR_NOT_FOUND)
            return unreadable(&submission->items[at].package, oid, err);
    }
    return lk_err_set(err, LK_ERR_NOT_FOUND, "no package's repository has the object");
}

struct lk_object_source lk_submission_source(struct lk_submission *submission)
{
    return (struct lk_object_source) { .read = read_object, .ctx = submission };
}
