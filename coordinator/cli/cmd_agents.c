#include "coordinator/cli/commands.h"
#include "coordinator/cli/question.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *standing(const lk_wire_AgentUpdate *agent)
{
    if (!agent->connected)
        return "away";
    return agent->suspect ? "silent" : "there";
}

static void print_agent(void *ctx, const lk_wire_Envelope *answer)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(4096);
    const lk_wire_AgentUpdate            *agent = &answer->body.agent_update;
    size_t                               *count = ctx;

    if (answer->which_body != lk_wire_Envelope_agent_update_tag)
        return;
    ++*count;
    lk_add_clean(&line, lk_str_of(agent->name));
    lk_buf_printf(&line, "  %s  %" PRIu32 " of %" PRIu32 " busy ", standing(agent), agent->busy,
                  agent->slots);
    for (size_t i = 0; i < agent->platforms_count; i++) {
        lk_buf_add_text(&line, " ");
        lk_add_clean(&line, lk_str_of(agent->platforms[i].arch));
        lk_buf_add_text(&line, agent->platforms[i].emulated ? " (emulated)" : " (native)");
    }
    lk_buf_add_text(&line, "  ");
    lk_add_clean(&line, lk_str_of(agent->builder));
    lk_buf_add_text(&line, "  ");
    lk_add_clean(&line, lk_str_of(agent->software));
    if (!agent->connected || agent->suspect)
        lk_buf_printf(&line, "  last heard %" PRIu64 " s ago", agent->silent_ms / 1000);
    puts(lk_buf_text(&line));
}

static int run(const struct lk_call *call)
{
    lk_wire_Envelope list = { .which_body = lk_wire_Envelope_list_agents_tag };
    struct lk_err    err;
    bool             refused;
    size_t           count = 0;

    if (lk_question_ask(&call->target, &list, print_agent, &count, &refused, &err) < 0)
        return lk_question_exit(refused, &err);
    if (count == 0)
        fputs("no agent is known; lkagentd has to be started, and its key listed below agents: "
              "in "
              "lkcoordd.yml\n",
              stderr);
    return LK_EXIT_OK;
}

const struct lk_command lk_cmd_agents = {
    .name = "agents",
    .arguments = "",
    .summary = "Lists the agents: what they build, how busy they are.",
    .run = run,
};
