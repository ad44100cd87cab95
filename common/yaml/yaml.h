/*
 * yaml - a small read-only tree of a YAML document, from libyaml's events, within stated limits.
 *
 * Bytes, depth, and nodes after expansion of aliases and merge keys are capped (limits.h).  Refused with
 * "NAME:LINE: ...": duplicate keys, explicit tags, non-UTF-8, NUL, a second use of what is not a scalar
 * where one is needed.  Only the first document counts.  Scalars stay text; callers type them.
 *
 * Whoever wants to hear of all mistakes at once collects them: each line of the message is one.
 */
#ifndef LK_YAML_H
#define LK_YAML_H

#include "common/base/err.h"
#include "common/base/str.h"

enum lk_yaml_kind { LK_YAML_SCALAR, LK_YAML_LIST, LK_YAML_MAP };

struct lk_yaml_node {
    enum lk_yaml_kind          kind;
    unsigned                   line;  /* from 1 */
    bool                       plain; /* an unquoted scalar */
    const char                *text;  /* scalars; terminated */
    const struct lk_yaml_node *first; /* first item, or first key */
    const struct lk_yaml_node *next;  /* next item, or next key, of the parent */
    const struct lk_yaml_node *value; /* of a key */
};

struct lk_yaml;

/* Zeroed at first.  What does not fit is counted. */
struct lk_yaml_problems {
    size_t        left_out;
    size_t        len;
    struct lk_err first; /* its kind, and the text of all */
};

void lk_yaml_problem_add(struct lk_yaml_problems *problems, const struct lk_err *err);

/* 0 if there were none. */
int lk_yaml_problems_tell(const struct lk_yaml_problems *problems, struct lk_err *err);

/*
 * `*root` (borrowed from `*out`) is NULL for an empty document.  With `problems`, duplicate keys go there and do
 * not end the reading: the first of them counts.
 */
int  lk_yaml_parse_all(struct lk_yaml **out, const struct lk_yaml_node **root,
                       struct lk_str bytes, const char *name, struct lk_yaml_problems *problems,
                       struct lk_err *err);
int  lk_yaml_parse(struct lk_yaml **out, const struct lk_yaml_node **root, struct lk_str bytes,
                   const char *name, struct lk_err *err);
void lk_yaml_free(struct lk_yaml **yaml);

const struct lk_yaml_node *lk_yaml_get(const struct lk_yaml_node *map, const char *key);

bool lk_yaml_is_null(const struct lk_yaml_node *node); /* ~, null, Null, NULL or empty, plain */

/* Typed access: INVALID with "NAME:LINE: key: what was expected, what was found". */
int lk_yaml_bool(const struct lk_yaml_node *node, const char *name, const char *key, bool *out,
                 struct lk_err *err);
int lk_yaml_u64(const struct lk_yaml_node *node, const char *name, const char *key,
                uint64_t min, uint64_t max, uint64_t *out, struct lk_err *err);
int lk_yaml_text(const struct lk_yaml_node *node, const char *name, const char *key, char *out,
                 size_t size, struct lk_err *err);

/* Sets `err`: `key` is none of `known` (NULL-terminated). */
int lk_yaml_unknown_key(const struct lk_yaml_node *key, const char *name,
                        const char *const *known, struct lk_err *err);

/* Sets `err`: "NAME:LINE: key: expected EXPECTED, found ...". */
int lk_yaml_mismatch(const struct lk_yaml_node *node, const char *name, const char *key,
                     const char *expected, struct lk_err *err);

/* Refuses keys of `map` that are not in `known` (NULL-terminated), naming the nearest. */
int lk_yaml_check_keys(const struct lk_yaml_node *map, const char *name,
                       const char *const *known, struct lk_err *err);

#endif
