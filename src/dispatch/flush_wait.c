/* See flush_wait.h. The worker frees databases in the order in which it was given them, so a number
 * tells when somebody's turn has come, and those who wait are a queue. */
#include "dispatch/flush_wait.h"

#include "base/clock.h"
#include "base/memory.h"
#include "dispatch/execute.h"
#include "keyspace/keyspace.h"

struct flush_wait {
    struct flush_wait *next;
    struct client *client;
    struct request *request; /* lies in the client's batch */
    uint64_t job;            /* the last that it waits for */
    int64_t start_ns;
};

struct flush_waits {
    struct executor *executor;
    struct keyspace *keyspace;
    struct flush_wait *first;
    struct flush_wait **end;
};

struct flush_waits *flush_waits_create(struct executor *executor)
{
    struct flush_waits *waits = mem_calloc(1, sizeof(*waits));
    waits->executor = executor;
    waits->keyspace = executor->services.keyspace;
    waits->end = &waits->first;
    return waits;
}

static void remove_at(struct flush_waits *waits, struct flush_wait **at)
{
    struct flush_wait *wait = *at;
    *at = wait->next;
    if (waits->end == &wait->next)
        waits->end = at;
    mem_free(wait);
}

void flush_waits_destroy(struct flush_waits *waits)
{
    while (waits->first)
        remove_at(waits, &waits->first);
    mem_free(waits);
}

bool flush_wait_begin(struct call *call)
{
    const struct keyspace *keyspace = call->services->keyspace;
    if (keyspace->flush_jobs == keyspace->flush_jobs_done)
        return false;
    if (call->may_not_block || !call->request || call->client->flags & CLIENT_INTERNAL)
        return false;
    struct flush_waits *waits = call->services->executor->flushes;
    assert(!(call->client->flags & CLIENT_BLOCKED));
    struct flush_wait *wait = mem_calloc(1, sizeof(*wait));
    wait->client = call->client;
    wait->request = call->request;
    wait->job = keyspace->flush_jobs;
    wait->start_ns = clock_read_ns();
    call->client->flags |= CLIENT_BLOCKED;
    *waits->end = wait;
    waits->end = &wait->next;
    return true;
}

void flush_waits_step(struct flush_waits *waits)
{
    while (waits->first && waits->first->job <= waits->keyspace->flush_jobs_done) {
        struct flush_wait wait = *waits->first;
        remove_at(waits, &waits->first);
        if (wait.client->flags & CLIENT_CLOSING)
            continue;
        executor_begin_answer(wait.client);
        reply_ok(&wait.client->reply);
        wait.client->flags &= ~(uint32_t)CLIENT_BLOCKED;
        executor_end_request(waits->executor, wait.client, wait.request,
                             clock_read_ns() - wait.start_ns);
    }
}

void flush_waits_forget(struct flush_waits *waits, const struct client *client)
{
    struct flush_wait **at = &waits->first;
    while (*at) {
        if ((*at)->client == client)
            remove_at(waits, at);
        else
            at = &(*at)->next;
    }
}
