/* The work of one slot: fetch, build, upload, put; what it leaves on the disk; and how each may go wrong. */
#include "tests/sim/agent.h"

#include <stdio.h>
#include <string.h>

/* On an agent whose builds take a fixed time. */
#define UPLOAD_MS 1000
#define OTHER_MS  100

static struct built *built_of(struct sim_agent *agent, const struct task *task)
{
    for (size_t i = 0; i < BUILT_MAX; i++) {
        struct built *built = &agent->disk.built[i];
        if (built->image && built->job == task->job && built->attempt == task->attempt)
            return built;
    }
    return NULL;
}

static struct task *find(struct sim_agent *agent, uint64_t id)
{
    for (size_t i = 0; i < TASKS_MAX; i++)
        if (agent->tasks[i].id == id)
            return &agent->tasks[i];
    return NULL;
}

static struct task *new_task(struct sim_agent *agent, const struct lk_agent_effect *effect)
{
    struct task *task = find(agent, 0);

    lk_assert(task);
    *task = (struct task) { .id = effect->task,
                            .job = effect->job,
                            .attempt = effect->attempt,
                            .order = agent->order,
                            .round = task->round };
    return task;
}

static int64_t duration(struct sim *sim, struct sim_agent *agent,
                        enum lk_agent_effect_kind kind)
{
    int64_t                 each_ms = sim->plan->agent_build_ms[agent->number];
    const struct sim_fault *fault;

    if (sim->now_ms < agent->fails_until_ms && kind == LK_AGENT_FETCH)
        return between(&agent->dice, 1, 20);
    if (kind == LK_AGENT_BUILD)
        return (each_ms ? each_ms : skewed(&agent->dice, 500, 15000)) +
               (sim_strikes(sim, SIM_BUILD_IS_SLOW, agent->number, &fault) ? fault->for_ms : 0);
    if (kind == LK_AGENT_UPLOAD)
        return each_ms ? UPLOAD_MS : skewed(&agent->dice, 50, 3000);
    return each_ms ? OTHER_MS : skewed(&agent->dice, 10, 400);
}

static void begin(struct sim *sim, struct sim_agent *agent, struct task *task,
                  enum lk_agent_effect_kind kind)
{
    task->runs = kind;
    task->round++;
    sim_at(sim, sim->now_ms + duration(sim, agent, kind), SIM_AT_AGENT_TASK, agent->life,
           agent->number, (uint32_t)(task - agent->tasks) + TASKS_MAX * task->round);
}

static void forget(struct sim_agent *agent, struct task *task)
{
    struct built *built = built_of(agent, task);

    if (built)
        built->image = 0;
    task->id = 0;
}

void task_carry_out(struct sim *sim, struct sim_agent *agent,
                    const struct lk_agent_effect *effect)
{
    struct task  *task = find(agent, effect->task);
    struct built *built;

    if (effect->kind == LK_AGENT_FETCH || effect->kind == LK_AGENT_CHECK_BUILT)
        task = task ? task : new_task(agent, effect);
    if (!task)
        return;
    if (effect->kind == LK_AGENT_CHECK_BUILT && (built = built_of(agent, task)))
        task->image = built->image;
    if (effect->kind == LK_AGENT_FORGET)
        forget(agent, task);
    else if (effect->kind != LK_AGENT_KILL)
        begin(sim, agent, task, effect->kind);
}

static void emit(struct sim *sim, struct sim_agent *agent, const struct task *task,
                 enum lk_agent_event_kind kind)
{
    struct lk_agent_event event = { .kind = kind, .task = task->id };

    if (kind == LK_AGENT_BUILT) {
        event.digest = sim->registry.images[task->image].digest;
        event.size = 500;
        snprintf(event.media_type, sizeof(event.media_type), "image");
    }
    agent_step(sim, agent, &event);
}

static void emit_failed(struct sim *sim, struct sim_agent *agent, const struct task *task,
                        enum lk_err_kind kind, const char *text)
{
    struct lk_agent_event event = { .kind = LK_AGENT_FAILED, .task = task->id, .error = kind };

    snprintf(event.text, sizeof(event.text), "%s", text);
    agent_step(sim, agent, &event);
}

static uint32_t make_image(struct sim *sim, struct sim_agent *agent, const struct task *task)
{
    struct sim_image        image = { .name = task->order.name,
                                      .asked = task->order.arch,
                                      .arch = task->order.arch,
                                      .agent = agent->number,
                                      .job = task->job,
                                      .attempt = task->attempt };
    uint64_t                number = dice_next(&agent->dice);
    const struct sim_fault *fault;

    memcpy(image.digest.sha256, &number, sizeof(number));
    image.digest.sha256[8] = agent->number;
    image.digest.sha256[31] = 0xcc;
    if (sim_strikes(sim, SIM_BUILD_HAS_WRONG_ARCH, agent->number, &fault))
        snprintf(image.arch.name, sizeof(image.arch.name), "riscv64");
    return sim_registry_add(sim, &image);
}

