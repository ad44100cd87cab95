#include "common/base/str.h"

#include <string.h>

struct lk_str lk_str_of(const char *text)
{
    return (struct lk_str) { text, strlen(text) };
}

bool lk_str_eq(struct lk_str a, struct lk_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool lk_str_eq_text(struct lk_str a, const char *text)
{
    return lk_str_eq(a, lk_str_of(text));
}

bool lk_str_starts(struct lk_str str, const char *prefix)
{
    size_t len = strlen(prefix);

    return str.len >= len && memcmp(str.data, prefix, len) == 0;
}

bool lk_str_ends(struct lk_str str, const char *suffix)
{
    size_t len = strlen(suffix);

    return str.len >= len && memcmp(str.data + str.len - len, suffix, len) == 0;
}

bool lk_str_split(struct lk_str str, char separator, struct lk_str *head, struct lk_str *rest)
{
    const char *at = str.len ? memchr(str.data, separator, str.len) : NULL;

    if (!at)
        return false;
    size_t before = (size_t)(at - str.data);
    *head = (struct lk_str) { str.data, before };
    *rest = (struct lk_str) { at + 1, str.len - before - 1 };
    return true;
}

bool lk_str_copy(char *out, size_t size, struct lk_str str)
{
    if (str.len >= size || (str.len && memchr(str.data, '\0', str.len))) {
        if (size)
            out[0] = '\0';
        return false;
    }
    if (str.len)
        memcpy(out, str.data, str.len);
    out[str.len] = '\0';
    return true;
}

bool lk_parse_u64(struct lk_str str, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (str.len == 0)
        return false;
    for (size_t i = 0; i < str.len; i++) {
        if (str.data[i] < '0' || str.data[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(str.data[i] - '0'), &value) || value > max)
            return false;
    }
    *out = value;
    return true;
}

/* Length of the well-formed sequence at `p` (Unicode table 3-7), or 0. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    unsigned char first = p[0];
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t        len;

    if (first < 0x80)
        return first ? 1 : 0;
    if (first >= 0xc2 && first <= 0xdf) {
        len = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        len = 3;
        if (first == 0xe0)
            low = 0xa0;
        if (first == 0xed)
            high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
        len = 4;
        if (first == 0xf0)
            low = 0x90;
        if (first == 0xf4)
            high = 0x8f;
    } else {
        return 0;
    }
    if (len > left || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return len;
}

bool lk_str_is_utf8(struct lk_str str)
{
    const unsigned char *p = (const unsigned char *)str.data;

    for (size_t at = 0; at < str.len;) {
        size_t len = utf8_sequence(p + at, str.len - at);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

#define WORD_MAX 64

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Levenshtein distance, one row at a time; both words are at most WORD_MAX long. */
static size_t edit_distance(struct lk_str a, struct lk_str b)
{
    size_t row[WORD_MAX + 1];

    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            size_t change = diagonal + (a.data[i - 1] != b.data[j - 1]);
            row[j] = min3(change, above + 1, row[j - 1] + 1);
            diagonal = above;
        }
    }
    return row[b.len];
}

const char *lk_nearest_word(struct lk_str word, const char *const *known)
{
    const char *nearest = NULL;
    size_t      least = word.len / 2 + 1;

    if (word.len > WORD_MAX)
        return NULL;
    for (; *known; known++) {
        struct lk_str candidate = lk_str_of(*known);
        if (candidate.len > WORD_MAX)
            continue;
        size_t distance = edit_distance(word, candidate);
        if (distance < least) {
            least = distance;
            nearest = *known;
        }
    }
    return nearest;
}
