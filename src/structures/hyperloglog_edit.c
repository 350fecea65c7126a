/* Changing HyperLogLogs. A sparse one is changed as Redis does it, so that the same elements in the
 * same order give the same bytes: the run with the register is split in up to three, then equal
 * neighbours among the next five runs are joined. */
#include "structures/hyperloglog.h"

#include "base/assert.h"
#include "structures/hyperloglog_internal.h"
#include <string.h>

void hll_edit_begin(struct hll_edit *edit, struct bytes string, uint64_t sparse_size_max)
{
    edit->string = string;
    edit->sparse_size_max = sparse_size_max;
    edit->is_changed = false;
    edit->start = (struct hll_place){HLL_HEADER_SIZE, 0};
}

/* The string in `room`; false when it is longer than any valid one. */
static bool make_own(struct hll_edit *edit)
{
    if (edit->is_changed)
        return true;
    if (edit->string.size > sizeof(edit->room))
        return false;
    memcpy(edit->room, edit->string.data, edit->string.size);
    edit->string.data = edit->room;
    edit->is_changed = true;
    return true;
}

bool hll_edit_make_dense(struct hll_edit *edit)
{
    uint8_t registers[HLL_REGISTERS] = {0};
    if (hll_encoding(edit->string) == HLL_DENSE)
        return true;
    if (!hll_merge(registers, edit->string) || !make_own(edit))
        return false;
    hll_set_encoding(edit->room, HLL_DENSE);
    hll_dense_write(edit->room + HLL_HEADER_SIZE, registers);
    edit->string.size = HLL_DENSE_SIZE;
    return true;
}

/* -- dense -- */

static enum hll_change raise_dense(struct hll_edit *edit, struct hll_hit hit)
{
    if (hll_dense_get(edit->string.data + HLL_HEADER_SIZE, hit.index) >= hit.rank)
        return HLL_SAME;
    if (!make_own(edit))
        return HLL_CORRUPTED;
    hll_dense_raise(edit->room + HLL_HEADER_SIZE, hit);
    hll_forget_cached(edit->room);
    return HLL_RAISED;
}

static enum hll_change promote(struct hll_edit *edit, struct hll_hit hit)
{
    return hll_edit_make_dense(edit) ? raise_dense(edit, hit) : HLL_CORRUPTED;
}

/* -- finding the run -- */

struct position {
    struct hll_place place; /* of the run that covers the register */
    struct hll_run run;
    struct hll_place previous; /* the run before it; itself at the start */
    struct hll_place before;   /* and the one before that */
};

/* How many registers eight runs of one byte cover; 0 when one of the bytes begins a longer run. */
static uint32_t eight_runs(const char *at)
{
    static const uint64_t ones = 0x0101010101010101;
    static const uint64_t evens = 0x00ff00ff00ff00ff;
    uint64_t runs;
    memcpy(&runs, at, sizeof(runs));
    if (runs & ~(runs >> 1) & 0x40 * ones)
        return 0;
    /* Six bits of a run of zeroes are its length less one, two of a run of values. */
    uint64_t is_value = runs >> 7 & ones;
    uint64_t lengths = runs & (0x3f * ones ^ 0x3c * is_value);
    uint64_t pairs = (lengths & evens) + (lengths >> 8 & evens);
    return (uint32_t)(pairs * 0x0001000100010001 >> 48) + 8;
}

/* The place before one: of the run at `offset`, which ends where the place begins. */
static struct hll_place place_before(struct bytes string, struct hll_place place, uint32_t offset)
{
    struct hll_run run;
    if (offset == place.offset || !hll_run_at(string, offset, &run))
        return place;
    return (struct hll_place){offset, place.first - run.length};
}

/* False when no valid run covers the register. */
static bool find_run(const struct hll_edit *edit, uint32_t index, struct position *position)
{
    struct bytes string = edit->string;
    struct hll_place place = edit->start;
    uint32_t previous = place.offset;
    uint32_t before = place.offset;
    struct hll_run run;
    for (;;) {
        while (place.offset + 8 <= string.size) {
            uint32_t length = eight_runs(string.data + place.offset);
            if (length == 0 || place.first + length > index)
                break;
            before = place.offset + 6;
            previous = place.offset + 7;
            place.offset += 8;
            place.first += length;
        }
        if (place.offset >= string.size || !hll_run_at(string, place.offset, &run))
            return false;
        if (index < place.first + run.length)
            break;
        before = previous;
        previous = place.offset;
        place.offset += run.size;
        place.first += run.length;
    }
    position->place = place;
    position->run = run;
    position->previous = place_before(string, place, previous);
    position->before = place_before(string, position->previous, before);
    return place.first + run.length <= HLL_REGISTERS;
}

