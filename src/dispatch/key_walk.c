/* See key_walk.h. Walks take turns: the first of the list gets a part of the slice and goes to the
 * end. Matches are gathered beside client->reply, which pushes use meanwhile. */
#include "dispatch/key_walk.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/thread_role.h"
#include "client/exchange.h"
#include "dispatch/execute.h"
#include "keyspace/keyspace.h"

enum {
    WALK_KEYS_MIN = 10000, /* databases with fewer keys are walked over at once */
    WALK_BUCKETS_MIN = 2 * WALK_KEYS_MIN,
    SLICE_NS = 1000 * 1000, /* all walks together, a turn */
    PART_NS = 200 * 1000,   /* of one, before the next one's */
    BUCKETS_PER_TIME_CHECK = 16
};

struct key_walk {
    struct key_walk *next;
    struct client *client;
    struct request *request; /* lies in the client's batch */
    struct db *db;
    struct bytes pattern; /* likewise */
    bool matches_all;
    bool has_begun; /* holds a pause of the table */
    bool is_done;
    size_t left; /* buckets */
    int64_t spent_ns;
    int64_t count;
    struct reply found;
};

struct key_walks {
    struct key_listener listener; /* first: the callback finds the walks by it */
    struct executor *executor;
    struct keyspace *keyspace;
    struct key_walk *first;
    struct key_walk *last;
    size_t count;
    int64_t slice_ns;
};

/* -- the list -- */

static void append(struct key_walks *walks, struct key_walk *walk)
{
    walk->next = NULL;
    if (walks->last)
        walks->last->next = walk;
    else
        walks->first = walk;
    walks->last = walk;
    walks->count++;
}

static struct key_walk *take_first(struct key_walks *walks)
{
    struct key_walk *walk = walks->first;
    walks->first = walk->next;
    if (!walks->first)
        walks->last = NULL;
    walks->count--;
    return walk;
}

static void update_interest(struct key_walks *walks)
{
    keyspace_listen(walks->keyspace, &walks->listener,
                    walks->count ? KEY_FLUSHED | KEY_SWAPPED : 0);
}

static void leave_table(struct key_walk *walk)
{
    if (walk->has_begun && !walk->is_done)
        dict_resume(&walk->db->keys);
    walk->is_done = true;
}

static void walk_free(struct key_walks *walks, struct key_walk *walk)
{
    leave_table(walk);
    struct exchange *exchange = walks->executor->services.exchange;
    if (exchange) {
        entering_main();
        exchange_discard(exchange, &walk->found.chain);
    } else { /* a test's executor */
        reply_chain_free(&walk->found.chain);
    }
    mem_free(walk);
}

/* -- what happens to databases meanwhile -- */

static void on_event(struct key_listener *listener, const struct key_event *event)
{
    struct key_walks *walks = (struct key_walks *)listener;
    for (struct key_walk *walk = walks->first; walk; walk = walk->next) {
        if (event->kinds & KEY_FLUSHED && (!event->db || event->db == walk->db))
            leave_table(walk);
        if (event->kinds & KEY_SWAPPED && event->db == walk->db)
            walk->db = event->other;
        else if (event->kinds & KEY_SWAPPED && event->other == walk->db)
            walk->db = event->db;
    }
}

struct key_walks *key_walks_create(struct executor *executor)
{
    struct key_walks *walks = mem_calloc(1, sizeof(*walks));
    walks->listener.on_event = on_event;
    walks->executor = executor;
    walks->keyspace = executor->services.keyspace;
    walks->slice_ns = SLICE_NS;
    keyspace_add_listener(walks->keyspace, &walks->listener);
    return walks;
}

void key_walks_destroy(struct key_walks *walks)
{
    while (walks->first)
        walk_free(walks, take_first(walks));
    keyspace_remove_listener(walks->keyspace, &walks->listener);
    mem_free(walks);
}

void key_walks_set_slice(struct key_walks *walks, int64_t slice_ns)
{
    walks->slice_ns = slice_ns;
}

size_t key_walks_count(const struct key_walks *walks)
{
    return walks->count;
}

void key_walks_forget(struct key_walks *walks, const struct client *client)
{
    if (!(client->flags & CLIENT_BLOCKED))
        return;
    for (size_t left = walks->count; left > 0; left--) {
        struct key_walk *walk = take_first(walks);
        if (walk->client == client)
            walk_free(walks, walk);
        else
            append(walks, walk);
    }
    update_interest(walks);
}

/* -- beginning -- */

