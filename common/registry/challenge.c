#include "common/registry/session.h"

#include <string.h>
#include <strings.h>

/*
 * WWW-Authenticate (RFC 9110, 11.6.1): a scheme, then name=value pairs with commas between them, values
 * plain or quoted.  Registries send one challenge a header line.
 */
static struct lk_str trim_start(struct lk_str str)
{
    while (str.len && strchr(" \t,", str.data[0]))
        str = (struct lk_str) { str.data + 1, str.len - 1 };
    return str;
}

static bool take_quoted(struct lk_str *rest, struct lk_buf *out)
{
    size_t i = 1;

    for (; i < rest->len && rest->data[i] != '"'; i++) {
        if (rest->data[i] == '\\' && i + 1 < rest->len)
            i++;
        lk_buf_add(out, rest->data + i, 1);
    }
    if (i >= rest->len)
        return false;
    *rest = (struct lk_str) { rest->data + i + 1, rest->len - i - 1 };
    return true;
}

static bool take_plain(struct lk_str *rest, struct lk_buf *out)
{
    size_t i = 0;

    while (i < rest->len && !strchr(" \t,", rest->data[i]))
        i++;
    lk_buf_add(out, rest->data, i);
    *rest = (struct lk_str) { rest->data + i, rest->len - i };
    return true;
}

static bool name_is(struct lk_str name, const char *expected)
{
    return name.len == strlen(expected) && strncasecmp(name.data, expected, name.len) == 0;
}

static bool keep(struct lk_challenge *out, struct lk_str name, struct lk_str value)
{
    if (name_is(name, "realm"))
        return lk_str_copy(out->realm, sizeof(out->realm), value);
    if (name_is(name, "service"))
        return lk_str_copy(out->service, sizeof(out->service), value);
    if (name_is(name, "scope"))
        return lk_str_copy(out->scope, sizeof(out->scope), value);
    return true;
}

static bool read_parameters(struct lk_str rest, struct lk_challenge *out)
{
    for (rest = trim_start(rest); rest.len; rest = trim_start(rest)) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf value = LK_BUF_INIT(2048);
        struct lk_str                         name, after;
        if (!lk_str_split(rest, '=', &name, &after) || after.len == 0)
            return false;
        bool taken =
            after.data[0] == '"' ? take_quoted(&after, &value) : take_plain(&after, &value);
        if (!taken || !lk_buf_ok(&value) || !keep(out, name, lk_buf_str(&value)))
            return false;
        rest = after;
    }
    return true;
}

static bool read_challenge(struct lk_str line, struct lk_challenge *out)
{
    struct lk_str scheme = line, rest = { line.data + line.len, 0 };

    *out = (struct lk_challenge) { 0 };
    lk_str_split(line, ' ', &scheme, &rest);
    if (name_is(scheme, "Basic")) {
        out->scheme = LK_AUTH_BASIC;
        return true;
    }
    if (!name_is(scheme, "Bearer") || !read_parameters(rest, out))
        return false;
    out->scheme = LK_AUTH_TOKEN;
    return out->realm[0] != '\0';
}

bool lk_auth_challenge(const struct lk_http_answer *answer, struct lk_challenge *out)
{
    struct lk_challenge candidate;
    const char         *line = NULL;
    bool                found = false;

    while ((line = lk_http_header(answer, "WWW-Authenticate", line)) != NULL) {
        if (!read_challenge(lk_str_of(line), &candidate))
            continue;
        /* A token is worth less to a thief than the password: it is the better way where both are offered. */
        if (!found || candidate.scheme == LK_AUTH_TOKEN)
            *out = candidate;
        found = true;
    }
    return found;
}
