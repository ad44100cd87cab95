#include "coordinator/cli/commands.h"

#include "common/base/limits.h"
#include "coordinator/cli/question.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *standing(const lk_wire_AgentUpdate *agent)
{
    if (!agent->connected)
        return "away";
    return agent->suspect ? "silent" : "there";
}

static void add_reason(struct lk_buf *line, const char *what, const char *why)
{
    lk_buf_printf(line, "  %s", what);
    if (!why[0])
        return;
    lk_buf_add_text(line, " (");
    lk_add_clean(line, lk_str_of(why));
    lk_buf_add_text(line, ")");
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
    if (agent->drained)
        add_reason(&line, "drained", agent->drained_why);
    if (agent->quarantined)
        add_reason(&line, "in quarantine", agent->quarantined_why);
    if (agent->quarantined && agent->canary_ms)
        lk_buf_printf(&line, ", tried out in %" PRIu64 " s", agent->canary_ms / 1000 + 1);
    else if (agent->quarantined)
        lk_buf_add_text(&line, ", tried out with one job");
    puts(lk_buf_text(&line));
}

static int list(const struct lk_target *target)
{
    lk_wire_Envelope question = { .which_body = lk_wire_Envelope_list_agents_tag };
    struct lk_err    err;
    bool             refused;
    size_t           count = 0;

    if (lk_question_ask(target, &question, print_agent, &count, &refused, &err) < 0)
        return lk_question_exit(refused, &err);
    if (count == 0)
        fputs("no agent is known; lkagentd has to be started, and its key listed below agents: "
              "in "
              "lkcoordd.yml\n",
              stderr);
    return LK_EXIT_OK;
}

static int drain(const struct lk_target *target, const char *name, const char *reason)
{
    lk_wire_Envelope    question = { .which_body = lk_wire_Envelope_drain_agent_tag };
    lk_wire_DrainAgent *body = &question.body.drain_agent;
    struct lk_err       err;
    bool                refused;

    if (!lk_copy_text(body->reason, sizeof(body->reason), reason ? reason : "")) {
        lk_complain("--reason is too long: at most %zu bytes", sizeof(body->reason) - 1);
        return LK_EXIT_USAGE;
    }
    LK_WIRE_TEXT(body->name, name);
    if (lk_question_ask(target, &question, NULL, NULL, &refused, &err) < 0)
        return lk_question_exit(refused, &err);
    fprintf(stderr, "%s gets nothing new until `lkcoord agents resume %s`\n", name, name);
    return LK_EXIT_OK;
}

static int resume(const struct lk_target *target, const char *name)
{
    lk_wire_Envelope question = { .which_body = lk_wire_Envelope_resume_agent_tag };
    struct lk_err    err;
    bool             refused;

    LK_WIRE_TEXT(question.body.resume_agent.name, name);
    if (lk_question_ask(target, &question, NULL, NULL, &refused, &err) < 0)
        return lk_question_exit(refused, &err);
    fprintf(stderr, "%s gets jobs again\n", name);
    return LK_EXIT_OK;
}

struct values {
    const char *reason;
};

static const struct lk_option options[] = {
    { "reason", LK_OPTION_TEXT, offsetof(struct values, reason), "TEXT",
      "with drain: why, for whoever looks at the list" },
    { NULL, LK_OPTION_FLAG, 0, NULL, NULL },
};

static int wrong_use(void)
{
    lk_complain("agents lists them, or: lkcoord agents drain NAME [--reason TEXT], lkcoord "
                "agents resume NAME");
    return LK_EXIT_USAGE;
}

static int run(const struct lk_call *call)
{
    const struct values *values = call->values;
    bool                 drains = call->count && strcmp(call->arguments[0], "drain") == 0;
    const char          *name = call->count == 2 ? call->arguments[1] : "";

    if (values->reason && !drains)
        return wrong_use();
    if (call->count == 0)
        return list(&call->target);
    if (!name[0] || strlen(name) >= LK_NAME_SIZE)
        return wrong_use();
    if (drains)
        return drain(&call->target, name, values->reason);
    return strcmp(call->arguments[0], "resume") == 0 ? resume(&call->target, name)
                                                     : wrong_use();
}

const struct lk_command lk_cmd_agents = {
    .name = "agents",
    .arguments = "[drain NAME | resume NAME]",
    .summary =
        "Lists the agents: what they build, how busy they are.  Drains one, or resumes it.",
    .details =
        "One that fails every job at once is in quarantine: a single job tries it out, later "
        "and "
        "later,\nuntil one goes well or the agent is resumed.\n"
        "An agent that is drained finishes what it has and gets nothing new, also after a "
        "restart\nof it or of the coordinator, until it is resumed.",
    .count_max = 2,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};
