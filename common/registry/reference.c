#include "common/registry/reference.h"

#include "common/base/hex.h"

#include <stdio.h>
#include <string.h>

static const char docker_host[] = "docker.io";

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(char c)
{
    return is_lower(c) || is_upper(c) || is_digit(c);
}

bool lk_tag_is_valid(struct lk_str tag)
{
    if (tag.len == 0 || tag.len >= LK_TAG_SIZE)
        return false;
    for (size_t i = 0; i < tag.len; i++) {
        char c = tag.data[i];
        bool word = is_alphanumeric(c) || c == '_';
        if (!word && (i == 0 || (c != '.' && c != '-')))
            return false;
    }
    return true;
}

/* How long the separator at the start of `str` is: ".", "_", "__" or any number of "-"; 0 if it is none. */
static size_t separator_length(struct lk_str str)
{
    size_t dashes = 0;

    if (str.len == 0)
        return 0;
    if (str.data[0] == '.')
        return 1;
    if (str.data[0] == '_')
        return str.len > 1 && str.data[1] == '_' ? 2 : 1;
    while (dashes < str.len && str.data[dashes] == '-')
        dashes++;
    return dashes;
}

static size_t word_length(struct lk_str str)
{
    size_t len = 0;

    while (len < str.len && (is_lower(str.data[len]) || is_digit(str.data[len])))
        len++;
    return len;
}

static struct lk_str skip(struct lk_str str, size_t count)
{
    return (struct lk_str) { str.data + count, str.len - count };
}

/* Words of [a-z0-9] with separators between them, never at an end. */
static bool component_is_valid(struct lk_str component)
{
    for (;;) {
        size_t word = word_length(component);
        if (word == 0)
            return false;
        component = skip(component, word);
        if (component.len == 0)
            return true;
        size_t separator = separator_length(component);
        if (separator == 0)
            return false;
        component = skip(component, separator);
    }
}

static bool path_is_valid(struct lk_str path)
{
    struct lk_str component, rest;

    while (lk_str_split(path, '/', &component, &rest)) {
        if (!component_is_valid(component))
            return false;
        path = rest;
    }
    return component_is_valid(path);
}

static bool port_is_valid(struct lk_str port)
{
    uint64_t number;

    return lk_parse_u64(port, 65535, &number) && number > 0;
}

