/* See tracking.h. */
#include "pubsub/tracking.h"

#include "base/assert.h"
#include "base/background.h"
#include "base/hash.h"
#include "base/memory.h"
#include "client/client_table.h"
#include <stdlib.h>
#include <string.h>

enum {
    LIMIT_EFFORT = 100,
    BACKGROUND_KEYS_MIN = 1000 /* larger tables are freed by the worker */
};

/* Who may have the key cached: ids in ascending order. */
struct tracked_key {
    uint64_t hash;
    uint64_t *ids;
    uint32_t count;
    uint32_t capacity;
    size_t size;
    char name[];
};

/* A key that changed since the last broadcast. */
struct changed_key {
    uint64_t hash;
    uint64_t by; /* id of the client that did it; 0: nobody */
    size_t size;
    char name[];
};

struct tracked_prefix {
    struct tracked_prefix *next;
    struct client **clients;
    uint32_t count;
    uint32_t capacity;
    struct dict changed; /* struct changed_key */
    size_t size;
    char name[];
};

/* Of a client that tracks. */
struct tracking_of_client {
    struct bytes *names; /* of its prefixes; each points into the tracked_prefix */
    int count;
};

/* -- tables -- */

static struct bytes key_name(const struct tracked_key *key)
{
    return bytes_of(key->name, key->size);
}

static uint64_t key_hash(const void *entry)
{
    return ((const struct tracked_key *)entry)->hash;
}

static bool key_matches(const void *entry, struct bytes name)
{
    return bytes_equal(key_name(entry), name);
}

static void key_free(void *entry)
{
    mem_free(((struct tracked_key *)entry)->ids);
    mem_free(entry);
}

static struct bytes changed_name(const struct changed_key *key)
{
    return bytes_of(key->name, key->size);
}

static uint64_t changed_hash(const void *entry)
{
    return ((const struct changed_key *)entry)->hash;
}

static bool changed_matches(const void *entry, struct bytes name)
{
    return bytes_equal(changed_name(entry), name);
}

static const struct dict_type key_type = {key_hash, key_matches, key_free};
static const struct dict_type changed_type = {changed_hash, changed_matches, mem_free};

void tracking_init(struct tracking *tracking, struct push_queue *push, struct client_table *clients)
{
    *tracking = (struct tracking){.push = push, .clients = clients};
    dict_init(&tracking->keys, &key_type);
}

static void drop_own(struct tracking *tracking)
{
    for (uint32_t i = 0; i < tracking->own_count; i++)
        shared_bytes_release(tracking->own[i]);
    tracking->own_count = 0;
    tracking->is_flush_pending = false;
}

void tracking_deinit(struct tracking *tracking)
{
    assert(!tracking->prefixes);
    drop_own(tracking);
    mem_free(tracking->own);
    dict_deinit(&tracking->keys);
}

/* -- prefixes -- */

static struct bytes prefix_name(const struct tracked_prefix *prefix)
{
    return bytes_of(prefix->name, prefix->size);
}

