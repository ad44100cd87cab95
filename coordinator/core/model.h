/*
 * model - what the coordinator knows: pushes, their packages, a job for each architecture, agents, turnstiles.
 *
 * Two kinds of fields.  Durable ones change by facts only (apply.c), so that a replay of the journal gives
 * them again.  Volatile ones (sessions, deadlines, operations under way) start empty after a restart; what
 * was under way is then simply started anew, because every effect is idempotent.
 *
 * Everything outside core/ reads these structs by const pointers and changes nothing.
 *
 * A package's life                        A job's life
 *
 *   WAITING   source, the same tag in an    QUEUED ----> ASSIGNED ----> BUILT ----> STAGED ----> IN_TURN ----> DONE
 *      |      older push, or `after`          ^  lease ran |  |  agent     |            ^  permit  |
 *   PLANNING  asks the registry               |  out, host |  |  lost      |            |  ran out |
 *      |                                      +--trouble---+--+------------+            +--(BUILT)-+
 *   ACTIVE    jobs run
 *      |      (every job settled)           KEPT: it was there, trusted.  With a wrong or missing arch tag it
 *   PUBLISHING its turn: merge, sign, tag   passes STAGED and IN_TURN too, but no agent takes part.
 *      |                                    FAILED, CANCELLED: from everywhere before DONE.
 *   ENDED
 *      |
 *      +--retry, unless it ended well--> WAITING, its jobs QUEUED anew
 *
 * A push's life                           An attempt's life: the numbers that a job gives, one after the other
 *
 *   RECEIVING --source refused, late,--+    given    JOB_ASSIGNED: to one agent, in `given`
 *      | in        cancelled           |      |      it reports; each report renews the lease
 *   RUNNING                            |    in force `attempt`
 *      | all its packages ended        |      |      lease over, agent lost it, trouble, a newer one, or settled
 *   ENDED <----------------------------+    over     dropped; but BUILT, reported by whom it was given to, while
 *      |      \                                      nothing newer is built: in force again
 *   forgotten  +--retry--> RUNNING
 *
 * An agent's life                         A permit's life (one for each repository: turnstile.c)
 *
 *   away --HELLO--> counting --PING--> there   free --the first in the queue--> PERMIT_GRANTED, fence + 1
 *     ^               (inventory)     |   ^      ^                                  |
 *     |                         silence   word    |  the job DONE, FAILED, CANCELLED, RETRIED; the package ENDED;
 *     +------BYE------------------- suspect       +--or PERMIT_ENDED: the time is over, the job is BUILT again
 *   Beside that: drained or not (durable), and trusted, in quarantine, or tried by a canary (quarantine.c).
 *
 * Jobs whose images come from elsewhere (lk_package_origin) begin as KEPT, or as STAGED where an arch tag is to be
 * written or blobs are to be copied from another repository: that happens IN_TURN.  No agent ever sees them.
 */
#ifndef LK_CORE_MODEL_H
#define LK_CORE_MODEL_H

#include "common/base/arch.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#define LK_AGENT_PLATFORMS_MAX 8
#define LK_JOB_TEXT_SIZE       200
#define LK_CORE_ADOPT_MAX      8
#define LK_GIVEN_MAX           4
#define LK_FOUND_MAX \
    LK_PACKAGE_ARCHES_MAX /* entries that a tag may have for us to merge with it */

/* Where a package's images come from; the numbers are those of the journal. */
enum lk_package_origin {
    LK_PACKAGE_BUILT = 0,
    LK_PACKAGE_FROM_INDEX = 1,     /* those of the index `from`, as far as it is trusted */
    LK_PACKAGE_FROM_ARCH_TAGS = 2, /* what TAG-ARCH names, as far as it is trusted */
};

struct lk_index_name {
    char repository[LK_REPOSITORY_SIZE];
    char tag[LK_TAG_SIZE];
};

/* Some packages of one push, by their numbers. */
struct lk_package_set {
    uint64_t bits[LK_PUSH_PACKAGES_MAX / 64];
};

/* A manifest in a registry. */
struct lk_child {
    struct lk_digest digest;
    uint64_t         size; /* bytes */
    char             media_type[LK_MEDIA_TYPE_SIZE];
};

/* How a push, a package or a job ended.  The values are the exit codes of lkcoord. */
enum lk_outcome {
    LK_OUTCOME_OK = 0,
    LK_OUTCOME_BUILD_FAILED = 1,
    LK_OUTCOME_INFRASTRUCTURE = 4,
    LK_OUTCOME_REFUSED = 5,
    LK_OUTCOME_VERIFICATION_FAILED = 6,
    LK_OUTCOME_CANCELLED = 130,
};

/* What an agent says of an attempt (REPORT); the numbers are those of the wire. */
enum lk_phase {
    LK_PHASE_NONE = 0,
    LK_PHASE_TAKEN = 1,
    LK_PHASE_BUILDING = 2,
    LK_PHASE_BUILT = 3,
    LK_PHASE_STAGING = 4,
    LK_PHASE_STAGED = 5,
    LK_PHASE_PUSHING = 6,
    LK_PHASE_PUSHED = 7,
    LK_PHASE_FAILED = 8,
};

