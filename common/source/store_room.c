/* How much a store holds, and what goes when that is too much. */
#include "common/source/store_private.h"

#include "common/os/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES  4096
#define HOUR_S       3600
#define HOURS        1024   /* ages that are told apart: six weeks */
#define AGAIN_MS     300000 /* what was needed at the last sweep may not be any more */
#define FRESH_ENOUGH 600    /* seconds: an object's time is not written anew for less */

/* Bytes by age in whole hours: what is in `by_age[i]` was used i hours ago; the last has all that is older. */
struct ages {
    int64_t  now_s;
    uint64_t bytes;
    uint64_t by_age[HOURS];
};

static uint64_t on_disk(uint64_t size)
{
    return (size + BLOCK_BYTES) / BLOCK_BYTES * BLOCK_BYTES;
}

void lk_store_count(struct lk_store *store, uint64_t size)
{
    store->used_bytes += on_disk(size);
    store->new_bytes += on_disk(size);
}

void lk_store_limit(struct lk_store *store, uint64_t max_bytes)
{
    store->max_bytes = max_bytes;
}

uint64_t lk_store_max_bytes(const struct lk_store *store)
{
    return store->max_bytes ? store->max_bytes : UINT64_MAX;
}

bool lk_store_is_tight(struct lk_store *store, int64_t now_ms)
{
    pthread_mutex_lock(&store->lock);
    bool tight =
        store->max_bytes > 0 &&
        (store->used_bytes >= store->sweep_at ||
         (store->used_bytes > store->max_bytes / 2 && now_ms - store->swept_ms > AGAIN_MS));
    pthread_mutex_unlock(&store->lock);
    return tight;
}

static int check_room(const struct lk_store *store, uint64_t size, struct lk_err *err)
{
    uint64_t used = store->used_bytes + store->coming_bytes;

    if (store->max_bytes == 0 || used + size <= store->max_bytes)
        return 0;
    return lk_err_set(
        err, LK_ERR_LIMIT,
        "the source store is full: %llu of %llu MiB (sources-max-mib), for pushes "
        "that run or ran within the hour; push again later, or raise it",
        (unsigned long long)(used >> 20), (unsigned long long)(store->max_bytes >> 20));
}

int lk_store_check_room(struct lk_store *store, uint64_t size, struct lk_err *err)
{
    pthread_mutex_lock(&store->lock);
    int result = check_room(store, on_disk(size), err);
    pthread_mutex_unlock(&store->lock);
    return result;
}

int lk_store_take_room(struct lk_store *store, uint64_t size, struct lk_err *err)
{
    pthread_mutex_lock(&store->lock);
    int result = check_room(store, size, err);
    if (result == 0)
        store->coming_bytes += size;
    pthread_mutex_unlock(&store->lock);
    return result;
}

void lk_store_give_back(struct lk_store *store, uint64_t size)
{
    pthread_mutex_lock(&store->lock);
    store->coming_bytes -= size;
    pthread_mutex_unlock(&store->lock);
}

