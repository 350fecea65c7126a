/* Making room when memory is over maxmemory. Main thread.
 *
 * LRU and LFU are approximated: each round samples a few keys and keeps the best candidates of all
 * rounds in a small pool. A candidate is remembered by hash and address; it is looked up in its
 * chain by address before it is touched, so a key that has gone meanwhile is never followed. The
 * key nearest to its expiry is known exactly (expiry index).
 */
#include "base/memory.h"
#include "base/process.h"
#include "base/random.h"
#include "keyspace/keyspace_internal.h"

enum {
    POOL_SIZE = 16,
    SAMPLES_MAX = 64,
    KEYS_PER_TIME_CHECK = 16,
    EMPTY_ROUNDS_MAX = 10,
    VALUE_SAMPLES = 5,
    CYCLE_US = 4000 /* of each cron, while memory is over the limit */
};

struct candidate {
    uint64_t idle; /* greater is better to evict */
    uint64_t hash;
    const struct entry *entry;
    int db;
};

struct eviction_pool {
    size_t count;
    struct candidate candidates[POOL_SIZE]; /* ascending by idle */
    int next_db;
};

struct eviction_pool *eviction_pool_create(void)
{
    return mem_calloc(1, sizeof(struct eviction_pool));
}

void eviction_pool_destroy(struct eviction_pool *pool)
{
    mem_free(pool);
}

static bool policy_is_volatile(int policy)
{
    return policy == POLICY_VOLATILE_LRU || policy == POLICY_VOLATILE_LFU ||
           policy == POLICY_VOLATILE_RANDOM || policy == POLICY_VOLATILE_TTL;
}

uint64_t keyspace_maxmemory(const struct keyspace *keyspace)
{
    int64_t maxmemory = keyspace->settings->maxmemory;
    if (maxmemory >= 0)
        return (uint64_t)maxmemory;
    return process_memory_limit() / 100 * (uint64_t)-maxmemory;
}

uint64_t keyspace_memory_over(const struct keyspace *keyspace)
{
    uint64_t limit = keyspace_maxmemory(keyspace);
    uint64_t used = limit ? mem_used() : 0;
    uint64_t going = keyspace->pending_bytes;
    return used > limit && used - limit > going ? used - limit - going : 0;
}

int64_t keyspace_evict_budget(const struct keyspace *keyspace)
{
    enum { LINEAR_UP_TO = 10, US_PER_STEP = 50 };
    int64_t tenacity = keyspace->settings->maxmemory_eviction_tenacity;
    if (tenacity >= 100)
        return INT64_MAX;
    if (tenacity <= LINEAR_UP_TO)
        return tenacity * US_PER_STEP;
    /* 15 % more for each further step: two minutes at 99. */
    double budget = LINEAR_UP_TO * US_PER_STEP;
    for (int64_t i = LINEAR_UP_TO; i < tenacity; i++)
        budget *= 1.15;
    return (int64_t)budget;
}

/* -- candidates -- */

static uint64_t idle_of(const struct keyspace *keyspace, const struct entry *entry)
{
    if (keyspace->is_lfu)
        return 255 - keyspace_lfu_counter(keyspace, entry);
    return keyspace_idle_seconds(keyspace, entry);
}

static void pool_offer(struct eviction_pool *pool, struct candidate candidate)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->candidates[i].entry == candidate.entry)
            return;
    if (pool->count == POOL_SIZE) {
        if (candidate.idle <= pool->candidates[0].idle)
            return;
        pool->count--;
        memmove(pool->candidates, pool->candidates + 1, pool->count * sizeof(candidate));
    }
    size_t at = pool->count;
    while (at > 0 && pool->candidates[at - 1].idle > candidate.idle) {
        pool->candidates[at] = pool->candidates[at - 1];
        at--;
    }
    pool->candidates[at] = candidate;
    pool->count++;
}

