/* Shared by the files of keyspace/ only. Main thread. */
#ifndef KEYSPACE_KEYSPACE_INTERNAL_H
#define KEYSPACE_KEYSPACE_INTERNAL_H

#include "base/clock.h"
#include "base/hash.h"
#include "keyspace/keyspace.h"
#include "types/hash_field_expiry.h"

/* As memcmp(a, b, size) == 0, inline: keys are short, and nearly always equal (their tags are). */
static inline bool same_bytes(const char *a, const char *b, size_t size)
{
    uint64_t x;
    uint64_t y;
    if (size < sizeof(x)) {
        for (size_t i = 0; i < size; i++)
            if (a[i] != b[i])
                return false;
        return true;
    }
    for (size_t i = 0; i + sizeof(x) < size; i += sizeof(x)) {
        memcpy(&x, a + i, sizeof(x));
        memcpy(&y, b + i, sizeof(y));
        if (x != y)
            return false;
    }
    /* The last eight, some of them again. */
    memcpy(&x, a + size - sizeof(x), sizeof(x));
    memcpy(&y, b + size - sizeof(y), sizeof(y));
    return x == y;
}

static inline bool entry_matches(const void *opaque, struct bytes key)
{
    const struct entry *entry = opaque;
    if (__builtin_expect(entry->flags & ENTRY_LONG_KEY, 0) || key.size > ENTRY_SHORT_KEY_MAX)
        return bytes_equal(entry_key(entry), key);
    return entry->key_size == key.size && same_bytes(entry_key(entry).data, key.data, key.size);
}

extern const struct dict_type db_dict_type;

void db_init(struct db *db, struct keyspace *keyspace, int index);
void db_deinit(struct db *db);

/* Looks without expiring anything. */
static inline struct entry **db_slot(const struct db *db, struct key key)
{
    return (struct entry **)(void *)dict_find_slot_with(&db->keys, key.hash, key.name,
                                                        entry_matches);
}

static inline bool is_due(const struct db *db, const struct entry *entry)
{
    return __builtin_expect(entry_expires(entry), 0) && db_entry_is_expired(db, entry);
}

/* Takes the entry out of table and index, tells KEY_DELETED; the caller owns it. */
struct entry *db_detach(struct db *db, uint64_t hash, struct entry **slot);
/* Frees a detached entry, its value on the worker when `is_lazy` and it is worth it. */
void db_release_entry(struct db *db, struct entry *entry, bool is_lazy);
/* The key's time has come: statistics, events, removal. */
void db_expire_now(struct db *db, uint64_t hash, struct entry **slot);

static inline bool wants(const struct keyspace *keyspace, unsigned kinds)
{
    return __builtin_expect(keyspace->observer.interest & kinds, 0) != 0;
}

static inline void tell(struct keyspace *keyspace, const struct key_event *event)
{
    keyspace->observer.on_event(keyspace->observer.context, event);
}

/* keyspace_touch with the usual case inline; the line is written only when the second changed. */
static inline void touch(struct keyspace *keyspace, struct entry *entry)
{
    if (__builtin_expect(keyspace->is_lfu || keyspace->no_touch || keyspace->resize_is_avoided, 0))
        keyspace_touch(keyspace, entry);
    else if (entry->access != keyspace->access_clock)
        entry->access = keyspace->access_clock & 0xffffff;
}

/* Access bits of a new entry. */
uint32_t keyspace_access_initial(const struct keyspace *keyspace);
/* LFU: the counter decayed to now. */
unsigned keyspace_lfu_counter(const struct keyspace *keyspace, const struct entry *entry);

/* -- lazy_free.c -- */

void lazy_free_value(struct keyspace *keyspace, struct value value);
/* Empties `db` (left ready for use), on the worker when `is_async`. */
void lazy_free_db(struct db *db, bool is_async);
/* Goes on with what came back from the worker; a bounded part. */
void lazy_free_step(struct keyspace *keyspace);
void lazy_free_deinit(struct keyspace *keyspace);

/* -- expire.c -- */

/* The slot of an entry with the item's hash and unit, and its whole hash; NULL when there is none.
 */
struct entry **db_slot_of_item(struct db *db, struct expiry_item item, uint64_t *hash);

/* -- expire_fields.c -- */

/* When the next field of a hash expires, as the index of hashes has it; 0: none does. */
static inline int64_t fields_next(const struct entry *entry)
{
    if (__builtin_expect(entry->type != VALUE_HASH, 1) || entry->encoding == ENCODING_LISTPACK)
        return HASH_NO_EXPIRY;
    int64_t next = hash_next_expiry(entry_value(entry));
    /* A table says when its unit is over. */
    bool is_end = next != HASH_NO_EXPIRY && entry->encoding == ENCODING_HASHTABLE;
    return is_end ? next - EXPIRY_UNIT_MS : next;
}

/* A hash came into the database, or leaves it. */
void fields_enter(struct db *db, uint64_t hash, const struct entry *entry);
void fields_leave(struct db *db, uint64_t hash, const struct entry *entry);
/* Removes due fields of one database until none is left or the time is over; false when it is over.
 */
bool expire_fields(struct db *db, int64_t now_ms, int64_t end_us);

/* -- expire.c, active -- */

void expire_cron(struct keyspace *keyspace, int64_t now_ms);

/* -- evict.c -- */

struct eviction_pool *eviction_pool_create(void);
void eviction_pool_destroy(struct eviction_pool *pool);
/* Goes on evicting when no command does it. */
void evict_cycle(struct keyspace *keyspace);

#endif
