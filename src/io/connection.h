/* A connection: one socket, its transport, and what waits to be sent. One loop at a time.
 *
 * Lifecycle: connection_accept or connection_connect, then on_opened (after the handshake; for
 * plain sockets in the next loop_poll), any number of on_readable and on_writable, then exactly one
 * on_closed, the last callback, after which the connection frees itself. No callback runs inside a
 * call of these functions. connection_close may be called at any time, inside callbacks too;
 * on_closed then follows from a later phase of the loop, never from inside connection_close.
 *
 * Reading is pulled: on_readable says that connection_read may return something; what the handler
 * leaves unread is offered again next turn (ready list), unless reading is paused. Sending: bytes
 * are gathered during the turn and sent once, in loop_flush.
 */
#ifndef IO_CONNECTION_H
#define IO_CONNECTION_H

#include "io/address.h"
#include "io/loop.h"
#include "io/transport.h"
#include <sys/uio.h>

struct connection;
struct tls_context;
struct tls_facts;

struct connection_handler {
    void (*on_opened)(struct connection *connection);
    void (*on_readable)(struct connection *connection);
    /* After connection_write took less than offered: there is room again. */
    void (*on_writable)(struct connection *connection);
    /* Everything is sent, and the room it took is given back: for figures alone, nothing may be
     * asked of the connection. May be NULL, as on_writable. */
    void (*on_drained)(struct connection *connection);
    /* `text` explains errors in one line ("TLS handshake failed: unknown ca (peer
     * 127.0.0.1:53122)"), empty for ordinary ends. Valid during the call. */
    void (*on_closed)(struct connection *connection, enum connection_outcome outcome,
                      const char *text);
};

struct connection_options {
    const struct connection_handler *handler;
    void *owner;                  /* connection_owner() */
    struct tls_context *tls;      /* NULL: plain. A reference is taken */
    int64_t handshake_timeout_ms; /* 0: none. Covers connecting too */
    const char *server_name;      /* outgoing: SNI, NULL for none. Copied */
    const char *verify_name;      /* outgoing: must match the certificate, NULL for no check */
    void *tls_session; /* outgoing: SSL_SESSION to resume, or NULL; see transport_tls.h */
};

/* Takes over an accepted descriptor (non-blocking). NULL when memory or the TLS library refuses:
 * then fd is closed. */
struct connection *connection_accept(struct loop *loop, int fd,
                                     const struct connection_options *options);
/* Starts connecting. Failure shows as on_closed. */
struct connection *connection_connect(struct loop *loop, const struct address *address,
                                      const struct connection_options *options);
void *connection_owner(const struct connection *connection);
struct loop *connection_loop(const struct connection *connection);
int connection_fd(const struct connection *connection);
bool connection_is_open(const struct connection *connection); /* opened and not closing */
bool connection_is_tls(const struct connection *connection);
struct transport *connection_transport(struct connection *connection);

/* Pulls plaintext: DONE with *count > 0; NEED_INPUT; or an end, which the connection handles itself
 * (on_closed will follow). Only after on_opened. */
enum transport_result connection_read(struct connection *connection, char *destination, size_t size,
                                      size_t *count);
/* Takes bytes for sending, in order; returns how many (all, or fewer when the output window is
 * full: then on_writable follows). TLS: small slices are gathered into full records. Bytes are
 * copied or encrypted before it returns. */
size_t connection_write(struct connection *connection, const struct iovec *slices, int count);
/* Bytes waiting for the socket. */
size_t connection_output_size(const struct connection *connection);
/* After pause no on_readable; what arrives meanwhile is bounded (receiving stops when a few blocks
 * wait). The peer's end of stream or reset is noticed only while receiving. */
void connection_pause_reading(struct connection *connection);
void connection_resume_reading(struct connection *connection);
/* While deferred, a clean or truncated end of the peer's stream is not acted upon: connection_read
 * says NEED_INPUT, and the connection can still write (a client that sent commands and closed its
 * half wants the replies). Ending the deferral offers the end again. A reset is not deferred. */
void connection_defer_end(struct connection *connection, bool is_deferred);

enum {
    /* Received buffers that may wait unread: reading is paused; the handler lags. */
    CONNECTION_PAUSED_BUFFERS_MAX = 4,
    CONNECTION_UNREAD_BUFFERS_MAX = 16,
    /* A closing connection whose peer takes nothing for so long is dropped. */
    CONNECTION_DRAIN_STALL_MS = 10000
};

enum connection_close_how {
    CONNECTION_CLOSE_NOW,         /* drop what waits; close_notify if it can go at once */
    CONNECTION_CLOSE_AFTER_OUTPUT /* send what waits, then close_notify, then close; reading stops
                                   */
};
/* A second call may only hurry (AFTER_OUTPUT then NOW). */
void connection_close(struct connection *connection, enum connection_close_how how);

/* -- moving to another loop, perhaps on another thread -- */

/* Prepares to leave (when open, or in the middle of the handshake): receives no more and starts no
 * further send, so that what is under way comes to its end; a send that the peer does not take is
 * given up, and the rest moves. Reading and writing go on; what is written waits. Closing ends the
 * preparation. */
void connection_begin_detach(struct connection *connection);
/* True when nothing is in flight any more: then the connection has left its loop, with what was
 * received and not read and what was not sent, and no callback comes until connection_attach.
 * Called in the owner's phase of a turn; each completion that it waits for makes a turn. False for
 * ever once the connection is closing. */
bool connection_try_detach(struct connection *connection) MUST_CHECK;
/* Stays after all. */
void connection_cancel_detach(struct connection *connection);
/* Goes on, on the thread of `loop`. When the loop refuses the socket, on_closed follows (reset). */
void connection_attach(struct loop *loop, struct connection *connection);

/* Bytes of memory held for this connection (struct, buffers; not OpenSSL's). */
size_t connection_memory(const struct connection *connection);

#endif
