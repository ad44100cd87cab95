/*
 * permit - one image repository: the turnstile with its fences, the children that agents put, and the tag that
 * moves last.  The rules are here, one inline each; who makes use of them comes at the end: permit_world.pml tries
 * everything, permit_trace.pml does what a simulated run did.
 *
 * The coordinator is four copies of its state: what it knows, what is being written, what is on disk, and a backup.
 * A crash is a copy back.  Messages are never taken away: what was sent once may arrive at any time, late, twice, or
 * before what was sent earlier.
 *
 * `-D` one of these makes a known-bad protocol, in which spin has to find an error: NO_FENCE, NO_FACTS_FIRST,
 * LOW_EPOCH_ACCEPTED, EPOCH_NOT_RAISED, TAG_FIRST, TAG_BEFORE_SIGN, NO_CHECK, NO_TURN, NO_LOOK_IN_TURN,
 * CANCEL_AFTER_MERGE.
 */
#ifdef TRACE
#define NUMBER   int
#define PACKAGES 64
#define ARCHES   3
#define TAGS     4
#define INDEXES  256
#define CHILDREN 512
#define AGENTS   5
#define FENCES   4096
#define BACKUPS  16
#else
/* Package 0 has arch 0 and 1, package 1 has arch 2, and both are to be found behind one tag. */
#define NUMBER   byte
#define PACKAGES 2
#define ARCHES   3
#define TAGS     1
#define INDEXES  8
#define CHILDREN 4
#define AGENTS   3
#define FENCES   8
#define BACKUPS  1
#endif

#define JOBS (PACKAGES * ARCHES)

/* A fence is an epoch and a number in it (core/apply.c, apply_started). */
#define EPOCH_OF(fence) ((fence) / FENCES)

/* The copies. */
#define KNOWN   0
#define WRITING 1
#define DISK    2
#define BACKUP  3 /* and, in a run, those that follow */

/* A job's states, as core/model.h has them; IN_TURN and pushed are two, and DONE is also what was kept. */
#define NONE    0
#define QUEUED  1
#define BUILT   2
#define STAGED  3
#define IN_TURN 4
#define PUSHED  5
#define DONE    6
#define LOST    7

/* A package's. */
#define OPEN       1
#define PUBLISHING 2
#define MERGED     3
#define ENDED      4 /* well */
#define FAILED     5 /* or cancelled: it may be begun again */

typedef Coordinator {
    NUMBER epoch;
    NUMBER fence;  /* the last given */
    NUMBER inside; /* the fence in force; 0: nobody is inside */
    NUMBER holder; /* job + 1, or JOBS + 1 + package */
    byte   job[JOBS];
    bit    kept[JOBS]; /* planned from what the registry holds: nobody has to push it */
    NUMBER child[JOBS];
    byte   package[PACKAGES];
    NUMBER index[PACKAGES];
};
Coordinator core[BACKUP + BACKUPS];

/* Of the coordinator's process alone. */
bit    checked[JOBS];
NUMBER seen[PACKAGES]; /* what the tag named when it was looked at in this turn */
bit    looked[PACKAGES];
NUMBER was_inside; /* whose permit ended last, until the next is given */

/* What was asked for. */
NUMBER tag_of[PACKAGES];
bit    is_signed[PACKAGES];
bit    replaces[PACKAGES]; /* a person gives up what is there */

/* The registry. */
typedef Index {
    NUMBER child[ARCHES]; /* 0: none */
    bit    is_put;
    bit    has_signature;
    bit    was_named;
};
Index  index[INDEXES];
bit    is_put[CHILDREN];
NUMBER tag[TAGS];
NUMBER tag_of_ours[TAGS]; /* what we put there last */
NUMBER moved_to[PACKAGES]; /* by whom; a restored coordinator cannot know it */

