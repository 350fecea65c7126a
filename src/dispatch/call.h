/* What a command handler sees. A handler reads argv, works on db, and writes exactly one reply (or
 * none, when it blocked). It reports what it changed through call->dirty (as Redis's server.dirty).
 * Main thread.
 */
#ifndef DISPATCH_CALL_H
#define DISPATCH_CALL_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/services.h"
#include "client/client.h"
#include "client/request.h"
#include "dispatch/command.h"
#include "keyspace/db.h"
#include "protocol/resp_writer.h"

/* A command that is propagated in place of the one that runs; the bytes follow the vector. */
struct call_propagated {
    struct call_propagated *next;
    int argc;
    struct bytes argv[];
};

struct call {
    const struct services *services;
    struct client *client;
    struct command *command;
    struct db *db; /* the client's selected database */
    struct reply *reply;
    const struct bytes *argv;
    int argc;
    struct request *request;  /* for large arguments; NULL when called from inside */
    uint64_t dirty;           /* changes made; > 0 propagates the command */
    bool is_propagated_as_is; /* cleared by call_propagate: `propagated` goes out instead of argv */
    uint64_t redacted;        /* bit i: argv[i] (i < 64) must not be shown in SLOWLOG or MONITOR */
    bool has_listeners;       /* somebody propagates (AOF, replicas): execute sets it */
    bool may_not_block;       /* inside EXEC or a script: answer as if the time were over */
    bool is_run_again;        /* of a client that was blocked (MONITOR has seen it) */
    struct call_propagated *propagated; /* in order; execute frees it (call_propagated_free) */
};

/* The key at argv[index] with its hash (the I/O thread's when it is the first key). */
static inline struct key call_key(const struct call *call, int index)
{
    struct bytes name = call->argv[index];
    uint64_t hash =
        call->request && call->request->has_key_hash && index == call->command->first_key
            ? call->request->key_hash
            : hash_bytes(name.data, name.size);
    return (struct key){name, hash};
}

/* -- what is propagated in place of argv; nothing is kept when there are no listeners -- */

void call_propagate(struct call *call, int argc, const struct bytes *argv);
void call_propagate_none(struct call *call);
void call_propagated_free(struct call *call);

/* -- replies -- */

/* The value of a string entry as a bulk; large ones are referenced. */
static inline void call_reply_string(struct call *call, const struct entry *entry)
{
    if (__builtin_expect(entry_is_embedded(entry), 1)) {
        struct bytes key = entry_key(entry);
        reply_bulk(call->reply, key.data + key.size, entry->value_size);
    } else if (entry->encoding == ENCODING_INT) {
        reply_bulk_integer(call->reply, entry_integer(entry));
    } else {
        reply_bulk_shared(call->reply, (struct shared_bytes *)entry_pointer(entry));
    }
}

/* -- parsing arguments; each returns false after it has written the error reply -- */

/* "ERR value is not an integer or out of range", or `error` when given ("ERR ..." without '-'). */
bool call_integer(struct call *call, int index, int64_t *value, const char *error);
bool call_integer_in(struct call *call, int index, int64_t minimum, int64_t maximum, int64_t *value,
                     const char *error);
/* A cursor of SCAN and its like, as 7.0 reads them. */
bool call_cursor(struct call *call, int index, uint64_t *cursor);
bool call_double(struct call *call, int index, double *value, const char *error);
bool call_arity_error(
    struct call *call); /* "ERR wrong number of arguments for 'x' command"; false */
bool call_syntax_error(struct call *call); /* "ERR syntax error"; false */
bool call_wrong_type(struct call *call);   /* WRONGTYPE text; false */
bool call_no_such_key(struct call *call);  /* "ERR no such key"; false */
/* "ERR unknown subcommand or wrong number of arguments for 'x'. Try CMD HELP." */
bool call_unknown_subcommand(struct call *call);
/* True when argv[index] equals the word, case-insensitively. */
static inline bool call_is(const struct call *call, int index, const char *word)
{
    return bytes_is(call->argv[index], word);
}

#endif
