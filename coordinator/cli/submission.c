#include "coordinator/cli/submission.h"

#include "common/pkg/arguments.h"
#include "common/source/lookup.h"
#include "common/source/tree.h"
#include "coordinator/cli/config.h"
#include "coordinator/cli/order.h"
#include "coordinator/cli/platforms.h"
#include "coordinator/cli/submission_parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is longer is hardly a Dockerfile; its words are not looked at. */
#define DOCKERFILE_BYTES_MAX (1024 * 1024)

static int open_context(struct lk_submission_item *item, struct lk_err *err)
{
    const struct lk_package *package = &item->package;

    if (lk_context_open(&item->context, package, err) < 0)
        return -1;
    if (lk_context_lacks(&item->context, package->build.dockerfile))
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: git has no %s in it, from which the image is built; add it, or "
                          "name another file: dockerfile in its build.yml, or --dockerfile",
                          package->path, package->build.dockerfile);
    return 0;
}

/* What all packages of a submission are opened and built by. */
struct manner {
    enum lk_submission_mode   mode;
    bool                      is_published; /* whether others will see it */
    struct lk_package_options options;
    const char               *dockerfile; /* NULL: build.yml's */
    struct lk_platforms       platforms;
    struct lk_texts           arguments; /* of --build-arg-file */
};

static void drop_manner(struct manner *manner)
{
    lk_texts_fini(&manner->arguments);
}

/* A layout on this machine is made by a push to the private coordinator's shelf, which is not one. */
static bool is_published(enum lk_submission_mode mode, const struct lk_submit_values *values)
{
    return mode != LK_SUBMIT_BUILD && mode != LK_SUBMIT_PLAN &&
           (!values->layout || values->staging);
}

static int read_manner(struct manner *out, enum lk_submission_mode mode,
                       const struct lk_submit_values *values, struct lk_err *err)
{
    const struct lk_words *files = &values->build_arg_files;

    out->mode = mode;
    out->is_published = is_published(mode, values);
    out->dockerfile = values->dockerfile;
    if (lk_package_options_of(&values->package, &out->options, err) < 0 ||
        lk_config_default_arches(values->config, out->options.default_arches,
                                 &out->options.default_arch_count, err) < 0 ||
        lk_platforms_parse(&out->platforms, values->platforms, values->skip_platforms, err) < 0)
        return -1;
    for (size_t i = 0; i < files->count; i++)
        if (lk_arguments_read_file(&out->arguments, files->words[i], err) < 0)
            return -1;
    return 0;
}

static int set_dockerfile(struct lk_package *package, const char *dockerfile,
                          struct lk_err *err)
{
    if (!dockerfile)
        return 0;
    if (!lk_dockerfile_is_inside(dockerfile))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "--dockerfile '%.200s' must be a path below the package, without '..'", dockerfile);
    if (!lk_copy_text(package->build.dockerfile, sizeof(package->build.dockerfile), dockerfile))
        return lk_err_set(err, LK_ERR_INVALID, "--dockerfile %.100s...: too long", dockerfile);
    return 0;
}

static bool is_named_git(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strcasecmp(slash ? slash + 1 : path, ".git") == 0;
}

static int refuse_dirty(const struct lk_package *package, struct lk_err *err)
{
    if (!package->dirty_example[0])
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "%s: with --force-dirty it can be built, not pushed: what is pushed "
                          "is what git has",
                          package->path);
    if (is_named_git(package->dirty_example))
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: git has an entry named %s, which no checkout can have and only "
                          "a forged commit holds; remove it from the history",
                          package->path, package->dirty_example);
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "uncommitted changes in %s (for example %s); commit them first: what is "
                      "pushed is what git has",
                      package->path, package->dirty_example);
}

static int open_package(struct lk_submission_item *item, const char *path,
                        const struct manner *manner, struct lk_err *err)
{
    if (lk_package_open(&item->package, path, &manner->options, err) < 0 ||
        set_dockerfile(&item->package, manner->dockerfile, err) < 0)
        return -1;
    if (item->package.build.is_built_nowhere)
        return 0;
    if (item->package.dirty && manner->is_published)
        return refuse_dirty(&item->package, err);
    return manner->mode == LK_SUBMIT_MANIFEST ? 0 : open_context(item, err);
}

/* Takes the images from the architectures' own tags, whatever was built from. */
static void take_arch_tags(struct lk_spec *spec)
{
    spec->origin = LK_ORIGIN_ARCH_TAGS;
    spec->tree = (struct lk_oid) { 0 };
    spec->dockerfile[0] = '\0';
}

static int make_spec(struct lk_submission_item *item, const struct manner *manner,
                     bool *skipped, struct lk_err *err)
{
    *skipped = item->package.build.is_built_nowhere;
    if (*skipped)
        return 0;
    if (manner->mode == LK_SUBMIT_MANIFEST) {
        if (lk_package_spec_of_images(&item->package, &item->spec, err) < 0)
            return -1;
        take_arch_tags(&item->spec);
    } else {
        if (lk_package_spec(&item->package, &item->spec, err) < 0 ||
            lk_arguments_override(&item->spec, &manner->arguments, err) < 0)
            return -1;
        item->spec.tree = item->context.tree;
    }
    item->spec.arch_count =
        lk_platforms_filter(&manner->platforms, item->spec.arches, item->spec.arch_count);
    *skipped = item->spec.arch_count == 0;
    return 0;
}

