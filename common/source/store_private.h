/* store_private - what the files of the store share (store.c, store_room.c), and nobody else includes. */
#ifndef LK_SOURCE_STORE_PRIVATE_H
#define LK_SOURCE_STORE_PRIVATE_H

#include "common/source/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct lk_store {
    char       *path;
    int         fd;
    atomic_uint writes; /* numbers the temporary files */
    /* A sync or a sweep may run beside a write: under the lock. */
    pthread_mutex_t lock;
    bool            unsynced;     /* the mark of recovery.h stands */
    uint64_t        settled;      /* objects that got their name */
    uint64_t        max_bytes;    /* 0: none */
    uint64_t        used_bytes;   /* as of the last sweep, and what came since */
    uint64_t        new_bytes;    /* what came since the last sweep began */
    uint64_t        coming_bytes; /* of objects that have no name yet */
    uint64_t        sweep_at;     /* used_bytes that call for the next one */
    int64_t         swept_ms;     /* when the last one ended */
};

#define LK_OBJECT_NAME_SIZE 48 /* "ab/" + 38 + ".b" + NUL */
void lk_store_object_name(char out[LK_OBJECT_NAME_SIZE], const struct lk_oid *oid,
                          bool is_tree);

/* Room for what is written is taken piece by piece, and given back when it has its name or was thrown away. */
int  lk_store_take_room(struct lk_store *store, uint64_t size, struct lk_err *err);
void lk_store_give_back(struct lk_store *store, uint64_t size);

/* Counts an object that got its name; under the lock. */
void lk_store_count(struct lk_store *store, uint64_t size);

#endif
