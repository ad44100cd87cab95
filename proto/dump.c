#include "proto/message.h"

#include "common/base/buf.h"
#include "common/log/log.h"

#include <inttypes.h>
#include <pb_common.h>

struct field_name {
    uint32_t    tag;
    const char *name;
};

/* nanopb's descriptors have no names; its generated field lists do. */
/* clang-format off */
#define MESSAGES(X)                                                                     \
    X(Platform) X(Hello) X(Welcome) X(Error) X(Ping) X(Pong) X(Bye)                     \
    X(Offer) X(Stage) X(Permit) X(Drop) X(Report) X(TicketWanted)                       \
    X(Want) X(Object) X(Absent) X(Credit) X(LogPiece)                                   \
    X(Submit) X(Accepted) X(Watch) X(PushUpdate) X(PackageUpdate) X(JobUpdate)          \
    X(Synced) X(Cancel) X(Done) X(List) X(ListAgents) X(AgentUpdate) X(Follow)          \
    X(DrainAgent) X(ResumeAgent) X(Retry) X(Recall) X(Published)

#define FIELD(a, memory, rule, kind, field, tag) { tag, #field },
#define FIELDS_OF(message)                                    \
    static const struct field_name fields_of_##message[] = {  \
        lk_wire_##message##_FIELDLIST(FIELD, 0) { 0, NULL }   \
    };
MESSAGES(FIELDS_OF)
/* clang-format on */

#define ROW(message) { &lk_wire_##message##_msg, fields_of_##message },
static const struct {
    const pb_msgdesc_t      *type;
    const struct field_name *fields;
} messages[] = { MESSAGES(ROW) };

static const char *name_of(const pb_msgdesc_t *type, uint32_t tag)
{
    for (size_t i = 0; i < LK_COUNT(messages); i++) {
        if (messages[i].type != type)
            continue;
        for (const struct field_name *f = messages[i].fields; f->name; f++)
            if (f->tag == tag)
                return f->name;
    }
    return "unknown";
}

static void dump_fields(const pb_msgdesc_t *type, const void *message, struct lk_buf *out);

static void dump_bytes(const uint8_t *bytes, size_t len, struct lk_buf *out)
{
    for (size_t i = 0; i < len; i++)
        lk_buf_printf(out, "%02x", bytes[i]);
}

static uint64_t number_at(const void *value, size_t size)
{
    switch (size) {
    case sizeof(bool): return *(const bool *)value;
    case sizeof(uint32_t): return *(const uint32_t *)value;
    default: return *(const uint64_t *)value;
    }
}

static void dump_value(const pb_field_iter_t *field, const void *value, struct lk_buf *out)
{
    const pb_bytes_array_t *bytes = value;

    switch (PB_LTYPE(field->type)) {
    case PB_LTYPE_STRING: lk_buf_add_text(out, LK_Q(value)); return;
    case PB_LTYPE_BYTES: dump_bytes(bytes->bytes, bytes->size, out); return;
    case PB_LTYPE_FIXED_LENGTH_BYTES: dump_bytes(value, field->data_size, out); return;
    case PB_LTYPE_SUBMESSAGE:
        lk_buf_add_text(out, "{");
        dump_fields(field->submsg_desc, value, out);
        lk_buf_add_text(out, " }");
        return;
    default: lk_buf_printf(out, "%" PRIu64, number_at(value, field->data_size)); return;
    }
}

/* proto3 has no "unset": what is zero or empty was not said. */
static bool is_set(const pb_field_iter_t *field)
{
    const pb_bytes_array_t *array = field->pData;
    const uint8_t          *bytes = field->pData;

    if (PB_HTYPE(field->type) == PB_HTYPE_REPEATED)
        return *(const pb_size_t *)field->pSize > 0;
    if (PB_LTYPE(field->type) == PB_LTYPE_STRING)
        return bytes[0] != 0;
    if (PB_LTYPE(field->type) == PB_LTYPE_BYTES)
        return array->size > 0;
    for (size_t i = 0; i < field->data_size; i++)
        if (bytes[i])
            return true;
    return false;
}

static bool is_secret(const pb_field_iter_t *field)
{
    return field->descriptor == &lk_wire_Stage_msg && field->tag == lk_wire_Stage_secret_tag;
}

static void dump_field(const pb_field_iter_t *field, struct lk_buf *out)
{
    const char *value = field->pData;

    lk_buf_printf(out, " %s=", name_of(field->descriptor, field->tag));
    if (is_secret(field)) {
        lk_buf_add_text(out, "***");
        return;
    }
    if (PB_HTYPE(field->type) != PB_HTYPE_REPEATED) {
        dump_value(field, value, out);
        return;
    }
    pb_size_t count = *(const pb_size_t *)field->pSize;
    for (pb_size_t i = 0; i < count; i++) {
        lk_buf_add_text(out, i ? "," : "");
        dump_value(field, value + (size_t)i * field->data_size, out);
    }
}

static void dump_fields(const pb_msgdesc_t *type, const void *message, struct lk_buf *out)
{
    pb_field_iter_t field;

    if (!pb_field_iter_begin_const(&field, type, message))
        return;
    do {
        if (is_set(&field))
            dump_field(&field, out);
    } while (pb_field_iter_next(&field));
}

void lk_message_dump(const lk_wire_Envelope *envelope, struct lk_buf *out)
{
    pb_field_iter_t field;

    lk_buf_printf(out, "%s session=%" PRIu64 " request=%" PRIu64,
                  lk_message_name(envelope->which_body), envelope->session, envelope->request);
    if (pb_field_iter_begin_const(&field, lk_wire_Envelope_fields, envelope) &&
        pb_field_iter_find(&field, envelope->which_body) &&
        PB_HTYPE(field.type) == PB_HTYPE_ONEOF)
        dump_fields(field.submsg_desc, field.pData, out);
}
