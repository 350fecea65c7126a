/* See channels.h. A message is encoded once for each protocol that a receiver speaks; receivers
 * share the bytes. */
#include "pubsub/channels.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

struct subscription {
    struct channel *channel;
    struct client *client;
    struct subscription *next_of_channel;
    struct subscription *previous_of_channel;
    struct subscription *next_of_client;
    struct subscription *previous_of_client;
};

struct channel {
    uint64_t hash;
    struct subscription *first;
    struct subscription *last;
    uint64_t count;
    size_t size;
    char name[];
};

/* Of one client. */
struct subscriptions {
    struct {
        struct dict by_name;
        struct subscription *first;
        struct subscription *last;
    } kinds[CHANNEL_KINDS];
};

/* -- tables -- */

static struct bytes name_of(const struct channel *channel)
{
    return bytes_of(channel->name, channel->size);
}

static uint64_t channel_hash(const void *entry)
{
    return ((const struct channel *)entry)->hash;
}

static bool channel_matches(const void *entry, struct bytes key)
{
    return bytes_equal(name_of(entry), key);
}

static uint64_t subscription_hash(const void *entry)
{
    return ((const struct subscription *)entry)->channel->hash;
}

static bool subscription_matches(const void *entry, struct bytes key)
{
    return bytes_equal(name_of(((const struct subscription *)entry)->channel), key);
}

static const struct dict_type channel_type = {channel_hash, channel_matches, NULL};
static const struct dict_type subscription_type = {subscription_hash, subscription_matches, NULL};

void channels_init(struct channels *channels, struct push_queue *push)
{
    *channels = (struct channels){.push = push};
    for (int kind = 0; kind < CHANNEL_KINDS; kind++)
        dict_init(&channels->by_name[kind], &channel_type);
}

void channels_deinit(struct channels *channels)
{
    for (int kind = 0; kind < CHANNEL_KINDS; kind++) {
        assert(dict_count(&channels->by_name[kind]) == 0);
        dict_deinit(&channels->by_name[kind]);
    }
}

static struct channel *find_channel(const struct channels *channels, enum channel_kind kind,
                                    struct bytes name, uint64_t hash)
{
    return dict_find(&channels->by_name[kind], hash, name);
}

static struct channel *create_channel(struct channels *channels, enum channel_kind kind,
                                      struct bytes name, uint64_t hash)
{
    struct channel *channel = mem_alloc(sizeof(*channel) + name.size);
    *channel = (struct channel){.hash = hash, .size = name.size};
    if (name.size)
        memcpy(channel->name, name.data, name.size);
    dict_add(&channels->by_name[kind], hash, channel);
    return channel;
}

/* -- subscribing -- */

static struct subscriptions *subscriptions_of(struct client *client)
{
    if (!client->subscriptions) {
        client->subscriptions = mem_calloc(1, sizeof(struct subscriptions));
        for (int kind = 0; kind < CHANNEL_KINDS; kind++)
            dict_init(&client->subscriptions->kinds[kind].by_name, &subscription_type);
    }
    return client->subscriptions;
}

static bool has_any(const struct client *client)
{
    for (int kind = 0; kind < CHANNEL_KINDS; kind++)
        if (client->subscribed[kind])
            return true;
    return false;
}

static void link_subscription(struct subscriptions *own, enum channel_kind kind,
                              struct subscription *one)
{
    struct channel *channel = one->channel;
    one->previous_of_channel = channel->last;
    if (channel->last)
        channel->last->next_of_channel = one;
    else
        channel->first = one;
    channel->last = one;
    channel->count++;
    one->previous_of_client = own->kinds[kind].last;
    if (own->kinds[kind].last)
        own->kinds[kind].last->next_of_client = one;
    else
        own->kinds[kind].first = one;
    own->kinds[kind].last = one;
}

