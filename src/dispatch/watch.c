/* See watch.h. A watched key has the list of those who watch it, a client the list of what it
 * watches; a watcher stands in both. Clients that are to be told are collected before any list is
 * changed. */
#include "dispatch/watch.h"

#include "base/assert.h"
#include "base/memory.h"
#include "keyspace/keyspace.h"
#include <stddef.h>
#include <string.h>

struct watched_key {
    uint64_t hash;
    struct watcher *first;
    uint32_t count;
    uint32_t size;
    char name[];
};

struct watcher {
    struct watching *of;
    struct watched_key *key;
    struct db *db;
    bool was_expired; /* its time had come before WATCH: that it goes is no change */
    struct watcher *next;
    struct watcher *previous;
    struct watcher *next_of_client;
};

/* Of a client that watches. */
struct watching {
    struct client *client;
    struct watcher *first;
    struct watching *next_told; /* while it is being collected */
};

struct watch_table {
    struct key_listener listener; /* first: the callback finds the table by it */
    struct keyspace *keyspace;
    struct dict *keys; /* of struct watched_key, one a database */
    uint64_t key_count;
    uint64_t client_count;
};

static uint64_t hash_of_watched(const void *key)
{
    return ((const struct watched_key *)key)->hash;
}

static struct bytes name_of(const struct watched_key *key)
{
    return bytes_of(key->name, key->size);
}

static bool watched_matches(const void *key, struct bytes name)
{
    return bytes_equal(name_of(key), name);
}

static const struct dict_type watched_type = {hash_of_watched, watched_matches, mem_free};

/* -- telling -- */

static void collect(struct watching **told, struct watcher *watcher)
{
    struct client *client = watcher->of->client;
    if (client->flags & CLIENT_DIRTY_CAS)
        return;
    client->flags |= CLIENT_DIRTY_CAS;
    watcher->of->next_told = *told;
    *told = watcher->of;
}

static void settle_told(struct watch_table *table, struct watching *told)
{
    while (told) {
        struct watching *next = told->next_told;
        watch_remove_all(table, told->client);
        told = next;
    }
}

static void on_changed(struct watch_table *table, const struct key_event *event)
{
    struct key key = key_of(event->key);
    struct watched_key *watched = dict_find(&table->keys[event->db->index], key.hash, key.name);
    if (!watched)
        return;
    struct watching *told = NULL;
    for (struct watcher *watcher = watched->first; watcher; watcher = watcher->next) {
        if (watcher->was_expired && !db_look(event->db, key))
            watcher->was_expired = false; /* an expired key was removed: no change */
        else
            collect(&told, watcher);
    }
    settle_told(table, told);
}

struct emptied {
    struct watching *told;
    const struct db *before; /* the contents until now */
    const struct db *after;  /* those from now on; NULL: none */
};

/* All keys of a database go, or it gets the contents of another. */
static void look_at_emptied(void *context, void *opaque)
{
    struct emptied *emptied = context;
    struct watched_key *watched = opaque;
    struct key key = {name_of(watched), watched->hash};
    const struct entry *before = db_look(emptied->before, key);
    const struct entry *after = emptied->after ? db_look(emptied->after, key) : NULL;
    if (!before && !after)
        return;
    bool is_expired = after && db_entry_is_expired(emptied->after, after);
    for (struct watcher *watcher = watched->first; watcher; watcher = watcher->next) {
        if (watcher->was_expired && !after)
            watcher->was_expired = false;
        else if (is_expired && (watcher->was_expired || !before))
            watcher->was_expired = true; /* nothing there, before and after */
        else
            collect(&emptied->told, watcher);
    }
}

static void on_emptied(struct watch_table *table, int index, const struct db *before,
                       const struct db *after)
{
    struct emptied emptied = {.before = before, .after = after};
    dict_each(&table->keys[index], look_at_emptied, &emptied);
    settle_told(table, emptied.told);
}

static void on_event(struct key_listener *listener, const struct key_event *event)
{
    struct watch_table *table = (struct watch_table *)listener;
    if (event->kinds & KEY_CHANGED)
        on_changed(table, event);
    if (event->kinds & KEY_FLUSHED) {
        for (int i = 0; i < table->keyspace->count; i++) {
            struct db *db = keyspace_db(table->keyspace, i);
            if (!event->db || event->db == db)
                on_emptied(table, i, db, NULL);
        }
    }
    if (event->kinds & KEY_SWAPPED) { /* told after it */
        on_emptied(table, event->db->index, event->other, event->db);
        on_emptied(table, event->other->index, event->db, event->other);
    }
}

