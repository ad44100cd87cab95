/*
 * lease - one job, two agents for it: offer, take, report, the end of a lease, another attempt, what comes late from
 * the one before, the inventory after a new session, an agent that restarts and finds what it had built.
 *
 * A lease is counted in ticks; two go by before it ends, and between two ticks each agent that runs and is connected
 * reports once (it reports with every PING, and a lease is many PINGs long: agent/core/core.c, tick).
 *
 * Known-bad variants: NO_FACTS_FIRST, LEASE_NOT_RENEWED, OLD_ATTEMPT_COUNTS, DUPLICATE_COUNTS, ANYBODY_COUNTS,
 * PING_BEFORE_INVENTORY, NOTHING_IS_ADOPTED.
 */
#ifndef FAULTS
#define FAULTS 2
#endif
#define ATTEMPTS 3 /* failures_max */
#define LEASE    2

/* The job, as core/model.h has it. */
#define QUEUED   1
#define ASSIGNED 2
#define BUILT    3
#define DONE     4
#define FAILED   5

#define KNOWN 0
#define DISK  1

typedef Job {
    byte state;
    byte attempt; /* in force */
    byte last;
    byte agent; /* + 1 */
    byte child; /* the attempt whose image counts */
    byte failures;
    byte given[ATTEMPTS + 1]; /* to which agent, + 1 */
};
Job copies[2];
#define job copies[KNOWN]

/* Of the coordinator's process. */
byte lease;
bit  is_told;    /* its agent has it, in the session that is */
bit  is_renewed; /* since the last tick */
bit  has_session[2];
bit  is_ready[2];

/* Agents. */
bit  is_up[2];
bit  is_paused[2];
bit  thinks_connected[2];
bit  told_all[2]; /* the inventory of this session */
byte slot[2];     /* the attempt that it works at */
bit  has_built[2];
byte on_disk[2]; /* what it had built of that */
byte says_built[2]; /* bits of attempts: messages of this session, which may come late and again */
byte says_failed[2];

/* The world's book. */
byte taken_by[ATTEMPTS + 1];
byte built_by[ATTEMPTS + 1];
byte real_failures;
byte unheard; /* ticks since its agent was heard of */
byte faults = FAULTS;

#define IS_OVER (job.state == DONE || job.state == FAILED)
#define IN_FORCE(a, n) (job.attempt == n && job.agent == a + 1 && (job.state == ASSIGNED || job.state == BUILT))
#define WAS_GIVEN(a, n) (job.given[n] == a + 1)
#define IS_HEARD(a) (is_up[a] && !is_paused[a] && thinks_connected[a] && has_session[a])
#define HAS_IT(a, n) (is_up[a] && slot[a] == n || on_disk[a] == n)

inline copy(to, from)
{
    copies[to].state = copies[from].state;
    copies[to].attempt = copies[from].attempt;
    copies[to].last = copies[from].last;
    copies[to].agent = copies[from].agent;
    copies[to].child = copies[from].child;
    copies[to].failures = copies[from].failures;
    copies[to].given[1] = copies[from].given[1];
    copies[to].given[2] = copies[from].given[2];
    copies[to].given[3] = copies[from].given[3]
}

/* core/sched.c, assign(): a new number, for one agent. */
inline assigned(a)
{
    job.last++;
    job.attempt = job.last;
    job.agent = a + 1;
    job.given[job.last] = a + 1;
    job.state = ASSIGNED;
    lease = LEASE;
    is_told = 1;
    is_renewed = 0;
    unheard = 0
}

/* core/job.c, lk_job_retry(): counted, and given up after failures_max. */
inline retried()
{
    job.failures++;
    if
    :: job.failures >= ATTEMPTS || job.last == ATTEMPTS -> job.state = FAILED
    :: else -> job.state = QUEUED
    fi;
    job.agent = 0;
    is_told = 0
}

/* core/job.c, note_progress(): whatever is heard of it renews the lease. */
inline renewed()
{
#ifndef LEASE_NOT_RENEWED
    lease = LEASE;
#endif
    is_told = 1;
    is_renewed = 1;
    unheard = 0
}

#ifdef ANYBODY_COUNTS
#define MAY_COME_BACK(a, n) true
#else
#define MAY_COME_BACK(a, n) WAS_GIVEN(a, n)
#endif
#ifdef OLD_ATTEMPT_COUNTS
#define MAY_WIN (job.state == QUEUED || job.state == ASSIGNED || job.state == BUILT)
#else
#define MAY_WIN (job.state == QUEUED || job.state == ASSIGNED)
#endif

