/* Keys whose time has come: when they are met (lazy), and before (active). Main thread.
 *
 * Active expiry asks the index for what is due, oldest first, so it looks only at keys that really
 * go. It is bounded in time: keyspace_cron allows it a share of the interval, which grows with
 * active-expire-effort. That is spent in rounds of about a millisecond, one in cron and one in each
 * turn of the loop that follows; and one more is made before the loop sleeps.
 */
#include "keyspace/keyspace_internal.h"

enum {
    BATCH_ITEMS = 64,
    BATCHES_PER_TIME_CHECK = 4,
    SLOW_SHARE_PERCENT = 25, /* of the time between two crons, at effort 1 */
    SLOW_SHARE_PER_EFFORT = 2,
    ROUND_US = 1000,
    ROUND_PER_EFFORT_US = 250
};

bool db_entry_is_expired(const struct db *db, const struct entry *entry)
{
    return entry_expires(entry) && db->keyspace->expire_mode != EXPIRE_IGNORE &&
           clock_wall_ms() > entry_expiry(entry);
}

void db_expire_now(struct db *db, uint64_t hash, struct entry **slot)
{
    struct keyspace *keyspace = db->keyspace;
    bool is_lazy = keyspace->settings->lazyfree_lazy_expire;
    struct entry *entry = db_detach(db, hash, slot);
    keyspace->stats.expired_keys++;
    unsigned kinds = KEY_NOTIFY | KEY_CHANGED;
    /* A replica that removes a key for its own writes does not tell its replicas. */
    if (keyspace->expire_mode == EXPIRE_DELETE)
        kinds |= KEY_EXPIRED;
    if (wants(keyspace, kinds))
        tell(keyspace, &(struct key_event){.kinds = kinds,
                                           .db = db,
                                           .key = entry_key(entry),
                                           .notify_class = KEY_CLASS_EXPIRED,
                                           .notify_name = "expired",
                                           .is_lazy = is_lazy});
    db_release_entry(db, entry, is_lazy);
}

struct entry **db_slot_of_item(struct db *db, struct expiry_item item, uint64_t *hash)
{
    const struct dict *keys = &db->keys;
    for (unsigned table = 0; table < 2 && keys->tables[table]; table++) {
        assert(keys->masks[table] <= UINT32_MAX);
        struct dict_bucket *bucket = &keys->tables[table][item.hash & keys->masks[table]];
        for (; bucket; bucket = dict_bucket_child(bucket))
            for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++) {
                struct entry *entry = bucket->tags[i] ? bucket->slots[i] : NULL;
                if (!entry || !entry_expires(entry) ||
                    expiry_unit(entry_expiry(entry)) != item.unit)
                    continue;
                *hash = keys->type->hash(entry);
                if ((uint32_t)*hash == item.hash)
                    return (struct entry **)(void *)&bucket->slots[i];
            }
    }
    return NULL;
}

static void prefetch_items(const struct db *db, const struct expiry_item *items, size_t count)
{
    const struct dict *keys = &db->keys;
    for (size_t i = 0; i < count; i++)
        dict_prefetch_bucket(keys, items[i].hash);
    for (size_t i = 0; i < count; i++) {
        const struct dict_bucket *bucket = &keys->tables[0][items[i].hash & keys->masks[0]];
        for (unsigned slot = 0; slot < DICT_BUCKET_SLOTS; slot++)
            __builtin_prefetch(bucket->slots[slot]);
    }
}

/* Removes up to BATCH_ITEMS due keys; returns how many were due. */
static size_t expire_batch(struct db *db, int64_t now_ms)
{
    struct expiry_item items[BATCH_ITEMS];
    size_t count = expiry_index_due(&db->expiry, now_ms, items, BATCH_ITEMS);
    if (count)
        prefetch_items(db, items, count);
    for (size_t i = 0; i < count; i++) {
        uint64_t hash;
        struct entry **slot = db_slot_of_item(db, items[i], &hash);
        assert(slot != NULL);
        db_expire_now(db, hash, slot);
    }
    db->keyspace->stats.expired_keys_active += count;
    return count;
}

static int64_t effort_of(const struct keyspace *keyspace)
{
    return keyspace->settings->active_expire_effort - 1;
}

static int64_t allowance_us(const struct keyspace *keyspace)
{
    int64_t interval = 1000000 / (keyspace->settings->hz > 0 ? keyspace->settings->hz : 10);
    return interval * (SLOW_SHARE_PERCENT + SLOW_SHARE_PER_EFFORT * effort_of(keyspace)) / 100;
}

/* Removes due keys of one database until none is left or the time is over; false when it is over.
 */
static bool expire_db(struct db *db, int64_t now_ms, int64_t end_us)
{
    for (unsigned batches = 1; expire_batch(db, now_ms) == BATCH_ITEMS; batches++)
        if (batches % BATCHES_PER_TIME_CHECK == 0 && clock_read_us() >= end_us)
            return false;
    return true;
}

static void expire_round(struct keyspace *keyspace, int64_t now_ms)
{
    int64_t start_us = clock_read_us();
    int64_t end_us = start_us + ROUND_US + ROUND_PER_EFFORT_US * effort_of(keyspace);
    bool is_complete = true;
    for (int i = 0; i < keyspace->count && is_complete; i++) {
        struct db *db = &keyspace->dbs[keyspace->expire_next_db % keyspace->count];
        is_complete = expire_db(db, now_ms, end_us) && expire_fields(db, now_ms, end_us);
        if (is_complete)
            keyspace->expire_next_db = (keyspace->expire_next_db + 1) % keyspace->count;
    }
    int64_t spent_us = clock_read_us() - start_us;
    bool had_time = keyspace->expire_allowance_us > 0;
    keyspace->expire_allowance_us -= spent_us;
    if (!is_complete && had_time && keyspace->expire_allowance_us <= 0)
        keyspace->stats.expired_time_cap_reached++;
    keyspace->expire_is_behind = !is_complete;
    keyspace->stats.expire_cycle_us += (uint64_t)spent_us;
}

static bool expires_actively(const struct keyspace *keyspace)
{
    return !keyspace->active_expire_is_off && keyspace->expire_mode == EXPIRE_DELETE;
}

void expire_cron(struct keyspace *keyspace, int64_t now_ms)
{
    keyspace->expire_allowance_us = allowance_us(keyspace);
    if (expires_actively(keyspace))
        expire_round(keyspace, now_ms);
}

bool keyspace_expire_goes_on(const struct keyspace *keyspace)
{
    return keyspace->expire_is_behind && keyspace->expire_allowance_us > 0 &&
           expires_actively(keyspace);
}

void keyspace_expire_turn(struct keyspace *keyspace, int64_t now_ms)
{
    if (__builtin_expect(keyspace_expire_goes_on(keyspace), 0))
        expire_round(keyspace, now_ms);
}

void keyspace_expire_fast(struct keyspace *keyspace, int64_t now_ms)
{
    if (keyspace->expire_is_behind && expires_actively(keyspace))
        expire_round(keyspace, now_ms);
}
