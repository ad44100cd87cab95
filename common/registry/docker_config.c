#include "common/registry/docker_config.h"

#include "common/os/file.h"
#include "common/registry/docker_helper.h"
#include "common/registry/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#define FILE_BYTES_MAX (1024 * 1024)

static void document_free(json_t **document)
{
    json_decref(*document);
}

/* The value of a variable; NULL also if it is empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

/* NULL: there is no place where it could be. */
static char *find_file(bool *must_exist)
{
    const char *file = variable("REGISTRY_AUTH_FILE");
    const char *directory = variable("DOCKER_CONFIG");
    const char *home = variable("HOME");

    *must_exist = file != NULL;
    if (file)
        return lk_xstrdup(file);
    if (directory)
        return lk_xasprintf("%s/config.json", directory);
    return home ? lk_xasprintf("%s/.docker/config.json", home) : NULL;
}

static int unusable(const char *file, const char *what, struct lk_err *err)
{
    return lk_err_set(err, LK_ERR_INVALID,
                      "%s: %s; correct it, or log in anew (docker login, skopeo login)", file,
                      what);
}

/* `*out` stays NULL if there is no file. */
static int load(json_t **out, const char *file, bool must_exist, struct lk_err *err)
{
    LK_CLEANUP(lk_secret_fini) struct lk_buf bytes = LK_BUF_INIT(FILE_BYTES_MAX);
    json_error_t                             where;
    char                                     what[128];

    if (lk_file_read(file, &bytes, err) < 0) {
        if (err->kind == LK_ERR_NOT_FOUND && !must_exist)
            return 0;
        err->kind = LK_ERR_INVALID;
        return lk_err_wrap(err, "registry logins%s",
                           must_exist ? " (REGISTRY_AUTH_FILE is set)" : "");
    }
    json_t *document = json_loadb(lk_buf_text(&bytes), bytes.len, 0, &where);
    if (json_is_object(document)) {
        *out = document;
        return 0;
    }
    json_decref(document);
    /* Not jansson's own words: these quote the place, which may be a password. */
    snprintf(what, sizeof(what), "line %d: not a JSON object", document ? 1 : where.line);
    return unusable(file, what, err);
}

static struct lk_str cut_at(struct lk_str text, char separator)
{
    struct lk_str head, rest;

    return lk_str_split(text, separator, &head, &rest) ? head : text;
}

/*
 * How well a key fits "host/path": 0 if it is about something else.  Docker's keys may be URLs, of which only the
 * host counts; a key without a scheme is the newer one.
 */
static size_t fit(const char *key, const char *repository)
{
    static const char *const schemes[] = { "https://", "http://" };
    struct lk_str            name = lk_str_of(key);
    bool                     is_url = false;

    for (size_t i = 0; i < LK_COUNT(schemes); i++)
        if (lk_str_starts(name, schemes[i])) {
            name = cut_at(lk_str_of(key + strlen(schemes[i])), '/');
            is_url = true;
        }
    for (size_t i = 0; i < 2; i++) {
        if (lk_str_ends(name, "/"))
            name.len--;
        if (lk_str_ends(name, "/v1") || lk_str_ends(name, "/v2"))
            name.len -= 3;
    }
    if (lk_str_eq_text(name, "index.docker.io") || lk_str_eq_text(name, "registry-1.docker.io"))
        name = LK_STR("docker.io");
    if (name.len == 0 || strncmp(repository, name.data, name.len) != 0 ||
        (repository[name.len] != '/' && repository[name.len] != '\0'))
        return 0;
    return 2 * name.len + !is_url;
}

/* The value of `section` that fits best; NULL without an error if none does. */
static int find_value(json_t *root, const char *section, const char *repository, json_t **out,
                      const char *file, struct lk_err *err)
{
    json_t     *map = json_object_get(root, section), *value;
    const char *key;
    size_t      best = 0;
    char        what[64];

    *out = NULL;
    if (map && !json_is_object(map) && !json_is_null(map)) {
        snprintf(what, sizeof(what), "\"%s\" is not an object", section);
        return unusable(file, what, err);
    }
    json_object_foreach(map, key, value)
    {
        size_t found = fit(key, repository);
        if (found > best) {
            best = found;
            *out = value;
        }
    }
    return 0;
}

/* "user:password" in base64, as `docker login` writes it. */
static bool decode_auth(const char *text, struct lk_credential *out)
{
    char   plain[sizeof(out->user) + sizeof(out->secret)];
    size_t len;
    bool good = sodium_base642bin((unsigned char *)plain, sizeof(plain) - 1, text, strlen(text),
                                  " \r\n", &len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;

    plain[good ? len : 0] = '\0';
    char *colon = strchr(plain, ':');
    if (colon)
        *colon = '\0';
    good = good && colon && lk_docker_login_set(out, plain, colon + 1);
    sodium_memzero(plain, sizeof(plain));
    return good;
}

static const char *text_of(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));

    return text && text[0] ? text : NULL;
}

/* Docker leaves empty entries for what is in a store. */
static int read_entry(const json_t *entry, const char *repository, struct lk_credential *out,
                      const char *file, struct lk_err *err)
{
    const char *auth = text_of(entry, "auth"), *user = text_of(entry, "username");
    const char *password = text_of(entry, "password");
    const char *identity = text_of(entry, "identitytoken");
    char        what[LK_REPOSITORY_SIZE + 64];
    bool        good = true;

    if (identity)
        good = lk_docker_login_set(out, "<token>", identity);
    else if (auth)
        good = decode_auth(auth, out);
    else if (user && password)
        good = lk_docker_login_set(out, user, password);
    if (good)
        return 0;
    snprintf(what, sizeof(what), "the login for %s is not user:password in base64", repository);
    return unusable(file, what, err);
}

static int ask_helper(const json_t *name, const char *repository, struct lk_credential *out,
                      const char *file, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *host = lk_xstrdup(repository);

    if (!json_is_string(name))
        return unusable(file, "a credential helper is not named by a string", err);
    host[strcspn(host, "/")] = '\0';
    const char *server = strcmp(host, "docker.io") == 0 ? "https://index.docker.io/v1/" : host;
    if (lk_docker_helper_ask(out, json_string_value(name), server, err) < 0)
        return lk_err_wrap(err, "%s: asking for the login of %s", file, host);
    return 0;
}

static int find_in(json_t *root, const char *repository, struct lk_credential *out,
                   const char *file, struct lk_err *err)
{
    json_t *helper, *entry;

    if (find_value(root, "credHelpers", repository, &helper, file, err) < 0 ||
        find_value(root, "auths", repository, &entry, file, err) < 0)
        return -1;
    if (!helper || json_string_length(helper) == 0)
        helper = json_object_get(root, "credsStore");
    if (helper && json_string_length(helper) > 0 &&
        ask_helper(helper, repository, out, file, err) < 0)
        return -1;
    if (out->kind != LK_CREDENTIAL_NONE || !entry)
        return 0;
    return read_entry(entry, repository, out, file, err);
}

int lk_docker_config_find(struct lk_credential *out, const struct lk_reference *repository,
                          struct lk_err *err)
{
    LK_CLEANUP(document_free) json_t *root = NULL;
    bool                              must_exist;
    LK_CLEANUP(lk_free_pointer) char *file = find_file(&must_exist);

    *out = (struct lk_credential) { 0 };
    if (!file || load(&root, file, must_exist, err) < 0)
        return file ? -1 : 0;
    if (!root || find_in(root, repository->repository, out, file, err) == 0)
        return 0;
    sodium_memzero(out, sizeof(*out));
    return -1;
}
