#include "common/source/receiver.h"

#include "common/base/limits.h"
#include "common/source/oidset.h"
#include "common/source/tree.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define IN_FLIGHT_MAX 256 /* ids of one WANT */
#define WANT_MIN      64  /* asking for single objects would cost a message each */
#define CREDIT_WINDOW (8 * LK_WIRE_PIECE_MAX)
#define CREDIT_STEP   (2 * LK_WIRE_PIECE_MAX)

struct item {
    struct lk_oid oid;
    bool          is_tree;
    unsigned      depth;
};

/* First in, first out, so that a tree is walked level by level. */
struct queue {
    struct item *items;
    size_t       first;
    size_t       count;
    size_t       capacity;
};

/* The object whose pieces are coming in. */
struct incoming {
    struct lk_store_writer *writer; /* NULL: none */
    struct item             item;
    uint64_t                size;
    uint64_t                offset;
    struct lk_digest        sha256;
};

struct lk_receiver {
    struct lk_store  *store;
    uint64_t          job;
    struct lk_oidset *seen;
    struct queue      unchecked; /* perhaps in the store; empty between calls */
    struct queue      wanted;
    struct item       in_flight[IN_FLIGHT_MAX];
    size_t            in_flight_count;
    struct incoming   incoming;
    uint64_t          credit_due;     /* taken in and not granted anew */
    uint64_t          bytes_declared; /* of every object that began to come */
    uint64_t          bytes_received;
    ZSTD_DCtx        *zstd;
    uint8_t           piece[LK_WIRE_PIECE_MAX];
};

static void queue_push(struct queue *queue, const struct item *item)
{
    if (queue->first + queue->count == queue->capacity) {
        if (queue->first > queue->count) {
            memmove(queue->items, queue->items + queue->first,
                    queue->count * sizeof(queue->items[0]));
            queue->first = 0;
        } else {
            queue->capacity = queue->capacity ? queue->capacity * 2 : 64;
            queue->items = lk_xrealloc(queue->items, queue->capacity * sizeof(queue->items[0]));
        }
    }
    queue->items[queue->first + queue->count++] = *item;
}

static struct item queue_pop(struct queue *queue)
{
    struct item item = queue->items[queue->first];

    queue->count--;
    queue->first = queue->count ? queue->first + 1 : 0;
    return item;
}

struct lk_receiver *lk_receiver_new(struct lk_store *store, uint64_t job)
{
    struct lk_receiver *receiver = lk_xcalloc(1, sizeof(*receiver));

    receiver->store = store;
    receiver->job = job;
    receiver->seen = lk_oidset_new(LK_SOURCE_OBJECTS_MAX);
    receiver->credit_due = CREDIT_WINDOW;
    receiver->zstd = ZSTD_createDCtx();
    lk_assert(receiver->zstd);
    return receiver;
}

void lk_receiver_free(struct lk_receiver **receiver)
{
    struct lk_receiver *r = LK_TAKE(*receiver);

    if (!r)
        return;
    lk_store_write_abort(&r->incoming.writer);
    lk_oidset_free(&r->seen);
    free(r->unchecked.items);
    free(r->wanted.items);
    ZSTD_freeDCtx(r->zstd);
    free(r);
}

static int add(struct lk_receiver *receiver, const struct item *item, struct lk_err *err)
{
    char id[LK_OID_TEXT_SIZE];

    if (item->depth > LK_TREE_DEPTH_MAX)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "the source has directories more than %d levels deep",
                          LK_TREE_DEPTH_MAX);
    switch (lk_oidset_add(receiver->seen, &item->oid, item->is_tree)) {
    case LK_OIDSET_NEW: queue_push(&receiver->unchecked, item); break;
    case LK_OIDSET_KNOWN: break;
    case LK_OIDSET_OTHER_KIND:
        lk_oid_format(&item->oid, id);
        return lk_err_set(err, LK_ERR_INVALID,
                          "the source names object %s both as a file and as a directory", id);
    case LK_OIDSET_FULL:
        return lk_err_set(err, LK_ERR_LIMIT,
                          "the source has more than %d files and directories",
                          LK_SOURCE_OBJECTS_MAX);
    }
    return 0;
}

