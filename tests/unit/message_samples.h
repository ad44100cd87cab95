/* message_samples - one message of each kind with every field set, as the golden bytes have them. */
#ifndef LK_TESTS_MESSAGE_SAMPLES_H
#define LK_TESTS_MESSAGE_SAMPLES_H

#include "proto/message.h"

/* The tag of each body, in the order of the schema. */
#define SAMPLE_SINGULAR(tag)
#define SAMPLE_ONEOF(tag)                             tag,
#define SAMPLE_TAG(a, memory, rule, type, field, tag) SAMPLE_##rule(tag)
static const pb_size_t all_bodies[] = { lk_wire_Envelope_FIELDLIST(SAMPLE_TAG, 0) };

#define DIGEST                                                                                \
    {                                                                                         \
        32,                                                                                   \
        {                                                                                     \
            0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac,     \
                0xad, 0xae, 0xaf, 0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, \
                0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf                                            \
        }                                                                                     \
    }
#define OID(n)                                                               \
    {                                                                        \
        n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 \
    }
#define CLUSTER                                                                           \
    {                                                                                     \
        16,                                                                               \
        {                                                                                 \
            0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, \
                0xcd, 0xce, 0xcf                                                          \
        }                                                                                 \
    }
#define PLATFORMS  .platforms_count = 2, .platforms = { { "amd64", false }, { "s390x", true } }
#define MEDIA_TYPE "application/vnd.oci.image.manifest.v1+json"
#define FENCE      (UINT64_C(3) << 32 | 42)
#define WALL_MS    UINT64_C(1767225600123)

static void sample_of_lines(lk_wire_Envelope *e)
{
    switch (e->which_body) {
    case lk_wire_Envelope_bye_tag: e->body.bye.keeps = true; return;
    case lk_wire_Envelope_hello_tag:
        e->body.hello = (lk_wire_Hello) {
            .version = 1,
            .software = "lkagentd 0.1.0",
            PLATFORMS,
            .slots = 2,
            .cluster = CLUSTER,
            .epoch = 3,
            .builder = "buildah 1.28.2",
        };
        return;
    case lk_wire_Envelope_welcome_tag:
        e->body.welcome = (lk_wire_Welcome) {
            .session = 7,
            .version = 1,
            .ping_ms = 2000,
            .silence_ms = 10000,
            .cluster = CLUSTER,
            .epoch = 3,
            .name = "builder-1",
            .software = "lkcoordd 0.1.0",
        };
        return;
    case lk_wire_Envelope_error_tag:
        e->body.error = (lk_wire_Error) {
            .kind = lk_wire_Kind_KIND_CONFLICT,
            .text = "this session is unknown: say HELLO first",
        };
        return;
    case lk_wire_Envelope_ping_tag: e->body.ping.number = 300; return;
    case lk_wire_Envelope_pong_tag: e->body.pong.number = 300; return;
    default: return; /* BYE has no fields */
    }
}

