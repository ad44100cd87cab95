#include "common/pkg/config_label_scalar.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_SIZE 24 /* those of a double, or of 64 bits */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static unsigned value_of_digit(char c)
{
    if (is_digit(c))
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return UINT32_MAX;
}

static bool parse_magnitude(const char *text, unsigned base, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    for (const char *at = text; *at; at++) {
        unsigned digit = value_of_digit(*at);
        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return text[0] && value <= max;
}

/* What "0x" and the like in front of the digits mean; a bare 0 is octal, as it was in YAML 1.1. */
static unsigned skip_prefix(const char **text)
{
    const char *at = *text;

    if (at[0] != '0')
        return 10;
    if (!strchr("xXoObB", at[1]) || at[1] == '\0')
        return 8;
    *text += 2;
    return at[1] == 'x' || at[1] == 'X' ? 16 : at[1] == 'o' || at[1] == 'O' ? 8 : 2;
}

/* base 0: as the prefix says.  A sign leaves 63 bits, as in Go. */
static bool parse_integer(const char *text, unsigned base, struct lk_scalar *out)
{
    uint64_t max = UINT64_MAX;
    bool     is_negative = *text == '-';

    if (*text == '-' || *text == '+') {
        max = is_negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
        text++;
    }
    if (base == 0)
        base = skip_prefix(&text);
    if (!parse_magnitude(text, base, max, &out->magnitude))
        return false;
    out->is_negative = is_negative && out->magnitude > 0;
    return true;
}

/* [sign] digits [. digits] [e [sign] digits], with a digit at least before or after the point. */
static bool looks_like_float(const char *at)
{
    size_t digits;

    at += *at == '-' || *at == '+';
    digits = strspn(at, "0123456789");
    at += digits;
    if (*at == '.') {
        size_t behind = strspn(++at, "0123456789");
        digits += behind;
        at += behind;
    }
    if (digits == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '-' || *at == '+';
        if (!is_digit(*at))
            return false;
        at += strspn(at, "0123456789");
    }
    return *at == '\0';
}

static bool parse_float(const char *text, struct lk_scalar *out)
{
    if (!looks_like_float(text))
        return false;
    out->number = strtod(text, NULL);
    return isfinite(out->number);
}

/* Without its underscores.  After a point they must stand between digits, after a digit anywhere. */
static bool strip_underscores(const char *text, char *out)
{
    for (const char *at = text; *at; at++) {
        if (*at != '_')
            *out++ = *at;
        else if (*text == '.' && (!is_digit(at[-1]) || !is_digit(at[1])))
            return false;
    }
    *out = '\0';
    return true;
}

static bool parse_number(const char *text, struct lk_scalar *out)
{
    LK_CLEANUP(lk_free_pointer) char *plain = lk_xmalloc(strlen(text) + 1);

    if (!strip_underscores(text, plain))
        return false;
    out->kind = LK_SCALAR_INTEGER;
    if (*text != '.' && parse_integer(plain, 0, out))
        return true;
    /* A sign behind the prefix is taken too, but only behind these two. */
    if ((strncmp(plain, "0b", 2) == 0 && parse_integer(plain + 2, 2, out)) ||
        (strncmp(plain, "0o", 2) == 0 && parse_integer(plain + 2, 8, out)))
        return true;
    out->kind = LK_SCALAR_FLOAT;
    return parse_float(plain, out);
}

static bool is_word(const char *text, const char *lower, const char *title, const char *upper)
{
    return strcmp(text, lower) == 0 || strcmp(text, title) == 0 || strcmp(text, upper) == 0;
}

static bool parse_word(const char *text, struct lk_scalar *out)
{
    bool is_signed = *text == '-' || *text == '+';

    if (is_word(text, "true", "True", "TRUE") || is_word(text, "false", "False", "FALSE")) {
        out->kind = LK_SCALAR_BOOL;
        out->is_true = *text == 't' || *text == 'T';
        return true;
    }
    out->kind = LK_SCALAR_FLOAT;
    if (is_word(text, ".nan", ".NaN", ".NAN"))
        out->number = NAN;
    else if (is_word(text + is_signed, ".inf", ".Inf", ".INF"))
        out->number = *text == '-' ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

struct lk_scalar lk_scalar_of(const struct lk_yaml_node *node)
{
    struct lk_scalar scalar = { 0 };
    const char      *text = node->text;

    if (lk_yaml_is_null(node))
        return (struct lk_scalar) { .kind = LK_SCALAR_NULL };
    if (!node->plain)
        return (struct lk_scalar) { .kind = LK_SCALAR_TEXT };
    if (parse_word(text, &scalar))
        return scalar;
    if (lk_scalar_parse_date(text, scalar.date))
        return (scalar.kind = LK_SCALAR_DATE, scalar);
    if ((is_digit(*text) || strchr("+-.", *text)) && parse_number(text, &scalar))
        return scalar;
    return (struct lk_scalar) { .kind = LK_SCALAR_TEXT };
}

/* Towards zero.  False if 64 bits do not hold it. */
static bool cut(double number, struct lk_scalar *out)
{
    if (!(number >= -0x1p63 && number < 0x1p64))
        return false;
    out->magnitude = (uint64_t)(number < 0 ? -number : number);
    out->is_negative = number < 0 && out->magnitude > 0;
    return true;
}

bool lk_scalar_to_integer(const struct lk_scalar *scalar, int64_t min, uint64_t max,
                          char out[LK_SCALAR_TEXT_SIZE])
{
    struct lk_scalar integer = *scalar;

    if (scalar->kind == LK_SCALAR_FLOAT && cut(scalar->number, &integer))
        integer.kind = LK_SCALAR_INTEGER;
    if (integer.kind != LK_SCALAR_INTEGER ||
        integer.magnitude > (integer.is_negative ? -(uint64_t)min : max))
        return false;
    return lk_scalar_format_number(&integer, out);
}

/*
 * The fewest digits that read as the same number, with the exponent of the first.  Below a power of two
 * numbers lie closer together than above it, so that the next digit up may do where the nearest does not.
 */
static int shortest_digits(double number, char digits[DIGITS_SIZE])
{
    char text[LK_SCALAR_TEXT_SIZE];

    for (int precision = 0;; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, number);
        int exponent = atoi(strchr(text, 'e') + 1);
        memmove(text + 1, text + 2, (size_t)precision);
        text[precision + 1] = '\0';
        uint64_t nearest = strtoull(text, NULL, 10);
        for (uint64_t value = nearest; value <= nearest + 1; value++) {
            snprintf(digits, DIGITS_SIZE, "%" PRIu64, value);
            snprintf(text, sizeof(text), "%se%d", digits, exponent - precision);
            if (strtod(text, NULL) == number)
                return exponent;
        }
    }
}

/* As encoding/json does: an exponent only for the very small and the very large. */
static void format_float(double number, char out[LK_SCALAR_TEXT_SIZE])
{
    char        digits[DIGITS_SIZE];
    const char *sign = signbit(number) ? "-" : "";
    double      size = signbit(number) ? -number : number;
    int         exponent = shortest_digits(size, digits);
    int         count = (int)strlen(digits);

    if (size > 0 && (size < 1e-6 || size >= 1e21))
        snprintf(out, LK_SCALAR_TEXT_SIZE, "%s%c%s%.17se%+d", sign, digits[0],
                 count > 1 ? "." : "", digits + 1, exponent);
    else if (exponent < 0)
        snprintf(out, LK_SCALAR_TEXT_SIZE, "%s0.%.*s%.17s", sign, -exponent - 1, "000000",
                 digits);
    else if (count <= exponent + 1)
        snprintf(out, LK_SCALAR_TEXT_SIZE, "%s%.17s%.*s", sign, digits, exponent + 1 - count,
                 "00000000000000000000");
    else
        snprintf(out, LK_SCALAR_TEXT_SIZE, "%s%.*s.%.17s", sign, exponent + 1, digits,
                 digits + exponent + 1);
}

bool lk_scalar_format_number(const struct lk_scalar *scalar, char out[LK_SCALAR_TEXT_SIZE])
{
    if (scalar->kind == LK_SCALAR_INTEGER) {
        snprintf(out, LK_SCALAR_TEXT_SIZE, "%s%" PRIu64, scalar->is_negative ? "-" : "",
                 scalar->magnitude);
        return true;
    }
    if (scalar->kind != LK_SCALAR_FLOAT || !isfinite(scalar->number))
        return false;
    format_float(scalar->number, out);
    return true;
}
