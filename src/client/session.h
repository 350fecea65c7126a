/* The I/O half of a connection: receives, parses, and hands request batches to main; takes reply
 * chains and sends them. Lives on the I/O thread that has borrowed the connection; knows its client
 * only as an opaque pointer to put into messages. [I]
 */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include "base/thread_role.h"
#include "client/client_meters.h"
#include "client/request.h"
#include "client/session_admission.h"
#include "client/session_message.h"
#include "io/connection.h"
#include "io/timer.h"
#include "io/transport_tls.h"
#include "protocol/resp_parser.h"

enum {
    SESSION_READ_QUANTUM = 128 * 1024, /* plaintext taken from one connection a turn */
    SESSION_STALL_MS = CONNECTION_DRAIN_STALL_MS,
    SESSION_DEAF_MS = 500, /* between two looks at who has left unheard */
    SESSION_OUTPUT_PAUSE_SIZE =
        1024 * 1024, /* unsent replies beyond which no request is handed on */
    /* Of one unfinished request, without its large arguments (offsets have 32 bits), whatever
     * client-query-buffer-limit allows. */
    SESSION_REQUEST_SIZE_MAX = 1024 * 1024 * 1024
};

struct session_host;

struct session {
    struct session_host *host;
    struct connection *connection; /* NULL once closed */
    struct client *client;         /* main's; opaque here */
    struct client_meters *meters;  /* in the client's memory; not touched after CLOSED */

    /* -- until it is open (session_admission.h) -- */
    int fd;              /* while there is no connection yet; -1 */
    bool is_waiting;     /* for its turn to make a handshake */
    bool is_handshaking; /* counted in the host's admission */
    int64_t accepted_ms;
    struct session *next_waiting;

    /* -- input -- */
    struct resp_parser parser;
    struct resp_limits limits;
    struct input_block *block; /* being filled; NULL while nothing waits */
    uint32_t request_start;    /* of the unfinished request, in block */
    uint32_t block_size_hint;
    struct shared_bytes *large; /* argument being received, NULL otherwise */
    size_t large_filled;
    size_t large_total;          /* bytes of large arguments of the unfinished request */
    struct request_batch *batch; /* parsed, not handed on yet */
    bool batch_uses_block;       /* requests of batch point into block */
    bool is_in_flight;           /* main has a batch of ours */
    bool has_unparsed;           /* parsing stopped before the end of block */
    bool is_reading_paused;
    bool is_broken; /* a protocol error was reported: nothing is read any more */
    bool is_dead;   /* CLOSED was reported; waits for FORGET */
    bool closes_after_output;
    bool is_held;         /* main keeps our batch: the client is blocked or paused */
    bool is_end_deferred; /* the peer's end of stream waits for replies under way */
    bool waits_for_room;  /* connection_write took less than offered */

    /* -- output -- */
    struct reply_chain output;
    size_t output_offset;        /* sent bytes of output.head */
    struct session_stall *stall; /* closing after its output: watches that the peer takes some */

    struct tls_facts *facts; /* between OPENED and LIMITS */
    char *closed_text;
    uint8_t close_reason; /* enum session_close_reason */
    struct session *next_recalled;
    int64_t recalled_ms; /* when RECALL came; 0: not recalled */
    struct session *next;
    struct session *previous;
};

/* What the layer above gives to the sessions: looks up the command and hashes the first key. Called
 * on I/O threads at once; may only read what never changes. */
struct session_resolver {
    void (*resolve)(const void *context, struct request *request);
    const void *context;
};

/* The sessions of one I/O thread. */
struct session_host {
    struct io_thread *thread;
    const struct session_resolver *resolver;
    struct session_settings settings;
    struct session *sessions;
    uint64_t count;
    struct reply_chain spent; /* main's chunks, to be returned at the end of the turn */
    struct session *recalled; /* those that come to rest */
    struct timer recall_timer;
    struct session_admission admission;
    struct timer deaf_timer; /* session_deaf.c */
    bool is_stopping;
};

struct session_host *session_host_create(struct io_thread *thread,
                                         const struct session_resolver *resolver);
void session_host_destroy(struct session_host *host);
/* Handles one message of enum session_message's first part. */
void session_host_message(struct session_host *host, const struct message *message) ON_IO;
/* End of a turn: returns recalled sessions that are at rest, and spent chunks. */
void session_host_turn(struct session_host *host) ON_IO;
/* Closes all sessions (the first time); true when none is left. */
bool session_host_stop(struct session_host *host) ON_IO;

/* -- between session.c, session_input.c, session_output.c and session_recall.c -- */

void session_link(struct session_host *host, struct session *session);
void session_unlink(struct session_host *host, struct session *session);
void session_close(struct session *session, enum connection_close_how how);
/* Its last word. */
void session_report_closed(struct session *session, enum connection_outcome outcome);
/* Makes the connection of a lent descriptor; 0 is no limit of time. */
void session_connect(struct session *session, int fd, int64_t handshake_timeout_ms);
void session_on_readable(struct connection *connection);
/* Goes on with what was held back: unparsed input, a batch to hand on, paused reading. */
void session_resume_input(struct session *session);
/* A peer that sends commands and closes its half of the stream gets its replies: its end is acted
 * upon when none is under way. Called whenever that may have changed. */
void session_update_end(struct session *session);
void session_free_input(struct session *session);
void session_write(struct session *session);
/* Closes once the output is gone, or when the peer takes nothing of it for SESSION_STALL_MS. */
void session_close_after_output(struct session *session);
void session_stall_leave(struct session *session);
void session_stall_adopt(struct session *session);
void session_stall_free(struct session *session);
/* What is held on this side goes into the meters. */
void session_update_memory(struct session *session);
/* A chunk is done with: frees the batch's room, collects main's for return. */
void session_spend_chunk(struct session_host *host, struct reply_chunk *chunk);
void session_spend_chain(struct session_host *host, struct reply_chain *chain);
struct byte_pool *session_pool(struct session_host *host);

/* -- session_deaf.c -- */

void session_deaf_init(struct session_host *host);
void session_deaf_deinit(struct session_host *host);
/* It was held, or its reading paused. */
void session_deaf_update(struct session *session);

/* -- session_recall.c -- */

void session_recall_init(struct session_host *host);
void session_recall_deinit(struct session_host *host);
void session_recall(struct session_host *host, struct session *session);
/* Hands a session over that is at rest and has left its loop, or never was in it. */
void session_recall_give(struct session_host *host, struct session *session);
/* It is closed before it has left. */
void session_recall_drop(struct session *session);
/* End of a turn: hands over those that are at rest. */
void session_recall_turn(struct session_host *host);
void session_adopt(struct session_host *host, struct session *session);

#endif
