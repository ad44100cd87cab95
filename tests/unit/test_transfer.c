/* A sender and a receiver, connected in memory through the encoding of the wire. */
#include "tests/unit/source_helper.h"

#include "common/base/limits.h"
#include "common/source/receiver.h"
#include "common/source/sender.h"

/* One message as it would be on the line. */
struct line {
    uint8_t          bytes[LK_WIRE_ENVELOPE_MAX];
    lk_wire_Envelope decoded;
};

struct pair {
    struct lk_store        *from;
    struct lk_store        *to;
    struct lk_object_source source;
    struct lk_sender       *sender;
    struct lk_receiver     *receiver;
    struct line             line;
    size_t                  messages; /* carried to the receiver */
    size_t                  objects;  /* first pieces among them */
    uint64_t                unspent;  /* credit granted, less what was sent */
};

static int read_from_store(void *ctx, const struct lk_oid *oid, bool *is_tree,
                           struct lk_buf *out, struct lk_err *err)
{
    return lk_store_read(ctx, oid, is_tree, out, err);
}

static int open_in_store(void *ctx, const struct lk_oid *oid, bool *is_tree, uint64_t *size,
                         struct lk_err *err)
{
    return lk_store_open_object(ctx, oid, is_tree, size, err);
}

static struct pair *pair_make(void **state)
{
    struct pair *pair = lk_xcalloc(1, sizeof(*pair));

    pair->from = store_make(state, "from");
    pair->to = store_make(state, "to");
    pair->source = (struct lk_object_source) { .read = read_from_store, .ctx = pair->from };
    pair->sender = lk_sender_new(&pair->source);
    pair->receiver = lk_receiver_new(pair->to, 7);
    return pair;
}

static void pair_free(struct pair **pair)
{
    lk_sender_free(&(*pair)->sender);
    lk_receiver_free(&(*pair)->receiver);
    lk_store_close(&(*pair)->from);
    lk_store_close(&(*pair)->to);
    lk_free_pointer(pair);
}

static const lk_wire_Envelope *carry(struct pair *pair, const lk_wire_Envelope *message)
{
    struct lk_err err;
    size_t        len = lk_message_encode(message, pair->line.bytes);

    assert_true(len > 0);
    must(lk_message_decode(pair->line.bytes, len, &pair->line.decoded, &err), &err);
    return &pair->line.decoded;
}

static int to_sender(struct pair *pair, struct lk_err *err)
{
    lk_wire_Envelope message;

    while (lk_receiver_next(pair->receiver, &message)) {
        if (message.which_body == lk_wire_Envelope_credit_tag)
            pair->unspent += message.body.credit.bytes;
        else
            assert_int_equal(message.body.want.job, 7);
        if (lk_sender_take(pair->sender, carry(pair, &message), err) < 0)
            return -1;
    }
    return 0;
}

/* At most `limit` messages; how many went, or -1. */
static int to_receiver(struct pair *pair, int limit, struct lk_err *err)
{
    lk_wire_Envelope message;
    struct lk_str    payload;
    int              count = 0, got = 0;

    while (count < limit &&
           (got = lk_sender_next(pair->sender, &message, &payload, err)) == 1) {
        const lk_wire_Envelope           *in = carry(pair, &message);
        LK_CLEANUP(lk_free_pointer) char *copy = lk_xmalloc(payload.len);
        memcpy(copy, payload.data, payload.len);
        if (in->which_body == lk_wire_Envelope_object_tag) {
            assert_true(in->body.object.length <= pair->unspent);
            pair->unspent -= in->body.object.length;
            pair->objects += in->body.object.offset == 0;
        }
        lk_sender_sent(pair->sender);
        count++;
        pair->messages++;
        struct lk_str bytes = { copy, payload.len };
        if (lk_receiver_take(pair->receiver, in, bytes, err) < 0)
            return -1;
    }
    return got < 0 ? -1 : count;
}

static int transfer(struct pair *pair, struct lk_err *err)
{
    int moved = 1;

    while (moved > 0 && !lk_receiver_is_done(pair->receiver)) {
        if (to_sender(pair, err) < 0)
            return -1;
        moved = to_receiver(pair, 1000, err);
    }
    if (moved == 0 && !lk_receiver_is_done(pair->receiver))
        fail_msg("sender and receiver wait for each other");
    return moved < 0 ? -1 : 0;
}

