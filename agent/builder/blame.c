#include "agent/builder/blame.h"

#include <string.h>
#include <sys/statvfs.h>

/* Less is no room for a layer, nor for the builder's own notes. */
#define ROOM_BYTES_MIN (16ULL << 20)
#define ROOM_FILES_MIN 64

static bool is_full(const char *path)
{
    struct statvfs room;

    if (statvfs(path, &room) < 0)
        return false;
    /* f_files is 0 where files are not counted (btrfs). */
    return (unsigned long long)room.f_bfree * room.f_frsize < ROOM_BYTES_MIN ||
           (room.f_files > 0 && room.f_ffree < ROOM_FILES_MIN);
}

bool lk_blame_disk_is_full(const struct lk_agent_config *config)
{
    return is_full(config->state) || is_full(config->storage_root);
}

/* The builders' ways to quote what the package says. */
static bool quotes_the_package(const char *line)
{
    static const char *const marks[] = { "STEP \"", "step {", "The command '", "process \"" };

    for (size_t i = 0; i < LK_COUNT(marks); i++)
        if (strstr(line, marks[i]))
            return true;
    return false;
}

/* The kernel's word comes last in an error; what is quoted never does. */
static bool ends_for_want_of_room(const char *line)
{
    struct lk_str text = lk_str_of(line);

    return lk_str_ends(text, ": no space left on device") ||
           lk_str_ends(text, ": disk quota exceeded");
}

enum lk_err_kind lk_blame(const char *last_line, bool disk_was_full)
{
    static const char *const passing[] = {
        "pinging container registry",
        "error pinging docker registry",
        "TLS handshake timeout",
        "toomanyrequests",
        /* Two builds pulled one name for two architectures at once: the store has one image by a name. */
        "locating pulled image \"",
    };

    if (strcasestr(last_line, "Cannot connect to the Docker daemon"))
        return LK_ERR_PERMANENT; /* of this host: its builder is not there */
    if (disk_was_full || ends_for_want_of_room(last_line))
        return LK_ERR_LIMIT;
    if (quotes_the_package(last_line))
        return LK_ERR_INVALID;
    for (size_t i = 0; i < LK_COUNT(passing); i++)
        if (strcasestr(last_line, passing[i]))
            return LK_ERR_RETRY;
    return LK_ERR_INVALID;
}
