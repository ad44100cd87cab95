#include "tests/fuzz/fuzz.h"

#include "common/base/hex.h"
#include "common/hash/sha256.h"
#include "common/oci/oci.h"
#include "tests/fuzz/scratch.h"

#include <string.h>

/* The blob has this size and, in the index, this name, so that a mutation of either still finds it. */
#define BLOB_BYTES 1024
static const char unnamed[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

static void write_blob(struct lk_str text, char hex[65])
{
    char             bytes[BLOB_BYTES];
    struct lk_digest digest;

    memset(bytes, ' ', sizeof(bytes));
    if (text.len > 0)
        memcpy(bytes, text.data, text.len < sizeof(bytes) ? text.len : sizeof(bytes));
    lk_sha256(bytes, sizeof(bytes), &digest);
    lk_hex_encode(hex, digest.sha256, sizeof(digest.sha256));
    LK_CLEANUP(lk_free_pointer) char *name = lk_xasprintf("blobs/sha256/%s", hex);
    scratch_write(name, bytes, sizeof(bytes));
}

static void write_index(struct lk_str text, const char *hex)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);

    lk_buf_add_str(&bytes, text);
    char *at = bytes.len ? memmem(bytes.data, bytes.len, unnamed, strlen(unnamed)) : NULL;
    if (at)
        memcpy(at, hex, strlen(unnamed));
    scratch_write("index.json", lk_buf_text(&bytes), bytes.len);
}

/* An OCI layout's index.json, a NUL, and its one blob.  What is read of it is an image that is there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);
    struct lk_str        all = { (const char *)data, size }, index = all, blob = { "", 0 };
    struct lk_descriptor manifest;
    struct lk_digest     digest;
    struct lk_err        err = { 0 };
    char                 hex[65], directory[128], blobs[128];

    lk_str_split(all, '\0', &index, &blob);
    snprintf(directory, sizeof(directory), "%s", scratch_path(""));
    snprintf(blobs, sizeof(blobs), "%s", scratch_path("blobs"));
    lk_directory_remove(blobs, &err);
    lk_assert(lk_directory_make(scratch_path("blobs/sha256"), 0700, &err) == 0);
    write_blob(blob, hex);
    write_index(index, hex);
    if (lk_layout_read(directory, &manifest, &bytes, &err) < 0) {
        lk_assert(strstr(err.text, directory));
        return 0;
    }
    lk_sha256(lk_buf_text(&bytes), bytes.len, &digest);
    lk_assert(lk_media_type_is_image(manifest.media_type));
    lk_assert(lk_digest_eq(&digest, &manifest.digest) && bytes.len == manifest.size);
    return 0;
}
