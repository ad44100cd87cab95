/*
 * arch - an architecture by its GOARCH name, as OCI image configs and LinuxKit write it.
 *
 * Any well-formed GOARCH name is accepted; the order below is only the order of entries in an index
 * and of lines on a screen: amd64, arm64, s390x, riscv64, then all others by name.
 */
#ifndef LK_ARCH_H
#define LK_ARCH_H

#include "common/base/str.h"

#define LK_ARCH_SIZE 16 /* longest name with its NUL; "mips64p32le" is the longest of Go's */

struct lk_arch {
    char name[LK_ARCH_SIZE];
};

/* Lower-case letters and digits ("386" is one), at most LK_ARCH_SIZE - 1. */
bool lk_arch_parse(struct lk_str text, struct lk_arch *out);
bool lk_arch_eq(const struct lk_arch *a, const struct lk_arch *b);

/* <0, 0, >0 by the order above; usable with qsort. */
int lk_arch_compare(const void *a, const void *b);

/* The GOARCH name for what uname(2) calls the machine; false if it has none that we know. */
bool lk_arch_of_machine(const char *machine, struct lk_arch *out);

#endif
