/* The databases together. Main thread. */
#include "keyspace/keyspace.h"
#include "base/memory.h"
#include "keyspace/keyspace_internal.h"

enum { REHASH_BUDGET_US = 1000, REHASH_BUCKETS_PER_TIME_CHECK = 100 };

void keyspace_settings_init(struct keyspace_settings *settings)
{
    *settings = (struct keyspace_settings){
        .databases = 16,
        .maxmemory_policy = POLICY_NOEVICTION,
        .maxmemory_samples = 5,
        .maxmemory_eviction_tenacity = 10,
        .active_expire_effort = 1,
        .lfu_log_factor = 10,
        .lfu_decay_time = 1,
        .hz = 10,
        .activerehashing = true,
    };
}

static void update_access_clock(struct keyspace *keyspace)
{
    keyspace->access_clock = (uint32_t)(clock_ms() / 1000) & 0xffffff;
}

struct keyspace *keyspace_create(const struct keyspace_settings *settings,
                                 struct background *background)
{
    assert(settings->databases > 0 && settings->databases <= INT32_MAX);
    struct keyspace *keyspace = mem_calloc(1, sizeof(*keyspace));
    keyspace->count = (int)settings->databases;
    keyspace->settings = settings;
    keyspace->background = background;
    keyspace->dbs = mem_calloc((size_t)keyspace->count, sizeof(struct db));
    for (int i = 0; i < keyspace->count; i++)
        db_init(&keyspace->dbs[i], keyspace, i);
    keyspace->pool = eviction_pool_create();
    keyspace_settings_changed(keyspace);
    update_access_clock(keyspace);
    return keyspace;
}

void keyspace_destroy(struct keyspace *keyspace)
{
    for (int i = 0; i < keyspace->count; i++)
        db_deinit(&keyspace->dbs[i]);
    lazy_free_deinit(keyspace);
    eviction_pool_destroy(keyspace->pool);
    mem_free(keyspace->dbs);
    mem_free(keyspace);
}

void keyspace_settings_changed(struct keyspace *keyspace)
{
    int policy = keyspace->settings->maxmemory_policy;
    keyspace->is_lfu = policy == POLICY_ALLKEYS_LFU || policy == POLICY_VOLATILE_LFU;
}

void keyspace_set_observer(struct keyspace *keyspace, const struct keyspace_observer *observer)
{
    keyspace->observer = observer ? *observer : (struct keyspace_observer){0};
}

void keyspace_set_interest(struct keyspace *keyspace, unsigned kinds)
{
    keyspace->observer.interest = keyspace->observer.on_event ? kinds : 0;
}

void keyspace_set_expire_mode(struct keyspace *keyspace, enum expire_mode mode)
{
    keyspace->expire_mode = (uint8_t)mode;
}

void keyspace_avoid_resize(struct keyspace *keyspace, bool avoid)
{
    keyspace->resize_is_avoided = avoid;
    for (int i = 0; i < keyspace->count; i++)
        dict_set_resize(&keyspace->dbs[i].keys, avoid ? DICT_RESIZE_AVOIDED : DICT_RESIZE_ALLOWED);
}

size_t keyspace_count(const struct keyspace *keyspace)
{
    size_t count = 0;
    for (int i = 0; i < keyspace->count; i++)
        count += db_count(&keyspace->dbs[i]);
    return count;
}

size_t keyspace_overhead(const struct keyspace *keyspace)
{
    size_t memory = (size_t)keyspace->count * sizeof(struct db) + sizeof(*keyspace);
    for (int i = 0; i < keyspace->count; i++)
        memory += dict_memory(&keyspace->dbs[i].keys) +
                  expiry_index_memory(&keyspace->dbs[i].expiry) +
                  expiry_index_memory(&keyspace->dbs[i].fields);
    return memory;
}

size_t keyspace_rehashing_memory(const struct keyspace *keyspace, int *count)
{
    size_t size = 0;
    int tables = 0;
    for (int i = 0; i < keyspace->count; i++) {
        const struct dict *keys = &keyspace->dbs[i].keys;
        if (!dict_is_rehashing(keys))
            continue;
        size += (keys->masks[0] + 1) * sizeof(struct dict_bucket);
        tables++;
    }
    if (count)
        *count = tables;
    return size;
}

void keyspace_swap(struct keyspace *keyspace, int first, int second)
{
    struct db *a = keyspace_db(keyspace, first);
    struct db *b = keyspace_db(keyspace, second);
    assert(a && b);
    if (a == b)
        return;
    struct dict keys = a->keys;
    struct expiry_index expiry = a->expiry;
    struct expiry_index fields = a->fields;
    a->keys = b->keys;
    a->expiry = b->expiry;
    a->fields = b->fields;
    b->keys = keys;
    b->expiry = expiry;
    b->fields = fields;
    if (wants(keyspace, KEY_SWAPPED))
        tell(keyspace, &(struct key_event){.kinds = KEY_SWAPPED, .db = a, .other = b});
}

size_t keyspace_flush(struct keyspace *keyspace, int index, bool is_async)
{
    size_t removed = 0;
    int first = index < 0 ? 0 : index;
    int last = index < 0 ? keyspace->count - 1 : index;
    /* Told before, while listeners can still ask which keys there are. */
    if (wants(keyspace, KEY_FLUSHED))
        tell(keyspace, &(struct key_event){.kinds = KEY_FLUSHED,
                                           .db = index < 0 ? NULL : &keyspace->dbs[index]});
    for (int i = first; i <= last; i++) {
        removed += db_count(&keyspace->dbs[i]);
        lazy_free_db(&keyspace->dbs[i], is_async);
    }
    return removed;
}

/* -- periodic work -- */

static void rehash(struct keyspace *keyspace)
{
    int64_t end_us = clock_read_us() + REHASH_BUDGET_US;
    for (int i = 0; i < keyspace->count; i++) {
        struct dict *keys = &keyspace->dbs[keyspace->rehash_next_db % keyspace->count].keys;
        dict_resize_if_needed(keys);
        while (dict_rehash(keys, REHASH_BUCKETS_PER_TIME_CHECK))
            if (clock_read_us() >= end_us)
                return;
        keyspace->rehash_next_db = (keyspace->rehash_next_db + 1) % keyspace->count;
    }
}

void keyspace_cron(struct keyspace *keyspace, int64_t now_ms)
{
    update_access_clock(keyspace);
    expire_cron(keyspace, now_ms);
    if (keyspace->settings->activerehashing && !keyspace->resize_is_avoided)
        rehash(keyspace);
    lazy_free_step(keyspace);
    evict_cycle(keyspace);
}
