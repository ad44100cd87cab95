/*
 * record - what lkcoord-signd keeps of all that it signed: one line of JSON each, only ever added to.
 *
 *   {"time":"2026-01-31T12:00:00Z","uid":998,"repository":R,"names":[...],"digest":D,"keys":[...]}
 *
 * A key is the SHA-256 of its SubjectPublicKeyInfo.  A line is on disk before its signatures leave; where it does not
 * get there, nothing is signed.  So the record may have a line of which the signatures were never sent.
 */
#ifndef LK_SIGN_RECORD_H
#define LK_SIGN_RECORD_H

#include "common/base/err.h"
#include "common/registry/signatures.h"

#include <sys/types.h>

struct lk_record;

/* CONFLICT if another process has it. */
int  lk_record_open(struct lk_record **out, const char *path, struct lk_err *err);
void lk_record_close(struct lk_record **record);

/* RETRY if it cannot be written now. */
int lk_record_add(struct lk_record *record, uid_t uid, const char *repository,
                  const struct lk_signatures *signatures, struct lk_err *err);

#endif
