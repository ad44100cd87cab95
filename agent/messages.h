/*
 * messages - what the agent says and hears, between the core's values and the wire's.  Pure.
 */
#ifndef LK_AGENT_MESSAGES_H
#define LK_AGENT_MESSAGES_H

#include "agent/config.h"
#include "agent/core/effect.h"
#include "common/oci/oci.h"
#include "proto/message.h"

/* cluster and epoch are filled by the caller. */
void lk_agent_hello(lk_wire_Hello *out, const struct lk_agent_config *config,
                    const char *builder_version);
void lk_agent_report(lk_wire_Report *out, const struct lk_report *report);

/* The event that a message is to the core; every message is at least a sign of life. */
void lk_agent_event_of(struct lk_agent_event *out, const lk_wire_Envelope *envelope);

/* The same for an offer of an earlier life and the image that was built for it. */
void lk_agent_found_event(struct lk_agent_event *out, const lk_wire_Offer *offer,
                          const struct lk_descriptor *manifest);

#endif
