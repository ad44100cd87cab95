#include "proto/message.h"

#include "common/base/limits.h"

#include <pb_common.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <stdio.h>
#include <string.h>

/* Sizes stated in lkcoord.options and sizes that the rest of the program uses are the same. */
#define FIELD_SIZE(message, field) sizeof(((lk_wire_##message *)NULL)->field)
#define FIELD_COUNT(message, field) \
    (FIELD_SIZE(message, field) / sizeof(((lk_wire_##message *)NULL)->field[0]))
_Static_assert(lk_wire_Envelope_size <= LK_WIRE_ENVELOPE_MAX, "the longest envelope fits");
_Static_assert(LK_WIRE_ENVELOPE_MAX <= LK_WIRE_FRAME_MAX, "an envelope fits a frame");
_Static_assert(FIELD_SIZE(Offer, repository) == LK_REPOSITORY_SIZE, "repository");
_Static_assert(FIELD_SIZE(PackageUpdate, repository) == LK_REPOSITORY_SIZE, "repository");
_Static_assert(FIELD_SIZE(Offer, tag) == LK_TAG_SIZE, "tag");
_Static_assert(FIELD_SIZE(PackageUpdate, tag) == LK_TAG_SIZE, "tag");
_Static_assert(FIELD_SIZE(Welcome, name) == LK_NAME_SIZE, "name");
_Static_assert(FIELD_SIZE(AgentUpdate, name) == LK_NAME_SIZE, "name");
_Static_assert(FIELD_SIZE(JobUpdate, agent) == LK_NAME_SIZE, "name");
_Static_assert(FIELD_SIZE(PushUpdate, client) == LK_NAME_SIZE, "name");
_Static_assert(FIELD_SIZE(Report, text) == LK_REASON_SIZE, "reason");
_Static_assert(FIELD_SIZE(PackageUpdate, text) == LK_REASON_SIZE, "reason");
_Static_assert(FIELD_SIZE(JobUpdate, text) == LK_REASON_SIZE, "reason");
_Static_assert(FIELD_SIZE(Error, text) == LK_ERR_TEXT_MAX, "error text");
_Static_assert(FIELD_SIZE(Report, media_type) == LK_MEDIA_TYPE_SIZE, "media type");
_Static_assert(FIELD_COUNT(Submit, specs) == LK_PUSH_PACKAGES_MAX, "packages of a push");
_Static_assert(FIELD_COUNT(Hello, platforms) == LK_PACKAGE_ARCHES_MAX, "platforms");

/* The envelope's field list, as nanopb generated it, gives the names of the bodies. */
#define NAME_OF(oneof, name, path) #name
#define CASE_SINGULAR(field, tag)
#define CASE_ONEOF(field, tag) \
    case tag:                  \
        return NAME_OF field;
#define CASE(a, memory, rule, type, field, tag) CASE_##rule(field, tag)

const char *lk_message_name(pb_size_t body)
{
    switch (body) {
        lk_wire_Envelope_FIELDLIST(CASE, 0) default : return "unknown";
    }
}

/* All strings of a message and of those inside it are UTF-8 and end within their field. */
static bool strings_are_valid(const pb_msgdesc_t *type, const void *message)
{
    pb_field_iter_t field;

    if (!pb_field_iter_begin_const(&field, type, message))
        return true;
    do {
        size_t count = 1;
        if (PB_HTYPE(field.type) == PB_HTYPE_REPEATED)
            count = *(const pb_size_t *)field.pSize;
        for (size_t i = 0; i < count; i++) {
            const char *value = (const char *)field.pData + i * field.data_size;
            if (PB_LTYPE(field.type) == PB_LTYPE_STRING) {
                size_t len = strnlen(value, field.data_size);
                if (len == field.data_size || !lk_str_is_utf8((struct lk_str) { value, len }))
                    return false;
            } else if (PB_LTYPE_IS_SUBMSG(field.type)) {
                if (!strings_are_valid(field.submsg_desc, value))
                    return false;
            }
        }
    } while (pb_field_iter_next(&field));
    return true;
}

static bool body_strings_are_valid(const lk_wire_Envelope *envelope)
{
    pb_field_iter_t field;

    return pb_field_iter_begin_const(&field, lk_wire_Envelope_fields, envelope) &&
           pb_field_iter_find(&field, envelope->which_body) &&
           PB_HTYPE(field.type) == PB_HTYPE_ONEOF &&
           strings_are_valid(field.submsg_desc, field.pData);
}

size_t lk_message_encode(const lk_wire_Envelope *envelope, uint8_t *out)
{
    pb_ostream_t stream = pb_ostream_from_buffer(out, LK_WIRE_ENVELOPE_MAX);

    if (!body_strings_are_valid(envelope) ||
        !pb_encode(&stream, lk_wire_Envelope_fields, envelope))
        return 0;
    return stream.bytes_written;
}

static bool is_zero(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < len; i++)
        if (p[i])
            return false;
    return true;
}

#define IS_SET(id)            (!is_zero((id), sizeof(id)))
#define DIGEST_OR_NONE(field) ((field).size == 0 || (field).size == 32)

static bool is_outcome(lk_wire_Outcome outcome)
{
    return outcome <= lk_wire_Outcome_OUTCOME_VERIFICATION_FAILED ||
           outcome == lk_wire_Outcome_OUTCOME_CANCELLED;
}

static const char *wrong_in_report(const lk_wire_Report *r)
{
    if (r->job == 0 || r->attempt == 0)
        return "it names no attempt";
    if (r->phase == lk_wire_Phase_PHASE_NONE || r->phase > _lk_wire_Phase_MAX)
        return "its phase is unknown";
    if (r->kind > _lk_wire_Kind_MAX)
        return "its kind is unknown";
    if (!DIGEST_OR_NONE(r->digest))
        return "its digest is not 32 bytes long";
    if (r->spec.size != 0 && r->spec.size != sizeof(r->spec.bytes))
        return "its specification's id is not 20 bytes long";
    if (r->phase >= lk_wire_Phase_PHASE_BUILT && r->phase <= lk_wire_Phase_PHASE_PUSHED &&
        (r->digest.size == 0 || r->size == 0 || r->media_type[0] == '\0'))
        return "it says built but does not describe the manifest";
    if (r->phase == lk_wire_Phase_PHASE_PUSHED && r->fence == 0)
        return "it says pushed without a fence";
    return NULL;
}

static const char *wrong_in_object(const lk_wire_Object *o)
{
    if (!IS_SET(o->oid))
        return "it names no object";
    if (o->type == lk_wire_ObjectType_OBJECT_NONE || o->type > _lk_wire_ObjectType_MAX)
        return "its type is unknown";
    if (!DIGEST_OR_NONE(o->sha256))
        return "its SHA-256 is not 32 bytes long";
    if (o->length > LK_WIRE_PIECE_MAX)
        return "its piece is too long";
    if (o->offset > o->size || o->length > o->size - o->offset)
        return "its piece is outside the object";
    return NULL;
}

static const char *wrong_in_want(const lk_wire_Want *w)
{
    for (size_t i = 0; i < w->oids_count; i++)
        if (!IS_SET(w->oids[i]))
            return "it names an object by zeroes";
    return w->oids_count ? NULL : "it names no object";
}

static const char *wrong_in_submit(const lk_wire_Submit *s)
{
    if (!IS_SET(s->request_key))
        return "it has no request key";
    for (size_t i = 0; i < s->specs_count; i++)
        if (!IS_SET(s->specs[i]))
            return "it names a specification by zeroes";
    if (s->priority > _lk_wire_Priority_MAX)
        return "its priority is unknown";
    return s->specs_count ? NULL : "it has no packages";
}

static const char *wrong_in_offer(const lk_wire_Offer *o)
{
    if (o->job == 0 || o->attempt == 0)
        return "it names no attempt";
    if (!IS_SET(o->spec))
        return "it names no job specification";
    if (o->arch[0] == '\0' || o->repository[0] == '\0')
        return "it lacks the architecture or the repository";
    return NULL;
}

static const char *wrong_in_job_update(const lk_wire_JobUpdate *u)
{
    if (u->push == 0 || u->job == 0)
        return "it names no job";
    if (u->state > _lk_wire_JobState_MAX || u->phase > _lk_wire_Phase_MAX ||
        !is_outcome(u->outcome))
        return "its state is unknown";
    return DIGEST_OR_NONE(u->digest) ? NULL : "its digest is not 32 bytes long";
}

static const char *wrong_in_package_update(const lk_wire_PackageUpdate *u)
{
    if (u->push == 0)
        return "it names no push";
    if (u->state > _lk_wire_PackageState_MAX || !is_outcome(u->outcome))
        return "its state is unknown";
    return DIGEST_OR_NONE(u->index_digest) ? NULL : "its digest is not 32 bytes long";
}

static const char *wrong_in_push_update(const lk_wire_PushUpdate *u)
{
    if (u->push == 0)
        return "it names no push";
    if (u->state > _lk_wire_PushState_MAX || !is_outcome(u->outcome) ||
        u->priority > _lk_wire_Priority_MAX)
        return "its state is unknown";
    return NULL;
}

static const char *wrong_in_stage(const lk_wire_Stage *s)
{
    if (s->job == 0 || s->attempt == 0)
        return "it names no attempt";
    return s->credential > _lk_wire_CredentialKind_MAX ? "its credential is unknown" : NULL;
}

static const char *wrong_in_welcome(const lk_wire_Welcome *w)
{
    if (w->session == 0 || w->version == 0)
        return "it has no session or no version";
    return w->ping_ms == 0 || w->silence_ms == 0 ? "it has no time-outs" : NULL;
}

static const char *unless(bool good, const char *reason)
{
    return good ? NULL : reason;
}

/* What a body that decoded well still lacks; NULL if nothing. */
static const char *wrong_in(const lk_wire_Envelope *e)
{
    static const char no_attempt[] = "it names no attempt";
    static const char no_agent[] = "it names no agent";
    static const char no_push[] = "it names no push";

    switch (e->which_body) {
    case lk_wire_Envelope_hello_tag:
        return unless(e->body.hello.version != 0, "it has no version");
    case lk_wire_Envelope_welcome_tag: return wrong_in_welcome(&e->body.welcome);
    case lk_wire_Envelope_error_tag:
        return unless(e->body.error.kind != lk_wire_Kind_KIND_NONE &&
                          e->body.error.kind <= _lk_wire_Kind_MAX,
                      "its kind is unknown");
    case lk_wire_Envelope_offer_tag: return wrong_in_offer(&e->body.offer);
    case lk_wire_Envelope_stage_tag: return wrong_in_stage(&e->body.stage);
    case lk_wire_Envelope_permit_tag:
        return unless(e->body.permit.job && e->body.permit.attempt && e->body.permit.fence,
                      "it names no attempt or no fence");
    case lk_wire_Envelope_drop_tag:
        return unless(e->body.drop.job && e->body.drop.attempt, no_attempt);
    case lk_wire_Envelope_report_tag: return wrong_in_report(&e->body.report);
    case lk_wire_Envelope_ticket_wanted_tag:
        return unless(e->body.ticket_wanted.job && e->body.ticket_wanted.attempt, no_attempt);
    case lk_wire_Envelope_want_tag: return wrong_in_want(&e->body.want);
    case lk_wire_Envelope_object_tag: return wrong_in_object(&e->body.object);
    case lk_wire_Envelope_absent_tag:
        return unless(IS_SET(e->body.absent.oid), "it names no object");
    case lk_wire_Envelope_log_piece_tag:
        return unless(e->body.log_piece.job && e->body.log_piece.attempt, no_attempt);
    case lk_wire_Envelope_submit_tag: return wrong_in_submit(&e->body.submit);
    case lk_wire_Envelope_accepted_tag: return unless(e->body.accepted.push, no_push);
    case lk_wire_Envelope_watch_tag: return unless(e->body.watch.push, no_push);
    case lk_wire_Envelope_cancel_tag: return unless(e->body.cancel.push, no_push);
    case lk_wire_Envelope_retry_tag: return unless(e->body.retry.push, no_push);
    case lk_wire_Envelope_synced_tag: return unless(e->body.synced.push, no_push);
    case lk_wire_Envelope_push_update_tag: return wrong_in_push_update(&e->body.push_update);
    case lk_wire_Envelope_package_update_tag:
        return wrong_in_package_update(&e->body.package_update);
    case lk_wire_Envelope_job_update_tag: return wrong_in_job_update(&e->body.job_update);
    case lk_wire_Envelope_drain_agent_tag: return unless(e->body.drain_agent.name[0], no_agent);
    case lk_wire_Envelope_resume_agent_tag:
        return unless(e->body.resume_agent.name[0], no_agent);
    case lk_wire_Envelope_follow_tag: return unless(e->body.follow.job, "it names no job");
    case lk_wire_Envelope_recall_tag:
        return unless(e->body.recall.repository[0] && e->body.recall.tag[0],
                      "it names no tag of a repository");
    case lk_wire_Envelope_published_tag:
        return unless(e->body.published.index_digest.size == 32, "it has no digest");
    default: return NULL;
    }
}

int lk_message_decode(const uint8_t *data, size_t len, lk_wire_Envelope *out,
                      struct lk_err *err)
{
    pb_istream_t stream = pb_istream_from_buffer(data, len);

    if (len > LK_WIRE_ENVELOPE_MAX)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "an envelope of %zu bytes is longer than the %d allowed", len,
                          LK_WIRE_ENVELOPE_MAX);
    *out = (lk_wire_Envelope)lk_wire_Envelope_init_zero;
    if (!pb_decode(&stream, lk_wire_Envelope_fields, out))
        return lk_err_set(err, LK_ERR_INVALID, "an envelope of %zu bytes is malformed: %s", len,
                          PB_GET_ERROR(&stream));
    if (out->which_body == 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "a message has no body that protocol version %d knows",
                          LK_WIRE_VERSION);
    if (!body_strings_are_valid(out))
        return lk_err_set(err, LK_ERR_INVALID, "a text in %s is not UTF-8",
                          lk_message_name(out->which_body));
    const char *wrong = wrong_in(out);
    if (wrong)
        return lk_err_set(err, LK_ERR_INVALID, "%s was refused: %s",
                          lk_message_name(out->which_body), wrong);
    return 0;
}

void lk_wire_set_text(char *out, size_t size, const char *text)
{
    size_t at = 0;

    for (size_t left = strlen(text); left;) {
        size_t len = 1;
        while (len < 4 && len < left && !lk_str_is_utf8((struct lk_str) { text, len }))
            len++;
        bool valid = lk_str_is_utf8((struct lk_str) { text, len });
        if (!valid)
            len = 1;
        if (at + len >= size)
            break;
        memcpy(out + at, valid ? text : "?", len);
        at += len;
        text += len;
        left -= len;
    }
    out[at] = '\0';
}

lk_wire_Kind lk_wire_kind_of(enum lk_err_kind kind)
{
    switch (kind) {
    case LK_ERR_NONE: return lk_wire_Kind_KIND_NONE;
    case LK_ERR_INVALID: return lk_wire_Kind_KIND_INVALID;
    case LK_ERR_DENIED: return lk_wire_Kind_KIND_DENIED;
    case LK_ERR_NOT_FOUND: return lk_wire_Kind_KIND_NOT_FOUND;
    case LK_ERR_CONFLICT: return lk_wire_Kind_KIND_CONFLICT;
    case LK_ERR_RETRY: return lk_wire_Kind_KIND_RETRY;
    case LK_ERR_LIMIT: return lk_wire_Kind_KIND_LIMIT;
    case LK_ERR_PERMANENT: return lk_wire_Kind_KIND_PERMANENT;
    }
    return lk_wire_Kind_KIND_PERMANENT;
}

enum lk_err_kind lk_wire_kind_to(lk_wire_Kind kind)
{
    switch (kind) {
    case lk_wire_Kind_KIND_NONE: return LK_ERR_NONE;
    case lk_wire_Kind_KIND_INVALID: return LK_ERR_INVALID;
    case lk_wire_Kind_KIND_DENIED: return LK_ERR_DENIED;
    case lk_wire_Kind_KIND_NOT_FOUND: return LK_ERR_NOT_FOUND;
    case lk_wire_Kind_KIND_CONFLICT: return LK_ERR_CONFLICT;
    case lk_wire_Kind_KIND_RETRY: return LK_ERR_RETRY;
    case lk_wire_Kind_KIND_LIMIT: return LK_ERR_LIMIT;
    case lk_wire_Kind_KIND_PERMANENT: return LK_ERR_PERMANENT;
    }
    return LK_ERR_PERMANENT;
}