/* Agents, and what is on its way to and from them. */
NUMBER follows[AGENTS]; /* the highest epoch */
NUMBER told;            /* the highest fence that anybody was told, and who */
NUMBER told_holder;
#ifdef TRACE
NUMBER told_job[JOBS];
#define WAS_TOLD(j, f) (f <= told_job[j])
#define NOTE_TOLD(j, f) told_job[j] = f
#else
int    told_job[JOBS]; /* a bit for each fence */
#define WAS_TOLD(j, f) (told_job[j] >> f & 1)
#define NOTE_TOLD(j, f) told_job[j] = told_job[j] | 1 << f
#endif
NUMBER took[JOBS];     /* the fence that the job's agent goes by */
NUMBER reported[JOBS]; /* the highest fence of a PUSHED that was sent */

byte each; /* a counter that is 0 between steps */
#ifdef TRACE
int each_job;
#else
byte each_job;
#endif

inline copy(to, from)
{
    core[to].epoch = core[from].epoch;
    core[to].fence = core[from].fence;
    core[to].inside = core[from].inside;
    core[to].holder = core[from].holder;
    for (each_job : 0 .. JOBS - 1) {
        core[to].job[each_job] = core[from].job[each_job];
        core[to].kept[each_job] = core[from].kept[each_job];
        core[to].child[each_job] = core[from].child[each_job];
    }
    for (each : 0 .. PACKAGES - 1) {
        core[to].package[each] = core[from].package[each];
        core[to].index[each] = core[from].index[each];
    }
    each = 0;
    each_job = 0
}

/* ---- the disk and the process: coordinator/pump.h, core/apply.c ---- */

inline sync_begins() { copy(WRITING, KNOWN) }
inline sync_ends() { copy(DISK, WRITING) }

inline forget_what_no_fact_says()
{
    for (each_job : 0 .. JOBS - 1) { checked[each_job] = 0 }
    for (each : 0 .. PACKAGES - 1) { seen[each] = 0; looked[each] = 0 }
    was_inside = 0;
    each = 0;
    each_job = 0
}

/* Replay gives what the facts on disk say, and nothing else (core/apply.c, lk_core_apply). */
inline crashes()
{
    copy(KNOWN, DISK);
    copy(WRITING, DISK);
    forget_what_no_fact_says()
}

inline backup_taken(number, from) { copy(BACKUP + number, from) }

inline restored(number)
{
    copy(DISK, BACKUP + number);
    for (each : 0 .. PACKAGES - 1) { moved_to[each] = 0 }
    crashes()
}

/*
 * A journal that is put in place by hand: epochs and fences grow from where it has them, and what was said of later
 * ones is no promise any more (tests/sim/README.md).
 */
inline copied_back(number)
{
    restored(number);
    told = core[DISK].fence;
    told_holder = (core[DISK].inside == told -> core[DISK].holder : 0);
    for (each_job : 0 .. JOBS - 1) {
        reported[each_job] = (reported[each_job] > told -> 0 : reported[each_job])
    }
    each_job = 0
}

/* STARTED, and NUMBERS after a restore: every fence is above those of all lives before (apply_started, lk_fact_jump). */
inline starts(number)
{
    (number > core[KNOWN].epoch);
    if
    :: core[KNOWN].fence < (number) * FENCES -> core[KNOWN].fence = (number) * FENCES
    :: else
    fi;
    core[KNOWN].epoch = number /* last: `number` may be an expression of it */
}

/* What leaves the coordinator leaves when its facts are on disk (core/effect.h). */
#ifdef NO_FACTS_FIRST
#define DURABLE(fact) true
#else
#define DURABLE(fact) (fact)
#endif

/* ---- jobs, as far as the turn is concerned: core/job.c ---- */

#define P(j)      ((j) / ARCHES)
#define IS_INSIDE(j) (core[KNOWN].inside != 0 && core[KNOWN].holder == (j) + 1)
#define PUBLISHES(p) (core[KNOWN].inside != 0 && core[KNOWN].holder == JOBS + 1 + (p))

