/* What stands between a connection's wire bytes and its plaintext: plain or TLS.
 *
 * A transport never sees a descriptor. It takes received bytes from the connection's `wire_in`
 * (blocks of the loop, in order) and appends bytes to send to `wire_out`. Its results are one enum;
 * WANT_READ, WANT_WRITE and errno do not leave it. One thread at a time: the one that borrowed the
 * connection.
 */
#ifndef IO_TRANSPORT_H
#define IO_TRANSPORT_H

#include "io/backend.h"
#include <stdbool.h>
#include <stddef.h>

enum transport_result {
    TRANSPORT_DONE,        /* progress was made (n bytes; handshake complete) */
    TRANSPORT_NEED_INPUT,  /* nothing more without bytes from the peer, or in this turn */
    TRANSPORT_NEED_OUTPUT, /* wire_out is full: go on when it was sent */
    TRANSPORT_CLOSED,      /* the peer ended the stream (cleanly, or see truncated) */
    TRANSPORT_ERROR        /* transport_wire.error says why, in one line */
};

/* How a connection ended: five different outcomes and their kin (each has a counter). */
enum connection_outcome {
    OUTCOME_CLOSED_CLEAN,     /* close_notify, or FIN on a plain connection */
    OUTCOME_CLOSED_TRUNCATED, /* FIN without close_notify */
    OUTCOME_RESET,            /* ECONNRESET, EPIPE and the like */
    OUTCOME_PROTOCOL_ERROR,   /* TLS alert or bad record after the handshake */
    OUTCOME_HANDSHAKE_FAILED, /* see handshake_failure */
    OUTCOME_HANDSHAKE_TIMEOUT,
    OUTCOME_CLOSED_BY_US
};

enum handshake_failure {
    HANDSHAKE_OTHER,
    HANDSHAKE_NO_SHARED_PROTOCOL,
    HANDSHAKE_NO_SHARED_CIPHER,
    HANDSHAKE_NO_CERTIFICATE, /* the peer sent none, and one is required */
    HANDSHAKE_UNKNOWN_CA,
    HANDSHAKE_EXPIRED, /* or not yet valid */
    HANDSHAKE_REVOKED,
    HANDSHAKE_NAME_MISMATCH,
    HANDSHAKE_PLAINTEXT, /* the first byte was not a TLS record's */
    HANDSHAKE_RESET      /* the peer went away in the middle */
};

enum {
    TRANSPORT_ERROR_TEXT_MAX = 256,
    WIRE_OUT_SIZE_MAX = 128 * 1024,
    WIRE_TURN_SIZE_MAX = 128 * 1024, /* taken of what was received, in one turn */
    WIRE_TAKE_COST = 256             /* what each taking counts as, besides its bytes */
};

/* The wire side of one connection; the connection owns it, its transport works on it. */
struct transport_wire {
    struct loop *loop;
    struct io_buffer *in_head; /* received, not yet consumed */
    struct io_buffer *in_tail;
    size_t in_size;
    size_t in_taken;   /* by wire_take in this turn */
    uint32_t in_count; /* buffers in the list */
    bool in_ended;     /* end of stream was received behind wire_in */
    bool in_was_reset; /* and it was a reset (ECONNRESET), not a FIN */
    char *out;         /* a block of the loop's byte pool, or NULL while empty */
    size_t out_size;   /* bytes waiting in it */
    size_t out_capacity;
    const char *error; /* set with TRANSPORT_ERROR: static or owned by the transport */
    enum connection_outcome outcome; /* set with TRANSPORT_CLOSED and _ERROR */
    enum handshake_failure failure;
};

/* Appends a received buffer of at least one byte. */
void wire_append(struct transport_wire *wire, struct io_buffer *buffer);
/* Releases what was received and not read. */
void wire_drop_input(struct transport_wire *wire);
/* Gives the block of out back, whatever is in it. */
void wire_drop_output(struct transport_wire *wire);
/* Copies up to `size` received bytes out and releases what was used up; nothing more in a turn that
 * has had WIRE_TURN_SIZE_MAX. A record is two takings, and a small one costs more than its bytes.
 */
size_t wire_take(struct transport_wire *wire, void *destination, size_t size);
/* The same for plaintext, which is wiped where it was: it may be a password. */
size_t wire_move(struct transport_wire *wire, void *destination, size_t size);
/* Looks at the first received byte; -1 when there is none. */
int wire_peek(const struct transport_wire *wire);
/* Room for `size` bytes at the end of out (grows the block up to WIRE_OUT_SIZE_MAX), NULL when it
 * would pass the maximum. Then wire_commit. */
char *wire_reserve(struct transport_wire *wire, size_t size);
void wire_commit(struct transport_wire *wire, size_t size);

struct transport {
    const struct transport_ops *ops;
};

struct transport_ops {
    const char *name; /* "tcp", "tls" */
    /* Goes on until DONE. */
    enum transport_result (*handshake)(struct transport *transport, struct transport_wire *wire);
    /* DONE with *count > 0, or why not. */
    enum transport_result (*read)(struct transport *transport, struct transport_wire *wire,
                                  char *destination, size_t size, size_t *count);
    /* Takes up to `size` bytes (> 0), *count of them on DONE. Bytes not taken may be offered again
     * or not. */
    enum transport_result (*write)(struct transport *transport, struct transport_wire *wire,
                                   const char *source, size_t size, size_t *count);
    /* True when plaintext can be read without more wire input (SSL_has_pending). */
    bool (*has_pending)(const struct transport *transport);
    /* Says goodbye (close_notify) into wire_out, once, when that is allowed. */
    void (*shutdown)(struct transport *transport, struct transport_wire *wire);
    void (*destroy)(struct transport *transport);
};

/* A constant object, shared by all plain connections (no state). */
struct transport *transport_plain(void);

#endif
