/*
 * seal - has an index or an image signed under the names that it gets, and attaches that.
 *
 * An image has two names, TAG-ARCH and TAG: whoever takes the index's tag and is given the image of his architecture
 * asks for the latter.  Blocking, as all of the publisher.
 */
#ifndef LK_SEAL_H
#define LK_SEAL_H

#include "common/registry/crew.h"
#include "coordinator/registry/publisher.h"

/* True in `*found` if one of our keys signed the image as this architecture's. */
int lk_seal_is_there(const struct lk_publisher *publisher, struct lk_registry *registry,
                     const char *tag, const struct lk_arch *arch,
                     const struct lk_digest *digest, bool *found, struct lk_err *err);

/* The image is read from the registry. */
int lk_seal_child(const struct lk_publisher *publisher, struct lk_crew *crew, const char *tag,
                  const struct lk_arch *arch, const struct lk_descriptor *child,
                  struct lk_err *err);

/* One that was read, and is new. */
int lk_seal_new_child(const struct lk_publisher *publisher, struct lk_crew *crew,
                      const char *tag, const struct lk_arch *arch,
                      const struct lk_descriptor *child, struct lk_str bytes,
                      struct lk_err *err);

/* `also`: as for lk_attach; one of these steps may put the index. */
int lk_seal_index(const struct lk_publisher *publisher, struct lk_crew *crew, const char *tag,
                  const struct lk_descriptor *index, struct lk_str bytes,
                  const struct lk_step *also, size_t also_count, struct lk_err *err);

#endif
