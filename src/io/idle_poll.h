/* How long a thread looks at its queues before it sleeps. Adaptive: while work tends to come back
 * within a few microseconds, looking is cheaper than sleeping and being woken (two system calls and
 * a context switch); when it does not, the time is given to others. One thread; plain data.
 */
#ifndef IO_IDLE_POLL_H
#define IO_IDLE_POLL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    IDLE_POLL_NS_MAX = 12 * 1000,   /* one spell of looking */
    IDLE_POLL_GAP_NS_MAX = 8 * 1000 /* expected gap up to which looking is tried */
};

struct idle_poll {
    int64_t gap_ns; /* moving average of how long work stayed away */
};

/* Looks until `has_work` says so, or the time is over. True when there is work. */
bool idle_poll_wait(struct idle_poll *poll, bool (*has_work)(void *context), void *context);
/* The thread slept instead, for so long. */
void idle_poll_slept(struct idle_poll *poll, int64_t slept_ns);

#endif