/* -- the table -- */

struct watch_table *watch_table_create(struct keyspace *keyspace)
{
    struct watch_table *table = mem_calloc(1, sizeof(*table));
    table->listener.on_event = on_event;
    table->keyspace = keyspace;
    table->keys = mem_calloc((size_t)keyspace->count, sizeof(*table->keys));
    for (int i = 0; i < keyspace->count; i++)
        dict_init(&table->keys[i], &watched_type);
    keyspace_add_listener(keyspace, &table->listener);
    return table;
}

void watch_table_destroy(struct watch_table *table)
{
    keyspace_remove_listener(table->keyspace, &table->listener);
    assert(table->client_count == 0);
    for (int i = 0; i < table->keyspace->count; i++)
        dict_deinit(&table->keys[i]);
    mem_free(table->keys);
    mem_free(table);
}

static void update_interest(struct watch_table *table)
{
    unsigned kinds = table->key_count ? KEY_CHANGED | KEY_FLUSHED | KEY_SWAPPED : 0;
    keyspace_listen(table->keyspace, &table->listener, kinds);
}

/* Looks in the shorter list of the two. */
static bool watches(const struct client *client, const struct watched_key *watched)
{
    const struct watching *watching = client->watching;
    if (!watching)
        return false;
    if (client->watched_count < watched->count) {
        for (const struct watcher *each = watching->first; each; each = each->next_of_client)
            if (each->key == watched)
                return true;
        return false;
    }
    for (const struct watcher *each = watched->first; each; each = each->next)
        if (each->of == watching)
            return true;
    return false;
}

static struct watched_key *find_or_add_key(struct watch_table *table, int index, struct key key)
{
    struct watched_key *watched = dict_find(&table->keys[index], key.hash, key.name);
    if (watched)
        return watched;
    watched = mem_alloc(sizeof(*watched) + key.name.size);
    *watched = (struct watched_key){.hash = key.hash, .size = (uint32_t)key.name.size};
    if (key.name.size)
        memcpy(watched->name, key.name.data, key.name.size);
    dict_add(&table->keys[index], key.hash, watched);
    table->key_count++;
    return watched;
}

void watch_add(struct watch_table *table, struct client *client, struct db *db, struct key key)
{
    struct watched_key *watched = find_or_add_key(table, db->index, key);
    if (watches(client, watched))
        return;
    if (!client->watching) {
        client->watching = mem_calloc(1, sizeof(*client->watching));
        client->watching->client = client;
        table->client_count++;
    }
    const struct entry *entry = db_look(db, key);
    struct watcher *watcher = mem_alloc(sizeof(*watcher));
    *watcher = (struct watcher){.of = client->watching,
                                .key = watched,
                                .db = db,
                                .was_expired = entry && db_entry_is_expired(db, entry),
                                .next = watched->first,
                                .next_of_client = client->watching->first};
    if (watched->first)
        watched->first->previous = watcher;
    watched->first = watcher;
    watched->count++;
    client->watching->first = watcher;
    client->watched_count++;
    update_interest(table);
}

static void drop_watcher(struct watch_table *table, struct watcher *watcher)
{
    struct watched_key *watched = watcher->key;
    if (watcher->previous)
        watcher->previous->next = watcher->next;
    else
        watched->first = watcher->next;
    if (watcher->next)
        watcher->next->previous = watcher->previous;
    assert(watched->count > 0);
    if (--watched->count == 0) {
        dict_remove(&table->keys[watcher->db->index], watched->hash, name_of(watched));
        mem_free(watched);
        table->key_count--;
    }
    mem_free(watcher);
}

void watch_remove_all(struct watch_table *table, struct client *client)
{
    struct watching *watching = client->watching;
    if (!watching)
        return;
    struct watcher *next;
    for (struct watcher *watcher = watching->first; watcher; watcher = next) {
        next = watcher->next_of_client;
        drop_watcher(table, watcher);
    }
    mem_free(watching);
    client->watching = NULL;
    client->watched_count = 0;
    table->client_count--;
    update_interest(table);
}

bool watch_has_expired(const struct client *client)
{
    if (!client->watching)
        return false;
    for (const struct watcher *each = client->watching->first; each; each = each->next_of_client) {
        struct key key = {name_of(each->key), each->key->hash};
        const struct entry *entry = each->was_expired ? NULL : db_look(each->db, key);
        if (entry && db_entry_is_expired(each->db, entry))
            return true;
    }
    return false;
}

struct watch_counts watch_count(const struct watch_table *table)
{
    return (struct watch_counts){.clients = table->client_count, .keys = table->key_count};
}
