#include "common/pkg/config_label.h"

#include "common/json/writer.h"
#include "common/pkg/config_label_fields.h"
#include "common/pkg/config_label_scalar.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is written after the first problem is thrown away; the writing goes on to find the others. */
struct writer {
    struct lk_json          json;
    const char             *name; /* the file's */
    struct lk_yaml_problems problems;
};

static void refuse(struct writer *writer, const struct lk_yaml_node *node, const char *key,
                   const char *expected)
{
    struct lk_err err = { 0 };

    lk_yaml_mismatch(node, writer->name, key, expected, &err);
    lk_yaml_problem_add(&writer->problems, &err);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp((*(const struct lk_yaml_node *const *)a)->text,
                  (*(const struct lk_yaml_node *const *)b)->text);
}

/* The keys in the order in which Go writes a map. */
static const struct lk_yaml_node **sort_keys(const struct lk_yaml_node *map, size_t *count)
{
    const struct lk_yaml_node **keys;
    size_t                      at = 0;

    *count = 0;
    for (const struct lk_yaml_node *key = map->first; key; key = key->next)
        ++*count;
    keys = lk_xcalloc(*count + 1, sizeof(*keys));
    for (const struct lk_yaml_node *key = map->first; key; key = key->next)
        keys[at++] = key;
    qsort(keys, *count, sizeof(*keys), compare_keys);
    return keys;
}

static void write_free(struct writer *writer, const char *key,
                       const struct lk_yaml_node *value);

static void write_free_map(struct writer *writer, const char *name,
                           const struct lk_yaml_node *map)
{
    size_t                                                  count;
    LK_CLEANUP(lk_free_pointer) const struct lk_yaml_node **keys = sort_keys(map, &count);

    lk_json_begin_object(&writer->json);
    for (size_t i = 0; i < count; i++) {
        if (lk_scalar_of(keys[i]).kind != LK_SCALAR_TEXT)
            refuse(writer, keys[i], name, "a key that is text");
        lk_json_key(&writer->json, keys[i]->text);
        write_free(writer, name, keys[i]->value);
    }
    lk_json_end_object(&writer->json);
}

static void write_free_scalar(struct writer *writer, const char *key,
                              const struct lk_yaml_node *node)
{
    struct lk_scalar scalar = lk_scalar_of(node);
    char             text[LK_SCALAR_TEXT_SIZE] = "0";

    switch (scalar.kind) {
    case LK_SCALAR_NULL: lk_json_null(&writer->json); return;
    case LK_SCALAR_BOOL: lk_json_bool(&writer->json, scalar.is_true); return;
    case LK_SCALAR_DATE: lk_json_text(&writer->json, scalar.date); return;
    case LK_SCALAR_TEXT: lk_json_text(&writer->json, node->text); return;
    case LK_SCALAR_INTEGER:
    case LK_SCALAR_FLOAT: break;
    }
    if (!lk_scalar_format_number(&scalar, text))
        refuse(writer, node, key, "a number that JSON can say");
    lk_json_number(&writer->json, text);
}

static void write_free(struct writer *writer, const char *key, const struct lk_yaml_node *value)
{
    switch (value->kind) {
    case LK_YAML_SCALAR: write_free_scalar(writer, key, value); return;
    case LK_YAML_MAP: write_free_map(writer, key, value); return;
    case LK_YAML_LIST: break;
    }
    lk_json_begin_array(&writer->json);
    for (const struct lk_yaml_node *item = value->first; item; item = item->next)
        write_free(writer, key, item);
    lk_json_end_array(&writer->json);
}

static void write_text(struct writer *writer, const char *key, const struct lk_yaml_node *value)
{
    if (value && value->kind != LK_YAML_SCALAR)
        refuse(writer, value, key, "text");
    else
        lk_json_text(&writer->json, value ? value->text : "");
}

static void write_bool(struct writer *writer, const char *key, const struct lk_yaml_node *value)
{
    bool          is_true = false;
    struct lk_err err = { 0 };

    if (value && lk_yaml_bool(value, writer->name, key, &is_true, &err) < 0)
        lk_yaml_problem_add(&writer->problems, &err);
    lk_json_bool(&writer->json, is_true);
}

static void write_integer(struct writer *writer, const char *key,
                          const struct lk_yaml_node *value, int64_t min, uint64_t max)
{
    char text[LK_SCALAR_TEXT_SIZE] = "0";
    char expected[80];

    if (value && value->kind == LK_YAML_SCALAR) {
        struct lk_scalar scalar = lk_scalar_of(value);
        if (lk_scalar_to_integer(&scalar, min, max, text))
            value = NULL;
    }
    if (value) {
        snprintf(expected, sizeof(expected), "a number from %" PRId64 " to %" PRIu64, min, max);
        refuse(writer, value, key, expected);
    }
    lk_json_number(&writer->json, text);
}

static void write_fields(struct writer *writer, const char *key,
                         const struct lk_config_record *record, const struct lk_yaml_node *map);

