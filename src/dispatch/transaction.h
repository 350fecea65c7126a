/* MULTI: commands that wait for EXEC. A queued command is a copy of the request; a large argument
 * is taken over, so that EXEC can hand it on. Main thread.
 */
#ifndef DISPATCH_TRANSACTION_H
#define DISPATCH_TRANSACTION_H

#include "client/client.h"
#include "client/request.h"
#include "dispatch/command.h"

struct executor;
struct call;

struct queued_command {
    struct queued_command *next;
    size_t memory;
    struct request request; /* its argv follows; last */
};

struct transaction {
    struct queued_command *first;
    struct queued_command *last;
    uint32_t command_flags; /* of all queued commands together */
};

/* Runs at once, also inside MULTI. */
bool transaction_runs_now(const struct command *command);

void transaction_begin(struct client *client);
/* Appends the request, unless the transaction has failed already. */
void transaction_queue(struct client *client, struct command *command, struct request *request);
/* Drops what is queued; flags and watched keys stay. */
void transaction_clear(struct client *client);
/* No MULTI any more, nothing watched, nothing dirty. */
void transaction_discard(struct executor *executor, struct client *client);
/* EXEC: true when it waits for what its commands need (server_control.defer_exec). The caller sets
 * CLIENT_BLOCKED; executor_run_put_off follows. A transaction that will not run waits for nothing.
 */
bool transaction_is_put_off(const struct call *exec);
/* Runs what is queued and answers with the array of replies; the transaction is over. */
void transaction_run(struct call *exec);

/* COMMAND_* flags of all that is queued; 0 without a transaction. */
static inline uint32_t transaction_flags(const struct client *client)
{
    return client->transaction ? client->transaction->command_flags : 0;
}

#endif
