#include "common/pkg/spec.h"

#include "common/registry/reference.h"

#include <stdlib.h>
#include <string.h>

static void drop_pairs(struct lk_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(pairs[i].name);
        free(pairs[i].value);
    }
}

static void drop_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
}

void lk_spec_fini(struct lk_spec *spec)
{
    drop_pairs(spec->labels, spec->label_count);
    drop_pairs(spec->arguments, spec->argument_count);
    free(spec->after);
    drop_texts(spec->depends.images, spec->depends.image_count);
    drop_texts(spec->secrets, spec->secret_count);
    *spec = (struct lk_spec) { 0 };
}

static int refuse(struct lk_err *err, const char *field, const char *problem)
{
    return lk_err_set(err, LK_ERR_INVALID, "job specification: %s: %s", field, problem);
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

/* Names stand before a '=' on a builder's command line. */
static bool is_pair_name(const char *name)
{
    return name[0] != '\0' && name[0] != '-' && is_printable(name) && !strpbrk(name, "= ");
}

static int add_pair(struct lk_pair *pairs, size_t *count, const char *field, const char *name,
                    const char *value, struct lk_err *err)
{
    if (*count == LK_SPEC_PAIRS_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "job specification: more than %d %s",
                          LK_SPEC_PAIRS_MAX, field);
    if (!is_pair_name(name))
        return refuse(err, field,
                      "a name is empty, begins with '-' or has a blank or '=' in it");
    pairs[*count] = (struct lk_pair) { lk_xstrdup(name), lk_xstrdup(value) };
    (*count)++;
    return 0;
}

int lk_spec_add_label(struct lk_spec *spec, const char *name, const char *value,
                      struct lk_err *err)
{
    return add_pair(spec->labels, &spec->label_count, "labels", name, value, err);
}

int lk_spec_add_argument(struct lk_spec *spec, const char *name, const char *value,
                         struct lk_err *err)
{
    return add_pair(spec->arguments, &spec->argument_count, "arguments", name, value, err);
}

int lk_spec_add_after(struct lk_spec *spec, const char *repository, const char *tag,
                      struct lk_err *err)
{
    struct lk_spec_target target = { 0 };

    if (spec->after_count == LK_SPEC_AFTER_MAX)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "job specification: it waits for more than %d others",
                          LK_SPEC_AFTER_MAX);
    if (!lk_copy_text(target.repository, sizeof(target.repository), repository) ||
        !lk_copy_text(target.tag, sizeof(target.tag), tag))
        return refuse(err, "after", "too long");
    spec->after = lk_xrealloc(spec->after, (spec->after_count + 1) * sizeof(*spec->after));
    spec->after[spec->after_count++] = target;
    return 0;
}

static int add_text(char **texts, size_t *count, size_t max, const char *field,
                    const char *text, struct lk_err *err)
{
    if (*count == max)
        return lk_err_set(err, LK_ERR_LIMIT, "job specification: more than %zu %s", max, field);
    if (text[0] == '\0' || text[0] == '-' || !is_printable(text))
        return refuse(err, field, "empty, begins with '-' or has control characters in it");
    texts[(*count)++] = lk_xstrdup(text);
    return 0;
}

int lk_spec_add_image(struct lk_spec *spec, const char *image, struct lk_err *err)
{
    return add_text(spec->depends.images, &spec->depends.image_count, LK_SPEC_IMAGES_MAX,
                    "images to save", image, err);
}

int lk_spec_add_secret(struct lk_spec *spec, const char *id, struct lk_err *err)
{
    return add_text(spec->secrets, &spec->secret_count, LK_SPEC_SECRETS_MAX, "secrets", id,
                    err);
}

static int check_target(const char *field, const char *repository, const char *tag,
                        struct lk_err *err)
{
    struct lk_reference reference;

