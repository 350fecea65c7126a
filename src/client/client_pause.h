/* CLIENT PAUSE: until a time, for all commands or for writes only. Whoever meets it is put aside
 * with CLIENT_PAUSED and resumed in the turn in which it is over. Main thread. */
#ifndef CLIENT_CLIENT_PAUSE_H
#define CLIENT_CLIENT_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

enum client_pause_mode { CLIENT_PAUSE_NONE, CLIENT_PAUSE_WRITE, CLIENT_PAUSE_ALL };

struct client_pause {
    int mode;         /* enum client_pause_mode */
    int64_t until_ms; /* wall time */
    uint64_t waiting; /* clients put aside */
    bool is_over;     /* it ended while they waited: they go on, whatever pause has begun since */
};

/* A second pause extends the time and keeps the stricter mode (as Redis). */
void client_pause_start(struct client_pause *pause, enum client_pause_mode mode, int64_t until_ms);
/* CLIENT UNPAUSE. */
void client_pause_end(struct client_pause *pause);
/* The mode in force at `now_ms`; ends it when its time is over, which somebody has to ask for. */
enum client_pause_mode client_pause_check(struct client_pause *pause, int64_t now_ms);

#endif
