#include "agent/core/link.h"

#include <string.h>

#define GREETING_MS    20000
#define FIRST_WAIT_MS  500
#define WAIT_MAX_MS    30000
#define HARSH_WAIT_MS  15000
#define PING_MIN_MS    200
#define SILENCE_MIN_MS 1000
#define PERIOD_MAX_MS  600000

/* SplitMix64: small, well-known, and the same everywhere. */
static uint64_t next_random(struct lk_link *link)
{
    uint64_t x = link->random += 0x9e3779b97f4a7c15U;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

static int64_t wait_ms(struct lk_link *link, bool harsh)
{
    uint32_t doublings = link->failures < 6 ? link->failures : 6;
    int64_t  longest = (int64_t)FIRST_WAIT_MS << doublings;

    if (longest > WAIT_MAX_MS)
        longest = WAIT_MAX_MS;
    if (harsh && longest < HARSH_WAIT_MS)
        longest = HARSH_WAIT_MS;
    /* Never below a tenth, or an unlucky draw would spin. */
    return longest / 10 + (int64_t)(next_random(link) % (uint64_t)longest);
}

void lk_link_start(struct lk_link *link, uint64_t seed, int64_t now_ms)
{
    link->state = LK_LINK_DOWN;
    link->until_ms = now_ms;
    link->random = seed;
}

static bool greet_or_is_due(struct lk_link *link, int64_t now_ms, struct lk_agent_effects *out)
{
    if (link->state == LK_LINK_DOWN && now_ms >= link->until_ms) {
        lk_agent_effect_add(out, LK_AGENT_OPEN_LINE);
        link->state = LK_LINK_GREETING;
        link->until_ms = now_ms + GREETING_MS;
        return false;
    }
    return link->state == LK_LINK_WELCOMED && now_ms >= link->next_ping_ms;
}

void lk_link_beat(struct lk_link *link, int64_t now_ms, struct lk_agent_effects *out)
{
    lk_agent_effect_add(out, LK_AGENT_SEND_PING)->number = ++link->ping_number;
    link->next_ping_ms = now_ms + link->ping_ms;
}

bool lk_link_tick(struct lk_link *link, int64_t now_ms, struct lk_agent_effects *out)
{
    if (link->state == LK_LINK_GREETING && now_ms >= link->until_ms)
        lk_link_lose(link, now_ms, false, out);
    if (link->state == LK_LINK_WELCOMED && now_ms - link->last_heard_ms >= link->silence_ms)
        lk_link_lose(link, now_ms, false, out);
    return greet_or_is_due(link, now_ms, out);
}

static bool same_cluster(const struct lk_link *link, const struct lk_agent_welcome *welcome)
{
    return link->cluster_len == welcome->cluster_len &&
           memcmp(link->cluster, welcome->cluster, welcome->cluster_len) == 0;
}

static void remember(struct lk_link *link, const struct lk_agent_welcome *welcome,
                     struct lk_agent_effects *out)
{
    struct lk_agent_effect *effect;

    memcpy(link->cluster, welcome->cluster, welcome->cluster_len);
    link->cluster_len = welcome->cluster_len;
    link->epoch = welcome->epoch;

    effect = lk_agent_effect_add(out, LK_AGENT_REMEMBER);
    memcpy(effect->cluster, link->cluster, link->cluster_len);
    effect->cluster_len = link->cluster_len;
    effect->epoch = link->epoch;
}

static uint32_t bounded(uint32_t value, uint32_t min, uint32_t max)
{
    return value < min ? min : value > max ? max : value;
}

bool lk_link_welcome(struct lk_link *link, const struct lk_agent_welcome *welcome,
                     int64_t now_ms, struct lk_agent_effects *out)
{
    if (link->state != LK_LINK_GREETING || welcome->session == 0 ||
        welcome->cluster_len > LK_CLUSTER_MAX)
        return false;
    if (same_cluster(link, welcome) && welcome->epoch < link->epoch) {
        lk_copy_text(
            lk_agent_effect_add(out, LK_AGENT_WARN)->text, LK_REASON_SIZE,
            "the coordinator's epoch is lower than one it had before: its state is "
            "older than what this agent knows; raise its epoch or restore newer state");
        lk_link_lose(link, now_ms, true, out);
        return false;
    }
    if (!same_cluster(link, welcome) || welcome->epoch != link->epoch)
        remember(link, welcome, out);

    link->state = LK_LINK_WELCOMED;
    link->session = welcome->session;
    link->ping_ms = bounded(welcome->ping_ms, PING_MIN_MS, PERIOD_MAX_MS);
    link->silence_ms = bounded(welcome->silence_ms, SILENCE_MIN_MS, PERIOD_MAX_MS);
    link->last_heard_ms = now_ms;
    link->next_ping_ms = now_ms;
    link->failures = 0;
    return true;
}

void lk_link_lose(struct lk_link *link, int64_t now_ms, bool harsh,
                  struct lk_agent_effects *out)
{
    if (link->state != LK_LINK_GREETING && link->state != LK_LINK_WELCOMED)
        return;
    lk_agent_effect_add(out, LK_AGENT_CLOSE_LINE);
    link->state = LK_LINK_DOWN;
    link->session = 0;
    link->until_ms = now_ms + wait_ms(link, harsh);
    link->failures++;
}

void lk_link_close(struct lk_link *link, bool keeps, struct lk_agent_effects *out)
{
    if (link->state == LK_LINK_WELCOMED) {
        struct lk_agent_effect *bye = lk_agent_effect_add(out, LK_AGENT_SEND_BYE);

        bye->number = link->session;
        bye->keeps = keeps;
    }
    link->state = LK_LINK_CLOSED;
}

bool lk_link_hears(struct lk_link *link, uint64_t session, int64_t now_ms)
{
    if (link->state != LK_LINK_WELCOMED || session != link->session)
        return false;
    link->last_heard_ms = now_ms;
    return true;
}

int64_t lk_link_wake_ms(const struct lk_link *link)
{
    int64_t silence;

    /* untaken: every state has its case */
    switch (link->state) {
    case LK_LINK_DOWN:
    case LK_LINK_GREETING: return link->until_ms;
    case LK_LINK_WELCOMED:
        silence = link->last_heard_ms + link->silence_ms;
        return silence < link->next_ping_ms ? silence : link->next_ping_ms;
    case LK_LINK_CLOSED: return INT64_MAX;
    }
    return INT64_MAX;
}
