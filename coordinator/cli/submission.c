#include "coordinator/cli/submission.h"

#include "common/registry/reference.h"
#include "common/source/lookup.h"
#include "coordinator/cli/order.h"
#include "coordinator/cli/platforms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* What is longer is hardly a Dockerfile; its words are not looked at. */
#define DOCKERFILE_BYTES_MAX (1024 * 1024)

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

static void close_item(struct lk_submission_item *item)
{
    lk_package_fini(&item->package);
    lk_spec_fini(&item->spec);
    lk_buf_fini(&item->bytes);
    *item = (struct lk_submission_item) { 0 };
}

static struct lk_submission_item *next_item(struct lk_submission *submission,
                                            struct lk_err        *err)
{
    if (submission->count < LK_PUSH_PACKAGES_MAX)
        return &submission->items[submission->count];
    lk_err_set(err, LK_ERR_INVALID,
               "one push takes at most %d packages, and a release tag counts as one more; split "
               "the list",
               LK_PUSH_PACKAGES_MAX);
    return NULL;
}

/* Takes the images from the architectures' own tags, whatever was built from. */
static void take_arch_tags(struct lk_spec *spec)
{
    spec->origin = LK_ORIGIN_ARCH_TAGS;
    spec->tree = (struct lk_oid) { 0 };
    spec->dockerfile[0] = '\0';
}

static int make_spec(struct lk_submission_item *item, enum lk_submission_mode mode,
                     const struct lk_platforms *platforms, bool *skipped, struct lk_err *err)
{
    if (lk_package_spec(&item->package, &item->spec, err) < 0)
        return -1;
    if (mode == LK_SUBMIT_MANIFEST)
        take_arch_tags(&item->spec);
    item->spec.arch_count =
        lk_platforms_filter(platforms, item->spec.arches, item->spec.arch_count);
    *skipped = item->spec.arch_count == 0;
    return 0;
}

static int add_package(struct lk_submission *submission, const char *path,
                       enum lk_submission_mode mode, const struct lk_submit_values *values,
                       const struct lk_platforms *platforms, struct lk_err *err)
{
    struct lk_submission_item *item = next_item(submission, err);
    bool                       skipped = false;

    if (!item)
        return -1;
    if (open_package(item, path, values, err) < 0 ||
        make_spec(item, mode, platforms, &skipped, err) < 0) {
        close_item(item);
        return -1;
    }
    if (skipped) {
        lk_complain("%s is skipped: %s", path,
                    item->package.build.arch_count == 0
                        ? "its build.yml has no architectures"
                        : "none of its architectures is asked for");
        close_item(item);
        return 0;
    }
    submission->count++;
    return 0;
}

/* A further tag for what is published under the package's own. */
static int add_release(struct lk_submission *submission, const struct lk_spec *package,
                       const char *release, struct lk_err *err)
{
    struct lk_submission_item *item = next_item(submission, err);

    if (!item)
        return -1;
    item->spec = (struct lk_spec) {
        .origin = LK_ORIGIN_INDEX,
        .arch_count = package->arch_count,
        .is_unsigned = package->is_unsigned,
    };
    submission->count++;
    memcpy(item->spec.path, package->path, sizeof(item->spec.path));
    memcpy(item->spec.repository, package->repository, sizeof(item->spec.repository));
    memcpy(item->spec.from.repository, package->repository, sizeof(package->repository));
    memcpy(item->spec.from.tag, package->tag, sizeof(package->tag));
    memcpy(item->spec.arches, package->arches, sizeof(item->spec.arches));
    if (!lk_tag_is_valid(lk_str_of(release)) ||
        !lk_copy_text(item->spec.tag, sizeof(item->spec.tag), release))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--release %s: a tag has at most 128 letters, digits, '_', '.' and "
                          "'-', and does not begin with '.' or '-'",
                          release);
    return lk_spec_add_after(&item->spec, package->repository, package->tag, err);
}

struct releasing {
    struct lk_submission *submission;
    const struct lk_spec *package;
    struct lk_err        *err;
    int                   rc;
};

