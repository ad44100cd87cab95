#include "agent/state.h"

#include "agent/remains.h"
#include "common/base/hex.h"
#include "common/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static int take_lock(struct lk_agent_state *state, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/lock", state->directory);

    state->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (state->lock < 0)
        return lk_err_sys(err, "opening %s", path);
    if (flock(state->lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return lk_err_set(
            err, LK_ERR_CONFLICT,
            "%s is in use by another agent: give each one a state directory of its "
            "own",
            state->directory);
    return 0;
}

int lk_agent_state_open(struct lk_agent_state *out, const char *directory, struct lk_err *err)
{
    *out = (struct lk_agent_state) {
        .directory = lk_xstrdup(directory),
        .work = lk_xasprintf("%s/work", directory),
        .built = lk_xasprintf("%s/built", directory),
        .slots = lk_xasprintf("%s/slots", directory),
        .store = lk_xasprintf("%s/store", directory),
        .lock = -1,
    };
    if (lk_directory_make(directory, 0700, err) < 0 || take_lock(out, err) < 0 ||
        lk_remains_end(out->slots, out->work, err) < 0 ||
        lk_directory_make(out->work, 0700, err) < 0)
        return -1;
    return lk_directory_make(out->built, 0700, err);
}

void lk_agent_state_close(struct lk_agent_state *state)
{
    /* What is in them is the next life's to go on with.  Not if the lock is another's: then so are they. */
    if (state->lock >= 0 && flock(state->lock, LOCK_EX | LOCK_NB) == 0) {
        rmdir(state->built);
        rmdir(state->work);
    }
    lk_close_fd(&state->lock);
    free(state->directory);
    free(state->work);
    free(state->built);
    free(state->slots);
    free(state->store);
    *state = (struct lk_agent_state) { .lock = -1 };
}

static bool parse(struct lk_str text, struct lk_agent_core_conf *conf)
{
    struct lk_str cluster, epoch;

    while (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    if (!lk_str_split(text, ' ', &cluster, &epoch) || cluster.len % 2 != 0 ||
        cluster.len / 2 > LK_CLUSTER_MAX ||
        !lk_hex_decode(conf->cluster, cluster.len / 2, cluster) ||
        !lk_parse_u64(epoch, UINT32_MAX, &conf->epoch))
        return false;
    conf->cluster_len = cluster.len / 2;
    return true;
}

int lk_agent_state_recall(const struct lk_agent_state *state, struct lk_agent_core_conf *conf,
                          struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char     *path = lk_xasprintf("%s/cluster", state->directory);
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(256);

    if (lk_file_read(path, &bytes, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    if (!parse(lk_buf_str(&bytes), conf))
        return lk_err_set(
            err, LK_ERR_PERMANENT,
            "%s is damaged: remove it if this agent is to trust its coordinator anew", path);
    return 0;
}

int lk_agent_state_remember(const struct lk_agent_state *state, const uint8_t *cluster,
                            size_t cluster_len, uint64_t epoch, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char     *path = lk_xasprintf("%s/cluster", state->directory);
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(256);
    char                                  hex[2 * LK_CLUSTER_MAX + 1];

    lk_hex_encode(hex, cluster, cluster_len);
    lk_buf_printf(&text, "%s %llu\n", hex, (unsigned long long)epoch);
    return lk_file_replace(path, lk_buf_str(&text), 0600, err);
}
