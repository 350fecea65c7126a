/* I/O threads that start late: their number grew while others still ended in their places. With TLS
 * they need contexts, which a background worker builds. Main thread.
 */
#ifndef SERVER_TLS_REFILL_H
#define SERVER_TLS_REFILL_H

#include <stdbool.h>
#include <stdint.h>

struct server;

struct tls_refill {
    bool is_running; /* a job is with the worker */
    int64_t next_ms; /* not before, when the last one failed */
};

/* From the cron: has contexts built when threads are missing, and starts them when that is done. */
void tls_refill_cron(struct server *server);

#endif
