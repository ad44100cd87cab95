#include "coordinator/cli/local.h"

#include "common/os/clock.h"
#include "common/os/file.h"
#include "coordinator/cli/daemon.h"
#include "coordinator/cli/local_agent.h"
#include "coordinator/cli/local_setup.h"
#include "coordinator/cli/local_state.h"
#include "coordinator/cli/local_trust.h"
#include "coordinator/cli/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define START_MS    30000 /* a long journal is read first */
#define LOOK_MS     10
#define PATIENCE_MS 3000

/* What the running coordinator can; written down as a number. */
enum { SIGNS_NOT, SIGNS, SIGNS_WITH_TRUST };

struct lk_local {
    char            *directory;
    int              turn;    /* exclusive: while somebody starts or ends the daemons */
    int              clients; /* shared: as long as a client is there */
    bool             entered; /* had its turn: may have started daemons */
    struct lk_daemon coordinator;
    struct lk_daemon agent;
    int              signs; /* of the running coordinator */
};

static int open_lock(const char *directory, const char *name, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_local_path(directory, name);
    int                               fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        lk_err_sys(err, "opening %s", path);
    return fd;
}

static int lock(int fd, int how, struct lk_err *err)
{
    return flock(fd, how) == 0 ? 0 : lk_err_sys(err, "locking the private coordinator's state");
}

/* The signals of lk_client_open are blocked, so that nobody leaves half-started daemons behind. */
static bool is_interrupted(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM));
}

/* Another one may hold it for long: it asks for a passphrase. */
static int wait_for_turn(const struct lk_local *local, struct lk_err *err)
{
    int64_t said_ms = lk_clock_boot_ms() + PATIENCE_MS;

    while (flock(local->turn, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return lk_err_sys(err, "locking the private coordinator's state");
        if (is_interrupted())
            return lk_err_set(err, LK_ERR_RETRY, "interrupted");
        if (lk_clock_boot_ms() > said_ms) {
            lk_complain("waiting for another lkcoord command, which starts or ends the private "
                        "coordinator in %s",
                        local->directory);
            said_ms = INT64_MAX;
        }
        usleep(LOOK_MS * 1000);
    }
    return 0;
}

/* ---- the daemons, as the last client to start one wrote them down ---- */

static void recall(struct lk_local *local)
{
    LK_CLEANUP(lk_free_pointer) char     *path = lk_local_path(local->directory, "daemons");
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4096);
    struct lk_err                         err;

    if (lk_file_read(path, &text, &err) == 0 &&
        sscanf(lk_buf_text(&text),
               "lkcoordd %d %" SCNu64 " signs %d\nlkagentd %d %" SCNu64 "\n",
               &local->coordinator.pid, &local->coordinator.began_at, &local->signs,
               &local->agent.pid, &local->agent.began_at) == 5)
        return;
    local->coordinator = local->agent = (struct lk_daemon) { 0 };
    local->signs = 0;
}

static int note(const struct lk_local *local, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_local_path(local->directory, "daemons");
    LK_CLEANUP(lk_free_pointer)
    char *text = lk_xasprintf("lkcoordd %d %" PRIu64 " signs %d\nlkagentd %d %" PRIu64 "\n",
                              (int)local->coordinator.pid, local->coordinator.began_at,
                              local->signs, (int)local->agent.pid, local->agent.began_at);

    return lk_file_replace(path, lk_str_of(text), 0600, err);
}

static void end_daemons(struct lk_local *local)
{
    struct lk_err err;

    /* The agent first: what it built is told while somebody listens. */
    lk_daemon_end(&local->agent);
    lk_daemon_end(&local->coordinator);
    local->signs = 0;
    note(local, &err);
}

/* A daemon that ended says why in the last line of its log. */
static int has_ended(const struct lk_local *local, const char *program, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *path = lk_xasprintf("%s/log/%s.log", local->directory, program);
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(1024 * 1024);
    struct lk_err                         unread;
    struct lk_str                         line = LK_STR("");
    struct lk_str                         rest;

    if (lk_file_read(path, &text, &unread) == 0)
        for (rest = lk_buf_str(&text); rest.len > 0;)
            if (!lk_str_split(rest, '\n', &line, &rest)) {
                line = rest;
                break;
            }
    return lk_err_set(
        err, LK_ERR_PERMANENT,
        "the private %s ended right after its start; the last line of %s: " LK_STR_FMT, program,
        path, LK_STR_ARG(line));
}

static int wait_for_doors(const struct lk_local *local, const char *endpoints,
                          struct lk_err *err)
{
    int64_t until_ms = lk_clock_boot_ms() + START_MS;

    while (access(endpoints, F_OK) != 0) {
        if (!lk_daemon_runs(&local->coordinator))
            return has_ended(local, "lkcoordd", err);
        if (lk_clock_boot_ms() > until_ms)
            return lk_err_set(err, LK_ERR_RETRY,
                              "the private lkcoordd opened no door within %d s; see %s/log",
                              START_MS / 1000, local->directory);
        if (is_interrupted())
            return lk_err_set(err, LK_ERR_RETRY, "interrupted");
        usleep(LOOK_MS * 1000);
    }
    return 0;
}

static int start_coordinator(struct lk_local *local, int signs, const char *passphrase,
                             struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *config = lk_local_path(local->directory, "lkcoordd.yml");
    LK_CLEANUP(lk_free_pointer)
    char *endpoints = lk_local_path(local->directory, "coordinator/endpoints");
    LK_CLEANUP(lk_free_pointer) char *log = lk_local_path(local->directory, "log/lkcoordd.log");

    unlink(endpoints);
    if (lk_local_write_coordinator(local->directory, signs >= SIGNS, signs >= SIGNS_WITH_TRUST,
                                   err) < 0 ||
        lk_daemon_start(&local->coordinator, "lkcoordd", config, log, passphrase, err) < 0)
        return -1;
    local->signs = signs;
    if (note(local, err) < 0)
        return -1;
    return wait_for_doors(local, endpoints, err);
}

