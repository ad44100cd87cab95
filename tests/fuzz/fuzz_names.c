#include "tests/fuzz/fuzz.h"

#include "common/http/url.h"
#include "common/registry/reference.h"

#include <string.h>
#include <strings.h>

/* What is taken is legal in each of its parts, and its whole name means the same. */
static int read_reference(struct lk_str text, struct lk_err *err)
{
    struct lk_reference reference, again;

    if (lk_reference_parse(text, &reference, err) < 0)
        return -1;
    lk_assert(!reference.tag[0] || lk_tag_is_valid(lk_str_of(reference.tag)));
    lk_assert(lk_reference_parse(lk_str_of(reference.repository), &again, err) == 0);
    lk_assert(strcmp(again.repository, reference.repository) == 0);
    lk_assert(strcmp(again.host, reference.host) == 0 &&
              strcmp(again.path, reference.path) == 0);
    (void)lk_host_is_loopback(reference.host);
    return 0;
}

/* What a registry's answer may send us to is HTTP, has no user in it, and is an origin of its own. */
static int read_location(struct lk_str text, struct lk_err *err)
{
    static const char base[] = "https://registry.example:5000/v2/org/x/blobs/uploads/";
    LK_CLEANUP(lk_free_pointer) char *location = lk_xasprintf(LK_STR_FMT, LK_STR_ARG(text));
    LK_CLEANUP(lk_free_pointer) char *url = NULL, *longer = NULL;

    (void)lk_url_is_loopback(location);
    if (lk_url_resolve(&url, base, location, err) < 0)
        return -1;
    lk_assert(strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0);
    lk_assert(lk_url_same_origin(url, url) && lk_url_same_host(url, url));
    lk_assert(lk_url_is_https(url) == (strncasecmp(url, "https://", 8) == 0));
    if (lk_url_add_query(&longer, url, "digest", "sha256:00", err) == 0)
        lk_assert(lk_url_same_origin(url, longer));
    return 0;
}

/* The first byte says what the rest is taken for: the name of an image, or the address in a registry's answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_str rest = { (const char *)data + 1, size - 1 };
    struct lk_err err = { 0 };

    if (size == 0)
        return 0;
    if ((*data % 2 ? read_location(rest, &err) : read_reference(rest, &err)) < 0)
        lk_assert(err.text[0]);
    return 0;
}
