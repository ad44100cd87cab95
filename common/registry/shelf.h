/*
 * shelf - a registry that is none: a directory that answers what a registry would be asked.
 *
 * For whoever has no registry.  One reserved host name stands for it; requests for that host go to no network
 * but to the files of one directory, and everything above (uploads, digests, read-back, tags, signatures)
 * stays what it is for a real registry.  `blobs/sha256/HEX` is laid out as in an OCI image layout; of what was
 * put as a manifest, `types/HEX` has the media type, and `tags/REPOSITORY:TAG` (with '+' for '/') the digest.
 *
 * Several processes may use the directory at once: blobs have the name of their content, and all names
 * appear by rename.  Any thread.
 */
#ifndef LK_SHELF_H
#define LK_SHELF_H

#include "common/base/digest.h"
#include "common/http/http.h"

#define LK_SHELF_HOST "shelf.lkcoord.invalid" /* RFC 2606: nobody else's, ever */

/* Once a process, before its first thread.  Without it the host is one that does not exist. */
void lk_shelf_use(const char *directory);

bool lk_shelf_serves(const char *url);

/* As lk_http_perform. */
int lk_shelf_perform(const struct lk_http_request *request, struct lk_http_answer *answer,
                     struct lk_err *err);

/* Where a blob lies, and a tag's or a media type's file; for free(). */
char *lk_shelf_blob_path(const char *directory, const struct lk_digest *digest);
char *lk_shelf_type_path(const char *directory, const struct lk_digest *digest);
char *lk_shelf_tag_path(const char *directory, const char *repository_path, const char *tag);

#endif
