#include "coordinator/cli/handover.h"

#include "common/base/buf.h"
#include "common/os/spawn.h"
#include "common/registry/reference.h"
#include "coordinator/cli/local_setup.h"
#include "coordinator/cli/local_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define OUTPUT_BYTES_MAX (64 * 1024)

struct handover {
    const struct lk_handover *what;
    bool                      build_only;
    char                     *directory; /* the private daemons' state */
    char                     *store;     /* the private builder's, as skopeo names it */
    struct lk_arch            native;    /* "": one that we have no name for */
};

static void handover_fini(struct handover *handover)
{
    free(handover->directory);
    free(handover->store);
}

static struct lk_str last_line(struct lk_str text)
{
    while (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    for (size_t i = text.len; i > 0; i--)
        if (text.data[i - 1] == '\n')
            return (struct lk_str) { text.data + i, text.len - i };
    return text;
}

/* `what` is for people: "copying X". */
static int run(const char *const *argv, const char *what, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf output = LK_BUF_INIT(OUTPUT_BYTES_MAX);
    int                                   status = 0;

    if (lk_run(argv, &output, &status, err) < 0)
        return lk_err_wrap(err, "%s", what);
    if (status == 0)
        return 0;
    return lk_err_set(err, LK_ERR_PERMANENT, "%s: exit status %d: " LK_STR_FMT, what, status,
                      LK_STR_ARG(last_line(lk_buf_str(&output))));
}

/* The registry of a docker:// source is on this machine, where plain HTTP is spoken. */
static bool is_on_loopback(const char *source)
{
    static const char scheme[] = "docker://";
    struct lk_str     host, rest;
    char              name[LK_REPOSITORY_SIZE];

    return lk_str_starts(lk_str_of(source), scheme) &&
           lk_str_split(lk_str_of(source + sizeof(scheme) - 1), '/', &host, &rest) &&
           lk_str_copy(name, sizeof(name), host) && lk_host_is_loopback(name);
}

/* The driver of a store leaves a mount on it, which a namespace takes with it. */
static int copy(const char *from, const char *to, const char *name, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *what = lk_xasprintf("handing over %s", name);
    bool                              plain = is_on_loopback(from);
    const char                       *argv[] = { "unshare",
                                                 "--mount",
                                                 "skopeo",
                                                 "--insecure-policy",
                                                 "copy",
                                                 "--quiet",
                           plain ? "--src-tls-verify=false" : "--src-tls-verify=true",
                                                 from,
                                                 to,
                                                 NULL };

    return run(argv, what, err);
}

static int to_storage(const char *from, const char *name, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *to = lk_xasprintf("containers-storage:%s", name);

    if (copy(from, to, name, err) < 0)
        return -1;
    fprintf(stderr, "lkcoord: kept %s\n", name);
    return 0;
}

/* `alias`: a second name, or NULL. */
static int to_docker(const struct handover *handover, const char *from, const char *name,
                     const char *alias, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *file = lk_xasprintf("%s/handover.%d.tar", handover->directory, (int)getpid());
    LK_CLEANUP(lk_free_pointer) char *to = lk_xasprintf("docker-archive:%s:%s", file, name);
    LK_CLEANUP(lk_free_pointer) char *what = lk_xasprintf("loading %s into docker", name);
    const char *const                 tag[] = { "docker", "tag", name, alias, NULL };
    const char *const load[] = { "docker", "load", "--quiet", "--input", file, NULL };

    unlink(file);

    int result = copy(from, to, name, err);

    if (result == 0)
        result = run(load, what, err);
    unlink(file);
    if (result == 0 && alias)
        result = run(tag, what, err);
    if (result == 0)
        fprintf(stderr, "lkcoord: loaded %s into docker\n", name);
    if (result == 0 && alias)
        fprintf(stderr, "lkcoord: loaded %s into docker\n", alias);
    return result;
}

static bool is_none(const struct lk_digest *digest)
{
    return lk_digest_eq(digest, &(struct lk_digest) { 0 });
}

/* Where the image is, as skopeo names it; NULL: nowhere that it should be taken from. */
static char *find_source(const struct handover           *handover,
                         const struct lk_picture_package *package,
                         const struct lk_picture_job     *job)
{
    char digest[LK_DIGEST_TEXT_SIZE];

    if (handover->build_only && job->state == lk_wire_JobState_JOB_DONE)
        return lk_xasprintf("containers-storage:%s%s:%s-%s", handover->store,
                            package->repository, package->tag, job->arch.name);
    if (is_none(&job->digest) || (handover->build_only && !handover->what->pull))
        return NULL;
    lk_digest_format(&job->digest, digest);
    return lk_xasprintf("docker://%s@%s", package->repository, digest);
}

static int hand_over(const struct handover *handover, const struct lk_picture_package *package,
                     const struct lk_picture_job *job, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *source = find_source(handover, package, job);
    LK_CLEANUP(lk_free_pointer)
    char *for_arch =
        lk_xasprintf("%s:%s-%s", package->repository, package->tag, job->arch.name);
    LK_CLEANUP(lk_free_pointer)
    char *for_host = lk_xasprintf("%s:%s", package->repository, package->tag);

    if (!source)
        return 0;
    const char *alias = lk_arch_eq(&job->arch, &handover->native) ? for_host : NULL;
    if ((handover->build_only || handover->what->pull) &&
        (to_storage(source, for_arch, err) < 0 ||
         (alias && to_storage(source, alias, err) < 0)))
        return -1;
    return handover->what->docker ? to_docker(handover, source, for_arch, alias, err) : 0;
}

int lk_handover_check(const struct lk_handover *handover, bool local, const char *layout,
                      struct lk_err *err)
{
    const char       *option = handover->docker ? "docker" : "pull";
    const char *const ask[] = { "docker", "version", "--format", "{{.Server.Version}}", NULL };

    if (!handover->docker && !handover->pull)
        return 0;
    if (layout)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--%s and --output: images go to one place or the other, choose one",
                          option);
    if (!local)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "--%s puts images on this machine, and a configured coordinator's agents "
            "are elsewhere: say --local too, or pull what is published",
            option);
    if (!handover->docker)
        return 0;
    if (run(ask, "--docker needs a docker that answers here", err) < 0) {
        err->kind = LK_ERR_PERMANENT;
        return -1;
    }
    return 0;
}

static int prepare(struct handover *handover, struct lk_err *err)
{
    struct utsname host;

    if (uname(&host) == 0 && !lk_arch_of_machine(host.machine, &handover->native))
        handover->native = (struct lk_arch) { "" };
    if (lk_local_state_open(&handover->directory, err) < 0)
        return -1;
    return lk_local_builder_store(&handover->store, handover->directory, err);
}

int lk_handover(const struct lk_handover *what, const struct lk_picture *picture,
                struct lk_err *err)
{
    LK_CLEANUP(handover_fini)
    struct handover handover = { .what = what, .build_only = picture->build_only };

    if (!picture->build_only && !what->docker && !what->pull)
        return 0;
    if (prepare(&handover, err) < 0)
        return -1;
    for (size_t i = 0; i < picture->package_count; i++)
        for (size_t k = 0; k < picture->packages[i].job_count; k++)
            if (hand_over(&handover, &picture->packages[i], &picture->packages[i].jobs[k],
                          err) < 0)
                return -1;
    return 0;
}
