/* Clients that wait: for a key to hold what they want, or for nothing but a time. A blocked client
 * keeps its request; when one of its keys has become ready, the request is run again, from its
 * beginning, right after the command (or transaction) that made the key ready. Main thread.
 *
 * Order: keys in the order in which they became ready, clients of a key in the order in which they
 * blocked. A client whose request finds nothing blocks again, behind the others, until the time it
 * had before.
 */
#ifndef DISPATCH_BLOCKING_H
#define DISPATCH_BLOCKING_H

#include "dispatch/call.h"
#include "types/value.h"

struct executor;
struct blocking_table;

/* The keyspace must outlive the table. */
struct blocking_table *blocking_table_create(struct executor *executor);
void blocking_table_destroy(struct blocking_table *table);

struct block_options {
    int first_key; /* keys stand behind each other in argv; key_count 0: for a time only */
    int key_count;
    enum value_type type;                        /* that wakes */
    bool wakes_on_nokey;                         /* a key that goes away wakes as well */
    int64_t timeout_ms;                          /* 0: for ever */
    void (*answer_timeout)(struct reply *reply); /* what is answered when the time is over */
};

/* The seconds at argv[index] ("0.5") as ms, rounded up; false with the error written. */
bool call_timeout_seconds(struct call *call, int index, int64_t *timeout_ms);
bool call_timeout_ms(struct call *call, int index, int64_t *timeout_ms);

/* The client waits; the handler returns without a reply. Not when call->may_not_block. */
void call_block(struct call *call, const struct block_options *options);

/* Runs the requests of those whose keys are ready; outside of any command. */
void blocking_serve(struct blocking_table *table) ON_MAIN;
bool blocking_has_ready(const struct blocking_table *table);

/* CLIENT UNBLOCK: the answer of a timeout, or the error UNBLOCKED. False when it is not blocked. */
bool blocking_unblock(struct client *client, bool with_error) ON_MAIN;
/* The client is gone. */
void blocking_forget(struct client *client);

struct blocking_counts {
    uint64_t clients;
    uint64_t with_timeout;
    uint64_t keys;
    uint64_t keys_on_nokey;
};

struct blocking_counts blocking_count(const struct blocking_table *table);

/* -- for execute.c -- */

struct request *blocking_request(const struct client *client);
/* Run time of a blocked command, ns: added to, and asked for when it ends. */
void blocking_add_time(struct client *client, int64_t spent_ns);
int64_t blocking_time(const struct client *client);
/* Before the request is run again: the client waits for no key. Its time goes on. */
void blocking_leave_keys(struct client *client);
/* The command is over, or has to begin anew. */
void blocking_end(struct client *client);

#endif
