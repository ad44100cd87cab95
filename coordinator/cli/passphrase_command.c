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
#define COMMAND_LIMIT_MS 60000

static const char key[] = "content-trust-passphrase-command";

static char *file_name(void)
{
    const char *home = getenv("HOME");

    return home && home[0] ? lk_xasprintf("%s/.moby/linuxkit/config.yml", home) : NULL;
}

static int read_section(const struct lk_yaml_node *root, const char *file,
                        char command[COMMAND_SIZE], struct lk_err *err)
{
    const struct lk_yaml_node *section =
        root && root->kind == LK_YAML_MAP ? lk_yaml_get(root, "pkg") : NULL;
    const struct lk_yaml_node *value =
        section && section->kind == LK_YAML_MAP ? lk_yaml_get(section, key) : NULL;

    if (!value || lk_yaml_is_null(value))
        return 0;
    return lk_yaml_text(value, file, key, command, COMMAND_SIZE, err);
}

/* "" where there is no file or no command in it. */
static int read_command(const char *file, char command[COMMAND_SIZE], struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf    bytes = LK_BUF_INIT(LK_YAML_BYTES_MAX);
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root = NULL;

    command[0] = '\0';
    if (lk_file_read(file, &bytes, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    if (lk_yaml_parse(&yaml, &root, lk_buf_str(&bytes), file, err) < 0)
        return -1;
    return read_section(root, file, command, err);
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
    char                                  command[COMMAND_SIZE];
    int                                   status;

    *found = false;
    if (!file)
        return 0;
    if (read_command(file, command, err) < 0)
        return -1;
    if (!command[0])
        return 0;
    *found = true;

    const char *const argv[] = { "sh", "-c", command, NULL };
    int               rc = lk_ask(argv, &question, &answer, &status, err);

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

void lk_passphrase_command_decline(void)
{
    LK_CLEANUP(lk_free_pointer) char *file = file_name();
    char                              command[COMMAND_SIZE];
    struct lk_err                     ignored;

    if (file && read_command(file, command, &ignored) == 0 && command[0])
        lk_complain("the %s of %s is not used: the coordinator signs with a key of its own",
                    key, file);
}
