/* Counting, finding and combining bits by words of 64. Any thread. */
#include "structures/bits.h"

#include "base/assert.h"
#include "base/memory.h"

enum { WORD = sizeof(uint64_t) };

static uint64_t load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, WORD);
    return word;
}

/* The word as a number whose highest bit is the string's first. */
static uint64_t load_ordered(const char *at)
{
    return __builtin_bswap64(load_word(at));
}

static unsigned char byte_at(const char *data, size_t index)
{
    return (unsigned char)data[index];
}

/* -- counting -- */

/* The body is the same; compiled for processors with and without an instruction for it. */
static inline __attribute__((always_inline)) uint64_t count_words(const char *data, size_t size)
{
    uint64_t sums[4] = {0};
    size_t i = 0;
    for (; i + 4 * WORD <= size; i += 4 * WORD) {
        sums[0] += (uint64_t)__builtin_popcountll(load_word(data + i));
        sums[1] += (uint64_t)__builtin_popcountll(load_word(data + i + WORD));
        sums[2] += (uint64_t)__builtin_popcountll(load_word(data + i + 2 * WORD));
        sums[3] += (uint64_t)__builtin_popcountll(load_word(data + i + 3 * WORD));
    }
    for (; i + WORD <= size; i += WORD)
        sums[0] += (uint64_t)__builtin_popcountll(load_word(data + i));
    if (i < size) {
        uint64_t rest = 0;
        memcpy(&rest, data + i, size - i);
        sums[0] += (uint64_t)__builtin_popcountll(rest);
    }
    return sums[0] + sums[1] + sums[2] + sums[3];
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static uint64_t count_popcnt(const char *data, size_t size)
{
    return count_words(data, size);
}
#endif

uint64_t bits_count(struct bytes string)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("popcnt"))
        return count_popcnt(string.data, string.size);
#endif
    return count_words(string.data, string.size);
}

/* The bits of a byte from its bit `first` to its bit `last`, 0 being the highest. */
static unsigned char mask_of(unsigned first, unsigned last)
{
    return (unsigned char)((0xffu >> first) & (0xffu << (7 - last)));
}

uint64_t bits_count_range(struct bytes string, uint64_t first, uint64_t last)
{
    assert(first <= last && last / 8 < string.size);
    size_t from = first / 8;
    size_t to = last / 8;
    unsigned head = mask_of(first % 8, 7);
    unsigned tail = mask_of(0, last % 8);
    if (from == to)
        return (uint64_t)__builtin_popcount(byte_at(string.data, from) & head & tail);
    return (uint64_t)__builtin_popcount(byte_at(string.data, from) & head) +
           bits_count(bytes_of(string.data + from + 1, to - from - 1)) +
           (uint64_t)__builtin_popcount(byte_at(string.data, to) & tail);
}

/* -- finding -- */

/* The first byte in [from, to) that is not `skipped`, or `to`. */
static size_t skip_bytes(const char *data, size_t from, size_t to, unsigned char skipped)
{
    uint64_t pattern = skipped ? UINT64_MAX : 0;
    while (to - from >= 4 * WORD && load_word(data + from) == pattern &&
           load_word(data + from + WORD) == pattern &&
           load_word(data + from + 2 * WORD) == pattern &&
           load_word(data + from + 3 * WORD) == pattern)
        from += 4 * WORD;
    while (to - from >= WORD && load_word(data + from) == pattern)
        from += WORD;
    while (from < to && byte_at(data, from) == skipped)
        from++;
    return from;
}

/* The first bit equal to value among those in mask, of the byte at index; BITS_NONE without. */
static uint64_t find_in_byte(const char *data, size_t index, bool value, unsigned mask)
{
    unsigned found = (value ? byte_at(data, index) : ~(unsigned)byte_at(data, index)) & mask;
    if (!found)
        return BITS_NONE;
    return (uint64_t)index * 8 + (uint64_t)(__builtin_clz(found) - 24);
}

uint64_t bits_find(struct bytes string, bool value, uint64_t first, uint64_t last)
{
    assert(first <= last && last / 8 < string.size);
    size_t from = first / 8;
    size_t to = last / 8;
    unsigned head = mask_of(first % 8, 7);
    unsigned tail = mask_of(0, last % 8);
    if (from == to)
        return find_in_byte(string.data, from, value, head & tail);
    uint64_t found = find_in_byte(string.data, from, value, head);
    if (found != BITS_NONE)
        return found;
    from = skip_bytes(string.data, from + 1, to, value ? 0 : 0xff);
    return find_in_byte(string.data, from, value, from == to ? tail : 0xff);
}

