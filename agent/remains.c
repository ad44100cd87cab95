#include "agent/remains.h"

#include "common/base/buf.h"
#include "common/log/log.h"
#include "common/os/file.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOTE_BYTES_MAX   256
#define STAT_BYTES_MAX   4096
#define START_FIELD      22 /* of /proc/PID/stat, counted from 1 */
#define STATE_FIELD      3
#define WAIT_STEP_MS     20
#define WAIT_STEPS       500
#define MOUNTPOINT_FIELD 5 /* of /proc/PID/mountinfo */

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

static void close_stream(FILE **stream)
{
    if (*stream)
        fclose(*stream);
}

static bool parse_pid(struct lk_str text, pid_t *out)
{
    uint64_t value;

    /* 1 is never a child of ours, and kill(-1) is everybody. */
    if (!lk_parse_u64(text, INT32_MAX, &value) || value < 2)
        return false;
    *out = (pid_t)value;
    return true;
}

/* When the process began; 0: it is not there, or but a zombie. */
static uint64_t start_of(pid_t process)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf stat = LK_BUF_INIT(STAT_BYTES_MAX);
    char                                  path[64];
    struct lk_err                         err;
    struct lk_str                         field, rest;
    uint64_t                              start;
    const char                           *name_end;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
    if (lk_file_read(path, &stat, &err) < 0 || stat.len == 0)
        return 0;
    /* "PID (NAME) STATE ...": a name may hold anything, but it ends with the last parenthesis. */
    name_end = memrchr(stat.data, ')', stat.len);
    if (!name_end || (size_t)(name_end - stat.data) + 2 >= stat.len)
        return 0;
    rest = lk_buf_str(&stat);
    rest.len -= (size_t)(name_end - stat.data) + 2;
    rest.data = name_end + 2;
    for (int i = STATE_FIELD; i <= START_FIELD; i++) {
        if (!lk_str_split(rest, ' ', &field, &rest))
            return 0;
        if (i == STATE_FIELD && (field.data[0] == 'Z' || field.data[0] == 'X'))
            return 0;
    }
    return lk_parse_u64(field, UINT64_MAX, &start) ? start : 0;
}

int lk_remains_note(const char *slots, const char *name, const char *phase, pid_t process,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char     *path = lk_xasprintf("%s/%s", slots, name);
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(NOTE_BYTES_MAX);

    lk_buf_printf(&text, "%s %d %llu\n", phase, (int)process,
                  (unsigned long long)start_of(process));
    return lk_file_replace(path, lk_buf_str(&text), 0600, err);
}

void lk_remains_forget(const char *slots, const char *name)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", slots, name);

    unlink(path);
}

bool lk_remains_parse(struct lk_str note, pid_t *process, uint64_t *start)
{
    struct lk_str line, phase, number, rest;

    return lk_str_split(note, '\n', &line, &rest) && lk_str_split(line, ' ', &phase, &rest) &&
           lk_str_split(rest, ' ', &number, &rest) && parse_pid(number, process) &&
           lk_parse_u64(rest, UINT64_MAX, start) && *start > 0;
}

static bool read_note(const char *path, pid_t *process, uint64_t *start)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(NOTE_BYTES_MAX);
    struct lk_err                         err;

    return lk_file_read(path, &text, &err) == 0 &&
           lk_remains_parse(lk_buf_str(&text), process, start);
}

/* True while the process that the file names is there; it is killed each time, with its group. */
static bool kill_noted(const char *slots, const char *name)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", slots, name);
    pid_t                             process;
    uint64_t                          start;

    if (!read_note(path, &process, &start) || start_of(process) != start ||
        getpgid(process) != process)
        return false;
    kill(-process, SIGKILL);
    return true;
}

static bool sees_mount_below(pid_t process, const char *directory)
{
    LK_CLEANUP(close_stream) FILE    *stream = NULL;
    LK_CLEANUP(lk_free_pointer) char *line = NULL;
    size_t                            size = 0;
    size_t                            len = strlen(directory);
    char                              path[64];

    snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)process);
    stream = fopen(path, "re");
    while (stream && getline(&line, &size, stream) > 0) {
        const char *field = line;

        for (int i = 1; field && i < MOUNTPOINT_FIELD; i++)
            field = strchr(field, ' ') ? strchr(field, ' ') + 1 : NULL;
        if (field && strncmp(field, directory, len) == 0 && field[len] == '/')
            return true;
    }
    return false;
}

static bool kill_process_of_jail(const char *work, const char *name)
{
    pid_t process;

    if (!parse_pid(lk_str_of(name), &process) || process == getpid() ||
        !sees_mount_below(process, work))
        return false;
    kill(process, SIGKILL);
    return true;
}

/* Calls `visit` for each name; true if it said so for any. */
static bool any(const char *directory, bool (*visit)(const char *context, const char *name),
                const char *context)
{
    LK_CLEANUP(close_directory) DIR *entries = opendir(directory);
    struct dirent                   *entry;
    bool                             found = false;

    while (entries && (entry = readdir(entries)))
        if (entry->d_name[0] != '.' && visit(context, entry->d_name))
            found = true;
    return found;
}

int lk_remains_end(const char *slots, const char *work, struct lk_err *err)
{
    const struct timespec pause = { .tv_nsec = WAIT_STEP_MS * 1000000L };

    for (int i = 0; i < WAIT_STEPS; i++) {
        bool noted = any(slots, kill_noted, slots);
        bool jailed = any("/proc", kill_process_of_jail, work);

        if (!noted && !jailed) {
            if (lk_directory_remove(slots, err) < 0 && err->kind != LK_ERR_NOT_FOUND)
                return -1;
            return lk_directory_make(slots, 0700, err);
        }
        if (i == 0)
            lk_log_warn("ending what an earlier run left behind", "path=%s", LK_Q(work));
        nanosleep(&pause, NULL);
    }
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "builders of an earlier run do not end; look for processes of %s", work);
}
