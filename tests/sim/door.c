/* Who comes in: agents with their sessions, clients with their pushes. */
#include "tests/sim/coordinator.h"

#include <stdio.h>
#include <string.h>

static const char *agent_name(uint32_t agent)
{
    static const char *const names[SIM_AGENTS] = { "a0", "a1", "a2", "a3", "a4" };

    return names[agent];
}

/* ---- agents ---- */

static int64_t silence_ms(void)
{
    return 2 * SIM_SILENCE_MS;
}

static void say_hello(struct sim *sim, const struct sim_message *message)
{
    struct sim_coordinator *c = sim->coordinator;
    struct session         *session = &c->sessions[message->agent];
    const struct sim_plan  *plan = sim->plan;
    struct lk_platform      platforms[2] = { { .emulated = false }, { .emulated = true } };
    uint8_t                 emulates = plan->agent_emulates[message->agent];
    struct lk_event         event = { .type = LK_EVENT_AGENT_HELLO };
    struct lk_event         later = { .type = LK_EVENT_EPOCH_HEARD };
    struct sim_message      welcome = { .type = SIM_WELCOME };

    *session =
        (struct session) { ++c->sessions_given, message->connection, coordinator_clock(sim) };
    /* Whoever knows a later epoch says so before anything else is done with it. */
    if (message->cluster && lk_core_judge_epoch(c->core, message->epoch) != LK_EPOCH_IS_KNOWN) {
        later.start.epoch = message->epoch;
        coordinator_step(sim, &later);
        if (!c->core)
            return;
    }
    *session =
        (struct session) { ++c->sessions_given, message->connection, coordinator_clock(sim) };
    welcome.epoch = lk_core_epoch(c->core);
    welcome.cluster = 1;
    coordinator_tell(sim, session->id, &welcome);
    snprintf(platforms[0].arch.name, LK_ARCH_SIZE, "%s",
             sim_arch_names[plan->agent_arch[message->agent]]);
    if (emulates)
        snprintf(platforms[1].arch.name, LK_ARCH_SIZE, "%s", sim_arch_names[emulates - 1]);
    event.agent.name = agent_name(message->agent);
    event.agent.session = session->id;
    event.agent.slots = sim->plan->agent_slots[message->agent];
    event.agent.count = emulates ? 2 : 1;
    event.agent.platforms = platforms;
    event.agent.software = "simulated";
    event.agent.builder = "none";
    coordinator_step(sim, &event);
}

/* A copy that was started by mistake, and knows less: whoever was here before must not follow it. */
static void welcome_by_another(struct sim *sim, const struct sim_message *hello)
{
    struct sim_message welcome = { .type = SIM_WELCOME,
                                   .agent = hello->agent,
                                   .connection = hello->connection,
                                   .session = UINT64_MAX - hello->connection,
                                   .cluster = 1,
                                   .epoch = lk_core_epoch(sim->coordinator->core) - 1 };

    sim_send(sim, &welcome);
}

static void turn_away(struct sim *sim, const struct sim_message *message)
{
    struct sim_message error = { .type = SIM_ERROR,
                                 .agent = message->agent,
                                 .connection = message->connection,
                                 .session = message->session,
                                 .kind = LK_ERR_CONFLICT };

    sim_send(sim, &error);
}

static void session_event(struct sim *sim, const struct sim_message *message,
                          enum lk_event_type type)
{
    struct lk_event event = { .type = type };

    event.agent.name = agent_name(message->agent);
    event.agent.session = message->session;
    event.agent.keeps = message->keeps;
    coordinator_step(sim, &event);
}

static void report_event(struct sim *sim, const struct sim_message *message,
                         enum lk_event_type type)
{
    struct lk_event event = { .type = type };

    event.report.agent = agent_name(message->agent);
    event.report.session = message->session;
    event.report.job = message->job;
    event.report.attempt = message->attempt;
    event.report.spec = message->spec;
    event.report.phase = (enum lk_phase)message->phase;
    event.report.fence = message->fence;
    event.report.kind = message->kind;
    event.report.text = message->text;
    event.report.bytes_done = message->bytes_done;
    event.report.bytes_total = message->bytes_total;
    event.report.child.digest = message->digest;
    event.report.child.size = 500;
    snprintf(event.report.child.media_type, sizeof(event.report.child.media_type), "image");
    coordinator_step(sim, &event);
}

