/* What a client holds, as main knows it: its own half, and what its I/O thread last wrote into the
 * meters. No thread is asked or stopped. Main thread.
 */
#ifndef CLIENT_CLIENT_MEMORY_H
#define CLIENT_CLIENT_MEMORY_H

#include "client/client.h"

/* Bytes: CLIENT LIST tot-mem, mem_clients_*, maxmemory-clients. */
uint64_t client_memory(const struct client *client);

#endif
