/* Finding, putting and removing keys. Main thread.
 *
 * Invariant: an entry is in the expiry index exactly when it has ENTRY_EXPIRES, under its expiry
 * and hash.
 */
#include "keyspace/db.h"
#include "base/memory.h"
#include "keyspace/keyspace_internal.h"
#include "protocol/limits.h"
#include "types/string_type.h"

static uint64_t entry_hash(const void *entry)
{
    struct bytes key = entry_key(entry);
    return hash_bytes(key.data, key.size);
}

static void entry_free_opaque(void *entry)
{
    entry_free(entry);
}

const struct dict_type db_dict_type = {entry_hash, entry_matches, entry_free_opaque};

struct key key_of(struct bytes name)
{
    return (struct key){name, hash_bytes(name.data, name.size)};
}

void db_init(struct db *db, struct keyspace *keyspace, int index)
{
    dict_init(&db->keys, &db_dict_type);
    expiry_index_init(&db->expiry);
    expiry_index_init(&db->fields);
    db->open_fields = HASH_NO_EXPIRY;
    db->keyspace = keyspace;
    db->index = index;
}

void db_deinit(struct db *db)
{
    dict_deinit(&db->keys);
    expiry_index_deinit(&db->expiry);
    expiry_index_deinit(&db->fields);
}

/* -- events -- */

void db_signal(struct db *db, struct bytes key)
{
    if (wants(db->keyspace, KEY_CHANGED))
        tell(db->keyspace, &(struct key_event){.kinds = KEY_CHANGED, .db = db, .key = key});
}

void db_notify(struct db *db, struct bytes key, unsigned notify_class, const char *name)
{
    if (wants(db->keyspace, KEY_NOTIFY))
        tell(db->keyspace, &(struct key_event){.kinds = KEY_NOTIFY,
                                               .db = db,
                                               .key = key,
                                               .notify_class = notify_class,
                                               .notify_name = name});
}

void db_changed(struct db *db, struct bytes key, unsigned notify_class, const char *name)
{
    if (wants(db->keyspace, KEY_CHANGED | KEY_NOTIFY))
        tell(db->keyspace, &(struct key_event){.kinds = KEY_CHANGED | KEY_NOTIFY,
                                               .db = db,
                                               .key = key,
                                               .notify_class = notify_class,
                                               .notify_name = name});
}

static void tell_created(struct db *db, struct entry *entry)
{
    if (wants(db->keyspace, KEY_CREATED | KEY_NOTIFY))
        tell(db->keyspace, &(struct key_event){.kinds = KEY_CREATED | KEY_NOTIFY,
                                               .db = db,
                                               .key = entry_key(entry),
                                               .notify_class = KEY_CLASS_NEW,
                                               .notify_name = "new",
                                               .value_type = (int)entry->type});
}

/* -- removing -- */

enum { FREE_EFFORT_STALLS = 20000 };

struct entry *db_detach(struct db *db, uint64_t hash, struct entry **slot)
{
    struct entry *entry = *slot;
    if (entry_expires(entry)) {
        bool was_indexed = expiry_index_remove(&db->expiry, entry_expiry(entry), hash);
        assert(was_indexed);
    }
    fields_leave(db, hash, entry);
    dict_remove_slot(&db->keys, hash, (void **)(void *)slot);
    if (wants(db->keyspace, KEY_DELETED))
        tell(db->keyspace, &(struct key_event){.kinds = KEY_DELETED,
                                               .db = db,
                                               .key = entry_key(entry),
                                               .value_type = (int)entry->type});
    return entry;
}

void db_release_entry(struct db *db, struct entry *entry, bool is_lazy)
{
    if (entry_is_string(entry)) {
        entry_free(entry);
        return;
    }
    struct value value = entry_value(entry);
    size_t effort = value_free_effort(value);
    entry_free_shell(entry);
    /* What would stop main for milliseconds goes to the worker whatever the options say. */
    if ((is_lazy && effort > VALUE_FREE_EFFORT_LAZY) || effort > FREE_EFFORT_STALLS)
        lazy_free_value(db->keyspace, value);
    else
        value_free(value);
}

static bool delete_key(struct db *db, struct key key, bool is_lazy)
{
    struct entry **slot = db_slot(db, key);
    if (!slot)
        return false;
    if (is_due(db, *slot)) {
        db_expire_now(db, key.hash, slot);
        return false;
    }
    db_release_entry(db, db_detach(db, key.hash, slot), is_lazy);
    return true;
}

