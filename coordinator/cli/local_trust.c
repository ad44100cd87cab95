#include "coordinator/cli/local_trust.h"

#include "common/notary/place.h"
#include "coordinator/cli/passphrase.h"
#include "coordinator/cli/passphrase_command.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define VARIABLE "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE"

bool lk_local_wants_trust(void)
{
    const char *value = getenv("DOCKER_CONTENT_TRUST");

    return value && (strcmp(value, "1") == 0 || strcasecmp(value, "t") == 0 ||
                     strcasecmp(value, "true") == 0);
}

static void wipe(struct lk_buf *buf)
{
    if (buf->data)
        sodium_memzero(buf->data, buf->capacity);
    lk_buf_fini(buf);
}

int lk_local_trust_unlock(struct lk_err *err)
{
    LK_CLEANUP(wipe) struct lk_buf passphrase = LK_BUF_INIT(LK_PASSPHRASE_MAX);
    bool                           found;

    if (getenv(VARIABLE))
        return 0;
    if (lk_passphrase_command_run(&passphrase, &found, err) < 0 ||
        (!found &&
         lk_passphrase_trust(&passphrase, VARIABLE,
                             "Passphrase of the keys of content trust: ", false, err) < 0))
        return -1;
    setenv(VARIABLE, lk_buf_text(&passphrase), 1);
    return 0;
}

void lk_local_trust_forget(void)
{
    char *value = getenv(VARIABLE);

    if (value)
        sodium_memzero(value, strlen(value));
    unsetenv(VARIABLE);
}

int lk_local_trust_keys(char **out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = NULL;

    if (lk_notary_directory(&path, err) < 0)
        return -1;
    if (path[0] == '/') {
        *out = LK_TAKE(path);
        return 0;
    }
    LK_CLEANUP(lk_free_pointer) char *here = getcwd(NULL, 0);
    *out = lk_xasprintf("%s/%s", here ? here : "", path);
    return 0;
}
