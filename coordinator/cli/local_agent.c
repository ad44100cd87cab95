#include "coordinator/cli/local_agent.h"

#include "common/os/clock.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/local_setup.h"

#define PATIENCE_MS 15000

struct wait {
    const struct lk_daemon *agent;
    int64_t                 until_ms;
    bool                    asked;
    bool                    ended;
};

static void ask(struct wait *wait, struct lk_client *client)
{
    lk_wire_Envelope list = { .which_body = lk_wire_Envelope_list_agents_tag };

    lk_client_ask(client, &list);
    wait->asked = true;
}

static void on_ready(void *ctx, struct lk_client *client)
{
    ask(ctx, client);
}

static void on_message(void *ctx, struct lk_client *client, const lk_wire_Envelope *in,
                       struct lk_str payload)
{
    struct wait *wait = ctx;

    (void)payload;
    if (in->which_body == lk_wire_Envelope_agent_update_tag && in->body.agent_update.connected)
        lk_client_stop(client);
    else if (in->which_body == lk_wire_Envelope_done_tag)
        wait->asked = false;
}

static void on_tick(void *ctx, struct lk_client *client)
{
    struct wait *wait = ctx;

    wait->ended = !lk_daemon_runs(wait->agent);
    if (wait->ended || lk_clock_boot_ms() > wait->until_ms)
        lk_client_stop(client);
    else if (!wait->asked)
        ask(wait, client);
}

enum lk_local_agent lk_local_wait_for_agent(const char             *directory,
                                            const struct lk_daemon *agent, struct lk_err *err)
{
    LK_CLEANUP(lk_client_close) struct lk_client *client = NULL;
    struct lk_config                              config = { 0 };
    struct wait wait = { .agent = agent, .until_ms = lk_clock_boot_ms() + PATIENCE_MS };
    const struct lk_client_handler handler = {
        .ready = on_ready, .message = on_message, .tick = on_tick, .ctx = &wait
    };

    wait.asked = true; /* the first time when the line is ready */
    if (lk_local_client_config(&config, directory, err) < 0 ||
        lk_client_open_at(&client, &config, &handler, err) < 0 ||
        lk_client_run(client, err) < 0)
        return LK_LOCAL_AGENT_FAILED;
    return wait.ended ? LK_LOCAL_AGENT_ENDED : LK_LOCAL_AGENT_THERE;
}
