/*
 * writer - deterministic JSON: what we hash or sign is written in the order of the calls, compact.
 *
 * Commas and nesting are kept here; strings are escaped as RFC 8259 asks: only what must be ('"', '\',
 * control bytes).  Input must be UTF-8 (checked: else the buffer fails).  Reading is jansson's.
 */
#ifndef LK_JSON_WRITER_H
#define LK_JSON_WRITER_H

#include "common/base/buf.h"

struct lk_json {
    struct lk_buf *out;
    bool           need_comma;
    bool           escapes_as_go; /* strings also escape '<', '>', '&', U+2028 and U+2029 */
};

void lk_json_begin_object(struct lk_json *json);
void lk_json_end_object(struct lk_json *json);
void lk_json_begin_array(struct lk_json *json);
void lk_json_end_array(struct lk_json *json);
void lk_json_key(struct lk_json *json, const char *key);
void lk_json_string(struct lk_json *json, struct lk_str value);
void lk_json_text(struct lk_json *json, const char *value);
void lk_json_u64(struct lk_json *json, uint64_t value);
void lk_json_number(struct lk_json *json, const char *digits); /* written as it is */
void lk_json_bool(struct lk_json *json, bool value);
void lk_json_null(struct lk_json *json);

/* A key and its value at once. */
void lk_json_text_field(struct lk_json *json, const char *key, const char *value);
void lk_json_bool_field(struct lk_json *json, const char *key, bool value);

#endif