struct walk {
    struct lk_receiver *receiver;
    unsigned            depth;
};

static int add_entry(void *ctx, const struct lk_tree_entry *entry, struct lk_err *err)
{
    struct walk *walk = ctx;
    struct item  item = { entry->oid, entry->kind == LK_TREE_DIRECTORY, walk->depth + 1 };

    return add(walk->receiver, &item, err);
}

/* Adds what a tree of the store names. */
static int add_children(struct lk_receiver *receiver, const struct item *tree,
                        struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_TREE_BYTES_MAX);
    struct walk                           walk = { receiver, tree->depth };
    bool                                  is_tree;
    char                                  id[LK_OID_TEXT_SIZE];

    lk_oid_format(&tree->oid, id);
    if (lk_store_read(receiver->store, &tree->oid, &is_tree, &bytes, err) < 0)
        return -1;
    if (!is_tree)
        return lk_err_set(err, LK_ERR_INVALID,
                          "the source names object %s as a directory, but it is a file", id);
    return lk_tree_read(lk_buf_str(&bytes), add_entry, &walk, err);
}

/* Sorts what is unchecked into what is there (and walks it) and what is to be asked for. */
static int check_store(struct lk_receiver *receiver, struct lk_err *err)
{
    while (receiver->unchecked.count > 0) {
        struct item item = queue_pop(&receiver->unchecked);
        if (!lk_store_use(receiver->store, &item.oid))
            queue_push(&receiver->wanted, &item);
        else if (item.is_tree && add_children(receiver, &item, err) < 0)
            return -1;
    }
    return 0;
}

int lk_receiver_add_root(struct lk_receiver *receiver, const struct lk_oid *oid, bool is_tree,
                         struct lk_err *err)
{
    struct item item = { *oid, is_tree, 0 };

    return add(receiver, &item, err) < 0 ? -1 : check_store(receiver, err);
}

static bool next_want(struct lk_receiver *receiver, lk_wire_Envelope *out)
{
    size_t room = IN_FLIGHT_MAX - receiver->in_flight_count;
    size_t count = receiver->wanted.count < room ? receiver->wanted.count : room;

    if (count == 0 || (count < WANT_MIN && count < receiver->wanted.count))
        return false;
    out->which_body = lk_wire_Envelope_want_tag;
    out->body.want = (lk_wire_Want) { .oids_count = (pb_size_t)count, .job = receiver->job };
    for (size_t i = 0; i < count; i++) {
        struct item item = queue_pop(&receiver->wanted);
        memcpy(out->body.want.oids[i], item.oid.sha1, sizeof(item.oid.sha1));
        receiver->in_flight[receiver->in_flight_count++] = item;
    }
    return true;
}

static bool next_credit(struct lk_receiver *receiver, lk_wire_Envelope *out)
{
    if (receiver->credit_due < CREDIT_STEP || receiver->in_flight_count == 0)
        return false;
    out->which_body = lk_wire_Envelope_credit_tag;
    out->body.credit = (lk_wire_Credit) { .bytes = receiver->credit_due };
    receiver->credit_due = 0;
    return true;
}

bool lk_receiver_next(struct lk_receiver *receiver, lk_wire_Envelope *out)
{
    *out = (lk_wire_Envelope) { 0 };
    return next_want(receiver, out) || next_credit(receiver, out);
}

static struct lk_oid oid_of(const pb_byte_t bytes[20])
{
    struct lk_oid oid;

    memcpy(oid.sha1, bytes, sizeof(oid.sha1));
    return oid;
}

static int refuse(struct lk_err *err, const struct lk_oid *oid, const char *why)
{
    char id[LK_OID_TEXT_SIZE];

    lk_oid_format(oid, id);
    return lk_err_set(err, LK_ERR_INVALID, "receiving source object %s: %s", id, why);
}

