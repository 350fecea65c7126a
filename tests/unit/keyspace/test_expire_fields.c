/* The index of hashes whose fields expire, against a look at every hash. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/thread_role.h"
#include "keyspace/keyspace.h"
#include "types/hash_field_expiry.h"
#include <criterion/criterion.h>
#include <stdio.h>

enum { KEYS = 20, FIELDS = 12, OPERATIONS = 6000 };

static struct keyspace_settings settings;
static struct type_settings types = {.hash_max_listpack_entries = 6, .hash_max_listpack_value = 64};
static struct keyspace *keyspace;
static struct db *db;

static void setup(void)
{
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    hash_init_with((const uint8_t[16]){9});
    clock_update();
    random_seed(3);
    keyspace_settings_init(&settings);
    keyspace = keyspace_create(&settings, NULL);
    db = keyspace_db(keyspace, 0);
}

static void teardown(void)
{
    keyspace_destroy(keyspace);
}

TestSuite(expire_fields, .init = setup, .fini = teardown);

static struct key key_number(int i, char name[16])
{
    return key_of(bytes_of(name, (size_t)snprintf(name, 16, "key%d", i)));
}

static struct entry *find_or_add(struct key key)
{
    struct entry *entry = db_find_write(db, key);
    if (entry)
        return entry;
    struct value hash = hash_create();
    hash_set(&hash, &types, BYTES_LITERAL("first"), BYTES_LITERAL("v"), false);
    return db_add_value(db, key, hash);
}

/* One random change of a field, as a command makes it. */
static void change(struct key key)
{
    char name[16];
    struct bytes field =
        bytes_of(name, (size_t)snprintf(name, sizeof(name), "f%d", (int)random_below(FIELDS)));
    struct entry *entry = find_or_add(key);
    struct value hash = entry_value(entry);
    struct hash_item item;
    bool is_there = hash_get(hash, field, INT64_MIN, &item);
    db_fields_open(db, entry);
    if (!is_there || random_below(4) == 0)
        hash_set(&hash, &types, field, BYTES_LITERAL("value"), random_below(2));
    else if (random_below(4) == 0)
        hash_delete(&hash, field);
    else
        hash_set_expiry(&hash, field,
                        random_below(3) ? clock_wall_ms() + 1000 + (int64_t)random_below(100000)
                                        : HASH_NO_EXPIRY);
    entry_set_pointer(entry, (enum value_encoding)hash.encoding, hash.pointer);
    db_fields_close(db, key, entry);
}

static void count_expiring(void *context, void *entry)
{
    *(size_t *)context += hash_has_expiry(entry_value(entry));
}

static size_t expiring(void)
{
    size_t count = 0;
    dict_each(&db->keys, count_expiring, &count);
    return count;
}

static void operate(void)
{
    char name[16];
    char other_name[16];
    struct key key = key_number((int)random_below(KEYS), name);
    struct key other = key_number((int)random_below(KEYS), other_name);
    bool can_move = db_peek(db, key) && !db_peek(db, other);
    switch (random_below(20)) {
    case 0:
        db_delete(db, key);
        return;
    case 1:
        if (can_move)
            db_move(db, key, db, other);
        return;
    case 2:
        if (can_move)
            db_copy(db, key, db, other);
        return;
    case 3:
        db_set_value(db, key, hash_create(), 0);
        return;
    default:
        change(key);
    }
}

Test(expire_fields, the_index_is_exact)
{
    for (int i = 0; i < OPERATIONS; i++) {
        operate();
        expiry_index_check(&db->fields);
        cr_assert_eq(db_expiring_hashes(db), expiring());
    }
    cr_assert_gt(expiring(), 0);
    keyspace_cron(keyspace, clock_wall_ms() + 10);
    cr_assert_eq(keyspace->stats.expired_fields, 0);
    keyspace_cron(keyspace, clock_wall_ms() + 200000);
    cr_assert_eq(db_expiring_hashes(db), 0);
    cr_assert_eq(expiring(), 0);
    cr_assert_gt(keyspace->stats.expired_fields, 0);
}

Test(expire_fields, flushing_empties_the_index)
{
    for (int i = 0; i < 200; i++)
        operate();
    keyspace_flush(keyspace, -1, false);
    cr_assert_eq(db_expiring_hashes(db), 0);
}