bool db_delete(struct db *db, struct key key)
{
    return delete_key(db, key, db->keyspace->settings->lazyfree_lazy_user_del);
}

bool db_unlink(struct db *db, struct key key)
{
    return delete_key(db, key, true);
}

bool db_take_value(struct db *db, struct key key, struct value *value)
{
    struct entry **slot = db_slot(db, key);
    if (!slot)
        return false;
    assert(!entry_is_string(*slot));
    struct entry *entry = db_detach(db, key.hash, slot);
    *value = entry_value(entry);
    entry_free_shell(entry);
    return true;
}

/* -- finding -- */

static void miss(struct db *db, struct key key, unsigned flags)
{
    if (flags & DB_FIND_WRITE)
        return;
    if (!(flags & DB_FIND_NO_STATS))
        db->keyspace->stats.misses++;
    if (!(flags & DB_FIND_NO_NOTIFY) && wants(db->keyspace, KEY_MISSED))
        tell(db->keyspace, &(struct key_event){.kinds = KEY_MISSED,
                                               .db = db,
                                               .key = key.name,
                                               .notify_class = KEY_CLASS_KEY_MISS,
                                               .notify_name = "keymiss"});
}

static inline __attribute__((always_inline)) struct entry *find(struct db *db, struct key key,
                                                                unsigned flags)
{
    struct entry **slot = db_slot(db, key);
    if (__builtin_expect(!slot, 0)) {
        miss(db, key, flags);
        return NULL;
    }
    struct entry *entry = *slot;
    if (is_due(db, entry)) {
        /* A replica leaves it to the primary, except when it is written to itself. */
        if (db->keyspace->expire_mode == EXPIRE_DELETE || (flags & DB_FIND_WRITE))
            db_expire_now(db, key.hash, slot);
        miss(db, key, flags);
        return NULL;
    }
    if (!(flags & DB_FIND_NO_TOUCH))
        touch(db->keyspace, entry);
    if (!(flags & (DB_FIND_NO_STATS | DB_FIND_WRITE)))
        db->keyspace->stats.hits++;
    return entry;
}

struct entry *db_find_read(struct db *db, struct key key)
{
    return find(db, key, 0);
}

struct entry *db_find_write(struct db *db, struct key key)
{
    return find(db, key, DB_FIND_WRITE);
}

struct entry *db_find(struct db *db, struct key key, unsigned flags)
{
    return find(db, key, flags);
}

struct entry *db_peek(struct db *db, struct key key)
{
    return find(db, key, DB_FIND_NO_TOUCH | DB_FIND_NO_STATS | DB_FIND_NO_NOTIFY);
}

const struct entry *db_look(const struct db *db, struct key key)
{
    struct entry **slot = db_slot(db, key);
    return slot ? *slot : NULL;
}

/* -- putting -- */

static struct entry *add_entry(struct db *db, uint64_t hash, struct entry *entry)
{
    entry->access = keyspace_access_initial(db->keyspace) & 0xffffff;
    dict_add(&db->keys, hash, entry);
    if (entry_expires(entry))
        expiry_index_add(&db->expiry, entry_expiry(entry), hash);
    fields_enter(db, hash, entry);
    tell_created(db, entry);
    return entry;
}

/* Puts a new entry made of parts in place of the one in the slot, which is freed. */
static struct entry *replace(struct db *db, struct key key, struct entry **slot,
                             struct entry_parts *parts, unsigned flags)
{
    struct entry *old = *slot;
    if (flags & DB_SET_KEEP_TTL)
        parts->expiry = entry_expiry(old);
    else if (entry_expires(old))
        expiry_index_remove(&db->expiry, entry_expiry(old), key.hash);
    struct entry *entry = entry_create(parts);
    entry->access =
        (db->keyspace->is_lfu ? old->access : keyspace_access_initial(db->keyspace)) & 0xffffff;
    *slot = entry;
    fields_leave(db, key.hash, old);
    fields_enter(db, key.hash, entry);
    db_release_entry(db, old, db->keyspace->settings->lazyfree_lazy_server_del);
    return entry;
}

/* The slot of the key to be overwritten; a key whose time has come is removed first. */
static struct entry **slot_to_write(struct db *db, struct key key)
{
    struct entry **slot = db_slot(db, key);
    if (slot && is_due(db, *slot)) {
        db_expire_now(db, key.hash, slot);
        return NULL;
    }
    return slot;
}

static struct entry *set_parts(struct db *db, struct key key, struct entry_parts *parts,
                               unsigned flags)
{
    parts->key = key.name;
    parts->expiry = ENTRY_NO_EXPIRY;
    struct entry **slot = slot_to_write(db, key);
    if (slot)
        return replace(db, key, slot, parts, flags);
    return add_entry(db, key.hash, entry_create(parts));
}