enum lk_job_state {
    LK_JOB_NONE = 0,
    LK_JOB_QUEUED = 1,
    LK_JOB_ASSIGNED = 2,
    LK_JOB_BUILT = 3,
    LK_JOB_STAGED = 4,
    LK_JOB_IN_TURN = 5,
    LK_JOB_DONE = 6,
    LK_JOB_KEPT = 7,
    LK_JOB_FAILED = 8,
    LK_JOB_CANCELLED = 9,
};

enum lk_package_state {
    LK_PACKAGE_NONE = 0,
    LK_PACKAGE_WAITING = 1,
    LK_PACKAGE_PLANNING = 2,
    LK_PACKAGE_ACTIVE = 3,
    LK_PACKAGE_PUBLISHING = 4,
    LK_PACKAGE_ENDED = 5,
};

enum lk_push_state {
    LK_PUSH_NONE = 0,
    LK_PUSH_RECEIVING = 1,
    LK_PUSH_RUNNING = 2,
    LK_PUSH_ENDED = 3,
};

#define LK_TIMEOUT_S_MAX 604800 /* a week */

/* Which push's jobs come first; the numbers are those of the journal. */
enum lk_priority {
    LK_PRIORITY_NORMAL = 0,
    LK_PRIORITY_LOW = 1,
    LK_PRIORITY_HIGH = 2,
};
#define LK_PRIORITIES 3

struct lk_push_options {
    enum lk_priority priority;
    bool             sequential;
    bool             in_turn;
    bool             allow_emulation;
    bool             sign;
    bool             dry_run;
    bool             build_only;
    bool             force;
    bool             no_build;     /* what is not there already is refused */
    bool             no_arch_tags; /* TAG-ARCH is neither written nor missed */
    bool             keep_going; /* after a failure every architecture is built all the same */
    bool             fail_fast;  /* the first failure cancels the rest of the push */
    uint32_t         job_timeout_s; /* a build that runs longer has failed; 0: none does */
    uint32_t         timeout_s;     /* what is not done by then is cancelled; 0: nothing is */
    size_t           adopt_count;
    struct lk_digest adopt[LK_CORE_ADOPT_MAX];
    size_t           replace_count;
    struct lk_arch   replace[LK_PACKAGE_ARCHES_MAX];
};

/* To whom an attempt was given: nobody else may report it. */
struct lk_given {
    uint32_t attempt; /* 0: none */
    char     agent[LK_NAME_SIZE];
};

struct lk_job {
    /* durable */
    uint64_t          id; /* package id * LK_PACKAGE_ARCHES_MAX + position; 0: no such job */
    struct lk_arch    arch;
    enum lk_job_state state;
    bool              kept;                    /* nothing is built: `child` was there already */
    uint32_t          attempt;                 /* the one in force; 0 before the first */
    uint32_t          last_attempt;            /* highest number ever given */
    uint32_t          failures;                /* that count against the budget */
    char              failed_on[LK_NAME_SIZE]; /* the agent of the last of them */
    char              agent[LK_NAME_SIZE];
    bool              emulated;
    struct lk_child   child;    /* from BUILT on */
    uint64_t          arrival;  /* place in the turnstile's queue; 0: not waiting */
    bool              pushed;   /* in its turn, and the agent reported the manifest put */
    bool              was_done; /* before its push was retried: `child` is not made again */
    enum lk_outcome   outcome;
    char              text[LK_JOB_TEXT_SIZE]; /* why it waits or failed */
    /* The last attempts, each at its number % LK_GIVEN_MAX. */
    struct lk_given given[LK_GIVEN_MAX];

    /* volatile */
    enum lk_phase phase;
    uint64_t
        session; /* of the agent that reported or was offered it; 0: nobody since the restart */
    uint64_t ticket_session; /* to which a ticket was sent */
    uint64_t permit_session; /* to which the permit in force was sent */
    uint64_t drop_session;   /* the last that was told to drop an attempt, and ... */
    uint32_t drop_attempt;   /* ... which */
    int64_t  assigned_ms;    /* 0: before our start */
    int64_t  lease_until_ms;
    int64_t  not_before_ms;    /* back-off */
    int64_t  trouble_since_ms; /* first of the present row of registry troubles; 0: none */
    int64_t  refused_since_ms; /* the same of agents without a free slot */
    int64_t  since_ms;         /* of state or phase, for people */
    uint64_t op;               /* accept-child under way */
    uint64_t bytes_done;
    uint64_t bytes_total;
    uint64_t changed;
    uint64_t fact_seq;    /* last fact that touched it */
    size_t   agent_place; /* where `agent` was found last */
};

