/*
 * remains - what an agent that was killed left running, found and ended by the next one.
 *
 *   STATE/slots/JOB-ATTEMPT   "PHASE PROCESS START\n" while a step of that build runs: the process leads a
 *                             group of its own; START is the kernel's word for when it began, by which it
 *                             is told from a stranger who got its number later
 *
 * What ran in a jail died with the agent (agent/builder/jail.h), but the kernel takes its time; what did not
 * (docker's client) is ended by its file.  Only when nothing of both is left may the work be removed.
 */
#ifndef LK_AGENT_REMAINS_H
#define LK_AGENT_REMAINS_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <sys/types.h>

/* Written, synced, renamed.  `slots` is the directory, `name` the file. */
int  lk_remains_note(const char *slots, const char *name, const char *phase, pid_t process,
                     struct lk_err *err);
void lk_remains_forget(const char *slots, const char *name);
/* Of a file's text: a process that could be a child of ours, and when it began.  Pure. */
bool lk_remains_parse(struct lk_str note, pid_t *process, uint64_t *start);

/*
 * Kills what the files name and whoever sees a mount below `work` (its jails do), waits for their end, and
 * empties `slots`.  CONFLICT if something does not end.  Blocks, seconds at worst.
 */
int lk_remains_end(const char *slots, const char *work, struct lk_err *err);

#endif
