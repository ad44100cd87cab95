#include "common/registry/docker_config.h"
#include "common/registry/verify.h"
#include "coordinator/cli/commands.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct values {
    struct lk_words key;
    const char     *arches;
    const char     *ca_file;
    bool            plain_http;
};

static const struct lk_option options[] = {
    { "key", LK_OPTION_LIST, offsetof(struct values, key), "PUB",
      "a public key file (PEM); several: one of them must have signed" },
    { "arches", LK_OPTION_TEXT, offsetof(struct values, arches), "LIST",
      "architectures that must be there, as amd64,arm64" },
    { "ca-file", LK_OPTION_TEXT, offsetof(struct values, ca_file), "PEM",
      "whom to trust as registry besides the system's certificates" },
    { "plain-http", LK_OPTION_FLAG, offsetof(struct values, plain_http), NULL,
      "speak HTTP to the registry (loopback hosts: always, unless --ca-file is given)" },
    { 0 },
};

struct required {
    size_t         count;
    struct lk_arch arches[LK_PACKAGE_ARCHES_MAX];
};

static int add_required(void *ctx, struct lk_str item, struct lk_err *err)
{
    struct required *required = ctx;

    if (required->count == LK_COUNT(required->arches))
        return lk_err_set(err, LK_ERR_INVALID, "--arches names more than %zu architectures",
                          LK_COUNT(required->arches));
    if (!lk_arch_parse(item, &required->arches[required->count]))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--arches: \"" LK_STR_FMT "\" is no architecture's name",
                          LK_STR_ARG(item));
    required->count++;
    return 0;
}

static void print_child(const struct lk_verified_child *child)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf problem = LK_BUF_INIT(4 * LK_REASON_SIZE);
    char                                  digest[LK_DIGEST_TEXT_SIZE];

    lk_add_clean(&problem, lk_str_of(child->problem));
    lk_digest_format(&child->entry.descriptor.digest, digest);
    printf("  %-8s %s  %s, %s%s%s\n", child->is_image ? child->entry.arch.name : "-", digest,
           !child->is_image  ? "no image"
           : child->is_right ? "as stated"
                             : "not as stated",
           child->is_signed   ? "signed"
           : !child->is_image ? "covered by the index"
                              : "not signed",
           problem.len ? ": " : "", lk_buf_text(&problem));
}

static void print_rows(const char *reference, const struct lk_verification *found)
{
    char digest[LK_DIGEST_TEXT_SIZE];

    if (lk_digest_is_zero(&found->index.digest))
        return;
    lk_digest_format(&found->index.digest, digest);
    printf("%s\n  %-8s %s  %s\n", reference, "index", digest,
           found->index_is_signed ? "signed" : "not signed");
    for (size_t i = 0; i < found->count; i++)
        print_child(&found->children[i]);
}

static int verdict(const char *reference, const struct lk_verification *found, int rc,
                   struct lk_err *err)
{
    print_rows(reference, found);
    if (rc == 0) {
        printf("%s is complete and signed\n", reference);
        return LK_EXIT_OK;
    }
    if (err->kind != LK_ERR_CONFLICT && err->kind != LK_ERR_NOT_FOUND) {
        lk_err_wrap(err, "the registry could not be asked about %s; try again", reference);
        lk_exit_of(err);
        return LK_EXIT_INFRASTRUCTURE;
    }
    lk_err_wrap(err, "%s does not verify", reference);
    lk_exit_of(err);
    return LK_EXIT_VERIFICATION_FAILED;
}

static void forget(struct lk_registry_options **how)
{
    sodium_memzero(*how, sizeof(**how));
    lk_free_pointer(how);
}

static int set_up(struct lk_registry_options *how, const struct values *values,
                  const struct lk_reference *reference, struct lk_err *err)
{
    how->plain_http =
        values->plain_http || (lk_host_is_loopback(reference->host) && !values->ca_file);
    how->ca_file = values->ca_file;
    how->user_agent = "lkcoord/" LK_VERSION;
    how->patience_ms = 10000;
    return lk_docker_config_find(&how->credential, reference, err);
}

static int verify(const struct lk_verify_request *request, const struct values *values,
                  const char *text)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry   *registry = NULL;
    LK_CLEANUP(lk_free_pointer) struct lk_verification *found = lk_xcalloc(1, sizeof(*found));
    LK_CLEANUP(forget) struct lk_registry_options      *how = lk_xcalloc(1, sizeof(*how));
    struct lk_err                                       err;

    if (set_up(how, values, &request->reference, &err) < 0 ||
        lk_registry_open(&registry, &request->reference, how, &err) < 0)
        return verdict(text, found, -1, &err);

    int rc = lk_verify(registry, request, found, &err);

    return verdict(text, found, rc, &err);
}

static int run(const struct lk_call *call)
{
    const struct values     *values = call->values;
    const char              *text = call->arguments[0];
    struct required          required = { 0 };
    struct lk_verify_request request = { 0 };
    struct lk_public_key     keys[LK_COUNT(values->key.words)];
    struct lk_err            err;

    if (values->key.count == 0) {
        lk_complain("verify needs the public key to trust: --key FILE");
        return LK_EXIT_USAGE;
    }
    if (sodium_init() < 0) {
        lk_complain("libsodium does not start: no source of random numbers");
        return LK_EXIT_INFRASTRUCTURE;
    }
    for (size_t i = 0; i < values->key.count; i++)
        if (lk_public_key_load(&keys[i], values->key.words[i], &err) < 0)
            return lk_exit_of(&err);
    if (values->arches && lk_each_item(values->arches, add_required, &required, &err) < 0)
        return lk_exit_of(&err);
    if (lk_reference_parse(lk_str_of(text), &request.reference, &err) < 0)
        return lk_exit_of(&err);
    if (!request.reference.tag[0] && !request.reference.has_digest) {
        lk_complain("%s names no image: add :TAG or @DIGEST", text);
        return LK_EXIT_USAGE;
    }
    request.keys = keys;
    request.key_count = values->key.count;
    request.required = required.arches;
    request.required_count = required.count;
    return verify(&request, values, text);
}

const struct lk_command lk_cmd_verify = {
    .name = "verify",
    .arguments = "REFERENCE",
    .summary = "Checks what is published: complete, unchanged, index and images signed.",
    .details =
        "Needs no coordinator.  Prints a row for the index and each image, then the verdict;\n"
        "logs in as you did with docker, podman or skopeo (REGISTRY_AUTH_FILE, else "
        "DOCKER_CONFIG,\n"
        "else ~/.docker/config.json);\n"
        "exits with 6 if it does not verify, with 4 if the registry could not be asked.",
    .count_min = 1,
    .count_max = 1,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};