/* core/job.c, lk_job_report() and take_back(): of two attempts the first BUILT wins, and stays. */
inline heard_built(a, n)
{
    if
    :: IN_FORCE(a, n) ->
        renewed();
        if
        :: job.state == ASSIGNED -> job.state = BUILT; job.child = n
        :: else
        fi
    :: !IN_FORCE(a, n) && MAY_WIN && MAY_COME_BACK(a, n) ->
        assert(job.state != BUILT && WAS_GIVEN(a, n));
        job.attempt = n;
        job.agent = a + 1;
        job.state = BUILT;
        job.child = n;
        renewed();
        is_told = has_session[a]
    :: else /* stale */
    fi
}

inline heard_building(a, n)
{
    if
    :: IN_FORCE(a, n) -> renewed()
    :: !IN_FORCE(a, n) && job.state == QUEUED && WAS_GIVEN(a, n) ->
        job.attempt = n;
        job.agent = a + 1;
        job.state = ASSIGNED;
        renewed()
    :: else
    fi
}

#ifdef DUPLICATE_COUNTS
#define FAILURE_COUNTS(a, n) (!IS_OVER)
#else
#define FAILURE_COUNTS(a, n) IN_FORCE(a, n)
#endif

/* What is heard twice counts once: after the first the attempt is no longer in force. */
inline heard_failed(a, n)
{
    if
    :: FAILURE_COUNTS(a, n) ->
        retried();
        assert(job.failures <= real_failures)
    :: else
    fi
}

/* Its DROP: the attempt is over, or another one's. */
#define IS_DROPPED(a) (slot[a] != 0 && !IN_FORCE(a, slot[a]) && job.state != QUEUED && \
    (IS_OVER || !(job.state == ASSIGNED && slot[a] < job.attempt)))

#ifdef NO_FACTS_FIRST
#define OFFERED(a, n) (copies[KNOWN].given[n] == a + 1)
#else
#define OFFERED(a, n) (copies[DISK].given[n] == a + 1)
#endif

/* agent/core/core.c, offered(): a newer attempt ends the older one. */
inline takes(a, n)
{
    assert(taken_by[n] == 0 || taken_by[n] == a + 1);
    taken_by[n] = a + 1;
    slot[a] = n;
    has_built[a] = 0;
    on_disk[a] = 0
}

#define OFFER(a, n) \
    d_step { IS_HEARD(a) && is_told && OFFERED(a, n) && IN_FORCE(a, n) && job.state == ASSIGNED && slot[a] != n && taken_by[n] != a + 1; takes(a, n) }
#define LATE(a, n) \
    d_step { has_session[a] && (says_built[a] >> n & 1) && !IS_OVER; heard_built(a, n) }
#define AGAIN(a, n) \
    d_step { has_session[a] && (says_failed[a] >> n & 1) && !IS_OVER; heard_failed(a, n) }

inline forgets_session(a)
{
    thinks_connected[a] = 0;
    told_all[a] = 0
}

#ifdef PING_BEFORE_INVENTORY
#define MAY_PING(a) true
#else
#define MAY_PING(a) told_all[a]
#endif

inline reports(a)
{
    if
    :: slot[a] != 0 && has_built[a] ->
        says_built[a] = says_built[a] | 1 << slot[a];
        heard_built(a, slot[a])
    :: slot[a] != 0 && !has_built[a] -> heard_building(a, slot[a])
    :: else
    fi;
    told_all[a] = 1
}

