#include "coordinator/cli/linuxkit_options.h"

static const struct {
    const char *name;
    const char *advice;
} options[] = {
    { "builders",
      "builders are no docker contexts here but hosts on which lkagentd runs.  On such a host: "
      "make a key with `lkcoord keys new NAME`, write lkagentd.yml with its arches, start "
      "lkagentd; list NAME.pub under agents in lkcoordd.yml.  `lkcoord agents` shows who is "
      "there" },
    { "builder-name", "each agent's lkagentd.yml names its builder" },
    { "builder-image", "each agent's lkagentd.yml names its builder" },
    { "builder-config", "each agent's lkagentd.yml names its builder and registries-conf" },
    { "builder-restart", "restart lkagentd on the host in question" },
    { "cache", "there is no cache directory: what is built is kept by the agents' builders" },
    { "ignore-cached", "say --force to build what is there, --disable-cache to use no layers" },
    { "precache-images", "each agent fetches base images as it needs them" },
    { "sbom-scanner", "nothing is scanned: a published index holds images only" },
    { "registry-creds",
      "logins are those of `docker login` or of the coordinator's configuration" },
    { "cert-file", "registries' CA files stand in the coordinator's configuration" },
    { "mirror", "mirrors stand in the registries-conf of each agent" },
    { "enable-content-trust",
      "what is pushed is signed unless -disable-content-trust is said" },
    { "release", "a release is published: say it to `lkcoord push` or `lkcoord manifest`" },
    { "quiet", "say --progress quiet" },
    { "q", "say --progress quiet" },
    { "verbose", "`lkcoord logs ID` shows all that the builds print" },
    { "v", "`lkcoord logs ID` shows all that the builds print" },
};

const char *lk_linuxkit_option_advice(struct lk_str name)
{
    for (size_t i = 0; i < LK_COUNT(options); i++)
        if (lk_str_eq_text(name, options[i].name))
            return options[i].advice;
    return NULL;
}
