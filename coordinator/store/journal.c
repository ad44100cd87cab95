#include "coordinator/store/journal.h"

#include "proto/facts.pb.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <stdio.h>
#include <string.h>

static bool has_options(enum lk_fact_type type)
{
    return type == LK_FACT_PUSH_ACCEPTED;
}

static bool has_key(enum lk_fact_type type)
{
    return has_options(type) || type == LK_FACT_PUSH_RETRIED;
}

static bool has_names(enum lk_fact_type type)
{
    return type == LK_FACT_PACKAGE_ACCEPTED;
}

static bool has_arches(enum lk_fact_type type)
{
    return has_names(type) || type == LK_FACT_ARCHES_FOUND || type == LK_FACT_RECORD;
}

static bool has_agent(enum lk_fact_type type)
{
    return type == LK_FACT_JOB_ASSIGNED || type == LK_FACT_JOB_BUILT;
}

static bool has_why(enum lk_fact_type type)
{
    return type == LK_FACT_AGENT_DRAINED || type == LK_FACT_AGENT_RESUMED;
}

static bool has_text(enum lk_fact_type type)
{
    return type == LK_FACT_JOB_RETRIED || type == LK_FACT_JOB_FAILED ||
           type == LK_FACT_JOB_CANCELLED || type == LK_FACT_PACKAGE_ENDED;
}

static void encode_options(const struct lk_push_options *options, lk_fact_Options *out)
{
    out->sequential = options->sequential;
    out->in_turn = options->in_turn;
    out->allow_emulation = options->allow_emulation;
    out->sign = options->sign;
    out->dry_run = options->dry_run;
    out->build_only = options->build_only;
    out->force = options->force;
    out->no_build = options->no_build;
    out->no_arch_tags = options->no_arch_tags;
    out->keep_going = options->keep_going;
    out->fail_fast = options->fail_fast;
    out->job_timeout_s = options->job_timeout_s;
    out->timeout_s = options->timeout_s;
    out->priority = (uint32_t)options->priority;
    out->adopt_count = (pb_size_t)options->adopt_count;
    for (size_t i = 0; i < options->adopt_count; i++)
        memcpy(out->adopt[i], options->adopt[i].sha256, sizeof(out->adopt[i]));
    out->replace_count = (pb_size_t)options->replace_count;
    for (size_t i = 0; i < options->replace_count; i++)
        memcpy(out->replace[i], options->replace[i].name, sizeof(out->replace[i]));
}

static void encode_names(const struct lk_fact *fact, lk_fact_Fact *out)
{
    memcpy(out->repository, fact->repository, sizeof(out->repository));
    memcpy(out->tag, fact->tag, sizeof(out->tag));
    memcpy(out->path, fact->path, sizeof(out->path));
    out->has_spec = true;
    out->has_tree = true;
    memcpy(out->spec, fact->spec.sha1, sizeof(out->spec));
    memcpy(out->tree, fact->tree.sha1, sizeof(out->tree));
    out->is_unsigned = fact->is_unsigned;
    out->origin = (uint32_t)fact->origin;
    out->has_from = fact->origin == LK_PACKAGE_FROM_INDEX;
    memcpy(out->from.repository, fact->from.repository, sizeof(out->from.repository));
    memcpy(out->from.tag, fact->from.tag, sizeof(out->from.tag));
    for (uint32_t i = 0; i < LK_PUSH_PACKAGES_MAX; i++)
        if (fact->after.bits[i / 64] >> i % 64 & 1)
            out->after[out->after_count++] = i;
}

static void encode_arches(const struct lk_fact *fact, lk_fact_Fact *out)
{
    out->arches_count = (pb_size_t)fact->arch_count;
    for (size_t i = 0; i < fact->arch_count; i++)
        memcpy(out->arches[i], fact->arches[i].name, sizeof(out->arches[i]));
}

