/* The main half of a connection: who the client is and what it may and wants. Main thread only; the
 * I/O half is client/session.h, and they know each other by an opaque pointer.
 *
 * Lifecycle: client_create when a connection is accepted; the session is lent to an I/O thread;
 * main frees the client when the one `closed` message has come back, never earlier. A client that
 * is to go is closed with client_close_*; commands it still had in flight are dropped.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "base/bytes.h"
#include "base/thread_role.h"
#include "client/client_meters.h"
#include "protocol/resp_writer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct client_table;
struct session;
struct request_batch;
struct io_thread;
struct transfer;           /* client/exchange.c */
struct transaction;        /* dispatch/transaction.h, MULTI state; NULL outside */
struct watching;           /* dispatch/watch.c; NULL when no key is watched */
struct subscriptions;      /* pubsub/; NULL when none */
struct blocking;           /* dispatch/blocking.h; NULL when not blocked */
struct tracking_of_client; /* pubsub/tracking.c; NULL when off */
struct stranger_source;    /* client/strangers.c */

enum client_flag {
    CLIENT_CLOSE_AFTER_REPLY = 1 << 0,
    CLIENT_CLOSING = 1 << 1, /* close was sent; nothing is executed or written any more */
    CLIENT_REPLY_OFF = 1 << 2,
    CLIENT_REPLY_SKIP_NEXT = 1 << 3,
    CLIENT_REPLY_SKIP = 1 << 4,
    CLIENT_NO_EVICT = 1 << 5,
    CLIENT_NO_TOUCH = 1 << 6,
    CLIENT_AUTHENTICATED = 1 << 7,
    CLIENT_UNIX_SOCKET = 1 << 8,
    CLIENT_TLS = 1 << 9,
    CLIENT_MULTI = 1 << 10,
    CLIENT_DIRTY_EXEC = 1 << 11, /* EXEC must fail: a queued command was refused */
    CLIENT_DIRTY_CAS = 1 << 12,  /* EXEC must answer nil: a watched key changed */
    CLIENT_BLOCKED = 1 << 13,
    CLIENT_PAUSED = 1 << 14, /* its next request waits for CLIENT PAUSE to end */
    CLIENT_MONITOR = 1 << 15,
    CLIENT_PUBSUB = 1 << 16,
    CLIENT_READONLY = 1 << 17,
    CLIENT_ASKING = 1 << 18,
    CLIENT_REPLICA = 1 << 19,
    CLIENT_PRIMARY = 1 << 20,
    CLIENT_INTERNAL = 1 << 21, /* no connection: AOF loading, scripts */
    CLIENT_TRACKING_ON = 1 << 22,
    CLIENT_OPENED = 1 << 23,      /* the handshake finished */
    CLIENT_AUTH_WAIVED = 1 << 24, /* not authenticated, and no password is asked for any more */
    CLIENT_ADMITTED = CLIENT_AUTHENTICATED | CLIENT_AUTH_WAIVED /* either: it may run commands */
};

/* CLIENT TRACKING. */
enum tracking_flag {
    TRACKING_BCAST = 1 << 0,
    TRACKING_OPTIN = 1 << 1,
    TRACKING_OPTOUT = 1 << 2,
    TRACKING_NOLOOP = 1 << 3,
    TRACKING_CACHING = 1 << 4, /* CLIENT CACHING: for the next command */
    TRACKING_BROKEN_REDIRECT = 1 << 5
};

struct client {
    uint64_t id;
    uint32_t flags;
    uint8_t tracking_flags;
    bool has_pushes;       /* waits in the queue of pubsub/push.c */
    uint8_t auth_failures; /* one after the other, as far as they count */
    int32_t db;            /* index of the selected database */
    uint8_t protocol;      /* 2 or 3 */
    struct reply reply;    /* being built by the running command */

    /* -- lending (client/exchange.h) -- */
    struct session *session;     /* opaque; NULL for internal clients */
    struct io_thread *thread;    /* that has borrowed the connection */
    struct request_batch *batch; /* received, not all of it executed; at most one is in flight */
    struct transfer *transfer;   /* on its way to another thread; NULL: it is not */
    uint64_t memory_counted;     /* server/client_eviction.c: what its sum holds of this one */
    uint64_t traffic_seen;       /* server/placement.c: bytes when it last looked */

    /* -- identity -- */
    char *name; /* NULL when unset */
    char *lib_name;
    char *lib_version;
    const char *user; /* "default" until ACL users exist; not owned */
    char *peer;       /* "127.0.0.1:51234" */
    char *local;
    char *tls_description; /* "TLSv1.3,TLS_AES_256_GCM_SHA384,full", NULL when plain */
    char *certificate_name;
    struct stranger_source *source; /* that counts it as a stranger; NULL: it is none */
    int fd_number;                  /* for CLIENT LIST only; never used as a descriptor on main */

    /* -- history -- */
    int64_t created_us; /* monotonic */
    int64_t last_interaction_us;
    const void *last_command; /* struct command, for CLIENT LIST cmd= */
    uint64_t commands_count;
    const struct request *request; /* in hand: executed, or its client is blocked in it */
    uint64_t output_published;     /* reply bytes given to the I/O thread */
    uint64_t output_gathered;      /* of a reply made in slices (dispatch/key_walk.h) */
    int64_t output_soft_since_us;  /* over the soft output limit since then; 0: it is not */

    /* -- subsystems, each NULL until used -- */
    struct transaction *transaction;
    struct watching *watching;
    size_t queued_memory;   /* of the commands that wait for EXEC */
    uint32_t queued_count;  /* of them */
    uint32_t watched_count; /* keys */
    struct subscriptions *subscriptions;
    struct blocking *blocking;
    struct tracking_of_client *tracking;
    uint32_t subscribed[3];     /* numbers of subscriptions, by enum channel_kind */
    uint64_t tracking_redirect; /* id of the client that is told in its place; 0: itself */

    /* -- client_table -- */
    struct client *next;
    struct client *previous;
    struct client *next_with_id; /* hash chain */

    /* -- written by the I/O thread, read here, relaxed -- */
    struct client_meters meters __attribute__((aligned(64)));
};

/* A new client in the table, with the next id. `session` is set when it is lent. */
struct client *client_create(struct client_table *table) ON_MAIN;
/* A client without a connection (tests, loading); protocol 2. */
struct client *client_create_internal(void);
/* Only after `closed`, or for an internal client. Removes it from the table, frees all it owns. */
void client_destroy(struct client_table *table, struct client *client) ON_MAIN;

/* Sets or clears (size 0) a name; the caller has validated it. */
void client_set_text(char **field, struct bytes value);
/* True when `name` may be shown in CLIENT LIST: no spaces, newlines or special characters (ASCII
 * '!'..'~'). */
bool client_name_is_valid(struct bytes name);
/* From this machine: what enable-debug-command and enable-protected-configs "local" allow. */
bool client_is_local(const struct client *client);
/* The one-letter flags of CLIENT LIST ("N", "x", ...). */
void client_format_flags(const struct client *client, char text[16]);

#endif
