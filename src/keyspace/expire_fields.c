/* Fields of hashes whose time has come, removed before anybody reads them. Main thread.
 *
 * The index has one item for each hash whose fields expire: when the next of them does, and the
 * hash of the key's name. It is exact: whatever puts a hash in, takes it out or changes it keeps it
 * so (fields_enter, fields_leave, db_fields_open and db_fields_close).
 */
#include "keyspace/keyspace_internal.h"

enum { BATCH_HASHES = 16, FIELDS_AT_ONCE = 64 };

size_t db_expiring_hashes(const struct db *db)
{
    return expiry_index_count(&db->fields);
}

void fields_enter(struct db *db, uint64_t hash, const struct entry *entry)
{
    int64_t next = fields_next(entry);
    if (next != HASH_NO_EXPIRY)
        expiry_index_add(&db->fields, next, hash);
}

void fields_leave(struct db *db, uint64_t hash, const struct entry *entry)
{
    int64_t next = fields_next(entry);
    if (next == HASH_NO_EXPIRY)
        return;
    bool was_indexed = expiry_index_remove(&db->fields, next, hash);
    assert(was_indexed);
}

void db_fields_open(struct db *db, const struct entry *entry)
{
    db->open_fields = fields_next(entry);
}

void db_fields_close(struct db *db, struct key key, const struct entry *entry)
{
    int64_t before = db->open_fields;
    int64_t after = fields_next(entry);
    if (__builtin_expect(before == after, 1))
        return;
    if (before != HASH_NO_EXPIRY) {
        bool was_indexed = expiry_index_remove(&db->fields, before, key.hash);
        assert(was_indexed);
    }
    if (after != HASH_NO_EXPIRY)
        expiry_index_add(&db->fields, after, key.hash);
    db->open_fields = after;
}

/* -- active expiry -- */

/* The entry of a hash with the item's hash and unit. */
static struct entry *entry_of_item(const struct db *db, struct expiry_item item, uint64_t *hash)
{
    const struct dict *keys = &db->keys;
    for (unsigned table = 0; table < 2 && keys->tables[table]; table++) {
        struct dict_bucket *bucket = &keys->tables[table][item.hash & keys->masks[table]];
        for (; bucket; bucket = dict_bucket_child(bucket))
            for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++) {
                struct entry *entry = bucket->tags[i] ? bucket->slots[i] : NULL;
                int64_t next = entry ? fields_next(entry) : HASH_NO_EXPIRY;
                if (next == HASH_NO_EXPIRY || expiry_unit(next) != item.unit)
                    continue;
                *hash = keys->type->hash(entry);
                if ((uint32_t)*hash == item.hash)
                    return entry;
            }
    }
    return NULL;
}

struct expired_field {
    struct db *db;
    struct bytes key;
};

static void tell_field(void *context, struct bytes name)
{
    const struct expired_field *expired = context;
    if (wants(expired->db->keyspace, KEY_FIELD_EXPIRED))
        tell(expired->db->keyspace, &(struct key_event){.kinds = KEY_FIELD_EXPIRED,
                                                        .db = expired->db,
                                                        .key = expired->key,
                                                        .field = name});
}

/* Removes some due fields of the hash, and the key when none is left. */
static void expire_hash(struct db *db, struct key key, struct entry *entry, int64_t now_ms)
{
    struct value value = entry_value(entry);
    struct expired_field expired = {db, key.name};
    db_fields_open(db, entry);
    size_t removed = hash_expire_due(&value, now_ms, FIELDS_AT_ONCE, tell_field, &expired);
    entry_set_pointer(entry, (enum value_encoding)value.encoding, value.pointer);
    db_fields_close(db, key, entry);
    db->keyspace->stats.expired_fields += removed;
    if (removed == 0)
        return;
    db_changed(db, key.name, KEY_CLASS_HASH, "hexpired");
    if (value_count(value) > 0)
        return;
    /* The entry goes, its name with it: events are told before. */
    db_notify(db, key.name, KEY_CLASS_GENERIC, "del");
    struct entry **slot = db_slot(db, key);
    db_release_entry(db, db_detach(db, key.hash, slot), false);
}

bool expire_fields(struct db *db, int64_t now_ms, int64_t end_us)
{
    for (;;) {
        struct expiry_item items[BATCH_HASHES];
        size_t count = expiry_index_due(&db->fields, now_ms, items, BATCH_HASHES);
        for (size_t i = 0; i < count; i++) {
            uint64_t hash;
            struct entry *entry = entry_of_item(db, items[i], &hash);
            assert(entry != NULL);
            expire_hash(db, (struct key){entry_key(entry), hash}, entry, now_ms);
        }
        if (count == 0)
            return true;
        if (clock_read_us() >= end_us)
            return false;
    }
}
