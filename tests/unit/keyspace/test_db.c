/* A database against a trivial model: random operations on few keys. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/thread_role.h"
#include "keyspace/keyspace.h"
#include <criterion/criterion.h>
#include <stdio.h>

enum { KEYS = 400, VALUE_MAX = 12000 };

struct model_key {
    bool exists;
    int64_t expiry;
    size_t size;
    char *value; /* VALUE_MAX */
};

static struct keyspace_settings settings;
static struct keyspace *keyspace;
static struct db *db;
static struct model_key model[KEYS];

static void setup(void)
{
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    hash_init_with((const uint8_t[16]){5});
    clock_update();
    random_seed(99);
    keyspace_settings_init(&settings);
    keyspace = keyspace_create(&settings, NULL);
    db = keyspace_db(keyspace, 0);
    for (int i = 0; i < KEYS; i++)
        model[i].value = mem_alloc(VALUE_MAX);
}

static void teardown(void)
{
    keyspace_destroy(keyspace);
    for (int i = 0; i < KEYS; i++)
        mem_free(model[i].value);
}

TestSuite(db, .init = setup, .fini = teardown);

static struct key name_of(int i, char name[32])
{
    /* Sizes differ, so that all layouts occur. */
    int size = snprintf(name, 32, "%d:%.*s", i, i % 20, "aaaaaaaaaaaaaaaaaaaaaaaa");
    return key_of(bytes_of(name, (size_t)size));
}

static void expect_key(int i)
{
    char name[32];
    char scratch[NUMBER_I64_TEXT_MAX];
    const struct entry *entry = db_peek(db, name_of(i, name));
    cr_assert_eq(entry != NULL, model[i].exists);
    if (!entry)
        return;
    cr_assert_eq(entry_expiry(entry), model[i].expiry);
    cr_assert(bytes_equal(entry_string(entry, scratch), bytes_of(model[i].value, model[i].size)));
}

static size_t random_size(void)
{
    static const size_t limits[] = {3, 10, 50, 100, 500, 2500, 9000};
    return random_below(limits[random_below(7)] + 1);
}

static void set_random(int i)
{
    struct model_key *key = &model[i];
    char name[32];
    bool keeps = random_below(2) && key->exists;
    bool digits = random_below(4) == 0;
    key->size = digits ? random_below(15) + 1 : random_size();
    memset(key->value, digits ? '7' : 'a' + (int)random_below(26), key->size);
    unsigned flags = keeps ? DB_SET_KEEP_TTL : 0;
    if (random_below(3) == 0)
        db_set_shared(db, name_of(i, name), shared_bytes_create(key->value, key->size), flags);
    else
        db_set_string(db, name_of(i, name), bytes_of(key->value, key->size), flags);
    if (!keeps)
        key->expiry = ENTRY_NO_EXPIRY;
    key->exists = true;
}

static void write_random(int i)
{
    struct model_key *key = &model[i];
    char name[32];
    char *data;
    size_t old = key->exists ? key->size : 0;
    size_t size = random_below(2) ? old + random_below(40) : random_size();
    if (size > VALUE_MAX)
        size = VALUE_MAX;
    struct entry *entry = db_string_writable(db, name_of(i, name), size, &data);
    cr_assert_not_null(entry);
    cr_assert_eq(entry->encoding, ENCODING_RAW);
    if (size > old) {
        memset(key->value + old, 0, size - old);
        key->size = size;
    } else {
        key->size = old;
    }
    if (key->size) {
        size_t at = random_below(key->size);
        data[at] = key->value[at] = 'W';
    }
    if (!key->exists)
        key->expiry = ENTRY_NO_EXPIRY;
    key->exists = true;
}

static void expire_random(int i)
{
    struct model_key *key = &model[i];
    char name[32];
    if (!key->exists)
        return;
    struct entry *entry = db_peek(db, name_of(i, name));
    key->expiry = random_below(3) == 0 ? ENTRY_NO_EXPIRY
                                       : clock_wall_ms() + 100000 + (int64_t)random_below(5000);
    db_set_expiry(db, name_of(i, name), entry, key->expiry);
}

