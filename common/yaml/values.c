#include "common/yaml/yaml.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct lk_yaml_node *lk_yaml_get(const struct lk_yaml_node *map, const char *key)
{
    if (!map || map->kind != LK_YAML_MAP)
        return NULL;
    for (const struct lk_yaml_node *at = map->first; at; at = at->next)
        if (strcmp(at->text, key) == 0)
            return at->value;
    return NULL;
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

bool lk_yaml_is_null(const struct lk_yaml_node *node)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };

    return node->kind == LK_YAML_SCALAR && node->plain && is_one_of(node->text, nulls);
}

/* For messages: at most a line's worth, with control bytes made visible. */
static void describe(const struct lk_yaml_node *node, char out[80])
{
    size_t len = 0;

    if (node->kind != LK_YAML_SCALAR) {
        snprintf(out, 80, "a %s", node->kind == LK_YAML_LIST ? "list" : "mapping");
        return;
    }
    out[len++] = '\'';
    for (const char *at = node->text; *at && len < 60; at++)
        out[len++] = (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at;
    snprintf(out + len, 80 - len, "'%s", node->plain ? "" : " in quotes");
}

int lk_yaml_mismatch(const struct lk_yaml_node *node, const char *name, const char *key,
                     const char *expected, struct lk_err *err)
{
    char found[80];

    describe(node, found);
    return lk_err_set(err, LK_ERR_INVALID, "%s:%u: %s: expected %s, found %s", name, node->line,
                      key, expected, found);
}

int lk_yaml_bool(const struct lk_yaml_node *node, const char *name, const char *key, bool *out,
                 struct lk_err *err)
{
    /* As linuxkit's reader has them: YAML 1.1's words count in quotes too, true and false do not. */
    static const char *const yes[] = { "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", NULL };
    static const char *const no[] = { "n", "N", "no", "No", "NO", "off", "Off", "OFF", NULL };
    static const char *const true_words[] = { "true", "True", "TRUE", NULL };
    static const char *const false_words[] = { "false", "False", "FALSE", NULL };

    if (node->kind == LK_YAML_SCALAR) {
        *out = is_one_of(node->text, yes) || (node->plain && is_one_of(node->text, true_words));
        if (*out || is_one_of(node->text, no) ||
            (node->plain && is_one_of(node->text, false_words)))
            return 0;
    }
    return lk_yaml_mismatch(node, name, key, "true or false", err);
}

int lk_yaml_u64(const struct lk_yaml_node *node, const char *name, const char *key,
                uint64_t min, uint64_t max, uint64_t *out, struct lk_err *err)
{
    uint64_t value;
    char     expected[80];

    if (node->kind == LK_YAML_SCALAR && node->plain &&
        lk_parse_u64(lk_str_of(node->text), max, &value) && value >= min) {
        *out = value;
        return 0;
    }
    snprintf(expected, sizeof(expected), "a number from %" PRIu64 " to %" PRIu64, min, max);
    return lk_yaml_mismatch(node, name, key, expected, err);
}

int lk_yaml_text(const struct lk_yaml_node *node, const char *name, const char *key, char *out,
                 size_t size, struct lk_err *err)
{
    if (node->kind != LK_YAML_SCALAR)
        return lk_yaml_mismatch(node, name, key, "text", err);
    if (lk_copy_text(out, size, node->text))
        return 0;
    return lk_err_set(err, LK_ERR_LIMIT, "%s:%u: %s: longer than %zu characters", name,
                      node->line, key, size - 1);
}

static void list_words(const char *const *words, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; words[i] && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", i ? ", " : "", words[i]);
}

int lk_yaml_unknown_key(const struct lk_yaml_node *key, const char *name,
                        const char *const *known, struct lk_err *err)
{
    const char *nearest = lk_nearest_word(lk_str_of(key->text), known);
    char        all[300];

    if (nearest)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s:%u: unknown field '%.64s'; did you mean '%s'?", name, key->line,
                          key->text, nearest);
    list_words(known, all, sizeof(all));
    return lk_err_set(err, LK_ERR_INVALID, "%s:%u: unknown field '%.64s'; known are %s", name,
                      key->line, key->text, all);
}

int lk_yaml_check_keys(const struct lk_yaml_node *map, const char *name,
                       const char *const *known, struct lk_err *err)
{
    if (map->kind != LK_YAML_MAP)
        return lk_err_set(err, LK_ERR_INVALID, "%s:%u: expected a mapping (key: value)", name,
                          map->line);
    for (const struct lk_yaml_node *key = map->first; key; key = key->next)
        if (!is_one_of(key->text, known))
            return lk_yaml_unknown_key(key, name, known, err);
    return 0;
}
