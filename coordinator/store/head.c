#include "coordinator/store/head.h"

#include "common/base/hex.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "CLUSTER-IN-HEX NUMBER\n", always as long: overwriting it needs no room on the disk. */
#define HEX_CHARS  (2 * LK_CLUSTER_BYTES)
#define TEXT_CHARS (HEX_CHARS + 1 + 20 + 1)

int lk_head_open(int *fd, const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/journal.head", directory);

    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd < 0 ? lk_err_sys(err, "opening %s", path) : 0;
}

uint64_t lk_head_read(int fd, const uint8_t cluster[LK_CLUSTER_BYTES])
{
    char     text[TEXT_CHARS + 1] = "";
    char     hex[HEX_CHARS + 1];
    uint64_t seq;

    lk_hex_encode(hex, cluster, LK_CLUSTER_BYTES);
    if (pread(fd, text, TEXT_CHARS, 0) != TEXT_CHARS || memcmp(text, hex, HEX_CHARS) != 0 ||
        text[HEX_CHARS] != ' ' || text[TEXT_CHARS - 1] != '\n' ||
        !lk_parse_u64((struct lk_str) { text + HEX_CHARS + 1, 20 }, INT64_MAX, &seq))
        return 0;
    return seq;
}

int lk_head_write(int fd, const uint8_t cluster[LK_CLUSTER_BYTES], uint64_t seq,
                  struct lk_err *err)
{
    char text[TEXT_CHARS + 1];

    lk_hex_encode(text, cluster, LK_CLUSTER_BYTES);
    snprintf(text + HEX_CHARS, sizeof(text) - HEX_CHARS, " %020llu\n", (unsigned long long)seq);
    /* After the commit, and not synced: after a loss of power it is behind, never ahead. */
    if (pwrite(fd, text, TEXT_CHARS, 0) != TEXT_CHARS)
        return lk_err_sys(err, "writing journal.head in the state directory");
    return 0;
}