static int start_agent(struct lk_local *local, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *config = lk_local_path(local->directory, "lkagentd.yml");
    LK_CLEANUP(lk_free_pointer) char *log = lk_local_path(local->directory, "log/lkagentd.log");

    if (lk_local_write_agent(local->directory, err) < 0 ||
        lk_daemon_start(&local->agent, "lkagentd", config, log, NULL, err) < 0)
        return -1;
    return note(local, err);
}

static int unlock_and_start(struct lk_local *local, bool wants_signature, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf passphrase = LK_BUF_INIT(LK_PASSPHRASE_MAX);
    bool                                  signs;
    bool                                  trust = lk_local_wants_trust();
    int rc = lk_local_unlock(local->directory, wants_signature, &passphrase, &signs, err);

    if (rc == 0 && signs && trust)
        rc = lk_local_trust_unlock(err);
    else
        lk_local_trust_forget();
    if (rc == 0)
        rc = start_coordinator(local,
                               !signs  ? SIGNS_NOT
                               : trust ? SIGNS_WITH_TRUST
                                       : SIGNS,
                               signs ? lk_buf_text(&passphrase) : NULL, err);
    lk_local_trust_forget();
    if (passphrase.data)
        sodium_memzero(passphrase.data, passphrase.capacity);
    return rc;
}

/* What was being put on the shelf when all was killed begins anew. */
static int clear_uploads(const struct lk_local *local, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *path = lk_xasprintf("%s/" LK_LOCAL_SHELF "/uploads", local->directory);

    return lk_directory_remove(path, err);
}

/* The running one was started by a command that signs nothing, before there was a key; or without content trust. */
static int need_signing(struct lk_local *local, bool is_alone, struct lk_err *err)
{
    if (!is_alone)
        return lk_err_set(
            err, LK_ERR_CONFLICT,
            "the private coordinator that runs has no %s, and other lkcoord commands "
            "use it: push again when they have ended, or unsigned with "
            "-disable-content-trust",
            local->signs ? "content trust (DOCKER_CONTENT_TRUST)" : "signing key");
    lk_daemon_end(&local->coordinator);
    return 0;
}

/* Called with the turn held: nobody else starts, ends or joins meanwhile. */
static int ensure_daemons(struct lk_local *local, struct lk_config *config,
                          const struct lk_target *target, struct lk_err *err)
{
    bool is_alone = flock(local->clients, LOCK_EX | LOCK_NB) == 0;

    recall(local);
    if (lk_daemon_runs(&local->coordinator) && target->signs &&
        local->signs < (lk_local_wants_trust() ? SIGNS_WITH_TRUST : SIGNS) &&
        need_signing(local, is_alone, err) < 0)
        return -1;

    bool has_coordinator = lk_daemon_runs(&local->coordinator);
    bool has_agent = lk_daemon_runs(&local->agent);

    /* Whoever is left of an earlier start knows the keys of then. */
    if (is_alone && !has_coordinator && !has_agent &&
        (lk_local_make_keys(local->directory, err) < 0 || clear_uploads(local, err) < 0))
        return -1;
    if (!has_coordinator && unlock_and_start(local, target->signs, err) < 0)
        return -1;
    if (!has_agent && start_agent(local, err) < 0)
        return -1;
    fprintf(stderr, "lkcoord: %s the private coordinator in %s%s\n",
            has_coordinator ? "joined" : "started", local->directory,
            target->local ? "" : ", as no other is configured");
    if (lk_local_client_config(config, local->directory, err) < 0)
        return -1;
    switch (lk_local_wait_for_agent(local->directory, &local->agent, err)) {
    case LK_LOCAL_AGENT_THERE: return 0;
    case LK_LOCAL_AGENT_ENDED: return has_ended(local, "lkagentd", err);
    case LK_LOCAL_AGENT_FAILED: return -1;
    }
    lk_assert(false);
}

static int take_turn(struct lk_local *local, struct lk_config *config,
                     const struct lk_target *target, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *log = lk_local_path(local->directory, "log");

    local->turn = open_lock(local->directory, "turn.lock", err);
    if (local->turn < 0)
        return -1;
    local->clients = open_lock(local->directory, "clients.lock", err);
    if (local->clients < 0 || lk_directory_make(log, 0700, err) < 0 ||
        wait_for_turn(local, err) < 0)
        return -1;
    local->entered = true;
    if (ensure_daemons(local, config, target, err) < 0 ||
        lock(local->clients, LOCK_SH, err) < 0)
        return -1;
    return lock(local->turn, LOCK_UN, err);
}

int lk_local_join(struct lk_local **out, struct lk_config *config,
                  const struct lk_target *target, struct lk_err *err)
{
    LK_CLEANUP(lk_local_leave) struct lk_local *local = lk_xcalloc(1, sizeof(*local));

    local->turn = local->clients = -1;
    if (lk_local_state_open(&local->directory, err) < 0 ||
        take_turn(local, config, target, err) < 0)
        return -1;
    *out = LK_TAKE(local);
    return 0;
}

void lk_local_leave(struct lk_local **local)
{
    struct lk_local *l = LK_TAKE(*local);

    if (!l)
        return;
    if (l->entered && flock(l->turn, LOCK_EX) == 0 &&
        flock(l->clients, LOCK_EX | LOCK_NB) == 0) {
        recall(l);
        end_daemons(l);
    }
    lk_close_fd(&l->clients);
    lk_close_fd(&l->turn);
    free(l->directory);
    free(l);
}
