#include "coordinator/cli/local_setup.h"

#include "common/base/arch.h"
#include "common/keyfile/sigstore.h"
#include "common/os/file.h"
#include "coordinator/cli/local_state.h"
#include "coordinator/cli/local_trust.h"
#include "coordinator/cli/passphrase.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CONFIG_BYTES_MAX (64 * 1024)
#define BINFMT           "/proc/sys/fs/binfmt_misc"
#define SLOTS_MAX        4
#define STORE_DRIVER     "overlay"
#define STORE_ROOT       "agent/storage"
#define STORE_RUNROOT    "agent/storage-run"

char *lk_local_path(const char *directory, const char *name)
{
    return lk_xasprintf("%s/%s", directory, name);
}

static int make_key(const char *directory, const char *name, struct lk_err *err)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *pair = NULL;
    LK_CLEANUP(lk_free_pointer) char *secret = lk_xasprintf("%s/%s.key", directory, name);
    LK_CLEANUP(lk_free_pointer) char *public = lk_xasprintf("%s/%s.pub", directory, name);

    unlink(secret);
    unlink(public);
    if (lk_curve_generate(&pair, err) < 0)
        return -1;
    return lk_curve_save(pair, secret, public, err);
}

int lk_local_make_keys(const char *directory, struct lk_err *err)
{
    static const char *const names[] = { "coordinator", "agent", "client" };

    for (size_t i = 0; i < LK_COUNT(names); i++)
        if (make_key(directory, names[i], err) < 0)
            return lk_err_wrap(err, "making keys for a private coordinator");
    return 0;
}

int lk_local_client_config(struct lk_config *out, const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *server = lk_local_path(directory, "coordinator.pub");

    snprintf(out->path, sizeof(out->path), "%s/lkcoordd.yml", directory);
    snprintf(out->coordinator, sizeof(out->coordinator), "ipc://%s/" LK_LOCAL_CLIENTS,
             directory);
    snprintf(out->key_path, sizeof(out->key_path), "%s/client.key", directory);
    if (lk_curve_parse_public(&out->coordinator_key, server, err) < 0 ||
        lk_curve_load(&out->key, out->key_path, err) < 0)
        return lk_err_wrap(err, "the private coordinator's keys");
    return 0;
}

static int make_signing_key(const char *secret, const char *directory,
                            struct lk_buf *passphrase, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *public = lk_local_path(directory, "signing.pub");

    if (lk_passphrase_new_local(passphrase, err) < 0)
        return lk_err_wrap(err, "pushing on this machine alone makes a signing key the first "
                                "time, unless -disable-content-trust is said");
    if (lk_sigstore_generate(secret, public, LK_KEY_ED25519, lk_buf_str(passphrase), err) < 0)
        return -1;
    fprintf(stderr, "lkcoord: made the signing key %s; who verifies needs %s\n", secret,
            public);
    return 0;
}

int lk_local_unlock(const char *directory, bool wanted, struct lk_buf *passphrase,
                    bool *has_key, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *secret = lk_local_path(directory, "signing.key");

    *has_key = access(secret, F_OK) == 0;
    if (*has_key)
        return lk_passphrase_ask(passphrase, secret, err);
    if (!wanted)
        return 0;
    *has_key = true;
    return make_signing_key(secret, directory, passphrase, err);
}

/* YAML in single quotes: nothing in a path means anything there but the quote itself. */
static void add_line(struct lk_buf *out, const char *key, const char *prefix,
                     const char *directory, const char *name)
{
    lk_buf_printf(out, "%s: '%s", key, prefix);
    for (const char *c = directory; *c; c++) {
        if (*c == '\'')
            lk_buf_add(out, c, 1);
        lk_buf_add(out, c, 1);
    }
    lk_buf_printf(out, "%s%s'\n", name ? "/" : "", name ? name : "");
}

static int save(struct lk_buf *text, const char *directory, const char *name,
                struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_local_path(directory, name);

    return lk_file_replace(path, lk_buf_str(text), 0600, err);
}

int lk_local_write_coordinator(const char *directory, bool signs, bool trust,
                               struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(CONFIG_BYTES_MAX);
    LK_CLEANUP(lk_free_pointer) char     *keys = NULL;

    lk_buf_add_text(&text, "# Written by lkcoord at each start of the private coordinator.\n");
    add_line(&text, "agents-endpoint", "ipc://", directory, LK_LOCAL_AGENTS);
    add_line(&text, "clients-endpoint", "ipc://", directory, LK_LOCAL_CLIENTS);
    add_line(&text, "key", "", directory, "coordinator.key");
    add_line(&text, "state", "", directory, "coordinator");
    add_line(&text, "shelf", "", directory, LK_LOCAL_SHELF);
    lk_buf_add_text(&text, "agents:\n");
    add_line(&text, "  local", "", directory, "agent.pub");
    lk_buf_add_text(&text, "clients:\n");
    add_line(&text, "  local", "", directory, "client.pub");
    if (signs) {
        lk_buf_add_text(&text, "signing:\n");
        add_line(&text, "  key", "", directory, "signing.key");
    }
    if (trust) {
        if (lk_local_trust_keys(&keys, err) < 0)
            return -1;
        lk_buf_add_text(&text, "notary:\n  content-trust: on\n");
        add_line(&text, "  keys", "", keys, NULL);
    }
    return save(&text, directory, "lkcoordd.yml", err);
}

