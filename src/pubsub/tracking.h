/* Client-side caching: which clients may have cached which keys, and telling them that a key
 * changed. Main thread.
 *
 * Two modes. By default the table remembers who read a key and forgets it with the first
 * invalidation. BCAST clients name prefixes; keys that changed are collected for each prefix and go
 * out once a turn, in one message. A key is a name only: the database does not count.
 *
 * The table holds ids, not clients: one that is gone is found missing when its key changes.
 */
#ifndef PUBSUB_TRACKING_H
#define PUBSUB_TRACKING_H

#include "pubsub/push.h"
#include "structures/dict.h"

struct background;
struct tracked_prefix;

struct tracking {
    struct background *background; /* frees a large table; NULL (tests): at once */
    struct push_queue *push;
    struct client_table *clients;
    struct dict keys; /* struct tracked_key */
    uint64_t items;   /* sum of the ids of all keys */
    uint64_t count;   /* clients that track */
    struct tracked_prefix *prefixes;
    uint64_t prefix_count;
    bool has_changes;          /* a prefix has keys to tell of */
    bool is_flush_pending;     /* the running client is to be told of a flush */
    unsigned limit_rounds;     /* tracking_limit came to no end so often in a row */
    struct shared_bytes **own; /* keys that the running client is to be told of */
    uint32_t own_count;
    uint32_t own_capacity;
};

void tracking_init(struct tracking *tracking, struct push_queue *push,
                   struct client_table *clients);
void tracking_deinit(struct tracking *tracking);

/* `flags`: enum tracking_flag BCAST OPTIN OPTOUT NOLOOP; the caller checked that they fit. */
void tracking_enable(struct tracking *tracking, struct client *client, uint64_t redirect,
                     unsigned flags, const struct bytes *prefixes, int prefix_count);
void tracking_disable(struct tracking *tracking, struct client *client);
/* True when one of the prefixes contains another, or one that the client has: *one and *other. */
bool tracking_prefixes_overlap(const struct client *client, const struct bytes *prefixes, int count,
                               struct bytes *one, struct bytes *other, bool *is_existing);
/* The client's prefixes; returns how many there are. */
int tracking_prefixes(const struct client *client, const struct bytes **prefixes);

/* Does anybody track, or is something left of those who did? */
static inline bool tracking_is_used(const struct tracking *tracking)
{
    return tracking->count > 0 || dict_count(&tracking->keys) > 0;
}

/* Whether keys that `client` reads are to be remembered just now. */
static inline bool tracking_remembers(const struct client *client)
{
    if (!(client->flags & CLIENT_TRACKING_ON) || client->tracking_flags & TRACKING_BCAST)
        return false;
    bool is_given = client->tracking_flags & TRACKING_CACHING;
    if (client->tracking_flags & TRACKING_OPTIN)
        return is_given;
    return !(client->tracking_flags & TRACKING_OPTOUT && is_given);
}
void tracking_remember(struct tracking *tracking, const struct client *client, struct bytes key);

/* The key changed; `by_client` is false when nobody's command did (expired, evicted). */
void tracking_invalidate(struct tracking *tracking, struct bytes key, bool by_client);
/* All keys went. */
void tracking_flush(struct tracking *tracking);
/* Forgets random keys (and tells) until at most `keys_max` are remembered; a bounded part. 0: no
 * limit. */
void tracking_limit(struct tracking *tracking, uint64_t keys_max);

/* The running client's command is answered: tells it what it changed itself. */
void tracking_tell_running(struct tracking *tracking);
static inline void tracking_end_command(struct tracking *tracking)
{
    if (__builtin_expect(tracking->own_count > 0 || tracking->is_flush_pending, 0))
        tracking_tell_running(tracking);
}
/* Once a turn: what changed goes to BCAST clients. */
void tracking_broadcast(struct tracking *tracking);
void tracking_check(struct tracking *tracking);

#endif
