#include "common/notary/server.h"

#include "common/http/url.h"
#include "common/notary/canonical.h"
#include "common/registry/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define KEY_BYTES_MAX (64 * 1024)
#define POST_MAX      (4 * LK_NOTARY_FILE_MAX)

struct lk_notary_server {
    struct lk_registry *session;
    char               *url;
    char               *base; /* https://HOST/v2/GUN/_trust/tuf/ */
    char               *gun;
};

char *lk_notary_server_choose(const char *configured, const char *registry_host)
{
    const char *variable = getenv("DOCKER_CONTENT_TRUST_SERVER");

    if (configured && configured[0])
        return lk_xstrdup(configured);
    if (variable && variable[0])
        return lk_xstrdup(variable);
    return lk_xasprintf("https://%s", strcmp(registry_host, "docker.io") == 0
                                          ? "notary.docker.io"
                                          : registry_host);
}

static int check_url(const char *url, struct lk_err *err)
{
    if (!lk_url_is_https(url))
        return lk_err_set(err, LK_ERR_INVALID,
                          "the trust server %s: its address has to begin with https://", url);
    if (lk_url_same_host(url, "https://notary.docker.io/"))
        return lk_err_set(
            err, LK_ERR_DENIED,
            "the trust server notary.docker.io ends on 2026-12-08 and is not supported: use a "
            "trust server of your own (trust-server, DOCKER_CONTENT_TRUST_SERVER), or turn "
            "content trust off for this registry; images are signed for sigstore all the same");
    return 0;
}

int lk_notary_server_open(struct lk_notary_server              **out,
                          const struct lk_notary_server_options *options, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_server_close)
    struct lk_notary_server   *server = lk_xcalloc(1, sizeof(*server));
    struct lk_registry_options how = *options->how;
    struct lk_reference        name = { 0 };
    size_t                     len = strlen(options->url);

    if (check_url(options->url, err) < 0)
        return -1;
    while (len && options->url[len - 1] == '/')
        len--;
    server->url = lk_xasprintf("%.*s", (int)len, options->url);
    server->gun = lk_xstrdup(options->gun);
    server->base = lk_xasprintf("%s/v2/%s/_trust/tuf/", server->url, options->gun);
    /* A token's scope and all messages name these two. */
    if (!lk_copy_text(name.host, sizeof(name.host), server->url + strlen("https://")) ||
        !lk_copy_text(name.path, sizeof(name.path), options->gun))
        return lk_err_set(err, LK_ERR_INVALID,
                          "the trust server's address or the repository's name is too long");
    how.plain_http = false;
    int rc = lk_session_open(&server->session, "trust server", &name, server->base, &how, err);
    sodium_memzero(&how.credential, sizeof(how.credential));
    if (rc < 0)
        return -1;
    *out = LK_TAKE(server);
    return 0;
}

void lk_notary_server_close(struct lk_notary_server **server)
{
    struct lk_notary_server *s = LK_TAKE(*server);

    if (!s)
        return;
    lk_registry_close(&s->session);
    free(s->url);
    free(s->base);
    free(s->gun);
    free(s);
}

const char *lk_notary_server_url(const struct lk_notary_server *server)
{
    return server->url;
}

const char *lk_notary_server_gun(const struct lk_notary_server *server)
{
    return server->gun;
}

int lk_notary_server_get(struct lk_notary_server *server, const char *name, struct lk_buf *out,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    LK_CLEANUP(lk_free_pointer) char *url = lk_xasprintf("%s%s", server->base, name);
    LK_CLEANUP(lk_free_pointer) char *what = lk_xasprintf("reading %s", name);
    struct lk_call                    call = {
                           .what = what, .request = { .method = "GET", .url = url, .answer_max = out->max }
    };

    if (lk_session_ask(server->session, &call, &answer, err) < 0)
        return -1;
    if (answer.status != 200)
        return lk_session_refused(server->session, &call, &answer, err);
    return lk_buf_add_str(out, lk_buf_str(&answer.body))
               ? 0
               : lk_err_set(err, LK_ERR_LIMIT, "%s is larger than %zu bytes", name, out->max);
}

static void write_body(struct lk_buf *out, const char *boundary,
                       const struct lk_notary_file *const *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lk_buf_printf(out,
                      "--%s\r\nContent-Disposition: form-data; name=\"files\"; "
                      "filename=\"%s\"\r\nContent-Type: application/octet-stream\r\n\r\n",
                      boundary, files[i]->role);
        lk_buf_add_str(out, lk_buf_str(&files[i]->bytes));
        lk_buf_add_text(out, "\r\n");
    }
    lk_buf_printf(out, "--%s--\r\n", boundary);
}

int lk_notary_server_put(struct lk_notary_server            *server,
                         const struct lk_notary_file *const *files, size_t count,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf                 body = LK_BUF_INIT(POST_MAX);
    uint8_t                                               random[16];
    char                                                  boundary[40], type[100];

    randombytes_buf(random, sizeof(random));
    sodium_bin2hex(boundary, sizeof(boundary), random, sizeof(random));
    snprintf(type, sizeof(type), "Content-Type: multipart/form-data; boundary=%s", boundary);
    write_body(&body, boundary, files, count);
    if (!lk_buf_ok(&body))
        return lk_err_set(err, LK_ERR_LIMIT, "the metadata are larger than %d bytes", POST_MAX);

    struct lk_call call = { .what = "publishing metadata",
                            .request = { .method = "POST",
                                         .url = server->base,
                                         .headers = { type },
                                         .body = lk_buf_str(&body) } };
    if (lk_session_ask(server->session, &call, &answer, err) < 0)
        return -1;
    return answer.status == 200 ? 0 : lk_session_refused(server->session, &call, &answer, err);
}

int lk_notary_server_key(struct lk_notary_server *server, const char *role, json_t **out,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(KEY_BYTES_MAX);
    LK_CLEANUP(lk_free_pointer) char     *name = lk_xasprintf("%s.key", role);
    LK_CLEANUP(lk_json_free) json_t      *key = NULL;
    const char                           *type, *public_text;

    if (lk_notary_server_get(server, name, &bytes, err) < 0)
        return -1;
    key = json_loadb(lk_buf_text(&bytes), bytes.len, 0, NULL);
    if (json_unpack(key, "{s:s,s:{s:s}}", "keytype", &type, "keyval", "public", &public_text) !=
        0)
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "the trust server %s answered without a key for %s", server->url,
                          role);
    /* Anew, for the order and number of members count. */
    *out = json_pack("{s:s,s:{s:n,s:s}}", "keytype", type, "keyval", "private", "public",
                     public_text);
    return 0;
}