size_t lk_fact_encode(const struct lk_fact *fact, uint8_t out[LK_FACT_BYTES_MAX])
{
    lk_fact_Fact message = {
        .type = (uint32_t)fact->type,
        .epoch = fact->epoch,
        .push = fact->push,
        .package = fact->package,
        .job = fact->job,
        .attempt = fact->attempt,
        .count = fact->count,
        .fence = fact->fence,
        .wall_ms = fact->wall_ms,
        .state = (uint32_t)fact->state,
        .outcome = (uint32_t)fact->outcome,
        .flag = fact->flag,
        .is_signed = fact->is_signed,
    };

    if (!lk_digest_is_zero(&fact->child.digest)) {
        message.has_child = true;
        memcpy(message.child.digest, fact->child.digest.sha256, sizeof(message.child.digest));
        message.child.size = fact->child.size;
        memcpy(message.child.media_type, fact->child.media_type,
               sizeof(message.child.media_type));
    }
    if (has_options(fact->type)) {
        message.has_options = true;
        encode_options(&fact->options, &message.options);
        memcpy(message.client, fact->client, sizeof(message.client));
    } else if (has_names(fact->type)) {
        encode_names(fact, &message);
    } else if (has_why(fact->type)) {
        memcpy(message.agent, fact->agent, sizeof(message.agent));
        memcpy(message.text, fact->why, sizeof(fact->why));
    } else if (has_agent(fact->type)) {
        memcpy(message.agent, fact->agent, sizeof(message.agent));
    } else if (has_text(fact->type)) {
        memcpy(message.text, fact->text, sizeof(message.text));
    }
    if (has_key(fact->type)) {
        message.has_request_key = true;
        memcpy(message.request_key, fact->request_key, sizeof(message.request_key));
    }
    if (fact->type == LK_FACT_RECORD) {
        memcpy(message.repository, fact->repository, sizeof(message.repository));
        memcpy(message.tag, fact->tag, sizeof(message.tag));
    }
    if (has_arches(fact->type))
        encode_arches(fact, &message);
    pb_ostream_t stream = pb_ostream_from_buffer(out, LK_FACT_BYTES_MAX);
    bool         fits = pb_encode(&stream, lk_fact_Fact_fields, &message);
    lk_assert(fits);
    return stream.bytes_written;
}

static bool decode_arches(struct lk_arch *out, char names[][LK_ARCH_SIZE], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!lk_arch_parse(lk_str_of(names[i]), &out[i]))
            return false;
    return true;
}

static bool decode_options(lk_fact_Options *options, struct lk_push_options *out)
{
    out->sequential = options->sequential;
    out->in_turn = options->in_turn;
    out->allow_emulation = options->allow_emulation;
    out->sign = options->sign;
    out->dry_run = options->dry_run;
    out->build_only = options->build_only;
    out->force = options->force;
    out->no_build = options->no_build;
    out->no_arch_tags = options->no_arch_tags;
    out->keep_going = options->keep_going;
    out->fail_fast = options->fail_fast;
    out->job_timeout_s = options->job_timeout_s;
    out->timeout_s = options->timeout_s;
    out->adopt_count = options->adopt_count;
    for (size_t i = 0; i < options->adopt_count; i++)
        memcpy(out->adopt[i].sha256, options->adopt[i], sizeof(options->adopt[i]));
    out->replace_count = options->replace_count;
    out->priority = (enum lk_priority)options->priority;
    return options->priority < LK_PRIORITIES && options->job_timeout_s <= LK_TIMEOUT_S_MAX &&
           options->timeout_s <= LK_TIMEOUT_S_MAX &&
           decode_arches(out->replace, options->replace, options->replace_count);
}

