#include "common/os/spawn.h"

#include "common/base/buf.h"
#include "common/os/clock.h"
#include "common/os/passphrases.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* posix_spawn's functions return the error instead of setting errno. */
static int failed(int code, const char *program, struct lk_err *err)
{
    errno = code;
    return lk_err_sys(err, "starting %s", program);
}

static int prepare_files(posix_spawn_file_actions_t *files, const struct lk_spawn *spawn,
                         int output)
{
    int code =
        spawn->input > 0
            ? posix_spawn_file_actions_adddup2(files, spawn->input, STDIN_FILENO)
            : posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (!code && spawn->log)
        code = posix_spawn_file_actions_addopen(files, STDOUT_FILENO, spawn->log,
                                                O_WRONLY | O_CREAT | O_APPEND, 0600);
    else if (!code && output >= 0)
        code = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
    else if (!code)
        code = posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!code && spawn->apart)
        code = posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    else if (!code)
        code = posix_spawn_file_actions_adddup2(files, STDOUT_FILENO, STDERR_FILENO);
    for (size_t i = 0; i < spawn->keep_count && !code; i++)
        code = posix_spawn_file_actions_adddup2(files, spawn->keep[i],
                                                LK_SPAWN_KEEP_FIRST + (int)i);
    if (!code)
        code = posix_spawn_file_actions_addclosefrom_np(files, LK_SPAWN_KEEP_FIRST +
                                                                   (int)spawn->keep_count);
    if (!code && spawn->directory)
        code = posix_spawn_file_actions_addchdir_np(files, spawn->directory);
    return code;
}

/*
 * Our threads block signals and ignore SIGPIPE; a child that inherited that would not end on TERM
 * and would write into closed pipes.
 */
