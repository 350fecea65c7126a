/* The one hook through which the keyspace tells the floors above what happened to keys. The
 * composition root installs it (keyspace_set_observer); keyspace and types know nothing of who
 * listens: WATCH, client tracking, keyspace notifications, propagation of expiry, blocked clients.
 * Main thread.
 *
 * `interest` says which kinds are wanted at the moment; others cost one test of a mask.
 */
#ifndef KEYSPACE_OBSERVER_H
#define KEYSPACE_OBSERVER_H

#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

struct db;

enum key_event_kind {
    KEY_CHANGED = 1 << 0, /* content or expiry changed: WATCH, tracking */
    KEY_NOTIFY = 1 << 1,  /* a named event for keyspace notifications */
    KEY_EXPIRED = 1 << 2, /* removed because its time has come: propagate DEL or UNLINK */
    KEY_EVICTED = 1 << 3, /* removed for maxmemory: propagate likewise */
    KEY_DELETED = 1 << 4, /* left the database, any reason (blocked clients, slots) */
    KEY_CREATED = 1 << 5, /* entered the database: clients blocked on it may go on */
    KEY_FLUSHED = 1 << 6, /* all keys of `db` went (db NULL: of all databases) */
    KEY_SWAPPED = 1 << 7, /* databases db and other changed places */
    KEY_MISSED = 1 << 8,  /* a read found nothing ("keymiss" notification) */
    KEY_FIELD_EXPIRED =
        1 << 9 /* a hash's `field` was removed because its time came: propagate HDEL */
};

/* Classes of notify-keyspace-events; values are Redis's. */
enum key_event_class {
    KEY_CLASS_KEYSPACE = 1 << 0,  /* K */
    KEY_CLASS_KEYEVENT = 1 << 1,  /* E */
    KEY_CLASS_GENERIC = 1 << 2,   /* g */
    KEY_CLASS_STRING = 1 << 3,    /* $ */
    KEY_CLASS_LIST = 1 << 4,      /* l */
    KEY_CLASS_SET = 1 << 5,       /* s */
    KEY_CLASS_HASH = 1 << 6,      /* h */
    KEY_CLASS_ZSET = 1 << 7,      /* z */
    KEY_CLASS_EXPIRED = 1 << 8,   /* x */
    KEY_CLASS_EVICTED = 1 << 9,   /* e */
    KEY_CLASS_STREAM = 1 << 10,   /* t */
    KEY_CLASS_KEY_MISS = 1 << 11, /* m */
    KEY_CLASS_LOADED = 1 << 12,
    KEY_CLASS_MODULE = 1 << 13, /* d */
    KEY_CLASS_NEW = 1 << 14     /* n */
};

struct key_event {
    unsigned kinds;          /* of enum key_event_kind, one or several at once */
    unsigned notify_class;   /* KEY_NOTIFY */
    const char *notify_name; /* KEY_NOTIFY: "set" */
    struct db *db;
    struct db *other;   /* KEY_SWAPPED */
    struct bytes key;   /* valid during the call only */
    struct bytes field; /* KEY_FIELD_EXPIRED */
    int value_type;     /* KEY_CREATED: enum value_type */
    bool is_lazy;       /* KEY_EXPIRED, KEY_EVICTED: UNLINK is propagated, not DEL */
};

struct keyspace_observer {
    void (*on_event)(void *context, const struct key_event *event);
    void *context;
    unsigned interest; /* kinds that on_event wants */
};

/* One of several that listen at the same time (keyspace_add_listener); embedded in its owner. */
struct key_listener {
    struct key_listener *next;
    void (*on_event)(struct key_listener *listener, const struct key_event *event);
    unsigned interest; /* change it with keyspace_listen */
};

#endif
