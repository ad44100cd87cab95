/*
 * log_reader - reads the log of one attempt from the coordinator, as far as our credit goes.
 *
 * What comes is checked against what was asked: pieces of other attempts, or out of order, are ignored.  Where a
 * quota was full, the log's own text says how much was left out.
 */
#ifndef LK_CLI_LOG_READER_H
#define LK_CLI_LOG_READER_H

#include "coordinator/cli/client.h"

struct lk_log_reader {
    uint64_t job;     /* 0: none */
    uint32_t attempt; /* 0: the latest, until the first piece says which that is */
    uint64_t request;
    uint64_t offset; /* of the byte that is expected next */
    uint64_t taken;  /* bytes since credit was last granted */
    int64_t  heard_ms;
    bool     ended;
};

/* Asks for the log from the start, or goes on where it was after the line was lost. */
void lk_log_reader_start(struct lk_log_reader *reader, struct lk_client *client, uint64_t job,
                         uint32_t attempt);
void lk_log_reader_resume(struct lk_log_reader *reader, struct lk_client *client);

/* True if the piece is the next one. */
bool lk_log_reader_take(struct lk_log_reader *reader, struct lk_client *client,
                        const lk_wire_LogPiece *piece, size_t len);

#endif
