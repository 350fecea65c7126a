/* The messages between main and the sessions on I/O threads: the whole contract of lending, in one
 * place. `a`, `b`, `c`, `value` are the fields of struct message (io/mailbox.h). Order is kept in
 * each direction.
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
 *        ◀─────────────────── CLOSED(client, session, outcome)   exactly once, its last word
 *   FORGET(session) ────────────────────▶ frees the session: main's last word about it
 *   BATCH_BACK(batch) ──────────────────▶ a batch of a client that is gone, to be freed
 *
 * Moving a session to another thread. RECALL asks the thread that has it; it answers once nothing
 * of the connection is in flight, and at the latest after SESSION_RECALL_LIMIT_MS:
 *
 *   main                                  I/O thread a                  I/O thread b
 *   RECALL(session) ────────────────────▶ comes to rest
 *        ◀─────────────────── RETURNED(client, session, has left)
 *   ADOPT(session) ───────────────────────────────────────────────────▶ goes on
 *
 * Exactly one of RETURNED or CLOSED answers a RECALL. Until then main sends nothing about the
 * session to anybody: what it has to say (replies of the batch in flight, too) waits in order at
 * the client (exchange.c) and goes to b behind ADOPT, or to a when the session did not leave or was
 * closed. What a has sent up comes before RETURNED, and b sends nothing before ADOPT: order is kept
 * both ways. The session moves with all it has read, parsed and not sent yet; its memory does not
 * change place, and what was allocated on a (blocks, batches) is freed on b.
 *
 * Sessions whose handshake is not over are not known to main. RETIRE asks for all of those: each is
 * RETURNED unasked (and is then main's to ADOPT elsewhere), or opens first and is moved like any
 * other.
 */
#ifndef CLIENT_SESSION_MESSAGE_H
#define CLIENT_SESSION_MESSAGE_H

#include "io/io_thread.h"

enum session_message {
    /* -- to the I/O thread -- */
    /* a = struct session_settings, which moves (one small heap block) */
    SESSION_SETTINGS = IO_MESSAGE_USER,
    /* value = fd, a = client, b = its meters, c = enum lend_flag bits and, from LEND_TIME_SHIFT on,
     * clock_ms() when it was accepted (0: now) */
    SESSION_LEND,
    SESSION_LIMITS,     /* a = session, value = is authenticated */
    SESSION_HELD,       /* a = session; until its REPLIES */
    SESSION_REPLIES,    /* a = batch with its replies */
    SESSION_PUSH,       /* a = session, b = first chunk, c = last chunk */
    SESSION_CLOSE,      /* a = session, value = enum connection_close_how */
    SESSION_FORGET,     /* a = session */
    SESSION_BATCH_BACK, /* a = batch */
    SESSION_RECALL,     /* a = session, open */
    SESSION_ADOPT,      /* a = session, which has left another thread */
    SESSION_RETIRE,     /* what is half open goes elsewhere */
    /* -- to main -- */
    SESSION_OPENED,   /* a = client, b = session, c = struct tls_facts or NULL, until LIMITS */
    SESSION_REQUESTS, /* a = batch */
    SESSION_SPENT,    /* a = first chunk, b = last chunk, c = their bytes */
    /* a = client, b = session, value = outcome (and enum session_close_reason), c = one line of
     * text, readable until FORGET; may be NULL */
    SESSION_CLOSED,
    SESSION_RETURNED /* a = client, b = session, value = it has left; 0: it stays, for now */
};

/* Why the I/O side closed of its own accord: in bits 8.. of SESSION_CLOSED's value. */
enum session_close_reason {
    SESSION_CLOSE_OTHER,
    SESSION_CLOSE_QUERY_LIMIT, /* client-query-buffer-limit */
    SESSION_CLOSE_TLS_ON_PLAIN /* a TLS hello on a plain port */
};

/* A connection that is not at rest so long after RECALL (its peer takes nothing) stays. */
enum { SESSION_RECALL_LIMIT_MS = 50 };

enum lend_flag { LEND_TLS = 1 << 0, LEND_AUTHENTICATED = 1 << 1, LEND_FLAGS = 0xff };
enum { LEND_TIME_SHIFT = 8 };

/* What every session is held to; a new snapshot is sent when the configuration changes. */
struct session_settings {
    int64_t bulk_size_max;
    int64_t query_size_max;
    int64_t handshake_timeout_ms; /* from accept on; 0: none */
    int64_t handshakes_max;       /* under way at a time, on each thread; 0: any number */
};

#endif
