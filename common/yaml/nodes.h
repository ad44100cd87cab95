/* nodes - what yaml.c builds a tree from, and how much of it there may be; for common/yaml alone. */
#ifndef LK_YAML_NODES_H
#define LK_YAML_NODES_H

#include "common/yaml/yaml.h"

/* What a node stands for once aliases and merge keys are written out; counted, never built. */
struct lk_yaml_part {
    struct lk_yaml_node shown; /* first: children are reached through pointers to it */
    size_t              expanded;
    unsigned            height;
    bool                owns_text;
    bool                is_alias;
};

struct lk_yaml_anchor {
    char                      *name;
    const struct lk_yaml_part *part;
    bool                       complete; /* false while inside of what it names */
    struct lk_yaml_anchor     *older;
};

struct lk_yaml {
    struct lk_yaml_part *parts; /* of LK_YAML_NODES_MAX, so that pointers into it stay */
    size_t               part_count;
    size_t               expanded; /* all parts, with every use of an alias counted in full */
    struct lk_yaml_anchor
        *anchors; /* newest first: a later one of the same name hides the earlier */

    /* While it is read: for messages. */
    const char    *name;
    struct lk_err *err;
};

#define lk_yaml_refuse(yaml, kind, line, format, ...) \
    lk_err_set((yaml)->err, kind, "%s:%u: " format, (yaml)->name, line, ##__VA_ARGS__)

/* NULL with the message set if there are too many, here and below. */
struct lk_yaml_part *lk_yaml_add(struct lk_yaml *yaml, enum lk_yaml_kind kind, unsigned line);

/* A second use of `original`: a part of its own in the parent's list, with the same content below it. */
struct lk_yaml_part *lk_yaml_add_copy(struct lk_yaml *yaml, const struct lk_yaml_part *original,
                                      unsigned line);

/* What `*alias` stands for, at `depth`. */
struct lk_yaml_part *lk_yaml_add_alias(struct lk_yaml *yaml, const char *alias, unsigned line,
                                       unsigned depth);

/* Counts `child` into its parent. */
void lk_yaml_grow(struct lk_yaml_part *parent, const struct lk_yaml_part *child);

/* Without a name: none, and NULL. */
struct lk_yaml_anchor *lk_yaml_add_anchor(struct lk_yaml *yaml, const char *name,
                                          const struct lk_yaml_part *part);

const struct lk_yaml_node *lk_yaml_find_key(const struct lk_yaml_part *map, const char *text);

/* Adds what `source`, the value of "<<", has and `map` has not, at `*tail`. */
int lk_yaml_merge(struct lk_yaml *yaml, struct lk_yaml_part *map,
                  const struct lk_yaml_node ***tail, const struct lk_yaml_node *source);

#endif
