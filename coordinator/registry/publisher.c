#include "coordinator/registry/publisher.h"

#include "common/os/clock.h"
#include "common/registry/child.h"
#include "common/registry/names.h"
#include "coordinator/registry/merge.h"
#include "coordinator/registry/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOOK_AGAIN_MS 250

/* Of a registry's many servers the one that is asked may not know yet what another one has stored. */
static bool may_appear(const struct lk_publisher *publisher, int64_t since_ms,
                       const struct lk_err *err)
{
    const atomic_bool    *cancel = publisher->options.cancel;
    const struct timespec nap = { .tv_nsec = LOOK_AGAIN_MS * 1000000L };

    if (err->kind != LK_ERR_NOT_FOUND || (cancel && atomic_load(cancel)) ||
        lk_clock_boot_ms() - since_ms >= publisher->visible_ms)
        return false;
    nanosleep(&nap, NULL);
    return true;
}

/* What was stored a moment ago. */
static int read_stored(const struct lk_publisher *publisher, struct lk_registry *registry,
                       const char *tag_or_digest, struct lk_manifest *out, struct lk_err *err)
{
    int64_t since_ms = lk_clock_boot_ms();

    while (lk_registry_get_manifest(registry, tag_or_digest, out, err) < 0)
        if (!may_appear(publisher, since_ms, err))
            return -1;
    return 0;
}

/* Writes a tag and looks at what it then names. */
static int write_tag(const struct lk_publisher *publisher, struct lk_registry *registry,
                     const char *tag, const struct lk_manifest *manifest, struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest stored = { 0 };
    char                                            found[LK_DIGEST_TEXT_SIZE];

    if (lk_registry_put_manifest(registry, tag, lk_buf_str(&manifest->bytes),
                                 manifest->media_type, err) < 0)
        return lk_err_wrap(err, "writing the tag %s", tag);
    if (read_stored(publisher, registry, tag, &stored, err) < 0) {
        /* It was answered that it is stored: writing it again may help, building anew does not. */
        if (err->kind == LK_ERR_NOT_FOUND)
            err->kind = LK_ERR_RETRY;
        return lk_err_wrap(err, "reading the tag %s back", tag);
    }
    if (!lk_digest_eq(&stored.digest, &manifest->digest)) {
        lk_digest_format(&stored.digest, found);
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "the tag %s names %s and not what was just written there: another "
                          "program writes it too",
                          tag, found);
    }
    return 0;
}

static int read_child(const struct lk_publisher *publisher, struct lk_registry *registry,
                      const struct lk_descriptor *child, const struct lk_arch *arch,
                      struct lk_manifest *manifest, struct lk_image_manifest *image,
                      struct lk_err *err)
{
    int64_t since_ms = lk_clock_boot_ms();

    while (lk_child_read(registry, child, "linux", arch, manifest, image, err) < 0) {
        if (!may_appear(publisher, since_ms, err))
            return -1;
        lk_manifest_fini(manifest);
    }
    return 0;
}

/* NOT_FOUND would say that the image is gone, which it is not. */
static int seal(const struct lk_publisher *publisher, const char *tag,
                const struct lk_arch *arch, const struct lk_descriptor *child,
                struct lk_str bytes, struct lk_err *err)
{
    LK_CLEANUP(lk_crew_fini)
    struct lk_crew crew = { .repository = &publisher->repository,
                            .options = &publisher->options };
    int            result = lk_seal_new_child(publisher, &crew, tag, arch, child, bytes, err);

    if (result < 0 && err->kind == LK_ERR_NOT_FOUND)
        err->kind = LK_ERR_RETRY;
    return result;
}

/* No more words around an error: a job's reason is short, and names package and architecture anyway. */
int lk_publisher_accept_child(const struct lk_publisher *publisher, const char *tag,
                              const struct lk_arch *arch, const struct lk_descriptor *child,
                              bool sign, bool write, struct lk_err *err)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest   manifest = { 0 };
    struct lk_image_manifest                          image;
    struct lk_names                                   names;

    if (lk_names_make(&names, publisher->repository.repository, tag, arch, err) < 0 ||
        lk_registry_open(&registry, &publisher->repository, &publisher->options, err) < 0 ||
        read_child(publisher, registry, child, arch, &manifest, &image, err) < 0 ||
        lk_child_check_layers(registry, &image, err) < 0 ||
        (sign && publisher->signer &&
         seal(publisher, tag, arch, child, lk_buf_str(&manifest.bytes), err) < 0))
        return -1;
    return write ? write_tag(publisher, registry, names.arch_tag, &manifest, err) : 0;
}

