/* FLUSHALL and FLUSHDB of large databases: the worker frees them, and the client that asked waits
 * (CLIENT_BLOCKED; CLIENT UNBLOCK does not end it) until that is done, so that its OK still means
 * that the memory is free. The databases are empty at once, for all. Main thread.
 */
#ifndef DISPATCH_FLUSH_WAIT_H
#define DISPATCH_FLUSH_WAIT_H

#include "dispatch/call.h"

struct executor;
struct flush_waits;

/* The keyspace must outlive it. */
struct flush_waits *flush_waits_create(struct executor *executor);
void flush_waits_destroy(struct flush_waits *waits);

/* True: the client waits for what the worker has been given, and is answered OK. False: nothing is
 * to be waited for, or the client cannot wait (EXEC). */
bool flush_wait_begin(struct call *call);

/* Each turn, after finished jobs were reaped. */
void flush_waits_step(struct flush_waits *waits) ON_MAIN;
/* The client is gone. */
void flush_waits_forget(struct flush_waits *waits, const struct client *client);

#endif
