#include "agent/depends/place.h"

#include "common/base/str.h"
#include "common/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct timespec no_time[2];

/* A place's directory, open, and its name there. */
struct place {
    int  parent;
    char name[NAME_MAX + 1];
};

static void place_close(struct place *place)
{
    lk_close_fd(&place->parent);
}

static int is_in_the_way(const char *path, const char *name, struct lk_err *err)
{
    if (errno == ELOOP || errno == ENOTDIR)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: the package has a symbolic link or a file in place of the "
                          "directory %s: images are saved only into directories of its own",
                          path, name);
    return lk_err_sys(err, "opening %s of %s", name, path);
}

/* `name` has no slash and is not "..", so that O_NOFOLLOW says all. */
static int open_directory(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int make_directory(int parent, const char *name)
{
    LK_CLEANUP(lk_close_fd) int made = -1;

    if (mkdirat(parent, name, 0700) < 0)
        return -1;
    made = open_directory(parent, name);
    return made < 0 || fchmod(made, 0755) < 0 ? -1 : 0;
}

static int enter(struct place *place, const char *path, struct lk_err *err)
{
    int below = open_directory(place->parent, place->name);

    if (below < 0 && errno == ENOENT && make_directory(place->parent, place->name) == 0)
        below = open_directory(place->parent, place->name);
    if (below < 0)
        return is_in_the_way(path, place->name, err);
    close(place->parent);
    place->parent = below;
    return 0;
}

static int find(struct place *out, const char *context, const char *path, struct lk_err *err)
{
    struct lk_str rest = lk_str_of(path), name = rest;
    bool          more = true;

    out->name[0] = '\0';
    if (path[0] == '/')
        return lk_err_set(err, LK_ERR_INVALID, "%s is not a path inside the package", path);
    out->parent = open(context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->parent < 0)
        return lk_err_sys(err, "opening %s", context);
    while (more) {
        more = lk_str_split(rest, '/', &name, &rest);
        if (!more)
            name = rest;
        if (name.len == 0 || lk_str_eq_text(name, "."))
            continue;
        if (out->name[0] && enter(out, path, err) < 0)
            return -1;
        if (lk_str_eq_text(name, "..") || !lk_str_copy(out->name, sizeof(out->name), name))
            return lk_err_set(err, LK_ERR_INVALID, "%s is not a path inside the package", path);
    }
    if (!out->name[0])
        return lk_err_set(err, LK_ERR_INVALID, "\"%s\" is not a path inside the package", path);
    return 0;
}

int lk_place_file(const char *context, const char *path, struct lk_err *err)
{
    LK_CLEANUP(place_close) struct place place = { .parent = -1 };

    if (find(&place, context, path, err) < 0)
        return -1;
    if (unlinkat(place.parent, place.name, 0) < 0 && errno != ENOENT)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s: the package has a directory of this name, where the saved images "
            "shall be a file",
            path);

    int fd = openat(place.parent, place.name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? lk_err_sys(err, "making %s", path) : fd;
}

int lk_place_directory(const char *context, const char *path, struct lk_err *err)
{
    LK_CLEANUP(place_close) struct place place = { .parent = -1 };
    LK_CLEANUP(lk_free_pointer) char    *full = lk_xasprintf("%s/%s", context, path);

    if (find(&place, context, path, err) < 0)
        return -1;
    if (unlinkat(place.parent, place.name, 0) < 0 && errno != ENOENT &&
        lk_directory_remove(full, err) < 0)
        return -1;
    return make_directory(place.parent, place.name) == 0 ? 0
                                                         : lk_err_sys(err, "making %s", path);
}

int lk_place_settle(const char *context, const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *part = lk_xasprintf("%s/%s", context, path);

    /* Each was opened without following a link, and nobody has changed them since. */
    for (;;) {
        char *slash = strrchr(part, '/');

        if (utimensat(AT_FDCWD, part, no_time, AT_SYMLINK_NOFOLLOW) < 0)
            return lk_err_sys(err, "setting the time of %s", part);
        if (strlen(part) <= strlen(context))
            return 0;
        *slash = '\0';
    }
}
