#include "common/log/log.h"

#include "common/base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE   8192
#define QUOTE_SIZE  2048
#define QUOTE_COUNT 8 /* as many LK_Q live in one call */

/* Written once by lk_log_start, before there are other threads. */
static struct {
    char              program[32];
    enum lk_log_level level;
    bool              journal;
} settings = { .level = LK_LOG_INFO };

/*
 * systemd.exec(5): JOURNAL_STREAM names the device and inode of the journal's stream.  It is inherited
 * by programs whose stderr goes elsewhere, so the numbers have to be compared.
 */
static bool stderr_is_journal(void)
{
    const char   *stream = getenv("JOURNAL_STREAM");
    struct lk_str device_text;
    struct lk_str inode_text;
    uint64_t      device;
    uint64_t      inode;
    struct stat   status;

    return stream && lk_str_split(lk_str_of(stream), ':', &device_text, &inode_text) &&
           lk_parse_u64(device_text, UINT64_MAX, &device) &&
           lk_parse_u64(inode_text, UINT64_MAX, &inode) && fstat(STDERR_FILENO, &status) == 0 &&
           (uint64_t)status.st_dev == device && (uint64_t)status.st_ino == inode;
}

void lk_log_start(const char *program, enum lk_log_level level)
{
    snprintf(settings.program, sizeof(settings.program), "%s", program);
    settings.level = level;
    settings.journal = stderr_is_journal();
}

static const char *level_name(enum lk_log_level level)
{
    switch (level) {
    case LK_LOG_ERROR: return "error";
    case LK_LOG_WARN: return "warn";
    case LK_LOG_INFO: return "info";
    case LK_LOG_DEBUG: return "debug";
    }
    return "unknown";
}

/* The priority of sd-daemon(3), which journald takes off the line. */
static int journal_priority(enum lk_log_level level)
{
    switch (level) {
    case LK_LOG_ERROR: return 3;
    case LK_LOG_WARN: return 4;
    case LK_LOG_INFO: return 6;
    case LK_LOG_DEBUG: return 7;
    }
    return 7;
}

/* What comes before "level=": the priority for journald, else time and program. */
static size_t put_prefix(char *line, size_t size, enum lk_log_level level)
{
    struct timespec now;
    struct tm       utc;
    char            seconds[32];

    if (settings.journal)
        return (size_t)snprintf(line, size, "<%d>", journal_priority(level));
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
    return (size_t)snprintf(line, size, "%s.%03dZ %s%s", seconds, (int)(now.tv_nsec / 1000000),
                            settings.program, settings.program[0] ? " " : "");
}

/* A careless format must not make a second line either. */
static void flatten(char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
}

static void write_line(const char *line, size_t len)
{
    while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
        continue;
}

void lk_log(enum lk_log_level level, const char *message, const char *format, ...)
{
    static const char cut[] = " ...";
    char              line[LINE_SIZE];
    size_t            room = sizeof(line) - sizeof(cut);
    int               saved_errno = errno;
    va_list           args;

    if (level > settings.level)
        return;
    size_t len = put_prefix(line, room, level);
    len += (size_t)snprintf(line + len, room - len, "level=%s msg=\"%.512s\"",
                            level_name(level), message);
    if (format[0]) {
        line[len++] = ' ';
        va_start(args, format);
        int wanted = vsnprintf(line + len, room - len, format, args);
        va_end(args);
        if (wanted > 0 && (size_t)wanted >= room - len) {
            memcpy(line + room - 1, cut, sizeof(cut));
            len = room - 1 + sizeof(cut) - 1;
        } else if (wanted > 0) {
            len += (size_t)wanted;
        }
    }
    flatten(line, len);
    line[len++] = '\n';
    write_line(line, len);
    errno = saved_errno;
}

/* Length of the printable character at `p`; 0 if that byte has to be escaped. */
static size_t printable(const char *p, size_t left)
{
    unsigned char first = (unsigned char)p[0];

    if (first < 0x80)
        return first >= 0x20 && first != 0x7f && first != '"' && first != '\\';
    /* U+0080 to U+009F are control characters that terminals obey. */
    if (first == 0xc2 && left > 1 && (unsigned char)p[1] < 0xa0)
        return 0;
    for (size_t len = 2; len <= 4 && len <= left; len++)
        if (lk_str_is_utf8((struct lk_str) { p, len }))
            return len;
    return 0;
}

static bool needs_no_quotes(const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '\\' || *p == '=')
            return false;
    return text[0] != '\0';
}

/* Writes the escaped form of one byte (at most 4 characters) and returns its length. */
static size_t put_escaped(char *out, size_t size, char byte)
{
    switch (byte) {
    case '"':
    case '\\': return (size_t)snprintf(out, size, "\\%c", byte);
    case '\n': return (size_t)snprintf(out, size, "\\n");
    case '\r': return (size_t)snprintf(out, size, "\\r");
    case '\t': return (size_t)snprintf(out, size, "\\t");
    default: return (size_t)snprintf(out, size, "\\x%02x", (unsigned char)byte);
    }
}

const char *lk_log_quote(const char *text)
{
    static _Thread_local char     quoted[QUOTE_COUNT][QUOTE_SIZE];
    static _Thread_local unsigned next;
    char                         *out = quoted[next++ % QUOTE_COUNT];
    size_t                        at = 0;

    if (!text)
        text = "";
    size_t left = strlen(text);
    if (left < QUOTE_SIZE && needs_no_quotes(text)) {
        memcpy(out, text, left + 1);
        return out;
    }
    out[at++] = '"';
    while (left && at < QUOTE_SIZE - 10) { /* room for one more, "..." and the quotation mark */
        size_t len = printable(text, left);
        if (len)
            memcpy(out + at, text, len);
        at += len ? len : put_escaped(out + at, QUOTE_SIZE - at, *text);
        text += len ? len : 1;
        left -= len ? len : 1;
    }
    snprintf(out + at, QUOTE_SIZE - at, "%s\"", left ? "..." : "");
    return out;
}
