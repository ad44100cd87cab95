#include "common/http/url.h"

#include "common/registry/reference.h"

#include <string.h>
#include <strings.h>

#include <curl/curl.h>

static void url_free(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void text_free(char **text)
{
    curl_free(*text);
}

/* NULL if `text` is no URL that we would ask. */
static CURLU *parse(const char *text)
{
    CURLU *url = curl_url();

    lk_assert(url);
    if (curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER) == CURLUE_OK)
        return url;
    curl_url_cleanup(url);
    return NULL;
}

/* NULL if there is no such part; for curl_free(). */
static char *part(CURLU *url, CURLUPart which)
{
    char *text = NULL;

    if (curl_url_get(url, which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return NULL;
    return text;
}

static int give(char **out, CURLU *url)
{
    LK_CLEANUP(text_free) char *text = NULL;

    if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
        return -1;
    *out = lk_xstrdup(text);
    return 0;
}

static bool has_scheme(CURLU *url, const char *scheme)
{
    LK_CLEANUP(text_free) char *found = part(url, CURLUPART_SCHEME);

    return found && strcasecmp(found, scheme) == 0;
}

int lk_url_resolve(char **out, const char *base, const char *location, struct lk_err *err)
{
    LK_CLEANUP(url_free) CURLU *url = parse(base);

    if (!url || curl_url_set(url, CURLUPART_URL, location, CURLU_DISALLOW_USER) != CURLUE_OK ||
        (!has_scheme(url, "http") && !has_scheme(url, "https")) || give(out, url) < 0)
        return lk_err_set(err, LK_ERR_PERMANENT,
                          "following a registry's answer: it points to no usable address");
    return 0;
}

int lk_url_add_query(char **out, const char *url_text, const char *key, const char *value,
                     struct lk_err *err)
{
    LK_CLEANUP(url_free) CURLU       *url = parse(url_text);
    LK_CLEANUP(lk_free_pointer) char *pair = lk_xasprintf("%s=%s", key, value);

    if (!url ||
        curl_url_set(url, CURLUPART_QUERY, pair, CURLU_APPENDQUERY | CURLU_URLENCODE) !=
            CURLUE_OK ||
        give(out, url) < 0)
        return lk_err_set(err, LK_ERR_PERMANENT,
                          "composing a request to a registry: not an address");
    return 0;
}

void lk_url_add_field(struct lk_buf *form, const char *key, const char *value)
{
    LK_CLEANUP(text_free) char *text = curl_easy_escape(NULL, value, (int)strlen(value));

    lk_assert(text);
    lk_buf_printf(form, "%s%s=%s", form->len ? "&" : "", key, text);
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart which)
{
    LK_CLEANUP(text_free) char *left = part(a, which);
    LK_CLEANUP(text_free) char *right = part(b, which);

    return left && right && strcasecmp(left, right) == 0;
}

bool lk_url_same_origin(const char *a, const char *b)
{
    LK_CLEANUP(url_free) CURLU *left = parse(a);
    LK_CLEANUP(url_free) CURLU *right = parse(b);

    return left && right && same_part(left, right, CURLUPART_SCHEME) &&
           same_part(left, right, CURLUPART_HOST) && same_part(left, right, CURLUPART_PORT);
}

bool lk_url_same_host(const char *a, const char *b)
{
    LK_CLEANUP(url_free) CURLU *left = parse(a);
    LK_CLEANUP(url_free) CURLU *right = parse(b);

    return left && right && same_part(left, right, CURLUPART_HOST);
}

bool lk_url_is_https(const char *text)
{
    LK_CLEANUP(url_free) CURLU *url = parse(text);

    return url && has_scheme(url, "https");
}

bool lk_url_is_loopback(const char *text)
{
    LK_CLEANUP(url_free) CURLU *url = parse(text);
    LK_CLEANUP(text_free) char *host = url ? part(url, CURLUPART_HOST) : NULL;

    return host && lk_host_is_loopback(host);
}
