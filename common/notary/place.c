#include "common/notary/place.h"

#include "common/base/str.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

static int docker_path(char **out, const char *name, struct lk_err *err)
{
    const char *config = getenv("DOCKER_CONFIG");
    const char *home = getenv("HOME");

    if (config && config[0])
        *out = lk_xasprintf("%s/%s", config, name);
    else if (home && home[0])
        *out = lk_xasprintf("%s/.docker/%s", home, name);
    else
        return lk_err_set(err, LK_ERR_INVALID,
                          "neither HOME nor DOCKER_CONFIG is set: where Docker's client keeps "
                          "trust is unknown");
    return 0;
}

int lk_notary_directory(char **out, struct lk_err *err)
{
    return docker_path(out, "trust", err);
}

int lk_notary_ca_file(char **out, const char *url, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *folder = NULL;
    LK_CLEANUP(lk_free_pointer) char *pattern = NULL;
    const char                       *host = strstr(url, "://");
    glob_t                            files = { 0 };
    int                               rc = 0;

    struct lk_err nowhere;

    *out = NULL;
    host = host ? host + 3 : url;
    if (docker_path(&folder, "tls", &nowhere) < 0)
        return 0;
    pattern = lk_xasprintf("%s/%.*s/*.crt", folder, (int)strcspn(host, "/"), host);
    if (glob(pattern, 0, NULL, &files) == 0 && files.gl_pathc == 1)
        *out = lk_xstrdup(files.gl_pathv[0]);
    if (files.gl_pathc > 1)
        rc = lk_err_set(err, LK_ERR_INVALID,
                        "%s: there are %zu files of the kind; say which one counts (ca-file)",
                        pattern, files.gl_pathc);
    globfree(&files);
    return rc;
}
