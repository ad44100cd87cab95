/*
 * package_options - the options that decide a package's name and how it is built, `linuxkit pkg`'s own; read
 * and explained alike by every command that takes packages.
 */
#ifndef LK_CLI_PACKAGE_OPTIONS_H
#define LK_CLI_PACKAGE_OPTIONS_H

#include "common/pkg/package.h"
#include "coordinator/cli/command.h"

/* A member of a command's values. */
struct lk_package_values {
    const char    *org;
    const char    *hash;
    const char    *hash_commit;
    const char    *hash_path;
    const char    *tag;
    const char    *build_yml;
    bool           dev;
    bool           force_dirty;
    enum lk_choice network;
    enum lk_choice no_network;
    enum lk_choice enable_cache;
    enum lk_choice disable_cache;
};

#define LK_PACKAGE_OPTION(type, field, name, kind, argument, help)    \
    {                                                                 \
        name, LK_OPTION_##kind, offsetof(type, field), argument, help \
    }

/* The rows, for `member` of `type`. */
#define LK_PACKAGE_OPTIONS(type, member)                                                  \
    LK_PACKAGE_OPTION(type, member.org, "org", TEXT, "ORG",                               \
                      "in place of build.yml's org and of LINUXKIT_PKG_ORG"),             \
        LK_PACKAGE_OPTION(type, member.hash, "hash", TEXT, "HASH",                        \
                          "in place of what git says"),                                   \
        LK_PACKAGE_OPTION(type, member.hash_commit, "hash-commit", TEXT, "COMMIT",        \
                          "take the hash from COMMIT, not from HEAD"),                    \
        LK_PACKAGE_OPTION(type, member.hash_path, "hash-path", TEXT, "DIR",               \
                          "take the hash of DIR, in which the packages lie"),             \
        LK_PACKAGE_OPTION(type, member.tag, "tag", TEXT, "TEXT",                          \
                          "in place of build.yml's tag; {{.Hash}} in it is the hash"),    \
        LK_PACKAGE_OPTION(type, member.build_yml, "build-yml", TEXT, "NAME",              \
                          "read this file of the package in place of build.yml"),         \
        LK_PACKAGE_OPTION(type, member.dev, "dev", FLAG, NULL,                            \
                          "org is $USER and the hash is \"dev\", unless said otherwise"), \
        LK_PACKAGE_OPTION(type, member.force_dirty, "force-dirty", FLAG, NULL,            \
                          "as if something were not committed"),                          \
        LK_PACKAGE_OPTION(type, member.network, "network", CHOICE, NULL,                  \
                          "builds may use the network, whatever build.yml says"),         \
        LK_PACKAGE_OPTION(type, member.no_network, "nonetwork", CHOICE, NULL,             \
                          "builds may not use the network"),                              \
        LK_PACKAGE_OPTION(type, member.enable_cache, "enable-cache", CHOICE, NULL,        \
                          "builds may use cached layers, whatever build.yml says"),       \
        LK_PACKAGE_OPTION(type, member.disable_cache, "disable-cache", CHOICE, NULL,      \
                          "builds may not use cached layers")

/* INVALID for options that exclude each other. */
int lk_package_options_of(const struct lk_package_values *values,
                          struct lk_package_options *out, struct lk_err *err);

#endif
