/* SUBSCRIBE and companions, PUBLISH, PUBSUB. Confirmations are pushes: in RESP3 by their type, and
 * CLIENT REPLY OFF does not hold them back. Main thread. */
#include "pubsub/pubsub.h"

#include "base/text.h"
#include "commands/all.h"
#include "dispatch/call.h"

static struct channels *channels_of(const struct call *call)
{
    return &call->services->pubsub->channels;
}

/* -- subscribing -- */

static int64_t count_shown(const struct client *client, enum channel_kind kind)
{
    if (kind == CHANNEL_SHARD)
        return client->subscribed[CHANNEL_SHARD];
    return (int64_t)client->subscribed[CHANNEL_PLAIN] + client->subscribed[CHANNEL_PATTERN];
}

/* `name` NULL: there was nothing to unsubscribe from. */
static void confirm(struct call *call, const char *word, const struct bytes *name,
                    enum channel_kind kind)
{
    struct reply *reply = call->reply;
    bool was_discarded = reply->is_discarded;
    reply->is_discarded = false;
    if (reply->protocol == 3)
        reply_push(reply, 3);
    else
        reply_array(reply, 3);
    reply_bulk_text(reply, word);
    if (name)
        reply_bulk_bytes(reply, *name);
    else
        reply_null(reply);
    reply_integer(reply, count_shown(call->client, kind));
    reply->is_discarded = was_discarded;
}

/* In a transaction SUBSCRIBE is allowed for compatibility, SSUBSCRIBE is not. */
static void subscribe(struct call *call, enum channel_kind kind, const char *word)
{
    if (kind == CHANNEL_SHARD && call->may_not_block) {
        reply_errorf(call->reply, "SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
        return;
    }
    for (int i = 1; i < call->argc; i++) {
        channels_subscribe(channels_of(call), call->client, kind, call->argv[i]);
        confirm(call, word, &call->argv[i], kind);
    }
}

static void unsubscribe_all(struct call *call, enum channel_kind kind, const char *word)
{
    struct client *client = call->client;
    struct bytes name;
    if (client->subscribed[kind] == 0) {
        confirm(call, word, NULL, kind);
        return;
    }
    while (channels_first(client, kind, &name)) {
        /* The name goes with the channel when this was its last subscriber. */
        struct shared_bytes *copy = shared_bytes_create(name.data, name.size);
        struct bytes shown = shared_bytes_view(copy);
        channels_unsubscribe(channels_of(call), client, kind, shown);
        confirm(call, word, &shown, kind);
        shared_bytes_release(copy);
    }
}

static void unsubscribe(struct call *call, enum channel_kind kind, const char *word)
{
    if (call->argc == 1) {
        unsubscribe_all(call, kind, word);
        return;
    }
    for (int i = 1; i < call->argc; i++) {
        channels_unsubscribe(channels_of(call), call->client, kind, call->argv[i]);
        confirm(call, word, &call->argv[i], kind);
    }
}

static void subscribe_command(struct call *call)
{
    subscribe(call, CHANNEL_PLAIN, "subscribe");
}

static void unsubscribe_command(struct call *call)
{
    unsubscribe(call, CHANNEL_PLAIN, "unsubscribe");
}

static void psubscribe_command(struct call *call)
{
    subscribe(call, CHANNEL_PATTERN, "psubscribe");
}

static void punsubscribe_command(struct call *call)
{
    unsubscribe(call, CHANNEL_PATTERN, "punsubscribe");
}

static void ssubscribe_command(struct call *call)
{
    subscribe(call, CHANNEL_SHARD, "ssubscribe");
}

static void sunsubscribe_command(struct call *call)
{
    unsubscribe(call, CHANNEL_SHARD, "sunsubscribe");
}

/* -- publishing -- */

static void publish(struct call *call, enum channel_kind kind)
{
    reply_integer(call->reply,
                  (int64_t)channels_publish(channels_of(call), kind, call->argv[1], call->argv[2]));
}

static void publish_command(struct call *call)
{
    publish(call, CHANNEL_PLAIN);
}

static void spublish_command(struct call *call)
{
    publish(call, CHANNEL_SHARD);
}

/* -- PUBSUB -- */

struct listing {
    struct reply *reply;
    const struct bytes *pattern; /* NULL: all */
    int64_t count;
};

static void list_name(void *context, struct bytes name)
{
    struct listing *listing = context;
    if (listing->pattern && !text_glob_match(*listing->pattern, name, false))
        return;
    reply_bulk_bytes(listing->reply, name);
    listing->count++;
}

static void list_channels(struct call *call, enum channel_kind kind)
{
    if (call->argc > 3) {
        call_unknown_subcommand(call);
        return;
    }
    struct listing listing = {.reply = call->reply,
                              .pattern = call->argc == 3 ? &call->argv[2] : NULL};
    struct reply_mark mark = reply_defer(call->reply);
    channels_each(channels_of(call), kind, list_name, &listing);
    reply_defer_array(call->reply, mark, listing.count);
}

static void channels_command(struct call *call)
{
    list_channels(call, CHANNEL_PLAIN);
}

static void shardchannels_command(struct call *call)
{
    list_channels(call, CHANNEL_SHARD);
}

static void count_subscribers(struct call *call, enum channel_kind kind)
{
    reply_array(call->reply, (int64_t)(call->argc - 2) * 2);
    for (int i = 2; i < call->argc; i++) {
        reply_bulk_bytes(call->reply, call->argv[i]);
        reply_integer(call->reply,
                      (int64_t)channels_subscriber_count(channels_of(call), kind, call->argv[i]));
    }
}

static void numsub_command(struct call *call)
{
    count_subscribers(call, CHANNEL_PLAIN);
}

static void shardnumsub_command(struct call *call)
{
    count_subscribers(call, CHANNEL_SHARD);
}

static void numpat_command(struct call *call)
{
    reply_integer(call->reply, (int64_t)channels_count(channels_of(call), CHANNEL_PATTERN));
}

static void help_command(struct call *call)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
        NULL};
    reply_help(call->reply, "PUBSUB", lines);
}

