/* Runs of sparse HyperLogLogs, for the files of this module. */
#ifndef STRUCTURES_HYPERLOGLOG_INTERNAL_H
#define STRUCTURES_HYPERLOGLOG_INTERNAL_H

#include "structures/hyperloglog.h"

enum { HLL_ZERO_MAX = 64, HLL_XZERO_MAX = 16384, HLL_VALUE_MAX = 32, HLL_VALUE_RUN_MAX = 4 };

static inline bool hll_is_value(uint8_t opcode)
{
    return opcode & 0x80;
}

static inline bool hll_is_xzero(uint8_t opcode)
{
    return (opcode & 0xc0) == 0x40;
}

static inline uint8_t hll_value_run(unsigned value, unsigned length)
{
    return (uint8_t)(0x80u | (value - 1) << 2 | (length - 1));
}

struct hll_run {
    uint32_t size;   /* bytes: 1 or 2 */
    uint32_t length; /* registers */
    uint8_t value;   /* 0: zeroes */
};

/* The run at an offset; false when its bytes are not all there. */
static inline bool hll_run_at(struct bytes string, size_t offset, struct hll_run *run)
{
    uint8_t opcode = (uint8_t)string.data[offset];
    if (__builtin_expect(hll_is_xzero(opcode), 0)) {
        if (string.size - offset < 2)
            return false;
        run->size = 2;
        run->length = ((opcode & 0x3fu) << 8 | (uint8_t)string.data[offset + 1]) + 1;
        run->value = 0;
        return true;
    }
    bool is_value = hll_is_value(opcode);
    run->size = 1;
    run->length = (opcode & (is_value ? 3u : 63u)) + 1;
    run->value = is_value ? (uint8_t)((opcode >> 2 & 31) + 1) : 0;
    return true;
}

static inline void hll_set_encoding(char *string, enum hll_encoding encoding)
{
    string[4] = (char)encoding;
}

#endif
