#include "common/notary/keyring.h"
#include "common/notary/place.h"
#include "common/notary/publish.h"
#include "common/registry/docker_config.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/passphrase.h"
#include "coordinator/cli/trust_text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct values {
    const char *server;
    const char *ca_file;
    const char *directory;
    const char *output;
};

static const struct lk_option options[] = {
    { "server", LK_OPTION_TEXT, offsetof(struct values, server), "URL",
      "the trust server (default: DOCKER_CONTENT_TRUST_SERVER, else https://HOST)" },
    { "ca-file", LK_OPTION_TEXT, offsetof(struct values, ca_file), "PEM",
      "whom to trust as trust server besides the system's certificates (default: the .crt file "
      "in "
      "~/.docker/tls/HOST:PORT)" },
    { "directory", LK_OPTION_TEXT, offsetof(struct values, directory), "DIR",
      "where keys are (private/) and what was seen is kept (tuf/) (default: ~/.docker/trust)" },
    { "output", LK_OPTION_TEXT, offsetof(struct values, output), "FORM",
      "of inspect: text or json" },
    { 0 },
};

/* What both commands need; all owned. */
struct trust {
    char                       *directory;
    char                       *url;
    char                       *ca_file;
    struct lk_reference         repository;
    struct lk_registry_options *how;
    struct lk_notary_server    *server;
};

static void trust_fini(struct trust *trust)
{
    lk_notary_server_close(&trust->server);
    if (trust->how)
        sodium_memzero(trust->how, sizeof(*trust->how));
    lk_free_pointer(&trust->how);
    lk_free_pointer(&trust->directory);
    lk_free_pointer(&trust->url);
    lk_free_pointer(&trust->ca_file);
}

static int set_up(struct trust *trust, const struct values *values, const char *text,
                  bool is_init, struct lk_err *err)
{
    if (lk_reference_parse(lk_str_of(text), &trust->repository, err) < 0)
        return -1;
    if (trust->repository.has_digest || (is_init && trust->repository.tag[0]))
        return lk_err_set(err, LK_ERR_INVALID, "%s: leave %s out", text,
                          is_init ? "the tag" : "the digest");
    if (values->directory)
        trust->directory = lk_xstrdup(values->directory);
    else if (lk_notary_directory(&trust->directory, err) < 0)
        return -1;
    trust->url = lk_notary_server_choose(values->server, trust->repository.host);
    if (values->ca_file)
        trust->ca_file = lk_xstrdup(values->ca_file);
    else if (lk_notary_ca_file(&trust->ca_file, trust->url, err) < 0)
        return -1;
    trust->how = lk_xcalloc(1, sizeof(*trust->how));
    trust->how->ca_file = trust->ca_file;
    trust->how->user_agent = "lkcoord/" LK_VERSION;
    trust->how->patience_ms = 10000;
    struct lk_notary_server_options options_of_server = { trust->url,
                                                          trust->repository.repository,
                                                          trust->how };
    if (lk_docker_config_find(&trust->how->credential, &trust->repository, err) < 0)
        return -1;
    return lk_notary_server_open(&trust->server, &options_of_server, err);
}

static void wipe(struct lk_buf *buf)
{
    if (buf->data)
        sodium_memzero(buf->data, buf->capacity);
    lk_buf_fini(buf);
}

/* The directory's root key, which serves all repositories; made if there is none. */
static int root_key(const struct trust *trust, struct lk_notary_keyring **keyring,
                    struct lk_notary_private **made, struct lk_err *err)
{
    LK_CLEANUP(wipe) struct lk_buf passphrase = LK_BUF_INIT(LK_PASSPHRASE_MAX);
    struct lk_err                  absent;

    if (lk_passphrase_trust(&passphrase, "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE",
                            "Passphrase of the root key: ", false, err) < 0)
        return -1;
    if (lk_notary_keyring_open(keyring, trust->directory, LK_NOTARY_ROOT_KEYS,
                               lk_buf_str(&passphrase), &absent) == 0)
        return 0;
    if (absent.kind != LK_ERR_NOT_FOUND) {
        *err = absent;
        return -1;
    }
    if (passphrase.len == 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "an empty passphrase protects nothing; choose one for the root key");
    if (lk_notary_private_new(made, err) < 0 ||
        lk_notary_keyring_save(trust->directory, *made, LK_NOTARY_ROOT, NULL,
                               lk_buf_str(&passphrase), err) < 0)
        return -1;
    fprintf(
        stderr,
        "lkcoord: made the root key %s/private/%s.key; keep a copy of it elsewhere: without "
        "it nobody can replace lost keys of its repositories\n",
        trust->directory, lk_notary_private_id(*made));
    return 0;
}