/* True if the file is there; its time is now, or was a short while ago. */
static bool touch(struct lk_store *store, const char *name, int64_t now_s)
{
    struct stat status;

    if (fstatat(store->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (status.st_mtim.tv_sec < now_s - FRESH_ENOUGH)
        utimensat(store->fd, name, NULL, AT_SYMLINK_NOFOLLOW);
    return true;
}

bool lk_store_use(struct lk_store *store, const struct lk_oid *oid)
{
    char    name[LK_OBJECT_NAME_SIZE];
    int64_t now_s = lk_clock_wall_ms() / 1000;
    bool    found = false;

    pthread_mutex_lock(&store->lock);
    for (int is_tree = 0; is_tree <= 1 && !found; is_tree++) {
        lk_store_object_name(name, oid, is_tree != 0);
        found = touch(store, name, now_s);
    }
    pthread_mutex_unlock(&store->lock);
    return found;
}

/* Calls `each` for every object's file; `directory` is what `name` is below. */
static int each_object(struct lk_store *store,
                       void (*each)(void *ctx, int directory, const char *name), void *ctx,
                       struct lk_err *err)
{
    char prefix[3];

    for (unsigned i = 0; i < 256; i++) {
        snprintf(prefix, sizeof(prefix), "%02x", i);
        int  fd = openat(store->fd, prefix, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        DIR *directory = fd < 0 ? NULL : fdopendir(fd);
        if (!directory && errno == ENOENT)
            continue;
        if (!directory) {
            lk_err_sys(err, "listing %s/%s", store->path, prefix);
            lk_close_fd(&fd);
            return -1;
        }
        for (const struct dirent *entry; (entry = readdir(directory));)
            if (entry->d_name[0] != '.')
                each(ctx, fd, entry->d_name);
        closedir(directory);
    }
    return 0;
}

static void count_age(void *ctx, int directory, const char *name)
{
    struct ages *ages = ctx;
    struct stat  status;

    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    int64_t hours = (ages->now_s - status.st_mtim.tv_sec) / HOUR_S;
    ages->by_age[hours < 0       ? 0
                 : hours < HOURS ? hours
                                 : HOURS - 1] += on_disk((uint64_t)status.st_size);
    ages->bytes += on_disk((uint64_t)status.st_size);
}

/* What was not used after this time goes, to come down to `target` bytes. */
static int64_t choose(const struct ages *ages, uint64_t target)
{
    uint64_t left = ages->bytes;
    int      hours = HOURS;

    while (hours > 0 && left > target)
        left -= ages->by_age[--hours];
    return hours == HOURS ? INT64_MIN : ages->now_s - hours * (int64_t)HOUR_S;
}

struct removal {
    struct lk_store *store;
    int64_t          until_s;
    uint64_t         bytes;
};

/* Under the lock, or somebody could find the object here a moment before it goes. */
static void remove_old(void *ctx, int directory, const char *name)
{
    struct removal *removal = ctx;
    struct stat     status;

    pthread_mutex_lock(&removal->store->lock);
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_mtim.tv_sec <= removal->until_s && unlinkat(directory, name, 0) == 0)
        removal->bytes += on_disk((uint64_t)status.st_size);
    pthread_mutex_unlock(&removal->store->lock);
}

/* The next one is due when half is used, but not before something came. */
static void arm(struct lk_store *store)
{
    uint64_t half = store->max_bytes / 2;
    uint64_t later = store->used_bytes + store->max_bytes / 16;

    store->sweep_at = later > half ? later : half;
    store->swept_ms = lk_clock_boot_ms();
}

static int run(struct lk_store *store, int64_t needed_since_s, struct ages *ages,
               struct removal *removal, struct lk_err *err)
{
    uint64_t half = store->max_bytes / 2;
    int64_t  latest_s = needed_since_s - HOUR_S - 1;

    if (each_object(store, count_age, ages, err) < 0)
        return -1;
    if (ages->bytes <= half)
        return 0;
    int64_t until_s = choose(ages, half - half / 4);
    removal->until_s = until_s < latest_s ? until_s : latest_s;
    return each_object(store, remove_old, removal, err);
}

int lk_store_sweep(struct lk_store *store, int64_t needed_since_s, uint64_t *freed_bytes,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct ages *ages = lk_xcalloc(1, sizeof(*ages));
    struct removal                           removal = { .store = store };

    ages->now_s = lk_clock_wall_ms() / 1000;
    pthread_mutex_lock(&store->lock);
    store->new_bytes = 0;
    pthread_mutex_unlock(&store->lock);
    int result = run(store, needed_since_s, ages, &removal, err);
    pthread_mutex_lock(&store->lock);
    if (result == 0)
        store->used_bytes = ages->bytes - removal.bytes + store->new_bytes;
    arm(store);
    pthread_mutex_unlock(&store->lock);
    *freed_bytes = removal.bytes;
    return result;
}
