#include "common/source/sender.h"

#include "common/base/limits.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define QUEUE_MAX   4096
#define CREDIT_MAX  (128ULL * LK_WIRE_PIECE_MAX)
#define ZSTD_LEVEL  3
#define HASH_STEP   (4 * 1024 * 1024) /* of a file, in one turn */
#define PACKED_SIZE ZSTD_COMPRESSBOUND(LK_WIRE_PIECE_MAX)

/* A piece that does not get smaller must still pass as one message, with room for its envelope. */
_Static_assert(PACKED_SIZE <= LK_WIRE_FRAME_MAX, "a piece fits a frame");

enum message { NOTHING, PIECE, ABSENT };

/*
 * What is large, and only there while something is asked for: a coordinator has a sender for each agent, and
 * most of them rest.
 */
struct desk {
    struct lk_oid queue[QUEUE_MAX]; /* ring, oldest at `first` */
    ZSTD_CCtx    *zstd;
    char          raw[LK_WIRE_PIECE_MAX];
    char          packed[PACKED_SIZE];
};

struct lk_sender {
    struct lk_object_source source;
    struct desk            *desk; /* NULL: nothing is asked for */
    size_t                  first;
    size_t                  count;
    uint64_t                credit;

    bool             is_open; /* an object is being sent */
    struct lk_oid    oid;
    bool             is_tree;
    int              fd; /* -1: `content` has it all */
    struct lk_buf    content;
    uint64_t         size;
    uint64_t         offset;
    uint64_t         hashed;
    bool             is_hashed; /* all of it: before that nothing is sent */
    struct lk_digest sha256;

    crypto_hash_sha256_state hash;

    enum message message; /* made and not yet known to be sent */
    size_t       length;
    size_t       packed_len;
};

struct lk_sender *lk_sender_new(const struct lk_object_source *source)
{
    struct lk_sender *sender = lk_xcalloc(1, sizeof(*sender));

    sender->source = *source;
    sender->fd = -1;
    sender->content = LK_BUF_INIT(LK_SOURCE_OBJECT_BYTES_MAX);
    return sender;
}

static void open_desk(struct lk_sender *sender)
{
    if (sender->desk)
        return;
    sender->desk = lk_xmalloc(sizeof(*sender->desk));
    sender->desk->zstd = ZSTD_createCCtx();
    lk_assert(sender->desk->zstd);
    sender->first = 0;
}

static void close_desk(struct lk_sender *sender)
{
    if (sender->desk)
        ZSTD_freeCCtx(sender->desk->zstd);
    free(LK_TAKE(sender->desk));
}

static void close_object(struct lk_sender *sender)
{
    lk_close_fd(&sender->fd);
    lk_buf_fini(&sender->content);
    sender->is_open = false;
}

void lk_sender_free(struct lk_sender **sender)
{
    struct lk_sender *s = LK_TAKE(*sender);

    if (!s)
        return;
    close_object(s);
    close_desk(s);
    free(s);
}

static int take_want(struct lk_sender *sender, const lk_wire_Want *want, struct lk_err *err)
{
    if (want->oids_count > QUEUE_MAX - sender->count)
        return lk_err_set(err, LK_ERR_INVALID,
                          "more than %d source objects were asked for and not yet sent",
                          QUEUE_MAX);
    if (want->oids_count > 0)
        open_desk(sender);
    for (size_t i = 0; i < want->oids_count; i++)
        memcpy(sender->desk->queue[(sender->first + sender->count++) % QUEUE_MAX].sha1,
               want->oids[i], sizeof(want->oids[0]));
    return 0;
}

/*
 * Receivers come and go on one line, and each leaves behind the credit that it did not need.  It is
 * forgotten above a maximum, or in a long session nothing would be held back any more.
 */
static int take_credit(struct lk_sender *sender, const lk_wire_Credit *credit,
                       struct lk_err *err)
{
    if (credit->job != 0)
        return lk_err_set(err, LK_ERR_INVALID, "sending a source: a credit for a log");
    uint64_t room = CREDIT_MAX - sender->credit;
    sender->credit += credit->bytes < room ? credit->bytes : room;
    return 0;
}

int lk_sender_take(struct lk_sender *sender, const lk_wire_Envelope *in, struct lk_err *err)
{
    if (in->which_body == lk_wire_Envelope_want_tag)
        return take_want(sender, &in->body.want, err);
    if (in->which_body == lk_wire_Envelope_credit_tag)
        return take_credit(sender, &in->body.credit, err);
    return lk_err_set(err, LK_ERR_INVALID,
                      "sending a source: a message %s does not belong here",
                      lk_message_name(in->which_body));
}

/* What cannot be read is as good as absent for whoever waits for it. */
static int give_up(struct lk_sender *sender, struct lk_err *err)
{
    char id[LK_OID_TEXT_SIZE];

    close_object(sender);
    sender->message = ABSENT;
    lk_oid_format(&sender->oid, id);
    return lk_err_wrap(err, "sending source object %s", id);
}

static int open_from_source(struct lk_sender *sender, struct lk_err *err)
{
    const struct lk_object_source *source = &sender->source;

    if (source->open) {
        sender->fd =
            source->open(source->ctx, &sender->oid, &sender->is_tree, &sender->size, err);
        return sender->fd < 0 ? -1 : 0;
    }
    if (source->read(source->ctx, &sender->oid, &sender->is_tree, &sender->content, err) < 0)
        return -1;
    sender->size = sender->content.len;
    return 0;
}

