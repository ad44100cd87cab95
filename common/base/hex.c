#include "common/base/hex.h"

static const char digits[] = "0123456789abcdef";

void lk_hex_encode(char *out, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

static int value_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

bool lk_hex_decode(void *out, size_t len, struct lk_str text)
{
    unsigned char *bytes = out;

    if (text.len / 2 != len || text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (value_of(text.data[i]) < 0)
            return false;
    for (size_t i = 0; i < len; i++)
        bytes[i] =
            (unsigned char)(value_of(text.data[2 * i]) << 4 | value_of(text.data[2 * i + 1]));
    return true;
}
