#include "common/registry/session.h"

#include "common/http/url.h"
#include "common/os/clock.h"

#include <string.h>

#include <jansson.h>
#include <sodium.h>

#define TOKEN_VALID_DEFAULT_S 60 /* the distribution's token specification, "expires_in" */
#define TOKEN_VALID_MAX_S     (24 * 60 * 60)

static void document_free(json_t **document)
{
    json_decref(*document);
}

static void add_basic(const struct lk_registry *registry, struct lk_buf *out)
{
    const struct lk_credential              *credential = &registry->credential;
    LK_CLEANUP(lk_secret_fini) struct lk_buf plain = LK_BUF_INIT(sizeof(*credential) + 2);

    lk_buf_printf(&plain, "%s:%s", credential->user, credential->secret);
    size_t size = sodium_base64_encoded_len(plain.len, sodium_base64_VARIANT_ORIGINAL);
    char  *text = lk_xmalloc(size);
    sodium_bin2base64(text, size, (const unsigned char *)plain.data, plain.len,
                      sodium_base64_VARIANT_ORIGINAL);
    lk_buf_printf(out, "Authorization: Basic %s", text);
    sodium_memzero(text, size);
    lk_free_pointer(&text);
}

/*
 * What the token shall allow.  Without a credential only what the registry just asked for: some token
 * servers refuse an anonymous wish to push where they would allow to pull.
 */
static void add_scope(const struct lk_registry *registry, struct lk_buf *out)
{
    if (registry->credential.kind == LK_CREDENTIAL_NONE && registry->challenge.scope[0])
        lk_buf_add_text(out, registry->challenge.scope);
    else
        lk_buf_printf(out, "repository:%s:pull,push", registry->name.path);
}

static int add_query(char **url, const char *key, const char *value, struct lk_err *err)
{
    char *longer = NULL;

    if (lk_url_add_query(&longer, *url, key, value, err) < 0)
        return -1;
    lk_free_pointer(url);
    *url = longer;
    return 0;
}

/* The GET that shows nothing or a password. */
static int token_url(const struct lk_registry *registry, char **out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char     *url = lk_xstrdup(registry->challenge.realm);
    LK_CLEANUP(lk_buf_fini) struct lk_buf scope = LK_BUF_INIT(2048);

    add_scope(registry, &scope);
    if (registry->challenge.service[0] &&
        add_query(&url, "service", registry->challenge.service, err) < 0)
        return -1;
    if (add_query(&url, "scope", lk_buf_text(&scope), err) < 0)
        return -1;
    if (registry->mount_from[0]) {
        LK_CLEANUP(lk_free_pointer)
        char *second = lk_xasprintf("repository:%s:pull", registry->mount_from);
        if (add_query(&url, "scope", second, err) < 0)
            return -1;
    }
    *out = LK_TAKE(url);
    return 0;
}

/* The identity token goes in a form's body (distribution's "oauth2" token endpoint). */
static void identity_form(const struct lk_registry *registry, struct lk_buf *out)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf scope = LK_BUF_INIT(2048);

    add_scope(registry, &scope);
    if (registry->mount_from[0])
        lk_buf_printf(&scope, " repository:%s:pull", registry->mount_from);
    lk_url_add_field(out, "grant_type", "refresh_token");
    lk_url_add_field(out, "client_id", "lkcoord");
    lk_url_add_field(out, "service", registry->challenge.service);
    lk_url_add_field(out, "scope", lk_buf_text(&scope));
    lk_url_add_field(out, "refresh_token", registry->credential.secret);
}

/* A password may go only where a listener on the way cannot read it, or to the host it is for. */
static bool realm_may_have_password(const struct lk_registry *registry)
{
    const char *realm = registry->challenge.realm;

    return lk_url_is_https(realm) ||
           (registry->plain_http &&
            (lk_url_is_loopback(realm) || lk_url_same_host(realm, registry->base)));
}

/* What goes into a header line must not be able to end it. */
static bool token_is_printable(const char *token)
{
    for (; *token; token++)
        if (*token <= ' ' || *token > '~')
            return false;
    return true;
}

