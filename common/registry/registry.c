#include "common/registry/registry.h"

#include "common/hash/sha256.h"
#include "common/oci/oci.h"
#include "common/registry/session.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define ACCEPT \
    "Accept: " LK_OCI_INDEX ", " LK_DOCKER_LIST ", " LK_OCI_MANIFEST ", " LK_DOCKER_MANIFEST

void lk_manifest_fini(struct lk_manifest *manifest)
{
    lk_buf_fini(&manifest->bytes);
}

static void document_free(json_t **document)
{
    json_decref(*document);
}

/* Writes into a path of a URL only what is a tag or a digest. */
static int manifest_url(const struct lk_registry *registry, const char *tag_or_digest,
                        char **out, struct lk_err *err)
{
    struct lk_digest digest;
    struct lk_str    name = lk_str_of(tag_or_digest);

    if (!lk_tag_is_valid(name) && !lk_digest_parse(name, &digest))
        return lk_err_set(err, LK_ERR_INVALID,
                          "repository %s: \"%.150s\" is neither a tag nor a digest",
                          registry->name.repository, tag_or_digest);
    *out = lk_xasprintf("%smanifests/%s", registry->base, tag_or_digest);
    return 0;
}

static bool is_known_type(const char *media_type)
{
    return lk_media_type_is_index(media_type) || lk_media_type_is_image(media_type);
}

/* Content-Type without its parameters, if it is one of ours; else what the document calls itself. */
static void find_media_type(const struct lk_http_answer *answer, char out[LK_MEDIA_TYPE_SIZE])
{
    const char   *header = lk_http_header(answer, "Content-Type", NULL);
    struct lk_str value = lk_str_of(header ? header : ""), head, rest;

    if (lk_str_split(value, ';', &head, &rest))
        value = head;
    while (value.len && value.data[value.len - 1] == ' ')
        value.len--;
    if (lk_str_copy(out, LK_MEDIA_TYPE_SIZE, value) && is_known_type(out))
        return;
    LK_CLEANUP(document_free)
    json_t     *document = json_loadb(lk_buf_text(&answer->body), answer->body.len, 0, NULL);
    const char *stated = json_string_value(json_object_get(document, "mediaType"));
    if (stated)
        lk_copy_text(out, LK_MEDIA_TYPE_SIZE, stated);
}

static int wrong_digest(const struct lk_registry *registry, const struct lk_call *call,
                        const struct lk_digest *found, const char *expected, struct lk_err *err)
{
    char text[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(found, text);
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "registry %s, repository %s: %s: its bytes have digest %.19s, not %.19s",
                      registry->name.host, registry->name.path, call->what, text, expected);
}

/* Holds what we computed against what we asked for and what the registry states; either may be silent. */
static int check_digest(const struct lk_registry *registry, const struct lk_call *call,
                        const struct lk_http_answer *answer, const char *asked,
                        const struct lk_digest *computed, struct lk_err *err)
{
    const char      *stated = lk_http_header(answer, "Docker-Content-Digest", NULL);
    struct lk_digest digest;

    if (asked && lk_digest_parse(lk_str_of(asked), &digest) && !lk_digest_eq(&digest, computed))
        return wrong_digest(registry, call, computed, asked, err);
    if (stated && lk_digest_parse(lk_str_of(stated), &digest) &&
        !lk_digest_eq(&digest, computed))
        return wrong_digest(registry, call, computed, stated, err);
    return 0;
}

int lk_registry_get_manifest(struct lk_registry *registry, const char *tag_or_digest,
                             struct lk_manifest *out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *url = NULL;
    LK_CLEANUP(lk_free_pointer) char *what = lk_xasprintf("reading manifest %s", tag_or_digest);
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };

    if (manifest_url(registry, tag_or_digest, &url, err) < 0)
        return -1;
    struct lk_call call = { .what = what,
                            .request = { .method = "GET",
                                         .url = url,
                                         .headers = { ACCEPT },
                                         .answer_max = LK_MANIFEST_BYTES_MAX,
                                         .total_ms = LK_SMALL_REQUEST_MS } };
    if (lk_session_ask(registry, &call, &answer, err) < 0)
        return -1;
    if (answer.status != 200)
        return lk_session_refused(registry, &call, &answer, err);
    struct lk_manifest manifest = { 0 };
    lk_sha256(lk_buf_text(&answer.body), answer.body.len, &manifest.digest);
    if (check_digest(registry, &call, &answer, tag_or_digest, &manifest.digest, err) < 0)
        return -1;
    find_media_type(&answer, manifest.media_type);
    manifest.bytes = answer.body;
    answer.body = LK_BUF_INIT(0);
    *out = manifest;
    return 0;
}

/* Repeating it after a lost answer is harmless: the same bytes under the same name. */
/*
 * docker-registry says this of right bytes too: when it reads the link to one of their blobs while another
 * request, of another architecture with the same layer, is just writing it.
 */
static bool is_wrongly_doubted(const struct lk_http_answer *answer, const char *tag_or_digest,
                               const struct lk_digest *computed)
{
    struct lk_digest asked;

    return answer->status == 400 && strstr(lk_buf_text(&answer->body), "DIGEST_INVALID") &&
           (!lk_digest_parse(lk_str_of(tag_or_digest), &asked) ||
            lk_digest_eq(&asked, computed));
}