/* NULL: it was not asked for. */
static struct item *find_in_flight(struct lk_receiver *receiver, const struct lk_oid *oid)
{
    for (size_t i = 0; i < receiver->in_flight_count; i++)
        if (lk_oid_eq(&receiver->in_flight[i].oid, oid))
            return &receiver->in_flight[i];
    return NULL;
}

/* Keeps the order, which is the one in which the others will come. */
static void forget_in_flight(struct lk_receiver *receiver, const struct lk_oid *oid)
{
    struct item *item = find_in_flight(receiver, oid);
    size_t       after = (size_t)(receiver->in_flight + receiver->in_flight_count - item) - 1;

    memmove(item, item + 1, after * sizeof(*item));
    receiver->in_flight_count--;
}

static int check_size(const struct lk_receiver *receiver, const struct item *item,
                      uint64_t size, struct lk_err *err)
{
    uint64_t max = item->is_tree ? LK_TREE_BYTES_MAX : LK_SOURCE_OBJECT_BYTES_MAX;

    if (size > max)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "a %s of the source has %llu bytes; the most is %llu",
                          item->is_tree ? "directory" : "file", (unsigned long long)size,
                          (unsigned long long)max);
    if (size > LK_SOURCE_BYTES_MAX - receiver->bytes_declared)
        return lk_err_set(err, LK_ERR_LIMIT, "the source has more than %llu bytes",
                          (unsigned long long)LK_SOURCE_BYTES_MAX);
    if (receiver->bytes_declared + size > lk_store_max_bytes(receiver->store))
        return lk_err_set(err, LK_ERR_LIMIT,
                          "the source has more than %llu MiB, which is all that the store for "
                          "sources may hold (sources-max-mib)",
                          (unsigned long long)(lk_store_max_bytes(receiver->store) >> 20));
    return lk_store_check_room(receiver->store, size, err);
}

static int begin(struct lk_receiver *receiver, const struct lk_oid *oid,
                 const lk_wire_Object *object, struct lk_err *err)
{
    struct incoming   *incoming = &receiver->incoming;
    const struct item *item = find_in_flight(receiver, oid);

    if (!item)
        return refuse(err, oid, "nobody asked for it");
    if (object->type !=
        (item->is_tree ? lk_wire_ObjectType_OBJECT_TREE : lk_wire_ObjectType_OBJECT_BLOB))
        return refuse(err, oid, "it is not of the kind that its directory says");
    if (object->sha256.size != sizeof(incoming->sha256.sha256))
        return refuse(err, oid, "its first piece came without a SHA-256");
    if (check_size(receiver, item, object->size, err) < 0 ||
        lk_store_write_begin(&incoming->writer, receiver->store, item->is_tree, err) < 0)
        return -1;
    incoming->item = *item;
    incoming->size = object->size;
    incoming->offset = 0;
    memcpy(incoming->sha256.sha256, object->sha256.bytes, sizeof(incoming->sha256.sha256));
    receiver->bytes_declared += object->size;
    return 0;
}

static int take_piece(struct lk_receiver *receiver, const lk_wire_Object *object,
                      struct lk_str payload, struct lk_err *err)
{
    struct incoming *incoming = &receiver->incoming;

    if (object->offset != incoming->offset || object->size != incoming->size ||
        object->length > LK_WIRE_PIECE_MAX ||
        object->length > incoming->size - incoming->offset ||
        (object->length == 0 && incoming->size > 0))
        return refuse(err, &incoming->item.oid, "a piece does not fit the one before");
    size_t got = ZSTD_decompressDCtx(receiver->zstd, receiver->piece, object->length,
                                     payload.data, payload.len);
    if (ZSTD_isError(got) || got != object->length)
        return refuse(err, &incoming->item.oid,
                      "a piece is not the zstd frame that it should be");
    receiver->credit_due += got;
    receiver->bytes_received += got;
    incoming->offset += got;
    return lk_store_write(incoming->writer, receiver->piece, got, err);
}

