#include "coordinator/parts.h"

#include <string.h>

/* The wire's numbers for states, phases and outcomes are the model's own (model.h says so). */

void lk_picture_of_push(const struct lk_push *push, lk_wire_Envelope *out)
{
    lk_wire_PushUpdate *update = &out->body.push_update;

    *out = (lk_wire_Envelope) { .which_body = lk_wire_Envelope_push_update_tag };
    update->push = push->id;
    update->state = (lk_wire_PushState)push->state;
    update->outcome = (lk_wire_Outcome)push->outcome;
    LK_WIRE_TEXT(update->client, push->client);
    update->accepted_wall_ms = (uint64_t)push->accepted_wall_ms;
    update->ended_wall_ms = (uint64_t)push->ended_wall_ms;
    update->packages = push->package_count;
    update->dry_run = push->options.dry_run;
    update->build_only = push->options.build_only;
    update->priority = (lk_wire_Priority)push->options.priority;
}

void lk_picture_of_package(const struct lk_package *package, lk_wire_Envelope *out)
{
    lk_wire_PackageUpdate *update = &out->body.package_update;

    *out = (lk_wire_Envelope) { .which_body = lk_wire_Envelope_package_update_tag };
    update->push = package->push;
    update->package = package->number;
    update->state = (lk_wire_PackageState)package->state;
    update->outcome = (lk_wire_Outcome)package->outcome;
    LK_WIRE_TEXT(update->repository, package->repository);
    LK_WIRE_TEXT(update->tag, package->tag);
    LK_WIRE_TEXT(update->path, package->path);
    if (package->state == LK_PACKAGE_ENDED && !lk_digest_is_zero(&package->index.digest)) {
        update->index_digest.size = sizeof(package->index.digest.sha256);
        memcpy(update->index_digest.bytes, package->index.digest.sha256,
               update->index_digest.size);
    }
    update->is_signed = package->index_is_signed;
    update->nothing_to_do = package->nothing_to_do;
    LK_WIRE_TEXT(update->text, package->text);
}

void lk_picture_of_job(const struct lk_package *package, const struct lk_job *job,
                       int64_t now_ms, lk_wire_Envelope *out)
{
    lk_wire_JobUpdate *update = &out->body.job_update;

    *out = (lk_wire_Envelope) { .which_body = lk_wire_Envelope_job_update_tag };
    update->push = package->push;
    update->package = package->number;
    update->job = job->id;
    update->attempt = job->attempt;
    LK_WIRE_TEXT(update->arch, job->arch.name);
    update->state = (lk_wire_JobState)job->state;
    update->phase = (lk_wire_Phase)job->phase;
    LK_WIRE_TEXT(update->agent, job->agent);
    update->emulated = job->emulated;
    if (!lk_digest_is_zero(&job->child.digest)) {
        update->digest.size = sizeof(job->child.digest.sha256);
        memcpy(update->digest.bytes, job->child.digest.sha256, update->digest.size);
    }
    LK_WIRE_TEXT(update->text, job->text);
    update->bytes_done = job->bytes_done;
    update->bytes_total = job->bytes_total;
    update->state_ms =
        job->since_ms && now_ms > job->since_ms ? (uint64_t)(now_ms - job->since_ms) : 0;
    update->outcome = (lk_wire_Outcome)job->outcome;
}

void lk_picture_of_agent(const struct lk_core *core, const struct lk_agent *agent,
                         int64_t now_ms, lk_wire_Envelope *out)
{
    lk_wire_AgentUpdate *update = &out->body.agent_update;

    *out = (lk_wire_Envelope) { .which_body = lk_wire_Envelope_agent_update_tag };
    LK_WIRE_TEXT(update->name, agent->name);
    update->connected = agent->session != 0;
    update->suspect = agent->suspect;
    update->platforms_count = (pb_size_t)agent->platform_count;
    for (size_t i = 0; i < agent->platform_count; i++) {
        LK_WIRE_TEXT(update->platforms[i].arch, agent->platforms[i].arch.name);
        update->platforms[i].emulated = agent->platforms[i].emulated;
    }
    update->slots = agent->slots;
    update->busy = lk_core_agent_busy(core, agent);
    LK_WIRE_TEXT(update->software, agent->software);
    LK_WIRE_TEXT(update->builder, agent->builder);
    update->drained = agent->drained;
    LK_WIRE_TEXT(update->drained_why, agent->drained_why);
    update->quarantined = agent->canary_ms != 0;
    if (update->quarantined)
        LK_WIRE_TEXT(update->quarantined_why, agent->failed_why);
    update->canary_ms = agent->canary_ms > now_ms ? (uint64_t)(agent->canary_ms - now_ms) : 0;
    update->silent_ms = now_ms > agent->heard_ms ? (uint64_t)(now_ms - agent->heard_ms) : 0;
}
