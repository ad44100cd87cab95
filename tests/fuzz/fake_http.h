/*
 * fake_http - in place of common/http: a server whose answers are the input's, one after the other.
 *
 *   200                      the status
 *   Name: value              headers, if any; an empty line; then the body, up to a NUL or the end
 *
 * In a body `@d` stands for the digest of the next answer's body, and `@s` for its signature by the key `fake_key`, so
 * that what is asked for by digest, or has to be signed, can be there.  When all is used up the network fails.
 */
#ifndef LK_FUZZ_FAKE_HTTP_H
#define LK_FUZZ_FAKE_HTTP_H

#include "common/hash/sha256.h"
#include "common/http/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <sodium.h>

#define FAKE_ANSWERS_MAX 32
#define FAKE_BODY_MAX    (1 << 20)

static struct {
    size_t                count, next;
    struct lk_http_answer answers[FAKE_ANSWERS_MAX];
} fake_server;
static uint8_t fake_public[crypto_sign_PUBLICKEYBYTES];
static uint8_t fake_key[crypto_sign_SECRETKEYBYTES];

static void fake_begin(void)
{
    const uint8_t seed[crypto_sign_SEEDBYTES] = { 7 };

    lk_assert(sodium_init() >= 0);
    crypto_sign_seed_keypair(fake_public, fake_key, seed);
}

static void fake_expand(struct lk_buf *out, struct lk_str body, struct lk_str next)
{
    uint8_t          signature[crypto_sign_BYTES];
    char             base64[2 * crypto_sign_BYTES], digest[LK_DIGEST_TEXT_SIZE];
    struct lk_digest sum;
    struct lk_str    head;

    lk_sha256(next.data, next.len, &sum);
    lk_digest_format(&sum, digest);
    crypto_sign_detached(signature, NULL, (const uint8_t *)next.data, next.len, fake_key);
    sodium_bin2base64(base64, sizeof(base64), signature, sizeof(signature),
                      sodium_base64_VARIANT_ORIGINAL);
    while (lk_str_split(body, '@', &head, &body)) {
        lk_buf_add_str(out, head);
        if (body.len > 0 && (body.data[0] == 'd' || body.data[0] == 's')) {
            lk_buf_add_text(out, body.data[0] == 'd' ? digest : base64);
            body.data++, body.len--;
        }
    }
    lk_buf_add_str(out, body);
}

static void fake_answer(struct lk_http_answer *out, struct lk_str text, struct lk_str next)
{
    struct lk_str line = { 0 }, name, value;
    uint64_t      status = 0;

    *out = (struct lk_http_answer) { .headers = LK_BUF_INIT(FAKE_BODY_MAX),
                                     .body = LK_BUF_INIT(FAKE_BODY_MAX) };
    lk_str_split(text, '\n', &line, &text);
    lk_parse_u64(line, 599, &status);
    out->status = (int)status;
    while (lk_str_split(text, '\n', &line, &text) && line.len > 0) {
        if (!lk_str_split(line, ':', &name, &value))
            continue;
        while (value.len > 0 && value.data[0] == ' ')
            value.data++, value.len--;
        lk_buf_add_str(&out->headers, name);
        lk_buf_add(&out->headers, "", 1);
        lk_buf_add_str(&out->headers, value);
        lk_buf_add(&out->headers, "", 1);
        out->header_count++;
    }
    fake_expand(&out->body, text, next);
}

/* From the last one on, since each may name the next. */
static void fake_serve(struct lk_str input)
{
    struct lk_str texts[FAKE_ANSWERS_MAX], next = LK_STR("");
    size_t        count = 0;

    while (count < FAKE_ANSWERS_MAX - 1 && lk_str_split(input, '\0', &texts[count], &input))
        count++;
    texts[count++] = input;
    fake_server.count = count;
    fake_server.next = 0;
    while (count-- > 0) {
        fake_answer(&fake_server.answers[count], texts[count], next);
        next = lk_buf_str(&fake_server.answers[count].body);
    }
}

static void fake_end(void)
{
    for (size_t i = 0; i < fake_server.count; i++)
        lk_http_answer_fini(&fake_server.answers[i]);
}

void lk_http_init(void)
{
}

int lk_http_open(struct lk_http **out, const struct lk_http_options *options,
                 struct lk_err *err)
{
    (void)options, (void)err;
    *out = lk_xmalloc(1);
    return 0;
}

void lk_http_close(struct lk_http **http)
{
    free(*http);
    *http = NULL;
}

void lk_http_answer_fini(struct lk_http_answer *answer)
{
    lk_buf_fini(&answer->headers);
    lk_buf_fini(&answer->body);
}

const char *lk_http_header(const struct lk_http_answer *answer, const char *name,
                           const char *previous)
{
    const char *at = lk_buf_text(&answer->headers), *end = at + answer->headers.len;

    while (at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcasecmp(at, name) == 0 && (!previous || value > previous))
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

int lk_http_perform(struct lk_http *http, const struct lk_http_request *request,
                    struct lk_http_answer *answer, struct lk_err *err)
{
    const struct lk_http_answer *from = &fake_server.answers[fake_server.next];

    (void)http;
    *answer = (struct lk_http_answer) { .headers = LK_BUF_INIT(FAKE_BODY_MAX),
                                        .body = LK_BUF_INIT(FAKE_BODY_MAX) };
    if (fake_server.next == fake_server.count)
        return lk_err_set(err, LK_ERR_RETRY, "nobody answers");
    fake_server.next++;
    answer->status = from->status;
    answer->header_count = from->header_count;
    lk_buf_add_str(&answer->headers, lk_buf_str(&from->headers));
    if (from->body.len > request->answer_max && !request->to_file && from->status < 300)
        return lk_err_set(err, LK_ERR_LIMIT, "it answered with more than %zu bytes",
                          request->answer_max);
    if (!request->to_file || from->status >= 300)
        lk_buf_add_str(&answer->body, lk_buf_str(&from->body));
    else if (pwrite(request->answer_fd, from->body.data, from->body.len, 0) < 0)
        return lk_err_sys(err, "saving it");
    return 0;
}

#endif