/* value: NULL for what is absent but written nevertheless. */
static void write_one(struct writer *writer, const struct lk_config_field *field,
                      const struct lk_yaml_node *value)
{
    const char *key = field->yaml;

    switch (field->kind) {
    case LK_CONFIG_TEXT: write_text(writer, key, value); return;
    case LK_CONFIG_BOOL: write_bool(writer, key, value); return;
    case LK_CONFIG_INT64: write_integer(writer, key, value, INT64_MIN, INT64_MAX); return;
    case LK_CONFIG_UINT16: write_integer(writer, key, value, 0, UINT16_MAX); return;
    case LK_CONFIG_UINT32: write_integer(writer, key, value, 0, UINT32_MAX); return;
    case LK_CONFIG_UINT64: write_integer(writer, key, value, 0, UINT64_MAX); return;
    case LK_CONFIG_FREE: write_free(writer, key, value); return;
    case LK_CONFIG_RECORD: break;
    }
    if (field->json)
        lk_json_begin_object(&writer->json);
    write_fields(writer, key, field->record, value);
    if (field->json)
        lk_json_end_object(&writer->json);
}

static void write_list(struct writer *writer, const struct lk_config_field *field,
                       const struct lk_yaml_node *list)
{
    lk_json_begin_array(&writer->json);
    for (const struct lk_yaml_node *item = list->first; item; item = item->next)
        if (field->kind == LK_CONFIG_FREE || !lk_yaml_is_null(item))
            write_one(writer, field, item);
    lk_json_end_array(&writer->json);
}

static void write_map(struct writer *writer, const struct lk_config_field *field,
                      const struct lk_yaml_node *map)
{
    size_t                                                  count;
    LK_CLEANUP(lk_free_pointer) const struct lk_yaml_node **keys = sort_keys(map, &count);

    lk_json_begin_object(&writer->json);
    for (size_t i = 0; i < count; i++) {
        if (lk_yaml_is_null(keys[i]))
            continue;
        lk_json_key(&writer->json, keys[i]->text);
        write_one(writer, field, lk_yaml_is_null(keys[i]->value) ? NULL : keys[i]->value);
    }
    lk_json_end_object(&writer->json);
}

static bool has_shape(const struct lk_config_field *field, const struct lk_yaml_node *value)
{
    switch (field->shape) {
    case LK_CONFIG_ONE: return true;
    case LK_CONFIG_LIST: return value->kind == LK_YAML_LIST;
    case LK_CONFIG_MAP: return value->kind == LK_YAML_MAP;
    }
    return false;
}

/* Null items of a list and null keys of a map are not there. */
static bool is_empty(const struct lk_config_field *field, const struct lk_yaml_node *value)
{
    if (field->shape == LK_CONFIG_ONE)
        return value->kind == LK_YAML_SCALAR && value->text[0] == '\0';
    for (const struct lk_yaml_node *item = value->first; item; item = item->next)
        if (!lk_yaml_is_null(item))
            return false;
    return true;
}

static void write_field(struct writer *writer, const struct lk_config_field *field,
                        const struct lk_yaml_node *value)
{
    if (value && lk_yaml_is_null(value))
        value = NULL;
    if (value && !has_shape(field, value)) {
        refuse(writer, value, field->yaml,
               field->shape == LK_CONFIG_LIST ? "a list" : "a mapping");
        return;
    }
    if (value ? field->omit == LK_CONFIG_IF_EMPTY && is_empty(field, value)
              : field->omit != LK_CONFIG_NEVER)
        return;
    if (field->json)
        lk_json_key(&writer->json, field->json);
    if (field->shape == LK_CONFIG_LIST)
        write_list(writer, field, value);
    else if (field->shape == LK_CONFIG_MAP)
        write_map(writer, field, value);
    else
        write_one(writer, field, value);
}

static void check_keys(struct writer *writer, const struct lk_config_record *record,
                       const struct lk_yaml_node *map)
{
    const char *known[LK_CONFIG_FIELDS_MAX] = { NULL };

    for (size_t i = 0; i < record->count; i++)
        known[i] = record->fields[i].yaml;
    for (const struct lk_yaml_node *key = map->first; key; key = key->next) {
        struct lk_err err = { 0 };
        size_t        i = 0;
        while (i < record->count && strcmp(known[i], key->text) != 0)
            i++;
        if (i < record->count)
            continue;
        lk_yaml_unknown_key(key, writer->name, known, &err);
        lk_yaml_problem_add(&writer->problems, &err);
    }
}

static void write_fields(struct writer *writer, const char *key,
                         const struct lk_config_record *record, const struct lk_yaml_node *map)
{
    if (map && map->kind != LK_YAML_MAP) {
        refuse(writer, map, key, "a mapping (key: value)");
        return;
    }
    if (map)
        check_keys(writer, record, map);
    for (size_t i = 0; i < record->count; i++)
        write_field(writer, &record->fields[i],
                    map ? lk_yaml_get(map, record->fields[i].yaml) : NULL);
}

int lk_config_label(const struct lk_yaml_node *config, const char *name, struct lk_buf *out,
                    struct lk_err *err)
{
    struct writer writer = {
        .json = { .out = out, .escapes_as_go = true },
        .name = name,
    };

    lk_json_begin_object(&writer.json);
    write_fields(&writer, "config", &lk_config_root, config);
    lk_json_end_object(&writer.json);
    if (lk_yaml_problems_tell(&writer.problems, err) < 0)
        return -1;
    if (lk_buf_ok(out))
        return 0;
    return lk_err_set(err, LK_ERR_LIMIT,
                      "%s:%u: config: more than the %zu bytes a label may have", name,
                      config->line, out->max);
}
