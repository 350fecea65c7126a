/* A value outside any entry: type, encoding and a pointer. Strings are not seen in this form inside
 * the keyspace (an entry holds them in place, keyspace/entry.h); every other type is one pointer,
 * owned by whoever holds the `struct value`. Each type fills its row of the operations table
 * (value.c). Main thread, except `free`, which the lazy-free worker calls too.
 */
#ifndef TYPES_VALUE_H
#define TYPES_VALUE_H

#include <stddef.h>
#include <stdint.h>

enum value_type {
    VALUE_STRING,
    VALUE_LIST,
    VALUE_SET,
    VALUE_ZSET,
    VALUE_HASH,
    VALUE_MODULE,
    VALUE_STREAM,
    VALUE_TYPES
};

/* At most 16: an entry keeps four bits. */
enum value_encoding {
    ENCODING_RAW,
    ENCODING_INT,
    ENCODING_EMBSTR,
    ENCODING_HASHTABLE,
    ENCODING_QUICKLIST,
    ENCODING_INTSET,
    ENCODING_SKIPLIST,
    ENCODING_STREAM,
    ENCODING_LISTPACK,
    ENCODING_LISTPACK_EX, /* hash with field expiry */
    ENCODINGS
};

struct value {
    uint8_t type;     /* enum value_type */
    uint8_t encoding; /* enum value_encoding */
    void *pointer;
};

/* One row a type; rows of types that do not exist yet have a name only. */
struct value_ops {
    const char *name; /* "list": what TYPE answers */
    void (*free)(struct value value);
    /* Bytes held by the value, estimated from at most `samples` elements (0: all). */
    size_t (*memory)(struct value value, size_t samples);
    struct value (*copy)(struct value value);
    /* Allocations that free() returns, roughly: above VALUE_FREE_EFFORT_LAZY it is worth a worker.
     */
    size_t (*free_effort)(struct value value);
    /* Elements (LLEN, HLEN, ...), for INFO keysizes. */
    size_t (*count)(struct value value);
};

enum { VALUE_FREE_EFFORT_LAZY = 64 };

/* The row of a type. */
const struct value_ops *value_ops(enum value_type type);
/* "string", "list", ... */
const char *value_type_name(enum value_type type);
/* "embstr", "listpack", ...: OBJECT ENCODING. */
const char *value_encoding_name(enum value_encoding encoding);
/* The type named `name` (any case), or -1. */
int value_type_of_name(const char *name, size_t size);

/* Not for strings. */
void value_free(struct value value);
struct value value_copy(struct value value);
size_t value_memory(struct value value, size_t samples);
size_t value_free_effort(struct value value);
size_t value_count(struct value value);

#endif
