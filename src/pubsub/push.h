/* Messages to clients outside of their own requests: pub/sub, invalidations, MONITOR. Main thread.
 *
 * A push is written into the receiver's reply: behind what its requests of the batch in hand have
 * answered, or alone, and goes down once a turn (push_flush). What the client of the running
 * command gets itself waits aside until that command is answered (push_end_command), so it never
 * stands inside a reply. CLIENT REPLY OFF does not hold pushes back.
 */
#ifndef PUBSUB_PUSH_H
#define PUBSUB_PUSH_H

#include "client/exchange.h"
#include "protocol/resp_writer.h"

struct push_queue {
    struct exchange *exchange;
    struct client *running; /* whose command runs; NULL: none */
    struct reply aside;     /* for the running client */
    struct client **waiting;
    uint32_t waiting_count;
    uint32_t waiting_capacity;
    bool was_discarded; /* of the reply between push_begin and push_end */
};

enum { PUSH_SHARED_SIZE_MIN = 512 }; /* a message of this size is referenced, not copied */

/* `exchange` may be NULL (tests): then nothing is sent, it stays in the replies. */
void push_queue_init(struct push_queue *queue, struct exchange *exchange);
void push_queue_deinit(struct push_queue *queue);

/* Where to write a message to `client`, in its protocol; NULL when it is about to be closed. Ended
 * by push_end before anything else is written. */
struct reply *push_begin(struct push_queue *queue, struct client *client);
void push_end(struct push_queue *queue, struct client *client, struct reply *reply);
/* A whole encoded message. */
void push_shared(struct push_queue *queue, struct client *client, struct shared_bytes *message);

/* `client` begins to run a command; ends: what was put aside follows its reply. */
static inline void push_begin_command(struct push_queue *queue, struct client *client)
{
    queue->running = client;
}
void push_take_aside(struct push_queue *queue, struct client *client);
static inline void push_end_command(struct push_queue *queue, struct client *client)
{
    if (__builtin_expect(queue->aside.chain.head != NULL, 0))
        push_take_aside(queue, client);
    queue->running = NULL;
}

static inline bool push_is_pending(const struct push_queue *queue)
{
    return queue->waiting_count > 0;
}

/* Sends what waits; `look` is then called for each receiver (output limits), and may close it. */
void push_flush(struct push_queue *queue, void (*look)(void *context, struct client *client),
                void *context) ON_MAIN;
/* The client is gone. */
void push_forget(struct push_queue *queue, const struct client *client);

#endif