static void sample_of_agents(lk_wire_Envelope *e)
{
    switch (e->which_body) {
    case lk_wire_Envelope_offer_tag:
        e->body.offer = (lk_wire_Offer) {
            .job = 11,
            .attempt = 1,
            .push = 5,
            .arch = "s390x",
            .repository = "127.0.0.1:5000/linuxkit/hello",
            .tag = "0123456789012345678901234567890123456789",
            .spec = OID(1),
            .lease_ms = 60000,
            .in_turn = true,
            .build_only = true,
            .plain_http = true,
        };
        return;
    case lk_wire_Envelope_stage_tag:
        e->body.stage = (lk_wire_Stage) {
            .job = 11,
            .attempt = 1,
            .credential = lk_wire_CredentialKind_CREDENTIAL_BASIC,
            .user = "builder",
            .secret = "not-a-real-password",
            .valid_ms = 300000,
            .upload = lk_wire_Upload_UPLOAD_IN_TURN,
        };
        return;
    case lk_wire_Envelope_permit_tag:
        e->body.permit = (lk_wire_Permit) {
            .job = 11,
            .attempt = 1,
            .fence = FENCE,
            .hold_ms = 30000,
        };
        return;
    case lk_wire_Envelope_drop_tag:
        e->body.drop = (lk_wire_Drop) { .job = 11, .attempt = 1 };
        return;
    case lk_wire_Envelope_report_tag:
        e->body.report = (lk_wire_Report) {
            .job = 11,
            .attempt = 1,
            .phase = lk_wire_Phase_PHASE_PUSHED,
            .digest = DIGEST,
            .size = 1234,
            .media_type = MEDIA_TYPE,
            .fence = FENCE,
            .kind = lk_wire_Kind_KIND_RETRY,
            .text = "the registry answered 503",
            .bytes_done = 52428800,
            .bytes_total = 52428801,
            .phase_ms = 4500,
            .spec = { 20, OID(1) },
        };
        return;
    case lk_wire_Envelope_ticket_wanted_tag:
        e->body.ticket_wanted = (lk_wire_TicketWanted) { .job = 11, .attempt = 1 };
        return;
    default: return;
    }
}

static void sample_of_sources(lk_wire_Envelope *e)
{
    switch (e->which_body) {
    case lk_wire_Envelope_want_tag:
        e->body.want =
            (lk_wire_Want) { .oids_count = 2, .oids = { OID(1), OID(2) }, .job = 11 };
        return;
    case lk_wire_Envelope_object_tag:
        e->body.object = (lk_wire_Object) {
            .oid = OID(2),
            .type = lk_wire_ObjectType_OBJECT_BLOB,
            .size = 100000,
            .offset = 65536,
            .length = 34464,
            .sha256 = DIGEST,
        };
        return;
    case lk_wire_Envelope_absent_tag:
        e->body.absent = (lk_wire_Absent) { .oid = OID(3) };
        return;
    case lk_wire_Envelope_credit_tag:
        e->body.credit = (lk_wire_Credit) { .bytes = 524288, .job = 11, .attempt = 1 };
        return;
    case lk_wire_Envelope_log_piece_tag:
        e->body.log_piece = (lk_wire_LogPiece) {
            .job = 11,
            .attempt = 1,
            .offset = 4096,
            .end = true,
            .dropped = 17,
        };
        return;
    default: return;
    }
}

static void sample_of_requests(lk_wire_Envelope *e)
{
    switch (e->which_body) {
    case lk_wire_Envelope_submit_tag:
        e->body.submit = (lk_wire_Submit) {
            .request_key = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
            .specs_count = 2,
            .specs = { OID(1), OID(2) },
            .sequential = true,
            .in_turn = true,
            .allow_emulation = true,
            .no_signature = true,
            .dry_run = true,
            .build_only = true,
            .force = true,
            .no_build = true,
            .no_arch_tags = true,
            .keep_going = true,
            .fail_fast = true,
            .job_timeout_s = 3600,
            .timeout_s = 7200,
            .priority = lk_wire_Priority_PRIORITY_HIGH,
            .adopt_count = 1,
            .adopt = { { 0xd0, 0xd1, 0xd2 } },
            .replace_count = 2,
            .replace = { "arm64", "riscv64" },
        };
        return;
    case lk_wire_Envelope_accepted_tag: e->body.accepted.push = 5; return;
    case lk_wire_Envelope_watch_tag: e->body.watch.push = 5; return;
    case lk_wire_Envelope_synced_tag: e->body.synced.push = 5; return;
    case lk_wire_Envelope_cancel_tag: e->body.cancel.push = 5; return;
    case lk_wire_Envelope_retry_tag:
        e->body.retry = (lk_wire_Retry) { .push = 5, .request_key = { 0xb0, 0xb1 } };
        return;
    case lk_wire_Envelope_done_tag: e->body.done.count = 12; return;
    case lk_wire_Envelope_list_tag: e->body.list.all = true; return;
    case lk_wire_Envelope_follow_tag:
        e->body.follow = (lk_wire_Follow) { .job = 11, .attempt = 2, .offset = 4096 };
        return;
    case lk_wire_Envelope_drain_agent_tag:
        e->body.drain_agent =
            (lk_wire_DrainAgent) { .name = "builder-1", .reason = "new disk" };
        return;
    case lk_wire_Envelope_resume_agent_tag:
        e->body.resume_agent = (lk_wire_ResumeAgent) { .name = "builder-1" };
        return;
    case lk_wire_Envelope_recall_tag:
        e->body.recall =
            (lk_wire_Recall) { .repository = "registry.example/org/it", .tag = "v1" };
        return;
    case lk_wire_Envelope_published_tag:
        e->body.published.index_digest.size = 32;
        e->body.published.index_digest.bytes[0] = 0xc0;
        return;
    default: return; /* LIST_AGENTS has no fields */
    }
}

