/*
 * The world around the rules, tried exhaustively: three agents, one for each architecture, two packages behind one
 * tag, a coordinator that dies and is restored, an outsider, a second coordinator.  FAULTS things go wrong.
 */
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#ifdef AGENTS_ARE_GOOD
#define AGENT_MAY_FAIL false
#else
#define AGENT_MAY_FAIL (faults > 0)
#endif
#ifdef RESTORES
#define HAS_RESTORES true
#else
#define HAS_RESTORES false
#endif

#define KNOWS core[KNOWN]
#define NEXT  (KNOWS.fence + 1)

byte faults = FAULTS;
byte deaths;
bit  unsaved;
bit  has_backup;
bit  has_double; /* a second coordinator, with the state before the restore */

#define MAY_DIE   (faults > 0 && deaths < DEATHS)

inline save()
{
    sync_begins();
    sync_ends();
    unsaved = 0
}

/* A step's facts are on disk some time later; where no crash can come any more, nobody can tell when. */
inline note()
{
    if
    :: MAY_DIE -> unsaved = 1
    :: else -> save()
    fi
}
#define FACT(rule) d_step { rule; note() }

inline note_fault()
{
    faults--;
    if
    :: MAY_DIE -> unsaved = 1
    :: else -> save(); backup_taken(0, DISK) /* which makes it nothing of its own */
    fi
}

/* What nobody can ask for any more makes no difference: so it is made the same. */
inline slot_is_dropped(j)
{
    told_job[j] = 0;
    took[j] = 0;
    reported[j] = 0
}

inline turn_is_over(p)
{
    seen[p] = 0;
    looked[p] = 0
}

#define IS_OVER(p) (KNOWS.package[p] >= ENDED)

proctype Job(byte j; byte a)
{
    byte f;

end:
    do
    :: FACT(staged(j))
    :: FACT(job_admitted(j, NEXT))
    :: d_step {
        IS_INSIDE(j) && KNOWS.job[j] == IN_TURN && !WAS_TOLD(j, KNOWS.inside) &&
            follows[a] == KNOWS.epoch && EPOCH_OF(KNOWS.inside) == KNOWS.epoch &&
            DURABLE(core[DISK].fence >= KNOWS.inside);
        permit_told(j, KNOWS.inside)
    }
    :: d_step {
        follows[a] != KNOWS.epoch && DURABLE(core[DISK].epoch == KNOWS.epoch);
        followed(a, KNOWS.epoch)
    }
    :: d_step {
        IS_INSIDE(j) && KNOWS.job[j] == IN_TURN && EPOCH_OF(KNOWS.inside) != KNOWS.epoch;
        permit_ended(j, KNOWS.inside);
        job_admitted(j, NEXT);
        note()
    }
    /* Any permit that was ever told to it, whenever it gets round to reading it. */
    :: atomic {
        told_job[j] >> (took[j] + 1) != 0 -> f = took[j] + 1;
        do
        :: told_job[j] >> (f + 1) != 0 -> f++
        :: WAS_TOLD(j, f) -> break
        od;
        if
        :: EPOCH_IS_GOOD(f, a) -> permit_taken(a, j, f)
        :: else -> told_job[j] = told_job[j] & ~(1 << f) /* refused, now and for good */
        fi;
        f = 0
    }
    :: d_step { took[j] != 0 && !is_put[a + 1]; child_put(a + 1) }
    :: d_step { is_put[a + 1] && reported[j] < took[j]; pushed_reported(j, took[j]) }
    :: FACT(pushed(j))
    :: d_step {
        IS_INSIDE(j) && KNOWS.job[j] == PUSHED && IS_SHOWN(j);
        child_checked(j);
        done(j);
        slot_is_dropped(j);
        note()
    }
    :: d_step {
        KNOWS.job[j] == PUSHED && !IS_SHOWN(j);
        retried(j);
        slot_is_new(j);
        note()
    }
    :: FACT(built(j, a + 1))
    /* It sleeps past its permit; it is given up; it dies; it lies about what it put. */
    :: d_step {
        AGENT_MAY_FAIL && IS_INSIDE(j) && KNOWS.job[j] == IN_TURN;
        permit_ended(j, KNOWS.inside);
        note_fault()
    }
    :: d_step {
        AGENT_MAY_FAIL && KNOWS.job[j] >= BUILT && KNOWS.job[j] <= IN_TURN;
        retried(j);
        slot_is_new(j);
        note_fault()
    }
    :: d_step { AGENT_MAY_FAIL && took[j] != 0; slot_is_new(j); note_fault() }
    :: d_step {
        AGENT_MAY_FAIL && took[j] != 0 && !is_put[a + 1] && reported[j] < took[j];
        pushed_reported(j, took[j]);
        note_fault()
    }
    :: IS_OVER(P(j)) && faults == 0 -> break
    od
}

/* What is there and what is its own; children are numbered so that an index is the set of its architectures. */
#define OWN(p)    ((p) == 0 -> 3 : 4)
#define WANTED(p) (seen[p] | OWN(p))
#define T         0
#ifdef NO_LOOK_IN_TURN
#define SKIPS_LOOK true
#define IS_AS_SEEN(p) true
#else
#define SKIPS_LOOK false
#define IS_AS_SEEN(p) (tag[T] == seen[p])
#endif

