/* Options of keyspace notifications and of client tracking. Main thread. */
#ifndef PUBSUB_PUBSUB_OPTIONS_H
#define PUBSUB_PUBSUB_OPTIONS_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

struct pubsub_settings {
    unsigned notify_keyspace_events; /* bits of enum key_event_class (keyspace/observer.h) */
    int64_t tracking_table_max_keys; /* 0: no limit */
};

extern const struct option_group pubsub_options;

#endif