static bool label_is_valid(struct lk_str label)
{
    if (label.len == 0 || label.data[0] == '-' || label.data[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_alphanumeric(label.data[i]) && label.data[i] != '-')
            return false;
    return true;
}

static bool name_is_valid(struct lk_str name)
{
    struct lk_str label, rest;

    while (lk_str_split(name, '.', &label, &rest)) {
        if (!label_is_valid(label))
            return false;
        name = rest;
    }
    return label_is_valid(name);
}

/* "[" hex digits and colons "]": whether it is an address is for the resolver to say. */
static bool bracketed_is_valid(struct lk_str inside)
{
    for (size_t i = 0; i < inside.len; i++) {
        char c = inside.data[i];
        if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F') && c != ':')
            return false;
    }
    return inside.len > 0;
}

static bool host_is_valid(struct lk_str host)
{
    struct lk_str name = host, port;

    if (host.len && host.data[0] == '[') {
        struct lk_str inside, after;
        if (!lk_str_split(skip(host, 1), ']', &inside, &after) || !bracketed_is_valid(inside))
            return false;
        return after.len == 0 || (after.data[0] == ':' && port_is_valid(skip(after, 1)));
    }
    if (lk_str_split(host, ':', &name, &port) && !port_is_valid(port))
        return false;
    return name_is_valid(name);
}

/* Docker's rule: the first component is a host if it could not be the name of an organisation. */
static bool looks_like_host(struct lk_str first)
{
    if (lk_str_eq_text(first, "localhost"))
        return true;
    for (size_t i = 0; i < first.len; i++)
        if (first.data[i] == '.' || first.data[i] == ':' || is_upper(first.data[i]))
            return true;
    return false;
}

static int refuse(struct lk_err *err, struct lk_str text, const char *what)
{
    int shown = text.len > 200 ? 200 : (int)text.len;

    return lk_err_set(
        err, LK_ERR_INVALID,
        "image name \"%.*s\": %s; expected host[:port]/path[:tag][@sha256:digest]", shown,
        text.data, what);
}

/* Cuts "@digest" and ":tag" off the end of `*name`. */
static int take_tag_and_digest(struct lk_str text, struct lk_str *name,
                               struct lk_reference *out, struct lk_err *err)
{
    struct lk_str head, rest;

    *name = text;
    if (lk_str_split(text, '@', &head, &rest)) {
        if (!lk_digest_parse(rest, &out->digest))
            return refuse(err, text, "the digest is not sha256: and 64 lower-case hex digits");
        out->has_digest = true;
        *name = head;
    }
    size_t colon = name->len;
    while (colon > 0 && name->data[colon - 1] != ':' && name->data[colon - 1] != '/')
        colon--;
    if (colon == 0 || name->data[colon - 1] == '/')
        return 0;
    struct lk_str tag = skip(*name, colon);
    if (!lk_tag_is_valid(tag))
        return refuse(err, text,
                      "the tag is not legal (letters, digits, '_', '.', '-', at most 128)");
    lk_str_copy(out->tag, sizeof(out->tag), tag);
    name->len = colon - 1;
    return 0;
}

/* Writes host and path, with what Docker leaves out of its own names. */
static int take_name(struct lk_str text, struct lk_str name, struct lk_reference *out,
                     struct lk_err *err)
{
    struct lk_str host = lk_str_of(docker_host), path = name, first, rest;
    bool          has_slash = lk_str_split(name, '/', &first, &rest);

    if (has_slash && looks_like_host(first)) {
        host = first;
        path = rest;
    }
    if (!host_is_valid(host))
        return refuse(err, text,
                      "the registry's name is not a host name with an optional port");
    if (!path_is_valid(path))
        return refuse(
            err, text,
            "the path is not legal (lower-case words, separated by '/', '.', '_' or '-')");
    if (lk_str_eq_text(host, "index.docker.io"))
        host = lk_str_of(docker_host);
    bool official = lk_str_eq_text(host, docker_host) && !memchr(path.data, '/', path.len);
    int  len = snprintf(out->repository, sizeof(out->repository), LK_STR_FMT "/%s" LK_STR_FMT,
                        LK_STR_ARG(host), official ? "library/" : "", LK_STR_ARG(path));
    if (len < 0 || (size_t)len >= sizeof(out->repository))
        return refuse(err, text, "it is too long (at most 255 characters before the tag)");
    lk_str_copy(out->host, sizeof(out->host), host);
    lk_copy_text(out->path, sizeof(out->path), out->repository + host.len + 1);
    return 0;
}

int lk_reference_parse(struct lk_str text, struct lk_reference *out, struct lk_err *err)
{
    struct lk_reference result = { 0 };
    struct lk_str       name;
    uint8_t             identifier[32];

    if (text.len == 0 || text.len >= LK_REFERENCE_SIZE || !lk_str_is_utf8(text))
        return lk_err_set(err, LK_ERR_INVALID,
                          "image name: empty, longer than %d characters, or not text",
                          LK_REFERENCE_SIZE - 1);
    /* 64 hex digits alone are an image id to Docker, never a name on its hub. */
    if (lk_hex_decode(identifier, sizeof(identifier), text))
        return refuse(err, text, "this is an image id, not a name");
    if (take_tag_and_digest(text, &name, &result, err) < 0 ||
        take_name(text, name, &result, err) < 0)
        return -1;
    *out = result;
    return 0;
}

const char *lk_reference_api_host(const struct lk_reference *reference)
{
    return strcmp(reference->host, docker_host) == 0 ? "registry-1.docker.io" : reference->host;
}

/* True for four decimal numbers of which the first is 127. */
static bool is_loopback_ipv4(struct lk_str name)
{
    struct lk_str part, rest;
    uint64_t      number;

    for (int i = 0; i < 4; i++) {
        part = name;
        if ((i < 3) != lk_str_split(name, '.', &part, &rest))
            return false;
        if (!lk_parse_u64(part, 255, &number) || (i == 0 && number != 127))
            return false;
        name = rest;
    }
    return true;
}

bool lk_host_is_loopback(const char *host)
{
    struct lk_str name = lk_str_of(host), head, rest;

    if (!host_is_valid(name))
        return false;
    if (lk_str_eq_text(name, "[::1]") || lk_str_starts(name, "[::1]:"))
        return true;
    if (lk_str_split(name, ':', &head, &rest))
        name = head;
    return lk_str_eq_text(name, "localhost") || is_loopback_ipv4(name);
}
