/* url - the few questions asked about URLs: by libcurl's own parser, so that it and we never read one differently. */
#ifndef LK_URL_H
#define LK_URL_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* `location` as seen from `base`: relative ones are made whole.  http or https, without user names; owned by the caller. */
int lk_url_resolve(char **out, const char *base, const char *location, struct lk_err *err);

/* A copy of `url` with "key=value" added to its query, encoded. */
int lk_url_add_query(char **out, const char *url, const char *key, const char *value,
                     struct lk_err *err);

/* Adds "key=value", encoded, to the body of a form. */
void lk_url_add_field(struct lk_buf *form, const char *key, const char *value);

/* Same scheme, host and port: what was meant for one may be told the other. */
bool lk_url_same_origin(const char *a, const char *b);

/* Same host, whatever scheme and port. */
bool lk_url_same_host(const char *a, const char *b);

bool lk_url_is_https(const char *url);
bool lk_url_is_loopback(const char *url);

#endif
