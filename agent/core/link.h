/*
 * link - the life of the connection to the coordinator.
 *
 *   DOWN --(wait is over: OPEN_LINE)--> GREETING --WELCOME--> WELCOMED
 *     ^                                    |                     |
 *     +--- lost, refused, nobody answers --+--- lost, silence ---+
 *
 * A socket whose handshake was refused once stays dead and silent for good, so each attempt is a fresh
 * one.  Waits grow with each failure and are jittered over their full length, or all agents would
 * come back in the same instant after a coordinator's restart.
 *
 * The epoch rule: of the cluster served last, nothing with a lower epoch is believed; such a coordinator
 * was restored from an old copy and would hand out fences a second time.
 *
 * Pure: the jitter comes from a seeded generator.
 */
#ifndef LK_AGENT_LINK_H
#define LK_AGENT_LINK_H

#include "agent/core/effect.h"

enum lk_link_state { LK_LINK_DOWN, LK_LINK_GREETING, LK_LINK_WELCOMED, LK_LINK_CLOSED };

struct lk_link {
    enum lk_link_state state;
    int64_t            until_ms;      /* DOWN: when to try; GREETING: when to give up */
    int64_t            last_heard_ms; /* WELCOMED */
    int64_t            next_ping_ms;
    uint64_t           ping_number;
    uint32_t           ping_ms;
    uint32_t           silence_ms;
    uint64_t           session;
    uint8_t            cluster[LK_CLUSTER_MAX];
    size_t             cluster_len;
    uint64_t           epoch;
    uint32_t           failures;
    uint64_t           random;
};

void lk_link_start(struct lk_link *link, uint64_t seed, int64_t now_ms);

/* Carries out what time asks for.  True if a PING is due: report what is held, then lk_link_beat. */
bool lk_link_tick(struct lk_link *link, int64_t now_ms, struct lk_agent_effects *out);
void lk_link_beat(struct lk_link *link, int64_t now_ms, struct lk_agent_effects *out);

/* True if the session is accepted. */
bool lk_link_welcome(struct lk_link *link, const struct lk_agent_welcome *welcome,
                     int64_t now_ms, struct lk_agent_effects *out);

/* Closes, and tries again later; `harsh`: a person has to change something, so do not hurry. */
void lk_link_lose(struct lk_link *link, int64_t now_ms, bool harsh,
                  struct lk_agent_effects *out);

/* Says BYE if there is someone to say it to, and stays closed. */
void lk_link_close(struct lk_link *link, bool keeps, struct lk_agent_effects *out);

/* True if a message of this session is to be believed; it then counts as a sign of life. */
bool lk_link_hears(struct lk_link *link, uint64_t session, int64_t now_ms);

int64_t lk_link_wake_ms(const struct lk_link *link);

#endif
