#include "common/pkg/spec.h"

#include "common/json/writer.h"
#include "common/registry/reference.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void drop_json(json_t **json)
{
    json_decref(*json);
}

static void drop_pairs(struct lk_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(pairs[i].name);
        free(pairs[i].value);
    }
}

void lk_spec_fini(struct lk_spec *spec)
{
    drop_pairs(spec->labels, spec->label_count);
    drop_pairs(spec->arguments, spec->argument_count);
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

static int check_reference(const struct lk_spec *spec, struct lk_err *err)
{
    struct lk_reference reference;

    if (lk_reference_parse(lk_str_of(spec->repository), &reference, err) < 0)
        return lk_err_wrap(err, "job specification: repository");
    if (strcmp(reference.repository, spec->repository) != 0)
        return refuse(err, "repository", "must be HOST/PATH in full, without tag and digest");
    if (!lk_tag_is_valid(lk_str_of(spec->tag)))
        return refuse(
            err, "tag",
            "must be at most 128 letters, digits, '_', '.' and '-', and not begin with "
            "'.' or '-'");
    return 0;
}

static int check_arches(const struct lk_spec *spec, struct lk_err *err)
{
    struct lk_arch parsed;

    if (spec->arch_count == 0)
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

static int check(const struct lk_spec *spec, struct lk_err *err)
{
    if (!is_printable(spec->path))
        return refuse(err, "path", "has control characters in it");
    if (lk_oid_is_zero(&spec->tree))
        return refuse(err, "tree", "is not set");
    if (spec->dockerfile[0] == '\0' || spec->dockerfile[0] == '/' ||
        strstr(spec->dockerfile, "..") || !is_printable(spec->dockerfile))
        return refuse(err, "dockerfile", "must be a path below the package, without '..'");
    if (check_reference(spec, err) < 0)
        return -1;
    return check_arches(spec, err);
}

static void write_pairs(struct lk_json *json, const char *key, const struct lk_pair *pairs,
                        size_t count)
{
    lk_json_key(json, key);
    lk_json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        lk_json_begin_object(json);
        lk_json_key(json, "name");
        lk_json_text(json, pairs[i].name);
        lk_json_key(json, "value");
        lk_json_text(json, pairs[i].value);
        lk_json_end_object(json);
    }
    lk_json_end_array(json);
}

static void write_text(struct lk_json *json, const char *key, const char *value)
{
    lk_json_key(json, key);
    lk_json_text(json, value);
}

static void write_arches(struct lk_json *json, const struct lk_spec *spec)
{
    lk_json_key(json, "arches");
    lk_json_begin_array(json);
    for (size_t i = 0; i < spec->arch_count; i++)
        lk_json_text(json, spec->arches[i].name);
    lk_json_end_array(json);
}

int lk_spec_write(const struct lk_spec *spec, struct lk_buf *out, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    struct lk_json                        json = { .out = &bytes };
    char                                  tree[LK_OID_TEXT_SIZE];

    if (check(spec, err) < 0)
        return -1;
    lk_oid_format(&spec->tree, tree);
    lk_json_begin_object(&json);
    write_text(&json, "path", spec->path);
    write_text(&json, "repository", spec->repository);
    write_text(&json, "tag", spec->tag);
    write_text(&json, "tree", tree);
    write_text(&json, "dockerfile", spec->dockerfile);
    lk_json_key(&json, "network");
    lk_json_bool(&json, spec->network);
    lk_json_key(&json, "no_cache");
    lk_json_bool(&json, spec->no_cache);
    write_arches(&json, spec);
    write_pairs(&json, "labels", spec->labels, spec->label_count);
    write_pairs(&json, "arguments", spec->arguments, spec->argument_count);
    lk_json_end_object(&json);
    if (!lk_buf_ok(&bytes) || !lk_buf_add_str(out, lk_buf_str(&bytes)))
        return lk_err_set(
            err, LK_ERR_LIMIT,
            "job specification of %.200s: larger than %d bytes, or a path, label or "
            "argument is not UTF-8",
            spec->path, LK_SPEC_BYTES_MAX);
    return 0;
}

static int read_text(const json_t *object, const char *key, char *out, size_t size,
                     struct lk_err *err)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_string(value))
        return refuse(err, key, "missing, or not text");
    if (!lk_copy_text(out, size, json_string_value(value)))
        return refuse(err, key, "too long");
    return 0;
}