/* Overwrites an embedded string by one that fits the same allocation; the layout stays as it is. */
static bool set_embedded_in_place(struct entry *entry, struct bytes value, uint8_t encoding)
{
    struct bytes key = entry_key(entry);
    size_t head = (size_t)(key.data - (const char *)entry) + key.size;
    if (entry_class(head + value.size) != entry_class(head + entry->value_size))
        return false;
    memcpy((char *)entry + head, value.data, value.size);
    entry->value_size = (uint16_t)value.size;
    entry->encoding = encoding & 15;
    return true;
}

static struct entry *set_small(struct db *db, struct key key, struct bytes value, uint8_t encoding,
                               unsigned flags)
{
    struct entry **slot = slot_to_write(db, key);
    if (slot) {
        struct entry *entry = *slot;
        bool keeps_layout = !entry_expires(entry) || (flags & DB_SET_KEEP_TTL);
        if (keeps_layout && entry_is_embedded(entry) &&
            set_embedded_in_place(entry, value, encoding)) {
            if (!db->keyspace->is_lfu)
                entry->access = keyspace_access_initial(db->keyspace) & 0xffffff;
            return entry;
        }
    }
    struct entry_parts parts = {
        .key = key.name,
        .expiry = ENTRY_NO_EXPIRY,
        .type = VALUE_STRING,
        .encoding = encoding,
        .is_embedded = true,
        .embedded = value,
    };
    if (slot)
        return replace(db, key, slot, &parts, flags);
    return add_entry(db, key.hash, entry_create(&parts));
}

static struct entry *set_large(struct db *db, struct key key, struct shared_bytes *value,
                               uint8_t encoding, unsigned flags)
{
    struct entry_parts parts = {
        .type = VALUE_STRING,
        .encoding = encoding,
        .word = (uint64_t)(uintptr_t)value,
    };
    return set_parts(db, key, &parts, flags);
}

struct entry *db_set_integer(struct db *db, struct key key, int64_t value, unsigned flags)
{
    struct entry_parts parts = {
        .type = VALUE_STRING,
        .encoding = ENCODING_INT,
        .word = (uint64_t)value,
    };
    return set_parts(db, key, &parts, flags);
}

struct entry *db_set_string(struct db *db, struct key key, struct bytes value, unsigned flags)
{
    int64_t integer;
    enum value_encoding encoding = string_encoding_of_size(value.size);
    if (flags & DB_SET_RAW)
        encoding = ENCODING_RAW;
    else if (!(flags & DB_SET_NO_INTEGER))
        encoding = string_classify(value, &integer);
    if (encoding == ENCODING_INT)
        return db_set_integer(db, key, integer, flags);
    /* Whether the entry will expire is not known yet; eight bytes decide nothing that matters. */
    if (entry_should_embed(key.name.size, false, value.size))
        return set_small(db, key, value, (uint8_t)encoding, flags);
    return set_large(db, key, shared_bytes_create(value.data, value.size), (uint8_t)encoding,
                     flags);
}

struct entry *db_set_shared(struct db *db, struct key key, struct shared_bytes *value,
                            unsigned flags)
{
    if (!entry_should_embed(key.name.size, false, value->size))
        return set_large(db, key, value, ENCODING_RAW, flags);
    struct entry *entry = db_set_string(db, key, shared_bytes_view(value), flags);
    shared_bytes_release(value);
    return entry;
}

struct entry *db_set_value(struct db *db, struct key key, struct value value, unsigned flags)
{
    assert(value.type != VALUE_STRING);
    struct entry_parts parts = {
        .type = value.type,
        .encoding = value.encoding,
        .word = (uint64_t)(uintptr_t)value.pointer,
    };
    return set_parts(db, key, &parts, flags);
}

struct entry *db_add_value(struct db *db, struct key key, struct value value)
{
    assert_slow(db_slot(db, key) == NULL);
    struct entry_parts parts = {
        .key = key.name,
        .expiry = ENTRY_NO_EXPIRY,
        .type = value.type,
        .encoding = value.encoding,
        .word = (uint64_t)(uintptr_t)value.pointer,
    };
    return add_entry(db, key.hash, entry_create(&parts));
}

/* -- strings that are written into -- */

