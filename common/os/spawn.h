/*
 * spawn - runs a program by argv, never by a shell: posix_spawn, own process group, signal mask and
 * dispositions reset, no inherited descriptor but 0-2 and those to keep, the end told by a pidfd.
 */
#ifndef LK_SPAWN_H
#define LK_SPAWN_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <sys/types.h>

/* The first descriptor that is kept is the child's 3, and so on; ours must be out of their way. */
#define LK_SPAWN_KEEP_FIRST  3
#define LK_SPAWN_KEEP_FD_MIN 64

struct lk_spawn {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *
        environment; /* NULL-terminated "NAME=value"; NULL: the caller's, without passphrases */
    const char *directory; /* NULL: the caller's */
    bool        capture;   /* stdout and stderr into one pipe, non-blocking; else /dev/null */
    const char *log;   /* not NULL: appended to this file, in a session of its own: a daemon */
    bool        apart; /* of both only stdout; stderr into /dev/null */
    int         input; /* above 0: the child's stdin, borrowed; else /dev/null */
    size_t      keep_count;
    const int  *keep; /* borrowed; none below LK_SPAWN_KEEP_FD_MIN */
};

struct lk_process {
    pid_t pid;
    int   pidfd;  /* readable when it ended */
    int   output; /* -1 without capture */
};

int lk_spawn_start(struct lk_process *out, const struct lk_spawn *spawn, struct lk_err *err);

/* Signals the whole group.  Safe after its end. */
void lk_process_kill(const struct lk_process *process, int signal);

/* Once pidfd is readable: exit status (0-255), or 128 + signal; closes both fds. */
int lk_process_finish(struct lk_process *process);

/* Runs to the end and returns its status; output (if not NULL) gets what it printed, up to its maximum. */
struct lk_buf;
int lk_run(const char *const *argv, struct lk_buf *output, int *status, struct lk_err *err);

/*
 * For programs that answer a question: `question` is their stdin, only their stdout comes back.  RETRY, and the
 * program is killed, if it takes longer than `limit_ms`.
 */
struct lk_question {
    struct lk_str text;
    uint32_t      limit_ms;
};

int lk_ask(const char *const *argv, const struct lk_question *question, struct lk_buf *answer,
           int *status, struct lk_err *err);

#endif
