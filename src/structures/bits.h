/* Strings seen as arrays of bits, bit 0 being the highest of the first byte (SETBIT's order).
 * Positions count bits from the start of the string; what is behind its end is not looked at. Any
 * thread.
 */
#ifndef STRUCTURES_BITS_H
#define STRUCTURES_BITS_H

#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits that are set in the string. */
uint64_t bits_count(struct bytes string);
/* Bits that are set from bit `first` to bit `last`, both inside of the string and first <= last. */
uint64_t bits_count_range(struct bytes string, uint64_t first, uint64_t last);

#define BITS_NONE UINT64_MAX

/* The first bit equal to `value` from bit `first` to bit `last` (as above), or BITS_NONE. */
uint64_t bits_find(struct bytes string, bool value, uint64_t first, uint64_t last);

/* -- whole strings, combined bit by bit; shorter ones count as if zeroes followed -- */

enum bits_operation {
    BITS_AND,
    BITS_OR,
    BITS_XOR,
    BITS_NOT,   /* of one string */
    BITS_DIFF,  /* in the first and in no other */
    BITS_DIFF1, /* in others and not in the first */
    BITS_ANDOR, /* in the first and in others */
    BITS_ONE    /* in exactly one */
};

/* Writes `size` bytes (at least as many as the longest of the `count` sources has; count > 0) to
 * `destination`, which overlaps no source. */
void bits_combine(enum bits_operation operation, const struct bytes *sources, size_t count,
                  char *destination, size_t size);

/* -- fields of 1 to 64 bits at any position (BITFIELD) -- */

/* The field's bits, the lowest at the right; bits behind the string's end read as 0. */
uint64_t bits_read_field(struct bytes string, uint64_t position, unsigned width);
/* The lowest `width` bits of value; the field must be inside of the data. */
void bits_write_field(char *data, uint64_t position, unsigned width, uint64_t value);

enum bits_overflow { BITS_WRAP, BITS_SATURATE, BITS_FAIL };

struct bits_type {
    bool is_signed;
    unsigned width; /* signed: 1..64, unsigned: 1..63 */
};

/* The field's bits as a number of its type. */
int64_t bits_field_value(struct bits_type type, uint64_t field);
/* base + increment as a number of the type, the overflow handled as asked; false when it overflows
 * and is to fail. `base` is what SET is given (a value of int64_t; unsigned types see its 64 bits),
 * or a field's value. */
bool bits_field_add(struct bits_type type, int64_t base, int64_t increment,
                    enum bits_overflow overflow, int64_t *result);

#endif
