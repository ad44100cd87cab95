/*
 * places - in which repositories this process has lately seen a blob, so that the next repository of the same
 * registry can mount it instead of being sent it again.  A hint and no more: it may be wrong or forgotten,
 * and the upload then takes its usual way.  Loop thread only.
 */
#ifndef LK_AGENT_PLACES_H
#define LK_AGENT_PLACES_H

#include "common/registry/reference.h"

#define LK_PLACES_MAX 512

struct lk_places;

struct lk_places *lk_places_new(void);
void              lk_places_free(struct lk_places **places);

/* The blob is in the repository.  One place is kept of each blob and registry, the last one told. */
void lk_places_note(struct lk_places *places, const struct lk_reference *repository,
                    const struct lk_digest *blob);

/* Copies the path of another repository of the same registry that has the blob; false: none is known. */
bool lk_places_find(const struct lk_places *places, const struct lk_reference *repository,
                    const struct lk_digest *blob, char path[LK_REPOSITORY_SIZE]);

#endif