static void fetch(struct pair *pair, const struct lk_oid *oid, bool is_tree)
{
    struct lk_err err;

    must(lk_receiver_add_root(pair->receiver, oid, is_tree, &err), &err);
    must(transfer(pair, &err), &err);
    assert_true(lk_store_has(pair->to, oid));
}

static void fails(struct pair *pair, const struct lk_oid *oid, enum lk_err_kind kind,
                  const char *why)
{
    struct lk_err err;

    if (lk_receiver_add_root(pair->receiver, oid, true, &err) == 0)
        assert_int_equal(transfer(pair, &err), -1);
    must_say(&err, why);
    assert_int_equal(err.kind, kind);
}

/* Both ends as after a new connection that remembers nothing. */
static void renew(struct pair *pair)
{
    lk_receiver_free(&pair->receiver);
    lk_sender_free(&pair->sender);
    pair->receiver = lk_receiver_new(pair->to, 7);
    pair->sender = lk_sender_new(&pair->source);
    pair->unspent = 0;
}

static struct lk_oid put_noise(struct lk_store *store, size_t size)
{
    LK_CLEANUP(lk_free_pointer) char *noise = lk_xmalloc(size);

    randombytes_buf(noise, size);
    return put(store, false, (struct lk_str) { noise, size });
}

static struct lk_oid put_small_files(struct lk_store *store, int count)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(1 << 20);
    char                                  name[16];

    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%05d", i);
        struct lk_oid blob = put_blob(store, name);
        add_entry(&tree, "100644", name, &blob);
    }
    return put(store, true, lk_buf_str(&tree));
}

static void roots_may_follow_one_another(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      spec = put_blob(pair->from, "{\"specification\":1}");
    struct lk_oid                      file = put_blob(pair->from, "FROM scratch\n");
    struct lk_oid tree = put_tree(pair->from, "100644", "Dockerfile", &file);

    assert_true(lk_receiver_is_done(pair->receiver));
    fetch(pair, &spec, false);
    assert_true(lk_receiver_is_done(pair->receiver));
    assert_false(lk_store_has(pair->to, &tree));
    fetch(pair, &tree, true);
    assert_true(lk_store_has(pair->to, &file));
    assert_int_equal(lk_receiver_bytes(pair->receiver), 19 + 13 + 38);
    size_t before = pair->messages;
    fetch(pair, &tree, true);
    assert_int_equal(pair->messages, before);
}

static void an_incompressible_file_of_3_mb_goes_in_pieces_on_credit(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    LK_CLEANUP(lk_buf_fini)
    struct lk_buf there = LK_BUF_INIT(4 << 20), here = LK_BUF_INIT(4 << 20);
    struct lk_oid blob = put_noise(pair->from, 3000001);
    struct lk_oid tree = put_tree(pair->from, "100644", "big", &blob);
    struct lk_err err;
    bool          is_tree;

    fetch(pair, &tree, true);
    assert_int_equal(pair->messages, 1 + (3000001 + LK_WIRE_PIECE_MAX - 1) / LK_WIRE_PIECE_MAX);
    must(lk_store_read(pair->from, &blob, &is_tree, &there, &err), &err);
    must(lk_store_read(pair->to, &blob, &is_tree, &here, &err), &err);
    assert_true(lk_str_eq(lk_buf_str(&here), lk_buf_str(&there)));
}

static void send_from_files(struct pair *pair)
{
    pair->source = (struct lk_object_source) { .open = open_in_store, .ctx = pair->from };
    renew(pair);
}

static void a_file_is_sent_without_being_read_whole(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      blob = put_noise(pair->from, 3000001);
    struct lk_oid                      empty = put_blob(pair->from, "");
    struct lk_oid                      tree = put_tree(pair->from, "100644", "big", &blob);

    send_from_files(pair);
    fetch(pair, &tree, true);
    assert_true(lk_store_has(pair->to, &blob));
    fetch(pair, &empty, false);
}