static void offer_entry(struct db *db, const struct entry *entry)
{
    struct bytes key = entry_key(entry);
    pool_offer(db->keyspace->pool, (struct candidate){
                                       .idle = idle_of(db->keyspace, entry),
                                       .hash = hash_bytes(key.data, key.size),
                                       .entry = entry,
                                       .db = db->index,
                                   });
}

/* Offers a few keys of the database to the pool. */
static void sample_db(struct db *db)
{
    const struct keyspace_settings *settings = db->keyspace->settings;
    size_t samples = (size_t)settings->maxmemory_samples;
    if (samples > SAMPLES_MAX)
        samples = SAMPLES_MAX;
    if (!policy_is_volatile(settings->maxmemory_policy)) {
        void *entries[SAMPLES_MAX];
        samples = dict_sample(&db->keys, entries, samples);
        for (size_t i = 0; i < samples; i++)
            offer_entry(db, entries[i]);
        return;
    }
    for (size_t i = 0; i < samples; i++) {
        struct expiry_item item;
        uint64_t hash;
        if (!expiry_index_random(&db->expiry, &item))
            return;
        struct entry **slot = db_slot_of_item(db, item, &hash);
        assert(slot != NULL);
        offer_entry(db, *slot);
    }
}

/* The slot in the hash's chain that holds exactly this entry, which may have gone. */
static struct entry **slot_of_address(struct db *db, uint64_t hash, const struct entry *entry)
{
    const struct dict *keys = &db->keys;
    for (unsigned table = 0; table < 2 && keys->tables[table]; table++) {
        struct dict_bucket *bucket = &keys->tables[table][hash & keys->masks[table]];
        for (; bucket; bucket = dict_bucket_child(bucket))
            for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++)
                if (bucket->tags[i] && bucket->slots[i] == entry)
                    return (struct entry **)(void *)&bucket->slots[i];
    }
    return NULL;
}

static struct entry **choose_from_pool(struct keyspace *keyspace, struct db **db)
{
    struct eviction_pool *pool = keyspace->pool;
    bool needs_expiry = policy_is_volatile(keyspace->settings->maxmemory_policy);
    for (int round = 0; round < EMPTY_ROUNDS_MAX; round++) {
        for (int i = 0; i < keyspace->count; i++)
            sample_db(&keyspace->dbs[i]);
        while (pool->count > 0) {
            struct candidate *best = &pool->candidates[--pool->count];
            *db = &keyspace->dbs[best->db];
            struct entry **slot = slot_of_address(*db, best->hash, best->entry);
            if (slot && (!needs_expiry || entry_expires(*slot)))
                return slot;
        }
    }
    return NULL;
}

static struct entry **choose_random(struct keyspace *keyspace, struct db **db)
{
    struct eviction_pool *pool = keyspace->pool;
    for (int i = 0; i < keyspace->count; i++) {
        *db = &keyspace->dbs[pool->next_db++ % keyspace->count];
        pool->next_db %= keyspace->count;
        struct expiry_item item;
        uint64_t hash;
        if (policy_is_volatile(keyspace->settings->maxmemory_policy)) {
            if (expiry_index_random(&(*db)->expiry, &item))
                return db_slot_of_item(*db, item, &hash);
        } else if (db_count(*db)) {
            struct entry *entry = dict_random(&(*db)->keys);
            return slot_of_address(*db, key_of(entry_key(entry)).hash, entry);
        }
    }
    return NULL;
}

static struct entry **choose_nearest_expiry(struct keyspace *keyspace, struct db **db)
{
    struct expiry_item best = {0};
    *db = NULL;
    for (int i = 0; i < keyspace->count; i++) {
        struct expiry_item item;
        if (expiry_index_first(&keyspace->dbs[i].expiry, &item, 1) &&
            (!*db || item.unit < best.unit)) {
            best = item;
            *db = &keyspace->dbs[i];
        }
    }
    uint64_t hash;
    return *db ? db_slot_of_item(*db, best, &hash) : NULL;
}