/* ---- the agent ---- */

/* What uname(2) and qemu call the architectures that packages are for by default. */
static const struct {
    const char *arch;
    const char *machine;
} arches[] = { { "amd64", "x86_64" }, { "arm64", "aarch64" }, { "s390x", "s390x" } };

static const char *machine_of(const char *arch)
{
    for (size_t i = 0; i < LK_COUNT(arches); i++)
        if (strcmp(arches[i].arch, arch) == 0)
            return arches[i].machine;
    return NULL;
}

/* .../qemu-aarch64-static, /usr/libexec/qemu-binfmt/aarch64-binfmt-P */
static bool is_interpreter_of(struct lk_str path, const char *machine)
{
    size_t len = strlen(machine);

    while (path.len > 0) {
        size_t      word = 0;
        const char *at = path.data;

        while (word < path.len && !strchr("/-", at[word]))
            word++;
        if (word == len && memcmp(at, machine, len) == 0)
            return true;
        word += word < path.len;
        path = (struct lk_str) { at + word, path.len - word };
    }
    return false;
}

bool lk_local_emulates(struct lk_str binfmt, const char *arch)
{
    const char   *machine = machine_of(arch);
    struct lk_str line;
    bool          enabled = false;
    bool          interpreter = false;
    bool          is_fixed = false; /* flag F: it works where its file cannot be seen */

    while (machine && binfmt.len > 0) {
        if (!lk_str_split(binfmt, '\n', &line, &binfmt)) {
            line = binfmt;
            binfmt.len = 0;
        }
        enabled |= lk_str_eq_text(line, "enabled");
        interpreter |= lk_str_starts(line, "interpreter ") && is_interpreter_of(line, machine);
        is_fixed |= lk_str_starts(line, "flags: ") && memchr(line.data, 'F', line.len);
    }
    return enabled && interpreter && is_fixed;
}

static bool can_emulate(const char *arch)
{
    DIR                 *directory = opendir(BINFMT);
    const struct dirent *entry;
    bool                 found = false;

    while (directory && !found && (entry = readdir(directory))) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4096);
        LK_CLEANUP(lk_free_pointer) char     *path = lk_local_path(BINFMT, entry->d_name);
        struct lk_err                         err;

        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "register") != 0 &&
            strcmp(entry->d_name, "status") != 0 && lk_file_read(path, &text, &err) == 0)
            found = lk_local_emulates(lk_buf_str(&text), arch);
    }
    if (directory)
        closedir(directory);
    return found;
}

/* Without the line an agent is for this machine's own. */
static void add_arches(struct lk_buf *out, const char *machine)
{
    struct lk_arch native;

    if (!lk_arch_of_machine(machine, &native))
        return;
    lk_buf_printf(out, "arches: [%s", native.name);
    for (size_t i = 0; i < LK_COUNT(arches); i++)
        if (strcmp(arches[i].arch, native.name) != 0 && can_emulate(arches[i].arch))
            lk_buf_printf(out, ", %s", arches[i].arch);
    lk_buf_add_text(out, "]\n");
}

int lk_local_write_agent(const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(CONFIG_BYTES_MAX);
    struct utsname                        host;
    long                                  slots = sysconf(_SC_NPROCESSORS_ONLN);
    const char                           *registries = getenv("CONTAINERS_REGISTRIES_CONF");

    if (uname(&host) < 0)
        return lk_err_sys(err, "asking for the machine's name");
    lk_buf_add_text(&text, "# Written by lkcoord at each start of the private agent.\n");
    add_line(&text, "coordinator", "ipc://", directory, LK_LOCAL_AGENTS);
    add_line(&text, "coordinator-key", "", directory, "coordinator.pub");
    add_line(&text, "key", "", directory, "agent.key");
    add_line(&text, "state", "", directory, "agent");
    add_line(&text, "shelf", "", directory, LK_LOCAL_SHELF);
    add_line(&text, "secrets", "", directory, NULL);
    lk_buf_printf(&text, "slots: %ld\n", slots < 1 ? 1 : slots > SLOTS_MAX ? SLOTS_MAX : slots);
    add_arches(&text, host.machine);
    lk_buf_add_text(&text, "storage:\n  driver: " STORE_DRIVER "\n");
    add_line(&text, "  root", "", directory, STORE_ROOT);
    add_line(&text, "  runroot", "", directory, STORE_RUNROOT);
    /* Heard by buildah, podman and skopeo alike; a daemon's builders are told by its configuration alone. */
    if (registries && registries[0] == '/')
        add_line(&text, "registries-conf", "", registries, NULL);
    return save(&text, directory, "lkagentd.yml", err);
}

int lk_local_builder_store(char **out, const char *directory, struct lk_err *err)
{
    if (strpbrk(directory, "@+:]"))
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: images cannot be taken out of a directory with '@', '+', ':' or "
                          "']' in its name; set XDG_STATE_HOME to another one",
                          directory);
    *out = lk_xasprintf("[" STORE_DRIVER "@%s/" STORE_ROOT "+%s/" STORE_RUNROOT "]", directory,
                        directory);
    return 0;
}
