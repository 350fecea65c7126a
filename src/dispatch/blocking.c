/* See blocking.h. A key that is waited for has the list of its waiters, a blocked client an array
 * of them, one a key. Keys live while they have waiters, or stand in the list of those that are
 * ready. While a key's waiters are served its cursor is the next; whoever leaves moves it on, so
 * any of them may go meanwhile. */
#include "dispatch/blocking.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/number.h"
#include "dispatch/execute.h"
#include "io/timer.h"
#include "keyspace/keyspace.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

struct blocked_key {
    uint64_t hash;
    struct db *db;
    struct waiter *first;
    struct waiter *last;
    struct waiter *cursor;
    struct blocked_key *next_ready;
    uint32_t on_nokey; /* waiters that a missing key wakes as well */
    bool is_ready;     /* stands in the list */
    bool is_served;
    uint32_t size;
    char name[];
};

struct waiter {
    struct blocking *of;
    struct blocked_key *key;
    struct waiter *next;
    struct waiter *previous;
    uint64_t ticket; /* rising: who came when */
};

/* Of a blocked client. */
struct blocking {
    struct blocking_table *table;
    struct client *client;
    struct request *request; /* lies in the client's batch */
    struct command *command;
    struct waiter *waiters;
    int waiter_count;
    enum value_type type;
    bool wakes_on_nokey;
    bool has_timer;
    int64_t spent_ns;
    void (*answer_timeout)(struct reply *reply);
    struct timer timer;
};

struct blocking_table {
    struct key_listener listener; /* first: the callback finds the table by it */
    struct executor *executor;
    struct keyspace *keyspace;
    struct dict *keys; /* of struct blocked_key, one a database */
    struct blocked_key *first_ready;
    struct blocked_key *last_ready;
    uint64_t next_ticket;
    struct blocking_counts counts;
};

static uint64_t hash_of_key(const void *key)
{
    return ((const struct blocked_key *)key)->hash;
}

static struct bytes name_of(const struct blocked_key *key)
{
    return bytes_of(key->name, key->size);
}

static bool key_matches(const void *key, struct bytes name)
{
    return bytes_equal(name_of(key), name);
}

static const struct dict_type key_type = {hash_of_key, key_matches, mem_free};

/* -- keys that become ready -- */

static void make_ready(struct blocking_table *table, struct blocked_key *key)
{
    if (key->is_ready)
        return;
    key->is_ready = true;
    key->next_ready = NULL;
    if (table->last_ready)
        table->last_ready->next_ready = key;
    else
        table->first_ready = key;
    table->last_ready = key;
}

struct sweep {
    struct blocking_table *table;
    bool is_flushed;
};

static void look_at_key(void *context, void *opaque)
{
    const struct sweep *sweep = context;
    struct blocked_key *key = opaque;
    bool exists = db_look(key->db, (struct key){name_of(key), key->hash}) != NULL;
    if (key->on_nokey || (exists && !sweep->is_flushed))
        make_ready(sweep->table, key);
}

static void look_at_db(struct blocking_table *table, int index, bool is_flushed)
{
    struct sweep sweep = {table, is_flushed};
    dict_each(&table->keys[index], look_at_key, &sweep);
}

static void on_event(struct key_listener *listener, const struct key_event *event)
{
    struct blocking_table *table = (struct blocking_table *)listener;
    if (event->kinds & (KEY_CREATED | KEY_DELETED)) {
        struct key name = key_of(event->key);
        struct blocked_key *key = dict_find(&table->keys[event->db->index], name.hash, name.name);
        if (key && (event->kinds & KEY_CREATED || key->on_nokey))
            make_ready(table, key);
    }
    if (event->kinds & KEY_FLUSHED)
        for (int i = 0; i < table->keyspace->count; i++)
            if (!event->db || event->db->index == i)
                look_at_db(table, i, true);
    if (event->kinds & KEY_SWAPPED) {
        look_at_db(table, event->db->index, false);
        look_at_db(table, event->other->index, false);
    }
}

static void update_interest(struct blocking_table *table)
{
    unsigned kinds = table->counts.keys ? KEY_CREATED | KEY_SWAPPED : 0;
    if (table->counts.keys_on_nokey)
        kinds |= KEY_DELETED | KEY_FLUSHED;
    keyspace_listen(table->keyspace, &table->listener, kinds);
}

/* -- the table -- */

struct blocking_table *blocking_table_create(struct executor *executor)
{
    struct blocking_table *table = mem_calloc(1, sizeof(*table));
    table->listener.on_event = on_event;
    table->executor = executor;
    table->keyspace = executor->services.keyspace;
    table->keys = mem_calloc((size_t)table->keyspace->count, sizeof(*table->keys));
    for (int i = 0; i < table->keyspace->count; i++)
        dict_init(&table->keys[i], &key_type);
    keyspace_add_listener(table->keyspace, &table->listener);
    return table;
}

