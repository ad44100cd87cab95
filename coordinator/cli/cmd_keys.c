#include "common/keyfile/sigstore.h"
#include "common/net/curve.h"
#include "common/os/file.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/passphrase.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct values {
    bool        signing;
    const char *directory;
    const char *passphrase_file;
};

static const struct lk_option options[] = {
    { "signing", LK_OPTION_FLAG, offsetof(struct values, signing), NULL,
      "make a key that signs images, encrypted by a passphrase" },
    { "directory", LK_OPTION_TEXT, offsetof(struct values, directory), "DIR",
      "where the two files go (default: here)" },
    { "passphrase-file", LK_OPTION_TEXT, offsetof(struct values, passphrase_file), "FILE",
      "the passphrase, in place of COSIGN_PASSWORD and of asking" },
    { 0 },
};

static int make_signing(const char *secret, const char *public, const char *passphrase_file,
                        struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf passphrase = LK_BUF_INIT(LK_PASSPHRASE_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    int rc = lk_passphrase_new(&passphrase, passphrase_file, err);

    if (rc == 0)
        rc = lk_sigstore_generate(secret, public, LK_KEY_ED25519, lk_buf_str(&passphrase), err);
    if (passphrase.data)
        sodium_memzero(passphrase.data, passphrase.capacity);
    if (rc < 0 || lk_file_read(public, &pem, err) < 0)
        return -1;
    printf("secret: %s (encrypted; for key below signing: in lkcoordd.yml)\n"
           "public: %s (for `lkcoord verify --key %s REFERENCE`)\n%s",
           secret, public, public, lk_buf_text(&pem));
    return 0;
}

static int make_curve(const char *name, const char *secret, const char *public,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *pair = NULL;

    if (lk_curve_generate(&pair, err) < 0 || lk_curve_save(pair, secret, public, err) < 0)
        return -1;

    const char *z85 = lk_curve_public_of(pair)->z85;

    printf("secret: %s (stays on this machine: key in its configuration)\n"
           "public: %s\n"
           "%s\n\n"
           "For the coordinator to admit it, add below clients: or agents: in lkcoordd.yml:\n"
           "  %s: '%s'\n",
           secret, public, z85, name, z85);
    return 0;
}

static int check_name(const char *name, struct lk_err *err)
{
    if (strchr(name, '/') || name[0] == '\0' || name[0] == '.' || strlen(name) >= 64)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "\"%s\" is no name for a key: 1 to 63 characters, no '/' and no '.' in "
            "front (--directory says where it goes)",
            name);
    return 0;
}

static int run(const struct lk_call *call)
{
    const struct values *values = call->values;
    const char          *name = call->arguments[1];
    const char          *directory = values->directory ? values->directory : "";
    const char          *slash = values->directory ? "/" : "";
    struct lk_err        err;

    if (strcmp(call->arguments[0], "new") != 0) {
        lk_complain("keys knows one thing to do: lkcoord keys new NAME");
        return LK_EXIT_USAGE;
    }
    if (sodium_init() < 0) {
        lk_complain("libsodium does not start: no source of random numbers");
        return LK_EXIT_INFRASTRUCTURE;
    }
    if (check_name(name, &err) < 0)
        return lk_exit_of(&err);

    LK_CLEANUP(lk_free_pointer)
    char *secret = lk_xasprintf("%s%s%s.key", directory, slash, name);
    LK_CLEANUP(lk_free_pointer)
    char *public = lk_xasprintf("%s%s%s.pub", directory, slash, name);
    int rc = values->signing ? make_signing(secret, public, values->passphrase_file, &err)
                             : make_curve(name, secret, public, &err);

    return rc == 0 ? LK_EXIT_OK : lk_exit_of(&err);
}

const struct lk_command lk_cmd_keys = {
    .name = "keys",
    .arguments = "new NAME",
    .summary = "Makes a key pair, NAME.key and NAME.pub: for a connection, or for signing.",
    .details = "Existing files are never overwritten.",
    .count_min = 2,
    .count_max = 2,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};
