#include "common/pkg/build_yml.h"

#include "common/yaml/yaml.h"

#include <stdio.h>
#include <string.h>

static const char *const fields[] = { "image",         "org",     "arches",     "network",
                                      "disable-cache", "gitrepo", "dockerfile", NULL };

/* Those that LinuxKit knows, of 2018 and of today. */
static const char *const later_fields[] = { "tag",    "extra-sources", "disable-content-trust",
                                            "config", "buildArgs",     "depends",
                                            NULL };

static int check_fields(const struct lk_yaml_node *root, const char *name, struct lk_err *err)
{
    for (const char *const *field = later_fields; *field; field++)
        for (const struct lk_yaml_node *key = root->first; key; key = key->next)
            if (key->value && strcmp(key->text, *field) == 0)
                return lk_err_set(
                    err, LK_ERR_INVALID,
                    "%s:%u: field '%s' is not supported yet by this version of lkcoord", name,
                    key->line, *field);
    return lk_yaml_check_keys(root, name, fields, err);
}

/* A missing or null field keeps what `out` holds. */
static int read_text(const struct lk_yaml_node *root, const char *name, const char *key,
                     char *out, size_t size, struct lk_err *err)
{
    const struct lk_yaml_node *value = lk_yaml_get(root, key);

    if (!value || lk_yaml_is_null(value))
        return 0;
    return lk_yaml_text(value, name, key, out, size, err);
}

static int read_bool(const struct lk_yaml_node *root, const char *name, const char *key,
                     bool *out, struct lk_err *err)
{
    const struct lk_yaml_node *value = lk_yaml_get(root, key);

    if (!value || lk_yaml_is_null(value))
        return 0;
    return lk_yaml_bool(value, name, key, out, err);
}

static int add_arch(struct lk_build_yml *out, const struct lk_yaml_node *item, const char *name,
                    struct lk_err *err)
{
    struct lk_arch arch;
    char           text[LK_PATH_SIZE];

    if (lk_yaml_is_null(item))
        return 0;
    if (lk_yaml_text(item, name, "arches", text, sizeof(text), err) < 0)
        return -1;
    if (!lk_arch_parse(lk_str_of(text), &arch))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s:%u: arches: '%.64s' is not an architecture's name as Go writes it "
            "(amd64, arm64, s390x, riscv64, ...)",
            name, item->line, text);
    for (size_t i = 0; i < out->arch_count; i++)
        if (lk_arch_eq(&out->arches[i], &arch))
            return 0;
    if (out->arch_count == LK_PACKAGE_ARCHES_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "%s:%u: arches: more than %d architectures", name,
                          item->line, LK_PACKAGE_ARCHES_MAX);
    out->arches[out->arch_count++] = arch;
    return 0;
}

static int read_arches(const struct lk_yaml_node *root, const char *name,
                       struct lk_build_yml *out, struct lk_err *err)
{
    const struct lk_yaml_node *list = lk_yaml_get(root, "arches");

    if (!list)
        return 0;
    /* A null or empty list means: built nowhere.  LinuxKit has such packages. */
    out->arch_count = 0;
    if (lk_yaml_is_null(list))
        return 0;
    if (list->kind != LK_YAML_LIST)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s:%u: arches: expected a list of architectures", name, list->line);
    for (const struct lk_yaml_node *item = list->first; item; item = item->next)
        if (add_arch(out, item, name, err) < 0)
            return -1;
    return 0;
}

static int check_values(const struct lk_yaml_node *root, const char *name,
                        const struct lk_build_yml *out, struct lk_err *err)
{
    const struct lk_yaml_node *dockerfile = lk_yaml_get(root, "dockerfile");

    if (out->image[0] == '\0')
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: field 'image' is required: the image's name", name);
    if (out->dockerfile[0] == '\0' || out->dockerfile[0] == '/' ||
        strstr(out->dockerfile, ".."))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s:%u: dockerfile: '%.200s' must be a path below the package, without '..'", name,
            dockerfile->line, out->dockerfile);
    return 0;
}

static void set_defaults(struct lk_build_yml *out)
{
    *out = (struct lk_build_yml) {
        .org = "linuxkit",
        .dockerfile = "Dockerfile",
        .gitrepo = "https://github.com/linuxkit/linuxkit",
        .arch_count = 3,
        .arches = { { "amd64" }, { "arm64" }, { "s390x" } },
    };
}

int lk_build_yml_read(struct lk_str bytes, const char *name, struct lk_build_yml *out,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root;

    set_defaults(out);
    if (lk_yaml_parse(&yaml, &root, bytes, name, err) < 0)
        return -1;
    if (root && check_fields(root, name, err) < 0)
        return -1;
    if (read_text(root, name, "image", out->image, sizeof(out->image), err) < 0 ||
        read_text(root, name, "org", out->org, sizeof(out->org), err) < 0 ||
        read_text(root, name, "dockerfile", out->dockerfile, sizeof(out->dockerfile), err) <
            0 ||
        read_text(root, name, "gitrepo", out->gitrepo, sizeof(out->gitrepo), err) < 0 ||
        read_bool(root, name, "network", &out->network, err) < 0 ||
        read_bool(root, name, "disable-cache", &out->disable_cache, err) < 0 ||
        read_arches(root, name, out, err) < 0)
        return -1;
    return check_values(root, name, out, err);
}
