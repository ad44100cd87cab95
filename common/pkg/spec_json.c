#include "common/pkg/spec.h"

#include "common/json/writer.h"

#include <jansson.h>
#include <string.h>

static const char *const origins[] = {
    [LK_ORIGIN_BUILD] = "build",
    [LK_ORIGIN_INDEX] = "index",
    [LK_ORIGIN_ARCH_TAGS] = "arch-tags",
};

static void drop_json(json_t **json)
{
    json_decref(*json);
}

static int refuse(struct lk_err *err, const char *field, const char *problem)
{
    return lk_err_set(err, LK_ERR_INVALID, "job specification: %s: %s", field, problem);
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

static void write_arches(struct lk_json *json, const struct lk_spec *spec)
{
    lk_json_key(json, "arches");
    lk_json_begin_array(json);
    for (size_t i = 0; i < spec->arch_count; i++)
        lk_json_text(json, spec->arches[i].name);
    lk_json_end_array(json);
}

static void write_target(struct lk_json *json, const struct lk_spec_target *target)
{
    lk_json_begin_object(json);
    lk_json_text_field(json, "repository", target->repository);
    lk_json_text_field(json, "tag", target->tag);
    lk_json_end_object(json);
}

static void write_texts(struct lk_json *json, const char *key, char *const *texts, size_t count)
{
    lk_json_key(json, key);
    lk_json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        lk_json_text(json, texts[i]);
    lk_json_end_array(json);
}

static void write_depends(struct lk_json *json, const struct lk_spec_depends *depends)
{
    lk_json_key(json, "depends");
    lk_json_begin_object(json);
    lk_json_text_field(json, "target", depends->target);
    lk_json_text_field(json, "target_dir", depends->target_dir);
    write_texts(json, "images", depends->images, depends->image_count);
    lk_json_end_object(json);
}

static bool has_depends(const struct lk_spec_depends *depends)
{
    return depends->target[0] || depends->target_dir[0] || depends->image_count > 0;
}

/* What few packages have is written for those few. */
static void write_rare(struct lk_json *json, const struct lk_spec *spec)
{
    if (spec->is_unsigned) {
        lk_json_bool_field(json, "unsigned", true);
    }
    if (spec->origin != LK_ORIGIN_BUILD)
        lk_json_text_field(json, "origin", origins[spec->origin]);
    if (spec->origin == LK_ORIGIN_INDEX) {
        lk_json_key(json, "from");
        write_target(json, &spec->from);
    }
    if (spec->after_count > 0) {
        lk_json_key(json, "after");
        lk_json_begin_array(json);
        for (size_t i = 0; i < spec->after_count; i++)
            write_target(json, &spec->after[i]);
        lk_json_end_array(json);
    }
    if (has_depends(&spec->depends))
        write_depends(json, &spec->depends);
    if (spec->ssh) {
        lk_json_bool_field(json, "ssh", true);
    }
    if (spec->secret_count > 0)
        write_texts(json, "secrets", spec->secrets, spec->secret_count);
}

int lk_spec_write(const struct lk_spec *spec, struct lk_buf *out, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    struct lk_json                        json = { .out = &bytes };
    char                                  tree[LK_OID_TEXT_SIZE];

    if (lk_spec_check(spec, err) < 0)
        return -1;
    lk_oid_format(&spec->tree, tree);
    lk_json_begin_object(&json);
    lk_json_text_field(&json, "path", spec->path);
    lk_json_text_field(&json, "repository", spec->repository);
    lk_json_text_field(&json, "tag", spec->tag);
    lk_json_text_field(&json, "tree", tree);
    lk_json_text_field(&json, "dockerfile", spec->dockerfile);
    lk_json_bool_field(&json, "network", spec->network);
    lk_json_bool_field(&json, "no_cache", spec->no_cache);
    write_arches(&json, spec);
    write_pairs(&json, "labels", spec->labels, spec->label_count);
    write_pairs(&json, "arguments", spec->arguments, spec->argument_count);
    write_rare(&json, spec);
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

static int read_pairs(const json_t *object, const char *key, struct lk_spec *out,
                      int (*add)(struct lk_spec *spec, const char *name, const char *value,
                                 struct lk_err *err),
                      struct lk_err *err)
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
        if (add(out, name, value, err) < 0)
            return -1;
    }
    return 0;
}

static int read_origin(const json_t *object, enum lk_origin *out, struct lk_err *err)
{
    const char *name = json_string_value(json_object_get(object, "origin"));

    if (!name)
        return refuse(err, "origin", "not text");
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
        if (strcmp(origins[i], name) == 0) {
            *out = (enum lk_origin)i;
            return 0;
        }
    return refuse(err, "origin", "none that this version knows; update coordinator and agents");
}

static int read_target(const json_t *object, struct lk_spec_target *out, struct lk_err *err)
{
    if (read_text(object, "repository", out->repository, sizeof(out->repository), err) < 0)
        return -1;
    return read_text(object, "tag", out->tag, sizeof(out->tag), err);
}

static int read_after(const json_t *list, struct lk_spec *out, struct lk_err *err)
{
    if (!json_is_array(list))
        return refuse(err, "after", "not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct lk_spec_target target;

        if (read_target(json_array_get(list, i), &target, err) < 0 ||
            lk_spec_add_after(out, target.repository, target.tag, err) < 0)
            return -1;
    }
    return 0;
}

static int read_texts(const json_t *list, const char *field, struct lk_spec *out,
                      int (*add)(struct lk_spec *spec, const char *text, struct lk_err *err),
                      struct lk_err *err)
{
    if (!json_is_array(list))
        return refuse(err, field, "missing, or not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));

        if (!text)
            return refuse(err, field, "an entry is not text");
        if (add(out, text, err) < 0)
            return -1;
    }
    return 0;
}

static int read_depends(const json_t *object, struct lk_spec *out, struct lk_err *err)
{
    struct lk_spec_depends *depends = &out->depends;

    if (read_text(object, "target", depends->target, sizeof(depends->target), err) < 0 ||
        read_text(object, "target_dir", depends->target_dir, sizeof(depends->target_dir), err) <
            0)
        return -1;
    return read_texts(json_object_get(object, "images"), "depends", out, lk_spec_add_image,
                      err);
}

static int read_rare(const json_t *object, struct lk_spec *out, struct lk_err *err)
{
    const json_t *after = json_object_get(object, "after");
    const json_t *depends = json_object_get(object, "depends");
    const json_t *secrets = json_object_get(object, "secrets");

    if (json_object_get(object, "unsigned") &&
        read_bool(object, "unsigned", &out->is_unsigned, err) < 0)
        return -1;
    if (json_object_get(object, "origin") && read_origin(object, &out->origin, err) < 0)
        return -1;
    if (out->origin == LK_ORIGIN_INDEX &&
        read_target(json_object_get(object, "from"), &out->from, err) < 0)
        return -1;
    if (after && read_after(after, out, err) < 0)
        return -1;
    if (depends && read_depends(depends, out, err) < 0)
        return -1;
    if (json_object_get(object, "ssh") && read_bool(object, "ssh", &out->ssh, err) < 0)
        return -1;
    return secrets ? read_texts(secrets, "secrets", out, lk_spec_add_secret, err) : 0;
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
        read_pairs(object, "labels", out, lk_spec_add_label, err) < 0 ||
        read_pairs(object, "arguments", out, lk_spec_add_argument, err) < 0 ||
        read_rare(object, out, err) < 0)
        return -1;
    return lk_spec_check(out, err);
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