static void unlink_subscription(struct subscriptions *own, enum channel_kind kind,
                                struct subscription *one)
{
    struct channel *channel = one->channel;
    if (one->previous_of_channel)
        one->previous_of_channel->next_of_channel = one->next_of_channel;
    else
        channel->first = one->next_of_channel;
    if (one->next_of_channel)
        one->next_of_channel->previous_of_channel = one->previous_of_channel;
    else
        channel->last = one->previous_of_channel;
    channel->count--;
    if (one->previous_of_client)
        one->previous_of_client->next_of_client = one->next_of_client;
    else
        own->kinds[kind].first = one->next_of_client;
    if (one->next_of_client)
        one->next_of_client->previous_of_client = one->previous_of_client;
    else
        own->kinds[kind].last = one->previous_of_client;
}

bool channels_subscribe(struct channels *channels, struct client *client, enum channel_kind kind,
                        struct bytes name)
{
    struct subscriptions *own = subscriptions_of(client);
    uint64_t hash = hash_bytes(name.data, name.size);
    if (dict_find(&own->kinds[kind].by_name, hash, name))
        return false;
    struct channel *channel = find_channel(channels, kind, name, hash);
    if (!channel)
        channel = create_channel(channels, kind, name, hash);
    struct subscription *one = mem_calloc(1, sizeof(*one));
    one->channel = channel;
    one->client = client;
    link_subscription(own, kind, one);
    dict_add(&own->kinds[kind].by_name, hash, one);
    if (!has_any(client))
        channels->subscribers++;
    client->subscribed[kind]++;
    client->flags |= CLIENT_PUBSUB;
    return true;
}

static void remove_subscription(struct channels *channels, struct client *client,
                                enum channel_kind kind, struct subscription *one)
{
    struct channel *channel = one->channel;
    unlink_subscription(client->subscriptions, kind, one);
    if (channel->count == 0) {
        dict_remove(&channels->by_name[kind], channel->hash, name_of(channel));
        mem_free(channel);
    }
    mem_free(one);
    client->subscribed[kind]--;
    if (!has_any(client)) {
        channels->subscribers--;
        client->flags &= ~(uint32_t)CLIENT_PUBSUB;
    }
}

bool channels_unsubscribe(struct channels *channels, struct client *client, enum channel_kind kind,
                          struct bytes name)
{
    if (!client->subscriptions)
        return false;
    struct subscription *one = dict_remove(&client->subscriptions->kinds[kind].by_name,
                                           hash_bytes(name.data, name.size), name);
    if (!one)
        return false;
    remove_subscription(channels, client, kind, one);
    return true;
}

bool channels_first(const struct client *client, enum channel_kind kind, struct bytes *name)
{
    const struct subscriptions *own = client->subscriptions;
    if (!own || !own->kinds[kind].first)
        return false;
    *name = name_of(own->kinds[kind].first->channel);
    return true;
}

void channels_remove_client(struct channels *channels, struct client *client)
{
    struct subscriptions *own = client->subscriptions;
    if (!own)
        return;
    for (enum channel_kind kind = 0; kind < CHANNEL_KINDS; kind++) {
        dict_deinit(&own->kinds[kind].by_name);
        while (own->kinds[kind].first)
            remove_subscription(channels, client, kind, own->kinds[kind].first);
    }
    mem_free(own);
    client->subscriptions = NULL;
}

/* -- publishing -- */

struct publication {
    struct channels *channels;
    enum channel_kind kind; /* of the receiver's subscription */
    struct bytes pattern;   /* CHANNEL_PATTERN */
    struct bytes name;
    struct bytes payload;
    struct shared_bytes *encoded[2]; /* for RESP2 and RESP3, made when the first wants them */
    uint64_t sent;
};

