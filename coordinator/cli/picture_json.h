/* picture_json - a push as one line of JSON, for --output json.  Pure. */
#ifndef LK_CLI_PICTURE_JSON_H
#define LK_CLI_PICTURE_JSON_H

#include "common/base/buf.h"
#include "common/json/writer.h"
#include "coordinator/cli/picture.h"

/* {"schema":SCHEMA,"push":...,"packages":[...]} and a line feed. */
void lk_picture_json(struct lk_buf *out, const char *schema, const struct lk_picture *picture);

#endif
