/*
 * verdict - what `verify` and `audit` find at one reference, and how they say it: rows for people, or JSON
 * (an object of lkcoord.verification/1 or lkcoord.audit/1).
 */
#ifndef LK_CLI_VERDICT_H
#define LK_CLI_VERDICT_H

#include "common/json/writer.h"
#include "common/registry/verify.h"
#include "coordinator/cli/trusted.h"

#define LK_VERDICT_BYTES_MAX (16 * 1024 * 1024)

struct lk_verdict {
    const char                *text; /* the reference as it was given */
    const struct lk_trusted   *trusted;
    struct lk_reference        reference;
    struct lk_registry_options how; /* secret: wiped by lk_verdict_free */
    struct lk_verification     found;
    enum lk_exit  exit; /* OK, VERIFICATION_FAILED, or what else kept it from being judged */
    struct lk_err err;  /* unless it is OK */
};

/* Asks content trust, if it is to be asked, and the registry.  `text` was accepted by lk_trusted_reference. */
void lk_verdict_reach(struct lk_verdict **out, const struct lk_trusted *trusted,
                      const char *text);
void lk_verdict_free(struct lk_verdict **verdict);

/* Of several: what is proven to be wrong counts more than what could not be asked. */
enum lk_exit lk_exit_worse(enum lk_exit a, enum lk_exit b);

/* The rows, and what is good; what is not is complained of. */
void lk_verdict_print(const struct lk_verdict *verdict);

/* The beginning of an object, which is left open. */
void lk_verdict_begin_json(struct lk_json *json, const struct lk_verdict *verdict);

#endif
