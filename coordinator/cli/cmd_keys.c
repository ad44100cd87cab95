#include "common/net/curve.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/keys_signing.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct values {
    bool        signing;
    const char *type;
    const char *directory;
    const char *passphrase_file;
    const char *new_passphrase_file;
};

static const struct lk_option options[] = {
    { "signing", LK_OPTION_FLAG, offsetof(struct values, signing), NULL,
      "make a key that signs images, encrypted by a passphrase" },
    { "type", LK_OPTION_TEXT, offsetof(struct values, type), "TYPE",
      "ed25519 (the default) or ecdsa-p256, of a key that signs" },
    { "directory", LK_OPTION_TEXT, offsetof(struct values, directory), "DIR",
      "where the two files go (default: here)" },
    { "passphrase-file", LK_OPTION_TEXT, offsetof(struct values, passphrase_file), "FILE",
      "the passphrase, in place of COSIGN_PASSWORD and of asking" },
    { "new-passphrase-file", LK_OPTION_TEXT, offsetof(struct values, new_passphrase_file),
      "FILE", "passwd: the new one, in place of asking" },
    { 0 },
};

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

static int make(const struct values *values, const char *name, const char *import,
                struct lk_err *err)
{
    const char *directory = values->directory ? values->directory : "";
    const char *slash = values->directory ? "/" : "";

    if (check_name(name, err) < 0)
        return -1;
    LK_CLEANUP(lk_free_pointer)
    char *secret = lk_xasprintf("%s%s%s.key", directory, slash, name);
    LK_CLEANUP(lk_free_pointer)
    char *public = lk_xasprintf("%s%s%s.pub", directory, slash, name);

    if (import)
        return lk_keys_import(import, secret, public, values->passphrase_file, err);
    return values->signing || values->type
               ? lk_keys_new_signing(secret, public, values->type, values->passphrase_file, err)
               : make_curve(name, secret, public, err);
}

/* What is done to or with the key in a file. */
static int use(const struct values *values, const char *verb, const char *file,
               struct lk_err *err)
{
    return strcmp(verb, "public") == 0
               ? lk_keys_print_public(file, values->passphrase_file, err)
               : lk_keys_change_passphrase(file, values->passphrase_file,
                                           values->new_passphrase_file, err);
}

static int run(const struct lk_call *call)
{
    const struct values *values = call->values;
    const char          *verb = call->arguments[0];
    const char          *subject = call->arguments[1];
    bool                 makes = strcmp(verb, "new") == 0;
    bool                 imports = strcmp(verb, "import") == 0;
    bool                 uses = strcmp(verb, "public") == 0 || strcmp(verb, "passwd") == 0;
    struct lk_err        err;

    if ((!makes && !imports && !uses) || (call->count == 3) != imports) {
        lk_complain("keys knows: new NAME, import NAME FILE, public FILE, passwd FILE");
        return LK_EXIT_USAGE;
    }
    if (sodium_init() < 0) {
        lk_complain("libsodium does not start: no source of random numbers");
        return LK_EXIT_INFRASTRUCTURE;
    }
    int rc = uses ? use(values, verb, subject, &err)
                  : make(values, subject, imports ? call->arguments[2] : NULL, &err);

    return rc == 0 ? LK_EXIT_OK : lk_exit_of(&err);
}

const struct lk_command lk_cmd_keys = {
    .name = "keys",
    .arguments = "new NAME | import NAME FILE | public FILE | passwd FILE",
    .summary = "Makes a key pair, NAME.key and NAME.pub: for a connection, or for signing.",
    .details =
        "Existing files are never overwritten.\n"
        "import takes a signing key over from cosign's key file or from PKCS#8 (PEM), and\n"
        "keeps its passphrase, if it has one;\n"
        "public prints a signing key's public half;\n"
        "passwd gives a signing key's file another passphrase.",
    .count_min = 2,
    .count_max = 3,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};
