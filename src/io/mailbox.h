/* One direction of the talk between two threads: typed messages, in order, by value. [X]
 *
 * mailbox_send never fails and never waits: a message that finds the ring full waits in the
 * producer's own backlog, which goes first at the next mailbox_publish. What can be in the backlog
 * is bounded by the contracts of the senders: of a session one batch is under way and each steering
 * message once, and pushes are bounded by the output limits. Messages become visible at
 * mailbox_publish, once a turn, and that is also when the other side is woken.
 *
 * With both ends on one thread (I/O inline on main) the same calls work; nothing is woken.
 */
#ifndef IO_MAILBOX_H
#define IO_MAILBOX_H

#include "io/spsc.h"
#include "io/wakeup.h"

enum { MAILBOX_CAPACITY = 4096 };

struct message {
    uint32_t type; /* the users' */
    uint32_t value;
    void *a;
    void *b;
    void *c;
};

struct mailbox {
    struct spsc ring;
    struct wakeup *consumer; /* whom to wake; NULL: same thread */
    /* -- producer's -- */
    struct message *backlog;
    uint32_t backlog_count;
    uint32_t backlog_first;
    uint32_t backlog_capacity;
    uint64_t signals;
};

void mailbox_init(struct mailbox *mailbox, struct wakeup *consumer);
void mailbox_deinit(struct mailbox *mailbox);

/* Producer: queues a copy. Ownership of what it points to moves with it. */
void mailbox_send(struct mailbox *mailbox, struct message message);
/* Producer: makes everything sent visible and wakes the consumer if it sleeps. False while a
 * backlog remains: the producer must not sleep long. */
bool mailbox_publish(struct mailbox *mailbox);

/* Consumer: takes the next message; false when there is none. */
static inline bool mailbox_receive(struct mailbox *mailbox, struct message *message)
{
    struct message *slot = spsc_peek(&mailbox->ring);
    if (!slot)
        return false;
    *message = *slot;
    spsc_pop(&mailbox->ring);
    return true;
}

/* Consumer: returns the slots of received messages, once per batch of them. */
static inline void mailbox_release(struct mailbox *mailbox)
{
    spsc_free(&mailbox->ring);
}

static inline bool mailbox_is_empty(struct mailbox *mailbox)
{
    return spsc_is_empty(&mailbox->ring);
}

#endif