static int finish(struct lk_receiver *receiver, struct lk_err *err)
{
    struct incoming *incoming = &receiver->incoming;

    if (lk_store_write_finish(&incoming->writer, &incoming->item.oid, &incoming->sha256, err) <
        0)
        return -1;
    forget_in_flight(receiver, &incoming->item.oid);
    if (!incoming->item.is_tree)
        return 0;
    return add_children(receiver, &incoming->item, err) < 0 ? -1 : check_store(receiver, err);
}

void lk_receiver_skip(struct lk_receiver *receiver, const lk_wire_Object *object)
{
    if (object->length <= LK_WIRE_PIECE_MAX)
        receiver->credit_due += object->length;
}

static int take_object(struct lk_receiver *receiver, const lk_wire_Object *object,
                       struct lk_str payload, struct lk_err *err)
{
    struct incoming *incoming = &receiver->incoming;
    struct lk_oid    oid = oid_of(object->oid);

    /* The rest of what somebody before us had asked for: our own comes whole after it. */
    if (!incoming->writer && object->offset != 0 && find_in_flight(receiver, &oid)) {
        lk_receiver_skip(receiver, object);
        return 0;
    }
    if (!incoming->writer && begin(receiver, &oid, object, err) < 0)
        return -1;
    if (!lk_oid_eq(&oid, &incoming->item.oid))
        return refuse(err, &oid, "it came amid the pieces of another one");
    if (take_piece(receiver, object, payload, err) < 0)
        return -1;
    return incoming->offset == incoming->size ? finish(receiver, err) : 0;
}

static int take_absent(struct lk_receiver *receiver, const lk_wire_Absent *absent,
                       struct lk_err *err)
{
    struct lk_oid      oid = oid_of(absent->oid);
    const struct item *item = find_in_flight(receiver, &oid);
    char               id[LK_OID_TEXT_SIZE];

    if (!item)
        return refuse(err, &oid, "said to be absent, but nobody asked for it");
    lk_oid_format(&oid, id);
    return lk_err_set(
        err, LK_ERR_NOT_FOUND,
        "the sender does not have source object %s, a %s: a shallow or partial clone?", id,
        item->is_tree ? "directory" : "file");
}

int lk_receiver_take(struct lk_receiver *receiver, const lk_wire_Envelope *in,
                     struct lk_str payload, struct lk_err *err)
{
    if (in->which_body == lk_wire_Envelope_object_tag)
        return take_object(receiver, &in->body.object, payload, err);
    if (in->which_body == lk_wire_Envelope_absent_tag)
        return take_absent(receiver, &in->body.absent, err);
    return lk_err_set(err, LK_ERR_INVALID,
                      "receiving a source: a message %s does not belong here",
                      lk_message_name(in->which_body));
}

bool lk_receiver_expects(const struct lk_receiver *receiver, const struct lk_oid *oid)
{
    for (size_t i = 0; i < receiver->in_flight_count; i++)
        if (lk_oid_eq(&receiver->in_flight[i].oid, oid))
            return true;
    return false;
}

bool lk_receiver_is_done(const struct lk_receiver *receiver)
{
    return receiver->wanted.count == 0 && receiver->in_flight_count == 0;
}

void lk_receiver_restart(struct lk_receiver *receiver)
{
    if (receiver->incoming.writer)
        receiver->bytes_declared -= receiver->incoming.size;
    lk_store_write_abort(&receiver->incoming.writer);
    for (size_t i = 0; i < receiver->in_flight_count; i++)
        queue_push(&receiver->wanted, &receiver->in_flight[i]);
    receiver->in_flight_count = 0;
    receiver->credit_due = CREDIT_WINDOW;
}

uint64_t lk_receiver_bytes(const struct lk_receiver *receiver)
{
    return receiver->bytes_received;
}