static void sample_of_updates(lk_wire_Envelope *e)
{
    switch (e->which_body) {
    case lk_wire_Envelope_push_update_tag:
        e->body.push_update = (lk_wire_PushUpdate) {
            .push = 5,
            .state = lk_wire_PushState_PUSH_ENDED,
            .outcome = lk_wire_Outcome_OUTCOME_CANCELLED,
            .client = "alice",
            .accepted_wall_ms = WALL_MS,
            .ended_wall_ms = WALL_MS + 1000,
            .packages = 2,
            .dry_run = true,
            .build_only = true,
            .priority = lk_wire_Priority_PRIORITY_HIGH,
        };
        return;
    case lk_wire_Envelope_package_update_tag:
        e->body.package_update = (lk_wire_PackageUpdate) {
            .push = 5,
            .package = 1,
            .state = lk_wire_PackageState_PACKAGE_ENDED,
            .outcome = lk_wire_Outcome_OUTCOME_REFUSED,
            .repository = "registry.example.org/linuxkit/hello",
            .tag = "v1",
            .path = "pkg/hello",
            .index_digest = DIGEST,
            .is_signed = true,
            .nothing_to_do = true,
            .text = "an entry under the tag is not ours",
        };
        return;
    case lk_wire_Envelope_job_update_tag:
        e->body.job_update = (lk_wire_JobUpdate) {
            .push = 5,
            .package = 1,
            .job = 11,
            .attempt = 1,
            .arch = "s390x",
            .state = lk_wire_JobState_JOB_ASSIGNED,
            .phase = lk_wire_Phase_PHASE_BUILDING,
            .agent = "builder-1",
            .emulated = true,
            .digest = DIGEST,
            .text = "gr\xc3\xbc\xc3\x9f\x65",
            .bytes_done = 1000,
            .bytes_total = 2000,
            .state_ms = 4500,
            .outcome = lk_wire_Outcome_OUTCOME_BUILD_FAILED,
        };
        return;
    case lk_wire_Envelope_agent_update_tag:
        e->body.agent_update = (lk_wire_AgentUpdate) {
            .name = "builder-1",
            .connected = true,
            .suspect = true,
            PLATFORMS,
            .slots = 2,
            .busy = 1,
            .software = "lkagentd 0.1.0",
            .builder = "buildah 1.28.2",
            .silent_ms = 12000,
            .drained = true,
            .drained_why = "new disk",
            .quarantined = true,
            .quarantined_why = "no space left on device",
            .canary_ms = 30000,
        };
        return;
    default: return;
    }
}

static void sample_of(pb_size_t body, lk_wire_Envelope *out)
{
    *out = (lk_wire_Envelope) { .session = 7, .request = 9, .which_body = body };
    sample_of_lines(out);
    sample_of_agents(out);
    sample_of_sources(out);
    sample_of_requests(out);
    sample_of_updates(out);
}

#endif
