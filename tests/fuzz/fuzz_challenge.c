#include "tests/fuzz/fuzz.h"

#include "common/registry/session.h"

#include <string.h>

/* What a registry answers with 401: one or more WWW-Authenticate, one a line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LK_CLEANUP(lk_http_answer_fini)
    struct lk_http_answer answer = { .headers = LK_BUF_INIT(1 << 20), .body = LK_BUF_INIT(1) };
    struct lk_challenge   challenge;
    struct lk_str         line, rest = { (const char *)data, size };

    if (memchr(data, '\0', size))
        return 0; /* in no header */
    while (lk_str_split(rest, '\n', &line, &rest)) {
        lk_buf_add(&answer.headers, "WWW-Authenticate", sizeof("WWW-Authenticate"));
        lk_buf_add_str(&answer.headers, line);
        lk_buf_add(&answer.headers, "", 1);
        answer.header_count++;
    }
    if (lk_auth_challenge(&answer, &challenge) && challenge.scheme == LK_AUTH_TOKEN)
        lk_assert(challenge.realm[0] && memchr(challenge.realm, '\0', sizeof(challenge.realm)));
    return 0;
}
