/* local_agent - waits until the private agent has come in, so that the first answer already knows of it. */
#ifndef LK_CLI_LOCAL_AGENT_H
#define LK_CLI_LOCAL_AGENT_H

#include "coordinator/cli/daemon.h"

enum lk_local_agent {
    LK_LOCAL_AGENT_THERE,  /* or it takes its time: whoever asks sees that it is not there */
    LK_LOCAL_AGENT_ENDED,  /* it did not start */
    LK_LOCAL_AGENT_FAILED, /* the coordinator could not be asked: `err` */
};

enum lk_local_agent lk_local_wait_for_agent(const char             *directory,
                                            const struct lk_daemon *agent, struct lk_err *err);

#endif
