/* document - what index, image manifest and image config have in common when they are read.  Used only in common/oci. */
#ifndef LK_OCI_DOCUMENT_H
#define LK_OCI_DOCUMENT_H

#include "common/oci/oci.h"

#include <jansson.h>

void lk_document_free(json_t **document); /* for LK_CLEANUP */

/* Parses one JSON object of at most `max` bytes.  `what` names it in errors. */
int lk_document_parse(json_t **out, struct lk_str bytes, size_t max, const char *what,
                      struct lk_err *err);

/* The same for documents with "schemaVersion", which must be 2; `media_type` is "" if none is stated. */
int lk_document_parse_versioned(json_t **out, struct lk_str bytes, const char *what,
                                char media_type[LK_MEDIA_TYPE_SIZE], struct lk_err *err);

/* Copies the string `key` of `object`; "" if it is not there. */
int lk_document_text(const json_t *object, const char *key, char *out, size_t size,
                     const char *what, struct lk_err *err);

/* Reads media type, digest and size; all three must be there. */
int lk_document_descriptor(const json_t *object, struct lk_descriptor *out, const char *what,
                           struct lk_err *err);

#endif
