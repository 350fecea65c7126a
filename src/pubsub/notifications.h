/* Keyspace notifications: events of keys as messages on __keyspace@<db>__:<key> and
 * __keyevent@<db>__:<event>. Main thread. */
#ifndef PUBSUB_NOTIFICATIONS_H
#define PUBSUB_NOTIFICATIONS_H

#include "keyspace/observer.h"
#include "pubsub/channels.h"

/* Which kinds of events `classes` (notify-keyspace-events) need. */
unsigned notifications_interest(unsigned classes);
void notifications_publish(struct channels *channels, unsigned classes,
                           const struct key_event *event);

#endif
