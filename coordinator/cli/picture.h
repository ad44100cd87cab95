/*
 * picture - what the client knows of one push: its packages and their jobs, as the coordinator told.
 *
 * Pure: updates in, state out; the time is handed in.  Whatever a coordinator sends, the picture stays
 * within 128 packages of 8 architectures; what does not fit or belongs to another push is ignored.
 */
#ifndef LK_CLI_PICTURE_H
#define LK_CLI_PICTURE_H

#include "common/base/arch.h"
#include "common/base/digest.h"
#include "common/base/limits.h"
#include "proto/lkcoord.pb.h"

struct lk_picture_job {
    uint64_t         id;
    uint32_t         attempt;
    struct lk_arch   arch;
    lk_wire_JobState state;
    lk_wire_Phase    phase;
    char             agent[LK_NAME_SIZE];
    bool             emulated;
    bool             foreseen; /* a plan's: `emulated` is how it would be built */
    struct lk_digest digest;   /* zero: none yet */
    char             text[LK_REASON_SIZE];
    uint64_t         bytes_done;
    uint64_t         bytes_total;
    int64_t          since_ms; /* local time at which the present state or phase began */
    int64_t          began_ms; /* when an agent got it; 0: not seen */
    int64_t          ended_ms; /* 0: not ended */
    lk_wire_Outcome  outcome;
};

struct lk_picture_package {
    lk_wire_PackageState  state;
    lk_wire_Outcome       outcome;
    char                  repository[LK_REPOSITORY_SIZE];
    char                  tag[LK_TAG_SIZE];
    char                  path[256];
    struct lk_digest      index_digest; /* zero: none yet */
    bool                  is_signed;
    bool                  nothing_to_do;
    char                  text[LK_REASON_SIZE];
    size_t                job_count;
    struct lk_picture_job jobs[LK_PACKAGE_ARCHES_MAX]; /* sorted by lk_arch_compare */
};

struct lk_picture {
    uint64_t                   push; /* 0: not known yet */
    lk_wire_PushState          state;
    lk_wire_Outcome            outcome;
    bool                       dry_run;
    bool                       build_only;
    char                       client[LK_NAME_SIZE];
    int64_t                    began_ms; /* local time of the first update */
    size_t                     package_count;
    struct lk_picture_package *packages; /* LK_PUSH_PACKAGES_MAX of them */
};

void lk_picture_init(struct lk_picture *picture, uint64_t push);
void lk_picture_fini(struct lk_picture *picture);

/* Each says whether something changed that a person would want to be told. */
bool lk_picture_take_push(struct lk_picture *picture, const lk_wire_PushUpdate *update,
                          int64_t now_ms);
bool lk_picture_take_package(struct lk_picture *picture, const lk_wire_PackageUpdate *update);

/* `*changed` (may be NULL) gets the job, until the next update. */
bool lk_picture_take_job(struct lk_picture *picture, const lk_wire_JobUpdate *update,
                         int64_t now_ms, const struct lk_picture_job **changed);

/* The job with this id, and the package it belongs to; NULL if unknown. */
const struct lk_picture_job *lk_picture_find(const struct lk_picture *picture, uint64_t job,
                                             const struct lk_picture_package **package);

/* The last part of the repository's name: what people call the package. */
const char *lk_picture_name(const struct lk_picture_package *package);

/* One word or two for people and scripts. */
const char *lk_picture_push_word(lk_wire_PushState state, lk_wire_Outcome outcome);
const char *lk_picture_package_word(const struct lk_picture_package *package);
const char *lk_picture_job_word(const struct lk_picture_job *job);

/* In a plan: what would be done. */
const char *lk_picture_job_action(const struct lk_picture_job *job);

bool lk_picture_job_ended(lk_wire_JobState state);

/* How long the job took on its agent so far; -1 if its start was not seen. */
int64_t lk_picture_job_ms(const struct lk_picture_job *job, int64_t now_ms);

#endif