static bool decode_names(const lk_fact_Fact *message, struct lk_fact *out)
{
    memcpy(out->repository, message->repository, sizeof(out->repository));
    memcpy(out->tag, message->tag, sizeof(out->tag));
    memcpy(out->path, message->path, sizeof(out->path));
    memcpy(out->spec.sha1, message->spec, sizeof(out->spec.sha1));
    memcpy(out->tree.sha1, message->tree, sizeof(out->tree.sha1));
    out->is_unsigned = message->is_unsigned;
    out->origin = (enum lk_package_origin)message->origin;
    memcpy(out->from.repository, message->from.repository, sizeof(out->from.repository));
    memcpy(out->from.tag, message->from.tag, sizeof(out->from.tag));
    for (size_t i = 0; i < message->after_count; i++) {
        if (message->after[i] >= LK_PUSH_PACKAGES_MAX)
            return false;
        out->after.bits[message->after[i] / 64] |= UINT64_C(1) << message->after[i] % 64;
    }
    return message->origin <= LK_PACKAGE_FROM_ARCH_TAGS;
}

static bool decode_variant(lk_fact_Fact *message, struct lk_fact *out)
{
    if (has_key(out->type))
        memcpy(out->request_key, message->request_key, sizeof(out->request_key));
    if (has_options(out->type)) {
        memcpy(out->client, message->client, sizeof(out->client));
        return decode_options(&message->options, &out->options);
    }
    if (has_names(out->type) && !decode_names(message, out))
        return false;
    if (out->type == LK_FACT_RECORD) {
        memcpy(out->repository, message->repository, sizeof(out->repository));
        memcpy(out->tag, message->tag, sizeof(out->tag));
    }
    if (has_arches(out->type)) {
        out->arch_count = message->arches_count;
        return decode_arches(out->arches, message->arches, message->arches_count);
    }
    if (has_why(out->type))
        lk_str_copy(out->why, sizeof(out->why), lk_str_of(message->text));
    if (has_agent(out->type) || has_why(out->type))
        memcpy(out->agent, message->agent, sizeof(out->agent));
    else if (has_text(out->type))
        memcpy(out->text, message->text, sizeof(out->text));
    return true;
}

static bool outcome_is_known(uint32_t outcome)
{
    return outcome == LK_OUTCOME_OK || outcome == LK_OUTCOME_BUILD_FAILED ||
           outcome == LK_OUTCOME_CANCELLED ||
           (outcome >= LK_OUTCOME_INFRASTRUCTURE && outcome <= LK_OUTCOME_VERIFICATION_FAILED);
}

int lk_fact_decode(struct lk_str bytes, struct lk_fact *out, struct lk_err *err)
{
    lk_fact_Fact message = lk_fact_Fact_init_zero;
    pb_istream_t stream = pb_istream_from_buffer((const pb_byte_t *)bytes.data, bytes.len);

    if (!pb_decode(&stream, lk_fact_Fact_fields, &message))
        return lk_err_set(err, LK_ERR_CONFLICT, "a fact cannot be read: %s",
                          PB_GET_ERROR(&stream));
    if (message.type < LK_FACT_STARTED || message.type > LK_FACT_PUSH_RETRIED)
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "a fact is of type %u, which this version does not know",
                          message.type);
    memset(out, 0, sizeof(*out));
    out->type = (enum lk_fact_type)message.type;
    out->epoch = message.epoch;
    out->push = message.push;
    out->package = message.package;
    out->job = message.job;
    out->attempt = message.attempt;
    out->count = message.count;
    out->fence = message.fence;
    out->wall_ms = message.wall_ms;
    out->flag = message.flag;
    out->is_signed = message.is_signed;
    if (message.state > LK_JOB_CANCELLED || !outcome_is_known(message.outcome))
        return lk_err_set(err, LK_ERR_CONFLICT, "a fact holds a state that does not exist");
    out->state = (enum lk_job_state)message.state;
    out->outcome = (enum lk_outcome)message.outcome;
    if (message.has_child) {
        memcpy(out->child.digest.sha256, message.child.digest, sizeof(message.child.digest));
        out->child.size = message.child.size;
        memcpy(out->child.media_type, message.child.media_type, sizeof(out->child.media_type));
    }
    if (!decode_variant(&message, out))
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "a fact names an architecture, an origin or another package that "
                          "cannot be one");
    return 0;
}