static void release_git_tag(void *ctx, const char *name)
{
    struct releasing *releasing = ctx;

    if (releasing->rc < 0)
        return;
    if (lk_tag_is_valid(lk_str_of(name)))
        releasing->rc =
            add_release(releasing->submission, releasing->package, name, releasing->err);
    else
        lk_complain("%s is not released as '%s', git's tag at HEAD: that is no legal image tag",
                    releasing->package->path, name);
}

/* As linuxkit does: without --release, the git tags at HEAD are releases. */
static int add_releases(struct lk_submission *submission, enum lk_submission_mode mode,
                        const char *release, struct lk_err *err)
{
    size_t count = submission->count;

    for (size_t i = 0; i < count; i++) {
        struct lk_submission_item *item = &submission->items[i];
        struct releasing           releasing = { submission, &item->spec, err, 0 };

        if (release)
            releasing.rc = add_release(submission, &item->spec, release, err);
        else if (mode == LK_SUBMIT_PUSH &&
                 lk_git_each_tag_at_head(item->package.repo, release_git_tag, &releasing, err) <
                     0)
            return -1;
        if (releasing.rc < 0)
            return -1;
    }
    return 0;
}

static int set_copy(struct lk_spec *spec, const char *from, const char *to, struct lk_err *err)
{
    struct lk_reference source, target;

    if (lk_reference_parse(lk_str_of(from), &source, err) < 0 ||
        lk_reference_parse(lk_str_of(to), &target, err) < 0)
        return -1;
    if (!source.tag[0] || !target.tag[0] || source.has_digest || target.has_digest)
        return lk_err_set(err, LK_ERR_INVALID,
                          "remote-tag takes two names with tags, as ORG/IMAGE:TAG; %s has %s",
                          !source.tag[0] || source.has_digest ? from : to,
                          source.has_digest || target.has_digest ? "a digest" : "none");
    spec->origin = LK_ORIGIN_INDEX;
    memcpy(spec->from.repository, source.repository, sizeof(spec->from.repository));
    memcpy(spec->from.tag, source.tag, sizeof(spec->from.tag));
    memcpy(spec->repository, target.repository, sizeof(spec->repository));
    memcpy(spec->tag, target.tag, sizeof(spec->tag));
    lk_copy_text(spec->path, sizeof(spec->path), to);
    return 0;
}

/* Of what a package's Dockerfile cannot be read, the builder will have its say. */
static void read_dockerfile(const struct lk_object_source *source, const struct lk_spec *spec,
                            struct lk_buf *out)
{
    struct lk_err ignored;

    *out = LK_BUF_INIT(DOCKERFILE_BYTES_MAX);
    if (spec->origin == LK_ORIGIN_BUILD)
        lk_lookup_file(source, &spec->tree, spec->dockerfile, out, &ignored);
}

static int order_packages(struct lk_submission *submission, struct lk_err *err)
{
    struct lk_object_source source = lk_submission_source(submission);
    size_t                  count = submission->count;
    struct lk_buf          *texts = lk_xcalloc(count + 1, sizeof(*texts));
    struct lk_str          *dockerfiles = lk_xcalloc(count + 1, sizeof(*dockerfiles));
    struct lk_spec        **specs = lk_xcalloc(count + 1, sizeof(*specs));

    for (size_t i = 0; i < count; i++) {
        specs[i] = &submission->items[i].spec;
        if (count > 1)
            read_dockerfile(&source, specs[i], &texts[i]);
        dockerfiles[i] = lk_buf_str(&texts[i]);
    }

    int rc = lk_order_specs(specs, dockerfiles, count, err);

    for (size_t i = 0; i < count; i++)
        lk_buf_fini(&texts[i]);
    free(texts);
    free(dockerfiles);
    free(specs);
    return rc;
}

static bool has_same_name(const struct lk_spec *a, const struct lk_spec *b)
{
    return strcmp(a->repository, b->repository) == 0 && strcmp(a->tag, b->tag) == 0;
}

/* The same package named twice, by one path or two, is one; two packages under one name are a mistake. */
static int drop_twin(struct lk_submission *submission, size_t at, bool *dropped,
                     struct lk_err *err)
{
    struct lk_submission_item *item = &submission->items[at];

