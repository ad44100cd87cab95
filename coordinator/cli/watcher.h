/*
 * watcher - follows one push to its end: asks WATCH, keeps the picture, shows the progress, and then the
 * last lines of the logs of the jobs whose build failed.
 */
#ifndef LK_CLI_WATCHER_H
#define LK_CLI_WATCHER_H

#include "coordinator/cli/client.h"
#include "coordinator/cli/log_reader.h"
#include "coordinator/cli/picture.h"
#include "coordinator/cli/progress.h"
#include "coordinator/cli/tail.h"

struct lk_watcher {
    struct lk_picture    picture;
    struct lk_progress   progress;
    bool                 synced; /* the picture is whole */
    bool                 over;   /* the push ended, and what there was to show was shown */
    bool                 introduced;
    uint64_t             request;
    bool                 refused;
    struct lk_err        refusal;
    struct lk_log_reader reader;
    struct lk_tail       tail;
    uint64_t             shown[8]; /* jobs whose logs were shown */
    size_t               shown_count;
};

/* `progress`: --progress, or NULL. */
int  lk_watcher_init(struct lk_watcher *watcher, const char *progress, struct lk_err *err);
void lk_watcher_fini(struct lk_watcher *watcher);

/* Once the push's number is known, and again with each session. */
void lk_watcher_begin(struct lk_watcher *watcher, uint64_t push);
void lk_watcher_ask(struct lk_watcher *watcher, struct lk_client *client);

/* Takes what belongs to it; false: some other message. */
bool lk_watcher_take(struct lk_watcher *watcher, struct lk_client *client,
                     const lk_wire_Envelope *in, struct lk_str payload);
void lk_watcher_tick(struct lk_watcher *watcher, struct lk_client *client);

/* One line that stays on the screen. */
void lk_watcher_say(struct lk_watcher *watcher, const char *line);

/* The results on stdout, the tables on stderr; what to exit with. */
int lk_watcher_report(struct lk_watcher *watcher);

/* What to exit with; an outcome that we do not know, of a newer coordinator, must not pass for success. */
int lk_exit_of_outcome(lk_wire_Outcome outcome);

#endif
