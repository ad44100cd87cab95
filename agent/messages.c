#include "agent/messages.h"

#include <string.h>

_Static_assert((int)LK_PHASE_TAKEN == (int)lk_wire_Phase_PHASE_TAKEN &&
                   (int)LK_PHASE_BUILT == (int)lk_wire_Phase_PHASE_BUILT &&
                   (int)LK_PHASE_STAGED == (int)lk_wire_Phase_PHASE_STAGED &&
                   (int)LK_PHASE_FAILED == (int)lk_wire_Phase_PHASE_FAILED,
               "the core's phases are the wire's");

void lk_agent_hello(lk_wire_Hello *out, const struct lk_agent_config *config,
                    const char *builder_version)
{
    out->version = LK_WIRE_VERSION;
    LK_WIRE_TEXT(out->software, "lkagentd " LK_VERSION);
    LK_WIRE_TEXT(out->builder, builder_version);
    out->slots = (uint32_t)config->slots;
    out->platforms_count = (pb_size_t)config->arch_count;
    for (size_t i = 0; i < config->arch_count; i++) {
        LK_WIRE_TEXT(out->platforms[i].arch, config->arches[i].name);
        out->platforms[i].emulated = config->emulated[i];
    }
}

/* A builder prints what it likes; the wire carries UTF-8. */
static void set_text(char *out, size_t size, const char *text)
{
    char clean[LK_REASON_SIZE];

    lk_copy_text(clean, sizeof(clean), text);
    if (!lk_str_is_utf8(lk_str_of(clean)))
        for (char *c = clean; *c; c++)
            if ((unsigned char)*c >= 0x80)
                *c = '?';
    lk_wire_set_text(out, size, clean);
}

void lk_agent_report(lk_wire_Report *out, const struct lk_report *report)
{
    *out = (lk_wire_Report) {
        .job = report->job,
        .attempt = report->attempt,
        .phase = (lk_wire_Phase)report->phase,
        .size = report->size,
        .fence = report->fence,
        .kind = lk_wire_kind_of(report->kind),
        .bytes_done = report->bytes_done,
        .bytes_total = report->bytes_total,
        .phase_ms = report->phase_ms,
    };
    if (!lk_oid_is_zero(&report->spec)) {
        out->spec.size = sizeof(report->spec.sha1);
        memcpy(out->spec.bytes, report->spec.sha1, sizeof(report->spec.sha1));
    }
    if (!lk_digest_is_zero(&report->digest)) {
        out->digest.size = sizeof(report->digest.sha256);
        memcpy(out->digest.bytes, report->digest.sha256, sizeof(report->digest.sha256));
    }
    LK_WIRE_TEXT(out->media_type, report->media_type);
    set_text(out->text, sizeof(out->text), report->text);
}

static void welcome_of(struct lk_agent_welcome *out, const lk_wire_Welcome *welcome)
{
    *out = (struct lk_agent_welcome) {
        .session = welcome->session,
        .ping_ms = welcome->ping_ms,
        .silence_ms = welcome->silence_ms,
        .cluster_len = welcome->cluster.size,
        .epoch = welcome->epoch,
    };
    memcpy(out->cluster, welcome->cluster.bytes, welcome->cluster.size);
}

static enum lk_upload_when upload_of(lk_wire_Upload upload)
{
    switch (upload) {
    case lk_wire_Upload_UPLOAD_AS_OFFERED: return LK_UPLOAD_AS_OFFERED;
    case lk_wire_Upload_UPLOAD_AT_ONCE: return LK_UPLOAD_AT_ONCE;
    case lk_wire_Upload_UPLOAD_IN_TURN: return LK_UPLOAD_IN_TURN;
    }
    return LK_UPLOAD_AS_OFFERED;
}

static void take_offer(struct lk_agent_event *out, const lk_wire_Offer *offer)
{
    out->job = offer->job;
    out->attempt = offer->attempt;
    out->in_turn = offer->in_turn;
    out->build_only = offer->build_only;
    memcpy(out->spec.sha1, offer->spec, sizeof(out->spec.sha1));
    /* What is no arch stays "", which no agent serves. */
    lk_arch_parse(lk_str_of(offer->arch), &out->arch);
}

void lk_agent_found_event(struct lk_agent_event *out, const lk_wire_Offer *offer,
                          const struct lk_descriptor *manifest)
{
    *out = (struct lk_agent_event) { .kind = LK_AGENT_FOUND,
                                     .digest = manifest->digest,
                                     .size = manifest->size };
    lk_copy_text(out->media_type, sizeof(out->media_type), manifest->media_type);
    take_offer(out, offer);
}

void lk_agent_event_of(struct lk_agent_event *out, const lk_wire_Envelope *envelope)
{
    *out = (struct lk_agent_event) { .kind = LK_AGENT_HEARD, .session = envelope->session };
    switch (envelope->which_body) {
    case lk_wire_Envelope_welcome_tag:
        out->kind = LK_AGENT_WELCOMED;
        welcome_of(&out->welcome, &envelope->body.welcome);
        break;
    case lk_wire_Envelope_error_tag:
        out->kind = LK_AGENT_TURNED_AWAY;
        out->error = lk_wire_kind_to(envelope->body.error.kind);
        break;
    case lk_wire_Envelope_bye_tag: out->kind = LK_AGENT_FAREWELL; break;
    case lk_wire_Envelope_offer_tag:
        out->kind = LK_AGENT_OFFERED;
        take_offer(out, &envelope->body.offer);
        break;
    case lk_wire_Envelope_stage_tag:
        out->kind = LK_AGENT_TICKET;
        out->job = envelope->body.stage.job;
        out->attempt = envelope->body.stage.attempt;
        out->upload = upload_of(envelope->body.stage.upload);
        break;
    case lk_wire_Envelope_permit_tag:
        out->kind = LK_AGENT_PERMITTED;
        out->job = envelope->body.permit.job;
        out->attempt = envelope->body.permit.attempt;
        out->fence = envelope->body.permit.fence;
        break;
    case lk_wire_Envelope_drop_tag:
        out->kind = LK_AGENT_DROPPED;
        out->job = envelope->body.drop.job;
        out->attempt = envelope->body.drop.attempt;
        break;
    default: break; /* a tag of nanopb's union, not an enum */
    }
}