/* -- combining -- */

/* Combined block by block: loops of a known length over words, which become vector instructions,
 * and a state that stays in the nearest cache. */
enum { BLOCK_WORDS = 64, BLOCK = BLOCK_WORDS * WORD };

/* Laid over bytes at any address. */
struct __attribute__((packed, may_alias)) block {
    uint64_t words[BLOCK_WORDS];
};

/* Copies the part of the source that a block at `offset` covers, with zeroes behind its end. */
static void load_block(struct block *block, struct bytes source, size_t offset)
{
    size_t rest = offset < source.size ? source.size - offset : 0;
    size_t size = rest < BLOCK ? rest : BLOCK;
    if (size)
        memcpy(block, source.data + offset, size);
    if (size < BLOCK)
        memset((char *)block + size, 0, BLOCK - size);
}

/* The same, in place unless the source ends there. */
static const struct block *block_of(struct bytes source, size_t offset, struct block *room)
{
    if (offset < source.size && source.size - offset >= BLOCK)
        return (const struct block *)(const void *)(source.data + offset);
    load_block(room, source, offset);
    return room;
}

#define EACH_WORD(expression)                                                                      \
    do {                                                                                           \
        for (size_t i = 0; i < BLOCK_WORDS; i++)                                                   \
            expression;                                                                            \
    } while (0)

/* What the first two sources make; `twice` is for BITS_ONE. Where the first one stands apart, what
 * is folded are the others. */
static void fold_two(enum bits_operation operation, struct block *restrict sum,
                     struct block *restrict twice, const struct block *restrict first,
                     const struct block *restrict second)
{
    switch (operation) {
    case BITS_AND:
        EACH_WORD(sum->words[i] = first->words[i] & second->words[i]);
        break;
    case BITS_OR:
        EACH_WORD(sum->words[i] = first->words[i] | second->words[i]);
        break;
    case BITS_XOR:
        EACH_WORD(sum->words[i] = first->words[i] ^ second->words[i]);
        break;
    case BITS_ONE:
        EACH_WORD(twice->words[i] = first->words[i] & second->words[i]);
        EACH_WORD(sum->words[i] = first->words[i] | second->words[i]);
        break;
    case BITS_NOT:
    case BITS_DIFF:
    case BITS_DIFF1:
    case BITS_ANDOR:
        EACH_WORD(sum->words[i] = second->words[i]);
        break;
    }
}

/* Adds a further source. */
static void fold(enum bits_operation operation, struct block *restrict sum,
                 struct block *restrict twice, const struct block *restrict next)
{
    switch (operation) {
    case BITS_AND:
        EACH_WORD(sum->words[i] &= next->words[i]);
        break;
    case BITS_XOR:
        EACH_WORD(sum->words[i] ^= next->words[i]);
        break;
    case BITS_ONE:
        EACH_WORD(twice->words[i] |= sum->words[i] & next->words[i]);
        EACH_WORD(sum->words[i] |= next->words[i]);
        break;
    case BITS_OR:
    case BITS_NOT:
    case BITS_DIFF:
    case BITS_DIFF1:
    case BITS_ANDOR:
        EACH_WORD(sum->words[i] |= next->words[i]);
        break;
    }
}

static void finish(enum bits_operation operation, struct block *restrict sum,
                   const struct block *restrict twice, const struct block *restrict first)
{
    switch (operation) {
    case BITS_AND:
    case BITS_OR:
    case BITS_XOR:
        break;
    case BITS_NOT:
        EACH_WORD(sum->words[i] = ~first->words[i]);
        break;
    case BITS_DIFF:
        EACH_WORD(sum->words[i] = first->words[i] & ~sum->words[i]);
        break;
    case BITS_DIFF1:
        EACH_WORD(sum->words[i] &= ~first->words[i]);
        break;
    case BITS_ANDOR:
        EACH_WORD(sum->words[i] &= first->words[i]);
        break;
    case BITS_ONE:
        EACH_WORD(sum->words[i] &= ~twice->words[i]);
        break;
    }
}