static int add_package(struct lk_submission *submission, const char *path,
                       const struct manner *manner, struct lk_err *err)
{
    struct lk_submission_item *item = lk_submission_next(submission, err);
    bool                       skipped = false;

    if (!item)
        return -1;
    if (open_package(item, path, manner, err) < 0 ||
        make_spec(item, manner, &skipped, err) < 0) {
        lk_submission_close_item(item);
        return -1;
    }
    if (skipped) {
        lk_complain("%s is skipped: %s", path,
                    item->package.build.arch_count == 0
                        ? "its build.yml has no architectures"
                        : "none of its architectures is asked for");
        lk_submission_close_item(item);
        return 0;
    }
    return lk_submission_keep(submission, item, err);
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

static int write_specs(struct lk_submission *submission, struct lk_secrets *secrets,
                       struct lk_err *err)
{
    for (size_t i = 0; i < submission->count; i++) {
        struct lk_submission_item *item = &submission->items[i];

        item->bytes = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
        if (lk_secrets_mark(secrets, &item->spec, err) < 0 ||
            lk_spec_write(&item->spec, &item->bytes, err) < 0)
            return -1;
        lk_git_hash(false, lk_buf_str(&item->bytes), &item->spec_id);
        lk_secrets_know(secrets, &item->spec_id);
        memcpy(submission->message.specs[i], item->spec_id.sha1, sizeof(item->spec_id.sha1));
    }
    submission->message.specs_count = (pb_size_t)submission->count;
    return 0;
}

/* Tags of git are for what all can see; a layout may be made of what is not committed. */
static bool has_git_tags(enum lk_submission_mode mode, const struct lk_submit_values *values)
{
    return (mode == LK_SUBMIT_PUSH && !values->layout) || mode == LK_SUBMIT_PLAN;
}

static int add_all(struct lk_submission *submission, enum lk_submission_mode mode,
                   const struct lk_submit_values *values, const char *const *paths,
                   size_t count, struct lk_err *err)
{
    LK_CLEANUP(lk_git_group_free) struct lk_git_group *group = NULL;
    LK_CLEANUP(drop_manner) struct manner              manner = { 0 };

    if (mode == LK_SUBMIT_COPY)
        return lk_submission_add_copy(submission, paths[0], paths[1], err);
    if (read_manner(&manner, mode, values, err) < 0)
        return -1;
    group = lk_package_group(paths, count);
    for (size_t i = 0; i < count; i++)
        if (add_package(submission, paths[i], &manner, err) < 0)
            return -1;
    return mode == LK_SUBMIT_BUILD
               ? 0
               : lk_submission_add_releases(submission, has_git_tags(mode, values),
                                            &values->releases, err);
}

int lk_submission_open(struct lk_submission *out, enum lk_submission_mode mode,
                       const struct lk_submit_values *values, const char *const *paths,
                       size_t count, struct lk_err *err)
{
    *out = (struct lk_submission) { 0 };
    out->items = lk_xcalloc(LK_PUSH_PACKAGES_MAX, sizeof(*out->items));
    if (lk_submission_set_message(&out->message, mode, values, err) < 0)
        return -1;
    lk_git_init();
    if (add_all(out, mode, values, paths, count, err) < 0 || order_packages(out, err) < 0)
        return -1;
    return write_specs(out, values->secrets, err);
}

void lk_submission_fini(struct lk_submission *submission)
{
    for (size_t i = 0; i < submission->count; i++)
        lk_submission_close_item(&submission->items[i]);
    free(submission->items);
    *submission = (struct lk_submission) { 0 };
}

static int pass(void *ctx, const struct lk_tree_entry *entry, struct lk_err *err)
{
    (void)ctx;
    (void)entry;
    (void)err;
    return 0;
}

/* The coordinator would refuse it too, but it cannot say in which directory. */
static int check_tree(const struct lk_submission *submission, const struct lk_oid *oid,
                      struct lk_str bytes, struct lk_err *err)
{
    char path[LK_PATH_SIZE];

    if (lk_tree_read(bytes, pass, NULL, err) == 0)
        return 0;
    for (size_t i = 0; i < submission->count; i++)
        if (lk_context_find(&submission->items[i].context, oid, path))
            return lk_err_wrap(err, "%s", path);
    return -1;
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
    /* Objects come in runs from one package: the one that had the last is asked first. */
    for (size_t i = 0; i < submission->count; i++) {
        size_t at = (submission->last_hit + i) % submission->count;

        if (lk_context_read(&submission->items[at].context, oid, is_tree, out, err) == 0) {
            submission->last_hit = at;
            return *is_tree ? check_tree(submission, oid, lk_buf_str(out), err) : 0;
        }
        if (err->kind != LK_ERR_NOT_FOUND)
            return -1;
    }
    for (size_t i = 0; i < submission->count; i++)
        if (lk_context_misses(&submission->items[i].context, oid, err))
            return -1;
    return lk_err_set(err, LK_ERR_NOT_FOUND, "no package's repository has the object");
}

struct lk_object_source lk_submission_source(struct lk_submission *submission)
{
    return (struct lk_object_source) { .read = read_object, .ctx = submission };
}
