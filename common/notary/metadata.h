/*
 * metadata - one signed file of content trust (TUF): {"signed": ..., "signatures": [...]}.
 *
 * Reading believes nothing: who signed, which version and until when are asked for one by one by whoever relies on
 * it.  Writing has the exact bytes that Notary's server and clients agree on; the server answers 200 to others and
 * then serves none.  Pure.
 */
#ifndef LK_NOTARY_METADATA_H
#define LK_NOTARY_METADATA_H

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#include <jansson.h>

#define LK_NOTARY_FILE_MAX \
    (8 * 1024 * 1024) /* targets of a repository with tens of thousands of tags */
#define LK_NOTARY_ROLE_SIZE    128
#define LK_NOTARY_EXPIRES_DAYS (3 * 365) /* of targets and snapshot, as Docker's own tools do */

/* The roles that every repository has; delegations are "targets/NAME". */
#define LK_NOTARY_ROOT      "root"
#define LK_NOTARY_TIMESTAMP "timestamp"
#define LK_NOTARY_SNAPSHOT  "snapshot"
#define LK_NOTARY_TARGETS   "targets"

struct lk_notary_file {
    char          role[LK_NOTARY_ROLE_SIZE];
    struct lk_buf bytes; /* as they came, or will be sent */
    json_t       *document;
    uint64_t      version;
    int64_t       expires_s;
};

void lk_notary_file_fini(struct lk_notary_file *file);

/* CONFLICT, naming the role, if the bytes are no such file. */
int lk_notary_file_parse(struct lk_notary_file *out, const char *role, struct lk_str bytes,
                         struct lk_err *err);

/* The "signed" half; borrowed. */
json_t *lk_notary_signed(const struct lk_notary_file *file);

/*
 * CONFLICT unless as many of the role's keys signed it as the role asks for.  `keys`: id to key; `role`: {"keyids",
 * "threshold"}; both from the file that vouches for this one.
 */
int lk_notary_check_signatures(const struct lk_notary_file *file, const json_t *keys,
                               const json_t *role, struct lk_err *err);

/* False in the last 30 days: who publishes then signs anew even what is there already. */
bool lk_notary_is_fresh(const struct lk_notary_file *file, int64_t now_s);

/* CONFLICT if its time is over. */
int lk_notary_check_time(const struct lk_notary_file *file, int64_t now_s, struct lk_err *err);

/* What a snapshot or timestamp says of the file of a role: false if it does not name it. */
bool lk_notary_meta(const struct lk_notary_file *file, const char *role,
                    struct lk_digest *digest, uint64_t *length);

/* What a targets file says of a tag: false if it does not name it. */
bool lk_notary_target(const struct lk_notary_file *file, const char *tag,
                      struct lk_digest *digest, uint64_t *length);

/* "2026-11-23T20:00:00Z"; with the Go language's fractions and offsets too. */
bool lk_notary_time_parse(const char *text, int64_t *out_s);
void lk_notary_time_format(char out[32], int64_t time_s);

#endif
