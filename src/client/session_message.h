/* The messages between main and the sessions on I/O threads: the whole contract of lending, in one
 * place. `a`, `b`, `c`, `value` are the fields of struct message (io/mailbox.h). Order is kept in each direction.
 *
 *   main                                  I/O thread
 *   LEND(fd, client) ───────────────────▶ creates the session, handshakes
 *        ◀─────────────────── OPENED(client, session, facts)
 *   LIMITS(session) ────────────────────▶ (also frees the facts)
 *        ◀─────────────────── REQUESTS(batch)      one batch at a time in flight per session
 *   HELD(session) ──────────────────────▶ the batch stays with main for now (blocked, paused)
 *   REPLIES(batch) / PUSH(chain) ───────▶
 *        ◀─────────────────── SPENT(chunks)        main's chunks to free
 *   CLOSE(session, how) ────────────────▶
 *        ◀─────────────────── CLOSED(client, session, outcome)   exactly once, the session's last word
 *   FORGET(session) ────────────────────▶ frees the session: main's last word about it
 *   BATCH_BACK(batch) ──────────────────▶ a batch of a client that is gone, to be freed
 */
#ifndef CLIENT_SESSION_MESSAGE_H
#define CLIENT_SESSION_MESSAGE_H

#include "io/io_thread.h"

enum session_message {
    /* -- to the I/O thread -- */
    SESSION_SETTINGS = IO_MESSAGE_USER, /* a = struct session_settings, which moves (one small heap block) */
    SESSION_LEND,       /* value = fd, a = client, b = its meters, c = enum lend_flag bits */
    SESSION_LIMITS,     /* a = session, value = is authenticated */
    SESSION_HELD,       /* a = session; until its REPLIES */
    SESSION_REPLIES,    /* a = batch with its replies */
    SESSION_PUSH,       /* a = session, b = first chunk, c = last chunk */
    SESSION_CLOSE,      /* a = session, value = enum connection_close_how */
    SESSION_FORGET,     /* a = session */
    SESSION_BATCH_BACK, /* a = batch */
    /* -- to main -- */
    SESSION_OPENED,   /* a = client, b = session, c = const struct tls_facts or NULL, readable until LIMITS */
    SESSION_REQUESTS, /* a = batch */
    SESSION_SPENT,    /* a = first chunk, b = last chunk */
    SESSION_CLOSED    /* a = client, b = session, value = outcome, c = one line of text, readable until FORGET; may be NULL */
};

/* Why the I/O side closed of its own accord: in bits 8.. of SESSION_CLOSED's value. */
enum session_close_reason {
    SESSION_CLOSE_OTHER,
    SESSION_CLOSE_QUERY_LIMIT, /* client-query-buffer-limit */
    SESSION_CLOSE_TLS_ON_PLAIN /* a TLS hello on a plain port */
};

enum lend_flag { LEND_TLS = 1 << 0, LEND_AUTHENTICATED = 1 << 1 };

/* What every session is held to; a new snapshot is sent when the configuration changes. */
struct session_settings {
    int64_t bulk_size_max;
    int64_t query_size_max;
    int64_t handshake_timeout_ms;
};

#endif
