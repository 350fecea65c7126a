/* A compact sequence of strings and integers in one allocation, in the layout that Redis keeps in
 * memory, in RDB files and in DUMP:
 *
 *   u32 size of everything │ u16 count, or 65535: must be counted │ element … element │ 0xff
 *
 *   element    first byte(s)                                     data
 *   integer    0xxxxxxx                  0..127
 *   string     10xxxxxx                  6 bits of size           bytes
 *   integer    110xxxxx xxxxxxxx         13 bits, signed
 *   string     1110xxxx xxxxxxxx         12 bits of size          bytes
 *   string     0xf0, u32                 size                     bytes
 *   integer    0xf1..0xf4                                         16, 24, 32, 64 bits, signed
 *
 * and behind each element its own size (without this field) in groups of seven bits, most
 * significant first, all but the first byte with the high bit set: it is read backwards.
 *
 * Positions are offsets from the beginning; 0 is none. An insertion at a position leaves the new
 * element there; a deletion leaves the following one. Any change may move the allocation, so
 * functions that change take a pointer to the owner's pointer. Text that is exactly an integer's
 * decimal form is stored as the integer and reads back the same.
 *
 * One owner, any thread.
 */
#ifndef STRUCTURES_LISTPACK_H
#define STRUCTURES_LISTPACK_H

#include "base/assert.h"
#include "base/bytes.h"
#include "base/number.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listpack {
    uint8_t header[6];
    uint8_t body[];
};

enum {
    LISTPACK_HEADER_SIZE = 6,
    LISTPACK_EMPTY_SIZE = 7,
    LISTPACK_COUNT_UNKNOWN = 65535,
    LISTPACK_SIZE_MAX = 1 << 30 /* no listpack grows beyond: ask listpack_can_add */
};

/* Data NULL: the integer. The data points into the listpack. */
struct listpack_value {
    const char *data;
    size_t size;
    int64_t integer;
};

/* -- life -- */

/* Empty, with room for `size` bytes in all (0: none to spare). */
struct listpack *listpack_create(size_t size);
struct listpack *listpack_copy(const struct listpack *pack);
void listpack_free(struct listpack *pack);
/* Takes bytes of listpack_validate()d layout: a copy. */
struct listpack *listpack_of_bytes(const void *data, size_t size);
/* Gives unused memory back. */
void listpack_shrink(struct listpack **pack);
/* Removes every element. */
void listpack_clear(struct listpack **pack);

/* -- figures -- */

/* Bytes in use, which is also its serialized size: the struct's own bytes are the serialized form.
 */
static inline uint32_t listpack_size(const struct listpack *pack)
{
    uint32_t size;
    memcpy(&size, pack->header, sizeof(size));
    return size;
}

uint32_t listpack_count_slow(const struct listpack *pack);

/* Elements. Linear when there are 65535 or more. */
static inline uint32_t listpack_count(const struct listpack *pack)
{
    uint16_t count;
    memcpy(&count, pack->header + 4, sizeof(count));
    return __builtin_expect(count != LISTPACK_COUNT_UNKNOWN, 1) ? count : listpack_count_slow(pack);
}

static inline bool listpack_is_empty(const struct listpack *pack)
{
    return listpack_size(pack) == LISTPACK_EMPTY_SIZE;
}

/* Bytes of the allocation. */
size_t listpack_memory(const struct listpack *pack);
/* Bytes that an element takes, everything included. */
size_t listpack_element_size(struct bytes text);
/* False when `size` more bytes of text would come too near to the format's limit. */
static inline bool listpack_can_add(const struct listpack *pack, size_t size)
{
    return size < LISTPACK_SIZE_MAX && listpack_size(pack) + size <= LISTPACK_SIZE_MAX;
}

/* -- moving about -- */

/* Bytes of the size field behind an element of `size` bytes. */
static inline uint32_t listpack_backlen_size(uint64_t size)
{
    return size <= 127 ? 1 : size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5;
}

uint64_t listpack_encoded_size_slow(const uint8_t *at);

/* Bytes of the element at `at` without its size field. */
static inline uint64_t listpack_encoded_size(const uint8_t *at)
{
    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xc0)
        return 1u + (at[0] & 63u);
    return listpack_encoded_size_slow(at);
}

static inline const uint8_t *listpack_at(const struct listpack *pack, uint32_t position)
{
    return (const uint8_t *)pack + position;
}

