/* Waking a thread that sleeps in its loop, at most one system call per sleep. [X]
 *
 * The consumer announces that it is going to sleep, looks once more at all its queues, and only
 * then sleeps; a producer publishes to a queue and then looks whether the consumer announced. Both
 * sides put a full fence between their store and their load, so at least one of them sees the
 * other:
 *
 *     consumer: sleeping = 1; fence (W1); queues empty? sleep
 *     producer: publish;      fence (W2); sleeping?     write(eventfd)
 *
 * Several producers may signal one consumer; the exchange lets exactly one of them pay for the
 * call.
 */
#ifndef IO_WAKEUP_H
#define IO_WAKEUP_H

#include "base/assert.h"
#include <stdbool.h>
#include <stdint.h>

struct wakeup {
    int fd; /* eventfd, watched by the consumer's loop */
    uint32_t is_sleeping __attribute__((aligned(64)));
};

int wakeup_init(struct wakeup *wakeup) MUST_CHECK; /* 0 or -errno */
void wakeup_deinit(struct wakeup *wakeup);

/* Consumer: before it looks at its queues for the last time. */
void wakeup_announce_sleep(struct wakeup *wakeup);
/* Consumer: it found something, or it has slept. */
void wakeup_end_sleep(struct wakeup *wakeup);
/* Consumer: resets the eventfd after it became readable. */
void wakeup_drain(struct wakeup *wakeup);
/* Any producer, after publishing. True when it had to make the system call. */
bool wakeup_signal(struct wakeup *wakeup);

#endif