    *dropped = false;
    for (size_t i = 0; i < at; i++) {
        const struct lk_submission_item *other = &submission->items[i];

        if (!has_same_name(&other->spec, &item->spec))
            continue;
        if (!lk_oid_eq(&other->spec.tree, &item->spec.tree) ||
            other->spec.origin != item->spec.origin ||
            strcmp(other->spec.from.tag, item->spec.from.tag) != 0)
            return lk_err_set(err, LK_ERR_INVALID,
                              "%s and %s would both be published as %s:%s; push them under "
                              "different names",
                              other->spec.path, item->spec.path, item->spec.repository,
                              item->spec.tag);
        *dropped = true;
        close_item(item);
        return 0;
    }
    return 0;
}

static int drop_twins(struct lk_submission *submission, struct lk_err *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < submission->count; i++) {
        bool dropped;

        if (kept < i) {
            submission->items[kept] = submission->items[i];
            submission->items[i] = (struct lk_submission_item) { 0 };
        }
        if (drop_twin(submission, kept, &dropped, err) < 0) {
            submission->count = kept + 1; /* TODO */
            return -1;
        }
        kept += dropped ? 0 : 1;
    }
    submission->count = kept;
    return 0;
}

static int write_specs(struct lk_submission *submission, struct lk_err *err)
{
    for (size_t i = 0; i < submission->count; i++) {
        struct lk_submission_item *item = &submission->items[i];

        item->bytes = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
        if (lk_spec_write(&item->spec, &item->bytes, err) < 0)
            return -1;
        lk_git_hash(false, lk_buf_str(&item->bytes), &item->spec_id);
        memcpy(submission->message.specs[i], item->spec_id.sha1, sizeof(item->spec_id.sha1));
    }
    submission->message.specs_count = (pb_size_t)submission->count;
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
    message->no_build = values->no_build;
    message->no_arch_tags = values->no_arch_tags;
    if (getrandom(message->request_key, sizeof(message->request_key), 0) !=
        sizeof(message->request_key))
        return lk_err_sys(err, "asking the kernel for random bytes");
    if (set_adopt(message, &values->adopt, err) < 0)
        return -1;
    return set_replace(message, &values->replace, err);
}

static int add_all(struct lk_submission *submission, enum lk_submission_mode mode,
                   const struct lk_submit_values *values, const char *const *paths,
                   size_t count, struct lk_err *err)
{
    struct lk_platforms platforms;

    if (lk_platforms_parse(&platforms, values->platforms, values->skip_platforms, err) < 0)
        return -1;
    if (mode == LK_SUBMIT_COPY) {
        submission->count = 1;
        submission->items[0].spec.arch_count =
            lk_platforms_only(&platforms, submission->items[0].spec.arches);
        return set_copy(&submission->items[0].spec, paths[0], paths[1], err);
    }
    for (size_t i = 0; i < count; i++)
        if (add_package(submission, paths[i], mode, values, &platforms, err) < 0)
            return -1;
    if (drop_twins(submission, err) < 0)
        return -1;
    return mode == LK_SUBMIT_BUILD ? 0 : add_releases(submission, mode, values->release, err);
}

int lk_submission_open(struct lk_submission *out, enum lk_submission_mode mode,
                       const struct lk_submit_values *values, const char *const *paths,
                       size_t count, struct lk_err *err)
{
    *out = (struct lk_submission) { 0 };
    out->items = lk_xcalloc(LK_PUSH_PACKAGES_MAX, sizeof(*out->items));
    if (set_message(&out->message, mode, values, err) < 0)
        return -1;
    lk_git_init();
    if (add_all(out, mode, values, paths, count, err) < 0 || order_packages(out, err) < 0)
        return -1;
    return write_specs(out, err);
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
            if (!lk_buf_add_str(out, lk_buf_str(&submission->items[i].bytes)))
                return lk_err_set(err, LK_ERR_LIMIT, "a job specification is too large");
            return 0;
        }
    /* Objects come in runs from one repository: the one that had the last is asked first. */
    for (size_t i = 0; i < submission->count; i++) {
        size_t at = (submission->last_hit + i) % submission->count;

        if (!submission->items[at].package.repo)
            continue;

        int rc = lk_git_read(submission->items[at].package.repo, oid, is_tree, out, err);

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
