/* KEYS over a large database: main looks at it in slices, about a millisecond of all walks together
 * a turn, while other clients are served and the one that asked waits (CLIENT_BLOCKED; CLIENT
 * UNBLOCK does not end it). Main thread.
 *
 * A key that exists from the beginning of the command to its end is answered once; one that is
 * created or deleted meanwhile may be answered. Tables are paused while somebody walks over them,
 * so that no entry changes its bucket; a walk begins when the table is not being resized. FLUSHALL
 * and FLUSHDB end a walk with what it has found; after SWAPDB it goes on in the keys it began with.
 */
#ifndef DISPATCH_KEY_WALK_H
#define DISPATCH_KEY_WALK_H

#include "dispatch/call.h"

struct executor;
struct key_walks;

/* The keyspace must outlive it. */
struct key_walks *key_walks_create(struct executor *executor);
void key_walks_destroy(struct key_walks *walks);

/* Whether the command is to walk in slices: the database is large, and the client can wait. */
bool key_walk_is_worth_it(const struct call *call);
/* The client waits, and is answered with the keys that match argv[pattern_index]. */
void key_walk_begin(struct call *call, int pattern_index);

/* Once a turn: a slice. `look` (may be NULL) hears of each client whose output has grown. */
void key_walks_step(struct key_walks *walks, void (*look)(void *context, struct client *client),
                    void *context) ON_MAIN;
size_t key_walks_count(const struct key_walks *walks);
/* Of all walks together, a turn (tests). */
void key_walks_set_slice(struct key_walks *walks, int64_t slice_ns);
/* The client is gone. */
void key_walks_forget(struct key_walks *walks, const struct client *client);

#endif
