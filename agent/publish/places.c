#include "agent/publish/places.h"

#include <stdlib.h>
#include <string.h>

struct place {
    struct lk_digest blob;
    char             host[LK_REPOSITORY_SIZE];
    char             path[LK_REPOSITORY_SIZE];
};

/* A ring: the oldest makes room. */
struct lk_places {
    size_t       count;
    size_t       next;
    struct place list[LK_PLACES_MAX];
};

struct lk_places *lk_places_new(void)
{
    return lk_xcalloc(1, sizeof(struct lk_places));
}

void lk_places_free(struct lk_places **places)
{
    free(*places);
    *places = NULL;
}

static size_t index_of(const struct lk_places *places, const char *host,
                       const struct lk_digest *blob)
{
    size_t i = 0;

    while (i < places->count && !(lk_digest_eq(&places->list[i].blob, blob) &&
                                  strcmp(places->list[i].host, host) == 0))
        i++;
    return i;
}

void lk_places_note(struct lk_places *places, const struct lk_reference *repository,
                    const struct lk_digest *blob)
{
    size_t i = index_of(places, repository->host, blob);

    if (i == places->count) {
        i = places->next;
        places->next = (places->next + 1) % LK_PLACES_MAX;
        if (places->count < LK_PLACES_MAX)
            places->count++;
    }
    struct place *place = &places->list[i];
    place->blob = *blob;
    memcpy(place->host, repository->host, sizeof(place->host));
    memcpy(place->path, repository->path, sizeof(place->path));
}

bool lk_places_find(const struct lk_places *places, const struct lk_reference *repository,
                    const struct lk_digest *blob, char path[LK_REPOSITORY_SIZE])
{
    size_t i = index_of(places, repository->host, blob);

    if (i == places->count || strcmp(places->list[i].path, repository->path) == 0)
        return false;
    memcpy(path, places->list[i].path, LK_REPOSITORY_SIZE);
    return true;
}