void blocking_table_destroy(struct blocking_table *table)
{
    assert(table->counts.clients == 0);
    keyspace_remove_listener(table->keyspace, &table->listener);
    for (int i = 0; i < table->keyspace->count; i++)
        dict_deinit(&table->keys[i]);
    mem_free(table->keys);
    mem_free(table);
}

struct blocking_counts blocking_count(const struct blocking_table *table)
{
    return table->counts;
}

/* -- waiters -- */

static struct blocked_key *find_or_add_key(struct blocking_table *table, struct db *db,
                                           struct key name)
{
    struct blocked_key *key = dict_find(&table->keys[db->index], name.hash, name.name);
    if (key)
        return key;
    key = mem_calloc(1, sizeof(*key) + name.name.size);
    key->hash = name.hash;
    key->db = db;
    key->size = (uint32_t)name.name.size;
    if (key->size)
        memcpy(key->name, name.name.data, key->size);
    dict_add(&table->keys[db->index], key->hash, key);
    table->counts.keys++;
    return key;
}

static void free_key_if_unused(struct blocking_table *table, struct blocked_key *key)
{
    if (key->first || key->is_ready || key->is_served)
        return;
    assert(key->on_nokey == 0);
    dict_remove(&table->keys[key->db->index], key->hash, name_of(key));
    mem_free(key);
    table->counts.keys--;
    update_interest(table);
}

static void add_waiter(struct blocking *blocking, struct blocked_key *key)
{
    struct blocking_table *table = blocking->table;
    if (key->last && key->last->of == blocking)
        return; /* the key was named twice */
    struct waiter *waiter = &blocking->waiters[blocking->waiter_count++];
    *waiter = (struct waiter){
        .of = blocking, .key = key, .previous = key->last, .ticket = table->next_ticket++};
    if (key->last)
        key->last->next = waiter;
    else
        key->first = waiter;
    key->last = waiter;
    if (blocking->wakes_on_nokey && key->on_nokey++ == 0)
        table->counts.keys_on_nokey++;
}

static void remove_waiter(struct blocking_table *table, struct waiter *waiter)
{
    struct blocked_key *key = waiter->key;
    if (key->cursor == waiter)
        key->cursor = waiter->next;
    if (waiter->previous)
        waiter->previous->next = waiter->next;
    else
        key->first = waiter->next;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    else
        key->last = waiter->previous;
    if (waiter->of->wakes_on_nokey && --key->on_nokey == 0)
        table->counts.keys_on_nokey--;
    free_key_if_unused(table, key);
}

void blocking_leave_keys(struct client *client)
{
    struct blocking *blocking = client->blocking;
    for (int i = 0; i < blocking->waiter_count; i++)
        remove_waiter(blocking->table, &blocking->waiters[i]);
    mem_free(blocking->waiters);
    blocking->waiters = NULL;
    blocking->waiter_count = 0;
}

void blocking_end(struct client *client)
{
    struct blocking *blocking = client->blocking;
    struct blocking_table *table = blocking->table;
    blocking_leave_keys(client);
    if (blocking->has_timer) {
        if (table->executor->timers)
            timer_stop(table->executor->timers, &blocking->timer);
        table->counts.with_timeout--;
    }
    table->counts.clients--;
    client->flags &= ~(uint32_t)CLIENT_BLOCKED;
    client->blocking = NULL;
    mem_free(blocking);
}

void blocking_forget(struct client *client)
{
    if (client->blocking)
        blocking_end(client);
}

struct request *blocking_request(const struct client *client)
{
    return client->blocking->request;
}

void blocking_add_time(struct client *client, int64_t spent_ns)
{
    client->blocking->spent_ns += spent_ns;
}

int64_t blocking_time(const struct client *client)
{
    return client->blocking ? client->blocking->spent_ns : 0;
}

/* -- blocking -- */

static void on_timeout(struct timer *timer)
{
    entering_main();
    struct blocking *blocking =
        (struct blocking *)((char *)timer - offsetof(struct blocking, timer));
    if (!(blocking->client->flags & CLIENT_CLOSING))
        (void)blocking_unblock(blocking->client, false);
}

/* Never early: timers count from the turn's time, which is a little ago, in whole milliseconds. */
static void start_timer(struct timers *timers, struct blocking *blocking, int64_t timeout_ms)
{
    int64_t late_ms = clock_read_us() / 1000 - clock_ms() + 1;
    if (timeout_ms > INT64_MAX / 2)
        timeout_ms = INT64_MAX / 2;
    timer_start(timers, &blocking->timer, timeout_ms + late_ms);
}

