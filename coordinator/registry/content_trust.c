#include "coordinator/registry/content_trust.h"

#include "common/notary/place.h"
#include "common/notary/publish.h"
#include "common/registry/names.h"

#include <sodium.h>
#include <string.h>
#include <time.h>

#define PAUSE_MS 400 /* times the tries so far, at most: as long as a publication takes */

/* A trust server and what belongs to it; all owned. */
struct place {
    struct lk_notary_server *server;
    char                    *url;
    char                    *ca_file;
    char                    *memory;
};

static void place_fini(struct place *place)
{
    lk_notary_server_close(&place->server);
    lk_free_pointer(&place->url);
    lk_free_pointer(&place->ca_file);
    lk_free_pointer(&place->memory);
}

static int open_place(struct place *place, const struct lk_content_trust_of *of,
                      struct lk_err *err)
{
    const struct lk_notary_config *all = &of->config->notary;
    const struct lk_reference     *repository = &of->publisher->repository;
    const struct lk_notary_config *own =
        lk_coordinator_config_notary(of->config, repository->host);
    const char                *ca_file = own->ca_file[0] ? own->ca_file : all->ca_file;
    struct lk_registry_options how = of->publisher->options;

    place->memory = lk_xasprintf("%s/trust", of->config->state);
    place->url =
        lk_notary_server_choose(own->server[0] ? own->server : all->server, repository->host);
    if (ca_file[0])
        place->ca_file = lk_xstrdup(ca_file);
    else if (lk_notary_ca_file(&place->ca_file, place->url, err) < 0)
        return -1;
    how.ca_file = place->ca_file;
    const struct lk_notary_server_options options = { place->url, repository->repository,
                                                      &how };
    int rc = lk_notary_server_open(&place->server, &options, err);
    sodium_memzero(&how.credential, sizeof(how.credential));
    return rc;
}

/* Of TAG and, for each child, TAG-ARCH: what is published there. */
static int list_tags(const struct lk_content_trust_of *of, const char *tag, bool has_arch_tags,
                     const struct lk_descriptor *index, const struct lk_index *children,
                     struct lk_names *names, struct lk_notary_tag *out, size_t *count,
                     struct lk_err *err)
{
    out[0] = (struct lk_notary_tag) { tag, index->digest, index->size };
    *count = 1;
    for (size_t i = 0; has_arch_tags && i < children->count; i++) {
        const struct lk_index_entry *child = &children->entries[i];
        if (lk_names_make(&names[i], of->publisher->repository.repository, tag, &child->arch,
                          err) < 0)
            return -1;
        out[(*count)++] = (struct lk_notary_tag) { names[i].arch_tag, child->descriptor.digest,
                                                   child->descriptor.size };
    }
    return 0;
}

static bool says(const struct lk_notary_view *view, const char *tag,
                 const struct lk_digest *expected)
{
    struct lk_digest digest;
    uint64_t         length;
    const char      *role;

    return lk_notary_view_find(view, tag, &digest, &length, &role) &&
           lk_digest_eq(&digest, expected) &&
           lk_notary_is_fresh(lk_notary_view_file(view, role), time(NULL));
}

static int compare(const struct lk_content_trust_of *of, const char *tag, bool has_arch_tags,
                   const struct lk_notary_view *view, struct lk_found *found,
                   struct lk_err *err)
{
    struct lk_names names;

    found->index_is_signed &= says(view, tag, &found->index_digest);
    for (size_t i = 0; has_arch_tags && i < found->count; i++) {
        const struct lk_found_entry *entry = &found->entries[i];
        if (!entry->arch.name[0])
            continue;
        if (lk_names_make(&names, of->publisher->repository.repository, tag, &entry->arch,
                          err) < 0)
            return -1;
        found->index_is_signed &= says(view, names.arch_tag, &entry->descriptor.digest);
    }
    return 0;
}

int lk_content_trust_look(const struct lk_content_trust_of *of, const char *tag,
                          bool has_arch_tags, struct lk_found *found, struct lk_err *err)
{
    LK_CLEANUP(place_fini) struct place                   place = { 0 };
    LK_CLEANUP(lk_notary_view_fini) struct lk_notary_view view = { 0 };

    if (open_place(&place, of, err) < 0)
        return -1;
    if (lk_notary_view_fetch(&view, place.server, place.memory, LK_NOTARY_TO_RENEW, time(NULL),
                             err) < 0) {
        /* Nothing of it there: as with a missing key, only people can help. */
        if (err->kind == LK_ERR_NOT_FOUND)
            err->kind = LK_ERR_DENIED;
        return -1;
    }
    return lk_notary_may_publish(&view, of->signer, tag, err) < 0
               ? -1
               : compare(of, tag, has_arch_tags, &view, found, err);
}

/* Those who lost the same race must not meet again. */
static void pause_between(void *ctx, unsigned tries)
{
    const struct lk_content_trust_of *of = ctx;
    const atomic_bool                *cancel = of->publisher->options.cancel;
    uint32_t                          left_ms = randombytes_uniform(PAUSE_MS * tries);

    while (left_ms > 0 && !(cancel && atomic_load(cancel))) {
        uint32_t        piece_ms = left_ms < 200 ? left_ms : 200;
        struct timespec nap = { .tv_nsec = (long)piece_ms * 1000000L };
        nanosleep(&nap, NULL);
        left_ms -= piece_ms;
    }
}

int lk_content_trust_publish(const struct lk_content_trust_of *of, const char *tag,
                             bool has_arch_tags, const struct lk_descriptor *index,
                             const struct lk_index *children, struct lk_err *err)
{
    LK_CLEANUP(place_fini) struct place place = { 0 };
    LK_CLEANUP(lk_free_pointer)
    struct lk_names             *names = lk_xcalloc(LK_INDEX_ENTRIES_MAX, sizeof(*names));
    struct lk_notary_tag         tags[LK_INDEX_ENTRIES_MAX + 1];
    size_t                       count;
    struct lk_content_trust_of   self = *of;
    struct lk_notary_publication how = { .signer = of->signer,
                                         .pause = pause_between,
                                         .pause_ctx = &self };

    if (list_tags(of, tag, has_arch_tags, index, children, names, tags, &count, err) < 0 ||
        open_place(&place, of, err) < 0)
        return -1;
    how.server = place.server;
    how.memory = place.memory;
    return lk_notary_publish(&how, tags, count, time(NULL), err);
}