/* The string's bytes as a new shared string of at least `size`; NULL when memory is short. */
static struct shared_bytes *share(struct bytes content, size_t size)
{
    size_t wanted = size > content.size ? size : content.size;
    struct shared_bytes *shared = shared_bytes_try_create(wanted);
    if (!shared)
        return NULL;
    memcpy(shared->data, content.data, content.size);
    memset(shared->data + content.size, 0, wanted - content.size);
    return shared;
}

static struct entry *write_shared(struct entry **slot, size_t size, char **data)
{
    struct entry *entry = *slot;
    struct shared_bytes *shared = string_shared_writable(entry_shared(entry), size, true);
    if (!shared)
        return NULL;
    entry_set_pointer(entry, ENCODING_RAW, shared);
    *data = shared->data;
    return entry;
}

/* As entry_string, for what is not shared. */
static struct bytes small_string(const struct entry *entry, char scratch[NUMBER_I64_TEXT_MAX])
{
    if (entry_is_embedded(entry)) {
        struct bytes key = entry_key(entry);
        return bytes_of(key.data + key.size, entry->value_size);
    }
    return bytes_of(scratch, number_format_i64(scratch, entry_integer(entry)));
}

/* An integer or embedded string grows: embedded again while it is small, else shared. */
static struct entry *write_small(struct key key, struct entry **slot, size_t size, char **data)
{
    enum { EMBED_WHILE_GROWING_MAX = 256 };
    char scratch[NUMBER_I64_TEXT_MAX];
    struct entry *old = *slot;
    struct bytes content = small_string(old, scratch);
    size_t wanted = size > content.size ? size : content.size;
    struct entry_parts parts = {
        .key = key.name,
        .expiry = entry_expiry(old),
        .type = VALUE_STRING,
        .encoding = ENCODING_RAW,
        .is_embedded = wanted <= EMBED_WHILE_GROWING_MAX || wanted == content.size,
    };
    if (parts.is_embedded) {
        parts.embedded.size = wanted;
    } else {
        struct shared_bytes *shared = share(content, string_capacity_for(wanted));
        if (!shared)
            shared = share(content, wanted);
        if (!shared)
            return NULL;
        shared->size = wanted;
        shared->data[wanted] = '\0';
        parts.word = (uint64_t)(uintptr_t)shared;
    }
    struct entry *entry = entry_create(&parts);
    entry->access = old->access;
    struct bytes room = entry_string(entry, scratch);
    *data = (char *)(uintptr_t)room.data;
    if (parts.is_embedded) {
        memcpy(*data, content.data, content.size);
        memset(*data + content.size, 0, wanted - content.size);
    }
    *slot = entry;
    entry_free_shell(old);
    return entry;
}

static struct entry *write_new(struct db *db, struct key key, size_t size, char **data)
{
    struct entry_parts parts = {
        .key = key.name,
        .expiry = ENTRY_NO_EXPIRY,
        .type = VALUE_STRING,
        .encoding = ENCODING_RAW,
        .is_embedded = entry_should_embed(key.name.size, false, size),
        .embedded = {NULL, size},
    };
    if (!parts.is_embedded) {
        struct shared_bytes *shared = share(bytes_of("", 0), size);
        if (!shared)
            return NULL;
        parts.word = (uint64_t)(uintptr_t)shared;
    }
    char scratch[NUMBER_I64_TEXT_MAX];
    struct entry *entry = entry_create(&parts);
    *data = (char *)(uintptr_t)entry_string(entry, scratch).data;
    if (parts.is_embedded)
        memset(*data, 0, size);
    return add_entry(db, key.hash, entry);
}

struct entry *db_string_writable(struct db *db, struct key key, size_t size, char **data)
{
    struct entry **slot = slot_to_write(db, key);
    if (!slot)
        return write_new(db, key, size, data);
    struct entry *entry = *slot;
    assert(entry_is_string(entry));
    if (entry_shared(entry))
        return write_shared(slot, size, data);
    if (entry_is_embedded(entry)) {
        struct bytes key_bytes = entry_key(entry);
        size_t head = (size_t)(key_bytes.data - (const char *)entry) + key_bytes.size;
        size_t wanted = size > entry->value_size ? size : entry->value_size;
        /* Behind a long key there is room for more than an embedded string may have. */
        if (wanted < REPLY_SHARED_SIZE_MIN &&
            entry_class(head + wanted) == entry_class(head + entry->value_size)) {
            *data = (char *)entry + head;
            memset(*data + entry->value_size, 0, wanted - entry->value_size);
            entry->value_size = (uint16_t)wanted;
            entry->encoding = ENCODING_RAW;
            return entry;
        }
    }
    return write_small(key, slot, size, data);
}

