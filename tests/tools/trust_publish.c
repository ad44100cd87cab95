/*
 * trust_publish SERVER CA-FILE DIR REPOSITORY TAG DIGEST LENGTH - what a push publishes at a trust server, without a
 * push: one tag, by the keys in DIR/private.  Several at once are several coordinators.
 */
#include "common/http/http.h"
#include "common/notary/keyring.h"
#include "common/notary/publish.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned last_tries;

static void pause_between(void *ctx, unsigned tries)
{
    struct timespec nap = { .tv_nsec = (long)randombytes_uniform(300) * 1000000L };

    (void)ctx;
    last_tries = tries;
    nanosleep(&nap, NULL);
}

static int publish(char **words, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_keyring_close) struct lk_notary_keyring *keys = NULL;
    LK_CLEANUP(lk_notary_server_close) struct lk_notary_server   *server = NULL;
    LK_CLEANUP(lk_free_pointer)
    struct lk_registry_options *how = lk_xcalloc(1, sizeof(*how));
    const char *passphrase = getenv("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE");
    struct lk_notary_server_options options = { words[1], words[4], how };
    struct lk_notary_tag            tag = { .tag = words[5] };
    const char                     *offset = getenv("LK_CLOCK_OFFSET_S");

    how->ca_file = words[2];
    how->patience_ms = 2000;
    if (!lk_digest_parse(lk_str_of(words[6]), &tag.digest) ||
        !lk_parse_u64(lk_str_of(words[7]), 1 << 20, &tag.length))
        return lk_err_set(err, LK_ERR_INVALID, "no digest or length");
    if (lk_notary_keyring_open(&keys, words[3], LK_NOTARY_PUBLISHING_KEYS,
                               lk_str_of(passphrase ? passphrase : ""), err) < 0 ||
        lk_notary_server_open(&server, &options, err) < 0)
        return -1;
    struct lk_notary_signer      signer = lk_notary_keyring_signer(keys);
    struct lk_notary_publication publication = {
        .server = server, .signer = &signer, .memory = words[3], .pause = pause_between
    };
    return lk_notary_publish(&publication, &tag, 1, time(NULL) + (offset ? atol(offset) : 0),
                             err);
}

int main(int argc, char **argv)
{
    struct lk_err err = { 0 };

    if (argc != 8 || sodium_init() < 0) {
        fprintf(stderr,
                "usage: trust_publish SERVER CA-FILE DIR REPOSITORY TAG DIGEST LENGTH\n");
        return 2;
    }
    lk_http_init();
    if (publish(argv, &err) < 0) {
        printf("%s: %s\n", lk_err_kind_name(err.kind), err.text);
        return 1;
    }
    printf("published after %u retries\n", last_tries);
    return 0;
}
