#include "coordinator/cli/daemon.h"

#include "common/base/buf.h"
#include "common/os/file.h"
#include "common/os/passphrases.h"
#include "common/os/spawn.h"
#include "coordinator/cli/program.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define TRUST       "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE="

/* proc(5): the state is the first word behind the name in brackets, the start time the twentieth. */
static bool read_stat(pid_t pid, char *state, uint64_t *began_at)
{
    LK_CLEANUP(lk_free_pointer) char     *path = lk_xasprintf("/proc/%d/stat", (int)pid);
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4096);
    struct lk_err                         err;

    if (lk_file_read(path, &text, &err) < 0)
        return false;

    const char *behind = strrchr(lk_buf_text(&text), ')');

    return behind && sscanf(behind,
                            ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                            "%*d %*d %*d %" SCNu64,
                            state, began_at) == 2;
}

bool lk_daemon_runs(const struct lk_daemon *daemon)
{
    char     state;
    uint64_t began_at;

    return daemon->pid > 0 && read_stat(daemon->pid, &state, &began_at) && state != 'Z' &&
           began_at == daemon->began_at;
}

void lk_daemon_end(struct lk_daemon *daemon)
{
    LK_CLEANUP(lk_close_fd)
    int           fd = daemon->pid > 0 ? (int)syscall(SYS_pidfd_open, daemon->pid, 0) : -1;
    struct pollfd ended = { .fd = fd, .events = POLLIN };

    /* Asked only now: the descriptor keeps meaning the process that was looked at. */
    if (fd >= 0 && lk_daemon_runs(daemon)) {
        syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
        if (poll(&ended, 1, PATIENCE_MS) <= 0) {
            syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
            poll(&ended, 1, PATIENCE_MS);
        }
        waitpid(daemon->pid, NULL, WNOHANG); /* in case that we were the one who started it */
    }
    *daemon = (struct lk_daemon) { 0 };
}

static char *find_program(const char *program)
{
    char *path = lk_program_find(program, "../../sbin");

    return path ? path : lk_xstrdup(program);
}

/* Daemons work in "/": what this command was told from here is told from there. */
static void name_absolutely(const char *variable)
{
    const char *value = getenv(variable);

    if (!value || !value[0] || value[0] == '/')
        return;

    LK_CLEANUP(lk_free_pointer) char *here = getcwd(NULL, 0);
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", here ? here : "", value);

    setenv(variable, path, 1);
}

/* Ours without passphrases: of two daemons only one signs. */
static const char **environment_with(const char *password)
{
    size_t count = 0;

    name_absolutely("REGISTRY_AUTH_FILE");
    name_absolutely("DOCKER_CONFIG");
    while (environ[count])
        count++;

    const char **out = lk_xcalloc(count + 2, sizeof(*out));
    size_t       kept = 0;

    for (size_t i = 0; i < count; i++)
        if (!lk_variable_is_passphrase(environ[i]) ||
            (password && strncmp(environ[i], TRUST, sizeof(TRUST) - 1) == 0))
            out[kept++] = environ[i];
    if (password)
        out[kept] = password;
    return out;
}

static void wipe(char **text)
{
    if (*text)
        sodium_memzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

int lk_daemon_start(struct lk_daemon *out, const char *program, const char *config,
                    const char *log, const char *passphrase, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = find_program(program);
    LK_CLEANUP(lk_free_pointer) char *old = lk_xasprintf("%s.old", log);
    LK_CLEANUP(wipe)
    char *password = passphrase ? lk_xasprintf("COSIGN_PASSWORD=%s", passphrase) : NULL;
    LK_CLEANUP(lk_free_pointer) const char **environment = environment_with(password);
    const char *const                        argv[] = { path, "--config", config, NULL };
    struct lk_spawn                          spawn = {
                                 .argv = argv, .environment = environment, .directory = "/", .log = log
    };
    struct lk_process process;
    char              state;

    rename(log, old);
    if (lk_spawn_start(&process, &spawn, err) < 0)
        return lk_err_wrap(err, "starting %s (looked for beside this program and in PATH)",
                           program);
    out->pid = process.pid;
    /* Not waited for yet, so its entry is there even if it has ended. */
    if (!read_stat(process.pid, &state, &out->began_at)) {
        lk_process_kill(&process, SIGKILL);
        lk_process_finish(&process);
        return lk_err_set(err, LK_ERR_PERMANENT, "%s was started, but /proc does not show it",
                          program);
    }
    lk_close_fd(&process.pidfd);
    return 0;
}
