#include "coordinator/cli/secrets.h"

#include "common/os/handout.h"
#include "coordinator/cli/local_setup.h"
#include "coordinator/cli/local_state.h"
#include "coordinator/cli/secret_value.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lk_secrets {
    struct lk_handout handout;
    size_t            spec_count;
    struct lk_oid     specs[LK_PUSH_PACKAGES_MAX];
    char             *path; /* of the socket; NULL: not offered yet */
    int               listener;
    int               stop; /* an eventfd */
    bool              has_thread;
    pthread_t         thread;
};

static int add_secret(struct lk_secrets *secrets, const char *word, struct lk_err *err)
{
    struct lk_handout *handout = &secrets->handout;
    char               id[LK_HANDOUT_NAME_SIZE];
    int                fd = lk_secret_value_read(word, id, err);

    if (fd < 0)
        return -1;
    lk_copy_text(handout->names[handout->count], LK_HANDOUT_NAME_SIZE, id);
    handout->fds[handout->count++] = fd;
    for (size_t i = 0; i + 1 < handout->count; i++)
        if (strcmp(handout->names[i], id) == 0)
            return lk_err_set(err, LK_ERR_INVALID, "--secret: the id \"%s\" is there twice",
                              id);
    return 0;
}

int lk_secrets_read(struct lk_secrets **out, const struct lk_secret_values *values,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_secrets_free) struct lk_secrets *secrets = NULL;

    if (!values->ssh && values->secrets.count == 0)
        return 0;
    secrets = lk_xcalloc(1, sizeof(*secrets));
    secrets->listener = secrets->stop = -1;
    if (values->ssh && lk_secret_value_ssh(values->ssh, secrets->handout.note,
                                           sizeof(secrets->handout.note), err) < 0)
        return -1;
    for (size_t i = 0; i < values->secrets.count; i++)
        if (add_secret(secrets, values->secrets.words[i], err) < 0)
            return -1;
    *out = LK_TAKE(secrets);
    return 0;
}

int lk_secrets_mark(const struct lk_secrets *secrets, struct lk_spec *spec, struct lk_err *err)
{
    if (!secrets || spec->origin != LK_ORIGIN_BUILD)
        return 0;
    spec->ssh = secrets->handout.note[0] != '\0';
    for (size_t i = 0; i < secrets->handout.count; i++)
        if (lk_spec_add_secret(spec, secrets->handout.names[i], err) < 0)
            return -1;
    return 0;
}

void lk_secrets_know(struct lk_secrets *secrets, const struct lk_oid *spec_id)
{
    if (secrets && secrets->spec_count < LK_COUNT(secrets->specs))
        secrets->specs[secrets->spec_count++] = *spec_id;
}

static bool knows(const struct lk_secrets *secrets, const char *question, size_t len)
{
    for (size_t i = 0; i < secrets->spec_count; i++)
        if (len == sizeof(secrets->specs[i].sha1) &&
            memcmp(question, secrets->specs[i].sha1, len) == 0)
            return true;
    return false;
}

/* An agent that cannot be answered says so itself. */
static void answer(const struct lk_secrets *secrets)
{
    char                        question[LK_HANDOUT_QUESTION_MAX];
    size_t                      len;
    LK_CLEANUP(lk_close_fd) int peer = lk_handout_accept(secrets->listener, question, &len);
    struct lk_err               ignored;

    if (peer >= 0 && knows(secrets, question, len))
        lk_handout_give(peer, &secrets->handout, &ignored);
}

static void *serve(void *ctx)
{
    const struct lk_secrets *secrets = ctx;
    struct pollfd            fds[] = { { .fd = secrets->listener, .events = POLLIN },
                                       { .fd = secrets->stop, .events = POLLIN } };

    for (;;) {
        if (poll(fds, LK_COUNT(fds), -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[1].revents)
            return NULL;
        if (fds[0].revents)
            answer(secrets);
    }
}

/* Sockets of commands that were killed. */
static void sweep(const char *directory)
{
    DIR                 *entries = opendir(directory);
    const struct dirent *entry;
    uint64_t             pid;
    size_t               prefix = strlen(LK_HANDOUT_PREFIX);

    while (entries && (entry = readdir(entries))) {
        LK_CLEANUP(lk_free_pointer) char *path = lk_local_path(directory, entry->d_name);

        if (strncmp(entry->d_name, LK_HANDOUT_PREFIX, prefix) == 0 &&
            lk_parse_u64(lk_str_of(entry->d_name + prefix), INT32_MAX, &pid) &&
            kill((pid_t)pid, 0) < 0 && errno == ESRCH)
            unlink(path);
    }
    if (entries)
        closedir(entries);
}

/* The signals stay the main thread's. */
static int start_thread(struct lk_secrets *secrets, struct lk_err *err)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&secrets->thread, NULL, serve, secrets);
    secrets->has_thread = errno == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return secrets->has_thread ? 0 : lk_err_sys(err, "offering the build's secrets");
}

int lk_secrets_offer(struct lk_secrets *secrets, bool local, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *directory = NULL;

    if (!secrets)
        return 0;
    if (!local)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--secret and --ssh are for builds on this machine: secrets go to no "
                          "other host, and a coordinator is configured; say --local too");
    if (lk_local_state_open(&directory, err) < 0)
        return -1;
    sweep(directory);
    secrets->path = lk_xasprintf("%s/" LK_HANDOUT_PREFIX "%d", directory, (int)getpid());
    unlink(secrets->path);
    secrets->listener = lk_handout_listen(secrets->path, err);
    secrets->stop = eventfd(0, EFD_CLOEXEC);
    if (secrets->listener < 0)
        return -1;
    return secrets->stop < 0 ? lk_err_sys(err, "offering the build's secrets")
                             : start_thread(secrets, err);
}

void lk_secrets_free(struct lk_secrets **secrets)
{
    struct lk_secrets *s = LK_TAKE(*secrets);
    const uint64_t     one = 1;

    if (!s)
        return;
    if (s->has_thread && write(s->stop, &one, sizeof(one)) == sizeof(one))
        pthread_join(s->thread, NULL);
    if (s->path)
        unlink(s->path);
    lk_close_fd(&s->listener);
    lk_close_fd(&s->stop);
    lk_handout_fini(&s->handout);
    free(s->path);
    free(s);
}
