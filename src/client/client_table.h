/* All clients of the server: by id, and in order of arrival. Main thread. */
#ifndef CLIENT_CLIENT_TABLE_H
#define CLIENT_CLIENT_TABLE_H

#include "client/client.h"
#include "client/strangers.h"

struct client_table {
    struct client *first; /* oldest */
    struct client *last;
    size_t count;
    uint64_t next_id;
    struct client **by_id; /* hash of chains, power of two */
    size_t by_id_size;
    struct strangers *strangers; /* those of them that have not shown who they are */
    struct client *cursor; /* where the cron goes on; moves on when that client is destroyed */
};

struct client_table *client_table_create(void);
/* No client may be left. */
void client_table_destroy(struct client_table *table);
struct client *client_table_find(const struct client_table *table, uint64_t id) ON_MAIN;
void client_table_add(struct client_table *table, struct client *client) ON_MAIN;
void client_table_remove(struct client_table *table, struct client *client) ON_MAIN;
/* The next client after the cursor, which moves; wraps round. NULL when the table is empty. A
 * client may be destroyed between calls. */
struct client *client_table_step(struct client_table *table) ON_MAIN;

#endif
