/* lkcoord-signd - signs what the coordinator asks for, in a process that does nothing else: options, hardening, run. */
#include "common/log/log.h"
#include "coordinator/sign/signd.h"

#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

static const char usage[] = "usage: lkcoord-signd --config FILE\n"
                            "       lkcoord-signd --version | --help\n"
                            "Keeps the coordinator's signing keys, and signs what its "
                            "configuration allows; see README.md, "
                            "\"Real hosts\".\n";

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, const char **config)
{
    static const struct option known[] = { { "config", required_argument, NULL, 'c' },
                                           { "version", no_argument, NULL, 'v' },
                                           { "help", no_argument, NULL, 'h' },
                                           { 0 } };
    int                        option;

    while ((option = getopt_long(argc, argv, "c:vh", known, NULL)) != -1) {
        if (option == 'c') {
            *config = optarg;
        } else if (option == 'v') {
            puts("lkcoord-signd " LK_VERSION);
            return 0;
        } else {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    if (*config && optind == argc)
        return -1;
    fputs(usage, stderr);
    return 2;
}

/* Neither a dump nor a debugger of the same user sees the keys. */
static int close_up(struct lk_err *err)
{
    const struct rlimit none = { 0, 0 };

    if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
        return lk_err_sys(err, "forbidding dumps of memory");
    return sodium_init() < 0
               ? lk_err_set(err, LK_ERR_PERMANENT, "libsodium does not start on this machine")
               : 0;
}

static int catch_signals(struct lk_err *err)
{
    sigset_t signals;
    int      fd;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    fd = signalfd(-1, &signals, SFD_CLOEXEC);
    return fd < 0 ? lk_err_sys(err, "waiting for signals") : fd;
}

static int run(const char *path)
{
    static struct lk_signd_config              config;
    LK_CLEANUP(lk_signd_close) struct lk_signd signd = { .socket = -1 };
    struct lk_err                              err;
    LK_CLEANUP(lk_close_fd) int                stop = catch_signals(&err);

    if (lk_signd_config_load(&config, path, &err) < 0) {
        fprintf(stderr, "lkcoord-signd: %s\n", err.text);
        return 2;
    }
    if (stop < 0 || close_up(&err) < 0 || lk_signd_open(&signd, &config, &err) < 0 ||
        lk_signd_run(&signd, stop, &err) < 0) {
        lk_log_error("lkcoord-signd ends", "err=%s", LK_Q(err.text));
        return 1;
    }
    lk_log_info("lkcoord-signd ends", "status=0");
    return 0;
}

int main(int argc, char **argv)
{
    const char *config = NULL;
    int         status = parse(argc, argv, &config);

    if (status >= 0)
        return status;
    lk_log_start("lkcoord-signd", LK_LOG_INFO);
    return run(config);
}
