/* Which TLS handshakes of one I/O thread may be under way: so many at a time, the others wait in
 * the order in which they were accepted. A waiting one is a descriptor and a session, not a
 * connection: nothing of it is read, and it costs no work. Dropped first are those whose deadline
 * (tls-handshake-timeout, counted from accept) has passed and those whose peer went away. [I]
 */
#ifndef CLIENT_SESSION_ADMISSION_H
#define CLIENT_SESSION_ADMISSION_H

#include "base/thread_role.h"
#include "io/timer.h"
#include <stdbool.h>
#include <stdint.h>

struct session;
struct session_host;

enum {
    ADMISSION_WAITING_MAX = 16384, /* beyond that, a new one is refused (closed at once) */
    ADMISSION_SWEEP_MS = 250,      /* how often those that wait are looked at */
    ADMISSION_SWEEP_MAX = 1024     /* looked at each time, those whose turn comes next */
};

struct session_admission {
    struct session *first; /* waiting, the oldest first */
    struct session *last;
    uint32_t waiting;
    uint32_t in_flight;
    struct timer timer; /* only makes a turn, which looks at those that wait */
    int64_t swept_ms;
};

void session_admission_init(struct session_host *host);
void session_admission_deinit(struct session_host *host);
/* A lent TLS connection: its handshake begins, or it waits. Takes over session->fd. */
void session_admit(struct session_host *host, struct session *session);
/* Its handshake is over, either way; others begin at the end of the turn. */
void session_admission_end(struct session *session);
/* End of a turn: drops whoever is due, begins as many as there is room for. */
void session_admission_turn(struct session_host *host);
/* The host stops: nobody's turn comes any more. */
void session_admission_stop(struct session_host *host);
/* The thread retires: all that are not open yet go elsewhere; those that wait at once, the others
 * as soon as they are at rest (session_message.h). */
void session_admission_retire(struct session_host *host);
/* It leaves for another thread in the middle of its handshake. */
void session_admission_leave(struct session *session);
/* A session that has come from another thread and is not open yet. */
void session_admission_adopt(struct session_host *host, struct session *session);

#endif
