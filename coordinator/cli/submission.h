/*
 * submission - the packages of one push: opened, checked, turned into job specifications, ready to be asked
 * for.
 *
 * Nothing is sent from here and nobody is asked; all of it is decided before the coordinator hears of it.
 * A release tag is a further item, which takes what the package's own tag has.
 */
#ifndef LK_CLI_SUBMISSION_H
#define LK_CLI_SUBMISSION_H

#include "common/pkg/context.h"
#include "common/pkg/package.h"
#include "common/source/sender.h"
#include "coordinator/cli/command.h"
#include "coordinator/cli/package_options.h"
#include "coordinator/cli/handover.h"
#include "coordinator/cli/secrets.h"
#include "proto/message.h"

enum lk_submission_mode {
    LK_SUBMIT_PUSH,
    LK_SUBMIT_BUILD,
    LK_SUBMIT_PLAN,
    LK_SUBMIT_MANIFEST, /* the index again, from the architectures' tags */
    LK_SUBMIT_COPY,     /* remote-tag: what one name has, under another */
};

/* The options of push, build and plan; each command's table fills what it offers. */
struct lk_submit_values {
    struct lk_package_values package;
    const char              *dockerfile; /* in place of build.yml's */
    struct lk_words          build_arg_files;
    const char              *platforms;
    const char              *skip_platforms;
    bool                     disable_content_trust;
    bool                     detach;
    const char              *priority; /* low, normal or high; NULL: normal */
    bool                     sequential;
    bool                     in_turn;
    bool                     allow_emulation;
    bool                     force;
    bool                     no_build;
    bool                     no_arch_tags;
    bool                     keep_going;
    bool                     fail_fast;
    const char              *job_timeout; /* seconds; NULL: none */
    bool                     push;        /* build: and publish */
    bool                     dry_run;     /* push and build: a plan in place of it */
    bool                     offline;     /* plan: ask nobody */
    struct lk_words          releases; /* further tags; none, of a push: the git tags at HEAD */
    struct lk_words          adopt;
    struct lk_words          replace;
    const char              *progress;
    const char              *output;
    const char              *layout;  /* push and build: --output oci:DIR */
    const char              *staging; /* HOST/ORG for what goes to it */
    const char              *config;  /* --config, where default-arches stand; may be NULL */
    const char              *timeout; /* push and build: seconds */

    struct lk_handover      handover;
    struct lk_secret_values secret_values;
    struct lk_secrets      *secrets; /* borrowed: what secret_values name, or NULL */
};

struct lk_submission_item {
    struct lk_package package; /* of a release tag or copy: not opened */
    struct lk_context context; /* what it is built from; not opened if nothing is built */
    struct lk_spec    spec;
    struct lk_buf     bytes; /* the specification as it is sent */
    struct lk_oid     spec_id;
};

struct lk_submission {
    lk_wire_Submit             message;
    size_t                     count;    /* may be 0: every package was skipped */
    struct lk_submission_item *items;    /* LK_PUSH_PACKAGES_MAX of them */
    size_t                     last_hit; /* whose repository had the last object */
};

/*
 * `paths` are packages; for LK_SUBMIT_COPY two image names: from, to.  INVALID for wrong options and packages;
 * CONFLICT for uncommitted changes in what would be published.
 */
int  lk_submission_open(struct lk_submission *out, enum lk_submission_mode mode,
                        const struct lk_submit_values *values, const char *const *paths,
                        size_t count, struct lk_err *err);
void lk_submission_fini(struct lk_submission *submission);

/* Where the sender reads: specifications from memory, all else from the packages' repositories. */
struct lk_object_source lk_submission_source(struct lk_submission *submission);

#endif
