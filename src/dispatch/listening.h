/* Pub/sub, tracking and MONITOR where commands are executed: what a listener may run, and what
 * listeners are told of a command. Main thread. */
#ifndef DISPATCH_LISTENING_H
#define DISPATCH_LISTENING_H

#include "dispatch/call.h"
#include "pubsub/pubsub.h"

/* May a client that listens run this? A subscribed RESP2 client may only change its subscriptions;
 * one in MONITOR mode must not touch keys. Else the refusal is written. */
bool listening_refuses(struct call *call);
static inline bool listening_may_run(struct call *call)
{
    const struct client *client = call->client;
    if (__builtin_expect(!(client->flags & (CLIENT_PUBSUB | CLIENT_MONITOR)), 1))
        return true;
    return !listening_refuses(call);
}

/* After a command: MONITOR shows it, and the keys that a tracking client read are remembered. */
void listening_tell(const struct call *call);
static inline void listening_report(const struct call *call)
{
    const struct pubsub *pubsub = call->services->pubsub;
    if (!pubsub)
        return;
    const struct client *running = pubsub->push.running;
    if (__builtin_expect(pubsub->monitors.count > 0, 0) ||
        (running && running->flags & CLIENT_TRACKING_ON))
        listening_tell(call);
}

/* Around all that one request of a client does. */
static inline void listening_begin(const struct services *services, struct client *client)
{
    if (!services->pubsub)
        return;
    pubsub_limit(services->pubsub);
    pubsub_begin_command(services->pubsub, client);
}
void listening_end_caching(struct client *client, const struct command *command);
static inline void listening_end(const struct services *services, struct client *client,
                                 const struct command *command)
{
    if (__builtin_expect(client->tracking_flags & TRACKING_CACHING, 0))
        listening_end_caching(client, command);
    if (services->pubsub)
        pubsub_end_command(services->pubsub, client);
}

#endif