/* The block at an offset of all sources, of which there are two at least unless it is BITS_NOT. */
static void combine_block(enum bits_operation operation, const struct bytes *sources, size_t count,
                          size_t offset, struct block *sum)
{
    struct block twice;
    struct block first_room;
    struct block room;
    const struct block *first = block_of(sources[0], offset, &first_room);
    if (count > 1)
        fold_two(operation, sum, &twice, first, block_of(sources[1], offset, &room));
    for (size_t i = 2; i < count; i++)
        fold(operation, sum, &twice, block_of(sources[i], offset, &room));
    finish(operation, sum, &twice, first);
}

/* One source alone: itself, or nothing where others are asked for. */
static void combine_one(enum bits_operation operation, struct bytes source, char *destination,
                        size_t size)
{
    bool is_nothing = operation == BITS_DIFF1 || operation == BITS_ANDOR;
    size_t kept = is_nothing ? 0 : source.size;
    assert(source.size <= size);
    if (kept)
        memcpy(destination, source.data, kept);
    if (size > kept)
        memset(destination + kept, 0, size - kept);
}

void bits_combine(enum bits_operation operation, const struct bytes *sources, size_t count,
                  char *destination, size_t size)
{
    assert(count > 0 && (count == 1 || operation != BITS_NOT));
    if (count == 1 && operation != BITS_NOT) {
        combine_one(operation, sources[0], destination, size);
        return;
    }
    size_t offset = 0;
    for (; offset + BLOCK <= size; offset += BLOCK)
        combine_block(operation, sources, count, offset,
                      (struct block *)(void *)(destination + offset));
    if (offset < size) {
        struct block last;
        combine_block(operation, sources, count, offset, &last);
        memcpy(destination + offset, &last, size - offset);
    }
}

/* -- fields -- */

static uint64_t low_bits(unsigned width)
{
    return width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
}

uint64_t bits_read_field(struct bytes string, uint64_t position, unsigned width)
{
    assert(width >= 1 && width <= 64);
    uint64_t from = position / 8;
    unsigned shift = (unsigned)(position % 8);
    char window[WORD + 1] = {0};
    if (from < string.size) {
        size_t rest = string.size - (size_t)from;
        memcpy(window, string.data + from, rest < sizeof(window) ? rest : sizeof(window));
    }
    uint64_t word = load_ordered(window) << shift;
    if (shift)
        word |= (uint64_t)byte_at(window, WORD) >> (8 - shift);
    return word >> (64 - width);
}

void bits_write_field(char *data, uint64_t position, unsigned width, uint64_t value)
{
    assert(width >= 1 && width <= 64);
    for (unsigned left = width; left > 0;) {
        unsigned in_byte = (unsigned)(position % 8);
        unsigned part = left < 8 - in_byte ? left : 8 - in_byte;
        unsigned char mask = mask_of(in_byte, in_byte + part - 1);
        unsigned char bits =
            (unsigned char)((value >> (left - part) & low_bits(part)) << (8 - in_byte - part));
        char *at = data + position / 8;
        *at = (char)((byte_at(at, 0) & ~mask) | bits);
        position += part;
        left -= part;
    }
}

int64_t bits_field_value(struct bits_type type, uint64_t field)
{
    unsigned unused = 64 - type.width;
    if (type.is_signed)
        return (int64_t)(field << unused) >> unused;
    return (int64_t)field;
}

bool bits_field_add(struct bits_type type, int64_t base, int64_t increment,
                    enum bits_overflow overflow, int64_t *result)
{
    assert(type.width >= 1 && type.width <= (type.is_signed ? 64u : 63u));
    __extension__ typedef __int128 wide;
    wide maximum = type.is_signed ? (wide)low_bits(type.width - 1) : (wide)low_bits(type.width);
    wide minimum = type.is_signed ? -maximum - 1 : 0;
    wide sum = (type.is_signed ? (wide)base : (wide)(uint64_t)base) + increment;
    if (sum >= minimum && sum <= maximum) {
        *result = (int64_t)sum;
        return true;
    }
    switch (overflow) {
    case BITS_FAIL:
        return false;
    case BITS_SATURATE:
        *result = (int64_t)(sum > maximum ? maximum : minimum);
        break;
    case BITS_WRAP:
        *result = bits_field_value(type, (uint64_t)sum & low_bits(type.width));
        break;
    }
    return true;
}
