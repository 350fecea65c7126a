/* A chained hash table with a queue through its entries in the order of their coming. Ids are
 * random bytes that the server drew, so the first of them are the hash. */
#include "io/tls_session_store.h"

#include "base/assert.h"
#include "base/memory.h"
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum { BUCKETS_MIN = 256 };

struct session_entry {
    struct session_entry *next_in_bucket;
    struct session_entry *older;
    struct session_entry *newer;
    int64_t expires_s;
    uint32_t size;
    uint8_t id_size;
    unsigned char id[TLS_SESSION_ID_MAX];
    char value[];
};

struct tls_session_store {
    pthread_mutex_t lock;
    struct session_entry **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    struct session_entry *oldest;
    struct session_entry *newest;
};

struct tls_session_store *tls_session_store_create(void)
{
    struct tls_session_store *store = mem_calloc(1, sizeof(*store));
    pthread_mutex_init(&store->lock, NULL);
    store->bucket_count = BUCKETS_MIN;
    store->buckets = mem_calloc(store->bucket_count, sizeof(*store->buckets));
    return store;
}

static size_t bucket_of(const struct tls_session_store *store, const void *id, size_t id_size)
{
    uint64_t hash = 0;
    memcpy(&hash, id, id_size < sizeof(hash) ? id_size : sizeof(hash));
    return (size_t)(hash & (store->bucket_count - 1));
}

/* Where the pointer to the entry is, or to NULL at the chain's end. */
static struct session_entry **find(struct tls_session_store *store, const void *id, size_t id_size)
{
    struct session_entry **link = &store->buckets[bucket_of(store, id, id_size)];
    while (*link && ((*link)->id_size != id_size || memcmp((*link)->id, id, id_size) != 0))
        link = &(*link)->next_in_bucket;
    return link;
}

static void unlink_entry(struct tls_session_store *store, struct session_entry **link)
{
    struct session_entry *entry = *link;
    assert(entry && store->count > 0);
    *link = entry->next_in_bucket;
    *(entry->older ? &entry->older->newer : &store->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &store->newest) = entry->older;
    store->count--;
    mem_free_secret(entry, sizeof(*entry) + entry->size);
}

static void drop_oldest(struct tls_session_store *store)
{
    const struct session_entry *oldest = store->oldest;
    unlink_entry(store, find(store, oldest->id, oldest->id_size));
}

static void grow(struct tls_session_store *store)
{
    mem_free(store->buckets);
    store->bucket_count *= 2;
    store->buckets = mem_calloc(store->bucket_count, sizeof(*store->buckets));
    for (struct session_entry *entry = store->oldest; entry; entry = entry->newer) {
        struct session_entry **link = &store->buckets[bucket_of(store, entry->id, entry->id_size)];
        entry->next_in_bucket = *link;
        *link = entry;
    }
}

void tls_session_store_put(struct tls_session_store *store, const void *id, size_t id_size,
                           const void *value, size_t size, int64_t expires_s, size_t count_max)
{
    if (id_size == 0 || id_size > TLS_SESSION_ID_MAX || size > TLS_SESSION_SIZE_MAX)
        return;
    struct session_entry *entry = mem_calloc(1, sizeof(*entry) + size);
    entry->expires_s = expires_s;
    entry->size = (uint32_t)size;
    entry->id_size = (uint8_t)id_size;
    memcpy(entry->id, id, id_size);
    memcpy(entry->value, value, size);
    pthread_mutex_lock(&store->lock);
    struct session_entry **link = find(store, id, id_size);
    if (*link)
        unlink_entry(store, link);
    while (count_max > 0 && store->count >= count_max)
        drop_oldest(store);
    if (store->count >= store->bucket_count)
        grow(store);
    link = &store->buckets[bucket_of(store, id, id_size)];
    entry->next_in_bucket = *link;
    *link = entry;
    entry->older = store->newest;
    *(store->newest ? &store->newest->newer : &store->oldest) = entry;
    store->newest = entry;
    store->count++;
    pthread_mutex_unlock(&store->lock);
}

void *tls_session_store_get(struct tls_session_store *store, const void *id, size_t id_size,
                            int64_t now_s, size_t *size)
{
    void *copy = NULL;
    if (id_size == 0 || id_size > TLS_SESSION_ID_MAX)
        return NULL;
    pthread_mutex_lock(&store->lock);
    while (store->oldest && store->oldest->expires_s <= now_s)
        drop_oldest(store);
    const struct session_entry *entry = *find(store, id, id_size);
    if (entry && entry->expires_s > now_s) {
        copy = mem_dup(entry->value, entry->size);
        *size = entry->size;
    }
    pthread_mutex_unlock(&store->lock);
    return copy;
}

void tls_session_store_remove(struct tls_session_store *store, const void *id, size_t id_size)
{
    if (id_size == 0 || id_size > TLS_SESSION_ID_MAX)
        return;
    pthread_mutex_lock(&store->lock);
    struct session_entry **link = find(store, id, id_size);
    if (*link)
        unlink_entry(store, link);
    pthread_mutex_unlock(&store->lock);
}

void tls_session_store_clear(struct tls_session_store *store)
{
    pthread_mutex_lock(&store->lock);
    while (store->oldest)
        drop_oldest(store);
    pthread_mutex_unlock(&store->lock);
}

size_t tls_session_store_count(struct tls_session_store *store)
{
    pthread_mutex_lock(&store->lock);
    size_t count = store->count;
    pthread_mutex_unlock(&store->lock);
    return count;
}

void tls_session_store_destroy(struct tls_session_store *store)
{
    if (!store)
        return;
    tls_session_store_clear(store);
    pthread_mutex_destroy(&store->lock);
    mem_free(store->buckets);
    mem_free(store);
}