static int prepare_signals(posix_spawnattr_t *attributes, const struct lk_spawn *spawn)
{
    sigset_t none, all;
    int      group = spawn->log ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;

    sigemptyset(&none);
    sigfillset(&all);
    int code = posix_spawnattr_setsigmask(attributes, &none);
    if (!code)
        code = posix_spawnattr_setsigdefault(attributes, &all);
    if (!code)
        code = posix_spawnattr_setpgroup(attributes, 0);
    if (!code)
        code = posix_spawnattr_setflags(
            attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
    return code;
}

static void destroy_files(posix_spawn_file_actions_t *files)
{
    posix_spawn_file_actions_destroy(files);
}

static void destroy_attributes(posix_spawnattr_t *attributes)
{
    posix_spawnattr_destroy(attributes);
}

static int spawn_child(pid_t *pid, const struct lk_spawn *spawn, int output, struct lk_err *err)
{
    LK_CLEANUP(destroy_files) posix_spawn_file_actions_t files;
    LK_CLEANUP(destroy_attributes) posix_spawnattr_t     attributes;
    LK_CLEANUP(lk_free_pointer)
    const char **ours = spawn->environment ? NULL : lk_environment_without_passphrases();
    /* execve takes its vectors without const for old callers' sake; it changes neither. */
    union {
        const char *const *given;
        char *const       *wanted;
    } argv = { spawn->argv }, envp = { ours ? ours : spawn->environment };

    lk_assert(spawn->keep_count <= LK_SPAWN_KEEP_FD_MIN - LK_SPAWN_KEEP_FIRST);
    for (size_t i = 0; i < spawn->keep_count; i++)
        lk_assert(spawn->keep[i] >= LK_SPAWN_KEEP_FD_MIN);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    int code = prepare_files(&files, spawn, output);
    if (!code)
        code = prepare_signals(&attributes, spawn);
    if (!code)
        code = posix_spawnp(pid, spawn->argv[0], &files, &attributes, argv.wanted, envp.wanted);
    return code ? failed(code, spawn->argv[0], err) : 0;
}

static int open_output(int *ours, int *theirs, struct lk_err *err)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return lk_err_sys(err, "making a pipe");
    *ours = ends[0];
    *theirs = ends[1];
    /* Only our end: the child expects writes that wait. */
    if (fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
        return lk_err_sys(err, "making a pipe");
    return 0;
}

int lk_spawn_start(struct lk_process *out, const struct lk_spawn *spawn, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int ours = -1;
    LK_CLEANUP(lk_close_fd) int theirs = -1;
    struct lk_process           process = { .pid = 0, .pidfd = -1, .output = -1 };

    if (spawn->capture && open_output(&ours, &theirs, err) < 0)
        return -1;
    if (spawn_child(&process.pid, spawn, theirs, err) < 0)
        return -1;
    process.pidfd = (int)syscall(SYS_pidfd_open, process.pid, 0);
    if (process.pidfd < 0) {
        lk_err_sys(err, "watching %s", spawn->argv[0]);
        lk_process_kill(&process, SIGKILL);
        lk_process_finish(&process);
        return -1;
    }
    process.output = ours;
    ours = -1;
    *out = process;
    return 0;
}

void lk_process_kill(const struct lk_process *process, int signal)
{
    if (process->pid > 0)
        kill(-process->pid, signal);
}

int lk_process_finish(struct lk_process *process)
{
    int   status = 0;
    pid_t got;

    do
        got = waitpid(process->pid, &status, 0);
    while (got < 0 && errno == EINTR);
    lk_close_fd(&process->pidfd);
    lk_close_fd(&process->output);
    process->pid = 0;
    if (got > 0 && WIFEXITED(status))
        return WEXITSTATUS(status);
    return 128 + (got > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL);
}

/* What does not fit is read and dropped, so that the child does not wait for us. */
static void drain(int fd, struct lk_buf *output)
{
    char    piece[4096];
    ssize_t got;

    while ((got = read(fd, piece, sizeof(piece))) > 0) {
        size_t room = output->max - output->len;
        lk_buf_add(output, piece, (size_t)got < room ? (size_t)got : room);
    }
}

/* False if it has not ended after `limit_ms` (-1: no limit). */
static bool await_end(const struct lk_process *process, struct lk_buf *output, int limit_ms)
{
    int64_t until = lk_clock_boot_ms() + limit_ms;
    int     left = limit_ms;
    /* The pidfd tells the end: a grandchild may keep the pipe open for ever. */
    struct pollfd fds[] = { { .fd = process->pidfd, .events = POLLIN },
                            { .fd = process->output, .events = POLLIN } };

    while (!(fds[0].revents & POLLIN)) {
        if (poll(fds, LK_COUNT(fds), left) < 0 && errno != EINTR)
            break;
        if (output && fds[1].revents)
            drain(process->output, output);
        if (fds[1].revents & POLLHUP)
            fds[1].fd = -1;
        if (limit_ms < 0)
            continue;
        int64_t now = lk_clock_boot_ms();
        if (now >= until && !(fds[0].revents & POLLIN))
            return false;
        left = now < until ? (int)(until - now) : 0;
    }
    if (output)
        drain(process->output, output);
    return true;
}

int lk_run(const char *const *argv, struct lk_buf *output, int *status, struct lk_err *err)
{
    struct lk_spawn   spawn = { .argv = argv, .capture = output != NULL };
    struct lk_process process;

    if (lk_spawn_start(&process, &spawn, err) < 0)
        return -1;
    await_end(&process, output, -1);
    *status = lk_process_finish(&process);
    return 0;
}

/* A file in memory: unlike a pipe it takes the text whole, whether anybody reads it or not. */
static int hold_text(struct lk_str text, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int fd = memfd_create("question", MFD_CLOEXEC);

    if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len ||
        lseek(fd, 0, SEEK_SET) != 0)
        return lk_err_sys(err, "keeping a question in memory");
    int result = fd;
    fd = -1;
    return result;
}

int lk_ask(const char *const *argv, const struct lk_question *question, struct lk_buf *answer,
           int *status, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int input = hold_text(question->text, err);
    struct lk_spawn   spawn = { .argv = argv, .capture = true, .apart = true, .input = input };
    struct lk_process process;

    if (input < 0 || lk_spawn_start(&process, &spawn, err) < 0)
        return -1;
    bool ended = await_end(&process, answer, (int)question->limit_ms);
    if (!ended)
        lk_process_kill(&process, SIGKILL);
    *status = lk_process_finish(&process);
    return ended ? 0
                 : lk_err_set(err, LK_ERR_RETRY, "%s has not answered within %u s", argv[0],
                              (unsigned)(question->limit_ms / 1000));
}