inline vacate()
{
    core[KNOWN].inside = 0;
    core[KNOWN].holder = 0
}

inline accepted(p, t, must_sign, may_replace)
{
    (core[KNOWN].package[p] == NONE);
    core[KNOWN].package[p] = OPEN;
    tag_of[p] = t;
    is_signed[p] = must_sign;
    replaces[p] = may_replace
}

inline planned(j, state, is_kept, c)
{
    (core[KNOWN].job[j] == NONE && core[KNOWN].package[P(j)] == OPEN &&
     (state == QUEUED || state == STAGED || state == DONE));
    core[KNOWN].job[j] = state;
    core[KNOWN].kept[j] = is_kept;
    core[KNOWN].child[j] = c
}

inline built(j, c)
{
    (core[KNOWN].job[j] == QUEUED);
    core[KNOWN].job[j] = BUILT;
    core[KNOWN].child[j] = c
}

inline staged(j)
{
    (core[KNOWN].job[j] == BUILT);
    core[KNOWN].job[j] = STAGED
}

/* The one inside loses the turn with the attempt (core/apply.c, retry_job and settle_job). */
inline leaves_with(j, state)
{
    (core[KNOWN].job[j] >= QUEUED && core[KNOWN].job[j] < DONE);
    if
    :: IS_INSIDE(j) -> vacate()
    :: else
    fi;
    checked[j] = 0;
    core[KNOWN].job[j] = state;
    core[KNOWN].kept[j] = 0
}
inline retried(j) { leaves_with(j, QUEUED) }
inline given_up(j) { leaves_with(j, LOST) }

/* ---- the turnstile: core/turnstile.c ---- */

#ifdef NO_TURN
#define WAY_IS_FREE true
#else
#define WAY_IS_FREE (core[KNOWN].inside == 0)
#endif
#define IS_NEXT(f) ((f) > core[KNOWN].fence && EPOCH_OF(f) == core[KNOWN].epoch)

inline grant(h, number)
{
    core[KNOWN].inside = number;
    core[KNOWN].holder = h;
    core[KNOWN].fence = number /* last: `number` may be an expression of it */
}

/*
 * Whoever waits; the real one takes the longest waiting, which is one of these.  Or who was inside until this very
 * step, and needs a fence of the new epoch (lk_turnstile_renew).
 */
inline job_admitted(j, number)
{
    (WAY_IS_FREE && IS_NEXT(number) &&
     (core[KNOWN].job[j] == STAGED || (core[KNOWN].job[j] == BUILT && was_inside == j + 1)));
    grant(j + 1, number);
    was_inside = 0;
    core[KNOWN].job[j] = IN_TURN
}

inline package_admitted(p, number)
{
    (WAY_IS_FREE && IS_NEXT(number) && !PUBLISHES(p) && core[KNOWN].package[p] == PUBLISHING);
    grant(JOBS + 1 + p, number);
    looked[p] = 0
}

/* Ran out, or is given anew in a new epoch; who has pushed cannot outstay it (agent_is_inside). */
inline permit_ended(j, number)
{
    (core[KNOWN].inside == number && IS_INSIDE(j) && core[KNOWN].job[j] == IN_TURN);
    vacate();
    was_inside = j + 1;
    core[KNOWN].job[j] = BUILT
}

/* A fence that was told belongs to one holder, for good, and no lower one is told after it. */
inline permit_told(j, number)
{
    (DURABLE(core[DISK].fence >= number));
    assert(number > told || (number == told && told_holder == j + 1));
    told = number;
    told_holder = j + 1;
    NOTE_TOLD(j, number)
}

/* ---- agents: agent/core/link.c and slot.c ---- */

#ifdef LOW_EPOCH_ACCEPTED
#define EPOCH_IS_GOOD(f, a) true
#else
#define EPOCH_IS_GOOD(f, a) (EPOCH_OF(f) >= follows[a])
#endif

