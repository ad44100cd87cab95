/*
 * blame - whose fault a failed build was: a builder's exit status does not say.
 *
 * What is retried must not be for the package to choose: builders quote the failed step of the Dockerfile in
 * their last line, so that only words outside of it count, and a full disk is looked for.  In doubt it is the
 * package's fault: trying the same again elsewhere would only hide a broken Dockerfile for longer.
 */
#ifndef LK_AGENT_BLAME_H
#define LK_AGENT_BLAME_H

#include "agent/config.h"

/* True if the file system of the agent's work or of its builder's storage has next to no room. */
bool lk_blame_disk_is_full(const struct lk_agent_config *config);

/* The kind of error by a builder's last line: INVALID (the package's fault), LIMIT or RETRY. */
enum lk_err_kind lk_blame(const char *last_line, bool disk_was_full);

#endif
