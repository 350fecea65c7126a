/* maxmemory-clients: when clients hold more than that together, the largest are closed until they
 * do not; never those with CLIENT NO-EVICT, replicas or the primary. Main thread.
 *
 * The sum is kept up to date by those that run commands, and made anew by the cron from the meters
 * of all, so that clients of which main hears nothing (half a request, replies not taken) count
 * within a tenth of a second. Nothing is done while the option is 0.
 */
#ifndef SERVER_CLIENT_EVICTION_H
#define SERVER_CLIENT_EVICTION_H

#include <stdbool.h>
#include <stdint.h>

struct server;
struct client;

enum { CLIENT_EVICTION_LIMIT_MIN = 128 * 1024 }; /* else nobody could set it again */

struct client_eviction {
    uint64_t total;    /* held by the clients that count */
    bool is_hopeless;  /* nobody is left that may be closed; until the next cron */
    bool was_counting; /* the option was set when the cron last looked */
};

/* In force, in bytes; 0: none. */
uint64_t client_eviction_limit(const struct server *server);
/* The client ran a command. */
void client_eviction_note(struct server *server, struct client *client);
/* The client is being closed. */
void client_eviction_forget(struct server *server, struct client *client);
/* Each turn. */
void client_eviction_run(struct server *server);
void client_eviction_cron(struct server *server);

#endif
