/* The one policy function: who may run a command, and in what order that is checked. Main thread.
 */
#ifndef DISPATCH_EXECUTE_H
#define DISPATCH_EXECUTE_H

#include "base/services.h"
#include "client/client.h"
#include "client/client_pause.h"
#include "client/request.h"
#include "dispatch/command.h"
#include <stdbool.h>
#include <stdint.h>

struct config;
struct observability_settings;
struct keyspace;
struct call;
struct watch_table;
struct blocking_table;
struct flush_waits;
struct key_walks;
struct timers;

struct executor {
    struct services services;
    const struct observability_settings *settings;
    struct client_pause pause;
    int64_t last_read_ns; /* when the previous command ended: one clock reading a command */
    int64_t clock_ns;     /* when this thread's clock was read, by the same stopwatch */
    bool is_loading;      /* the data set is being loaded: most commands are refused */
    bool
        is_out_of_memory; /* eviction could not bring use under maxmemory; set by execute's check */
    uint64_t oom_refused;
    struct watch_table *watches;
    struct blocking_table *blocking;
    struct key_walks *walks;
    struct flush_waits *flushes;
    struct timers *timers; /* of main's loop, for timeouts of blocked clients; NULL: none (tests) */
    bool is_in_transaction; /* EXEC runs: what is propagated belongs together */
    /* Called after a command that changed something (AOF, replicas). NULL: nobody listens. */
    void (*propagate)(void *context, const struct call *call);
    void *propagate_context;
};

/* `services` are copied; all of them outlive the executor. */
struct executor *executor_create(const struct services *services,
                                 const struct observability_settings *settings);
void executor_destroy(struct executor *executor);

/* exchange_hooks.execute: runs one request, replies into client->reply; the context is the
 * executor. */
void executor_execute(void *executor, struct client *client, struct request *request);
/* exchange_hooks.prefetch. */
void executor_prefetch(void *executor, struct client *client, struct request *request, int stage);
/* Runs a command inside of another (EXEC): statistics, slow log and propagation, no checks. */
void executor_run_inside(struct executor *executor, struct call *call);
/* The client's connection is gone: its transaction, watched keys and blocked command end. */
void executor_forget_client(struct executor *executor, struct client *client);

/* -- of clients that wait -- */

/* Runs the request of a blocked client from its beginning. */
void executor_run_again(struct executor *executor, struct client *client) ON_MAIN;
/* Runs a request that was put off (transaction_is_put_off), as if it had come just now. */
void executor_run_put_off(struct executor *executor, struct client *client,
                          struct request *request) ON_MAIN;
/* Before something is written to a client that was blocked. */
void executor_begin_answer(struct client *client);
/* After the answer was written: statistics, and the client goes on. */
void executor_end_blocked(struct executor *executor, struct client *client, struct command *command,
                          int64_t spent_ns) ON_MAIN;
/* As executor_end_blocked for a request that took main's time: the slow log sees it as well. */
void executor_end_request(struct executor *executor, struct client *client, struct request *request,
                          int64_t spent_ns) ON_MAIN;

/* At the beginning of a run of requests: takes the time. */
void executor_begin_run(struct executor *executor);

/* session_resolver.resolve, context is the command_table: I/O threads. */
void executor_resolve(const void *command_table, struct request *request);

#endif