static int read_bool(const json_t *object, const char *key, bool *out, struct lk_err *err)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_boolean(value))
        return refuse(err, key, "missing, or neither true nor false");
    *out = json_is_true(value);
    return 0;
}

static int read_tree(const json_t *object, struct lk_oid *out, struct lk_err *err)
{
    char text[LK_OID_TEXT_SIZE];

    if (read_text(object, "tree", text, sizeof(text), err) < 0)
        return -1;
    return lk_oid_parse(lk_str_of(text), out) ? 0 : refuse(err, "tree", "not a git object id");
}

static int read_arches(const json_t *object, struct lk_spec *out, struct lk_err *err)
{
    const json_t *list = json_object_get(object, "arches");

    if (!json_is_array(list))
        return refuse(err, "arches", "missing, or not a list");
    if (json_array_size(list) > LK_PACKAGE_ARCHES_MAX)
        return refuse(err, "arches", "too many");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name || !lk_arch_parse(lk_str_of(name), &out->arches[i]))
            return refuse(err, "arches", "not an architecture's name");
        out->arch_count++;
    }
    return 0;
}

static int read_pairs(const json_t *object, const char *key, struct lk_pair *pairs,
                      size_t *count, struct lk_err *err)
{
    const json_t *list = json_object_get(object, key);

    if (!json_is_array(list))
        return refuse(err, key, "missing, or not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char   *name = json_string_value(json_object_get(item, "name"));
        const char   *value = json_string_value(json_object_get(item, "value"));
        if (!name || !value)
            return refuse(err, key, "an entry lacks its name or value");
        if (add_pair(pairs, count, key, name, value, err) < 0)
            return -1;
    }
    return 0;
}

static int read_object(const json_t *object, struct lk_spec *out, struct lk_err *err)
{
    if (!json_is_object(object))
        return lk_err_set(err, LK_ERR_INVALID, "job specification: not a JSON object");
    if (read_text(object, "path", out->path, sizeof(out->path), err) < 0 ||
        read_text(object, "repository", out->repository, sizeof(out->repository), err) < 0 ||
        read_text(object, "tag", out->tag, sizeof(out->tag), err) < 0 ||
        read_tree(object, &out->tree, err) < 0 ||
        read_text(object, "dockerfile", out->dockerfile, sizeof(out->dockerfile), err) < 0 ||
        read_bool(object, "network", &out->network, err) < 0 ||
        read_bool(object, "no_cache", &out->no_cache, err) < 0 ||
        read_arches(object, out, err) < 0 ||
        read_pairs(object, "labels", out->labels, &out->label_count, err) < 0 ||
        read_pairs(object, "arguments", out->arguments, &out->argument_count, err) < 0)
        return -1;
    return check(out, err);
}

int lk_spec_read(struct lk_str bytes, struct lk_spec *out, struct lk_err *err)
{
    LK_CLEANUP(drop_json) json_t *object = NULL;
    json_error_t                  problem;

    *out = (struct lk_spec) { 0 };
    if (bytes.len > LK_SPEC_BYTES_MAX)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "job specification: %zu bytes; at most %d are read", bytes.len,
                          LK_SPEC_BYTES_MAX);
    object = json_loadb(bytes.data, bytes.len, JSON_REJECT_DUPLICATES, &problem);
    if (!object)
        return lk_err_set(err, LK_ERR_INVALID, "job specification: not JSON: %s", problem.text);
    if (read_object(object, out, err) == 0)
        return 0;
    lk_spec_fini(out);
    return -1;
}
