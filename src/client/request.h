/* Requests on their way from an I/O thread to main. Ownership moves with the batch.
 *
 * The I/O thread parses commands in place; the batch takes over the input blocks that the argument
 * slices point into, and brings room for the replies along, which main fills: in the common case a
 * round trip allocates nothing on main, and everything is freed by the I/O thread that allocated it.
 * Exception, the only one: a large argument that the keyspace adopts (request_take_large).
 */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include "base/bytes.h"
#include "base/shared_bytes.h"
#include "protocol/reply_chain.h"
#include <stdbool.h>
#include <stdint.h>

struct command;
struct client;
struct session;

enum {
    REQUEST_BATCH_COUNT_MAX = 128,           /* commands of one batch */
    REQUEST_BATCH_SIZE_MAX = 256 * 1024,     /* wire bytes after which no further command is added */
    INPUT_BLOCK_SIZE = 16 * 1024             /* usual size of an input block */
};

enum request_kind {
    REQUEST_COMMAND,
    REQUEST_PROTOCOL_ERROR /* error_text is answered, then the connection is closed */
};

struct request {
    const struct bytes *argv;
    struct shared_bytes **large; /* large[i] holds argv[i], or NULL; the vector is NULL without any */
    struct command *command;     /* looked up by the I/O thread; NULL: unknown */
    const char *error_text;
    uint64_t key_hash;           /* of the first key, when has_key_hash */
    int32_t argc;
    uint32_t size;               /* bytes on the wire */
    uint8_t kind;
    bool has_key_hash;
};

struct input_block {
    struct input_block *next;
    uint32_t capacity;
    uint32_t used;
    char data[];
};

/* Bump allocation for a batch's requests and argument vectors. */
struct request_memory {
    struct request_memory *next;
    uint32_t capacity;
    uint32_t used;
    char data[] __attribute__((aligned(16)));
};

struct request_batch {
    struct request_batch *next;
    struct client *client;   /* main's */
    struct session *session; /* the I/O thread's */
    struct input_block *blocks;
    struct request_memory *memory;
    struct reply_chunk *room; /* for the replies; main fills it */
    uint32_t count;
    uint32_t executed;        /* main: requests[0..executed) are answered */
    uint32_t large_count;
    uint32_t size;            /* wire bytes of all requests */
    int64_t created_us;       /* clock_us() of the I/O thread */
    struct request requests[REQUEST_BATCH_COUNT_MAX];
};

/* -- I/O thread -- */

struct request_batch *request_batch_create(void);
/* Frees the batch with its blocks, memory and large arguments that nobody took. The creating thread. */
void request_batch_free(struct request_batch *batch);
/* Room for an argument vector of `argc` slices (and the `large` vector when has_large). */
struct request *request_batch_add(struct request_batch *batch, int32_t argc, bool has_large,
                                  struct bytes **argv);

/* -- main -- */

/* Hands the large argument over for good (the caller owns the reference), or NULL when argv[index] is
 * not one. The slice stays readable while the caller keeps it alive. */
struct shared_bytes *request_take_large(struct request *request, int index);

#endif
