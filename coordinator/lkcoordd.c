/* lkcoordd - the coordinator's daemon: options, signals, configuration, run. */
#include "common/http/http.h"
#include "common/log/log.h"
#include "common/net/sock.h"
#include "common/registry/shelf.h"
#include "coordinator/coordinator.h"
#include "coordinator/maintenance.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static const char usage[] =
    "usage: lkcoordd --config FILE [--log-level error|warn|info|debug]\n"
    "       lkcoordd fsck | backup | restore ...   (what each takes: lkcoordd fsck --help)\n"
    "       lkcoordd --version | --help\n"
    "Coordinates pushes of LinuxKit packages; see README.md, \"Real hosts\".\n";

struct options {
    const char       *config;
    enum lk_log_level level;
};

static bool parse_level(const char *text, enum lk_log_level *out)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };

    for (size_t i = 0; i < LK_COUNT(names); i++)
        if (strcmp(names[i], text) == 0) {
            *out = (enum lk_log_level)i;
            return true;
        }
    return false;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *out)
{
    static const struct option known[] = { { "config", required_argument, NULL, 'c' },
                                           { "log-level", required_argument, NULL, 'l' },
                                           { "version", no_argument, NULL, 'v' },
                                           { "help", no_argument, NULL, 'h' },
                                           { 0 } };
    int                        option;

    while ((option = getopt_long(argc, argv, "c:l:vh", known, NULL)) != -1) {
        if (option == 'c') {
            out->config = optarg;
        } else if (option == 'l' && parse_level(optarg, &out->level)) {
            continue;
        } else if (option == 'v') {
            puts("lkcoordd " LK_VERSION);
            return 0;
        } else {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    if (out->config && optind == argc)
        return -1;
    fputs(usage, stderr);
    return 2;
}

static void block_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGPIPE);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

static int run(const struct options *options)
{
    LK_CLEANUP(lk_free_pointer)
    struct lk_coordinator_config *config = lk_xcalloc(1, sizeof(*config));
    LK_CLEANUP(lk_coordinator_close) struct lk_coordinator *coordinator = NULL;
    struct lk_err                                           err;

    if (lk_coordinator_config_load(config, options->config, &err) < 0) {
        fprintf(stderr, "lkcoordd: %s\n", err.text);
        return 2;
    }
    lk_shelf_use(config->shelf);
    if (lk_coordinator_open(&coordinator, config, &err) < 0 ||
        lk_coordinator_run(coordinator, &err) < 0) {
        lk_log_error("lkcoordd ends", "err=%s", LK_Q(err.text));
        return 1;
    }
    lk_log_info("lkcoordd ends", "status=0");
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = { .level = LK_LOG_INFO };
    int status = argc > 1 && lk_maintenance_is(argv[1]) ? lk_maintenance_run(argc - 1, argv + 1)
                                                        : parse(argc, argv, &options);

    if (status >= 0)
        return status;
    block_signals();
    prctl(PR_SET_DUMPABLE, 0);
    lk_log_start("lkcoordd", options.level);
    lk_net_init();
    lk_http_init();
    return run(&options);
}
