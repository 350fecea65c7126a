/* Strings as values: which encoding a text gets, and shared bytes that grow. Main thread. */
#ifndef TYPES_STRING_TYPE_H
#define TYPES_STRING_TYPE_H

#include "base/bytes.h"
#include "base/shared_bytes.h"
#include "types/value.h"
#include <stdbool.h>
#include <stdint.h>

/* Up to this size OBJECT ENCODING says embstr, above raw. */
enum { STRING_EMBSTR_SIZE_MAX = 44, STRING_INTEGER_TEXT_MAX = 20 };

/* ENCODING_INT with *integer when the text is exactly what the integer prints as; else EMBSTR or
 * RAW. */
enum value_encoding string_classify(struct bytes text, int64_t *integer);

static inline enum value_encoding string_encoding_of_size(size_t size)
{
    return size <= STRING_EMBSTR_SIZE_MAX ? ENCODING_EMBSTR : ENCODING_RAW;
}

/* Bytes that fit into the allocation without moving it (one is kept for the NUL). */
size_t string_shared_capacity(const struct shared_bytes *shared);
/* Makes the bytes writable with `size` of them, the new ones zero: in place when nobody else holds
 * a reference and there is room; else a new allocation, with room to grow when `grows`. Takes over
 * the reference and returns one; NULL when memory is short, and `shared` is as before. */
struct shared_bytes *string_shared_writable(struct shared_bytes *shared, size_t size, bool grows);
/* Room for a string of `size` bytes that will probably grow: twice, or a megabyte more. */
size_t string_capacity_for(size_t size);

#endif