static bool begins_with(struct bytes text, struct bytes prefix)
{
    return text.size >= prefix.size &&
           (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
}

static struct tracked_prefix *find_prefix(const struct tracking *tracking, struct bytes name)
{
    struct tracked_prefix *prefix = tracking->prefixes;
    while (prefix && !bytes_equal(prefix_name(prefix), name))
        prefix = prefix->next;
    return prefix;
}

static struct tracked_prefix *create_prefix(struct tracking *tracking, struct bytes name)
{
    struct tracked_prefix *prefix = mem_calloc(1, sizeof(*prefix) + name.size);
    prefix->size = name.size;
    if (name.size)
        memcpy(prefix->name, name.data, name.size);
    dict_init(&prefix->changed, &changed_type);
    struct tracked_prefix **at = &tracking->prefixes; /* told in the order of their names */
    while (*at && bytes_compare(prefix_name(*at), name) < 0)
        at = &(*at)->next;
    prefix->next = *at;
    *at = prefix;
    tracking->prefix_count++;
    return prefix;
}

static void destroy_prefix(struct tracking *tracking, struct tracked_prefix *prefix)
{
    struct tracked_prefix **at = &tracking->prefixes;
    while (*at != prefix)
        at = &(*at)->next;
    *at = prefix->next;
    tracking->prefix_count--;
    dict_deinit(&prefix->changed);
    mem_free(prefix->clients);
    mem_free(prefix);
}

static bool has_prefix(const struct tracking_of_client *own, struct bytes name)
{
    for (int i = 0; i < own->count; i++)
        if (bytes_equal(own->names[i], name))
            return true;
    return false;
}

static void add_prefix(struct tracking *tracking, struct client *client, struct bytes name)
{
    struct tracking_of_client *own = client->tracking;
    if (has_prefix(own, name))
        return;
    struct tracked_prefix *prefix = find_prefix(tracking, name);
    if (!prefix)
        prefix = create_prefix(tracking, name);
    if (prefix->count == prefix->capacity) {
        prefix->capacity = prefix->capacity ? prefix->capacity * 2 : 2;
        prefix->clients = mem_realloc(prefix->clients, prefix->capacity * sizeof(struct client *));
    }
    prefix->clients[prefix->count++] = client;
    own->names = mem_realloc(own->names, (size_t)(own->count + 1) * sizeof(struct bytes));
    int at = own->count++;
    for (; at > 0 && bytes_compare(own->names[at - 1], name) > 0; at--)
        own->names[at] = own->names[at - 1];
    own->names[at] = prefix_name(prefix);
}

static void leave_prefix(struct tracking *tracking, const struct client *client, struct bytes name)
{
    struct tracked_prefix *prefix = find_prefix(tracking, name);
    assert(prefix);
    uint32_t i = 0;
    while (i < prefix->count && prefix->clients[i] != client)
        i++;
    assert(i < prefix->count);
    for (prefix->count--; i < prefix->count; i++)
        prefix->clients[i] = prefix->clients[i + 1];
    if (prefix->count == 0)
        destroy_prefix(tracking, prefix);
}

static bool overlap(struct bytes a, struct bytes b)
{
    return begins_with(a, b) || begins_with(b, a);
}

bool tracking_prefixes_overlap(const struct client *client, const struct bytes *prefixes, int count,
                               struct bytes *one, struct bytes *other, bool *is_existing)
{
    const struct tracking_of_client *own = client->tracking;
    for (int i = 0; i < count; i++) {
        *one = prefixes[i];
        *is_existing = true;
        for (int j = 0; own && j < own->count; j++)
            if (overlap(prefixes[i], own->names[j])) {
                *other = own->names[j];
                return true;
            }
        *is_existing = false;
        for (int j = i + 1; j < count; j++)
            if (overlap(prefixes[i], prefixes[j])) {
                *other = prefixes[j];
                return true;
            }
    }
    return false;
}

int tracking_prefixes(const struct client *client, const struct bytes **prefixes)
{
    const struct tracking_of_client *own = client->tracking;
    *prefixes = own ? own->names : NULL;
    return own ? own->count : 0;
}

/* -- on and off -- */

void tracking_enable(struct tracking *tracking, struct client *client, uint64_t redirect,
                     unsigned flags, const struct bytes *prefixes, int prefix_count)
{
    if (!(client->flags & CLIENT_TRACKING_ON)) {
        tracking->count++;
        client->tracking = mem_calloc(1, sizeof(struct tracking_of_client));
    }
    client->flags |= CLIENT_TRACKING_ON;
    client->tracking_flags = (uint8_t)((client->tracking_flags & TRACKING_CACHING) | flags);
    client->tracking_redirect = redirect;
    if (!(flags & TRACKING_BCAST))
        return;
    if (prefix_count == 0)
        add_prefix(tracking, client, BYTES_LITERAL(""));
    for (int i = 0; i < prefix_count; i++)
        add_prefix(tracking, client, prefixes[i]);
}

void tracking_disable(struct tracking *tracking, struct client *client)
{
    if (!(client->flags & CLIENT_TRACKING_ON))
        return;
    struct tracking_of_client *own = client->tracking;
    for (int i = 0; i < own->count; i++)
        leave_prefix(tracking, client, own->names[i]);
    mem_free(own->names);
    mem_free(own);
    client->tracking = NULL;
    client->flags &= ~(uint32_t)CLIENT_TRACKING_ON;
    client->tracking_flags = 0;
    client->tracking_redirect = 0;
    tracking->count--;
    if (tracking->push->running == client)
        drop_own(tracking);
}

/* -- remembering -- */

/* Where the id is, or belongs. */
static uint32_t find_id(const struct tracked_key *key, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = key->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (key->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void tracking_remember(struct tracking *tracking, const struct client *client, struct bytes name)
{
    uint64_t hash = hash_bytes(name.data, name.size);
    struct tracked_key *key = dict_find(&tracking->keys, hash, name);
    if (!key) {
        key = mem_calloc(1, sizeof(*key) + name.size);
        key->hash = hash;
        key->size = name.size;
        if (name.size)
            memcpy(key->name, name.data, name.size);
        dict_add(&tracking->keys, hash, key);
    }
    uint32_t at = find_id(key, client->id);
    if (at < key->count && key->ids[at] == client->id)
        return;
    if (key->count == key->capacity) {
        key->capacity = key->capacity ? key->capacity * 2 : 1;
        key->ids = mem_realloc(key->ids, key->capacity * sizeof(*key->ids));
    }
    memmove(key->ids + at + 1, key->ids + at, (key->count - at) * sizeof(*key->ids));
    key->ids[at] = client->id;
    key->count++;
    tracking->items++;
}

/* -- telling -- */

/* The client that is to be told in place of `client`; NULL when it is gone. */
static struct client *follow_redirect(struct tracking *tracking, struct client *client)
{
    entering_main();
    struct client *target = client_table_find(tracking->clients, client->tracking_redirect);
    if (target && !(target->flags & CLIENT_CLOSING))
        return target;
    client->tracking_flags |= TRACKING_BROKEN_REDIRECT;
    struct reply *reply = client->protocol == 3 ? push_begin(tracking->push, client) : NULL;
    if (reply) {
        reply_push(reply, 2);
        reply_bulk_text(reply, "tracking-redir-broken");
        reply_integer(reply, (int64_t)client->tracking_redirect);
        push_end(tracking->push, client, reply);
    }
    return NULL;
}

/* Writes the head of an invalidation for `client` into the reply that is returned; the list of keys
 * follows, then push_end. NULL when nobody can be told. */
static struct reply *begin_invalidation(struct tracking *tracking, struct client *client,
                                        struct client **receiver)
{
    *receiver = client;
    if (client->tracking_redirect) {
        *receiver = follow_redirect(tracking, client);
        if (!*receiver)
            return NULL;
    }
    bool is_redirected = client->tracking_redirect != 0;
    bool is_push = (*receiver)->protocol == 3;
    if (!is_push && !(is_redirected && (*receiver)->flags & CLIENT_PUBSUB))
        return NULL; /* RESP2 has no way to tell it */
    struct reply *reply = push_begin(tracking->push, *receiver);
    if (!reply)
        return NULL;
    if (is_push) {
        reply_push(reply, 2);
        reply_bulk_text(reply, "invalidate");
    } else {
        reply_array(reply, 3);
        reply_bulk_text(reply, "message");
        reply_bulk_text(reply, "__redis__:invalidate");
    }
    return reply;
}

static void tell_key(struct tracking *tracking, struct client *client, struct bytes key)
{
    struct client *receiver;
    struct reply *reply = begin_invalidation(tracking, client, &receiver);
    if (!reply)
        return;
    reply_array(reply, 1);
    reply_bulk_bytes(reply, key);
    push_end(tracking->push, receiver, reply);
}

static void tell_flush(struct tracking *tracking, struct client *client)
{
    struct client *receiver;
    struct reply *reply = begin_invalidation(tracking, client, &receiver);
    if (!reply)
        return;
    reply_null(reply);
    push_end(tracking->push, receiver, reply);
}

/* The running client hears of it when its command is answered. */
static void put_aside(struct tracking *tracking, struct bytes key)
{
    if (tracking->own_count == tracking->own_capacity) {
        tracking->own_capacity = tracking->own_capacity ? tracking->own_capacity * 2 : 8;
        tracking->own =
            mem_realloc(tracking->own, tracking->own_capacity * sizeof(struct shared_bytes *));
    }
    tracking->own[tracking->own_count++] = shared_bytes_create(key.data, key.size);
}

void tracking_tell_running(struct tracking *tracking)
{
    struct client *client = tracking->push->running;
    if (client && client->flags & CLIENT_TRACKING_ON) {
        for (uint32_t i = 0; i < tracking->own_count; i++)
            tell_key(tracking, client, shared_bytes_view(tracking->own[i]));
        if (tracking->is_flush_pending)
            tell_flush(tracking, client);
    }
    drop_own(tracking);
}

static void tell_reader(struct tracking *tracking, uint64_t id, struct bytes name)
{
    entering_main();
    struct client *client = client_table_find(tracking->clients, id);
    bool is_interested =
        client && client->flags & CLIENT_TRACKING_ON && !(client->tracking_flags & TRACKING_BCAST);
    if (!is_interested)
        return;
    bool is_running = client == tracking->push->running;
    if (is_running && client->tracking_flags & TRACKING_NOLOOP)
        return;
    if (is_running)
        put_aside(tracking, name);
    else
        tell_key(tracking, client, name);
}

/* Takes the key out of the table and tells its readers. */
static void forget(struct tracking *tracking, struct tracked_key *key)
{
    dict_remove(&tracking->keys, key->hash, key_name(key));
    tracking->items -= key->count;
    for (uint32_t i = 0; i < key->count; i++)
        tell_reader(tracking, key->ids[i], key_name(key));
    key_free(key);
}

/* -- changes -- */

static void note_changed(struct tracked_prefix *prefix, struct bytes name, uint64_t hash,
                         uint64_t by)
{
    struct changed_key *key = dict_find(&prefix->changed, hash, name);
    if (!key) {
        key = mem_alloc(sizeof(*key) + name.size);
        *key = (struct changed_key){.hash = hash, .size = name.size};
        if (name.size)
            memcpy(key->name, name.data, name.size);
        dict_add(&prefix->changed, hash, key);
    }
    key->by = by;
}

void tracking_invalidate(struct tracking *tracking, struct bytes name, bool by_client)
{
    uint64_t hash = hash_bytes(name.data, name.size);
    const struct client *running = tracking->push->running;
    uint64_t by = by_client && running ? running->id : 0;
    for (struct tracked_prefix *prefix = tracking->prefixes; prefix; prefix = prefix->next)
        if (begins_with(name, prefix_name(prefix))) {
            note_changed(prefix, name, hash, by);
            tracking->has_changes = true;
        }
    struct tracked_key *key = dict_find(&tracking->keys, hash, name);
    if (key)
        forget(tracking, key);
}

/* On the worker: the table is nobody else's. */
static void work_free_keys(void *argument)
{
    dict_deinit(argument);
}

static void forget_all(struct tracking *tracking)
{
    tracking->items = 0;
    if (!tracking->background || dict_count(&tracking->keys) < BACKGROUND_KEYS_MIN) {
        dict_clear(&tracking->keys);
        return;
    }
    struct dict *keys = mem_dup(&tracking->keys, sizeof(*keys));
    dict_init(&tracking->keys, &key_type);
    background_submit(tracking->background, BACKGROUND_FREE, work_free_keys, mem_free, keys);
}

void tracking_flush(struct tracking *tracking)
{
    if (tracking->count)
        for (struct client *client = tracking->clients->first; client; client = client->next) {
            if (!(client->flags & CLIENT_TRACKING_ON))
                continue;
            if (client == tracking->push->running)
                tracking->is_flush_pending = true;
            else
                tell_flush(tracking, client);
        }
    forget_all(tracking);
}

void tracking_limit(struct tracking *tracking, uint64_t keys_max)
{
    if (keys_max == 0)
        return;
    unsigned effort = LIMIT_EFFORT * (tracking->limit_rounds + 1);
    while (dict_count(&tracking->keys) > keys_max) {
        if (effort-- == 0) {
            tracking->limit_rounds++;
            return;
        }
        forget(tracking, dict_random(&tracking->keys));
    }
    tracking->limit_rounds = 0;
}

/* -- broadcasting -- */

struct changes {
    const struct changed_key **keys;
    size_t count;
};

static void collect(void *context, void *entry)
{
    struct changes *changes = context;
    changes->keys[changes->count++] = entry;
}

static int compare_changed(const void *a, const void *b)
{
    const struct changed_key *const *first = a;
    const struct changed_key *const *second = b;
    return bytes_compare(changed_name(*first), changed_name(*second));
}

static bool is_told(const struct client *client, const struct changed_key *key)
{
    return !(client->tracking_flags & TRACKING_NOLOOP) || key->by != client->id;
}

static void tell_changes(struct tracking *tracking, struct client *client,
                         const struct changes *changes)
{
    int64_t count = 0;
    for (size_t i = 0; i < changes->count; i++)
        count += is_told(client, changes->keys[i]);
    if (count == 0)
        return;
    struct client *receiver;
    struct reply *reply = begin_invalidation(tracking, client, &receiver);
    if (!reply)
        return;
    reply_array(reply, count);
    for (size_t i = 0; i < changes->count; i++)
        if (is_told(client, changes->keys[i]))
            reply_bulk_bytes(reply, changed_name(changes->keys[i]));
    push_end(tracking->push, receiver, reply);
}

static void broadcast_prefix(struct tracking *tracking, struct tracked_prefix *prefix)
{
    size_t count = dict_count(&prefix->changed);
    if (count == 0)
        return;
    struct changes changes = {.keys = mem_alloc(count * sizeof(struct changed_key *))};
    dict_each(&prefix->changed, collect, &changes);
    qsort(changes.keys, changes.count, sizeof(changes.keys[0]), compare_changed);
    for (uint32_t i = 0; i < prefix->count; i++)
        tell_changes(tracking, prefix->clients[i], &changes);
    mem_free(changes.keys);
    dict_clear(&prefix->changed);
}

void tracking_broadcast(struct tracking *tracking)
{
    if (!tracking->has_changes)
        return;
    tracking->has_changes = false;
    for (struct tracked_prefix *prefix = tracking->prefixes; prefix; prefix = prefix->next)
        broadcast_prefix(tracking, prefix);
}

/* -- checking -- */

static void check_key(void *context, void *entry)
{
    const struct tracked_key *key = entry;
    uint64_t *items = context;
    assert(key->count > 0);
    for (uint32_t i = 1; i < key->count; i++)
        assert(key->ids[i - 1] < key->ids[i]);
    *items += key->count;
}

void tracking_check(struct tracking *tracking)
{
    uint64_t items = 0;
    dict_check(&tracking->keys);
    dict_each(&tracking->keys, check_key, &items);
    assert(items == tracking->items);
    uint64_t prefixes = 0;
    for (struct tracked_prefix *prefix = tracking->prefixes; prefix; prefix = prefix->next) {
        assert(prefix->count > 0);
        prefixes++;
    }
    assert(prefixes == tracking->prefix_count);
}