static int read_token(struct lk_str bytes, char *token, size_t size, uint32_t *valid_ms,
                      struct lk_err *err)
{
    LK_CLEANUP(document_free)
    json_t       *document = json_loadb(bytes.data, bytes.len, 0, NULL);
    const json_t *text = json_object_get(document, "token");
    const json_t *expires = json_object_get(document, "expires_in");
    json_int_t    seconds = json_is_integer(expires) ? json_integer_value(expires) : 0;

    if (!json_is_string(text))
        text = json_object_get(document, "access_token");
    if (!json_is_string(text) || !json_string_value(text)[0] ||
        !token_is_printable(json_string_value(text)) ||
        !lk_copy_text(token, size, json_string_value(text)))
        return lk_err_set(err, LK_ERR_PERMANENT,
                          "its token server answered without a usable token");
    if (seconds < TOKEN_VALID_DEFAULT_S)
        seconds = seconds > 0 ? seconds : TOKEN_VALID_DEFAULT_S;
    if (seconds > TOKEN_VALID_MAX_S)
        seconds = TOKEN_VALID_MAX_S;
    *valid_ms = (uint32_t)seconds * 1000;
    return 0;
}

static int token_refused(const struct lk_registry *registry, int status, struct lk_err *err)
{
    bool have_password = registry->credential.kind == LK_CREDENTIAL_BASIC;
    bool have_identity = registry->credential.kind == LK_CREDENTIAL_IDENTITY;

    if (status == 429 || status == 408 || status >= 500)
        return lk_err_set(err, LK_ERR_RETRY, "its token server answered %d", status);
    if (have_identity && (status == 400 || status == 401 || status == 403))
        return lk_err_set(err, LK_ERR_DENIED,
                          "its token server refused the identity token (%d); log in anew",
                          status);
    if (status == 401 || status == 403)
        return lk_err_set(err, LK_ERR_DENIED, "its token server refused %s%s (%d); %s",
                          have_password ? "the credentials of user " : "to serve the nameless",
                          have_password ? registry->credential.user : "", status,
                          have_password ? "check user and password" : "configure credentials");
    return lk_err_set(err, LK_ERR_PERMANENT, "its token server answered %d", status);
}

/* One question to the token server, in the way that our kind of credential needs. */
static int ask_for_token(struct lk_registry *registry, struct lk_http_answer *answer,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *url = NULL;
    LK_CLEANUP(lk_secret_fini)
    struct lk_buf basic = LK_BUF_INIT(2 * sizeof(struct lk_credential));
    LK_CLEANUP(lk_secret_fini)
    struct lk_buf          form = LK_BUF_INIT(4 * sizeof(struct lk_credential));
    struct lk_http_request request = { .method = "GET",
                                       .answer_max = LK_ANSWER_BYTES_MAX,
                                       .total_ms = LK_SMALL_REQUEST_MS };

    if (registry->credential.kind == LK_CREDENTIAL_IDENTITY) {
        identity_form(registry, &form);
        request.method = "POST";
        request.headers[0] = "Content-Type: application/x-www-form-urlencoded";
        request.body = lk_buf_str(&form);
        request.url = registry->challenge.realm;
        return lk_http_perform(registry->http, &request, answer, err);
    }
    if (token_url(registry, &url, err) < 0)
        return -1;
    if (registry->credential.kind == LK_CREDENTIAL_BASIC) {
        add_basic(registry, &basic);
        request.headers[0] = lk_buf_text(&basic);
    }
    request.url = url;
    return lk_http_perform(registry->http, &request, answer, err);
}

int lk_auth_fetch_token(struct lk_registry *registry, char *token, size_t size,
                        uint32_t *valid_ms, struct lk_err *err)
{
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };

    if (registry->credential.kind != LK_CREDENTIAL_NONE && !realm_may_have_password(registry))
        return lk_err_set(
            err, LK_ERR_DENIED,
            "its token server %.200s would get the password unencrypted; not sent",
            registry->challenge.realm);
    if (ask_for_token(registry, &answer, err) < 0)
        return lk_err_wrap(err, "asking its token server %.200s", registry->challenge.realm);
    if (answer.status != 200)
        return token_refused(registry, answer.status, err);
    int result = read_token(lk_buf_str(&answer.body), token, size, valid_ms, err);
    if (answer.body.data)
        sodium_memzero(answer.body.data, answer.body.capacity);
    return result;
}

