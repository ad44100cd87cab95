#include "tests/fuzz/fuzz.h"

#include "common/registry/docker_helper.h"

#include <string.h>

/* The first byte is the status a credential helper ended with, the rest what it wrote: a secret, none of it repeated. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lk_credential           login;
    LK_CLEANUP(lk_buf_fini) struct lk_buf answer = LK_BUF_INIT(64 * 1024);
    struct lk_err                         err = { 0 };

    if (size == 0)
        return 0;
    lk_buf_add(&answer, data + 1, size - 1);
    if (lk_docker_helper_judge(&login, "docker-credential-x", *data, &answer, &err) < 0) {
        lk_assert(err.kind == LK_ERR_INVALID);
        lk_assert(strncmp(err.text, "docker-credential-x ", 20) == 0);
    } else {
        lk_assert((login.kind == LK_CREDENTIAL_NONE) == (*data != 0));
        lk_assert(login.kind == LK_CREDENTIAL_NONE || login.secret[0]);
    }
    return 0;
}
