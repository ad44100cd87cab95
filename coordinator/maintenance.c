#include "coordinator/maintenance.h"

#include "common/base/hex.h"
#include "coordinator/config.h"
#include "coordinator/store/backup.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum status { WHOLE = 0, DAMAGED = 1, MISUSED = 2, FAILED = 4 };

static const char usage[] =
    "usage: lkcoordd fsck    --config FILE | --state DIRECTORY | BACKUP\n"
    "       lkcoordd backup  --config FILE | --state DIRECTORY  BACKUP\n"
    "       lkcoordd restore --config FILE | --state DIRECTORY  BACKUP [--replace] "
    "[--up-to-damage]\n"
    "fsck changes nothing; it says whether a journal or a backup is whole, and if not, what is "
    "lost.\n"
    "backup may be used while the coordinator runs; restore may not.\n"
    "  --replace        restore puts the journal that is there aside\n"
    "  --up-to-damage   restore takes what is good of a damaged backup or journal\n"
    "exit status: 0 all is well, 1 damage was found, 2 the command line is wrong, 4 it could "
    "not be done\n";

struct request {
    const char               *word;
    const char               *state;
    const char               *file;
    bool                      misused;
    bool                      asked_for_help;
    struct lk_restore_options restore;
};

static bool is(const struct request *request, const char *word)
{
    return strcmp(request->word, word) == 0;
}

bool lk_maintenance_is(const char *word)
{
    return strcmp(word, "fsck") == 0 || strcmp(word, "backup") == 0 ||
           strcmp(word, "restore") == 0;
}

static int fail(const struct lk_err *err)
{
    fprintf(stderr, "lkcoordd: %s\n", err->text);
    return FAILED;
}

static void parse(int argc, char **argv, struct request *out, const char **config)
{
    static const struct option known[] = {
        { "config", required_argument, NULL, 'c' }, { "state", required_argument, NULL, 's' },
        { "replace", no_argument, NULL, 'r' },      { "up-to-damage", no_argument, NULL, 'u' },
        { "help", no_argument, NULL, 'h' },         { 0 }
    };
    int option;

    out->word = argv[0];
    while ((option = getopt_long(argc, argv, "c:s:h", known, NULL)) != -1) {
        if (option == 'c')
            *config = optarg;
        else if (option == 's')
            out->state = optarg;
        else if (option == 'r' && is(out, "restore"))
            out->restore.replace = true;
        else if (option == 'u' && is(out, "restore"))
            out->restore.up_to_damage = true;
        else if (option == 'h')
            out->asked_for_help = true;
        else
            out->misused = true;
    }
    if (optind < argc)
        out->file = argv[optind++];
    out->misused |= optind < argc || (*config && out->state) ||
                    (is(out, "fsck") ? !out->file == !(*config || out->state)
                                     : !out->file || !(*config || out->state));
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void describe(const struct lk_inspection *look)
{
    char cluster[2 * LK_CLUSTER_BYTES + 1];

    lk_hex_encode(cluster, look->cluster, sizeof(look->cluster));
    printf("cluster %s, epoch %llu, %llu record%s up to number %llu, %llu push%s (%llu under "
           "way)\n",
           cluster, (unsigned long long)look->epoch, (unsigned long long)look->count,
           plural(look->count), (unsigned long long)look->last,
           (unsigned long long)look->pushes, look->pushes == 1 ? "" : "es",
           (unsigned long long)look->live);
}

/* ---- fsck ---- */

static void say(void *ctx, const char *finding)
{
    (void)ctx;
    printf("damage: %s\n", finding);
}

static void say_what_is_lost(const struct lk_inspection *look, const char *path,
                             const char *state)
{
    if (look->faults > LK_FINDINGS_MAX)
        printf("and %zu more\n", look->faults - LK_FINDINGS_MAX);
    if (look->good == 0) {
        printf("nothing of %s can be used\n", path);
        printf("what to do: `lkcoordd restore` of a backup; without one, move the state "
               "directory away and "
               "start anew: what is published stays published, pushes under way are lost\n");
        return;
    }
    printf("good: up to record %llu: %llu push%s, %llu under way\n",
           (unsigned long long)look->good, (unsigned long long)look->pushes,
           look->pushes == 1 ? "" : "es", (unsigned long long)look->live);
    printf("lost: what came after it (%llu record%s cannot be used)\n",
           (unsigned long long)look->unusable, plural(look->unusable));
    printf("what to do: `lkcoordd restore` of a backup; or, if the good part is later than any "
           "backup,\n"
           "  lkcoordd restore --up-to-damage --replace --state %s %s\n",
           state ? state : "DIRECTORY", path);
}

static int check(const struct request *request)
{
    LK_CLEANUP(lk_free_pointer)
    char                *path = request->file ? lk_xasprintf("%s", request->file)
                                              : lk_xasprintf("%s/journal.db", request->state);
    struct lk_inspection look;
    struct lk_err        err;

    if (lk_journal_inspect(path, request->state, &look, say, NULL, &err) < 0)
        return fail(&err);
    if (look.schema)
        describe(&look);
    if (look.schema == 1)
        printf("written by an older lkcoordd: its records have no checksums\n");
    if (look.faults == 0) {
        printf("%s is whole\n", path);
        return WHOLE;
    }
    say_what_is_lost(&look, path, request->state);
    return DAMAGED;
}

/* ---- backup, restore ---- */

static int back_up(const struct request *request)
{
    struct lk_inspection look;
    struct lk_err        err;

    if (lk_journal_backup(request->state, request->file, &look, &err) < 0)
        return fail(&err);
    printf("%s: ", request->file);
    describe(&look);
    return WHOLE;
}

static int restore(const struct request *request)
{
    struct lk_inspection look;
    struct lk_err        err;
    uint64_t             epoch;

    if (lk_journal_restore(request->file, request->state, &request->restore, &look, &epoch,
                           &err) < 0)
        return fail(&err);
    printf("%s: ", request->file);
    describe(&look);
    printf(
        "restored to %s up to record %llu; epoch %llu, and numbers of pushes go on far above\n",
        request->state, (unsigned long long)look.good, (unsigned long long)epoch);
    return WHOLE;
}

int lk_maintenance_run(int argc, char **argv)
{
    LK_CLEANUP(lk_free_pointer)
    struct lk_coordinator_config *config = lk_xcalloc(1, sizeof(*config));
    struct request                request = { 0 };
    const char                   *file = NULL;
    struct lk_err                 err;

    umask(077);
    parse(argc, argv, &request, &file);
    if (request.asked_for_help || request.misused) {
        fputs(usage, request.asked_for_help ? stdout : stderr);
        return request.asked_for_help ? WHOLE : MISUSED;
    }
    if (file && lk_coordinator_config_load(config, file, &err) < 0) {
        fprintf(stderr, "lkcoordd: %s\n", err.text);
        return MISUSED;
    }
    if (file)
        request.state = config->state;
    return is(&request, "fsck")     ? check(&request)
           : is(&request, "backup") ? back_up(&request)
                                    : restore(&request);
}