static void hashing_a_large_file_takes_several_turns(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      blob = put_noise(pair->from, 9 << 20);
    lk_wire_Envelope                   message;
    struct lk_str                      payload;
    struct lk_err                      err;
    int                                turns = 0;

    send_from_files(pair);
    must(lk_receiver_add_root(pair->receiver, &blob, false, &err), &err);
    must(to_sender(pair, &err), &err);
    while (lk_sender_next(pair->sender, &message, &payload, &err) == 0 && turns++ < 10)
        assert_true(lk_sender_is_busy(pair->sender));
    assert_int_equal(turns, 2);
    fetch(pair, &blob, false);
    assert_false(lk_sender_is_busy(pair->sender));
}

static void a_file_that_cannot_be_read_on_is_said_to_be_absent(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      blob = put_noise(pair->from, 3000001);
    char                               id[LK_OID_TEXT_SIZE], name[64];
    struct lk_err                      err;

    send_from_files(pair);
    must(lk_receiver_add_root(pair->receiver, &blob, false, &err), &err);
    must(to_sender(pair, &err), &err);
    assert_int_equal(to_receiver(pair, 2, &err), 2);
    lk_oid_format(&blob, id);
    snprintf(name, sizeof(name), "from/%.2s/%s.b", id, id + 2);
    assert_int_equal(truncate(scratch_path(state, name), 200000), 0);
    assert_int_equal(transfer(pair, &err), -1);
    must_say(&err, "shorter than it was");
    assert_int_equal(transfer(pair, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
}

static void many_small_files_and_empty_ones_arrive(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      tree = put_small_files(pair->from, 2500);
    struct lk_oid                      empty = put_blob(pair->from, "");
    struct lk_oid                      other = put_tree(pair->from, "100644", "empty", &empty);

    fetch(pair, &tree, true);
    assert_int_equal(pair->objects, 2501);
    fetch(pair, &other, true);
    assert_true(lk_store_has(pair->to, &empty));
}

static void only_what_changed_is_sent(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      old = put_small_files(pair->from, 50);
    struct lk_oid new = put_small_files(pair->from, 51);

    fetch(pair, &old, true);
    pair->objects = 0;
    fetch(pair, &new, true);
    assert_int_equal(pair->objects, 2);
}

static void an_object_named_often_is_sent_once(void **state)
{
    LK_CLEANUP(pair_free) struct pair    *pair = pair_make(state);
    LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(4096);
    struct lk_oid                         blob = put_blob(pair->from, "same");

    add_entry(&tree, "100644", "a", &blob);
    add_entry(&tree, "100644", "b", &blob);
    struct lk_oid root = put(pair->from, true, lk_buf_str(&tree));
    fetch(pair, &root, true);
    assert_int_equal(pair->objects, 2);
}

static void a_tree_in_the_store_whose_files_are_missing_is_completed(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      blob = put_blob(pair->from, "file");
    struct lk_oid                      tree = put_tree(pair->from, "100644", "f", &blob);

    put_tree(pair->to, "100644", "f", &blob);
    fetch(pair, &tree, true);
    assert_int_equal(pair->objects, 1);
    assert_true(lk_store_has(pair->to, &blob));
}

static void a_broken_line_costs_only_what_was_under_way(void **state)
{
    LK_CLEANUP(pair_free) struct pair    *pair = pair_make(state);
    LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(4096);
    struct lk_oid                         many = put_small_files(pair->from, 300);
    struct lk_oid                         big = put_noise(pair->from, 700000);
    struct lk_err                         err;

    add_entry(&tree, "100644", "big", &big);
    add_entry(&tree, "40000", "many", &many);
    struct lk_oid root = put(pair->from, true, lk_buf_str(&tree));
    must(lk_receiver_add_root(pair->receiver, &root, true, &err), &err);
    for (int i = 0; !lk_receiver_is_done(pair->receiver); i++) {
        assert_true(i < 100);
        for (int round = 0; round <= i; round++) {
            must(to_sender(pair, &err), &err);
            assert_true(to_receiver(pair, 5, &err) >= 0);
        }
        lk_sender_free(&pair->sender);
        pair->sender = lk_sender_new(&pair->source);
        pair->unspent = 0;
        lk_receiver_restart(pair->receiver);
    }
    assert_true(lk_store_has(pair->to, &big));
    assert_true(pair->objects < 2 * 303);
}

static void a_message_that_was_not_sent_comes_again(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      blob = put_blob(pair->from, "file");
    lk_wire_Envelope                   first, again;
    struct lk_str                      payload;
    struct lk_err                      err;

    must(lk_receiver_add_root(pair->receiver, &blob, false, &err), &err);
    must(to_sender(pair, &err), &err);
    assert_int_equal(lk_sender_next(pair->sender, &first, &payload, &err), 1);
    assert_int_equal(lk_sender_next(pair->sender, &again, &payload, &err), 1);
    assert_memory_equal(first.body.object.oid, again.body.object.oid, 20);
    assert_true(lk_receiver_expects(pair->receiver, &blob));
    lk_sender_sent(pair->sender);
    assert_int_equal(lk_sender_next(pair->sender, &again, &payload, &err), 0);
}

static void an_absent_object_ends_the_transfer_as_not_found(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      absent = { { 0xcd } };
    struct lk_oid                      tree = put_tree(pair->from, "100644", "f", &absent);

    fails(pair, &tree, LK_ERR_NOT_FOUND, "cd00000000000000000000000000000000000000");
}

static void submodules_git_directories_and_twins_end_the_transfer(void **state)
{
    LK_CLEANUP(pair_free) struct pair    *pair = pair_make(state);
    LK_CLEANUP(lk_buf_fini) struct lk_buf twins = LK_BUF_INIT(4096);
    struct lk_oid                         blob = put_blob(pair->from, "file");
    struct lk_oid inner = put_tree(pair->from, "100644", "config", &blob);
    struct lk_oid git = put_tree(pair->from, "40000", ".git", &inner);
    struct lk_oid module = put_tree(pair->from, "160000", "sub", &blob);

    add_entry(&twins, "100644", "README", &blob);
    add_entry(&twins, "100644", "readme", &blob);
    struct lk_oid twin_tree = put(pair->from, true, lk_buf_str(&twins));
    fails(pair, &git, LK_ERR_INVALID, ".git");
    fails(pair, &module, LK_ERR_INVALID, "submodule");
    fails(pair, &twin_tree, LK_ERR_INVALID, "rename one");
    /* What is in the store already is checked too. */
    put_tree(pair->to, "100644", "..", &blob);
    struct lk_oid climbing = put_tree(pair->from, "100644", "..", &blob);
    fails(pair, &climbing, LK_ERR_INVALID, "no name");
}

static void a_source_beyond_the_stores_maximum_ends_the_transfer(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      blob = put_noise(pair->from, 3000001);
    struct lk_oid                      tree = put_tree(pair->from, "100644", "big", &blob);

    lk_store_limit(pair->to, 2 << 20);
    fails(pair, &tree, LK_ERR_LIMIT, "more than 2 MiB");
    lk_store_limit(pair->to, 4 << 20);
    renew(pair);
    put_noise(pair->to, 4000000);
    fails(pair, &tree, LK_ERR_LIMIT, "the source store is full");
}

static void nesting_beyond_the_limit_ends_the_transfer(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      oid = put_blob(pair->from, "b");
    const char                        *mode = "100644";

    for (int i = 0; i < LK_TREE_DEPTH_MAX; i++, mode = "40000")
        oid = put_tree(pair->from, mode, "d", &oid);
    fetch(pair, &oid, true);
    for (int i = 0; i < 2; i++)
        oid = put_tree(pair->from, "40000", "d", &oid);
    renew(pair);
    fails(pair, &oid, LK_ERR_LIMIT, "levels deep");
}

static void too_many_objects_end_the_transfer(void **state)
{
    LK_CLEANUP(pair_free) struct pair    *pair = pair_make(state);
    LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(LK_TREE_BYTES_MAX);
    char                                  name[16];

    for (uint32_t i = 0; i < LK_SOURCE_OBJECTS_MAX; i++) {
        struct lk_oid oid = { { 0 } };
        memcpy(oid.sha1, &i, sizeof(i));
        snprintf(name, sizeof(name), "%u", i);
        add_entry(&tree, "100644", name, &oid);
    }
    struct lk_oid root = put(pair->from, true, lk_buf_str(&tree));
    fails(pair, &root, LK_ERR_LIMIT, "more than 200000");
}

static void one_object_as_file_and_as_directory_ends_the_transfer(void **state)
{
    LK_CLEANUP(pair_free) struct pair    *pair = pair_make(state);
    LK_CLEANUP(lk_buf_fini) struct lk_buf tree = LK_BUF_INIT(4096);
    struct lk_oid                         blob = put_blob(pair->from, "b");

    add_entry(&tree, "100644", "a", &blob);
    add_entry(&tree, "40000", "b", &blob);
    struct lk_oid root = put(pair->from, true, lk_buf_str(&tree));
    fails(pair, &root, LK_ERR_INVALID, "both as a file and as a directory");
}

static void asking_for_too_much_is_refused_by_the_sender(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    lk_wire_Envelope                   want = { .which_body = lk_wire_Envelope_want_tag };
    struct lk_err                      err;

    want.body.want.oids_count = 256;
    for (int i = 0; i < 4096 / 256; i++)
        must(lk_sender_take(pair->sender, &want, &err), &err);
    assert_int_equal(lk_sender_take(pair->sender, &want, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

static void without_credit_nothing_is_read_or_sent(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      blob = put_blob(pair->from, "file");
    lk_wire_Envelope                   message = { .which_body = lk_wire_Envelope_want_tag };
    struct lk_str                      payload;
    struct lk_err                      err;

    message.body.want.oids_count = 1;
    memcpy(message.body.want.oids[0], blob.sha1, sizeof(blob.sha1));
    must(lk_sender_take(pair->sender, &message, &err), &err);
    assert_int_equal(lk_sender_next(pair->sender, &message, &payload, &err), 0);
    message = (lk_wire_Envelope) { .which_body = lk_wire_Envelope_credit_tag };
    message.body.credit.bytes = UINT64_MAX;
    must(lk_sender_take(pair->sender, &message, &err), &err);
    must(lk_sender_take(pair->sender, &message, &err), &err);
    assert_int_equal(lk_sender_next(pair->sender, &message, &payload, &err), 1);
}

static void the_rest_of_a_transfer_that_was_given_up_is_passed_over(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      blob = put_noise(pair->from, 3000001);
    struct lk_err                      err;

    must(lk_receiver_add_root(pair->receiver, &blob, false, &err), &err);
    must(to_sender(pair, &err), &err);
    assert_int_equal(to_receiver(pair, 2, &err), 2);

    /* Its store was full; the next attempt is on the same line, to a sender that is amid the file. */
    lk_receiver_free(&pair->receiver);
    pair->receiver = lk_receiver_new(pair->to, 7);
    fetch(pair, &blob, false);
}

/* ---- a lying sender: one good first message, then changed ---- */

typedef void lie(lk_wire_Object *object, struct lk_str *payload);

static void refuses_the_lie(struct pair *pair, const struct lk_oid *blob, lie *tell,
                            enum lk_err_kind kind, const char *why)
{
    lk_wire_Envelope message;
    struct lk_str    payload;
    struct lk_err    err;

    renew(pair);
    must(lk_receiver_add_root(pair->receiver, blob, false, &err), &err);
    must(to_sender(pair, &err), &err);
    assert_int_equal(lk_sender_next(pair->sender, &message, &payload, &err), 1);
    tell(&message.body.object, &payload);
    assert_int_equal(lk_receiver_take(pair->receiver, carry(pair, &message), payload, &err),
                     -1);
    must_say(&err, why);
    assert_int_equal(err.kind, kind);
    assert_false(lk_store_has(pair->to, blob));
}

static void wrong_id(lk_wire_Object *object, struct lk_str *payload)
{
    (void)payload;
    object->oid[0] ^= 1;
}

static void alien_sha256(lk_wire_Object *object, struct lk_str *payload)
{
    (void)payload;
    object->sha256.bytes[0] ^= 1;
}

static void no_sha256(lk_wire_Object *object, struct lk_str *payload)
{
    (void)payload;
    object->sha256.size = 0;
}

static void wrong_type(lk_wire_Object *object, struct lk_str *payload)
{
    (void)payload;
    object->type = lk_wire_ObjectType_OBJECT_TREE;
}

static void huge_size(lk_wire_Object *object, struct lk_str *payload)
{
    (void)payload;
    object->size = LK_SOURCE_OBJECT_BYTES_MAX + 1;
}

static void longer_than_stated(lk_wire_Object *object, struct lk_str *payload)
{
    (void)payload;
    object->length--;
}

static void not_zstd(lk_wire_Object *object, struct lk_str *payload)
{
    (void)object;
    *payload = LK_STR("plain bytes");
}

static void empty_piece(lk_wire_Object *object, struct lk_str *payload)
{
    (void)payload;
    object->length = 0;
}

/* Other content of the same length, with its own true SHA-256. */
static void other_content(lk_wire_Object *object, struct lk_str *payload)
{
    static char packed[256];
    const char *content = "elif";

    object->length = 4;
    crypto_hash_sha256(object->sha256.bytes, (const uint8_t *)content, 4);
    /* A zstd frame with one raw block, RFC 8878 section 3.1.1. */
    static const uint8_t head[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x20, 4, 0x21, 0, 0 };
    memcpy(packed, head, sizeof(head));
    memcpy(packed + sizeof(head), content, 4);
    *payload = (struct lk_str) { packed, sizeof(head) + 4 };
}

static void a_lying_sender_is_refused(void **state)
{
    LK_CLEANUP(pair_free) struct pair *pair = pair_make(state);
    struct lk_oid                      blob = put_blob(pair->from, "file");

    refuses_the_lie(pair, &blob, wrong_id, LK_ERR_INVALID, "nobody asked");
    refuses_the_lie(pair, &blob, alien_sha256, LK_ERR_INVALID, "SHA-256");
    refuses_the_lie(pair, &blob, no_sha256, LK_ERR_INVALID, "SHA-256");
    refuses_the_lie(pair, &blob, wrong_type, LK_ERR_INVALID, "kind");
    refuses_the_lie(pair, &blob, huge_size, LK_ERR_LIMIT, "1073741825");
    refuses_the_lie(pair, &blob, longer_than_stated, LK_ERR_INVALID, "zstd");
    refuses_the_lie(pair, &blob, not_zstd, LK_ERR_INVALID, "zstd");
    refuses_the_lie(pair, &blob, empty_piece, LK_ERR_INVALID, "does not fit");
    refuses_the_lie(pair, &blob, other_content, LK_ERR_INVALID, "has the id");
    renew(pair);
    fetch(pair, &blob, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(roots_may_follow_one_another),
        TEST(an_incompressible_file_of_3_mb_goes_in_pieces_on_credit),
        TEST(a_file_is_sent_without_being_read_whole),
        TEST(hashing_a_large_file_takes_several_turns),
        TEST(a_file_that_cannot_be_read_on_is_said_to_be_absent),
        TEST(many_small_files_and_empty_ones_arrive),
        TEST(only_what_changed_is_sent),
        TEST(an_object_named_often_is_sent_once),
        TEST(a_tree_in_the_store_whose_files_are_missing_is_completed),
        TEST(a_broken_line_costs_only_what_was_under_way),
        TEST(a_message_that_was_not_sent_comes_again),
        TEST(an_absent_object_ends_the_transfer_as_not_found),
        TEST(submodules_git_directories_and_twins_end_the_transfer),
        TEST(a_source_beyond_the_stores_maximum_ends_the_transfer),
        TEST(nesting_beyond_the_limit_ends_the_transfer),
        TEST(too_many_objects_end_the_transfer),
        TEST(one_object_as_file_and_as_directory_ends_the_transfer),
        TEST(asking_for_too_much_is_refused_by_the_sender),
        TEST(without_credit_nothing_is_read_or_sent),
        TEST(the_rest_of_a_transfer_that_was_given_up_is_passed_over),
        TEST(a_lying_sender_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
