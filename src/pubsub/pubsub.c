/* See pubsub.h. */
#include "pubsub/pubsub.h"

#include "base/memory.h"
#include "pubsub/notifications.h"
#include <stddef.h>

static void on_event(struct key_listener *listener, const struct key_event *event)
{
    struct pubsub *pubsub = (struct pubsub *)((char *)listener - offsetof(struct pubsub, listener));
    if (tracking_is_used(&pubsub->tracking)) {
        unsigned nobody = KEY_CLASS_EXPIRED | KEY_CLASS_EVICTED;
        if (event->kinds & KEY_FLUSHED)
            tracking_flush(&pubsub->tracking);
        else if (event->kinds & KEY_CHANGED)
            tracking_invalidate(&pubsub->tracking, event->key, !(event->notify_class & nobody));
    }
    unsigned classes = pubsub->settings->notify_keyspace_events;
    if (classes)
        notifications_publish(&pubsub->channels, classes, event);
}

struct pubsub *pubsub_create(const struct pubsub_settings *settings, struct keyspace *keyspace,
                             struct client_table *clients, struct exchange *exchange)
{
    struct pubsub *pubsub = mem_calloc(1, sizeof(*pubsub));
    pubsub->settings = settings;
    pubsub->keyspace = keyspace;
    push_queue_init(&pubsub->push, exchange);
    channels_init(&pubsub->channels, &pubsub->push);
    monitors_init(&pubsub->monitors, &pubsub->push);
    tracking_init(&pubsub->tracking, &pubsub->push, clients);
    pubsub->tracking.background = keyspace->background;
    pubsub->listener.on_event = on_event;
    keyspace_add_listener(keyspace, &pubsub->listener);
    pubsub_update_interest(pubsub);
    return pubsub;
}

void pubsub_destroy(struct pubsub *pubsub)
{
    keyspace_remove_listener(pubsub->keyspace, &pubsub->listener);
    tracking_deinit(&pubsub->tracking);
    monitors_deinit(&pubsub->monitors);
    channels_deinit(&pubsub->channels);
    push_queue_deinit(&pubsub->push);
    mem_free(pubsub);
}

void pubsub_update_interest(struct pubsub *pubsub)
{
    unsigned kinds = notifications_interest(pubsub->settings->notify_keyspace_events);
    if (tracking_is_used(&pubsub->tracking))
        kinds |= KEY_CHANGED | KEY_FLUSHED;
    keyspace_listen(pubsub->keyspace, &pubsub->listener, kinds);
}

void pubsub_reset_client(struct pubsub *pubsub, struct client *client)
{
    monitors_remove(&pubsub->monitors, client);
    channels_remove_client(&pubsub->channels, client);
    if (client->flags & CLIENT_TRACKING_ON) {
        tracking_disable(&pubsub->tracking, client);
        pubsub_update_interest(pubsub);
    }
}

void pubsub_forget_client(struct pubsub *pubsub, struct client *client)
{
    pubsub_reset_client(pubsub, client);
    push_forget(&pubsub->push, client);
}

void pubsub_flush(struct pubsub *pubsub, void (*look)(void *context, struct client *client),
                  void *context)
{
    tracking_broadcast(&pubsub->tracking);
    push_flush(&pubsub->push, look, context);
}
