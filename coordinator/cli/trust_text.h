/* trust_text - what content trust says of a repository, for people and as JSON. */
#ifndef LK_CLI_TRUST_TEXT_H
#define LK_CLI_TRUST_TEXT_H

#include "common/notary/view.h"

/* Who speaks for the repository until when, then a row for each tag. */
void lk_trust_print(const char *repository, const char *server,
                    const struct lk_notary_view *view);

/* One document, lkcoord.trust/v1. */
void lk_trust_print_json(const char *repository, const char *server,
                         const struct lk_notary_view *view);

#endif
