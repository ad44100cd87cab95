#include "common/pkg/labels.h"

const char lk_labels_revision[] = LK_REVISION;

static int add_source(struct lk_spec *out, const struct lk_package *package, struct lk_err *err)
{
    const char *source = package->build.gitrepo;
    char        revision[LK_OID_TEXT_SIZE];

    if (source[0] && lk_spec_add_label(out, "org.opencontainers.image.source", source, err) < 0)
        return -1;
    if (package->dirty)
        return 0;
    lk_oid_format(&package->head, revision);
    return lk_spec_add_label(out, "org.opencontainers.image.revision", revision, err);
}

static int add_config(struct lk_spec *out, const struct lk_package *package, struct lk_err *err)
{
    const char *config = package->build.config;

    return config ? lk_spec_add_label(out, "org.mobyproject.config", config, err) : 0;
}

int lk_labels_add(struct lk_spec *out, const struct lk_package *package, struct lk_err *err)
{
    if (add_source(out, package, err) < 0 || add_config(out, package, err) < 0 ||
        lk_spec_add_label(out, "org.mobyproject.linuxkit.version", LK_VERSION, err) < 0)
        return -1;
    return lk_spec_add_label(out, "org.mobyproject.linuxkit.revision", lk_labels_revision, err);
}
