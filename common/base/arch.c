#include "common/base/arch.h"

#include <string.h>

bool lk_arch_parse(struct lk_str text, struct lk_arch *out)
{
    if (text.len == 0 || text.len >= LK_ARCH_SIZE)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return false;
    }
    memset(out, 0, sizeof(*out));
    memcpy(out->name, text.data, text.len);
    return true;
}

bool lk_arch_eq(const struct lk_arch *a, const struct lk_arch *b)
{
    return strcmp(a->name, b->name) == 0;
}

static size_t rank_of(const struct lk_arch *arch)
{
    static const char *const first[] = { "amd64", "arm64", "s390x", "riscv64" };

    for (size_t i = 0; i < LK_COUNT(first); i++)
        if (strcmp(first[i], arch->name) == 0)
            return i;
    return LK_COUNT(first);
}

int lk_arch_compare(const void *a, const void *b)
{
    size_t rank_a = rank_of(a);
    size_t rank_b = rank_of(b);

    if (rank_a != rank_b)
        return rank_a < rank_b ? -1 : 1;
    return strcmp(((const struct lk_arch *)a)->name, ((const struct lk_arch *)b)->name);
}

bool lk_arch_of_machine(const char *machine, struct lk_arch *out)
{
    static const struct {
        const char *machine;
        const char *arch;
    } known[] = {
        { "x86_64", "amd64" },    { "aarch64", "arm64" },   { "s390x", "s390x" },
        { "riscv64", "riscv64" }, { "ppc64le", "ppc64le" }, { "armv7l", "arm" },
        { "armv6l", "arm" },      { "i686", "386" },        { "loongarch64", "loong64" },
        { "mips64", "mips64" },
    };

    for (size_t i = 0; i < LK_COUNT(known); i++)
        if (strcmp(known[i].machine, machine) == 0) {
            memset(out, 0, sizeof(*out));
            memcpy(out->name, known[i].arch, strlen(known[i].arch));
            return true;
        }
    return false;
}
