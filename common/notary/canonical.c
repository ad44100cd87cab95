#include "common/notary/canonical.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32

static int add_value(struct lk_buf *out, const json_t *value, unsigned depth,
                     struct lk_err *err);

static int add_string(struct lk_buf *out, const char *text, size_t len, struct lk_err *err)
{
    lk_buf_add(out, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20)
            return lk_err_set(err, LK_ERR_INVALID,
                              "it has a control character, which signed JSON cannot hold");
        if (text[i] == '"' || text[i] == '\\')
            lk_buf_add(out, "\\", 1);
        lk_buf_add(out, text + i, 1);
    }
    lk_buf_add(out, "\"", 1);
    return 0;
}

static int add_array(struct lk_buf *out, const json_t *array, unsigned depth,
                     struct lk_err *err)
{
    lk_buf_add(out, "[", 1);
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i)
            lk_buf_add(out, ",", 1);
        if (add_value(out, json_array_get(array, i), depth, err) < 0)
            return -1;
    }
    lk_buf_add(out, "]", 1);
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_object(struct lk_buf *out, const json_t *object, unsigned depth,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    const char **keys = lk_xcalloc(json_object_size(object) + 1, sizeof(*keys));
    size_t       count = 0;
    const char  *key;
    json_t      *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) keys[count++] = key;
    qsort(keys, count, sizeof(*keys), by_bytes);
    lk_buf_add(out, "{", 1);
    for (size_t i = 0; i < count; i++) {
        if (i)
            lk_buf_add(out, ",", 1);
        if (add_string(out, keys[i], strlen(keys[i]), err) < 0)
            return -1;
        lk_buf_add(out, ":", 1);
        if (add_value(out, json_object_get(object, keys[i]), depth, err) < 0)
            return -1;
    }
    lk_buf_add(out, "}", 1);
    return 0;
}

static int add_value(struct lk_buf *out, const json_t *value, unsigned depth,
                     struct lk_err *err)
{
    if (depth == DEPTH_MAX)
        return lk_err_set(err, LK_ERR_INVALID, "it is nested deeper than %d levels", DEPTH_MAX);
    switch (json_typeof(value)) {
    case JSON_OBJECT: return add_object(out, value, depth + 1, err);
    case JSON_ARRAY: return add_array(out, value, depth + 1, err);
    case JSON_STRING:
        return add_string(out, json_string_value(value), json_string_length(value), err);
    case JSON_INTEGER:
        lk_buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return 0;
    case JSON_TRUE: lk_buf_add_text(out, "true"); return 0;
    case JSON_FALSE: lk_buf_add_text(out, "false"); return 0;
    case JSON_NULL: lk_buf_add_text(out, "null"); return 0;
    case JSON_REAL: break;
    }
    return lk_err_set(err, LK_ERR_INVALID,
                      "it has a number with a fraction, which signed JSON cannot hold");
}

int lk_canonical_json(struct lk_buf *out, const json_t *value, struct lk_err *err)
{
    if (add_value(out, value, 0, err) < 0)
        return -1;
    return lk_buf_ok(out)
               ? 0
               : lk_err_set(err, LK_ERR_LIMIT, "it is larger than %zu bytes", out->max);
}

void lk_json_free(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}
