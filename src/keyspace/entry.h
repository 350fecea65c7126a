/* One key with its value: a single allocation.
 *
 *   8 bytes            8, if it expires   8, unless embedded   key bytes           embedded string
 *  ┌─────────────────┬──────────────────┬────────────────────┬───────────────────┬─────────────┐
 *  │ header          │ expiry, wall ms  │ integer or pointer │ [size if > 254]key│ value bytes │
 *  └─────────────────┴──────────────────┴────────────────────┴───────────────────┴─────────────┘
 *
 * Strings: an integer in the value word; short ones embedded after the key; large ones a
 * struct shared_bytes in the value word, which replies may reference (immutable while shared).
 * Other types: their pointer in the value word.
 *
 * Invariant: the allocation's size is entry_class(bytes in use), so the room in hand is always
 * computed, never asked for. An entry moves when its layout outgrows that (expiry added, value
 * replaced): only the keyspace changes layouts, and it updates the table. Hold a `struct entry *`
 * no longer than until the next db_* call that writes. Main thread.
 */
#ifndef KEYSPACE_ENTRY_H
#define KEYSPACE_ENTRY_H

#include "base/assert.h"
#include "base/bytes.h"
#include "base/number.h"
#include "base/shared_bytes.h"
#include "types/value.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum entry_flag {
    ENTRY_EXPIRES = 1 << 0,
    ENTRY_HAS_WORD = 1 << 1, /* value word present: integer, shared bytes or pointer */
    ENTRY_LONG_KEY = 1 << 2  /* a 64-bit key size stands before the key */
};

enum { ENTRY_NO_EXPIRY = -1, ENTRY_SHORT_KEY_MAX = 254 };

struct entry {
    uint32_t type : 4;
    uint32_t encoding : 4;
    uint32_t access : 24; /* LRU clock, or LFU: 16 bits of minutes and the 8-bit counter */
    uint8_t flags;
    uint8_t key_size;    /* unless ENTRY_LONG_KEY */
    uint16_t value_size; /* of an embedded string */
    char body[];
};

_Static_assert(sizeof(struct entry) == 8, "one word of header");

static inline size_t entry_word_offset(const struct entry *entry)
{
    return (size_t)(entry->flags & ENTRY_EXPIRES) * 8;
}

static inline bool entry_expires(const struct entry *entry)
{
    return entry->flags & ENTRY_EXPIRES;
}

/* Wall-clock ms, or ENTRY_NO_EXPIRY. */
static inline int64_t entry_expiry(const struct entry *entry)
{
    if (!entry_expires(entry))
        return ENTRY_NO_EXPIRY;
    return *(const int64_t *)(const void *)entry->body;
}

static inline struct bytes entry_key(const struct entry *entry)
{
    const char *at = entry->body + entry_word_offset(entry) + (entry->flags & ENTRY_HAS_WORD) * 4;
    if (__builtin_expect(entry->flags & ENTRY_LONG_KEY, 0)) {
        uint64_t size;
        memcpy(&size, at, sizeof(size));
        return bytes_of(at + sizeof(size), size);
    }
    return bytes_of(at, entry->key_size);
}

static inline enum value_type entry_type(const struct entry *entry)
{
    return (enum value_type)entry->type;
}

static inline bool entry_is_string(const struct entry *entry)
{
    return entry->type == VALUE_STRING;
}

static inline bool entry_is_integer(const struct entry *entry)
{
    return entry->type == VALUE_STRING && entry->encoding == ENCODING_INT;
}

/* A string held inside the entry. */
static inline bool entry_is_embedded(const struct entry *entry)
{
    return !(entry->flags & ENTRY_HAS_WORD);
}

static inline int64_t entry_integer(const struct entry *entry)
{
    return *(const int64_t *)(const void *)(entry->body + entry_word_offset(entry));
}

/* Of an integer entry only. */
static inline void entry_set_integer(struct entry *entry, int64_t value)
{
    *(int64_t *)(void *)(entry->body + entry_word_offset(entry)) = value;
}

/* Of a type other than string. */
static inline void *entry_pointer(const struct entry *entry)
{
    return *(void *const *)(const void *)(entry->body + entry_word_offset(entry));
}

/* Changes encoding and pointer in place (a value that was converted or moved). Not for strings. */
static inline void entry_set_pointer(struct entry *entry, enum value_encoding encoding,
                                     void *pointer)
{
    entry->encoding = (uint32_t)encoding & 15;
    *(void **)(void *)(entry->body + entry_word_offset(entry)) = pointer;
}

/* Of a type other than string; the entry stays the owner. */
static inline struct value entry_value(const struct entry *entry)
{
    return (struct value){(uint8_t)entry->type, (uint8_t)entry->encoding, entry_pointer(entry)};
}

/* The shared bytes of a large string, or NULL when it is an integer or embedded. Strings only. */
static inline struct shared_bytes *entry_shared(const struct entry *entry)
{
    if (entry_is_embedded(entry) || entry->encoding == ENCODING_INT)
        return NULL;
    return (struct shared_bytes *)entry_pointer(entry);
}

/* The string's bytes; an integer is printed into `scratch`. Valid until the entry changes. */
static inline struct bytes entry_string(const struct entry *entry,
                                        char scratch[NUMBER_I64_TEXT_MAX])
{
    if (entry_is_embedded(entry)) {
        struct bytes key = entry_key(entry);
        return bytes_of(key.data + key.size, entry->value_size);
    }
    if (entry->encoding == ENCODING_INT)
        return bytes_of(scratch, number_format_i64(scratch, entry_integer(entry)));
    return shared_bytes_view((struct shared_bytes *)entry_pointer(entry));
}

/* Size of a string value without rendering it. */
size_t entry_string_size(const struct entry *entry);

/* -- building, for db.c and the tests -- */

/* What an entry is made of: exactly one form of value. */
struct entry_parts {
    struct bytes key;
    int64_t expiry; /* or ENTRY_NO_EXPIRY */
    uint8_t type;
    uint8_t encoding;
    bool is_embedded;      /* `embedded` is the string; else `word` is the value */
    struct bytes embedded; /* .data NULL: room is made, nothing copied */
    uint64_t word;
};

/* Bytes that an allocation for `size` bytes of entry gets: jemalloc's classes, so nothing is lost.
 */
static inline size_t entry_class(size_t size)
{
    if (size <= 128)
        return (size + 15) & ~(size_t)15;
    unsigned shift = 61 - (unsigned)__builtin_clzl(size - 1);
    size_t step = (size_t)1 << shift;
    return (size + step - 1) & ~(step - 1);
}

/* Bytes in use by the entry. */
size_t entry_size(const struct entry *entry);
size_t entry_parts_size(const struct entry_parts *parts);
/* The parts of an existing entry; slices point into it. */
struct entry_parts entry_parts_of(const struct entry *entry);
/* A new entry; slices are copied, the word is taken over. Access bits are zero. */
struct entry *entry_create(const struct entry_parts *parts);
/* Frees the allocation only, not what the value word points at. */
void entry_free_shell(struct entry *entry);
/* Frees the entry with its value. */
void entry_free(struct entry *entry);
/* True when a string of `size` bytes is better embedded (least memory; never what replies
 * reference). */
bool entry_should_embed(size_t key_size, bool expires, size_t size);
/* Bytes of memory of entry and value (MEMORY USAGE without the table's share). */
size_t entry_memory(const struct entry *entry, size_t samples);

#endif