static void note_built(struct sim_agent *agent, const struct task *task)
{
    for (size_t i = 0; i < BUILT_MAX; i++) {
        if (agent->disk.built[i].image)
            continue;
        agent->disk.built[i] = (struct built) { .image = task->image,
                                                .job = task->job,
                                                .attempt = task->attempt,
                                                .order = task->order };
        return;
    }
}

static void built(struct sim *sim, struct sim_agent *agent, struct task *task)
{
    static const enum lk_err_kind kinds[] = { LK_ERR_RETRY, LK_ERR_PERMANENT, LK_ERR_LIMIT };
    const struct sim_fault       *fault;

    if (sim_strikes(sim, SIM_BUILD_IS_WRONG, agent->number, &fault)) {
        emit_failed(sim, agent, task, LK_ERR_INVALID, "RUN make: exit status 2");
        return;
    }
    if (sim_strikes(sim, SIM_BUILD_HAS_TROUBLE, agent->number, &fault)) {
        emit_failed(sim, agent, task, kinds[fault->luck % LK_COUNT(kinds)], "the disk is full");
        return;
    }
    task->image = make_image(sim, agent, task);
    note_built(agent, task);
    if (sim_strikes(sim, SIM_KILLED_AFTER_BUILT, agent->number, &fault))
        sim_agent_kill(sim, agent->number, fault->for_ms, false);
    else
        emit(sim, agent, task, LK_AGENT_BUILT);
}

static void checked(struct sim *sim, struct sim_agent *agent, struct task *task)
{
    const struct built *built = built_of(agent, task);

    if (!built || built->is_damaged)
        emit_failed(sim, agent, task, LK_ERR_RETRY, "what was built is damaged");
    else
        emit(sim, agent, task, LK_AGENT_BUILT);
}

static void uploaded(struct sim *sim, struct sim_agent *agent, struct task *task)
{
    const struct sim_fault *fault;

    if (sim_strikes(sim, SIM_TICKET_RUNS_OUT, agent->number, &fault)) {
        emit_failed(sim, agent, task, LK_ERR_DENIED, "401");
    } else if (sim_registry_is_down(sim) ||
               sim_strikes(sim, SIM_UPLOAD_HAS_TROUBLE, agent->number, &fault)) {
        emit_failed(sim, agent, task, LK_ERR_RETRY, "connection reset");
    } else {
        sim->registry.images[task->image].has_blobs = true;
        sim->registry.images[task->image].uploads++;
        emit(sim, agent, task, LK_AGENT_UPLOADED);
    }
}

static void put(struct sim *sim, struct sim_agent *agent, struct task *task)
{
    const struct sim_fault *fault;

    if (sim_registry_is_down(sim) ||
        sim_strikes(sim, SIM_PUT_HAS_TROUBLE, agent->number, &fault)) {
        emit_failed(sim, agent, task, LK_ERR_RETRY, "503");
        return;
    }
    if (sim_strikes(sim, SIM_LIES_ABOUT_PUT, agent->number, &fault)) {
        emit(sim, agent, task, LK_AGENT_PUT);
        return;
    }
    sim_registry_put(sim, &sim->registry.images[task->image]);
    sim->registry.images[task->image].puts++;
    if (sim_strikes(sim, SIM_PUT_ANSWER_IS_LOST, agent->number, &fault))
        emit_failed(sim, agent, task, LK_ERR_RETRY, "no answer");
    else if (sim_strikes(sim, SIM_KILLED_AFTER_PUT, agent->number, &fault))
        sim_agent_kill(sim, agent->number, fault->for_ms, false);
    else
        emit(sim, agent, task, LK_AGENT_PUT);
}

static void fetched(struct sim *sim, struct sim_agent *agent, struct task *task)
{
    if (sim->now_ms < agent->fails_until_ms) {
        sim_feel(sim, SIM_AGENT_FAILS_FAST, agent->number);
        emit_failed(sim, agent, task, LK_ERR_PERMANENT, "the builder does not run");
    } else {
        emit(sim, agent, task, LK_AGENT_FETCHED);
    }
}

void task_goes_on(struct sim *sim, struct sim_agent *agent, uint32_t what)
{
    struct task *task = &agent->tasks[what % TASKS_MAX];

    if (task->id == 0 || task->round != what / TASKS_MAX)
        return;
    if (task->runs == LK_AGENT_FETCH)
        fetched(sim, agent, task);
    else if (task->runs == LK_AGENT_BUILD)
        built(sim, agent, task);
    else if (task->runs == LK_AGENT_CHECK_BUILT)
        checked(sim, agent, task);
    else if (task->runs == LK_AGENT_UPLOAD)
        uploaded(sim, agent, task);
    else if (task->runs == LK_AGENT_PUT_MANIFEST)
        put(sim, agent, task);
    else
        emit(sim, agent, task, LK_AGENT_STOPPED);
}
