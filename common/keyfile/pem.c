#include "common/keyfile/pem.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LENGTH 64

void lk_pem_write(struct lk_buf *out, const char *label, const void *data, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    LK_CLEANUP(lk_free_pointer) char *text = lk_xmalloc(size);

    sodium_bin2base64(text, size, data, len, sodium_base64_VARIANT_ORIGINAL);
    lk_buf_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < size - 1; at += LINE_LENGTH)
        lk_buf_printf(out, "%.*s\n", LINE_LENGTH, text + at);
    lk_buf_printf(out, "-----END %s-----\n", label);
}

bool lk_pem_read(struct lk_str text, const char *label, struct lk_buf *out)
{
    LK_CLEANUP(lk_free_pointer) char *begin = lk_xasprintf("-----BEGIN %s-----", label);
    LK_CLEANUP(lk_free_pointer) char *end = lk_xasprintf("-----END %s-----", label);

    const char *body = memmem(text.data, text.len, begin, strlen(begin));
    if (!body)
        return false;
    body += strlen(begin);
    const char *stop = memmem(body, text.len - (size_t)(body - text.data), end, strlen(end));
    if (!stop)
        return false;

    size_t                                     length = (size_t)(stop - body);
    LK_CLEANUP(lk_free_pointer) unsigned char *data = lk_xmalloc(length + 1);
    size_t                                     count = 0;
    if (sodium_base642bin(data, length, body, length, " \t\r\n", &count, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return false;
    return lk_buf_add(out, data, count);
}
