#include "coordinator/cli/passphrase_command.h"

#include "common/base/limits.h"
#include "common/os/file.h"
#include "common/os/spawn.h"
#include "common/yaml/yaml.h"
#include "coordinator/cli/command.h"
#include "coordinator/cli/passphrase.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_SIZE     4096
#define WORDS_MAX        32
#define COMMAND_LIMIT_MS 60000

struct command {
    bool        is_there;
    char        text[COMMAND_SIZE];
    const char *argv[WORDS_MAX + 1]; /* into `text` */
};

static const char key[] = "content-trust-passphrase-command";

static char *file_name(void)
{
    const char *home = getenv("HOME");

    return home && home[0] ? lk_xasprintf("%s/.moby/linuxkit/config.yml", home) : NULL;
}

/* What LinuxKit gives to a shell.  Words are all that it mostly is; what is more would silently mean something else. */
static int split_words(const struct lk_yaml_node *value, const char *file, struct command *out,
                       struct lk_err *err)
{
    size_t count = 0;

    if (strpbrk(value->text, "\"'\\$`|&;<>()*?[]#~!{}"))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s:%u: %s: is run without a shell, and has characters that need one; "
            "write a list, as [sh, -c, \"what the shell is to do\"]",
            file, value->line, key);
    if (!lk_copy_text(out->text, sizeof(out->text), value->text))
        return lk_yaml_mismatch(value, file, key, "fewer than 4096 bytes", err);
    for (char *rest = out->text, *word; (word = strsep(&rest, " \t\n"));) {
        if (!word[0])
            continue;
        if (count == WORDS_MAX)
            return lk_yaml_mismatch(value, file, key, "at most 32 words", err);
        out->argv[count++] = word;
    }
    return 0;
}

static int read_words(const struct lk_yaml_node *list, const char *file, struct command *out,
                      struct lk_err *err)
{
    size_t used = 0, count = 0;

    for (const struct lk_yaml_node *item = list->first; item; item = item->next) {
        if (count == WORDS_MAX)
            return lk_yaml_mismatch(item, file, key, "at most 32 words", err);
        if (lk_yaml_text(item, file, key, out->text + used, sizeof(out->text) - used, err) < 0)
            return -1;
        out->argv[count++] = out->text + used;
        used += strlen(out->text + used) + 1;
    }
    return 0;
}

static int read_section(const struct lk_yaml_node *root, const char *file, struct command *out,
                        struct lk_err *err)
{
    const struct lk_yaml_node *section =
        root && root->kind == LK_YAML_MAP ? lk_yaml_get(root, "pkg") : NULL;
    const struct lk_yaml_node *value =
        section && section->kind == LK_YAML_MAP ? lk_yaml_get(section, key) : NULL;

    if (!value || lk_yaml_is_null(value) || (value->kind == LK_YAML_SCALAR && !value->text[0]))
        return 0;
    out->is_there = true;
    if (value->kind == LK_YAML_MAP || (value->kind == LK_YAML_LIST && !value->first))
        return lk_yaml_mismatch(value, file, key, "a program and its arguments", err);
    return value->kind == LK_YAML_LIST ? read_words(value, file, out, err)
                                       : split_words(value, file, out, err);
}

static int read_command(const char *file, struct command *out, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf    bytes = LK_BUF_INIT(LK_YAML_BYTES_MAX);
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root = NULL;

    *out = (struct command) { .is_there = false };
    if (lk_file_read(file, &bytes, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    if (lk_yaml_parse(&yaml, &root, lk_buf_str(&bytes), file, err) < 0)
        return -1;
    return read_section(root, file, out, err);
}

static int take_first_line(struct lk_buf *out, const struct lk_buf *answer, const char *file,
                           struct lk_err *err)
{
    struct lk_str line = lk_buf_str(answer), rest;

    lk_str_split(line, '\n', &line, &rest);
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "the %s of %s printed no passphrase on its first line", key, file);
    if (!lk_buf_add_str(out, line))
        return lk_err_set(err, LK_ERR_INVALID, "a passphrase has at most %d bytes",
                          LK_PASSPHRASE_MAX);
    return 0;
}

int lk_passphrase_command_run(struct lk_buf *out, bool *found, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char     *file = file_name();
    LK_CLEANUP(lk_buf_fini) struct lk_buf answer = LK_BUF_INIT(2 * LK_PASSPHRASE_MAX);
    const struct lk_question              question = { .limit_ms = COMMAND_LIMIT_MS };
    struct command                        command;
    int                                   status;

    *found = false;
    if (!file)
        return 0;
    if (read_command(file, &command, err) < 0)
        return -1;
    *found = command.is_there;
    if (!command.is_there)
        return 0;

    int rc = lk_ask(command.argv, &question, &answer, &status, err);

    if (rc < 0)
        lk_err_wrap(err, "the %s of %s", key, file);
    else if (status != 0)
        rc = lk_err_set(err, LK_ERR_INVALID, "the %s of %s failed with exit status %d", key,
                        file, status);
    else
        rc = take_first_line(out, &answer, file, err);
    if (answer.data)
        sodium_memzero(answer.data, answer.capacity);
    return rc;
}

void lk_passphrase_decline(void)
{
    static const char *const          variables[] = { "COSIGN_PASSWORD",
                                                      "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE" };
    LK_CLEANUP(lk_free_pointer) char *file = file_name();
    struct command                    command;
    struct lk_err                     ignored;

    for (size_t i = 0; i < LK_COUNT(variables); i++)
        if (getenv(variables[i]))
            lk_complain("%s is not used: the coordinator signs with a key of its own",
                        variables[i]);
    if (!file)
        return;
    read_command(file, &command, &ignored);
    if (command.is_there)
        lk_complain("the %s of %s is not used: the coordinator signs with a key of its own",
                    key, file);
}
