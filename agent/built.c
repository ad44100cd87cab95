#include "agent/built.h"

#include "common/log/log.h"
#include "common/os/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTE_BYTES_MAX (LK_DIGEST_TEXT_SIZE + 16 + LK_WIRE_ENVELOPE_MAX)

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

static int write_note(const char *directory, const char *name, const struct lk_built *built,
                      unsigned lives, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char     *path = lk_xasprintf("%s/%s", directory, name);
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(NOTE_BYTES_MAX);
    lk_wire_Envelope envelope = { .which_body = lk_wire_Envelope_offer_tag, .session = 1 };
    uint8_t          offer[LK_WIRE_ENVELOPE_MAX];
    char             digest[LK_DIGEST_TEXT_SIZE];

    envelope.body.offer = built->offer;
    lk_digest_format(&built->manifest.digest, digest);
    lk_buf_printf(&bytes, "%s %u\n", digest, lives);
    lk_buf_add(&bytes, offer, lk_message_encode(&envelope, offer));
    return lk_file_replace(path, lk_buf_str(&bytes), 0600, err);
}

int lk_built_note(const char *directory, const char *name, const lk_wire_Offer *offer,
                  const struct lk_digest *manifest, struct lk_err *err)
{
    struct lk_built built = { .offer = *offer, .manifest.digest = *manifest };

    return write_note(directory, name, &built, 1, err);
}

void lk_built_forget(const char *directory, const char *name)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", directory, name);

    unlink(path);
}

static int parse_note(struct lk_str note, const char *name, struct lk_built *out,
                      uint64_t *lives, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *own_name = NULL;
    struct lk_str                     line, rest, digest, number;
    lk_wire_Envelope                  envelope;

    if (!lk_str_split(note, '\n', &line, &rest) || !lk_str_split(line, ' ', &digest, &number) ||
        !lk_digest_parse(digest, &out->manifest.digest) ||
        !lk_parse_u64(number, UINT32_MAX, lives) ||
        lk_message_decode((const uint8_t *)rest.data, rest.len, &envelope, err) < 0 ||
        envelope.which_body != lk_wire_Envelope_offer_tag)
        return lk_err_set(err, LK_ERR_INVALID, "the note is damaged");
    out->offer = envelope.body.offer;
    own_name = lk_xasprintf("%llu-%u", (unsigned long long)out->offer.job, out->offer.attempt);
    if (strcmp(own_name, name) != 0)
        return lk_err_set(err, LK_ERR_INVALID, "the note is of %s", own_name);
    if (*lives >= LK_BUILT_LIVES)
        return lk_err_set(err, LK_ERR_LIMIT, "the agent ended %u times before it was done",
                          LK_BUILT_LIVES);
    return 0;
}

static bool is_served(const struct lk_agent_config *config, const lk_wire_Offer *offer)
{
    struct lk_arch arch;

    if (!lk_arch_parse(lk_str_of(offer->arch), &arch))
        return false;
    for (size_t i = 0; i < config->arch_count; i++)
        if (lk_arch_eq(&config->arches[i], &arch))
            return true;
    return false;
}

static int compare_layout(struct lk_built *built, const struct lk_agent_state *state,
                          const char *name, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *layout = lk_xasprintf("%s/%s/layout", state->work, name);
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);
    struct lk_descriptor                  found;

    if (lk_layout_read(layout, &found, &bytes, err) < 0)
        return -1;
    if (!lk_digest_eq(&found.digest, &built->manifest.digest))
        return lk_err_set(err, LK_ERR_CONFLICT, "%s holds another image than was built",
                          layout);
    built->manifest = found;
    return 0;
}

static int read_one(struct lk_built *out, const struct lk_agent_state *state,
                    const struct lk_agent_config *config, const char *name, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char     *path = lk_xasprintf("%s/%s", state->built, name);
    LK_CLEANUP(lk_buf_fini) struct lk_buf note = LK_BUF_INIT(NOTE_BYTES_MAX);
    uint64_t                              lives;

    if (lk_file_read(path, &note, err) < 0 ||
        parse_note(lk_buf_str(&note), name, out, &lives, err) < 0)
        return -1;
    if (!is_served(config, &out->offer))
        return lk_err_set(err, LK_ERR_INVALID, "the agent builds no longer for %s",
                          out->offer.arch);
    if (compare_layout(out, state, name, err) < 0)
        return -1;
    return write_note(state->built, name, out, (unsigned)lives + 1, err);
}

static bool is_kept(const struct lk_built_list *list, const char *name)
{
    char kept[64];

    for (size_t i = 0; i < list->count; i++) {
        snprintf(kept, sizeof(kept), "%llu-%u", (unsigned long long)list->items[i].offer.job,
                 list->items[i].offer.attempt);
        if (strcmp(kept, name) == 0)
            return true;
    }
    return false;
}

static void collect(struct lk_built_list *out, const struct lk_agent_state *state,
                    const struct lk_agent_config *config)
{
    LK_CLEANUP(close_directory) DIR *entries = opendir(state->built);
    struct dirent                   *entry;
    struct lk_err                    err;

    while (entries && out->count < config->slots && (entry = readdir(entries))) {
        if (entry->d_name[0] == '.')
            continue;
        if (read_one(&out->items[out->count], state, config, entry->d_name, &err) == 0)
            out->count++;
        else
            lk_log_warn("what was built is given up", "path=%s err=%s", LK_Q(entry->d_name),
                        LK_Q(err.text));
    }
}

static int remove_others(const struct lk_built_list *kept, const char *directory,
                         struct lk_err *err)
{
    LK_CLEANUP(close_directory) DIR *entries = opendir(directory);
    struct dirent                   *entry;

    if (!entries)
        return lk_err_sys(err, "listing %s", directory);
    while ((entry = readdir(entries))) {
        const char *name = entry->d_name;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_kept(kept, name))
            continue;
        LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", directory, name);
        if (unlink(path) < 0 && lk_directory_remove(path, err) < 0 &&
            err->kind != LK_ERR_NOT_FOUND)
            return lk_err_wrap(err, "removing what an earlier run left behind");
    }
    return 0;
}

int lk_built_salvage(struct lk_built_list *out, const struct lk_agent_state *state,
                     const struct lk_agent_config *config, struct lk_err *err)
{
    out->count = 0;
    collect(out, state, config);
    return remove_others(out, state->built, err) < 0 ? -1
                                                     : remove_others(out, state->work, err);
}
