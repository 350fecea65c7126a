/* WATCH: which clients want to know whether a key changes, and what makes their EXEC answer nil.
 * Listens to the keyspace while anybody watches. A client that was told (CLIENT_DIRTY_CAS) watches
 * nothing any more. Main thread.
 */
#ifndef DISPATCH_WATCH_H
#define DISPATCH_WATCH_H

#include "client/client.h"
#include "keyspace/db.h"

struct watch_table;

/* The keyspace must outlive the table. */
struct watch_table *watch_table_create(struct keyspace *keyspace);
void watch_table_destroy(struct watch_table *table);

/* The client watches this key too; once is enough. */
void watch_add(struct watch_table *table, struct client *client, struct db *db, struct key key);
/* The client watches nothing any more; CLIENT_DIRTY_CAS stays as it is. */
void watch_remove_all(struct watch_table *table, struct client *client);
/* True when the time of a watched key has come since WATCH, and nobody has met it yet. */
bool watch_has_expired(const struct client *client);

struct watch_counts {
    uint64_t clients;
    uint64_t keys;
};

struct watch_counts watch_count(const struct watch_table *table);

#endif
