#include "tests/fuzz/fuzz.h"

#include "common/oci/oci.h"

/* What an index says is bounded, and can be written again and read the same. */
static void read_index(struct lk_str bytes)
{
    static struct lk_index                index, again;
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1 << 20);
    struct lk_err                         err = { 0 };

    if (lk_index_read(bytes, &index, &err) < 0) {
        lk_assert(err.text[0]);
        return;
    }
    lk_assert(index.count <= LK_INDEX_ENTRIES_MAX);
    if (lk_index_write(&index, &out, &err) < 0)
        return;
    lk_assert(lk_index_read(lk_buf_str(&out), &again, &err) == 0 && again.count == index.count);
}

/* A registry's documents, whichever of them the bytes were asked for as. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lk_image_manifest manifest;
    static struct lk_image_rootfs   rootfs;
    struct lk_image_config          config;
    struct lk_str                   bytes = { (const char *)data, size };
    struct lk_err                   err = { 0 };

    read_index(bytes);
    if (lk_image_manifest_read(bytes, &manifest, &err) == 0)
        lk_assert(manifest.layer_count <= LK_IMAGE_LAYERS_MAX);
    if (lk_image_rootfs_read(bytes, &rootfs, &err) == 0)
        lk_assert(rootfs.layer_count <= LK_IMAGE_LAYERS_MAX);
    (void)lk_image_config_read(bytes, &config, &err);
    return 0;
}
