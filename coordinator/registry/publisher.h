/*
 * publisher - what the coordinator does at the registry, as straight-line operations that block: they run
 * on a worker's thread (common/os/workers.h), each with a registry connection of its own.
 *
 * Every operation is idempotent and may be repeated after a crash.  All of them read what they rely on;
 * none believes what an agent said.  The tag is written by lk_publisher_move_tag alone, last.
 */
#ifndef LK_PUBLISHER_H
#define LK_PUBLISHER_H

#include "common/oci/oci.h"
#include "common/registry/registry.h"
#include "common/registry/signatures.h"
#include "coordinator/sign/signer.h"

/* What every operation needs to know of the registry; borrowed for the call. */
struct lk_publisher {
    struct lk_reference         repository; /* no tag */
    struct lk_registry_options  options;
    const struct lk_signer     *signer; /* NULL: this coordinator has no key */
    const struct lk_public_key *trusted_keys;
    size_t                      trusted_key_count;
    /* How long what was just stored there may stay unseen; 0: not at all. */
    uint32_t visible_ms;
};

/* One entry found in the index under the tag, or what an arch tag names. */
struct lk_found_entry {
    struct lk_arch       arch; /* "" if the entry has no platform we build for */
    struct lk_descriptor descriptor;
    bool                 is_signed; /* by a trusted key, over this digest, as TAG-ARCH */
    bool                 arch_tag_is_right; /* TAG-ARCH names this digest */
};

struct lk_found {
    bool index_exists;
    bool not_an_index; /* the tag is a plain image: index_digest is its digest, no entries */
    struct lk_digest      index_digest;
    bool                  index_is_signed;
    size_t                count;
    struct lk_found_entry entries[LK_INDEX_ENTRIES_MAX];
};

/* Looks at `tag`, its entries, their arch tags, and all signatures. */
int lk_publisher_probe(const struct lk_publisher *publisher, const char *tag,
                       struct lk_found *out, struct lk_err *err);

/*
 * What TAG-ARCH names for each of these arches, as entries; there is none for a tag that is not there.  CONFLICT if
 * one of them names no image.
 */
int lk_publisher_probe_arch_tags(const struct lk_publisher *publisher, const char *tag,
                                 const struct lk_arch *arches, size_t count,
                                 struct lk_found *out, struct lk_err *err);

/*
 * Re-reads a child by digest; checks size, media type, and os "linux" and `arch` in its image config
 * (CONFLICT with what was found if not), that its blobs are there; if `sign`, signs it under its two names, before
 * the one appears; if `write`, writes TAG-ARCH and reads it back by tag.
 */
int lk_publisher_accept_child(const struct lk_publisher *publisher, const char *tag,
                              const struct lk_arch *arch, const struct lk_descriptor *child,
                              bool sign, bool write, struct lk_err *err);

/*
 * Re-reads these children (one an architecture, os "linux") by digest, as above: CONFLICT if one is not what is
 * said here.  Those that are `accepted` (one flag a child; NULL: none is) were read so by
 * lk_publisher_accept_child; that holds for good, as a digest does, and they are not read twice.  Composes the
 * index, puts it by digest, and, if `sign` and there is a signer, signs it and each child that is not.  Then all of
 * it is looked at as `lkcoord verify` does: CONFLICT if something is not as it should be, RETRY if something of
 * what was stored stays unseen.
 */
int lk_publisher_merge(const struct lk_publisher *publisher, const char *tag,
                       const struct lk_index *children, const bool *accepted, bool sign,
                       struct lk_descriptor *index, struct lk_err *err);

/*
 * Moves `tag` to the index and reads it back.  `expected` is what the tag named when it was probed (zero:
 * nothing): CONFLICT if an outsider moved it meanwhile.
 */
int lk_publisher_move_tag(const struct lk_publisher *publisher, const char *tag,
                          const struct lk_digest *expected, const struct lk_descriptor *index,
                          struct lk_err *err);

#endif