void coordinator_hears(struct sim *sim, const struct sim_message *message)
{
    struct session         *session = &sim->coordinator->sessions[message->agent];
    struct sim_message      pong = { .type = SIM_PONG };
    const struct sim_fault *fault;

    if (message->type == SIM_HELLO) {
        if (sim_strikes(sim, SIM_OLD_COORDINATOR_ANSWERS, message->agent, &fault))
            welcome_by_another(sim, message);
        else
            say_hello(sim, message);
        return;
    }
    if (session->id &&
        coordinator_clock(sim) - session->heard_ms >= silence_ms()) /* swept meanwhile */
        session->id = 0;
    if (session->id == 0 || session->id != message->session) {
        turn_away(sim, message);
        return;
    }
    session->heard_ms = coordinator_clock(sim);
    session->connection = message->connection;
    if (message->type == SIM_BYE) {
        session->id = 0;
        session_event(sim, message, LK_EVENT_AGENT_GONE);
    } else if (message->type == SIM_PING) {
        coordinator_tell(sim, message->session, &pong);
        session_event(sim, message, LK_EVENT_AGENT_ALIVE);
    } else if (message->type == SIM_REPORT) {
        report_event(sim, message, LK_EVENT_REPORT);
    } else {
        report_event(sim, message, LK_EVENT_TICKET_WANTED);
    }
}

/* ---- clients ---- */

static struct lk_push_options options_of(struct sim *sim, const struct sim_submit *plan)
{
    struct lk_push_options options = {
        .sign = plan->is_signed,
        .force = plan->force && !plan->build_only,
        .in_turn = plan->in_turn,
        .sequential = plan->sequential,
        .build_only = plan->build_only,
        .no_build = plan->no_build,
        .dry_run = plan->dry_run,
        .no_arch_tags = plan->no_arch_tags,
        .allow_emulation = plan->emulation,
        .keep_going = plan->failures == 1,
        .fail_fast = plan->failures == 2,
        .job_timeout_s = plan->is_hurried ? JOB_TIMEOUT_S : 0,
        .timeout_s = plan->is_limited ? TIMEOUT_S : 0,
        .priority = (enum lk_priority)plan->priority,
    };
    struct sim_tag   *tag = &sim->registry.tags[plan->name.repository][plan->name.tag];
    struct sim_image *index = &sim->registry.images[sim_registry_read(sim, tag)];

    for (unsigned i = 0; plan->replaces && i < SIM_ARCHES; i++)
        snprintf(options.replace[options.replace_count++].name, LK_ARCH_SIZE, "%s",
                 sim_arch_names[i]);
    for (unsigned i = 0; plan->adopts && i < index->count; i++) {
        struct sim_image *child = &sim->registry.images[index->entries[i]];
        child->is_adopted = true;
        options.adopt[options.adopt_count++] = child->digest;
    }
    return options;
}

/* What a request for a push is made of; its pointers go here and there in it. */
struct wish {
    struct lk_push_options    options;
    struct lk_package_request packages[2];
    struct lk_index_name      names[2];
    struct lk_arch            arches[SIM_ARCHES];
    size_t                    arch_count;
};

static void set_name(struct lk_index_name *out, struct sim_name name)
{
    snprintf(out->repository, sizeof(out->repository), "org/%c", 'a' + name.repository);
    snprintf(out->tag, sizeof(out->tag), "t%u", name.tag);
}

static void add_package(struct wish *request, size_t number, const struct sim_submit *plan)
{
    struct lk_package_request *package = &request->packages[number];

    set_name(&request->names[number], number ? plan->second : plan->name);
    *package = (struct lk_package_request) { .path = "pkg/it" };
    package->repository = request->names[number].repository;
    package->tag = request->names[number].tag;
    package->arches = request->arches;
    package->arch_count = request->arch_count;
    /* The id of what the same request always says. */
    package->spec.sha1[0] = (uint8_t)(1 + (number ? plan->second : plan->name).repository);
    package->spec.sha1[1] = (number ? plan->second : plan->name).tag;
    package->spec.sha1[2] = plan->arches;
    package->origin = (enum lk_package_origin)plan->origin;
    if (plan->origin == LK_PACKAGE_FROM_INDEX)
        set_name(&package->from, plan->from);
    if (number && plan->is_after) {
        package->after = request->names;
        package->after_count = 1;
    }
}

