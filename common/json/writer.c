#include "common/json/writer.h"

#include <inttypes.h>

static void separate(struct lk_json *json)
{
    if (json->need_comma)
        lk_buf_add_text(json->out, ",");
    json->need_comma = true;
}

static void open_with(struct lk_json *json, const char *bracket)
{
    separate(json);
    lk_buf_add_text(json->out, bracket);
    json->need_comma = false;
}

static void close_with(struct lk_json *json, const char *bracket)
{
    lk_buf_add_text(json->out, bracket);
    json->need_comma = true;
}

void lk_json_begin_object(struct lk_json *json)
{
    open_with(json, "{");
}

void lk_json_end_object(struct lk_json *json)
{
    close_with(json, "}");
}

void lk_json_begin_array(struct lk_json *json)
{
    open_with(json, "[");
}

void lk_json_end_array(struct lk_json *json)
{
    close_with(json, "]");
}

/* The short escapes, as RFC 8785 (canonical JSON) chooses them; NULL if there is none. */
static const char *short_escape(unsigned char c)
{
    switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    }
    return NULL;
}

/* How many bytes at the start of `rest` Go's encoder escapes beyond what JSON asks; their character. */
static size_t go_escape(struct lk_str rest, unsigned *character)
{
    *character = (unsigned char)rest.data[0];
    if (rest.data[0] == '<' || rest.data[0] == '>' || rest.data[0] == '&')
        return 1;
    if (!lk_str_starts(rest, "\xe2\x80\xa8") && !lk_str_starts(rest, "\xe2\x80\xa9"))
        return 0;
    *character = 0x2000 | ((unsigned char)rest.data[2] & 0x3f);
    return 3;
}

static void add_quoted(const struct lk_json *json, struct lk_str value)
{
    struct lk_buf *out = json->out;
    size_t         plain_from = 0;

    lk_buf_add_text(out, "\"");
    for (size_t i = 0; i < value.len;) {
        unsigned    character = (unsigned char)value.data[i];
        const char *escape = short_escape((unsigned char)character);
        size_t      size = escape || character < 0x20;
        if (size == 0 && json->escapes_as_go)
            size = go_escape((struct lk_str) { value.data + i, value.len - i }, &character);
        if (size == 0) {
            i++;
            continue;
        }
        lk_buf_add(out, value.data + plain_from, i - plain_from);
        if (escape)
            lk_buf_add_text(out, escape);
        else
            lk_buf_printf(out, "\\u%04x", character);
        i += size;
        plain_from = i;
    }
    lk_buf_add(out, value.data + plain_from, value.len - plain_from);
    lk_buf_add_text(out, "\"");
}

void lk_json_string(struct lk_json *json, struct lk_str value)
{
    separate(json);
    if (!lk_str_is_utf8(value)) {
        json->out->failed = true;
        return;
    }
    add_quoted(json, value.len ? value : LK_STR(""));
}

void lk_json_text(struct lk_json *json, const char *value)
{
    lk_json_string(json, lk_str_of(value));
}

void lk_json_key(struct lk_json *json, const char *key)
{
    lk_json_text(json, key);
    lk_buf_add_text(json->out, ":");
    json->need_comma = false;
}

void lk_json_u64(struct lk_json *json, uint64_t value)
{
    separate(json);
    lk_buf_printf(json->out, "%" PRIu64, value);
}

void lk_json_number(struct lk_json *json, const char *digits)
{
    separate(json);
    lk_buf_add_text(json->out, digits);
}

void lk_json_bool(struct lk_json *json, bool value)
{
    separate(json);
    lk_buf_add_text(json->out, value ? "true" : "false");
}

void lk_json_null(struct lk_json *json)
{
    separate(json);
    lk_buf_add_text(json->out, "null");
}

void lk_json_text_field(struct lk_json *json, const char *key, const char *value)
{
    lk_json_key(json, key);
    lk_json_text(json, value);
}

void lk_json_bool_field(struct lk_json *json, const char *key, bool value)
{
    lk_json_key(json, key);
    lk_json_bool(json, value);
}