struct lk_package {
    /* durable */
    uint64_t id;
    uint64_t push;
    uint32_t number; /* in its push, from 0 */
    enum lk_package_state
                    state; /* PLANNING is no fact: a WAITING one, whose probe is under way */
    enum lk_outcome outcome;
    char            repository[LK_REPOSITORY_SIZE];
    char            tag[LK_TAG_SIZE];
    char            path[LK_REPOSITORY_SIZE];
    struct lk_oid   spec;
    struct lk_oid   tree;        /* zero unless built */
    bool            is_unsigned; /* its build.yml says so */
    enum lk_package_origin origin;
    struct lk_index_name   from;      /* of LK_PACKAGE_FROM_INDEX */
    struct lk_package_set  after;     /* must have ended well first */
    size_t                 job_count; /* 0: all arches of `from`, which is not looked at yet */
    struct lk_job          jobs[LK_PACKAGE_ARCHES_MAX];
    uint64_t               arrival; /* of the publish turn */
    bool                   is_merged;
    struct lk_child        index;
    bool                   index_is_signed;
    bool                   nothing_to_do;
    char                   text[LK_REASON_SIZE];

    /* volatile */
    size_t           upload_limit; /* of its registry, from 1; 0: none */
    uint64_t         op;
    bool             probed_in_turn;
    bool             merged_in_turn;
    bool             tag_exists;
    struct lk_digest tag_digest; /* what the tag named when it was probed in our turn */
    size_t           other_count;
    struct lk_arch other_arch[LK_FOUND_MAX]; /* trusted entries of other arches under the tag */
    struct lk_child other[LK_FOUND_MAX];
    size_t          left_out_count; /* entries that the repaired index will not have */
    int64_t         not_before_ms;
    int64_t         trouble_since_ms;
    uint64_t        changed;
    uint64_t        fact_seq;

    struct lk_package   *next_in_push;
    struct lk_package   *next_in_turnstile;
    struct lk_turnstile *turnstile;
};

struct lk_push {
    /* durable */
    uint64_t               id;
    uint8_t                request_key[16];
    char                   client[LK_NAME_SIZE];
    enum lk_push_state     state;
    enum lk_outcome        outcome;
    bool                   cancelled;
    bool                   gave_up;   /* cancelled by a failure in itself (fail_fast) */
    bool                   timed_out; /* cancelled by its time limit */
    struct lk_push_options options;
    uint32_t               package_count;
    int64_t                accepted_wall_ms;
    int64_t                ended_wall_ms;
    bool                   has_source; /* it came in, whole */
    uint32_t               retries;
    uint8_t                retry_key[16]; /* of the last of them */
    uint64_t ended_place; /* among those that have ended: who ended first is forgotten first */

    /* volatile */
    int64_t  since_ms; /* when it came, was retried, or we started: it waits from then on */
    int64_t  source_until_ms; /* 0: not armed */
    uint64_t changed;
    uint64_t fact_seq;

    struct lk_package *packages;
    struct lk_push    *previous; /* live list, oldest first */
    struct lk_push    *next;
};

struct lk_platform {
    struct lk_arch arch;
    bool           emulated;
};

struct lk_agent {
    char               name[LK_NAME_SIZE];
    uint64_t           session; /* 0: not connected */
    bool               ready;   /* has told what it holds */
    bool               suspect;
    bool               keeps; /* it was stopped, and has what it built */
    int64_t            heard_ms;
    uint32_t           slots;
    uint32_t           busy; /* slots in use; counted once an advance */
    size_t             platform_count;
    struct lk_platform platforms[LK_AGENT_PLATFORMS_MAX];
    char               software[64];
    char               builder[64];
    bool               has_come;    /* since our start */
    uint32_t           failures;    /* quick ones, its own fault, in a row */
    int64_t            canary_ms;   /* in quarantine: gets a canary then; else 0 */
    int64_t            back_off_ms; /* before that one */
    uint64_t           canary;      /* the job that tries it out, and its attempt */
    uint32_t           canary_attempt;
    char               failed_why[LK_JOB_TEXT_SIZE];

    /* durable: whom a person has drained gets nothing new */
    bool drained;
    char drained_why[LK_JOB_TEXT_SIZE];
};

/* The one way into an image repository.  Fences come from one counter for all (core.c). */
struct lk_turnstile {
    char               repository[LK_REPOSITORY_SIZE]; /* "": free */
    struct lk_package *packages;                       /* live ones of this repository */
    uint32_t           waiting;                        /* arrivals among them */
    uint64_t           fence;                          /* durable; 0: nobody is inside */
    uint64_t           package;                        /* inside: its id, and ... */
    uint64_t           job;        /* ... a job's id, or 0 for the package's publishing */
    int64_t            expires_ms; /* volatile; 0: not armed */
};

/* What we once published or pushed for a tag: trusted without a signature. */
struct lk_record {
    char            repository[LK_REPOSITORY_SIZE];
    char            tag[LK_TAG_SIZE];
    struct lk_arch  arch; /* "": the index */
    struct lk_child child;
};

bool lk_job_is_settled(const struct lk_job *job);

#endif
