#include "agent/builder/secrets.h"

#include "common/os/spawn.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void lk_build_secrets_fini(struct lk_build_secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++)
        lk_close_fd(&secrets->fds[i]);
    secrets->count = 0;
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

/* Opened anew: builds of several architectures have the same file, and each reads it from its start. */
static int open_again(int fd, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("/proc/self/fd/%d", fd);
    LK_CLEANUP(lk_close_fd) int       opened = open(path, O_RDONLY | O_CLOEXEC);
    int high = opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, LK_SPAWN_KEEP_FD_MIN);

    return high < 0 ? lk_err_sys(err, "taking a build secret") : high;
}

static int take_one(struct lk_build_secrets *out, const struct lk_handout *given,
                    const char *id, struct lk_err *err)
{
    for (size_t i = 0; i < given->count; i++) {
        if (strcmp(given->names[i], id) != 0)
            continue;
        out->fds[out->count] = open_again(given->fds[i], err);
        return out->fds[out->count] < 0 ? -1 : (int)out->count++;
    }
    return lk_err_set(err, LK_ERR_DENIED, "the lkcoord command here has no secret \"%s\"", id);
}

static int take(struct lk_build_secrets *out, const struct lk_handout *given,
                const struct lk_spec *spec, struct lk_err *err)
{
    if (spec->ssh && !given->note[0])
        return lk_err_set(err, LK_ERR_DENIED, "the lkcoord command here has no ssh-agent");
    if (spec->ssh)
        lk_copy_text(out->ssh, sizeof(out->ssh), given->note);
    for (size_t i = 0; i < spec->secret_count; i++)
        if (take_one(out, given, spec->secrets[i], err) < 0) {
            lk_build_secrets_fini(out);
            return -1;
        }
    return 0;
}

int lk_build_secrets_take(struct lk_build_secrets *out, const char *directory,
                          const struct lk_spec *spec, const struct lk_oid *spec_id,
                          struct lk_err *err)
{
    LK_CLEANUP(close_directory) DIR *clients = directory[0] ? opendir(directory) : NULL;
    const struct dirent             *entry;
    struct lk_handout                given;
    struct lk_str question = { (const char *)spec_id->sha1, sizeof(spec_id->sha1) };

    *out = (struct lk_build_secrets) { .count = 0 };
    if (!directory[0])
        return lk_err_set(err, LK_ERR_INVALID,
                          "secrets and ssh are for a private coordinator only: they go to no "
                          "other host");
    while (clients && (entry = readdir(clients))) {
        LK_CLEANUP(lk_free_pointer)
        char *path = lk_xasprintf("%s/%s", directory, entry->d_name);

        if (!lk_str_starts(lk_str_of(entry->d_name), LK_HANDOUT_PREFIX) ||
            lk_handout_ask(&given, path, question, err) < 0)
            continue;

        int result = take(out, &given, spec, err);

        lk_handout_fini(&given);
        return result;
    }
    return lk_err_set(
        err, LK_ERR_DENIED,
        "the lkcoord command that has this build's secrets is gone: run it again");
}