/* Where the closing byte is: inserting there appends. Not an element. */
static inline uint32_t listpack_end(const struct listpack *pack)
{
    return listpack_size(pack) - 1;
}

/* All of these return 0 when there is no such element. */
static inline uint32_t listpack_first(const struct listpack *pack)
{
    return pack->body[0] == 0xff ? 0 : LISTPACK_HEADER_SIZE;
}

static inline uint32_t listpack_next(const struct listpack *pack, uint32_t position)
{
    uint64_t size = listpack_encoded_size(listpack_at(pack, position));
    position += (uint32_t)size + listpack_backlen_size(size);
    return *listpack_at(pack, position) == 0xff ? 0 : position;
}

/* Of listpack_end() it is the last element. */
uint32_t listpack_previous(const struct listpack *pack, uint32_t position);

static inline uint32_t listpack_last(const struct listpack *pack)
{
    return listpack_previous(pack, listpack_end(pack));
}

/* By index from 0, or from -1 backwards; goes the shorter way. */
uint32_t listpack_seek(const struct listpack *pack, int64_t index);

/* -- reading -- */

struct listpack_value listpack_get_slow(const uint8_t *at);

static inline struct listpack_value listpack_get(const struct listpack *pack, uint32_t position)
{
    const uint8_t *at = listpack_at(pack, position);
    if (at[0] < 0x80)
        return (struct listpack_value){.integer = at[0]};
    if (at[0] < 0xc0)
        return (struct listpack_value){.data = (const char *)at + 1, .size = at[0] & 63};
    return listpack_get_slow(at);
}

/* As text; an integer is printed into `scratch`. */
static inline struct bytes listpack_value_text(struct listpack_value value,
                                               char scratch[NUMBER_I64_TEXT_MAX])
{
    if (value.data)
        return bytes_of(value.data, value.size);
    return bytes_of(scratch, number_format_i64(scratch, value.integer));
}

static inline struct bytes listpack_text(const struct listpack *pack, uint32_t position,
                                         char scratch[NUMBER_I64_TEXT_MAX])
{
    return listpack_value_text(listpack_get(pack, position), scratch);
}

/* True when the element reads as `text`. */
bool listpack_equals(const struct listpack *pack, uint32_t position, struct bytes text);
/* The first element from `position` (0: none) on that reads as `text`, looking at every
 * (skip + 1)-th only: 1 for the names in name, value, name, value. */
uint32_t listpack_find(const struct listpack *pack, uint32_t position, struct bytes text,
                       uint32_t skip);

/* -- changing; text must not point into the listpack that changes -- */

void listpack_append(struct listpack **pack, struct bytes text);
void listpack_append_integer(struct listpack **pack, int64_t value);
void listpack_append_value(struct listpack **pack, struct listpack_value value);
void listpack_prepend(struct listpack **pack, struct bytes text);
/* Before the element at `position`, or at listpack_end(). */
void listpack_insert(struct listpack **pack, uint32_t position, struct bytes text);
void listpack_insert_integer(struct listpack **pack, uint32_t position, int64_t value);
void listpack_replace(struct listpack **pack, uint32_t position, struct bytes text);
void listpack_replace_integer(struct listpack **pack, uint32_t position, int64_t value);
/* True when an element follows at `position` afterwards. */
bool listpack_delete(struct listpack **pack, uint32_t position);
/* Up to `count` elements from `position` on; returns how many there were. */
uint32_t listpack_delete_range(struct listpack **pack, uint32_t position, uint32_t count);
/* Removes up to `count` elements that read as `text`, from the first or the last on; returns how
 * many. */
uint32_t listpack_remove(struct listpack **pack, struct bytes text, size_t count, bool from_last);
/* Appends all elements of `other`, which stays as it is. */
void listpack_append_pack(struct listpack **pack, const struct listpack *other);
/* Moves the elements from `position` (0: none) on to a new listpack; `count` is how many they are.
 */
struct listpack *listpack_split(struct listpack **pack, uint32_t position, uint32_t count);

/* -- bytes from outside -- */

/* True when the bytes are a listpack through and through: every size, every field, the count. All
 * functions above are safe on what passes. */
bool listpack_validate(const void *data, size_t size);
/* Aborts when an invariant does not hold. */
void listpack_check(const struct listpack *pack);

#endif
