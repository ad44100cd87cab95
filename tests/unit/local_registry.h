/*
 * local_registry - for tests: Debian's docker-registry on a free loopback port, and small images put
 * there through our own client.  Ends by pid; its files are in a directory of their own under /tmp.
 */
#ifndef LK_TEST_LOCAL_REGISTRY_H
#define LK_TEST_LOCAL_REGISTRY_H

#include "common/hash/sha256.h"
#include "common/oci/oci.h"
#include "common/os/file.h"
#include "common/registry/registry.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct local_registry {
    char  directory[64];
    char  access_log[128];
    char  host[64]; /* "127.0.0.1:PORT" */
    pid_t pid;
    /* Set before the start: lines of an htpasswd file with bcrypt; NULL for a registry open to all. */
    const char *htpasswd;
};

static void local_registry_exec(const char *config, const char *access_log, const char *log)
{
    int out = open(access_log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int err = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    /* A test that crashes leaves no registry behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, 1);
    dup2(err, 2);
    execlp("docker-registry", "docker-registry", "serve", config, (char *)NULL);
    _exit(127);
}

/* The registry is told port 0 and says in its log which one it got. */
static bool local_registry_find_port(struct local_registry *registry, const char *log)
{
    static const char words[] = "listening on ";

    for (int tries = 0; tries < 1200; tries++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(65536);
        struct lk_err                         err;
        usleep(50000);
        if (lk_file_read(log, &text, &err) < 0)
            continue;
        const char *found = strstr(lk_buf_text(&text), words);
        if (found && sscanf(found + strlen(words), "%63[0-9.:]", registry->host) == 1)
            return true;
    }
    return false;
}

static int local_registry_start(struct local_registry *registry)
{
    char          config[128], log[128], passwords[128], text[1024], auth[256] = "";
    struct lk_err err;

    strcpy(registry->directory, "/tmp/lk-registry-XXXXXX");
    if (!mkdtemp(registry->directory))
        return -1;
    snprintf(config, sizeof(config), "%s/config.yml", registry->directory);
    snprintf(log, sizeof(log), "%s/registry.log", registry->directory);
    snprintf(registry->access_log, sizeof(registry->access_log), "%s/access.log",
             registry->directory);
    snprintf(passwords, sizeof(passwords), "%s/htpasswd", registry->directory);
    if (registry->htpasswd) {
        if (lk_file_create(passwords, lk_str_of(registry->htpasswd), 0600, &err) < 0)
            return -1;
        snprintf(auth, sizeof(auth), "auth:\n  htpasswd:\n    realm: test\n    path: %s\n",
                 passwords);
    }
    snprintf(text, sizeof(text),
             "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: "
             "%s/data\nhttp:\n  addr: 127.0.0.1:0\n%s",
             registry->directory, auth);
    if (lk_file_create(config, lk_str_of(text), 0600, &err) < 0)
        return -1;
    registry->pid = fork();
    if (registry->pid == 0)
        local_registry_exec(config, registry->access_log, log);
    return registry->pid > 0 && local_registry_find_port(registry, log) ? 0 : -1;
}

static int local_registry_stop(struct local_registry *registry)
{
    struct lk_err err;

    if (registry->pid > 0) {
        kill(registry->pid, SIGKILL);
        waitpid(registry->pid, NULL, 0);
    }
    return lk_directory_remove(registry->directory, &err);
}

/* How many requests of `method` were answered; the log is written a moment after the answer. */
static inline size_t local_registry_count(const struct local_registry *registry,
                                          const char                  *method)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(16 * 1024 * 1024);
    char                                  wanted[16];
    size_t                                count = 0;
    struct lk_err                         err;

    usleep(50000);
    snprintf(wanted, sizeof(wanted), "\"%s ", method);
    if (lk_file_read(registry->access_log, &text, &err) < 0)
        return 0;
    for (const char *at = lk_buf_text(&text); (at = strstr(at, wanted)); at++)
        count++;
    return count;
}

static inline struct lk_registry *local_registry_connect(const struct local_registry *registry,
                                                         const char                  *path,
                                                         struct lk_reference         *reference,
                                                         struct lk_registry_options  *options)
{
    struct lk_registry *out = NULL;
    char                text[LK_REPOSITORY_SIZE];
    struct lk_err       err = { 0 };

    snprintf(text, sizeof(text), "%s/%s", registry->host, path);
    *options = (struct lk_registry_options) {
        .plain_http = true,
        .patience_ms = 3000,
        .user_agent = "lkcoord-test",
    };
    if (lk_reference_parse(lk_str_of(text), reference, &err) < 0 ||
        lk_registry_open(&out, reference, options, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    return out;
}

static int local_registry_put(struct lk_registry *registry, struct lk_buf *blob,
                              struct lk_digest *digest, struct lk_err *err)
{
    lk_sha256(lk_buf_text(blob), blob->len, digest);
    return lk_registry_put_blob(registry, digest, lk_buf_str(blob), err);
}

/* An image of one layer that holds only `name`, whose config says `arch`; put by digest. */
static inline int local_registry_put_image(struct lk_registry *registry, const char *name,
                                           const char *arch, struct lk_descriptor *out,
                                           struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf layer = LK_BUF_INIT(4096);
    LK_CLEANUP(lk_buf_fini) struct lk_buf config = LK_BUF_INIT(4096);
    LK_CLEANUP(lk_buf_fini) struct lk_buf manifest = LK_BUF_INIT(4096);
    struct lk_digest                      layer_digest, config_digest;
    char layer_text[LK_DIGEST_TEXT_SIZE], config_text[LK_DIGEST_TEXT_SIZE];
    char digest_text[LK_DIGEST_TEXT_SIZE];

    lk_buf_printf(&layer, "layer of %s", name);
    if (local_registry_put(registry, &layer, &layer_digest, err) < 0)
        return -1;
    lk_digest_format(&layer_digest, layer_text);
    lk_buf_printf(&config,
                  "{\"architecture\":\"%s\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
                  "\"diff_ids\":[\"%s\"]}}",
                  arch, layer_text);
    if (local_registry_put(registry, &config, &config_digest, err) < 0)
        return -1;
    lk_digest_format(&config_digest, config_text);
    lk_buf_printf(&manifest,
                  "{\"schemaVersion\":2,\"mediaType\":\"" LK_OCI_MANIFEST "\",\"config\":{"
                  "\"mediaType\":\"" LK_OCI_CONFIG "\",\"size\":%zu,\"digest\":\"%s\"},"
                  "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\","
                  "\"size\":%zu,\"digest\":\"%s\"}]}",
                  config.len, config_text, layer.len, layer_text);
    lk_sha256(lk_buf_text(&manifest), manifest.len, &out->digest);
    lk_digest_format(&out->digest, digest_text);
    lk_copy_text(out->media_type, sizeof(out->media_type), LK_OCI_MANIFEST);
    out->size = manifest.len;
    return lk_registry_put_manifest(registry, digest_text, lk_buf_str(&manifest),
                                    LK_OCI_MANIFEST, err);
}

#endif