static void make_request(struct sim *sim, const struct sim_submit *plan, struct wish *out)
{
    memset(out, 0, sizeof(*out));
    out->options = options_of(sim, plan);
    for (unsigned i = 0; i < SIM_ARCHES; i++)
        if (plan->arches >> i & 1)
            snprintf(out->arches[out->arch_count++].name, LK_ARCH_SIZE, "%s",
                     sim_arch_names[i]);
    for (size_t i = 0; i < 1U + plan->has_second; i++)
        add_package(out, i, plan);
}

bool sim_coordinator_submit(struct sim *sim, uint32_t number)
{
    struct sim_client *client = &sim->clients[number];
    struct lk_event    event = { .type = LK_EVENT_SUBMIT };
    uint8_t            key[16] = { client->key };
    char               name[8];
    struct wish        request;

    if (!sim->coordinator->core || sim->now_ms < sim->coordinator->paused_until_ms)
        return false;
    make_request(sim, client->plan, &request);
    snprintf(name, sizeof(name), "c%u", number);
    event.submit.session = number + 1;
    event.submit.request = ++client->tries;
    event.submit.client = name;
    event.submit.request_key = key;
    event.submit.options = &request.options;
    event.submit.count = 1U + client->plan->has_second;
    event.submit.packages = request.packages;
    coordinator_step(sim, &event);
    return true;
}

void sim_coordinator_retry(struct sim *sim, uint32_t number)
{
    struct sim_client *client = &sim->clients[number];
    struct lk_event    event = { .type = LK_EVENT_RETRY };
    uint8_t            key[16] = { client->retries };

    if (!sim->coordinator->core || sim->now_ms < sim->coordinator->paused_until_ms)
        return;
    event.retry.session = number + 1;
    event.retry.request = RETRY_REQUEST;
    event.retry.request_key = key;
    event.retry.push = client->push;
    coordinator_step(sim, &event);
}

void coordinator_gets_source(struct sim *sim, uint32_t number, bool is_bad)
{
    struct sim_client *client = &sim->clients[number];
    struct lk_event event = { .type = is_bad ? LK_EVENT_SOURCE_FAILED : LK_EVENT_SOURCE_READY };
    struct lk_err   err;

    if (!sim->coordinator->core || !client->push)
        return;
    if (is_bad)
        lk_err_set(&err, LK_ERR_INVALID, "the source is damaged");
    client->source_sent = true;
    event.source.push = client->push;
    event.source.why = is_bad ? &err : NULL;
    coordinator_step(sim, &event);
}

bool sim_coordinator_drain(struct sim *sim, uint32_t agent, bool drains)
{
    struct sim_coordinator *c = sim->coordinator;
    struct lk_event event = { .type = drains ? LK_EVENT_AGENT_DRAIN : LK_EVENT_AGENT_RESUME };
    const struct lk_agent *known;

    if (!c->core || sim->now_ms < c->paused_until_ms)
        return true;
    event.drain.session = 1;
    event.drain.request = 1;
    event.drain.agent = agent_name(agent);
    event.drain.why = "a new disk";
    coordinator_step(sim, &event);
    if (!c->core || c->durable < c->count)
        return true;
    for (size_t i = 0; (known = lk_core_agent(c->core, i)); i++)
        if (known->drained && strcmp(known->name, agent_name(agent)) == 0)
            return true;
    return false;
}

bool sim_coordinator_cancel(struct sim *sim, uint64_t push)
{
    struct lk_event event = { .type = LK_EVENT_CANCEL };
    uint32_t        outcome;

    if (!sim->coordinator->core)
        return false;
    bool is_live = !sim_coordinator_outcome(sim, push, &outcome);
    event.cancel.session = 1;
    event.cancel.request = 1;
    event.cancel.client = "c0";
    event.cancel.push = push;
    coordinator_step(sim, &event);
    return is_live;
}
