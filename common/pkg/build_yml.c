#include "common/pkg/build_yml.h"

#include "common/pkg/config_label.h"
#include "common/yaml/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char              *name;
    struct lk_build_yml     *out;
    struct lk_yaml_problems *problems;
    struct lk_err           *err; /* scratch: what is in it goes to the problems */
};

/* One key that is known.  What goes wrong is added to the reader's problems. */
struct field {
    const char *key;
    void (*read)(struct reader *reader, const struct field *field,
                 const struct lk_yaml_node *value);
    size_t              offset; /* in struct lk_build_yml */
    size_t              size;
    const struct field *inner; /* of a mapping; ends with an entry without key */
};

#define IN(member)    offsetof(struct lk_build_yml, member)
#define TEXT(member)  read_text, IN(member), sizeof(((struct lk_build_yml *)NULL)->member), NULL
#define FLAG(member)  read_flag, IN(member), sizeof(bool), NULL
#define TEXTS(member) read_texts, IN(member), sizeof(struct lk_texts), NULL

#define FIELDS_MAX 16

static void read_map(struct reader *reader, const struct field *field,
                     const struct lk_yaml_node *map);
static void read_text(struct reader *reader, const struct field *field,
                      const struct lk_yaml_node *value);
static void read_flag(struct reader *reader, const struct field *field,
                      const struct lk_yaml_node *value);
static void read_texts(struct reader *reader, const struct field *field,
                       const struct lk_yaml_node *value);
static void read_arches(struct reader *reader, const struct field *field,
                        const struct lk_yaml_node *value);
static void read_dockerfile(struct reader *reader, const struct field *field,
                            const struct lk_yaml_node *value);
static void read_config(struct reader *reader, const struct field *field,
                        const struct lk_yaml_node *value);

static const struct field docker_images_fields[] = {
    { "target-dir", TEXT(docker_images.target_dir) },
    { "target", TEXT(docker_images.target) },
    { "from-file", TEXT(docker_images.from_file) },
    { "list", TEXTS(docker_images.list) },
    { 0 },
};

static const struct field depends_fields[] = {
    { "docker-images", read_map, 0, 0, docker_images_fields },
    { 0 },
};

static const struct field fields[] = {
    { "image", TEXT(image) },
    { "org", TEXT(org) },
    { "tag", TEXT(tag) },
    { "dockerfile", read_dockerfile, IN(dockerfile), LK_PATH_SIZE, NULL },
    { "arches", read_arches, 0, 0, NULL },
    { "extra-sources", TEXTS(extra_sources) },
    { "gitrepo", TEXT(gitrepo) },
    { "network", FLAG(network) },
    { "disable-cache", FLAG(disable_cache) },
    { "disable-content-trust", FLAG(disable_content_trust) },
    { "config", read_config, 0, 0, NULL },
    { "buildArgs", TEXTS(build_args) },
    { "depends", read_map, 0, 0, depends_fields },
    { 0 },
};

static const struct field whole = { NULL, read_map, 0, 0, fields };

static void add_problem(struct reader *reader)
{
    lk_yaml_problem_add(reader->problems, reader->err);
}

static void *member_of(const struct reader *reader, const struct field *field)
{
    return (char *)reader->out + field->offset;
}

static const struct field *find_field(const struct field *known, const char *key)
{
    for (; known->key; known++)
        if (strcmp(known->key, key) == 0)
            return known;
    return NULL;
}

static void unknown_key(struct reader *reader, const struct field *known,
                        const struct lk_yaml_node *key)
{
    const char *words[FIELDS_MAX + 1] = { 0 };

    for (size_t i = 0; i < FIELDS_MAX && known[i].key; i++)
        words[i] = known[i].key;
    lk_yaml_unknown_key(key, reader->name, words, reader->err);
    add_problem(reader);
}

static void read_map(struct reader *reader, const struct field *field,
                     const struct lk_yaml_node *map)
{
    if (lk_yaml_is_null(map))
        return;
    if (map->kind != LK_YAML_MAP) {
        if (field->key)
            lk_yaml_mismatch(map, reader->name, field->key, "a mapping (key: value)",
                             reader->err);
        else
            lk_err_set(reader->err, LK_ERR_INVALID, "%s:%u: expected a mapping (key: value)",
                       reader->name, map->line);
        add_problem(reader);
        return;
    }
    for (const struct lk_yaml_node *key = map->first; key; key = key->next) {
        const struct field *known = find_field(field->inner, key->text);

        if (known)
            known->read(reader, known, key->value);
        else
            unknown_key(reader, field->inner, key);
    }
}

static void read_text(struct reader *reader, const struct field *field,
                      const struct lk_yaml_node *value)
{
    if (!lk_yaml_is_null(value) &&
        lk_yaml_text(value, reader->name, field->key, member_of(reader, field), field->size,
                     reader->err) < 0)
        add_problem(reader);
}

static void read_flag(struct reader *reader, const struct field *field,
                      const struct lk_yaml_node *value)
{
    if (!lk_yaml_is_null(value) && lk_yaml_bool(value, reader->name, field->key,
                                                member_of(reader, field), reader->err) < 0)
        add_problem(reader);
}

