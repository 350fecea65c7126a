/* See push.h. */
#include "pubsub/push.h"

#include "base/assert.h"
#include "base/memory.h"

void push_queue_init(struct push_queue *queue, struct exchange *exchange)
{
    *queue = (struct push_queue){.exchange = exchange};
}

void push_queue_deinit(struct push_queue *queue)
{
    reply_chain_free(&queue->aside.chain);
    mem_free(queue->waiting);
}

static void enqueue(struct push_queue *queue, struct client *client)
{
    if (client->has_pushes)
        return;
    client->has_pushes = true;
    if (queue->waiting_count == queue->waiting_capacity) {
        queue->waiting_capacity = queue->waiting_capacity ? queue->waiting_capacity * 2 : 16;
        queue->waiting =
            mem_realloc(queue->waiting, queue->waiting_capacity * sizeof(struct client *));
    }
    queue->waiting[queue->waiting_count++] = client;
}

struct reply *push_begin(struct push_queue *queue, struct client *client)
{
    if (client->flags & (CLIENT_CLOSING | CLIENT_CLOSE_AFTER_REPLY))
        return NULL;
    struct reply *reply = client == queue->running ? &queue->aside : &client->reply;
    reply->protocol = client->protocol;
    queue->was_discarded = reply->is_discarded;
    reply->is_discarded = false;
    return reply;
}

void push_end(struct push_queue *queue, struct client *client, struct reply *reply)
{
    reply->is_discarded = queue->was_discarded;
    if (reply != &queue->aside)
        enqueue(queue, client);
}

void push_shared(struct push_queue *queue, struct client *client, struct shared_bytes *message)
{
    struct reply *reply = push_begin(queue, client);
    if (!reply)
        return;
    if (message->size < PUSH_SHARED_SIZE_MIN)
        reply_raw(reply, message->data, message->size);
    else
        reply_chain_push(&reply->chain, reply_chunk_create_shared(shared_bytes_acquire(message), 0,
                                                                  message->size));
    push_end(queue, client, reply);
}

void push_take_aside(struct push_queue *queue, struct client *client)
{
    assert(queue->running == client);
    if (client->flags & (CLIENT_CLOSING | CLIENT_CLOSE_AFTER_REPLY)) {
        reply_chain_free(&queue->aside.chain);
        return;
    }
    reply_chain_append(&client->reply.chain, &queue->aside.chain);
    enqueue(queue, client); /* it may be blocked, and its batch stay */
}

/* A batch that is not answered to its end takes the pushes along when it goes. */
static bool goes_with_batch(const struct client *client)
{
    return client->batch && !(client->flags & (CLIENT_BLOCKED | CLIENT_PAUSED));
}

void push_flush(struct push_queue *queue, void (*look)(void *context, struct client *client),
                void *context)
{
    for (uint32_t i = 0; i < queue->waiting_count; i++) {
        struct client *client = queue->waiting[i];
        client->has_pushes = false;
        if (!queue->exchange)
            continue;
        if (!goes_with_batch(client))
            exchange_push(queue->exchange, client);
        if (look)
            look(context, client);
    }
    queue->waiting_count = 0;
}

void push_forget(struct push_queue *queue, const struct client *client)
{
    assert(queue->running != client);
    if (!client->has_pushes)
        return;
    for (uint32_t i = 0; i < queue->waiting_count; i++)
        if (queue->waiting[i] == client) {
            queue->waiting[i] = queue->waiting[--queue->waiting_count];
            return;
        }
}
