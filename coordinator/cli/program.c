#include "coordinator/cli/program.h"

#include "common/base/base.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

char *lk_program_find(const char *name, const char *installed)
{
    const char *const directories[] = { ".", installed };
    char              self[PATH_MAX];
    ssize_t           len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len <= 0)
        return NULL;
    self[len] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < LK_COUNT(directories); i++) {
        LK_CLEANUP(lk_free_pointer)
        char *path = lk_xasprintf("%s/%s/%s", self, directories[i], name);
        if (access(path, X_OK) == 0)
            return LK_TAKE(path);
    }
    return NULL;
}