static struct entry **choose(struct keyspace *keyspace, struct db **db)
{
    switch ((enum maxmemory_policy)keyspace->settings->maxmemory_policy) {
    case POLICY_VOLATILE_LRU:
    case POLICY_ALLKEYS_LRU:
    case POLICY_VOLATILE_LFU:
    case POLICY_ALLKEYS_LFU:
        return choose_from_pool(keyspace, db);
    case POLICY_VOLATILE_RANDOM:
    case POLICY_ALLKEYS_RANDOM:
        return choose_random(keyspace, db);
    case POLICY_VOLATILE_TTL:
        return choose_nearest_expiry(keyspace, db);
    case POLICY_NOEVICTION:
        break;
    }
    return NULL;
}

/* Evicts one key; returns about how many bytes that gives back. */
static size_t evict_entry(struct db *db, struct entry **slot)
{
    struct keyspace *keyspace = db->keyspace;
    bool is_lazy = keyspace->settings->lazyfree_lazy_eviction;
    size_t freed = entry_memory(*slot, VALUE_SAMPLES);
    struct entry *entry = db_detach(db, key_of(entry_key(*slot)).hash, slot);
    keyspace->stats.evicted_keys++;
    unsigned kinds = KEY_EVICTED | KEY_NOTIFY | KEY_CHANGED;
    if (wants(keyspace, kinds))
        tell(keyspace, &(struct key_event){.kinds = kinds,
                                           .db = db,
                                           .key = entry_key(entry),
                                           .notify_class = KEY_CLASS_EVICTED,
                                           .notify_name = "evicted",
                                           .is_lazy = is_lazy});
    db_release_entry(db, entry, is_lazy);
    return freed;
}

static enum evict_result evict_loop(struct keyspace *keyspace, uint64_t bytes_over,
                                    int64_t budget_us)
{
    if (keyspace->settings->maxmemory_policy == POLICY_NOEVICTION)
        return EVICT_FAIL;
    int64_t start_us = clock_read_us();
    uint64_t freed = 0;
    for (unsigned keys = 1; freed < bytes_over; keys++) {
        struct db *db;
        struct entry **slot = choose(keyspace, &db);
        if (!slot)
            return keyspace->stats.lazyfree_pending ? EVICT_RUNNING : EVICT_FAIL;
        freed += evict_entry(db, slot);
        if (keys % KEYS_PER_TIME_CHECK == 0 && clock_read_us() - start_us > budget_us)
            return freed < bytes_over ? EVICT_RUNNING : EVICT_OK;
    }
    return EVICT_OK;
}

enum evict_result keyspace_evict(struct keyspace *keyspace, uint64_t bytes_over, int64_t budget_us)
{
    struct keyspace_stats *stats = &keyspace->stats;
    /* A replica leaves it to its primary; while clients are paused the data set does not change. */
    if (keyspace->expire_mode != EXPIRE_DELETE)
        return EVICT_OK;
    enum evict_result result =
        bytes_over == 0 ? EVICT_OK : evict_loop(keyspace, bytes_over, budget_us);
    if (result != EVICT_OK) {
        if (stats->eviction_exceeded_since_us == 0)
            stats->eviction_exceeded_since_us = clock_us();
    } else if (stats->eviction_exceeded_since_us != 0) {
        stats->eviction_exceeded_us += (uint64_t)(clock_us() - stats->eviction_exceeded_since_us);
        stats->eviction_exceeded_since_us = 0;
    }
    return result;
}

void evict_cycle(struct keyspace *keyspace)
{
    if (keyspace->settings->maxmemory_policy == POLICY_NOEVICTION)
        return;
    uint64_t over = keyspace_memory_over(keyspace);
    if (over > 0)
        (void)keyspace_evict(keyspace, over, CYCLE_US);
}