/* lk_link_welcome: of its cluster an agent follows nobody with a lower epoch. */
inline followed(a, number)
{
    EPOCH_IS_GOOD(number * FENCES, a);
    assert(number >= follows[a]);
    follows[a] = number
}

inline agent_is_wiped(a) { follows[a] = 0 }

/* permitted() in agent/core/core.c, and lk_slot_permit: only upwards, and not of an epoch before. */
inline permit_taken(a, j, number)
{
    (number != 0 && number >= took[j] && WAS_TOLD(j, number) && EPOCH_IS_GOOD(number, a));
    assert(EPOCH_OF(number) >= follows[a]);
    took[j] = number
}

/* An agent's process ends, or its attempt: the next slot of this job knows no fence. */
inline slot_is_new(j) { took[j] = 0 }

/* By digest: harmless at any time, also under a permit that ran out. */
inline child_put(c) { is_put[c] = 1 }

inline pushed_reported(j, number)
{
    (number != 0 && number <= took[j]);
    if
    :: number > reported[j] -> reported[j] = number
    :: else
    fi
}

#ifdef NO_FENCE
#define FENCE_IS_GOOD(j) true
#else
#define FENCE_IS_GOOD(j) (IS_INSIDE(j) && reported[j] == core[KNOWN].inside)
#endif

/* reported_built() in core/job.c: only from the one inside, with the fence in force. */
inline pushed(j)
{
    (reported[j] != 0 && core[KNOWN].job[j] >= BUILT && core[KNOWN].job[j] <= IN_TURN && FENCE_IS_GOOD(j));
    assert(IS_INSIDE(j) && reported[j] == core[KNOWN].inside);
    core[KNOWN].job[j] = PUSHED
}

#ifdef NO_CHECK
#define IS_SHOWN(j) true
#else
#define IS_SHOWN(j) is_put[core[KNOWN].child[j]]
#endif

/* lk_job_checked: the registry itself shows what the agent says that it put. */
inline child_checked(j)
{
    (IS_INSIDE(j) && IS_SHOWN(j) &&
     (core[KNOWN].job[j] == PUSHED || (core[KNOWN].job[j] == IN_TURN && core[KNOWN].kept[j])));
    checked[j] = 1
}

inline done(j)
{
    (checked[j] && IS_INSIDE(j));
    core[KNOWN].job[j] = DONE;
    vacate()
}

/* ---- publishing: core/publish.c, core/push.c (settle_package) ---- */

#define IS_SETTLED(p, arch) \
    (core[KNOWN].job[(p) * ARCHES + arch] == NONE || core[KNOWN].job[(p) * ARCHES + arch] == DONE)

inline publishing_queued(p)
{
    (core[KNOWN].package[p] == OPEN && IS_SETTLED(p, 0) && IS_SETTLED(p, 1) && IS_SETTLED(p, 2));
    core[KNOWN].package[p] = PUBLISHING
}

inline looked_in_turn(p)
{
    (PUBLISHES(p));
    seen[p] = tag[tag_of[p]];
    looked[p] = 1
}

inline index_put(i) { index[i].is_put = 1 }

inline index_signed(i)
{
    (index[i].is_put);
    index[i].has_signature = 1
}

#ifdef TAG_BEFORE_SIGN
#define MAY_GO_UNSIGNED(p) true
#else
#define MAY_GO_UNSIGNED(p) (!is_signed[p])
#endif
#ifdef NO_TURN
#define HAS_THE_TURN(p) true
#else
#define HAS_THE_TURN(p) PUBLISHES(p)
#endif

#ifdef NO_LOOK_IN_TURN
#define LOOKED(p) (HAS_THE_TURN(p))
#else
#define LOOKED(p) (HAS_THE_TURN(p) && looked[p])
#endif

/* MERGED says that from here on the tag may have moved. */
inline merged(p, i)
{
    (LOOKED(p) && index[i].is_put &&
     (MAY_GO_UNSIGNED(p) || index[i].has_signature) &&
     (core[KNOWN].package[p] == PUBLISHING || core[KNOWN].package[p] == MERGED));
    core[KNOWN].package[p] = MERGED;
    core[KNOWN].index[p] = i
}