static int check_children(const struct lk_index *children, struct lk_err *err)
{
    if (children->count == 0)
        return lk_err_set(err, LK_ERR_INVALID, "an index of no images is never published");
    for (size_t i = 0; i < children->count; i++) {
        const struct lk_index_entry *child = &children->entries[i];
        if (child->arch.name[0] == '\0' || strcmp(child->os, "linux") != 0)
            return lk_err_set(err, LK_ERR_INVALID, "entry %zu is for \"%s/%s\", not for Linux",
                              i, child->os, child->arch.name);
        for (size_t j = 0; j < i; j++)
            if (lk_arch_eq(&child->arch, &children->entries[j].arch))
                return lk_err_set(err, LK_ERR_INVALID, "two images are given for %s",
                                  child->arch.name);
    }
    return 0;
}

static int verify(const struct lk_publisher *publisher, const char *tag,
                  const struct lk_index *children, bool sign, const struct lk_descriptor *index,
                  struct lk_err *err)
{
    int64_t since_ms = lk_clock_boot_ms();

    while (lk_merge_verify(publisher, tag, children, sign, index, err) < 0)
        if (!may_appear(publisher, since_ms, err)) {
            /* It was answered that it is stored: doing it again may help. */
            if (err->kind == LK_ERR_NOT_FOUND)
                err->kind = LK_ERR_RETRY;
            return -1;
        }
    return 0;
}

int lk_publisher_merge(const struct lk_publisher *publisher, const char *tag,
                       const struct lk_index *children, const bool *accepted, bool sign,
                       struct lk_descriptor *index, struct lk_err *err)
{
    memset(index, 0, sizeof(*index));
    if (check_children(children, err) < 0 ||
        lk_merge(publisher, tag, children, accepted, sign && publisher->signer, index, err) < 0)
        return lk_err_wrap(err, "merging the images of %s:%s", publisher->repository.repository,
                           tag);
    if (verify(publisher, tag, children, sign && publisher->signer, index, err) < 0)
        return lk_err_wrap(err, "looking at the index of %s:%s before the tag names it",
                           publisher->repository.repository, tag);
    return 0;
}

/* What the tag names now; zero if it is not there. */
static int read_tag(struct lk_registry *registry, const char *tag, struct lk_digest *out,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };

    memset(out, 0, sizeof(*out));
    if (lk_registry_get_manifest(registry, tag, &manifest, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    *out = manifest.digest;
    return 0;
}

static int refuse_moved_tag(const struct lk_digest *expected, const struct lk_digest *found,
                            struct lk_err *err)
{
    char expected_text[LK_DIGEST_TEXT_SIZE] = "nothing";
    char found_text[LK_DIGEST_TEXT_SIZE] = "nothing";

    if (!lk_digest_is_zero(expected))
        lk_digest_format(expected, expected_text);
    if (!lk_digest_is_zero(found))
        lk_digest_format(found, found_text);
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "the tag named %s when this push began and names %s now: somebody else "
                      "moved it; push again to look at what is there",
                      expected_text, found_text);
}

static int move_tag(const struct lk_publisher *publisher, const char *tag,
                    const struct lk_digest *expected, const struct lk_descriptor *index,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest   manifest = { 0 };
    struct lk_digest                                  found;
    char                                              digest[LK_DIGEST_TEXT_SIZE];

    if (lk_registry_open(&registry, &publisher->repository, &publisher->options, err) < 0 ||
        read_tag(registry, tag, &found, err) < 0)
        return -1;
    if (lk_digest_eq(&found, &index->digest))
        return 0; /* moved before a crash: this was the reading back */
    if (!lk_digest_eq(&found, expected))
        return refuse_moved_tag(expected, &found, err);
    lk_digest_format(&index->digest, digest);
    if (read_stored(publisher, registry, digest, &manifest, err) < 0)
        return -1;
    if (manifest.bytes.len != index->size)
        return lk_err_set(err, LK_ERR_CONFLICT, "%s has %zu bytes, not %" PRIu64, digest,
                          manifest.bytes.len, index->size);
    return write_tag(publisher, registry, tag, &manifest, err);
}

int lk_publisher_move_tag(const struct lk_publisher *publisher, const char *tag,
                          const struct lk_digest *expected, const struct lk_descriptor *index,
                          struct lk_err *err)
{
    if (move_tag(publisher, tag, expected, index, err) < 0)
        return lk_err_wrap(err, "moving the tag %s:%s", publisher->repository.repository, tag);
    return 0;
}
