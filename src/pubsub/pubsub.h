/* All that is pushed to clients outside of their own replies, together: channels, notifications,
 * invalidations, MONITOR. Main thread.
 *
 * The executor calls pubsub_begin_command and pubsub_end_command around each command of a client;
 * the main loop calls pubsub_flush once a turn. A subsystem that nobody uses costs a test.
 */
#ifndef PUBSUB_PUBSUB_H
#define PUBSUB_PUBSUB_H

#include "keyspace/keyspace.h"
#include "pubsub/channels.h"
#include "pubsub/monitors.h"
#include "pubsub/pubsub_options.h"
#include "pubsub/push.h"
#include "pubsub/tracking.h"

struct pubsub {
    struct push_queue push;
    struct channels channels;
    struct monitors monitors;
    struct tracking tracking;
    const struct pubsub_settings *settings;
    struct keyspace *keyspace;
    struct key_listener listener;
};

/* All outlive it. `exchange` may be NULL (tests). */
struct pubsub *pubsub_create(const struct pubsub_settings *settings, struct keyspace *keyspace,
                             struct client_table *clients, struct exchange *exchange);
void pubsub_destroy(struct pubsub *pubsub);
/* After the options changed, and after tracking was switched on or off. */
void pubsub_update_interest(struct pubsub *pubsub);

/* Ends everything of the client's: RESET, or it is gone. */
void pubsub_reset_client(struct pubsub *pubsub, struct client *client);
void pubsub_forget_client(struct pubsub *pubsub, struct client *client);

static inline void pubsub_begin_command(struct pubsub *pubsub, struct client *client)
{
    push_begin_command(&pubsub->push, client);
}

static inline void pubsub_end_command(struct pubsub *pubsub, struct client *client)
{
    tracking_end_command(&pubsub->tracking);
    push_end_command(&pubsub->push, client);
}

/* Before a command: keeps the tracking table within its limit. */
static inline void pubsub_limit(struct pubsub *pubsub)
{
    if (__builtin_expect(pubsub->tracking.count > 0, 0))
        tracking_limit(&pubsub->tracking, (uint64_t)pubsub->settings->tracking_table_max_keys);
}

static inline bool pubsub_is_pending(const struct pubsub *pubsub)
{
    return pubsub->tracking.has_changes || push_is_pending(&pubsub->push);
}

/* Broadcasts, and sends what waits; `look` as in push_flush. */
void pubsub_flush(struct pubsub *pubsub, void (*look)(void *context, struct client *client),
                  void *context) ON_MAIN;

#endif
