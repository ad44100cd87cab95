#include "common/registry/docker_helper.h"

#include "common/os/spawn.h"
#include "common/registry/session.h"

#include <string.h>

#include <jansson.h>
#include <sodium.h>

#define ANSWER_BYTES_MAX (64 * 1024)
#define ANSWER_MS        10000

/* docker-credential-helpers: the words of a helper that works and has nothing, on stdout, with status 1. */
static const char nothing[] = "credentials not found";

static void document_free(json_t **document)
{
    json_decref(*document);
}

bool lk_docker_login_set(struct lk_credential *out, const char *user, const char *secret)
{
    bool is_token = strcmp(user, "<token>") == 0;

    *out = (struct lk_credential) { .kind = is_token ? LK_CREDENTIAL_IDENTITY
                                                     : LK_CREDENTIAL_BASIC };
    return secret[0] && lk_copy_text(out->user, sizeof(out->user), user) &&
           lk_copy_text(out->secret, sizeof(out->secret), secret);
}

static bool name_is_valid(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return name[0] && strlen(name) < LK_NAME_SIZE && strspn(name, allowed) == strlen(name);
}

static bool read_answer(struct lk_str bytes, struct lk_credential *out)
{
    LK_CLEANUP(document_free)
    json_t     *document = json_loadb(bytes.data, bytes.len, 0, NULL);
    const char *user = json_string_value(json_object_get(document, "Username"));
    const char *secret = json_string_value(json_object_get(document, "Secret"));

    return user && secret && lk_docker_login_set(out, user, secret);
}

int lk_docker_helper_judge(struct lk_credential *out, const char *program, int status,
                           const struct lk_buf *answer, struct lk_err *err)
{
    *out = (struct lk_credential) { 0 };
    if (status != 0 && strncmp(lk_buf_text(answer), nothing, strlen(nothing)) == 0)
        return 0;
    if (status != 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s ended with status %d; try `%s get` by hand, with the registry's "
                          "name as input",
                          program, status, program);
    if (answer->len >= answer->max || !read_answer(lk_buf_str(answer), out))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s answered with something else than {\"Username\": ..., \"Secret\": "
            "...} in fewer than %d bytes",
            program, ANSWER_BYTES_MAX);
    return 0;
}

int lk_docker_helper_ask(struct lk_credential *out, const char *name, const char *server,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char        *program = NULL;
    LK_CLEANUP(lk_secret_fini) struct lk_buf answer = LK_BUF_INIT(ANSWER_BYTES_MAX);
    const struct lk_question                 question = { lk_str_of(server), ANSWER_MS };
    int                                      status;

    *out = (struct lk_credential) { 0 };
    if (!name_is_valid(name))
        return lk_err_set(err, LK_ERR_INVALID,
                          "\"%.60s\" cannot be the name of a credential helper", name);
    program = lk_xasprintf("docker-credential-%s", name);
    const char *argv[] = { program, "get", NULL };
    if (lk_ask(argv, &question, &answer, &status, err) == 0)
        return lk_docker_helper_judge(out, program, status, &answer, err);
    /* Kind NOT_FOUND would say that the registry has no such image. */
    if (err->kind != LK_ERR_RETRY)
        err->kind = LK_ERR_INVALID;
    return -1;
}