/* Makes the token new; it counts as used up a tenth of its life early, so that it lasts for a request. */
static int renew_token(struct lk_registry *registry, struct lk_err *err)
{
    uint32_t valid_ms;

    registry->token_until_ms = 0;
    if (lk_auth_fetch_token(registry, registry->token, sizeof(registry->token), &valid_ms,
                            err) < 0)
        return -1;
    registry->token_until_ms = lk_clock_boot_ms() + valid_ms - valid_ms / 10;
    return 0;
}

int lk_auth_header(struct lk_registry *registry, struct lk_buf *out, struct lk_err *err)
{
    if (registry->credential.kind == LK_CREDENTIAL_BEARER) {
        lk_buf_printf(out, "Authorization: Bearer %s", registry->credential.secret);
        return 0;
    }
    switch (registry->challenge.scheme) {
    case LK_AUTH_UNKNOWN: return 0;
    case LK_AUTH_BASIC: add_basic(registry, out); return 0;
    case LK_AUTH_TOKEN:
        if (lk_clock_boot_ms() >= registry->token_until_ms && renew_token(registry, err) < 0)
            return -1;
        lk_buf_printf(out, "Authorization: Bearer %s", registry->token);
        return 0;
    }
    return 0;
}

int lk_auth_improve(struct lk_registry *registry, const struct lk_http_answer *answer,
                    bool *improved, struct lk_err *err)
{
    struct lk_challenge challenge;
    enum lk_auth_scheme before = registry->challenge.scheme;

    *improved = false;
    if (registry->credential.kind == LK_CREDENTIAL_BEARER ||
        !lk_auth_challenge(answer, &challenge))
        return 0;
    if (challenge.scheme == LK_AUTH_BASIC) {
        if (registry->credential.kind != LK_CREDENTIAL_BASIC || before == LK_AUTH_BASIC)
            return 0;
        registry->challenge = challenge;
        *improved = true;
        return 0;
    }
    registry->challenge = challenge;
    if (renew_token(registry, err) < 0)
        return -1;
    *improved = true;
    return 0;
}

int lk_registry_fetch_ticket(struct lk_registry *registry, struct lk_credential *out,
                             uint32_t *valid_ms, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *url = NULL;
    struct lk_patience                patience = { 0 };

    *out = (struct lk_credential) { .kind = LK_CREDENTIAL_NONE };
    *valid_ms = 0;
    if (registry->challenge.scheme == LK_AUTH_UNKNOWN) {
        LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
        if (lk_url_resolve(&url, registry->base, "/v2/", err) < 0)
            return -1;
        struct lk_call call = {
            .what = "asking how it wants to be authenticated to",
            .request = { .method = "GET", .url = url, .total_ms = LK_SMALL_REQUEST_MS }
        };
        if (lk_session_ask(registry, &call, &answer, err) < 0)
            return -1;
        if (answer.status == 200 && registry->challenge.scheme == LK_AUTH_UNKNOWN)
            return 0;
        if (answer.status != 200 && !lk_auth_challenge(&answer, &registry->challenge))
            return lk_session_refused(registry, &call, &answer, err);
    }
    if (registry->challenge.scheme == LK_AUTH_BASIC) {
        out->kind = LK_CREDENTIAL_BASIC;
        return 0;
    }
    while (lk_auth_fetch_token(registry, out->secret, sizeof(out->secret), valid_ms, err) < 0) {
        lk_err_wrap(err, "registry %s, repository %s: getting a token", registry->name.host,
                    registry->name.path);
        if (lk_session_wait(registry, &patience, err) < 0)
            return -1;
    }
    out->kind = LK_CREDENTIAL_BEARER;
    return 0;
}
