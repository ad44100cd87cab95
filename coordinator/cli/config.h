/*
 * config - what the client must know: where its coordinator is, that one's public key, and our own pair.
 *
 * One YAML file: --config, else $LKCOORD_CONFIG, else $XDG_CONFIG_HOME/lkcoord/config.yml, else
 * ~/.config/lkcoord/config.yml.  Paths in it are relative to the file.  Without one, a private coordinator is
 * used (local.h).  The file may also say for which architectures packages are built that name none, and whose
 * signatures are trusted; if it says nothing else, there is no coordinator.
 */
#ifndef LK_CLI_CONFIG_H
#define LK_CLI_CONFIG_H

#include "common/base/arch.h"
#include "common/base/limits.h"
#include "common/net/curve.h"

struct lk_config {
    char                   path[1024]; /* the file, for messages */
    char                   coordinator[256];
    struct lk_curve_public coordinator_key;
    char                   key_path[1024];
    struct lk_curve_pair  *key;
};

/* `*absent`: none is named, and the one at the usual place is not there or names no coordinator. */
int lk_config_is_absent(const char *path, bool *absent, struct lk_err *err);

int  lk_config_load(struct lk_config *out, const char *path, struct lk_err *err);
void lk_config_fini(struct lk_config *config);

/* `default-arches`; `*count` is 0 where nothing is said of them. */
int lk_config_default_arches(const char *path, struct lk_arch out[LK_PACKAGE_ARCHES_MAX],
                             size_t *count, struct lk_err *err);

/* Whom and what `verify` and `audit` trust; paths are whole. */
struct lk_config_trust {
    size_t key_count;
    char   keys[8][1024]; /* `trusted-keys`: files of public keys */
    char   server[1024];  /* `trust-server`; "" if nothing is said */
};

int lk_config_trust(const char *path, struct lk_config_trust *out, struct lk_err *err);

#endif