#ifdef TAG_FIRST
#define IS_MERGED(p) LOOKED(p)
#else
#define IS_MERGED(p) (LOOKED(p) && KNOWS.package[p] == MERGED && KNOWS.index[p] == WANTED(p))
#endif
#define TARGET(p) WANTED(p)

proctype Package(byte p)
{
    bit armed; /* the tag was read again, and is as it was: the write is under way */

end:
    do
    :: FACT(publishing_queued(p))
    :: FACT(package_admitted(p, NEXT))
    :: d_step { PUBLISHES(p) && !looked[p] && !SKIPS_LOOK; looked_in_turn(p); armed = 0 }
    :: d_step { LOOKED(p) && !index[WANTED(p)].is_put; index_put(WANTED(p)) }
    :: d_step {
        LOOKED(p) && index[WANTED(p)].is_put && !index[WANTED(p)].has_signature;
        index_signed(WANTED(p))
    }
    :: d_step {
        LOOKED(p) && (KNOWS.package[p] != MERGED || KNOWS.index[p] != WANTED(p)) &&
            index[WANTED(p)].is_put && (MAY_GO_UNSIGNED(p) || index[WANTED(p)].has_signature);
        merged(p, WANTED(p));
        note()
    }
    /* It names something else than when we looked: look again. */
    :: d_step {
        IS_MERGED(p) && !armed && tag[T] != seen[p] && tag[T] != TARGET(p);
        looked[p] = 0
    }
    :: d_step {
        IS_MERGED(p) && !armed && IS_AS_SEEN(p) && tag[T] != TARGET(p) &&
            MERGED_IS_DURABLE(p, TARGET(p));
        armed = 1
    }
    :: d_step { LOOKED(p) && armed && MERGED_IS_DURABLE(p, TARGET(p)); tag_moved(p, TARGET(p)); armed = 0 }
    :: d_step {
        IS_MERGED(p) && !armed && KNOWS.index[p] == TARGET(p) && tag[T] == TARGET(p);
        published(p, TARGET(p));
        turn_is_over(p);
        note()
    }
    :: d_step {
        faults > 0 && (KNOWS.package[p] == PUBLISHING || KNOWS.package[p] == MERGED) &&
            MAY_BE_CANCELLED(p);
        cancelled(p);
        turn_is_over(p);
        armed = 0;
        note_fault()
    }
    :: IS_OVER(p) && faults == 0 -> break
    od
}

/* Past what is restored and past what is replaced (coordinator/store/restore.c). */
#ifdef EPOCH_NOT_RAISED
#define RAISED (core[BACKUP].epoch + 1)
#else
#define RAISED ((core[DISK].epoch > core[BACKUP].epoch -> core[DISK].epoch : core[BACKUP].epoch) + 1)
#endif

/* With effects that do not wait for the disk the shortest way to the error is a disk that does nothing. */
#ifdef NO_FACTS_FIRST
#define DISK_WORKS false
#else
#define DISK_WORKS true
#endif

proctype Process()
{
    byte life;

end:
    do
    :: d_step { unsaved && DISK_WORKS; save() }
    :: d_step {
        MAY_DIE;
        crashes();
        starts(KNOWS.epoch + 1);
        deaths++;
        note_fault()
    }
    :: d_step { MAY_DIE && HAS_RESTORES && !has_backup && core[DISK].holder == 1; backup_taken(0, DISK); has_backup = 1 }
    :: d_step {
        MAY_DIE && has_backup;
        life = RAISED;
        restored(0);
        starts(life);
        life = 0;
        has_double = 1;
        deaths++;
        note_fault()
    }
    :: faults == 0 && !unsaved && IS_OVER(0) && IS_OVER(1) -> break
    od
}

/* What others do: move the tag away, or let a copy of the old coordinator go on and speak to agents. */
proctype Others()
{
end:
    do
    :: d_step { faults > 0 && tag[T] != 0; outsider_moved(T, 0); note_fault() }
    :: d_step { faults > 0 && has_double; NOTE_TOLD(0, FENCES - 1); has_double = 0; note_fault() }
    :: faults == 0 -> break
    od
}

init {
    atomic {
        accepted(0, T, 1, 0);
#ifndef ONE_PACKAGE
        accepted(1, T, 1, 0);
#endif
        planned(0, QUEUED, 0, 1);
        planned(1, QUEUED, 0, 2);
#ifndef ONE_PACKAGE
        planned(5, QUEUED, 0, 3);
#endif
        for (each : 1 .. 7) {
            index[each].child[0] = (each & 1 -> 1 : 0);
            index[each].child[1] = (each & 2 -> 2 : 0);
            index[each].child[2] = (each & 4 -> 3 : 0)
        }
        each = 0;
        sync_begins();
        sync_ends();
        run Job(0, 0);
        run Job(1, 1);
        run Job(5, 2);
        run Package(0);
        run Package(1);
        run Process();
        run Others()
    }
}

/* Every accepted push ends once faults stop. */
ltl ends_in_time { <> (IS_OVER(0) && IS_OVER(1)) }