/* Takes the next id from the queue and opens its object, or finds that there is none. */
static int open_object(struct lk_sender *sender, struct lk_err *err)
{
    struct lk_err why;

    sender->oid = sender->desk->queue[sender->first];
    sender->first = (sender->first + 1) % QUEUE_MAX;
    sender->count--;
    sender->offset = 0;
    sender->hashed = 0;
    sender->is_hashed = false;
    if (open_from_source(sender, &why) == 0) {
        sender->is_open = true;
        crypto_hash_sha256_init(&sender->hash);
        return 0;
    }
    if (why.kind == LK_ERR_NOT_FOUND) {
        close_object(sender);
        sender->message = ABSENT;
        return 0;
    }
    *err = why;
    return give_up(sender, err);
}

static size_t piece_at(const struct lk_sender *sender, uint64_t offset)
{
    uint64_t left = sender->size - offset;

    return left < LK_WIRE_PIECE_MAX ? (size_t)left : LK_WIRE_PIECE_MAX;
}

/* The bytes of the piece at `offset`, or NULL. */
static const char *read_piece(struct lk_sender *sender, uint64_t offset, struct lk_err *err)
{
    char  *raw = sender->desk->raw;
    size_t len = piece_at(sender, offset), done = 0;

    if (sender->fd < 0)
        return lk_buf_text(&sender->content) + offset;
    while (done < len) {
        ssize_t got = pread(sender->fd, raw + done, len - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            if (got < 0)
                lk_err_sys(err, "reading it");
            else
                lk_err_set(err, LK_ERR_PERMANENT, "its file is shorter than it was");
            return NULL;
        }
        done += (size_t)got;
    }
    return raw;
}

/* The first piece names the hash of all, so a file is read twice: the second time it is in the page cache. */
static int hash_object(struct lk_sender *sender, struct lk_err *err)
{
    uint64_t end = sender->hashed + HASH_STEP;

    while (sender->hashed < sender->size && (sender->fd < 0 || sender->hashed < end)) {
        size_t      len = piece_at(sender, sender->hashed);
        const char *piece = read_piece(sender, sender->hashed, err);
        if (!piece)
            return give_up(sender, err);
        crypto_hash_sha256_update(&sender->hash, (const uint8_t *)piece, len);
        sender->hashed += len;
    }
    sender->is_hashed = sender->hashed == sender->size;
    if (sender->is_hashed)
        crypto_hash_sha256_final(&sender->hash, sender->sha256.sha256);
    return 0;
}

static int pack_piece(struct lk_sender *sender, struct lk_err *err)
{
    struct desk *desk = sender->desk;
    const char  *piece = read_piece(sender, sender->offset, err);

    if (!piece)
        return give_up(sender, err);
    sender->length = piece_at(sender, sender->offset);
    sender->packed_len = ZSTD_compressCCtx(desk->zstd, desk->packed, sizeof(desk->packed),
                                           piece, sender->length, ZSTD_LEVEL);
    if (ZSTD_isError(sender->packed_len))
        return lk_err_set(err, LK_ERR_PERMANENT, "compressing a source object: %s",
                          ZSTD_getErrorName(sender->packed_len));
    sender->message = PIECE;
    return 0;
}

static void fill_absent(const struct lk_sender *sender, lk_wire_Envelope *out)
{
    out->which_body = lk_wire_Envelope_absent_tag;
    memcpy(out->body.absent.oid, sender->oid.sha1, sizeof(sender->oid.sha1));
}

static void fill_piece(const struct lk_sender *sender, lk_wire_Envelope *out)
{
    lk_wire_Object *object = &out->body.object;

    out->which_body = lk_wire_Envelope_object_tag;
    memcpy(object->oid, sender->oid.sha1, sizeof(sender->oid.sha1));
    object->type =
        sender->is_tree ? lk_wire_ObjectType_OBJECT_TREE : lk_wire_ObjectType_OBJECT_BLOB;
    object->size = sender->size;
    object->offset = sender->offset;
    object->length = (uint32_t)sender->length;
    if (sender->offset == 0) {
        object->sha256.size = sizeof(sender->sha256.sha256);
        memcpy(object->sha256.bytes, sender->sha256.sha256, sizeof(sender->sha256.sha256));
    }
}

/* Makes the next message, if there is one to make. */
static int prepare(struct lk_sender *sender, struct lk_err *err)
{
    /* Nothing is read before there is credit to send a part of it. */
    if (!sender->is_open && sender->count > 0 && sender->credit > 0 &&
        open_object(sender, err) < 0)
        return -1;
    if (sender->is_open && !sender->is_hashed && hash_object(sender, err) < 0)
        return -1;
    if (!sender->is_open || !sender->is_hashed ||
        piece_at(sender, sender->offset) > sender->credit)
        return 0;
    return pack_piece(sender, err);
}

bool lk_sender_is_busy(const struct lk_sender *sender)
{
    return sender->is_open && !sender->is_hashed;
}

int lk_sender_next(struct lk_sender *sender, lk_wire_Envelope *out, struct lk_str *payload,
                   struct lk_err *err)
{
    *out = (lk_wire_Envelope) { 0 };
    *payload = LK_STR("");
    if (sender->message == NOTHING && prepare(sender, err) < 0)
        return -1;
    switch (sender->message) {
    case NOTHING: return 0;
    case ABSENT: fill_absent(sender, out); return 1;
    case PIECE:
        fill_piece(sender, out);
        *payload = (struct lk_str) { sender->desk->packed, sender->packed_len };
        return 1;
    }
    return 0;
}

void lk_sender_sent(struct lk_sender *sender)
{
    if (sender->message == PIECE) {
        sender->credit -= sender->length;
        sender->offset += sender->length;
        if (sender->offset == sender->size)
            close_object(sender);
    }
    sender->message = NOTHING;
    if (!sender->is_open && sender->count == 0)
        close_desk(sender);
}