#define LOOK (COMMAND_PUBSUB | COMMAND_LOADING | COMMAND_STALE)

static const struct command_spec pubsub_subcommands[] = {
    {.name = "channels", .handler = channels_command, .arity = -2, .flags = LOOK},
    {.name = "numsub", .handler = numsub_command, .arity = -2, .flags = LOOK},
    {.name = "numpat", .handler = numpat_command, .arity = 2, .flags = LOOK},
    {.name = "shardchannels", .handler = shardchannels_command, .arity = -2, .flags = LOOK},
    {.name = "shardnumsub", .handler = shardnumsub_command, .arity = -2, .flags = LOOK},
    {.name = "help", .handler = help_command, .arity = 2, .flags = COMMAND_LOADING | COMMAND_STALE},
    {0},
};

enum {
    LISTEN = COMMAND_PUBSUB | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE,
    PUBLISH =
        COMMAND_PUBSUB | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST | COMMAND_MAY_REPLICATE
};

const struct command_spec pubsub_commands[] = {
    {.name = "subscribe", .handler = subscribe_command, .arity = -2, .flags = LISTEN},
    {.name = "unsubscribe", .handler = unsubscribe_command, .arity = -1, .flags = LISTEN},
    {.name = "psubscribe", .handler = psubscribe_command, .arity = -2, .flags = LISTEN},
    {.name = "punsubscribe", .handler = punsubscribe_command, .arity = -1, .flags = LISTEN},
    {.name = "ssubscribe",
     .handler = ssubscribe_command,
     .arity = -2,
     .flags = LISTEN,
     .keys = KEY_ALL(KEY_NOT_KEY, 1)},
    {.name = "sunsubscribe",
     .handler = sunsubscribe_command,
     .arity = -1,
     .flags = LISTEN,
     .keys = KEY_ALL(KEY_NOT_KEY, 1)},
    {.name = "publish", .handler = publish_command, .arity = 3, .flags = PUBLISH},
    {.name = "spublish",
     .handler = spublish_command,
     .arity = 3,
     .flags = PUBLISH,
     .keys = KEY_FIRST(KEY_NOT_KEY)},
    {.name = "pubsub", .arity = -2, .subcommands = pubsub_subcommands},
    {0},
};
