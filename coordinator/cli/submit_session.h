/*
 * submit_session - one submission's conversation with the coordinator: asked for, sent, watched to its end or
 * left.  What submit.c and submit_session.c share, and nobody else includes.
 */
#ifndef LK_CLI_SUBMIT_SESSION_H
#define LK_CLI_SUBMIT_SESSION_H

#include "coordinator/cli/client.h"
#include "coordinator/cli/forecast.h"
#include "coordinator/cli/handover.h"
#include "coordinator/cli/layout.h"
#include "coordinator/cli/secrets.h"
#include "coordinator/cli/submission.h"
#include "coordinator/cli/watcher.h"

struct lk_submit {
    struct lk_submission    submission;
    struct lk_object_source source;
    struct lk_sender       *sender;
    struct lk_watcher       watcher;
    bool                    detach;
    struct lk_handover      handover;
    struct lk_secrets      *secrets; /* NULL: none */
    bool                    is_plan;
    bool                    json; /* of a plan */
    struct lk_layout_output layout;
    bool                    is_staged; /* --output by way of a registry */
    bool                    local;     /* the coordinator is a private one */
    bool                    interrupted;
    bool                    broken; /* our own side failed: `failure` says how */
    struct lk_err           failure;
    uint64_t                request; /* of SUBMIT */
    struct lk_forecast      forecast;
    uint64_t                agents_request; /* of LIST_AGENTS */
    bool    hopeless;    /* given up before its end, and cancelled: `failure` says why */
    bool    is_late;     /* --timeout is over, and the coordinator has not said so yet */
    int64_t deadline_ms; /* for the push's end, then for that of its cancelling; 0: none */
};

/* Comes back when there is nothing more to hear; the struct says how it went. */
int lk_submit_serve(struct lk_submit *submit, const struct lk_target *target,
                    struct lk_err *err);

#endif
