/* What the I/O side of a connection tells main without a message: written by the I/O thread that
 * has borrowed the connection, read by main, relaxed both. [X] Whole values only, no ordering
 * between them: for CLIENT LIST, memory figures and limits, never for decisions about ownership. */
#ifndef CLIENT_CLIENT_METERS_H
#define CLIENT_CLIENT_METERS_H

#include <stdint.h>

struct client_meters {
    uint64_t bytes_in;   /* plaintext read */
    uint64_t bytes_out;  /* plaintext written */
    uint64_t input_size; /* held in input blocks: CLIENT LIST qbuf */
    uint64_t input_capacity;
    uint64_t output_size; /* reply bytes not yet encrypted or sent: omem */
    uint64_t memory;      /* session, connection, input, buffers, TLS; not the replies */
    uint64_t tls_memory;  /* TLS's part of it */
};

#define client_meter_set(field, value)                                                             \
    __atomic_store_n(&(field), (uint64_t)(value), __ATOMIC_RELAXED)
#define client_meter_get(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

#endif