/* -- splitting -- */

/* Writes a run of zeroes, or of the value, and returns its size; nothing when it is empty. */
static size_t put_run(uint8_t *at, uint8_t value, uint32_t length)
{
    if (length == 0)
        return 0;
    if (value) {
        at[0] = hll_value_run(value, length);
        return 1;
    }
    if (length <= HLL_ZERO_MAX) {
        at[0] = (uint8_t)(length - 1);
        return 1;
    }
    at[0] = (uint8_t)(0x40 | (length - 1) >> 8);
    at[1] = (uint8_t)(length - 1);
    return 2;
}

/* Replaces the run by what is left of it around the hit. False when the result would be longer than
 * a sparse one may be. */
static bool split_run(struct hll_edit *edit, const struct position *position, struct hll_hit hit)
{
    const struct hll_run *run = &position->run;
    uint32_t head = hit.index - position->place.first;
    uint8_t parts[5];
    size_t size = put_run(parts, run->value, head);
    size += put_run(parts + size, hit.rank, 1);
    size += put_run(parts + size, run->value, run->length - head - 1);
    size_t total = edit->string.size - run->size + size;
    if (size > run->size && (total > edit->sparse_size_max || total > sizeof(edit->room)))
        return false;
    char *at = edit->room + position->place.offset;
    size_t rest = edit->string.size - position->place.offset - run->size;
    if (size != run->size)
        memmove(at + size, at + run->size, rest);
    memcpy(at, parts, size);
    edit->string.size = total;
    return true;
}

/* Joins equal neighbours that begin at the offset or a few runs behind. */
static void join_runs(struct hll_edit *edit, size_t offset)
{
    enum { RUNS_LOOKED_AT = 5 };
    uint8_t *bytes = (uint8_t *)edit->room;
    for (int i = 0; i < RUNS_LOOKED_AT && offset < edit->string.size; i++) {
        if (hll_is_xzero(bytes[offset])) {
            offset += 2;
            continue;
        }
        uint8_t opcode = bytes[offset];
        if (!hll_is_value(opcode) || offset + 1 >= edit->string.size ||
            (bytes[offset + 1] | 3) != (opcode | 3)) {
            offset++;
            continue;
        }
        unsigned length = (opcode & 3u) + (bytes[offset + 1] & 3u) + 2;
        if (length > HLL_VALUE_RUN_MAX) {
            offset++;
            continue;
        }
        /* The joined run is looked at once more. */
        bytes[offset + 1] = (uint8_t)((opcode & ~3u) | (length - 1));
        memmove(bytes + offset, bytes + offset + 1, edit->string.size - offset - 1);
        edit->string.size--;
    }
}

static enum hll_change raise_sparse(struct hll_edit *edit, struct hll_hit hit, bool in_order)
{
    if (hit.rank > HLL_VALUE_MAX)
        return promote(edit, hit);
    struct position position;
    if (!find_run(edit, hit.index, &position))
        return HLL_CORRUPTED;
    if (in_order)
        edit->start = position.before;
    if (position.run.value >= hit.rank)
        return HLL_SAME;
    if (!make_own(edit))
        return HLL_CORRUPTED;
    if (!split_run(edit, &position, hit))
        return promote(edit, hit);
    join_runs(edit, position.previous.offset);
    hll_forget_cached(edit->room);
    return HLL_RAISED;
}

enum hll_change hll_edit_raise(struct hll_edit *edit, struct hll_hit hit)
{
    assert(hit.index < HLL_REGISTERS && hit.rank >= 1 && hit.rank <= HLL_RANK_MAX);
    if (hll_encoding(edit->string) == HLL_DENSE)
        return raise_dense(edit, hit);
    edit->start = (struct hll_place){HLL_HEADER_SIZE, 0};
    return raise_sparse(edit, hit, false);
}

enum hll_change hll_edit_raise_next(struct hll_edit *edit, struct hll_hit hit)
{
    assert(hit.index < HLL_REGISTERS && hit.rank >= 1);
    if (hll_encoding(edit->string) == HLL_DENSE)
        return raise_dense(edit, hit);
    return raise_sparse(edit, hit, true);
}
