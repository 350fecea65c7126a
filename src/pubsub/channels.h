/* Who is subscribed to what: channels, patterns, shard channels. Main thread.
 *
 *   channel ─▶ subscription ⇄ subscription ⇄ …     in order of subscribing: who gets a message
 *   client  ─▶ subscription ⇄ subscription ⇄ …     in order of subscribing: what it listens to
 *
 * A subscription is in both lists, and in its client's table by name. A channel exists while it has
 * subscribers. Publishing frees nothing, so no list changes while it is walked.
 */
#ifndef PUBSUB_CHANNELS_H
#define PUBSUB_CHANNELS_H

#include "pubsub/push.h"
#include "structures/dict.h"

enum channel_kind { CHANNEL_PLAIN, CHANNEL_PATTERN, CHANNEL_SHARD, CHANNEL_KINDS };

struct channels {
    struct push_queue *push;
    struct dict by_name[CHANNEL_KINDS];
    uint64_t subscribers; /* clients that have any subscription */
};

void channels_init(struct channels *channels, struct push_queue *push);
/* No client may be subscribed any more. */
void channels_deinit(struct channels *channels);

/* False when it was subscribed already. Keeps CLIENT_PUBSUB and the counts in the client. */
bool channels_subscribe(struct channels *channels, struct client *client, enum channel_kind kind,
                        struct bytes name);
/* False when it was not subscribed. */
bool channels_unsubscribe(struct channels *channels, struct client *client, enum channel_kind kind,
                          struct bytes name);
/* The name of the client's oldest subscription of that kind; false when there is none. Valid until
 * it is unsubscribed. */
bool channels_first(const struct client *client, enum channel_kind kind, struct bytes *name);
/* Ends all subscriptions; says nothing to the client. */
void channels_remove_client(struct channels *channels, struct client *client);

/* Sends the message to all subscribers, and for a plain channel to those of matching patterns.
 * Returns how many messages were sent. */
uint64_t channels_publish(struct channels *channels, enum channel_kind kind, struct bytes name,
                          struct bytes message);

static inline size_t channels_count(const struct channels *channels, enum channel_kind kind)
{
    return dict_count(&channels->by_name[kind]);
}

uint64_t channels_subscriber_count(const struct channels *channels, enum channel_kind kind,
                                   struct bytes name);
/* Calls visit for each channel of that kind with subscribers. */
void channels_each(struct channels *channels, enum channel_kind kind,
                   void (*visit)(void *context, struct bytes name), void *context);
/* Aborts when an invariant does not hold (tests). */
void channels_check(struct channels *channels);

#endif