    if (lk_reference_parse(lk_str_of(repository), &reference, err) < 0)
        return lk_err_wrap(err, "job specification: %s", field);
    if (strcmp(reference.repository, repository) != 0)
        return refuse(err, field, "must be HOST/PATH in full, without tag and digest");
    if (!lk_tag_is_valid(lk_str_of(tag)))
        return lk_err_set(err, LK_ERR_INVALID,
                          "job specification: %s: a tag has at most 128 letters, digits, '_', "
                          "'.' and '-', and does not begin with '.' or '-'",
                          field);
    return 0;
}

static int check_arches(const struct lk_spec *spec, struct lk_err *err)
{
    struct lk_arch parsed;

    if (spec->arch_count == 0 && spec->origin == LK_ORIGIN_BUILD)
        return refuse(err, "arches", "there is none to build for");
    if (spec->arch_count > LK_PACKAGE_ARCHES_MAX)
        return refuse(err, "arches", "too many");
    for (size_t i = 0; i < spec->arch_count; i++) {
        const char *name = spec->arches[i].name;
        if (!lk_arch_parse(lk_str_of(name), &parsed))
            return refuse(err, "arches", "not an architecture's name");
        if (i > 0 && lk_arch_compare(&spec->arches[i - 1], &spec->arches[i]) >= 0)
            return refuse(err, "arches", "not in order, or twice the same");
        /* Each architecture's own tag is TAG-ARCH. */
        if (strlen(spec->tag) + 1 + strlen(name) >= LK_TAG_SIZE)
            return refuse(err, "tag", "too long with an architecture's name behind it");
    }
    return 0;
}

/* A path in the build context, to be written to: below it, and not the context itself. */
static bool is_inner_path(const char *path)
{
    if (path[0] == '\0' || path[0] == '/' || !is_printable(path))
        return false;
    for (const char *at = path; *at; at += strspn(at, "/")) {
        size_t len = strcspn(at, "/");

        if ((len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += len;
    }
    return true;
}

static int check_depends(const struct lk_spec_depends *depends, struct lk_err *err)
{
    if (depends->target[0] && depends->target_dir[0])
        return refuse(err, "depends", "target and target-dir exclude each other");
    if (depends->image_count > 0 && !depends->target[0] && !depends->target_dir[0])
        return refuse(err, "depends", "neither target nor target-dir says where images go");
    if (depends->target[0] && !is_inner_path(depends->target))
        return refuse(err, "depends", "target must be a path inside the package");
    if (depends->target_dir[0] && !is_inner_path(depends->target_dir))
        return refuse(err, "depends", "target-dir must be a path inside the package");
    return 0;
}

bool lk_secret_id_is_valid(const char *id)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strspn(id, allowed);

    return len > 0 && len < LK_NAME_SIZE && id[len] == '\0' && id[0] != '.';
}

static int check_built(const struct lk_spec *spec, struct lk_err *err)
{
    if (lk_oid_is_zero(&spec->tree))
        return refuse(err, "tree", "is not set");
    if (spec->dockerfile[0] == '\0' || spec->dockerfile[0] == '/' ||
        strstr(spec->dockerfile, "..") || !is_printable(spec->dockerfile))
        return refuse(err, "dockerfile", "must be a path below the package, without '..'");
    for (size_t i = 0; i < spec->secret_count; i++)
        if (!lk_secret_id_is_valid(spec->secrets[i]))
            return refuse(err, "secrets", "an id may have letters, digits, '.', '_' and '-'");
    return check_depends(&spec->depends, err);
}

int lk_spec_check(const struct lk_spec *spec, struct lk_err *err)
{
    if (!is_printable(spec->path))
        return refuse(err, "path", "has control characters in it");
    if (spec->origin == LK_ORIGIN_BUILD && check_built(spec, err) < 0)
        return -1;
    if (spec->origin == LK_ORIGIN_INDEX &&
        check_target("from", spec->from.repository, spec->from.tag, err) < 0)
        return -1;
    for (size_t i = 0; i < spec->after_count; i++)
        if (check_target("after", spec->after[i].repository, spec->after[i].tag, err) < 0)
            return -1;
    if (check_target("repository", spec->repository, spec->tag, err) < 0)
        return -1;
    return check_arches(spec, err);
}
