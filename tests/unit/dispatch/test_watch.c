/* Watched keys against a model: random WATCH, UNWATCH, changes, flushes, swaps, and keys that
 * expire. */
#include "dispatch/watch.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/thread_role.h"
#include "keyspace/keyspace.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 6, DBS = 3, KEYS = 5, STEPS = 20000 };

static struct keyspace_settings settings;
static struct keyspace *keyspace;
static struct watch_table *table;
static struct client *clients[CLIENTS];

/* The model. */
static bool watched[CLIENTS][DBS][KEYS];
static bool is_dirty[CLIENTS];
static bool exists[DBS][KEYS];

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    hash_init_with((const uint8_t[16]){5});
    clock_update();
    keyspace_settings_init(&settings);
    keyspace = keyspace_create(&settings, NULL);
    table = watch_table_create(keyspace);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = client_create_internal();
}

static void tear_down(void)
{
    for (int i = 0; i < CLIENTS; i++) {
        watch_remove_all(table, clients[i]);
        client_destroy(NULL, clients[i]);
    }
    watch_table_destroy(table);
    keyspace_destroy(keyspace);
}

TestSuite(watch, .init = set_up, .fini = tear_down);

static struct key name_of(int key)
{
    static const char *const names[KEYS] = {"a", "b", "", "a longer name of a key", "c"};
    return key_of(bytes_of_text(names[key]));
}

static void forget(int client)
{
    memset(watched[client], 0, sizeof(watched[client]));
}

static void dirty_those_who_watch(int db, int key)
{
    for (int i = 0; i < CLIENTS; i++)
        if (watched[i][db][key]) {
            is_dirty[i] = true;
            forget(i);
        }
}

static void change(int db, int key)
{
    struct db *at = keyspace_db(keyspace, db);
    exists[db][key] = rand() % 2;
    if (exists[db][key])
        db_set_string(at, name_of(key), BYTES_LITERAL("v"), 0);
    else
        (void)db_delete(at, name_of(key));
    db_signal(at, name_of(key).name);
    dirty_those_who_watch(db, key);
}

static void flush(int db)
{
    for (int key = 0; key < KEYS; key++) {
        if (exists[db][key])
            dirty_those_who_watch(db, key);
        exists[db][key] = false;
    }
    keyspace_flush(keyspace, db, false);
}

static void swap(int a, int b)
{
    if (a == b)
        return;
    keyspace_swap(keyspace, a, b);
    for (int key = 0; key < KEYS; key++) {
        bool before = exists[a][key];
        if (before || exists[b][key]) {
            dirty_those_who_watch(a, key);
            dirty_those_who_watch(b, key);
        }
        exists[a][key] = exists[b][key];
        exists[b][key] = before;
    }
}

static void compare(void)
{
    uint64_t watching = 0;
    uint64_t keys = 0;
    for (int i = 0; i < CLIENTS; i++) {
        uint32_t count = 0;
        for (int db = 0; db < DBS; db++)
            for (int key = 0; key < KEYS; key++)
                count += watched[i][db][key];
        cr_assert_eq(clients[i]->watched_count, count);
        cr_assert_eq((clients[i]->flags & CLIENT_DIRTY_CAS) != 0, is_dirty[i]);
        watching += count > 0;
    }
    for (int db = 0; db < DBS; db++)
        for (int key = 0; key < KEYS; key++) {
            bool is_watched = false;
            for (int i = 0; i < CLIENTS; i++)
                is_watched |= watched[i][db][key];
            keys += is_watched;
        }
    struct watch_counts counts = watch_count(table);
    cr_assert_eq(counts.clients, watching);
    cr_assert_eq(counts.keys, keys);
    cr_assert_eq(keyspace->observer.interest != 0, keys > 0);
}

Test(watch, agrees_with_a_model)
{
    srand(7);
    for (int step = 0; step < STEPS; step++) {
        int client = rand() % CLIENTS;
        int db = rand() % DBS;
        int key = rand() % KEYS;
        int what = rand() % 20;
        if (what < 12) {
            if (is_dirty[client])
                continue; /* WATCH does not ask for more then */
            watch_add(table, clients[client], keyspace_db(keyspace, db), name_of(key));
            watched[client][db][key] = true;
        } else if (what < 14) {
            watch_remove_all(table, clients[client]);
            clients[client]->flags &= ~(uint32_t)CLIENT_DIRTY_CAS;
            is_dirty[client] = false;
            forget(client);
        } else if (what < 18) {
            change(db, key);
        } else if (what == 18) {
            flush(db);
        } else {
            swap(db, rand() % DBS);
        }
        compare();
    }
}

static void put_with_expiry(struct db *db, struct key key, int64_t from_now_ms)
{
    struct entry *entry = db_set_string(db, key, BYTES_LITERAL("v"), 0);
    db_set_expiry(db, key, entry, clock_wall_ms() + from_now_ms);
}

Test(watch, a_key_that_had_expired_may_go)
{
    struct db *db = keyspace_db(keyspace, 0);
    put_with_expiry(db, name_of(0), -1000);
    watch_add(table, clients[0], db, name_of(0));
    cr_assert_not(watch_has_expired(clients[0]));
    cr_assert_null(db_peek(db, name_of(0)));
    cr_assert_not(clients[0]->flags & CLIENT_DIRTY_CAS);
    db_set_string(db, name_of(0), BYTES_LITERAL("v"), 0);
    db_signal(db, name_of(0).name);
    cr_assert(clients[0]->flags & CLIENT_DIRTY_CAS);
}

Test(watch, a_key_that_expires_meanwhile_is_a_change)
{
    struct db *db = keyspace_db(keyspace, 0);
    put_with_expiry(db, name_of(0), 1);
    put_with_expiry(db, name_of(1), 100000);
    watch_add(table, clients[0], db, name_of(0));
    watch_add(table, clients[0], db, name_of(1));
    watch_add(table, clients[1], db, name_of(1));
    cr_assert_not(watch_has_expired(clients[0]));
    int64_t start_ms = clock_wall_ms();
    while (clock_wall_ms() < start_ms + 3)
        clock_update();
    cr_assert(watch_has_expired(clients[0]));
    cr_assert_not(watch_has_expired(clients[1]));
}
