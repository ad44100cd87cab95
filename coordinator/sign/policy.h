/*
 * policy - whether lkcoord-signd signs this manifest under these names.
 *
 * All names are HOST/PATH:TAG of one repository, which a configured pattern matches (the first that does counts).  An
 * index has one image for each of its Linux architectures, and all that the repository must have; what an image is
 * for stands in its configuration, which is not looked at.  Pure.
 */
#ifndef LK_SIGN_POLICY_H
#define LK_SIGN_POLICY_H

#include "coordinator/sign/exchange.h"
#include "coordinator/sign/signd_config.h"

/* DENIED or INVALID with the reason.  `repository` is what the record calls it. */
int lk_policy_check(const struct lk_signd_config *config, const struct lk_sign_request *request,
                    char repository[LK_REPOSITORY_SIZE], struct lk_err *err);

#endif