proctype Agent(byte a)
{
end:
    do
    /* core/fleet.c, lk_fleet_hello(): what its job's session was is over; only its inventory brings it back. */
    :: d_step {
        is_up[a] && !is_paused[a] && !thinks_connected[a];
        thinks_connected[a] = 1;
        has_session[a] = 1;
        is_ready[a] = 0;
        told_all[a] = 0;
        says_built[a] = 0;
        says_failed[a] = 0;
        is_told = (job.agent == a + 1 -> 0 : is_told)
    }
    :: d_step { IS_HEARD(a) && !(told_all[a] && is_renewed); reports(a) }
    :: d_step { IS_HEARD(a) && !is_ready[a] && MAY_PING(a); is_ready[a] = 1 }
    :: OFFER(a, 1)
    :: OFFER(a, 2)
    :: OFFER(a, 3)
    :: d_step {
        is_up[a] && !is_paused[a] && slot[a] != 0 && !has_built[a];
        has_built[a] = 1;
        on_disk[a] = slot[a];
        built_by[slot[a]] = a + 1
    }
    :: d_step { IS_HEARD(a) && is_ready[a] && IS_DROPPED(a); slot[a] = 0; has_built[a] = 0; on_disk[a] = 0 }
    :: LATE(a, 1)
    :: LATE(a, 2)
    :: LATE(a, 3)
    :: AGAIN(a, 1)
    :: AGAIN(a, 2)
    :: AGAIN(a, 3)
    :: d_step { is_paused[a]; is_paused[a] = 0 }
    /* A new life: what was built is found again (agent/core/core.c, found()). */
    :: d_step {
        !is_up[a];
        is_up[a] = 1;
#ifdef NOTHING_IS_ADOPTED
        slot[a] = 0;
#else
        slot[a] = on_disk[a];
#endif
        has_built[a] = (slot[a] != 0)
    }
    :: d_step { faults > 0 && is_up[a] && !is_paused[a]; is_paused[a] = 1; faults-- }
    /* It lies: it has built what was given to the other one. */
    :: d_step {
        faults > 0 && IS_HEARD(a) && job.last != 0 && !WAS_GIVEN(a, job.last) && !IS_OVER;
        faults--;
        heard_built(a, job.last)
    }
    :: d_step { faults > 0 && thinks_connected[a]; forgets_session(a); faults-- }
    :: d_step { faults > 0 && is_up[a]; is_up[a] = 0; is_paused[a] = 0; slot[a] = 0; has_built[a] = 0; forgets_session(a); faults-- }
    :: d_step {
        faults > 0 && IS_HEARD(a) && slot[a] != 0 && !has_built[a] && IN_FORCE(a, slot[a]);
        real_failures++;
        says_failed[a] = says_failed[a] | 1 << slot[a];
        heard_failed(a, slot[a]);
        slot[a] = 0;
        faults--
    }
    od
}

#define HOLDER_IS_HEARD (job.agent == 1 && IS_HEARD(0) && slot[0] == job.attempt || \
                         job.agent == 2 && IS_HEARD(1) && slot[1] == job.attempt)
#define IS_OUT (job.state == ASSIGNED || job.state == BUILT)

active proctype Coordinator()
{
    job.state = QUEUED;
    is_up[0] = 1;
    is_up[1] = 1;
    copy(DISK, KNOWN);
    atomic { run Agent(0); run Agent(1) };
end:
    do
    :: d_step { job.state == QUEUED && is_ready[0] && job.last < ATTEMPTS; assigned(0) }
    :: d_step { job.state == QUEUED && is_ready[1] && job.last < ATTEMPTS; assigned(1) }
    :: d_step { job.state == QUEUED && job.last == ATTEMPTS; job.state = FAILED }
    :: d_step { IS_OUT && lease > 0 && (!HOLDER_IS_HEARD || is_renewed); lease--; unheard++; is_renewed = 0 }
    /* core/job.c, is_given_up(): silent for a whole lease. */
    :: d_step {
        IS_OUT && lease == 0;
        assert(unheard >= LEASE || !HOLDER_IS_HEARD);
        real_failures++;
        retried()
    }
    /* core/job.c, agent_lost_it(): it came back, told all that it has, and this was not among that. */
    :: d_step {
        IS_OUT && is_ready[job.agent - 1] && !is_told;
        assert(!HAS_IT(job.agent - 1, job.attempt));
        real_failures++;
        retried()
    }
    /* What counts was built by the agent that it was given to, and is the attempt's own. */
    :: d_step {
        job.state == BUILT && copies[DISK].state == BUILT && copies[DISK].child == job.child;
        assert(job.given[job.child] == built_by[job.child] && job.child == job.attempt);
        job.state = DONE
    }
    :: d_step { copies[DISK].state != job.state || copies[DISK].attempt != job.attempt || copies[DISK].failures != job.failures; copy(DISK, KNOWN) }
    :: d_step {
        faults > 0;
        copy(KNOWN, DISK);
        is_told = 0;
        is_renewed = 0;
        lease = LEASE;
        unheard = 0;
        has_session[0] = 0;
        has_session[1] = 0;
        is_ready[0] = 0;
        is_ready[1] = 0;
        forgets_session(0);
        forgets_session(1);
        faults--
    }
    od
}
