/*
 * line_events - what happens below a line: refused connections, refused handshakes.
 *
 * libzmq gives up in silence when a handshake is refused.  Its monitor knows; this says what its events
 * mean.  Belongs to one socket and ends before it.
 */
#ifndef LK_CLI_LINE_EVENTS_H
#define LK_CLI_LINE_EVENTS_H

#include "common/base/err.h"

#include <czmq.h>

struct lk_line_events;

enum lk_line_verdict {
    LK_LINE_UNDECIDED,
    LK_LINE_WE_ARE_REFUSED, /* the other side does not know our key */
    LK_LINE_SERVER_IS_WRONG, /* the other side cannot read what we encrypted for its key, or is no peer */
};

int  lk_line_events_start(struct lk_line_events **out, zsock_t *line, struct lk_err *err);
void lk_line_events_stop(struct lk_line_events **events);

/* Reads what came meanwhile.  May be asked at any time; NULL is undecided. */
enum lk_line_verdict lk_line_events_verdict(struct lk_line_events *events);

/* The connection was there and is gone; asked after lk_line_events_verdict. */
bool lk_line_events_was_cut(const struct lk_line_events *events);

/* What happened last, for people: "connection refused".  A constant; NULL gives NULL. */
const char *lk_line_events_last(const struct lk_line_events *events);

#endif
