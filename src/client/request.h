/* Requests on their way from an I/O thread to main. Ownership moves with the batch.
 *
 * The I/O thread parses commands in place; the batch takes over the input blocks that the argument
 * slices point into, and brings room for the replies along, which main fills: in the common case a
 * round trip allocates nothing on main, and everything is freed by the I/O thread that allocated
 * it. Exception, the only one: a large argument that the keyspace adopts (request_take_large).
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
    REQUEST_BATCH_COUNT_MAX = 128,        /* commands of one batch */
    REQUEST_BATCH_SIZE_MAX = 256 * 1024,  /* wire bytes after which no further command is added */
    REQUEST_BATCH_ROOM = 1024 - 256,      /* own_room of a new batch */
    INPUT_BLOCK_SIZE_MIN = 4 * 1024 - 64, /* first input block of a connection */
    INPUT_BLOCK_SIZE = 17 * 1024 /* once a read has filled the first: a TLS record and more */
};

enum request_kind {
    REQUEST_COMMAND,
    REQUEST_PROTOCOL_ERROR /* error_text is answered, then the connection is closed */
};

struct request {
    struct request *next; /* in the batch, in order */
    struct shared_bytes *
        *large;              /* large[i] holds argv[i], or NULL; the vector is NULL without any */
    struct command *command; /* looked up by the I/O thread; NULL: unknown */
    uint64_t key_hash;       /* of the first key, when has_key_hash */
    const char *error_text;  /* of a protocol error; lies in the batch */
    int32_t argc;
    uint32_t size; /* bytes on the wire */
    uint8_t kind;
    bool has_key_hash;
    struct bytes argv[];
};

struct input_block {
    struct input_block *next;
    size_t capacity; /* of the pool's block, with this header */
    uint32_t size;   /* of data */
    uint32_t used;
    char data[];
};

/* More room for a batch's requests, when its own is used up. */
struct request_memory {
    struct request_memory *next;
    size_t size; /* of data */
    char data[] __attribute__((aligned(16)));
};

/* A batch and its first requests are one allocation; requests lie behind each other in order. */
struct request_batch {
    struct request_batch *next;
    struct client *client;   /* main's */
    struct session *session; /* the I/O thread's */
    struct request *first;
    struct request *last;
    struct request *current; /* main: the next to execute */
    struct input_block *blocks;
    struct request_memory *memory;
    struct reply_chunk *room; /* for the replies; main fills it */
    struct reply_chain replies;
    uint32_t count;
    uint32_t size; /* wire bytes of all requests; of one that is larger REQUEST_BATCH_SIZE_MAX */
    bool has_large;
    int64_t created_us; /* clock_us() of the I/O thread */
    char *free;         /* bump pointer into own_room or memory */
    char *end;
    char own_room[] __attribute__((aligned(16)));
};

/* -- I/O thread -- */

struct byte_pool;

struct request_batch *request_batch_create(struct byte_pool *pool);
/* Frees the batch with its blocks, memory, unused room and large arguments that nobody took. */
void request_batch_free(struct byte_pool *pool, struct request_batch *batch);
/* Appends a request with room for `argc` slices (and the `large` vector when has_large). */
struct request *request_batch_add(struct request_batch *batch, int32_t argc, bool has_large);
/* A copy of `text` that lives as long as the batch. */
char *request_batch_text(struct request_batch *batch, const char *text);
/* Room for the replies, sized by what was asked; main fills it. */
void request_batch_add_room(struct request_batch *batch);

struct input_block *input_block_create(struct byte_pool *pool, size_t size);
void input_block_free(struct byte_pool *pool, struct input_block *block);

/* Bytes that the batch holds: requests, input blocks and large arguments that nobody has taken yet;
 * not the room for replies. Whoever has the batch may ask. */
size_t request_batch_memory(const struct request_batch *batch);

/* -- main -- */

/* Hands the large argument over for good (the caller owns the reference), or NULL when argv[index]
 * is not one. The slice stays readable while the caller keeps it alive. */
struct shared_bytes *request_take_large(struct request *request, int index);

#endif