static struct blocking *begin(struct call *call, const struct block_options *options)
{
    struct blocking_table *table = call->services->executor->blocking;
    struct blocking *blocking = mem_calloc(1, sizeof(*blocking));
    blocking->table = table;
    blocking->client = call->client;
    blocking->request = call->request;
    blocking->command = call->command;
    timer_init(&blocking->timer, on_timeout);
    table->counts.clients++;
    if (options->timeout_ms > 0) {
        blocking->has_timer = true;
        table->counts.with_timeout++;
        if (table->executor->timers)
            start_timer(table->executor->timers, blocking, options->timeout_ms);
    }
    return blocking;
}

void call_block(struct call *call, const struct block_options *options)
{
    struct client *client = call->client;
    struct blocking_table *table = call->services->executor->blocking;
    assert(!call->may_not_block && call->request);
    assert(!(client->flags & CLIENT_BLOCKED));
    if (!client->blocking) /* else it is run again, and its time goes on */
        client->blocking = begin(call, options);
    struct blocking *blocking = client->blocking;
    assert(blocking->waiter_count == 0);
    blocking->type = options->type;
    blocking->wakes_on_nokey = options->wakes_on_nokey;
    blocking->answer_timeout = options->answer_timeout;
    if (options->key_count)
        blocking->waiters = mem_alloc((size_t)options->key_count * sizeof(struct waiter));
    for (int i = 0; i < options->key_count; i++) {
        struct key name = call_key(call, options->first_key + i);
        add_waiter(blocking, find_or_add_key(table, call->db, name));
    }
    client->flags |= CLIENT_BLOCKED;
    update_interest(table);
}

bool blocking_unblock(struct client *client, bool with_error)
{
    struct blocking *blocking = client->blocking;
    if (!blocking || !(client->flags & CLIENT_BLOCKED) || client->flags & CLIENT_CLOSING)
        return false;
    executor_begin_answer(client);
    if (with_error)
        reply_error(&client->reply, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    else
        blocking->answer_timeout(&client->reply);
    struct executor *executor = blocking->table->executor;
    struct command *command = blocking->command;
    int64_t spent_ns = blocking->spent_ns;
    blocking_end(client);
    executor_end_blocked(executor, client, command, spent_ns);
    return true;
}

/* -- serving -- */

bool blocking_has_ready(const struct blocking_table *table)
{
    return table->first_ready != NULL;
}

static void serve_key(struct blocking_table *table, struct blocked_key *key) ON_MAIN
{
    uint64_t end_ticket = table->next_ticket; /* those who block again have later ones */
    struct key name = {name_of(key), key->hash};
    key->cursor = key->first;
    while (key->cursor && key->cursor->ticket < end_ticket) {
        const struct blocking *blocking = key->cursor->of;
        key->cursor = key->cursor->next;
        const struct entry *entry = db_look(key->db, name);
        bool is_there = entry && !db_entry_is_expired(key->db, entry);
        if (!is_there && key->on_nokey == 0)
            break;
        bool wakes = is_there && (enum value_type)entry_type(entry) == blocking->type;
        if ((wakes || blocking->wakes_on_nokey) && !(blocking->client->flags & CLIENT_CLOSING))
            executor_run_again(table->executor, blocking->client);
    }
    key->cursor = NULL;
}

void blocking_serve(struct blocking_table *table)
{
    struct blocked_key *key;
    while ((key = table->first_ready)) {
        table->first_ready = key->next_ready;
        if (!table->first_ready)
            table->last_ready = NULL;
        key->is_ready = false;
        key->is_served = true;
        serve_key(table, key);
        key->is_served = false;
        free_key_if_unused(table, key);
    }
}

/* -- timeouts in arguments -- */

static bool refuse_timeout(struct call *call, const char *text)
{
    reply_error(call->reply, text);
    return false;
}

static bool check_timeout(struct call *call, int64_t timeout_ms)
{
    if (timeout_ms < 0)
        return refuse_timeout(call, "ERR timeout is negative");
    if (timeout_ms > INT64_MAX - clock_wall_ms())
        return refuse_timeout(call, "ERR timeout is out of range");
    return true;
}

bool call_timeout_seconds(struct call *call, int index, int64_t *timeout_ms)
{
    long double seconds;
    if (!number_parse_long_double(call->argv[index], &seconds))
        return refuse_timeout(call, "ERR timeout is not a float or out of range");
    long double ms = ceill(seconds * 1000);
    if (ms > (long double)INT64_MAX)
        return refuse_timeout(call, "ERR timeout is out of range");
    if (ms < 0)
        return refuse_timeout(call, "ERR timeout is negative");
    *timeout_ms = (int64_t)ms;
    return check_timeout(call, *timeout_ms);
}

bool call_timeout_ms(struct call *call, int index, int64_t *timeout_ms)
{
    if (!number_parse_i64(call->argv[index], timeout_ms))
        return refuse_timeout(call, "ERR timeout is not an integer or out of range");
    return check_timeout(call, *timeout_ms);
}