/* Saved before the server knows it: one that is not used harms nobody, one that is lost does. */
static int targets_key(const struct trust *trust, struct lk_notary_private **out,
                       struct lk_err *err)
{
    LK_CLEANUP(wipe) struct lk_buf passphrase = LK_BUF_INIT(LK_PASSPHRASE_MAX);

    if (lk_passphrase_trust(&passphrase, "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
                            "Passphrase of the repository's new key: ", true, err) < 0 ||
        lk_notary_private_new(out, err) < 0)
        return -1;
    return lk_notary_keyring_save(trust->directory, *out, LK_NOTARY_TARGETS,
                                  trust->repository.repository, lk_buf_str(&passphrase), err);
}

static int init(const struct trust *trust, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_keyring_close) struct lk_notary_keyring *roots = NULL;
    LK_CLEANUP(lk_notary_private_free) struct lk_notary_private  *made = NULL;
    LK_CLEANUP(lk_notary_private_free) struct lk_notary_private  *targets = NULL;

    if (lk_notary_is_absent(trust->server, err) < 0 ||
        root_key(trust, &roots, &made, err) < 0 || targets_key(trust, &targets, err) < 0)
        return -1;
    if (lk_notary_begin(trust->server, made ? made : lk_notary_keyring_first(roots), targets,
                        trust->directory, time(NULL), err) < 0)
        return -1;
    printf("%s has content trust at %s; its key is %s/private/%s.key, snapshots are the "
           "server's\n",
           trust->repository.repository, trust->url, trust->directory,
           lk_notary_private_id(targets));
    return 0;
}

/* The digest alone, for scripts. */
static int look_up(const struct trust *trust, struct lk_err *err)
{
    struct lk_digest digest;
    uint64_t         length;
    char             text[LK_DIGEST_TEXT_SIZE];

    if (lk_notary_lookup(trust->server, trust->directory, trust->repository.tag, time(NULL),
                         &digest, &length, err) < 0)
        return -1;
    lk_digest_format(&digest, text);
    printf("%s\n", text);
    return 0;
}

static int inspect(const struct trust *trust, bool as_json, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_view_fini) struct lk_notary_view view = { 0 };

    if (trust->repository.tag[0])
        return look_up(trust, err);
    if (lk_notary_view_fetch(&view, trust->server, trust->directory, LK_NOTARY_TO_BELIEVE,
                             time(NULL), err) < 0)
        return -1;
    (as_json ? lk_trust_print_json : lk_trust_print)(trust->repository.repository, trust->url,
                                                     &view);
    return 0;
}

/* What the server shows and does not hold is a failed verification; all else is as everywhere. */
static int exit_of(const struct lk_err *err)
{
    int code = lk_exit_of(err);

    return err->kind == LK_ERR_CONFLICT || err->kind == LK_ERR_NOT_FOUND
               ? LK_EXIT_VERIFICATION_FAILED
               : code;
}

static int run(const struct lk_call *call)
{
    LK_CLEANUP(trust_fini) struct trust trust = { 0 };
    const struct values                *values = call->values;
    bool                                is_init = strcmp(call->arguments[0], "init") == 0;
    bool                                as_json;
    struct lk_err                       err;

    if (!is_init && strcmp(call->arguments[0], "inspect") != 0) {
        lk_complain("trust knows two things to do: lkcoord trust init REPOSITORY and lkcoord "
                    "trust inspect REPOSITORY");
        return LK_EXIT_USAGE;
    }
    if (sodium_init() < 0) {
        lk_complain("libsodium does not start: no source of random numbers");
        return LK_EXIT_INFRASTRUCTURE;
    }
    if (lk_wants_json(values->output, &as_json, &err) < 0 ||
        set_up(&trust, values, call->arguments[1], is_init, &err) < 0)
        return lk_exit_of(&err);
    if (is_init)
        return init(&trust, &err) < 0 ? lk_exit_of_refusal(&err) : LK_EXIT_OK;
    return inspect(&trust, as_json, &err) < 0 ? exit_of(&err) : LK_EXIT_OK;
}

const struct lk_command lk_cmd_trust = {
    .name = "trust",
    .arguments = "init|inspect REPOSITORY[:TAG]",
    .summary = "Docker Content Trust: begins it for a repository, or shows what it says.",
    .details =
        "Talks to a Notary server (https) as Docker's client does, and shares its keys.  init "
        "makes\n"
        "a root key if the directory has none, and a key for the repository; their passphrases "
        "are\n"
        "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE and DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE, "
        "else\n"
        "asked for.  inspect verifies all that it shows, of a TAG only the digest, and exits "
        "with 6 if it\n"
        "does not hold.",
    .count_min = 2,
    .count_max = 2,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};