bool key_walk_is_worth_it(const struct call *call)
{
    const struct dict *keys = &call->db->keys;
    if (dict_count(keys) <= WALK_KEYS_MIN && dict_bucket_count(keys) <= WALK_BUCKETS_MIN)
        return false;
    return !call->may_not_block && call->request && !(call->client->flags & CLIENT_INTERNAL);
}

void key_walk_begin(struct call *call, int pattern_index)
{
    struct key_walks *walks = call->services->executor->walks;
    struct client *client = call->client;
    assert(!call->may_not_block && call->request);
    assert(!(client->flags & CLIENT_BLOCKED));
    struct key_walk *walk = mem_calloc(1, sizeof(*walk));
    walk->client = client;
    walk->request = call->request;
    walk->db = call->db;
    walk->pattern = call->argv[pattern_index];
    walk->matches_all = bytes_equal(walk->pattern, BYTES_LITERAL("*"));
    reply_begin(&walk->found, client->protocol, NULL);
    walk->found.is_discarded = call->reply->is_discarded;
    client->flags |= CLIENT_BLOCKED;
    append(walks, walk);
    update_interest(walks);
}

/* -- walking -- */

static void take_if_matches(void *context, void *entry)
{
    struct key_walk *walk = context;
    struct bytes name = entry_key(entry);
    if (!walk->matches_all && !text_glob_match(walk->pattern, name, false))
        return;
    if (db_entry_is_expired(walk->db, entry))
        return;
    reply_bulk_bytes(&walk->found, name);
    walk->count++;
}

/* Main's own work on the table before the walk: so resizing ends however many walks follow each
 * other. False while it has not come to its end. */
static bool begin_table(struct key_walk *walk, int64_t end_ns)
{
    struct dict *keys = &walk->db->keys;
    bool may_resize = keys->resize == DICT_RESIZE_ALLOWED;
    if (may_resize && dict_is_rehashing(keys)) {
        if (keys->pauses)
            return false;
        while (dict_rehash(keys, BUCKETS_PER_TIME_CHECK))
            if (clock_read_ns() >= end_ns)
                return false;
    }
    dict_pause(keys);
    walk->has_begun = true;
    walk->left = dict_bucket_count(keys);
    return true;
}

static void walk_on(struct key_walk *walk, int64_t end_ns)
{
    if (walk->is_done || (!walk->has_begun && !begin_table(walk, end_ns)))
        return;
    const struct dict *keys = &walk->db->keys;
    while (dict_walk(keys, &walk->left, BUCKETS_PER_TIME_CHECK, take_if_matches, walk))
        if (clock_read_ns() >= end_ns)
            return;
    leave_table(walk);
}

static void finish(struct key_walks *walks, struct key_walk *walk) ON_MAIN
{
    struct client *client = walk->client;
    executor_begin_answer(client);
    reply_array(&client->reply, walk->count);
    if (!client->reply.is_discarded)
        reply_chain_append(&client->reply.chain, &walk->found.chain);
    client->output_gathered = 0;
    client->flags &= ~(uint32_t)CLIENT_BLOCKED;
    executor_end_request(walks->executor, client, walk->request, walk->spent_ns);
    walk_free(walks, walk);
}

/* One that waits for others to leave the table has nothing to do. */
static bool must_wait(const struct key_walk *walk)
{
    const struct dict *keys = &walk->db->keys;
    return !walk->is_done && !walk->has_begun && keys->pauses && dict_is_rehashing(keys) &&
           keys->resize == DICT_RESIZE_ALLOWED;
}

void key_walks_step(struct key_walks *walks, void (*look)(void *context, struct client *client),
                    void *context)
{
    if (walks->count == 0)
        return;
    int64_t now_ns = clock_read_ns();
    int64_t end_ns = now_ns + walks->slice_ns;
    size_t waiting = 0; /* of those looked at last */
    while (walks->count > waiting && now_ns < end_ns) {
        struct key_walk *walk = take_first(walks);
        struct client *client = walk->client;
        if (client->flags & CLIENT_CLOSING) {
            client->output_gathered = 0;
            walk_free(walks, walk);
            continue;
        }
        if (must_wait(walk)) {
            waiting++;
            append(walks, walk);
            continue;
        }
        waiting = 0;
        int64_t start_ns = now_ns;
        walk_on(walk, now_ns + PART_NS < end_ns ? now_ns + PART_NS : end_ns);
        now_ns = clock_read_ns();
        walk->spent_ns += now_ns - start_ns;
        client->output_gathered = walk->found.chain.size;
        if (walk->is_done)
            finish(walks, walk);
        else
            append(walks, walk);
        if (look)
            look(context, client);
    }
    update_interest(walks);
    executor_begin_run(walks->executor); /* what comes next does not pay for it */
}
