/* One logical database: a table of entries and an index of those that expire. All of it is on the
 * main thread. Functions that find an entry remove it first when its time has come. A returned
 * entry is valid until the next db_* call that writes to the same database.
 */
#ifndef KEYSPACE_DB_H
#define KEYSPACE_DB_H

#include "base/bytes.h"
#include "keyspace/entry.h"
#include "keyspace/observer.h"
#include "structures/dict.h"
#include "structures/expiry_index.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keyspace;

/* A key's name with its hash (hash_bytes of the name). */
struct key {
    struct bytes name;
    uint64_t hash;
};

struct db {
    struct dict keys;           /* of struct entry */
    struct expiry_index expiry; /* of those that expire */
    struct expiry_index fields; /* of hashes whose fields expire: when the next one does */
    int64_t open_fields;        /* db_fields_open: what stands in `fields` for the open hash */
    struct keyspace *keyspace;
    int index;
};

struct key key_of(struct bytes name);

/* -- finding -- */

enum db_find_flag {
    DB_FIND_NO_TOUCH = 1 << 0, /* leave LRU and LFU as they are */
    DB_FIND_NO_STATS = 1 << 1, /* do not count a hit or miss */
    DB_FIND_NO_NOTIFY = 1 << 2,
    DB_FIND_WRITE = 1 << 3 /* to be changed: no hit or miss either */
};

/* The entry, or NULL. Counts a hit or miss, refreshes LRU or LFU. */
struct entry *db_find_read(struct db *db, struct key key);
/* The entry that is going to be changed, or NULL. Refreshes LRU or LFU, counts nothing. */
struct entry *db_find_write(struct db *db, struct key key);
struct entry *db_find(struct db *db, struct key key, unsigned flags);
/* Neither counts nor refreshes. */
struct entry *db_peek(struct db *db, struct key key);
/* Changes nothing at all: an entry whose time has come is found as well. */
const struct entry *db_look(const struct db *db, struct key key);

/* -- putting. The new entry is returned; a name that expired a moment ago counts as absent -- */

enum db_set_flag {
    DB_SET_KEEP_TTL = 1 << 0,
    DB_SET_RAW = 1 << 1,       /* a string that OBJECT ENCODING calls raw whatever its size */
    DB_SET_NO_INTEGER = 1 << 2 /* text that looks like an integer stays text (INCRBYFLOAT) */
};

/* Replaces or adds. The bytes are copied; an integer's text becomes an integer. */
struct entry *db_set_string(struct db *db, struct key key, struct bytes value, unsigned flags);
struct entry *db_set_integer(struct db *db, struct key key, int64_t value, unsigned flags);
/* Takes over one reference; small values are copied out and the reference dropped. */
struct entry *db_set_shared(struct db *db, struct key key, struct shared_bytes *value,
                            unsigned flags);
/* Takes over a value of any other type. */
struct entry *db_set_value(struct db *db, struct key key, struct value value, unsigned flags);
/* As db_set_value for a key that is known to be absent. */
struct entry *db_add_value(struct db *db, struct key key, struct value value);

/* Makes the string's bytes writable and at least `size` long, zero-filled where it grows (shared
 * bytes are copied when replies hold them; room to grow is left beyond). The entry becomes raw and
 * may move. *data is valid until the next db_* call. NULL when memory is short. Strings only. */
struct entry *db_string_writable(struct db *db, struct key key, size_t size, char **data);

/* -- removing -- */

/* False when absent. Lazily, when lazyfree-lazy-user-del says so or `is_lazy`. No events but
 * KEY_DELETED. */
bool db_delete(struct db *db, struct key key);
bool db_unlink(struct db *db, struct key key);
/* Takes a non-string value out of the database: the entry goes, the caller owns the value. */
bool db_take_value(struct db *db, struct key key, struct value *value);
/* Moves an entry to another name or database (RENAME, MOVE): value, expiry and access time stay.
 * The destination must be absent. */
struct entry *db_move(struct db *from, struct key key, struct db *to, struct key new_key);
/* Copies value and expiry. The destination must be absent. */
struct entry *db_copy(struct db *from, struct key key, struct db *to, struct key new_key);

/* -- expiry -- */

/* Sets (wall ms) or removes (ENTRY_NO_EXPIRY) the expiry. `entry` must be in db under `key`;
 * returns it, it may have moved. */
struct entry *db_set_expiry(struct db *db, struct key key, struct entry *entry, int64_t expiry_ms);
/* True when the time has come, by the rules in force (false while loading). */
bool db_entry_is_expired(const struct db *db, const struct entry *entry);

/* -- fields of hashes that expire. Whoever changes a hash in place tells before and after, so that
 * active expiry finds it; one hash is open at a time -- */

void db_fields_open(struct db *db, const struct entry *entry);
void db_fields_close(struct db *db, struct key key, const struct entry *entry);
/* Hashes with such fields. */
size_t db_expiring_hashes(const struct db *db);

/* -- events; one test of a mask when nobody listens -- */

/* The key's content changed, and the notification `name` of `notify_class`. */
void db_changed(struct db *db, struct bytes key, unsigned notify_class, const char *name);
/* The one or the other alone. */
void db_signal(struct db *db, struct bytes key);
void db_notify(struct db *db, struct bytes key, unsigned notify_class, const char *name);

/* -- whole database -- */

size_t db_count(const struct db *db);
size_t db_expiring_count(const struct db *db);
/* Average remaining time of the keys that expire, ms. */
int64_t db_average_ttl(const struct db *db, int64_t now_ms);
/* Calls visit for some entries; returns the next cursor, 0 at the end (dict_scan's guarantees).
 * visit must not write to the database. */
uint64_t db_scan(struct db *db, uint64_t cursor, void (*visit)(void *context, void *entry),
                 void *context);
/* A random entry that has not expired, or NULL. Bounded: where nearly all have expired, the one
 * that lives longest, and at last one that has expired. */
struct entry *db_random(struct db *db);
/* Makes room for `count` keys at once (loading). */
void db_reserve(struct db *db, size_t count);

/* -- prefetch, for a batch of requests: first all buckets, then all entries, then execute -- */

DICT_PREFETCH db_prefetch_bucket(const struct db *db, uint64_t hash)
{
    dict_prefetch_bucket(&db->keys, hash);
}

DICT_PREFETCH db_prefetch_entry(const struct db *db, uint64_t hash)
{
    dict_prefetch_entry(&db->keys, hash);
}

#endif
