/*
 * base - the few language helpers that every file may use: ownership, assertion, arithmetic, time units.
 *
 * Out of memory aborts in adapters and tools (the daemons restart and replay); the core does not
 * allocate after start.  Sizes are never a peer's choice: see limits.h and buf.h.
 */
#ifndef LK_BASE_H
#define LK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls fn(&variable) when the variable's scope ends.  fn takes a pointer to the variable. */
#define LK_CLEANUP(fn) __attribute__((cleanup(fn)))

/* Hands a pointer over: yields its value and forgets it, so that its cleanup does nothing. */
#define LK_TAKE(pointer)                      \
    ({                                        \
        __typeof__(pointer) *p_ = &(pointer); \
        __typeof__(pointer)  v_ = *p_;        \
        *p_ = NULL;                           \
        v_;                                   \
    })

#define LK_COUNT(array)            (sizeof(array) / sizeof((array)[0]))
#define LK_PRINTF(position, first) __attribute__((format(printf, position, first)))

/*
 * What the program itself guarantees; stays on in releases.  Never for anything that a peer, a
 * file, a registry or a clock can cause.
 */
#define lk_assert(condition) \
    ((condition) ? (void)0 : lk_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void lk_assert_failed(const char *condition, const char *file, int line);

/* Abort with one line on stderr when memory is out.  Freed with free(). */
void *lk_xmalloc(size_t size);
void *lk_xcalloc(size_t count, size_t size);
void *lk_xrealloc(void *memory, size_t size);
char *lk_xstrdup(const char *text);
char *lk_xasprintf(const char *format, ...) LK_PRINTF(1, 2);

/* For LK_CLEANUP on pointers from malloc and on file descriptors. */
void lk_free_pointer(void *pointer_to_pointer);
void lk_close_fd(int *fd);

/* Copies `text` into `out` (always terminated).  False if it did not fit; `out` is then "". */
bool lk_copy_text(char *out, size_t size, const char *text);

#endif
