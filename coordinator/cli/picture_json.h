/* picture_json - a push as one line of JSON, for --output json.  Pure. */
#ifndef LK_CLI_PICTURE_JSON_H
#define LK_CLI_PICTURE_JSON_H

#include "common/base/buf.h"
#include "common/json/writer.h"
#include "coordinator/cli/picture.h"

/* {"schema":SCHEMA,"push":...,"packages":[...]} and a line feed. */
void lk_picture_json(struct lk_buf *out, const char *schema, const struct lk_picture *picture);

/* Null for none, so that a reader need not know which text means that. */
void lk_json_digest_field(struct lk_json *json, const char *key,
                          const struct lk_digest *digest);

#endif
