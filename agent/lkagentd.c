#include "agent/agent.h"
#include "common/log/log.h"
#include "common/net/sock.h"
#include "common/registry/shelf.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define EXIT_USAGE 2

struct options {
    const char       *config;
    enum lk_log_level level;
};

static const char usage[] =
    "Usage: lkagentd --config FILE [--log-level LEVEL]\n"
    "Builds packages of one or more architectures for a coordinator.\n"
    "\n"
    "  --config FILE      lkagentd.yml (deploy/examples/lkagentd.yml explains every key)\n"
    "  --log-level LEVEL  error, warn, info (default) or debug\n"
    "  --version          print the version\n"
    "  --help             print this\n";

static bool parse_level(const char *text, enum lk_log_level *out)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };

    for (size_t i = 0; i < LK_COUNT(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum lk_log_level)i;
            return true;
        }
    }
    fprintf(stderr, "lkagentd: --log-level must be error, warn, info or debug, found \"%s\"\n",
            text);
    return false;
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *out)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' },
        { "log-level", required_argument, NULL, 'l' },
        { "version", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'c') {
            out->config = optarg;
        } else if (option == 'l') {
            if (!parse_level(optarg, &out->level))
                return EXIT_USAGE;
        } else if (option == 'v') {
            puts("lkagentd " LK_VERSION);
            return 0;
        } else if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        } else {
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (!out->config || optind != argc) {
        fprintf(stderr, "lkagentd: %s\n%s",
                out->config ? "too many arguments" : "--config is missing", usage);
        return EXIT_USAGE;
    }
    return -1;
}

/* Before any thread: they inherit the mask, and the loop reads these by signalfd. */
static void block_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

int main(int argc, char **argv)
{
    static struct lk_agent_config config;
    struct options                options = { .level = LK_LOG_INFO };
    struct lk_err                 err;
    int                           status = parse_options(argc, argv, &options);

    if (status >= 0)
        return status;
    block_signals();
    if (lk_agent_config_load(&config, options.config, &err) < 0) {
        fprintf(stderr, "lkagentd: %s\n", err.text);
        return EXIT_USAGE;
    }
    /* No core file may carry the key. */
    prctl(PR_SET_DUMPABLE, 0);
    lk_log_start("lkagentd", options.level);
    lk_net_init();
    lk_shelf_use(config.shelf);
    if (lk_agent_run(&config, &err) < 0) {
        lk_log_error("cannot serve", "err=%s", LK_Q(err.text));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
