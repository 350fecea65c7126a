/* A member of a large set as the one word that a dict slot holds: no header in memory, so that a
 * 16-byte member takes a 16-byte allocation.
 *
 *   bits 63..48                 bits 47..0
 *   size, below 0xff00          address of the bytes
 *   0xff00                      address of a 64-bit size and the bytes
 *   0xfff0 + size (0..6)        the bytes themselves
 *
 * Addresses of user memory have no bits above 47 (checked at each allocation). Main thread, except
 * set_member_free.
 */
#ifndef TYPES_SET_MEMBER_H
#define TYPES_SET_MEMBER_H

#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SET_MEMBER_INLINE_MAX = 6,
    SET_MEMBER_LONG = 0xff00,
    SET_MEMBER_INLINE = 0xfff0,
    SET_MEMBER_SCRATCH = 8
};

static inline unsigned set_member_code(const void *entry)
{
    return (unsigned)((uintptr_t)entry >> 48);
}

static inline char *set_member_block(const void *entry)
{
    return (char *)((uintptr_t)entry & 0xffffffffffffULL);
}

/* The entry of a member of at most SET_MEMBER_INLINE_MAX bytes. */
static inline void *set_member_inline(struct bytes text)
{
    uint64_t word = 0;
    if (text.size)
        memcpy(&word, text.data, text.size);
    return (void *)(uintptr_t)(word | (uint64_t)(SET_MEMBER_INLINE + text.size) << 48);
}

/* The member's bytes; those of a short one are written into `scratch`. */
static inline struct bytes set_member_text(const void *entry, char scratch[SET_MEMBER_SCRATCH])
{
    unsigned code = set_member_code(entry);
    if (code < SET_MEMBER_LONG)
        return bytes_of(set_member_block(entry), code);
    if (code >= SET_MEMBER_INLINE) {
        uint64_t word = (uint64_t)(uintptr_t)entry;
        memcpy(scratch, &word, sizeof(word));
        return bytes_of(scratch, code - SET_MEMBER_INLINE);
    }
    uint64_t size;
    memcpy(&size, set_member_block(entry), sizeof(size));
    return bytes_of(set_member_block(entry) + sizeof(size), size);
}

static inline bool set_member_equals(const void *entry, struct bytes text)
{
    unsigned code = set_member_code(entry);
    if (code < SET_MEMBER_LONG)
        return code == text.size && memcmp(set_member_block(entry), text.data, code) == 0;
    if (text.size <= SET_MEMBER_INLINE_MAX)
        return entry == set_member_inline(text);
    char scratch[SET_MEMBER_SCRATCH];
    return bytes_equal(set_member_text(entry, scratch), text);
}

void *set_member_create(struct bytes text);
void set_member_free(void *entry);
/* Bytes allocated for it. */
size_t set_member_memory(const void *entry);

#endif