int lk_registry_put_manifest(struct lk_registry *registry, const char *tag_or_digest,
                             struct lk_str bytes, const char *media_type, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *url = NULL;
    LK_CLEANUP(lk_free_pointer) char *what = lk_xasprintf("writing manifest %s", tag_or_digest);
    LK_CLEANUP(lk_free_pointer) char *type = lk_xasprintf("Content-Type: %s", media_type);
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    struct lk_digest                                      computed;

    if (manifest_url(registry, tag_or_digest, &url, err) < 0)
        return -1;
    struct lk_call call = { .what = what,
                            .request = { .method = "PUT",
                                         .url = url,
                                         .headers = { type },
                                         .body = bytes,
                                         .total_ms = LK_SMALL_REQUEST_MS } };
    lk_sha256(bytes.data, bytes.len, &computed);
    if (lk_session_ask(registry, &call, &answer, err) < 0)
        return -1;
    if (answer.status < 200 || answer.status > 204) {
        lk_session_refused(registry, &call, &answer, err);
        if (is_wrongly_doubted(&answer, tag_or_digest, &computed))
            err->kind = LK_ERR_RETRY;
        return -1;
    }
    return check_digest(registry, &call, &answer, tag_or_digest, &computed, err);
}

int lk_registry_get_blob(struct lk_registry *registry, const struct lk_digest *digest,
                         struct lk_buf *out, struct lk_err *err)
{
    char text[LK_DIGEST_TEXT_SIZE];
    lk_digest_format(digest, text);
    LK_CLEANUP(lk_free_pointer) char *url = lk_xasprintf("%sblobs/%s", registry->base, text);
    LK_CLEANUP(lk_free_pointer) char *what = lk_xasprintf("reading blob %.19s", text);
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    struct lk_call                                        call = {
                                               .what = what, .request = { .method = "GET", .url = url, .answer_max = out->max }
    };
    struct lk_digest computed;

    if (lk_session_ask(registry, &call, &answer, err) < 0)
        return -1;
    if (answer.status != 200)
        return lk_session_refused(registry, &call, &answer, err);
    lk_sha256(lk_buf_text(&answer.body), answer.body.len, &computed);
    if (check_digest(registry, &call, &answer, text, &computed, err) < 0)
        return -1;
    lk_buf_clear(out);
    if (!lk_buf_add_str(out, lk_buf_str(&answer.body)))
        return lk_err_set(err, LK_ERR_LIMIT,
                          "registry %s, repository %s: %s: more than %zu bytes",
                          registry->name.host, registry->name.path, what, out->max);
    return 0;
}

int lk_registry_fetch_blob(struct lk_registry *registry, const struct lk_digest *digest,
                           uint64_t size, int fd, struct lk_err *err)
{
    char             text[LK_DIGEST_TEXT_SIZE];
    struct lk_digest computed;
    uint64_t         found;

    lk_digest_format(digest, text);
    LK_CLEANUP(lk_free_pointer) char *url = lk_xasprintf("%sblobs/%s", registry->base, text);
    LK_CLEANUP(lk_free_pointer) char *what = lk_xasprintf("fetching blob %.19s", text);
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    struct lk_call                                        call = { .what = what,
                                                                   .request = { .method = "GET",
                                                                                .url = url,
                                                                                .answer_max = size,
                                                                                .to_file = true,
                                                                                .answer_fd = fd } };

    if (lk_session_ask(registry, &call, &answer, err) < 0)
        return -1;
    if (answer.status != 200)
        return lk_session_refused(registry, &call, &answer, err);
    if (lk_sha256_fd(fd, &computed, &found, err) < 0)
        return lk_err_wrap(err, "%s", what);
    if (found != size)
        return lk_err_set(
            err, LK_ERR_CONFLICT,
            "registry %s, repository %s: %s: it has %llu bytes and should have %llu",
            registry->name.host, registry->name.path, what, (unsigned long long)found,
            (unsigned long long)size);
    return check_digest(registry, &call, &answer, text, &computed, err);
}

int lk_registry_has_blob(struct lk_registry *registry, const struct lk_digest *digest,
                         struct lk_err *err)
{
    char text[LK_DIGEST_TEXT_SIZE];
    lk_digest_format(digest, text);
    LK_CLEANUP(lk_free_pointer) char *url = lk_xasprintf("%sblobs/%s", registry->base, text);
    LK_CLEANUP(lk_free_pointer) char *what = lk_xasprintf("looking for blob %.19s", text);
    LK_CLEANUP(lk_http_answer_fini) struct lk_http_answer answer = { 0 };
    struct lk_call                                        call = {
                                               .what = what,
                                               .request = { .method = "HEAD", .url = url, .total_ms = LK_SMALL_REQUEST_MS }
    };

    if (lk_session_ask(registry, &call, &answer, err) < 0)
        return -1;
    return answer.status == 200 ? 0 : lk_session_refused(registry, &call, &answer, err);
}