/* Calls `each` for what is not null in a list of texts. */
static void
each_text(struct reader *reader, const struct field *field, const struct lk_yaml_node *list,
          void (*each)(struct reader *, const struct field *, const struct lk_yaml_node *))
{
    if (lk_yaml_is_null(list))
        return;
    if (list->kind != LK_YAML_LIST) {
        lk_yaml_mismatch(list, reader->name, field->key, "a list", reader->err);
        add_problem(reader);
        return;
    }
    for (const struct lk_yaml_node *item = list->first; item; item = item->next) {
        if (lk_yaml_is_null(item))
            continue;
        if (item->kind == LK_YAML_SCALAR) {
            each(reader, field, item);
            continue;
        }
        lk_yaml_mismatch(item, reader->name, field->key, "a list of texts", reader->err);
        add_problem(reader);
    }
}

static void add_text(struct reader *reader, const struct field *field,
                     const struct lk_yaml_node *item)
{
    lk_texts_add(member_of(reader, field), lk_str_of(item->text));
}

static void read_texts(struct reader *reader, const struct field *field,
                       const struct lk_yaml_node *value)
{
    each_text(reader, field, value, add_text);
}

/* The first reason counts. */
static void LK_PRINTF(2, 3)
    keep_from_building(struct lk_build_yml *build, const char *format, ...)
{
    va_list arguments;

    if (build->unbuildable[0])
        return;
    va_start(arguments, format);
    vsnprintf(build->unbuildable, sizeof(build->unbuildable), format, arguments);
    va_end(arguments);
}

static void add_arch(struct reader *reader, const struct field *field,
                     const struct lk_yaml_node *item)
{
    struct lk_build_yml *out = reader->out;
    struct lk_arch       arch;

    (void)field;
    out->is_built_nowhere = false;
    if (!lk_arch_parse(lk_str_of(item->text), &arch)) {
        keep_from_building(out,
                           "%s:%u: arches: '%.64s' is not an architecture's name as Go writes "
                           "it (amd64, arm64, s390x, riscv64, ...)",
                           reader->name, item->line, item->text);
        return;
    }
    for (size_t i = 0; i < out->arch_count; i++)
        if (lk_arch_eq(&out->arches[i], &arch))
            return;
    if (out->arch_count == LK_PACKAGE_ARCHES_MAX)
        keep_from_building(out, "%s:%u: arches: more than %d architectures", reader->name,
                           item->line, LK_PACKAGE_ARCHES_MAX);
    else
        out->arches[out->arch_count++] = arch;
}

static void read_arches(struct reader *reader, const struct field *field,
                        const struct lk_yaml_node *value)
{
    /* A null or empty list means: built nowhere.  LinuxKit has such packages. */
    reader->out->arch_count = 0;
    reader->out->has_default_arches = false;
    reader->out->is_built_nowhere = true;
    each_text(reader, field, value, add_arch);
}

bool lk_dockerfile_is_inside(const char *path)
{
    return path[0] && path[0] != '/' && !strstr(path, "..");
}

static void read_dockerfile(struct reader *reader, const struct field *field,
                            const struct lk_yaml_node *value)
{
    const char *path = reader->out->dockerfile;

    read_text(reader, field, value);
    if (!lk_dockerfile_is_inside(path))
        keep_from_building(
            reader->out,
            "%s:%u: dockerfile: '%.200s' must be a path below the package, without '..'",
            reader->name, value->line, path);
}

static void read_config(struct reader *reader, const struct field *field,
                        const struct lk_yaml_node *value)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf json = LK_BUF_INIT(LK_CONFIG_LABEL_MAX);

    (void)field;
    if (lk_yaml_is_null(value))
        return;
    if (lk_config_label(value, reader->name, &json, reader->err) < 0)
        add_problem(reader);
    else
        reader->out->config = lk_buf_take(&json);
}

static void set_defaults(struct lk_build_yml *out)
{
    *out = (struct lk_build_yml) {
        .org = "linuxkit",
        .tag = "{{.Hash}}",
        .dockerfile = "Dockerfile",
        .gitrepo = "https://github.com/linuxkit/linuxkit",
        .arch_count = 3,
        .arches = { { "amd64" }, { "arm64" }, { "s390x" } },
        .has_default_arches = true,
    };
}

static int read_all(struct lk_str bytes, const char *name, struct lk_build_yml *out,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root;
    struct lk_yaml_problems                  problems = { 0 };
    struct reader reader = { .name = name, .out = out, .problems = &problems, .err = err };

    if (lk_yaml_parse_all(&yaml, &root, bytes, name, &problems, err) < 0)
        return -1;
    if (root)
        read_map(&reader, &whole, root);
    if (lk_yaml_problems_tell(&problems, err) < 0)
        return -1;
    if (out->image[0] == '\0')
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: field 'image' is required: the image's name", name);
    return 0;
}

int lk_build_yml_read(struct lk_str bytes, const char *name, struct lk_build_yml *out,
                      struct lk_err *err)
{
    set_defaults(out);
    if (read_all(bytes, name, out, err) == 0)
        return 0;
    lk_build_yml_fini(out);
    return -1;
}

void lk_build_yml_fini(struct lk_build_yml *build)
{
    lk_texts_fini(&build->extra_sources);
    lk_texts_fini(&build->build_args);
    lk_texts_fini(&build->docker_images.list);
    free(build->config);
    *build = (struct lk_build_yml) { 0 };
}