#ifdef TAG_FIRST
#define MERGED_IS_DURABLE(p, i) true
#else
#define MERGED_IS_DURABLE(p, i) DURABLE(core[DISK].package[p] == MERGED && core[DISK].index[p] == i)
#endif

/* The promises about a tag, in the moment in which it moves. */
inline tag_moved(p, i)
{
    (MERGED_IS_DURABLE(p, i));
    assert(index[i].is_put);
    assert(!is_signed[p] || index[i].has_signature);
    for (each : 0 .. ARCHES - 1) {
        /* Every architecture of the package, each of them checked; and none that was there is lost. */
        if
        :: core[KNOWN].job[p * ARCHES + each] != NONE ->
            assert(core[KNOWN].job[p * ARCHES + each] == DONE);
            assert(index[i].child[each] == core[KNOWN].child[p * ARCHES + each]);
            assert(is_put[index[i].child[each]])
        :: else
        fi;
        assert(replaces[p] || tag[tag_of[p]] == 0 || tag[tag_of[p]] != tag_of_ours[tag_of[p]] ||
               index[tag[tag_of[p]]].child[each] == 0 || index[i].child[each] != 0)
    }
    each = 0;
    tag[tag_of[p]] = i;
    tag_of_ours[tag_of[p]] = i;
    moved_to[p] = i;
    index[i].was_named = 1
}

inline outsider_moved(t, i)
{
    tag[t] = i;
    index[i].was_named = 1
}

/* Who is told "published" finds it. */
inline published(p, i)
{
    (core[KNOWN].package[p] == MERGED && HAS_THE_TURN(p) && core[KNOWN].index[p] == i &&
     index[i].was_named);
    core[KNOWN].package[p] = ENDED;
    vacate()
}

inline nothing_to_do(p)
{
    (core[KNOWN].package[p] == OPEN);
    core[KNOWN].package[p] = ENDED
}

inline ends(p)
{
    if
    :: PUBLISHES(p) -> vacate()
    :: else
    fi;
    core[KNOWN].package[p] = FAILED
}

/* The registry refused, or was away for too long. */
inline failed(p)
{
    (core[KNOWN].package[p] >= OPEN && core[KNOWN].package[p] < ENDED);
    ends(p)
}

#ifdef CANCEL_AFTER_MERGE
#define MAY_BE_CANCELLED(p) true
#else
#define MAY_BE_CANCELLED(p) (core[KNOWN].package[p] != MERGED || tag[tag_of[p]] != core[KNOWN].index[p])
#endif

/* From the merge on the tag may have moved: who is told "cancelled" does not find it (core/push.c, may_be_tagged). */
inline cancelled(p)
{
    (core[KNOWN].package[p] >= OPEN && core[KNOWN].package[p] < ENDED && MAY_BE_CANCELLED(p));
    assert(moved_to[p] == 0 || tag[tag_of[p]] != moved_to[p]);
    ends(p)
}

/* A person asks for it again: everything is planned anew (core/retry.c). */
inline begins_again(p)
{
    (core[KNOWN].package[p] == FAILED);
    for (each : 0 .. ARCHES - 1) {
        assert(!IS_INSIDE(p * ARCHES + each));
        core[KNOWN].job[p * ARCHES + each] = NONE;
        core[KNOWN].kept[p * ARCHES + each] = 0;
        core[KNOWN].child[p * ARCHES + each] = 0;
        checked[p * ARCHES + each] = 0
    }
    each = 0;
    core[KNOWN].package[p] = OPEN;
    core[KNOWN].index[p] = 0;
    looked[p] = 0;
    moved_to[p] = 0
}

#ifdef TRACE
#include "permit_trace.pml"
#else
#include "permit_world.pml"
#endif
