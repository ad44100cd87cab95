/*
 * event - everything that can happen to the core.
 *
 * Pointers are borrowed for the call of lk_core_step.  An answer to an effect repeats the effect's `op`.
 */
#ifndef LK_CORE_EVENT_H
#define LK_CORE_EVENT_H

#include "coordinator/core/model.h"

enum lk_event_type {
    LK_EVENT_START, /* after the replay: go on */
    LK_EVENT_TIMER, /* the time that the core asked for has come */
    LK_EVENT_SUBMIT,
    LK_EVENT_CANCEL,
    LK_EVENT_RETRY,
    LK_EVENT_SOURCE_READY,
    LK_EVENT_SOURCE_FAILED,
    LK_EVENT_AGENT_HELLO,
    LK_EVENT_AGENT_ALIVE, /* a PING; the first one of a session ends its inventory */
    LK_EVENT_AGENT_GONE,
    LK_EVENT_REPORT,
    LK_EVENT_TICKET_WANTED,
    LK_EVENT_PROBED,
    LK_EVENT_CHILD_CHECKED,
    LK_EVENT_MERGED,
    LK_EVENT_TAGGED,
    LK_EVENT_AGENT_DRAIN,
    LK_EVENT_AGENT_RESUME,
    LK_EVENT_EPOCH_HEARD, /* an agent was welcomed to this cluster under a later epoch (start.epoch) */
};

struct lk_package_request {
    const char                 *repository;
    const char                 *tag;
    const char                 *path;
    struct lk_oid               spec;
    struct lk_oid               tree;
    size_t                      arch_count;
    const struct lk_arch       *arches;
    bool                        is_unsigned;
    enum lk_package_origin      origin;
    struct lk_index_name        from;
    size_t                      after_count;
    const struct lk_index_name *after; /* packages of the same push */
};

struct lk_found_child {
    struct lk_arch  arch; /* "": an entry without a platform that we know */
    struct lk_child child;
    bool            is_signed;
    bool            arch_tag_is_right;
};

/* What is under a tag, or under the tags of all arches; see lk_publisher_probe. */
struct lk_probe {
    bool                         index_exists;
    bool                         not_an_index;
    struct lk_digest             index_digest;
    bool                         index_is_signed;
    size_t                       count;
    const struct lk_found_child *entries;
};

struct lk_event {
    enum lk_event_type type;
    int64_t            now_ms;  /* CLOCK_BOOTTIME */
    int64_t            wall_ms; /* for people only */
    union {
        struct {
            uint64_t epoch;
        } start;
        struct {
            uint64_t                         session;
            uint64_t                         request;
            const char                      *client;
            const uint8_t                   *request_key; /* 16 bytes */
            const struct lk_push_options    *options;
            size_t                           count;
            const struct lk_package_request *packages;
        } submit;
        struct {
            uint64_t    session;
            uint64_t    request;
            const char *client;
            uint64_t    push;
        } cancel;
        struct {
            uint64_t    session;
            uint64_t    request;
            const char *agent; /* one that may come in, or came */
            const char *why;   /* DRAIN */
        } drain;               /* and RESUME */
        struct {
            uint64_t             session;
            uint64_t             request;
            const uint8_t       *request_key; /* 16 bytes */
            uint64_t             push;
            const struct lk_err *why_not; /* what only the world outside knows; NULL: nothing */
        } retry;
        struct {
            uint64_t             push;
            const struct lk_err *why; /* SOURCE_FAILED */
        } source;
        struct {
            const char               *name;
            uint64_t                  session;
            uint32_t                  slots;
            size_t                    count;
            const struct lk_platform *platforms;
            const char               *software;
            const char               *builder;
            bool                      keeps; /* GONE: what is built it keeps for its return */
        } agent;                             /* ALIVE and GONE: only name, session and keeps */
        struct {
            const char      *agent;
            uint64_t         session;
            uint64_t         job;
            uint32_t         attempt;
            struct lk_oid    spec; /* of what it was offered; zero: the agent does not say */
            enum lk_phase    phase;
            struct lk_child  child;
            uint64_t         fence;
            enum lk_err_kind kind;
            const char      *text;
            uint64_t         bytes_done;
            uint64_t         bytes_total;
        } report; /* TICKET_WANTED: agent, session, job, attempt */
        struct {
            uint64_t               package;
            uint64_t               job; /* CHILD_CHECKED */
            uint64_t               op;
            const struct lk_err   *err;   /* NULL: it went well */
            const struct lk_probe *probe; /* PROBED */
            const struct lk_probe
                *source;           /* the same of where the images come from; NULL: not asked */
            struct lk_child index; /* MERGED */
        } answer;
    };
};

#endif
