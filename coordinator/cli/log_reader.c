#include "coordinator/cli/log_reader.h"

#include "common/os/clock.h"

#define CREDIT_BYTES (256 * 1024)

static void grant(struct lk_log_reader *reader, struct lk_client *client, uint64_t bytes)
{
    lk_wire_Envelope credit = { .which_body = lk_wire_Envelope_credit_tag };

    credit.body.credit.bytes = bytes;
    credit.body.credit.job = reader->job;
    credit.body.credit.attempt = reader->attempt;
    lk_client_ask(client, &credit);
}

void lk_log_reader_resume(struct lk_log_reader *reader, struct lk_client *client)
{
    lk_wire_Envelope follow = { .which_body = lk_wire_Envelope_follow_tag };

    follow.body.follow.job = reader->job;
    follow.body.follow.attempt = reader->attempt;
    follow.body.follow.offset = reader->offset;
    reader->taken = 0;
    reader->heard_ms = lk_clock_boot_ms();
    reader->request = lk_client_ask(client, &follow);
    grant(reader, client, CREDIT_BYTES);
}

void lk_log_reader_start(struct lk_log_reader *reader, struct lk_client *client, uint64_t job,
                         uint32_t attempt)
{
    *reader = (struct lk_log_reader) { .job = job, .attempt = attempt };
    lk_log_reader_resume(reader, client);
}

bool lk_log_reader_take(struct lk_log_reader *reader, struct lk_client *client,
                        const lk_wire_LogPiece *piece, size_t len)
{
    if (reader->attempt == 0 && piece->job == reader->job)
        reader->attempt = piece->attempt;
    if (piece->job != reader->job || piece->attempt != reader->attempt || reader->ended ||
        piece->offset < reader->offset)
        return false;
    reader->heard_ms = lk_clock_boot_ms();
    reader->offset = piece->offset + len;
    reader->taken += len;
    reader->ended = piece->end;
    if (reader->taken >= CREDIT_BYTES / 2 && !reader->ended) {
        grant(reader, client, reader->taken);
        reader->taken = 0;
    }
    return true;
}
