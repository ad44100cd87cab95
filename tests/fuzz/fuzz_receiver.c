#include "tests/fuzz/fuzz.h"

#include "common/hash/sha256.h"
#include "common/source/receiver.h"
#include "tests/fuzz/scratch.h"

#include <string.h>

#include <git2.h>
#include <zstd.h>

#define CONTENT_MAX 255

/* An object with a name and a frame that fit it: mutation alone would never find either. */
struct sample {
    bool          is_tree;
    struct lk_str content;
    struct lk_oid oid;
};

static struct sample sample_of(uint8_t kind, struct lk_str content)
{
    struct sample sample = { .is_tree = kind % 2, .content = content };
    git_oid       id;

    lk_assert(git_odb_hash(&id, content.data, content.len,
                           sample.is_tree ? GIT_OBJECT_TREE : GIT_OBJECT_BLOB) == 0);
    memcpy(sample.oid.sha1, id.id, sizeof(sample.oid.sha1));
    return sample;
}

/* `lie` says what of the message is not as it should be; 0: nothing. */
static int send(struct lk_receiver *receiver, const struct sample *sample, uint8_t lie,
                struct lk_err *err)
{
    lk_wire_Envelope envelope = { .which_body = lk_wire_Envelope_object_tag };
    lk_wire_Object  *object = &envelope.body.object;
    char             frame[ZSTD_COMPRESSBOUND(CONTENT_MAX)];
    struct lk_digest digest;
    struct lk_str payload = { frame, ZSTD_compress(frame, sizeof(frame), sample->content.data,
                                                   sample->content.len, 1) };

    lk_sha256(sample->content.data, sample->content.len, &digest);
    memcpy(object->oid, sample->oid.sha1, sizeof(sample->oid.sha1));
    object->type =
        sample->is_tree ? lk_wire_ObjectType_OBJECT_TREE : lk_wire_ObjectType_OBJECT_BLOB;
    object->size = object->length = (uint32_t)sample->content.len;
    object->sha256.size = sizeof(digest.sha256);
    memcpy(object->sha256.bytes, digest.sha256, sizeof(digest.sha256));
    switch (lie % 10) {
    case 1: object->size = UINT64_MAX; break;
    case 2: object->length++; break;
    case 3: object->offset = 1; break;
    case 4: payload.len /= 2; break;
    case 5: object->sha256.bytes[0] ^= 1; break;
    case 6: object->size += 7; break; /* more is to come */
    case 7: payload = sample->content; break;
    case 8: envelope.which_body = lk_wire_Envelope_absent_tag; break;
    case 9: object->sha256.size = 0; break;
    }
    return lk_receiver_take(receiver, &envelope, payload, err);
}

static void ask(struct lk_receiver *receiver)
{
    lk_wire_Envelope out;

    while (lk_receiver_next(receiver, &out))
        lk_assert(out.which_body == lk_wire_Envelope_want_tag ||
                  out.which_body == lk_wire_Envelope_credit_tag);
}

static int take_all(struct lk_receiver *receiver, struct lk_str bytes, struct lk_err *err)
{
    while (bytes.len >= 3) {
        uint8_t kind = (uint8_t)bytes.data[0], lie = (uint8_t)bytes.data[1];
        size_t  len = (uint8_t)bytes.data[2];

        bytes = (struct lk_str) { bytes.data + 3, bytes.len - 3 };
        len = len < bytes.len ? len : bytes.len;
        struct sample sample = sample_of(kind, (struct lk_str) { bytes.data, len });
        bytes = (struct lk_str) { bytes.data + len, bytes.len - len };
        ask(receiver);
        if (kind == 0xff)
            lk_receiver_restart(receiver);
        else if (send(receiver, &sample, lie, err) < 0)
            return -1;
    }
    return 0;
}

/*
 * The root is the tree that comes first, by its own name.  Then each object after three bytes: its kind, how it is
 * lied about, its length.  An end is said with a reason; what is done is there.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LK_CLEANUP(lk_store_close) struct lk_store      *store = NULL;
    LK_CLEANUP(lk_receiver_free) struct lk_receiver *receiver = NULL;
    struct lk_str                                    bytes = { (const char *)data, size };
    struct lk_err                                    err = { 0 };
    char                                             directory[128];

    if (size < 3 || size < 3 + (size_t)data[2])
        return 0;
    struct sample root = sample_of(data[0], (struct lk_str) { bytes.data + 3, data[2] });
    git_libgit2_init();
    snprintf(directory, sizeof(directory), "%s", scratch_path("store"));
    lk_directory_remove(directory, &err);
    lk_assert(lk_store_open(&store, directory, &err) == 0);
    receiver = lk_receiver_new(store, 7);
    lk_assert(lk_receiver_add_root(receiver, &root.oid, root.is_tree, &err) == 0);
    if (take_all(receiver, bytes, &err) < 0)
        lk_assert(err.text[0]);
    else if (lk_receiver_is_done(receiver))
        lk_assert(lk_store_has(store, &root.oid));
    return 0;
}
