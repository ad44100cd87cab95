#include "common/pkg/arguments.h"

#include <time.h>

/* Go's pseudo-version of HEAD; in local time, because that is how LinuxKit writes it. */
static char *go_version(const struct lk_package *package, const char *revision)
{
    time_t    seconds = (time_t)package->head_time_s;
    struct tm when = { 0 };
    char      stamp[32];

    localtime_r(&seconds, &when);
    strftime(stamp, sizeof(stamp), "%Y%m%d%H%M%S", &when);
    return lk_xasprintf("v0.0.0-%s-%.12s", stamp, revision);
}

int lk_arguments_add(struct lk_spec *out, const struct lk_package *package, struct lk_err *err)
{
    char revision[LK_OID_TEXT_SIZE];

    lk_oid_format(&package->head, revision);
    LK_CLEANUP(lk_free_pointer) char *version = go_version(package, revision);
    LK_CLEANUP(lk_free_pointer)
    char       *image = lk_xasprintf("%s/%s", package->org, package->image);
    const char *source = package->build.gitrepo;

    if (source[0] && lk_spec_add_argument(out, "SOURCE", source, err) < 0)
        return -1;
    if (!package->dirty && lk_spec_add_argument(out, "REVISION", revision, err) < 0)
        return -1;
    if (lk_spec_add_argument(out, "GOPKGVERSION", version, err) < 0 ||
        lk_spec_add_argument(out, "PKG_HASH", package->tag, err) < 0)
        return -1;
    return lk_spec_add_argument(out, "PKG_IMAGE", image, err);
}
