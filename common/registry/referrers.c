/* The referrers API of the distribution specification 1.1, and the tag that stands for it where there is none. */
#include "common/registry/attached.h"

#include "common/http/url.h"
#include "common/registry/session.h"

#include <stdlib.h>
#include <string.h>

#define BUNDLES_MAX 32 /* looked into; each costs two requests */
#define PAGES_MAX   16

/* The address in `Link: <...>; rel="next"`; NULL: this was the last page. */
static int next_page(const char *url, const struct lk_http_answer *answer, char **next,
                     struct lk_err *err)
{
    const char   *header = lk_http_header(answer, "Link", NULL);
    struct lk_str head, link, rest;

    *next = NULL;
    if (!header || !strstr(header, "rel=\"next\"") ||
        !lk_str_split(lk_str_of(header), '<', &head, &rest) ||
        !lk_str_split(rest, '>', &link, &rest))
        return 0;
    LK_CLEANUP(lk_free_pointer) char *text = lk_xasprintf(LK_STR_FMT, LK_STR_ARG(link));
    if (lk_url_resolve(next, url, text, err) < 0)
        return -1;
    /* Our credential goes nowhere else. */
    return lk_url_same_origin(url, *next)
               ? 0
               : lk_err_set(err, LK_ERR_CONFLICT,
                            "the registry's list of referrers goes on at another host");
}

static int add_page(const struct lk_http_answer *answer, json_t *list, struct lk_err *err)
{
    LK_CLEANUP(lk_attached_free)
    json_t *page =
        json_loadb(lk_buf_text(&answer->body), answer->body.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *manifests = json_object_get(page, "manifests");

    if (!json_is_array(manifests))
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "the registry's list of referrers is no image index");
    json_array_extend(list, manifests);
    return 0;
}

/* Trouble on the way to the registry (as 520 of a proxy) says nothing about what it keeps; 501 does. */
static int in_trouble(const struct lk_registry *registry, const struct lk_call *call,
                      const struct lk_http_answer *answer, struct lk_err *err)
{
    lk_session_refused(registry, call, answer, err);
    err->kind = LK_ERR_RETRY;
    return -1;
}

/* One page; `*url` then is the next one's.  False in `*by_api`: this registry keeps no list. */
static int ask_page(struct lk_registry *registry, char **url, json_t *list, bool *by_api,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    char                                                 *next = NULL;
    struct lk_call                                        call = { .what = "listing referrers",
                                                                   .request = { .method = "GET",
                                                                                .url = *url,
                                                                                .headers = { "Accept: " LK_OCI_INDEX },
                                                                                .answer_max = LK_MANIFEST_BYTES_MAX,
                                                                                .total_ms = LK_SMALL_REQUEST_MS } };

    if (lk_session_ask(registry, &call, &answer, err) < 0)
        return -1;
    *by_api = answer.status == 200;
    if (answer.status == 401 || answer.status == 403)
        return lk_session_refused(registry, &call, &answer, err);
    if (answer.status >= 500 && answer.status != 501)
        return in_trouble(registry, &call, &answer, err);
    if (!*by_api)
        return 0;
    if (add_page(&answer, list, err) < 0 || next_page(*url, &answer, &next, err) < 0)
        return -1;
    free(*url);
    *url = next;
    return 0;
}

static int ask_api(struct lk_registry *registry, const struct lk_digest *digest, json_t *list,
                   bool *by_api, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *url = NULL;
    char                              text[LK_DIGEST_TEXT_SIZE];

    if (registry->has_no_referrers || !*by_api) {
        *by_api = false;
        return 0;
    }
    lk_digest_format(digest, text);
    url = lk_xasprintf("%sreferrers/%s", registry->base, text);
    for (size_t i = 0; url && i < PAGES_MAX; i++) {
        if (ask_page(registry, &url, list, by_api, err) < 0)
            return -1;
        if (!*by_api && i > 0)
            return lk_err_set(err, LK_ERR_RETRY,
                              "the registry does not give page %zu of its list of referrers",
                              i + 1);
        if (!*by_api) {
            registry->has_no_referrers = true;
            return 0;
        }
    }
    return url ? lk_err_set(err, LK_ERR_LIMIT,
                            "the registry's list of referrers of %s has more than %d pages",
                            text, PAGES_MAX)
               : 0;
}

