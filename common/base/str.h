/*
 * str - borrowed views of text, and the parsing of numbers that come from outside.
 *
 * A slice is not terminated, is not owned and is not stored beyond the life of what it points into.
 */
#ifndef LK_STR_H
#define LK_STR_H

#include "common/base/base.h"

struct lk_str {
    const char *data;
    size_t      len;
};

#define LK_STR(literal) ((struct lk_str) { (literal), sizeof(literal) - 1 })
#define LK_STR_FMT      "%.*s"
#define LK_STR_ARG(str) (int)(str).len, (str).data

struct lk_str lk_str_of(const char *text);
bool          lk_str_eq(struct lk_str a, struct lk_str b);
bool          lk_str_eq_text(struct lk_str a, const char *text);
bool          lk_str_starts(struct lk_str str, const char *prefix);
bool          lk_str_ends(struct lk_str str, const char *suffix);

/* Splits at the first `separator`: `*head` before it, `*rest` after it.  False, and nothing set, if there is none. */
bool lk_str_split(struct lk_str str, char separator, struct lk_str *head, struct lk_str *rest);

/* Copies into a fixed field, terminated.  False (and "") if it does not fit or holds a NUL. */
bool lk_str_copy(char *out, size_t size, struct lk_str str);

/* Decimal digits only: no sign, no blanks.  False if empty, malformed or above `max`. */
bool lk_parse_u64(struct lk_str str, uint64_t max, uint64_t *out);

/* True if the bytes are well-formed UTF-8 without NUL. */
bool lk_str_is_utf8(struct lk_str str);

/* Which of `known` (NULL-terminated) is nearest to `word`; NULL if none is near enough to suggest. */
const char *lk_nearest_word(struct lk_str word, const char *const *known);

#endif