static char *put_bulk(char *to, struct bytes bytes)
{
    *to++ = '$';
    to += number_format_i64(to, (int64_t)bytes.size);
    *to++ = '\r';
    *to++ = '\n';
    if (bytes.size)
        memcpy(to, bytes.data, bytes.size);
    to += bytes.size;
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

static struct shared_bytes *encode(const struct publication *publication, int protocol)
{
    static const char *const words[] = {"message", "pmessage", "smessage"};
    enum { BULK_OVERHEAD = NUMBER_I64_TEXT_MAX + 8 };
    struct bytes parts[4] = {bytes_of_text(words[publication->kind])};
    int count = 1;
    if (publication->kind == CHANNEL_PATTERN)
        parts[count++] = publication->pattern;
    parts[count++] = publication->name;
    parts[count++] = publication->payload;
    size_t size = BULK_OVERHEAD;
    for (int i = 0; i < count; i++)
        size += parts[i].size + BULK_OVERHEAD;
    struct shared_bytes *encoded = shared_bytes_try_create(size);
    assert(encoded);
    char *to = encoded->data;
    *to++ = protocol == 3 ? '>' : '*';
    *to++ = (char)('0' + count);
    *to++ = '\r';
    *to++ = '\n';
    for (int i = 0; i < count; i++)
        to = put_bulk(to, parts[i]);
    encoded->size = (size_t)(to - encoded->data);
    return encoded;
}

static void send_to(struct publication *publication, const struct channel *channel)
{
    for (struct subscription *one = channel->first; one; one = one->next_of_channel) {
        struct client *client = one->client;
        if (client->flags & CLIENT_CLOSING)
            continue;
        struct shared_bytes **encoded = &publication->encoded[client->protocol == 3];
        if (!*encoded)
            *encoded = encode(publication, client->protocol);
        push_shared(publication->channels->push, client, *encoded);
        publication->sent++;
    }
    for (int i = 0; i < 2; i++) {
        if (publication->encoded[i])
            shared_bytes_release(publication->encoded[i]);
        publication->encoded[i] = NULL;
    }
}

static void try_pattern(void *context, void *entry)
{
    struct publication *publication = context;
    const struct channel *pattern = entry;
    if (!text_glob_match(name_of(pattern), publication->name, false))
        return;
    publication->pattern = name_of(pattern);
    send_to(publication, pattern);
}

uint64_t channels_publish(struct channels *channels, enum channel_kind kind, struct bytes name,
                          struct bytes payload)
{
    if (channels->subscribers == 0)
        return 0;
    struct publication publication = {
        .channels = channels, .kind = kind, .name = name, .payload = payload};
    const struct channel *channel =
        find_channel(channels, kind, name, hash_bytes(name.data, name.size));
    if (channel)
        send_to(&publication, channel);
    if (kind == CHANNEL_PLAIN && channels_count(channels, CHANNEL_PATTERN)) {
        publication.kind = CHANNEL_PATTERN;
        dict_each(&channels->by_name[CHANNEL_PATTERN], try_pattern, &publication);
    }
    return publication.sent;
}

/* -- looking -- */

uint64_t channels_subscriber_count(const struct channels *channels, enum channel_kind kind,
                                   struct bytes name)
{
    const struct channel *channel =
        find_channel(channels, kind, name, hash_bytes(name.data, name.size));
    return channel ? channel->count : 0;
}

struct each {
    void (*visit)(void *context, struct bytes name);
    void *context;
};

static void visit_channel(void *context, void *entry)
{
    const struct each *each = context;
    each->visit(each->context, name_of(entry));
}

void channels_each(struct channels *channels, enum channel_kind kind,
                   void (*visit)(void *context, struct bytes name), void *context)
{
    struct each each = {visit, context};
    dict_each(&channels->by_name[kind], visit_channel, &each);
}

static void check_channel(void *context, void *entry)
{
    (void)context;
    const struct channel *channel = entry;
    uint64_t count = 0;
    const struct subscription *previous = NULL;
    for (const struct subscription *one = channel->first; one; one = one->next_of_channel) {
        assert(one->channel == channel);
        assert(one->previous_of_channel == previous);
        assert(one->client->flags & CLIENT_PUBSUB);
        previous = one;
        count++;
    }
    assert(channel->last == previous);
    assert(count == channel->count);
    assert(count > 0);
}

void channels_check(struct channels *channels)
{
    for (int kind = 0; kind < CHANNEL_KINDS; kind++) {
        dict_check(&channels->by_name[kind]);
        dict_each(&channels->by_name[kind], check_channel, NULL);
    }
}
