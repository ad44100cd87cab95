/*
 * builder - how a build is done with buildah, docker or podman: each backend only composes the commands
 * to run, one after the other; runner.h runs them.  Pure but for reading the environment.
 *
 * Every backend ends with an OCI layout that holds one image.  RUN steps have no network unless the
 * package's build.yml asks for it; then they get the host's (`--network host`): what the builders call
 * their default needs bridge plug-ins, firewall tools and kernel modules that build hosts often lack.
 * RUN steps that have a network see the proxies of the agent's own environment (http_proxy, https_proxy, ftp_proxy
 * and no_proxy, in capitals too); the image does not.  all_proxy is not among them: builders would write its value,
 * maybe with a password, into the image's history.
 * Base images are looked up anew each time (`--pull`), so that a moved tag is noticed.
 *
 * What a Dockerfile says is a stranger's word, and builders run as root: buildah and podman run in a jail
 * (agent/builder/jail.h says what it keeps from them, and what not).  Docker's daemon does not.
 */
#ifndef LK_AGENT_BUILDER_H
#define LK_AGENT_BUILDER_H

#include "agent/builder/argv.h"
#include "agent/config.h"
#include "agent/builder/secrets.h"
#include "common/pkg/spec.h"

#define LK_BUILD_STEPS_MAX 4
#define LK_BUILD_KEEP_MAX  2

struct lk_build_request {
    const struct lk_agent_config *config;
    const struct lk_spec         *spec;
    const struct lk_arch         *arch;
    const char *directory; /* the job's own: context, layout and LK_JAIL_SCRATCH lie in it */
    const char *context;   /* directory: the package's tree */
    const char *layout;    /* directory to make */
    const char *name;      /* unique on this host: [a-z0-9-]+ */
    const struct lk_build_secrets *secrets; /* outlives the plan; NULL: none */

    /* Under which the image stays in the builder's own store; none: it does not. */
    size_t      keep_count;
    const char *keep[LK_BUILD_KEEP_MAX];
};

enum lk_build_step_kind {
    LK_STEP_BUILD,   /* a failure ends the build */
    LK_STEP_TIDY,    /* runs in any case; its own failure does not count */
    LK_STEP_SALVAGE, /* the same, but only after a failure or a signal */
};

struct lk_build_step {
    struct lk_argv          argv;
    size_t                  jail_count; /* of its words; the builder's own follow */
    enum lk_build_step_kind kind;
    size_t                  fd_count; /* for its program to keep */
    const int              *fds;      /* borrowed */
};

struct lk_build_plan {
    size_t               step_count;
    struct lk_build_step steps[LK_BUILD_STEPS_MAX];
    struct lk_argv       environment; /* the whole of it, "NAME=value" */
};

struct lk_builder {
    const char *name;
    bool        jailed;
    void (*compose)(struct lk_build_plan *plan, const struct lk_build_request *request);
    void (*compose_environment)(struct lk_build_plan         *plan,
                                const struct lk_agent_config *config);
    /* Removes every build container of the agent's storage, with its mounts; NULL: nothing is left behind. */
    void (*compose_salvage)(struct lk_argv *argv, const struct lk_agent_config *config);
};

extern const struct lk_builder lk_builder_buildah;
extern const struct lk_builder lk_builder_docker;
extern const struct lk_builder lk_builder_podman;

const struct lk_builder *lk_builder_of(enum lk_builder_kind kind);

/* The commands of a build.  LIMIT if the package's labels and arguments are too many. */
int  lk_build_plan(struct lk_build_plan *out, const struct lk_build_request *request,
                   struct lk_err *err);
void lk_build_plan_fini(struct lk_build_plan *plan);

/* Makes the directories that the jail shows.  To be called once, before anything else is run. */
int lk_builder_prepare(const struct lk_agent_config *config, struct lk_err *err);

/* The command that says the builder's version; in the jail too, so that one sees that it works. */
void lk_builder_ask_version(struct lk_argv *out, const struct lk_agent_config *config);

/*
 * Removes what builds of an earlier run or killed ones left mounted.  Only in a storage below the agent's own
 * state directory (another may be shared), and only while none of its builds runs.  Blocks.
 */
void lk_builder_salvage(const struct lk_agent_config *config);

/* For the backends: the next step (of a jailed one: in its jail), and what they all say alike.  The first step is
 * the build itself: it alone sees the secrets. */
struct lk_argv *lk_build_plan_step(struct lk_build_plan *plan, enum lk_build_step_kind kind,
                                   const struct lk_build_request *request);
void lk_build_add_options(struct lk_argv *argv, const struct lk_build_request *request);

/*
 * Packages of the same push that this one is built on, where nothing is published: they are then in the builder's
 * own store, by the architecture's name.
 */
void lk_build_add_kept_bases(struct lk_argv *argv, const struct lk_build_request *request);

/* --tag for each name to be kept, or for `passing` if there is none.  The first of them. */
const char *lk_build_add_tags(struct lk_argv *argv, const struct lk_build_request *request,
                              const char *passing);

#endif