/* -- moving -- */

struct entry *db_move(struct db *from, struct key key, struct db *to, struct key new_key)
{
    struct entry **slot = db_slot(from, key);
    assert(slot && db_slot(to, new_key) == NULL);
    struct entry *old = db_detach(from, key.hash, slot);
    struct entry_parts parts = entry_parts_of(old);
    parts.key = new_key.name;
    struct entry *entry = entry_create(&parts);
    uint32_t access = old->access;
    entry_free_shell(old);
    add_entry(to, new_key.hash, entry);
    entry->access = access & 0xffffff;
    return entry;
}

struct entry *db_copy(struct db *from, struct key key, struct db *to, struct key new_key)
{
    struct entry **slot = db_slot(from, key);
    assert(slot && db_slot(to, new_key) == NULL);
    struct entry *old = *slot;
    struct entry_parts parts = entry_parts_of(old);
    parts.key = new_key.name;
    if (!entry_is_string(old))
        parts.word = (uint64_t)(uintptr_t)value_copy(entry_value(old)).pointer;
    else if (entry_shared(old))
        shared_bytes_acquire(entry_shared(old));
    return add_entry(to, new_key.hash, entry_create(&parts));
}

/* -- expiry -- */

struct entry *db_set_expiry(struct db *db, struct key key, struct entry *entry, int64_t expiry_ms)
{
    bool expired_before = entry_expires(entry);
    if (expired_before)
        expiry_index_remove(&db->expiry, entry_expiry(entry), key.hash);
    if (expiry_ms != ENTRY_NO_EXPIRY)
        expiry_index_add(&db->expiry, expiry_ms, key.hash);
    if (expired_before && expiry_ms != ENTRY_NO_EXPIRY) {
        *(int64_t *)(void *)entry->body = expiry_ms;
        return entry;
    }
    if (expired_before == (expiry_ms != ENTRY_NO_EXPIRY))
        return entry;
    struct entry **slot = db_slot(db, key);
    assert(slot && *slot == entry);
    struct entry_parts parts = entry_parts_of(entry);
    parts.expiry = expiry_ms;
    struct entry *moved = entry_create(&parts);
    moved->access = entry->access;
    *slot = moved;
    entry_free_shell(entry);
    return moved;
}

/* -- whole database -- */

size_t db_count(const struct db *db)
{
    return dict_count(&db->keys);
}

size_t db_expiring_count(const struct db *db)
{
    return expiry_index_count(&db->expiry);
}

int64_t db_average_ttl(const struct db *db, int64_t now_ms)
{
    if (expiry_index_count(&db->expiry) == 0)
        return 0;
    int64_t ttl = expiry_index_mean(&db->expiry) - now_ms;
    return ttl > 0 ? ttl : 0;
}

uint64_t db_scan(struct db *db, uint64_t cursor, void (*visit)(void *context, void *entry),
                 void *context)
{
    return dict_scan(&db->keys, cursor, visit, context);
}

/* For db_random, when it only met keys that have expired. */
static struct entry *longest_living(struct db *db, struct entry *drawn)
{
    struct expiry_item last;
    bool all_expire = expiry_index_count(&db->expiry) == db_count(db);
    if (!expiry_index_last(&db->expiry, &last))
        return drawn;
    uint64_t hash;
    struct entry **slot = db_slot_of_item(db, last, &hash);
    assert(slot != NULL);
    if (!is_due(db, *slot))
        return *slot;
    /* As Redis: who may not remove expired keys tells one of them. */
    return all_expire && db->keyspace->expire_mode == EXPIRE_DELETE ? NULL : drawn;
}

struct entry *db_random(struct db *db)
{
    enum { DRAWS_MAX = 1000, REMOVED_MAX = 100, TIME_MAX_US = 1000 };
    struct entry *entry = dict_random(&db->keys);
    if (!entry || !is_due(db, entry))
        return entry;
    int64_t end_us = clock_read_us() + TIME_MAX_US;
    for (int draws = 1; draws < DRAWS_MAX && clock_read_us() < end_us; draws++) {
        if (draws <= REMOVED_MAX && db->keyspace->expire_mode == EXPIRE_DELETE) {
            struct key key = key_of(entry_key(entry));
            db_expire_now(db, key.hash, db_slot(db, key));
        }
        entry = dict_random(&db->keys);
        if (!entry || !is_due(db, entry))
            return entry;
    }
    return longest_living(db, entry);
}

void db_reserve(struct db *db, size_t count)
{
    dict_reserve(&db->keys, count);
}
