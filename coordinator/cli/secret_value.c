#include "coordinator/cli/secret_value.h"

#include "common/pkg/spec.h"
#include "coordinator/cli/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES 4096

struct words {
    char id[LK_HANDOUT_NAME_SIZE];
    char file[PATH_MAX];
    char variable[256];
};

static int take_word(void *ctx, struct lk_str item, struct lk_err *err)
{
    struct words *words = ctx;
    struct lk_str key, value;
    bool          fits = true;

    if (!lk_str_split(item, '=', &key, &value))
        key = item;
    if (lk_str_eq_text(key, "id"))
        fits = lk_str_copy(words->id, sizeof(words->id), value);
    else if (lk_str_eq_text(key, "src") || lk_str_eq_text(key, "source"))
        fits = lk_str_copy(words->file, sizeof(words->file), value);
    else if (lk_str_eq_text(key, "env"))
        fits = lk_str_copy(words->variable, sizeof(words->variable), value);
    else
        return lk_err_set(err, LK_ERR_INVALID,
                          "--secret: \"" LK_STR_FMT "\" is unknown: it is id=ID,src=FILE or "
                          "id=ID,env=NAME",
                          LK_STR_ARG(key));
    return fits ? 0
                : lk_err_set(err, LK_ERR_INVALID, "--secret: " LK_STR_FMT ": is too long",
                             LK_STR_ARG(key));
}

static int parse(struct words *out, const char *word, struct lk_err *err)
{
    *out = (struct words) { .id = "" };
    if (lk_each_item(word, take_word, out, err) < 0)
        return -1;
    if (!lk_secret_id_is_valid(out->id))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--secret: id=%s: an id may have letters, digits, '.', '_' and '-'",
                          out->id);
    if (!out->file[0] == !out->variable[0])
        return lk_err_set(err, LK_ERR_INVALID,
                          "--secret id=%s: say where it is, src=FILE or env=NAME", out->id);
    return 0;
}

static int put(int memory, const char *data, size_t len, struct lk_err *err)
{
    while (len > 0) {
        ssize_t done = write(memory, data, len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return lk_err_sys(err, "keeping a secret in memory");
        data += done;
        len -= (size_t)done;
    }
    return 0;
}

static int too_large(const char *id, struct lk_err *err)
{
    return lk_err_set(err, LK_ERR_INVALID, "--secret id=%s: it has more than %d bytes", id,
                      LK_SECRET_BYTES_MAX);
}

static int read_file(int memory, const struct words *words, struct lk_err *err)
{
    /* Also a pipe, as <(pass show name) of a shell. */
    LK_CLEANUP(lk_close_fd) int fd = open(words->file, O_RDONLY | O_CLOEXEC);
    char                        piece[PIECE_BYTES];
    size_t                      total = 0;
    ssize_t                     got = 0;
    int                         result = 0;

    if (fd < 0)
        return lk_err_sys(err, "--secret id=%s: opening %s", words->id, words->file);
    while (result == 0 &&
           ((got = read(fd, piece, sizeof(piece))) > 0 || (got < 0 && errno == EINTR))) {
        if (got < 0)
            continue;
        total += (size_t)got;
        result = total > LK_SECRET_BYTES_MAX ? too_large(words->id, err)
                                             : put(memory, piece, (size_t)got, err);
    }
    sodium_memzero(piece, sizeof(piece));
    if (got < 0)
        return lk_err_sys(err, "--secret id=%s: reading %s", words->id, words->file);
    return result;
}

/* Whoever is started from here inherits the environment. */
static int read_variable(int memory, const struct words *words, struct lk_err *err)
{
    char  *value = getenv(words->variable);
    size_t len = value ? strlen(value) : 0;
    int    result;

    if (!value)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "--secret id=%s: the variable %s is not set, or is another secret already",
            words->id, words->variable);
    result =
        len > LK_SECRET_BYTES_MAX ? too_large(words->id, err) : put(memory, value, len, err);
    sodium_memzero(value, len);
    unsetenv(words->variable);
    return result;
}

int lk_secret_value_read(const char *word, char id[LK_HANDOUT_NAME_SIZE], struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd)
    int          memory = memfd_create("secret", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int          result = memory;
    struct words words;

    if (memory < 0)
        return lk_err_sys(err, "making a file in memory");
    if (parse(&words, word, err) < 0 ||
        (words.file[0] ? read_file : read_variable)(memory, &words, err) < 0)
        return -1;
    if (fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) <
        0)
        return lk_err_sys(err, "sealing a file in memory");
    lk_copy_text(id, LK_HANDOUT_NAME_SIZE, words.id);
    memory = -1;
    return result;
}

int lk_secret_value_ssh(const char *word, char *out, size_t size, struct lk_err *err)
{
    static const char prefix[] = "default=";
    const char       *given = strcmp(word, "default") == 0 ? getenv("SSH_AUTH_SOCK") : NULL;
    struct stat       st;

    if (lk_str_starts(lk_str_of(word), prefix))
        given = word + sizeof(prefix) - 1;
    else if (strcmp(word, "default") != 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--ssh %s: expected default or default=SOCKET, an ssh-agent's", word);
    if (!given || !given[0])
        return lk_err_set(err, LK_ERR_INVALID,
                          "--ssh: no ssh-agent is running here (SSH_AUTH_SOCK is not set)");

    LK_CLEANUP(lk_free_pointer) char *path = realpath(given, NULL);

    if (!path || stat(path, &st) < 0)
        return lk_err_sys(err, "--ssh: looking for the ssh-agent's socket %s", given);
    if (!S_ISSOCK(st.st_mode) || strchr(path, '\n') || !lk_copy_text(out, size, path))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--ssh: %s is no socket of an ssh-agent: keys are loaded into one by "
                          "ssh-add",
                          given);
    return 0;
}
