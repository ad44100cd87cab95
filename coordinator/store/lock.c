#include "coordinator/store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

int lk_state_lock(int *fd, const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/lock", directory);

    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return lk_err_sys(err, "opening %s", path);
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return lk_err_sys(err, "locking %s", path);
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "another lkcoordd works on %s: stop that one, or give this one a state "
                      "directory of its own",
                      directory);
}
