#include "common/net/curve.h"

#include "common/base/buf.h"
#include "common/os/file.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define KEY_FILE_MAX 4096
#define Z85_LEN      (LK_CURVE_Z85_SIZE - 1)

/* Lives in memory from sodium_malloc, which is only aligned for characters: keep it so. */
struct lk_curve_pair {
    struct lk_curve_public public;
    char secret[LK_CURVE_Z85_SIZE];
};

static struct lk_curve_pair *pair_new(void)
{
    struct lk_curve_pair *pair = NULL;

    /* sodium_malloc fails where no memory may be locked or mapped: like any other lack of memory. */
    lk_assert(sodium_init() >= 0);
    pair = sodium_malloc(sizeof(*pair));
    lk_assert(pair);
    sodium_memzero(pair, sizeof(*pair));
    return pair;
}

void lk_curve_free(struct lk_curve_pair **pair)
{
    sodium_free(*pair);
    *pair = NULL;
}

static void clear_secret_buf(struct lk_buf *buf)
{
    if (buf->data)
        sodium_memzero(buf->data, buf->capacity);
    lk_buf_fini(buf);
}

static bool is_z85_key(struct lk_str text)
{
    char    copy[LK_CURVE_Z85_SIZE];
    uint8_t raw[32];

    bool valid = text.len == Z85_LEN && lk_str_copy(copy, sizeof(copy), text) &&
                 zmq_z85_decode(raw, copy);
    sodium_memzero(copy, sizeof(copy));
    sodium_memzero(raw, sizeof(raw));
    return valid;
}

int lk_curve_generate(struct lk_curve_pair **out, struct lk_err *err)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *pair = pair_new();

    if (zmq_curve_keypair(pair->public.z85, pair->secret) < 0)
        return lk_err_sys(err, "making a CURVE key pair");
    sodium_mprotect_readonly(pair);
    *out = LK_TAKE(pair);
    return 0;
}

static struct lk_str trim(struct lk_str str)
{
    while (str.len && strchr(" \t\r", str.data[0])) {
        str.data++;
        str.len--;
    }
    while (str.len && strchr(" \t\r", str.data[str.len - 1]))
        str.len--;
    return str;
}

/* Finds `name = "value"` in ZPL (rfc.zeromq.org/spec/4) and copies a value that is a key. */
static bool find_key(struct lk_str text, const char *name, char out[LK_CURVE_Z85_SIZE])
{
    struct lk_str line;

    while (text.len) {
        if (!lk_str_split(text, '\n', &line, &text)) {
            line = text;
            text.len = 0;
        }
        struct lk_str found;
        struct lk_str value;
        if (!lk_str_split(line, '=', &found, &value) || !lk_str_eq_text(trim(found), name))
            continue;
        value = trim(value);
        if (value.len != Z85_LEN + 2 || value.data[0] != '"' ||
            value.data[value.len - 1] != '"')
            return false;
        value = (struct lk_str) { value.data + 1, Z85_LEN };
        return is_z85_key(value) && lk_str_copy(out, LK_CURVE_Z85_SIZE, value);
    }
    return false;
}

int lk_curve_load(struct lk_curve_pair **out, const char *path, struct lk_err *err)
{
    LK_CLEANUP(clear_secret_buf) struct lk_buf      text = LK_BUF_INIT(KEY_FILE_MAX);
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *pair = pair_new();
    char                                            derived[LK_CURVE_Z85_SIZE];

    if (lk_file_read_secret(path, &text, err) < 0)
        return lk_err_wrap(err, "loading the CURVE key %s", path);
    if (!find_key(lk_buf_str(&text), "public-key", pair->public.z85) ||
        !find_key(lk_buf_str(&text), "secret-key", pair->secret))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s is not a CURVE secret key file: it lacks a public-key or secret-key "
            "line; `lkcoord keys new` makes one",
            path);
    if (zmq_curve_public(derived, pair->secret) < 0 || strcmp(derived, pair->public.z85) != 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "in %s the public-key does not belong to the secret-key", path);
    sodium_mprotect_readonly(pair);
    *out = LK_TAKE(pair);
    return 0;
}

static void put_public(struct lk_buf *out, const struct lk_curve_pair *pair)
{
    lk_buf_printf(out, "metadata\ncurve\n    public-key = \"%s\"\n", pair->public.z85);
}

static int save_public(const struct lk_curve_pair *pair, const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(KEY_FILE_MAX);

    lk_buf_add_text(&text, "# lkcoord: CURVE public key\n\n");
    put_public(&text, pair);
    return lk_file_create(path, lk_buf_str(&text), 0644, err);
}

static int save_secret(const struct lk_curve_pair *pair, const char *path, struct lk_err *err)
{
    LK_CLEANUP(clear_secret_buf) struct lk_buf text = LK_BUF_INIT(KEY_FILE_MAX);

    lk_buf_add_text(&text, "# lkcoord: CURVE secret key; give it to nobody\n\n");
    put_public(&text, pair);
    lk_buf_printf(&text, "    secret-key = \"%s\"\n", pair->secret);
    return lk_file_create(path, lk_buf_str(&text), 0600, err);
}

int lk_curve_save(const struct lk_curve_pair *pair, const char *secret_path,
                  const char *public_path, struct lk_err *err)
{
    if (save_secret(pair, secret_path, err) < 0)
        return lk_err_wrap(err, "saving a CURVE secret key");
    if (save_public(pair, public_path, err) < 0) {
        unlink(secret_path); /* made above; half a pair is of no use */
        return lk_err_wrap(err, "saving a CURVE public key");
    }
    return 0;
}

const struct lk_curve_public *lk_curve_public_of(const struct lk_curve_pair *pair)
{
    return &pair->public;
}

const char *lk_curve_secret_of(const struct lk_curve_pair *pair)
{
    return pair->secret;
}

int lk_curve_parse_public(struct lk_curve_public *out, const char *text_or_path,
                          struct lk_err *err)
{
    LK_CLEANUP(clear_secret_buf) struct lk_buf text = LK_BUF_INIT(KEY_FILE_MAX);

    /* "/" and "." are digits of Z85: a path may look like a key, so a file that exists comes first. */
    if (access(text_or_path, F_OK) != 0 && is_z85_key(lk_str_of(text_or_path))) {
        lk_copy_text(out->z85, sizeof(out->z85), text_or_path);
        return 0;
    }
    if (lk_file_read(text_or_path, &text, err) < 0)
        return lk_err_wrap(err, "reading a CURVE public key (40 characters of Z85, or a file)");
    if (!find_key(lk_buf_str(&text), "public-key", out->z85))
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s has no valid public-key line: give the .pub file of a key pair",
                          text_or_path);
    return 0;
}
