/*
 * event - what can happen to an agent, as values.  Every event carries the time and, where it came over
 * the line, the session of its envelope; what comes from a slot's own work carries that task's number.
 */
#ifndef LK_AGENT_EVENT_H
#define LK_AGENT_EVENT_H

#include "common/base/arch.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#define LK_CLUSTER_MAX 16

enum lk_agent_event_kind {
    /* The process. */
    LK_AGENT_WAKE, /* only time passed */
    LK_AGENT_SHUTDOWN,

    /* The line. */
    LK_AGENT_LINE_LOST,   /* the connection broke or its handshake was refused */
    LK_AGENT_WELCOMED,    /* WELCOME */
    LK_AGENT_TURNED_AWAY, /* ERROR: the coordinator does not want this session; `kind` says why */
    LK_AGENT_FAREWELL,    /* BYE: the coordinator goes, and may come back soon */
    LK_AGENT_HEARD,       /* any other message of this session */

    /* Before the first session: what an earlier life had built.  As OFFERED, with digest, size, media_type. */
    LK_AGENT_FOUND,

    /* Orders: job and attempt are set. */
    LK_AGENT_OFFERED,
    LK_AGENT_TICKET, /* STAGE; the credential itself never enters the core */
    LK_AGENT_PERMITTED,
    LK_AGENT_DROPPED,

    /* A task's own news: `task` is set. */
    LK_AGENT_FETCHED,  /* the source is complete and written out */
    LK_AGENT_BUILT,    /* digest, size, media_type; of what was FOUND: it is whole */
    LK_AGENT_PROGRESS, /* bytes_done, bytes_total */
    LK_AGENT_UPLOADED, /* every blob is in the registry */
    LK_AGENT_PUT,      /* the manifest is in the registry */
    LK_AGENT_FAILED,   /* kind, text */
    LK_AGENT_STOPPED,  /* nothing of this task runs any more */
};

/* The numbers are those of lk.wire.Upload. */
enum lk_upload_when {
    LK_UPLOAD_AS_OFFERED,
    LK_UPLOAD_AT_ONCE,
    LK_UPLOAD_IN_TURN,
};

struct lk_agent_welcome {
    uint64_t session;
    uint32_t ping_ms;
    uint32_t silence_ms;
    uint8_t  cluster[LK_CLUSTER_MAX];
    size_t   cluster_len;
    uint64_t epoch;
};

struct lk_agent_event {
    enum lk_agent_event_kind kind;
    int64_t                  now_ms;
    uint64_t                 session; /* of the envelope, for what came over the line */
    uint64_t                 job;
    uint32_t                 attempt;
    uint64_t                 task;

    struct lk_agent_welcome welcome;
    struct lk_arch          arch;       /* OFFERED, FOUND */
    struct lk_oid           spec;       /* OFFERED, FOUND; zero: not told */
    bool                    in_turn;    /* OFFERED, FOUND */
    bool                    build_only; /* OFFERED, FOUND */
    uint64_t                fence;      /* PERMITTED */
    enum lk_upload_when     upload;     /* TICKET */

    struct lk_digest digest;
    uint64_t         size;
    char             media_type[LK_MEDIA_TYPE_SIZE];
    uint64_t         bytes_done;
    uint64_t         bytes_total;
    enum lk_err_kind error;  /* FAILED, TURNED_AWAY */
    uint32_t retry_after_ms; /* FAILED with RETRY: not before that, if the registry said so */
    char     text[LK_REASON_SIZE];
};

#endif
