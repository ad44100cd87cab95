/*
 * config_label_scalar - what a plain word of YAML means to LinuxKit's reader: a number, a date or text.
 *
 * Between YAML 1.1 and 1.2, as Go's yaml.v3 has it: 0x10, 010, 0o10, 0b1, 1_000, 1e3, 2001-01-01; yes and no
 * are text (where a field is not a bool), 1:30 is text.
 */
#ifndef LK_CONFIG_LABEL_SCALAR_H
#define LK_CONFIG_LABEL_SCALAR_H

#include "common/yaml/yaml.h"

enum lk_scalar_kind {
    LK_SCALAR_NULL,
    LK_SCALAR_BOOL,
    LK_SCALAR_INTEGER,
    LK_SCALAR_FLOAT,
    LK_SCALAR_DATE,
    LK_SCALAR_TEXT,
};

#define LK_SCALAR_TEXT_SIZE 96

struct lk_scalar {
    enum lk_scalar_kind kind;
    bool                is_true;
    bool                is_negative; /* integers: sign and magnitude, at least INT64_MIN */
    uint64_t            magnitude;
    double              number;                    /* floats */
    char                date[LK_SCALAR_TEXT_SIZE]; /* RFC 3339, as Go writes it */
};

/* `node` is a scalar. */
struct lk_scalar lk_scalar_of(const struct lk_yaml_node *node);

/* Cuts a fraction off.  False if it is no number between `min` and `max`. */
bool lk_scalar_to_integer(const struct lk_scalar *scalar, int64_t min, uint64_t max,
                          char out[LK_SCALAR_TEXT_SIZE]);

/* As JSON has it.  False if there is no such number in JSON (infinity, not a number). */
bool lk_scalar_format_number(const struct lk_scalar *scalar, char out[LK_SCALAR_TEXT_SIZE]);

/* "2001-2-3", with time and zone if there are.  False if `text` is no date. */
bool lk_scalar_parse_date(const char *text, char out[LK_SCALAR_TEXT_SIZE]);

#endif