static void move_random(int i, int j, bool copies)
{
    char from[32];
    char to[32];
    if (i == j || !model[i].exists)
        return;
    db_delete(db, name_of(j, to));
    struct key key = name_of(i, from);
    struct key new_key = name_of(j, to);
    if (copies)
        db_copy(db, key, db, new_key);
    else
        db_move(db, key, db, new_key);
    char *value = model[j].value;
    model[j] = model[i];
    model[j].value = value;
    memcpy(value, model[i].value, model[i].size);
    model[i].exists = copies;
}

static void expect_all(void)
{
    size_t count = 0;
    size_t expiring = 0;
    for (int i = 0; i < KEYS; i++) {
        expect_key(i);
        count += model[i].exists;
        expiring += model[i].exists && model[i].expiry != ENTRY_NO_EXPIRY;
    }
    cr_assert_eq(db_count(db), count);
    cr_assert_eq(db_expiring_count(db), expiring);
    dict_check(&db->keys);
    expiry_index_check(&db->expiry);
}

Test(db, model)
{
    for (int step = 0; step < 40000; step++) {
        int i = (int)random_below(KEYS);
        char name[32];
        switch (random_below(8)) {
        case 0:
        case 1:
            set_random(i);
            break;
        case 2:
            write_random(i);
            break;
        case 3:
            expire_random(i);
            break;
        case 4:
            move_random(i, (int)random_below(KEYS), false);
            break;
        case 5:
            move_random(i, (int)random_below(KEYS), true);
            break;
        case 6:
            cr_assert_eq(db_delete(db, name_of(i, name)), model[i].exists);
            model[i].exists = false;
            break;
        default:
            expect_key(i);
        }
        if (step % 2000 == 0)
            expect_all();
    }
    expect_all();
}

Test(db, appending_is_amortized)
{
    struct key key = key_of(BYTES_LITERAL("k"));
    unsigned moves = 0;
    char *before = NULL;
    for (size_t size = 1; size <= 1000000; size += 10) {
        char *data;
        db_string_writable(db, key, size, &data);
        moves += data != before;
        before = data;
    }
    cr_assert_lt(moves, 60);
}

/* Behind a long key an allocation has more room than the size of an embedded string can tell. */
Test(db, string_grows_behind_a_long_key)
{
    enum { NAME_SIZE = 1050000, SIZE = 70000 };
    char scratch[NUMBER_I64_TEXT_MAX];
    char *name = mem_alloc(NAME_SIZE);
    memset(name, 'k', NAME_SIZE);
    struct key key = key_of(bytes_of(name, NAME_SIZE));
    db_set_string(db, key, BYTES_LITERAL("short string"), 0);
    char *data;
    struct entry *entry = db_string_writable(db, key, SIZE, &data);
    data[SIZE - 1] = 'e';
    struct bytes string = entry_string(entry, scratch);
    cr_assert_eq(string.size, SIZE);
    cr_assert_eq(string.data, data);
    cr_assert_eq(memcmp(string.data, "short string", 12), 0);
    mem_free(name);
}

Test(db, memory_goals)
{
    enum { COUNT = 200000 };
    static const struct {
        size_t value_size;
        bool is_integer;
        bool expires;
        unsigned goal;
    } shapes[] = {{8, false, false, 68},
                  {64, false, false, 130},
                  {64, false, true, 142},
                  {0, true, false, 54}};
    char value[64];
    memset(value, 'v', sizeof(value));
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        size_t before = mem_used();
        struct keyspace *fresh = keyspace_create(&settings, NULL);
        struct db *big = keyspace_db(fresh, 0);
        for (int i = 0; i < COUNT; i++) {
            char name[32];
            struct key key =
                key_of(bytes_of(name, (size_t)snprintf(name, sizeof(name), "key:%012d", i)));
            struct entry *entry =
                shapes[s].is_integer
                    ? db_set_integer(big, key, i, 0)
                    : db_set_string(big, key, bytes_of(value, shapes[s].value_size), 0);
            if (shapes[s].expires)
                db_set_expiry(big, key, entry, clock_wall_ms() + (int64_t)random_below(3600000));
        }
        while (dict_rehash(&big->keys, 1000))
            ;
#ifdef USE_JEMALLOC
        cr_assert_leq((mem_used() - before) / COUNT, shapes[s].goal);
#else
        (void)before;
#endif
        keyspace_destroy(fresh);
    }
}
