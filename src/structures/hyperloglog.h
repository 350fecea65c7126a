/* HyperLogLogs as Redis keeps them in strings, byte for byte, so that they travel by GET, SET and
 * DUMP:
 *
 *   "HYLL" | encoding, 3 zeroes | cached estimate, 8 bytes, the lowest first | registers
 *
 * The highest bit of the estimate says that it is out of date. Dense: 16384 registers of 6 bits,
 * the lowest bits first. Sparse: runs of registers in order,
 *
 *   00nnnnnn           n+1 zeroes              (ZERO)
 *   01nnnnnn nnnnnnnn  n+1 zeroes              (XZERO)
 *   1vvvvvnn           n+1 registers of v+1    (VAL)
 *
 * Strings come from users: functions that read registers say when the bytes are no such thing, and
 * never look or write outside of them. Any thread.
 */
#ifndef STRUCTURES_HYPERLOGLOG_H
#define STRUCTURES_HYPERLOGLOG_H

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HLL_REGISTERS = 16384,
    HLL_RANK_MAX = 51, /* of a register that an element set */
    HLL_HEADER_SIZE = 16,
    HLL_DENSE_SIZE = HLL_HEADER_SIZE + HLL_REGISTERS * 6 / 8,
    HLL_EMPTY_SIZE = HLL_HEADER_SIZE + 2,
    /* No valid sparse one is longer: a run covers a register at least and takes two bytes at most.
     */
    HLL_SPARSE_SIZE_MAX = HLL_HEADER_SIZE + 2 * HLL_REGISTERS
};

enum hll_encoding { HLL_DENSE, HLL_SPARSE };

/* Whether the string's header and size are those of a HyperLogLog; what other functions take. The
 * runs of a sparse one are not looked at yet. */
bool hll_recognize(struct bytes string);
enum hll_encoding hll_encoding(struct bytes string);

/* The bytes of an empty one: sparse, its estimate known. */
struct bytes hll_empty(void);

/* -- the estimate -- */

/* False when it is out of date. */
bool hll_cached(struct bytes string, uint64_t *estimate);
void hll_cache(char *string, uint64_t estimate);
void hll_forget_cached(char *string);
/* False when the runs are corrupted. */
bool hll_estimate(struct bytes string, uint64_t *estimate);
uint64_t hll_estimate_registers(const uint8_t registers[HLL_REGISTERS]);

/* -- registers -- */

struct hll_hit {
    uint32_t index;
    uint8_t rank; /* 1..HLL_RANK_MAX */
};

/* The register that an element raises. */
struct hll_hit hll_hit_of(struct bytes element);
/* Raises each register to the string's. False when the runs are corrupted (some may be raised). */
bool hll_merge(uint8_t registers[HLL_REGISTERS], struct bytes string);
/* Of the dense bytes behind the header. True when the register was lower. */
bool hll_dense_raise(char *dense, struct hll_hit hit);
unsigned hll_dense_get(const char *dense, uint32_t index);
void hll_dense_write(char *dense, const uint8_t registers[HLL_REGISTERS]);

/* -- changing a string of any encoding: it is copied at the first change -- */

struct hll_place {
    uint32_t offset; /* of a run in the string */
    uint32_t first;  /* its first register */
};

struct hll_edit {
    struct bytes string; /* as it is now: the original, or in `room` */
    uint64_t sparse_size_max;
    bool is_changed;
    struct hll_place start; /* runs before it are behind us: hits come in order */
    char room[HLL_SPARSE_SIZE_MAX];
};

enum hll_change { HLL_SAME, HLL_RAISED, HLL_CORRUPTED };

/* Of a recognized string, which must stay until the end. A sparse one becomes dense when it would
 * get longer than `sparse_size_max`. */
void hll_edit_begin(struct hll_edit *edit, struct bytes string, uint64_t sparse_size_max);
enum hll_change hll_edit_raise(struct hll_edit *edit, struct hll_hit hit);
/* As above for hits in ascending order of registers, each once: does not search from the start. */
enum hll_change hll_edit_raise_next(struct hll_edit *edit, struct hll_hit hit);
/* False when the runs are corrupted. */
bool hll_edit_make_dense(struct hll_edit *edit);

/* PFDEBUG DECODE's text of a sparse one: "Z:16384", "z:3 v:1,2". False when corrupted. */
bool hll_decode(struct bytes string, struct buffer *text);

/* What is wrong with this implementation, or NULL (PFSELFTEST). Takes some ten milliseconds. */
const char *hll_self_test(void);

#endif
