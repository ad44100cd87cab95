#include "common/yaml/nodes.h"

#include "common/base/limits.h"

#include <stdlib.h>
#include <string.h>

static int too_many(const struct lk_yaml *yaml, unsigned line)
{
    return lk_yaml_refuse(yaml, LK_ERR_LIMIT, line,
                          "more than %d values, with anchors and merge keys written out",
                          LK_YAML_NODES_MAX);
}

struct lk_yaml_part *lk_yaml_add(struct lk_yaml *yaml, enum lk_yaml_kind kind, unsigned line)
{
    if (yaml->expanded >= LK_YAML_NODES_MAX) {
        too_many(yaml, line);
        return NULL;
    }
    struct lk_yaml_part *part = &yaml->parts[yaml->part_count++];
    yaml->expanded++;
    *part = (struct lk_yaml_part) {
        .shown = { .kind = kind, .line = line },
        .expanded = 1,
        .height = 1,
    };
    return part;
}

struct lk_yaml_part *lk_yaml_add_copy(struct lk_yaml *yaml, const struct lk_yaml_part *original,
                                      unsigned line)
{
    struct lk_yaml_part *copy = lk_yaml_add(yaml, original->shown.kind, line);

    if (!copy)
        return NULL;
    if (original->expanded - 1 > LK_YAML_NODES_MAX - yaml->expanded) {
        too_many(yaml, line);
        return NULL;
    }
    yaml->expanded += original->expanded - 1;
    *copy = *original;
    copy->shown.next = NULL;
    copy->shown.line = line;
    copy->owns_text = false;
    copy->is_alias = false;
    return copy;
}

struct lk_yaml_anchor *lk_yaml_add_anchor(struct lk_yaml *yaml, const char *name,
                                          const struct lk_yaml_part *part)
{
    struct lk_yaml_anchor *anchor;

    if (!name)
        return NULL;
    anchor = lk_xcalloc(1, sizeof(*anchor));
    *anchor = (struct lk_yaml_anchor) {
        .name = lk_xstrdup(name),
        .part = part,
        .older = yaml->anchors,
    };
    yaml->anchors = anchor;
    return anchor;
}

struct lk_yaml_part *lk_yaml_add_alias(struct lk_yaml *yaml, const char *alias, unsigned line,
                                       unsigned depth)
{
    const struct lk_yaml_anchor *anchor = yaml->anchors;

    while (anchor && strcmp(anchor->name, alias) != 0)
        anchor = anchor->older;
    if (!anchor) {
        lk_yaml_refuse(yaml, LK_ERR_INVALID, line, "alias *%.64s has no anchor before it",
                       alias);
        return NULL;
    }
    if (!anchor->complete) {
        lk_yaml_refuse(yaml, LK_ERR_INVALID, line,
                       "alias *%.64s is used inside of what it names", alias);
        return NULL;
    }
    if (anchor->part->height + depth > LK_YAML_DEPTH_MAX + 2) {
        lk_yaml_refuse(yaml, LK_ERR_LIMIT, line,
                       "nested deeper than %d, with alias *%.64s written out",
                       LK_YAML_DEPTH_MAX, alias);
        return NULL;
    }
    struct lk_yaml_part *copy = lk_yaml_add_copy(yaml, anchor->part, line);
    if (copy)
        copy->is_alias = true;
    return copy;
}

void lk_yaml_grow(struct lk_yaml_part *parent, const struct lk_yaml_part *child)
{
    parent->expanded += child->expanded;
    if (parent->height <= child->height)
        parent->height = child->height + 1;
}

const struct lk_yaml_node *lk_yaml_find_key(const struct lk_yaml_part *map, const char *text)
{
    const struct lk_yaml_node *key = map->shown.first;

    while (key && strcmp(key->text, text) != 0)
        key = key->next;
    return key;
}

/* Takes over what `source` has and `map` has not. */
static int merge_one(struct lk_yaml *yaml, struct lk_yaml_part *map,
                     const struct lk_yaml_node ***tail, const struct lk_yaml_node *source)
{
    if (source->kind != LK_YAML_MAP)
        return lk_yaml_refuse(yaml, LK_ERR_INVALID, source->line,
                              "'<<' needs a mapping or a list of mappings");
    for (const struct lk_yaml_node *from = source->first; from; from = from->next) {
        if (lk_yaml_find_key(map, from->text))
            continue;
        struct lk_yaml_part *key =
            lk_yaml_add_copy(yaml, (const struct lk_yaml_part *)from, from->line);
        if (!key)
            return -1;
        **tail = &key->shown;
        *tail = &key->shown.next;
        lk_yaml_grow(map, key);
    }
    return 0;
}

/* Keys written in the map itself win over merged ones, earlier sources over later ones. */
int lk_yaml_merge(struct lk_yaml *yaml, struct lk_yaml_part *map,
                  const struct lk_yaml_node ***tail, const struct lk_yaml_node *source)
{
    /* A list may not come by an alias: so reads it the library that linuxkit uses. */
    if (source->kind != LK_YAML_LIST || ((const struct lk_yaml_part *)source)->is_alias)
        return merge_one(yaml, map, tail, source);
    for (source = source->first; source; source = source->next)
        if (merge_one(yaml, map, tail, source) < 0)
            return -1;
    return 0;
}

void lk_yaml_free(struct lk_yaml **yaml)
{
    if (!*yaml)
        return;
    for (size_t i = 0; i < (*yaml)->part_count; i++)
        if ((*yaml)->parts[i].owns_text)
            free((char *)(uintptr_t)(*yaml)->parts[i].shown.text);
    free((*yaml)->parts);
    for (struct lk_yaml_anchor *anchor = (*yaml)->anchors; anchor;) {
        struct lk_yaml_anchor *older = anchor->older;
        free(anchor->name);
        free(anchor);
        anchor = older;
    }
    free(*yaml);
    *yaml = NULL;
}
