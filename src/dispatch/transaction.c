/* See transaction.h. */
#include "dispatch/transaction.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/server_control.h"
#include "dispatch/call.h"
#include "dispatch/execute.h"
#include "dispatch/watch.h"
#include "keyspace/keyspace.h"
#include <string.h>

bool transaction_runs_now(const struct command *command)
{
    static const char *const names[] = {"exec", "discard", "multi", "watch", "quit", "reset"};
    if (command->parent) /* LATENCY RESET */
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(command->spec->name, names[i]) == 0)
            return true;
    return false;
}

void transaction_begin(struct client *client)
{
    assert(!client->transaction);
    client->transaction = mem_calloc(1, sizeof(*client->transaction));
    client->flags |= CLIENT_MULTI;
}

/* -- queueing -- */

static struct queued_command *copy_request(struct request *request)
{
    size_t argc = (size_t)request->argc;
    size_t size = sizeof(struct queued_command) + argc * sizeof(struct bytes);
    size_t large_offset = size;
    if (request->large)
        size += argc * sizeof(*request->large);
    size_t text_offset = size;
    for (size_t i = 0; i < argc; i++)
        if (!request->large || !request->large[i])
            size += request->argv[i].size;
    struct queued_command *queued = mem_alloc(size);
    queued->next = NULL;
    queued->memory = size;
    queued->request = *request;
    queued->request.next = NULL;
    char *text = (char *)queued + text_offset;
    if (request->large)
        queued->request.large = (struct shared_bytes **)(void *)((char *)queued + large_offset);
    for (size_t i = 0; i < argc; i++) {
        struct bytes argument = request->argv[i];
        struct shared_bytes *large = request_take_large(request, (int)i);
        if (request->large)
            queued->request.large[i] = large;
        if (large) {
            queued->request.argv[i] = argument; /* lies in what was taken */
            queued->memory += argument.size;
            continue;
        }
        if (argument.size)
            memcpy(text, argument.data, argument.size);
        queued->request.argv[i] = bytes_of(text, argument.size);
        text += argument.size;
    }
    return queued;
}

static void free_queued(struct queued_command *queued)
{
    for (int i = 0; queued->request.large && i < queued->request.argc; i++)
        if (queued->request.large[i])
            shared_bytes_release(queued->request.large[i]);
    mem_free(queued);
}

void transaction_queue(struct client *client, struct command *command, struct request *request)
{
    struct transaction *transaction = client->transaction;
    assert(transaction && client->flags & CLIENT_MULTI);
    if (client->flags & (CLIENT_DIRTY_CAS | CLIENT_DIRTY_EXEC))
        return; /* EXEC will not run it */
    struct queued_command *queued = copy_request(request);
    queued->request.command = command;
    if (transaction->last)
        transaction->last->next = queued;
    else
        transaction->first = queued;
    transaction->last = queued;
    transaction->command_flags |= command->flags;
    client->queued_count++;
    client->queued_memory += queued->memory;
}

/* -- the end -- */

static void free_transaction(struct transaction *transaction)
{
    struct queued_command *next;
    for (struct queued_command *queued = transaction->first; queued; queued = next) {
        next = queued->next;
        free_queued(queued);
    }
    mem_free(transaction);
}

void transaction_clear(struct client *client)
{
    if (client->transaction)
        free_transaction(client->transaction);
    client->transaction = NULL;
    client->queued_count = 0;
    client->queued_memory = 0;
}

void transaction_discard(struct executor *executor, struct client *client)
{
    transaction_clear(client);
    client->flags &= ~(uint32_t)(CLIENT_MULTI | CLIENT_DIRTY_CAS | CLIENT_DIRTY_EXEC);
    watch_remove_all(executor->watches, client);
}

/* -- EXEC -- */

bool transaction_is_put_off(const struct call *exec)
{
    struct client *client = exec->client;
    const struct server_control *control = exec->services->control;
    if (!(transaction_flags(client) & COMMAND_ADMIN) || !control || !control->defer_exec)
        return false;
    if (client->flags & (CLIENT_DIRTY_EXEC | CLIENT_DIRTY_CAS) || watch_has_expired(client))
        return false;
    return control->defer_exec(control->server, client, exec->request);
}

static void run_queued(struct call *exec, struct queued_command *queued)
{
    struct client *client = exec->client;
    struct request *request = &queued->request;
    struct call call = {.services = exec->services,
                        .client = client,
                        .command = request->command,
                        .db = keyspace_db(exec->services->keyspace, client->db),
                        .reply = exec->reply,
                        .argv = request->argv,
                        .argc = request->argc,
                        .request = request,
                        .is_propagated_as_is = true,
                        .has_listeners = exec->has_listeners,
                        .may_not_block = true};
    executor_run_inside(exec->services->executor, &call);
}

void transaction_run(struct call *exec)
{
    struct client *client = exec->client;
    struct executor *executor = exec->services->executor;
    struct transaction *transaction = client->transaction;
    assert(transaction);
    watch_remove_all(executor->watches, client);
    reply_array(exec->reply, client->queued_count);
    executor->is_in_transaction = true;
    for (struct queued_command *queued = transaction->first; queued; queued = queued->next)
        run_queued(exec, queued);
    executor->is_in_transaction = false;
    /* RESET and DISCARD are never queued: nobody took the transaction away. */
    assert(client->transaction == transaction);
    transaction_discard(executor, client);
}