int lk_referrers_read(struct lk_registry *registry, const struct lk_digest *digest,
                      json_t **list, json_t **root, bool *by_api, struct lk_err *err)
{
    char    tag[LK_TAG_SIZE];
    bool    exists;
    json_t *named;

    *root = NULL;
    *list = json_array();
    if (ask_api(registry, digest, *list, by_api, err) < 0)
        return -1;
    if (*by_api)
        return 0;
    lk_referrers_tag(digest, tag);
    if (lk_attached_read(registry, tag, root, &exists, err) < 0)
        return -1;
    named = json_object_get(*root, "manifests");
    if (json_is_array(named)) {
        json_decref(*list);
        *list = json_incref(named);
    } else if (exists && !*root) {
        *root = json_null(); /* the tag is taken, if only by what is no JSON */
    }
    return 0;
}

bool lk_referrers_have(json_t *list, const struct lk_digest *carrier)
{
    struct lk_digest digest;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text =
            json_string_value(json_object_get(json_array_get(list, i), "digest"));
        if (text && lk_digest_parse(lk_str_of(text), &digest) && lk_digest_eq(&digest, carrier))
            return true;
    }
    return false;
}

/* Bundles, unless they say that they are about something else than a release. */
static bool may_be_signature(json_t *entry, struct lk_digest *digest)
{
    const char *text, *type = NULL, *predicate = NULL;

    return json_unpack(entry, "{s:s,s?s,s?{s?s}}", "digest", &text, "artifactType", &type,
                       "annotations", LK_PREDICATE_ANNOTATION, &predicate) == 0 &&
           type && strcmp(type, LK_BUNDLE_MEDIA_TYPE) == 0 &&
           (!predicate || strcmp(predicate, LK_PREDICATE_TYPE) == 0) &&
           lk_digest_parse(lk_str_of(text), digest);
}

bool lk_referrers_have_signature(json_t *list)
{
    struct lk_digest carrier;

    for (size_t i = 0; i < json_array_size(list); i++)
        if (may_be_signature(json_array_get(list, i), &carrier))
            return true;
    return false;
}

/* Gone, damaged or too large: then it is no signature.  Anything else is "could not ask". */
static int unless_answered(const struct lk_err *err)
{
    return err->kind == LK_ERR_NOT_FOUND || err->kind == LK_ERR_CONFLICT ||
                   err->kind == LK_ERR_LIMIT
               ? 0
               : -1;
}

static int check_carrier(struct lk_registry *registry, const struct lk_digest *carrier,
                         const struct lk_signature_wanted *wanted, bool every, bool *found,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf           bytes = LK_BUF_INIT(LK_BUNDLE_MAX);
    LK_CLEANUP(lk_attached_free) json_t            *root = NULL;
    char                                            text[LK_DIGEST_TEXT_SIZE];
    const char                                     *type, *layer;
    struct lk_digest                                digest;

    lk_digest_format(carrier, text);
    if (lk_registry_get_manifest(registry, text, &manifest, err) < 0)
        return unless_answered(err);
    root = json_loadb(lk_buf_text(&manifest.bytes), manifest.bytes.len, JSON_REJECT_DUPLICATES,
                      NULL);
    if (!root ||
        json_unpack(json_array_get(json_object_get(root, "layers"), 0), "{s:s,s:s}",
                    "mediaType", &type, "digest", &layer) != 0 ||
        strcmp(type, LK_BUNDLE_MEDIA_TYPE) != 0 || !lk_digest_parse(lk_str_of(layer), &digest))
        return 0;
    if (lk_registry_get_blob(registry, &digest, &bytes, err) < 0)
        return unless_answered(err);
    *found = lk_bundle_is_wanted(lk_buf_str(&bytes), wanted, every);
    return 0;
}

int lk_referrers_check(struct lk_registry *registry, json_t *list,
                       const struct lk_signature_wanted *wanted, bool every, bool *found,
                       struct lk_err *err)
{
    struct lk_digest carrier;
    size_t           looked_at = 0;

    *found = false;
    for (size_t i = 0; i < json_array_size(list) && looked_at < BUNDLES_MAX && !*found; i++) {
        if (!may_be_signature(json_array_get(list, i), &carrier))
            continue;
        looked_at++;
        if (check_carrier(registry, &carrier, wanted, every, found, err) < 0)
            return -1;
    }
    return 0;
}
