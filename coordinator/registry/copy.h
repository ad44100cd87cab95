/*
 * copy - an image from one repository into another, byte for byte: blobs first, the manifest last and by digest,
 * so that nobody can see half of it.
 *
 * On one host the registry is asked to take the blobs over itself; else they come and go through a nameless file
 * in `directory`, one at a time.  May be repeated: what is there already is not sent again.
 */
#ifndef LK_COPY_H
#define LK_COPY_H

#include "coordinator/registry/publisher.h"

/* NOT_FOUND if the image, or a blob of it, is not where it is to come from. */
int lk_copy_image(const struct lk_publisher *from, const struct lk_publisher *to,
                  const struct lk_descriptor *image, const char *directory, struct lk_err *err);

#endif
