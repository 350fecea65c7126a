/* SipHash (Aumasson and Bernstein 2012), little-endian, whole words at a time.
 *
 * The tail is read with one or two overlapping loads instead of byte by byte: keys are short, and
 * the tail would cost as much as the rest. */
#include "base/hash.h"
#include "base/hash_internal.h"

#include <stdbool.h>
#include <string.h>

#include "base/random.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are loaded as they stand");

/* Written by hash_init before other threads start. */
static uint64_t key_low;
static uint64_t key_high;

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v2 = rotate_left(s->v2, 32);
}

static inline uint64_t load8(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint64_t load4(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* The last size % 8 bytes, zero-extended. */
static inline uint64_t load_tail(const uint8_t *data, size_t size)
{
    unsigned left = size & 7;
    if (left == 0)
        return 0;
    if (size >= 8)
        return load8(data + size - 8) >> (8 * (8 - left));
    if (left >= 4)
        return load4(data) | load4(data + left - 4) << (8 * (left - 4));
    return (uint64_t)data[0] | (uint64_t)data[left / 2] << (8 * (left / 2)) |
           (uint64_t)data[left - 1] << (8 * (left - 1));
}

/* ASCII capitals of a word to lower case, eight at once. A byte is a capital when adding 0x3f
 * carries its low seven bits to 0x80 ('A' or more) and adding 0x25 does not ('Z' or less). */
static inline uint64_t lower_word(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = word & ones * 0x7f;
    uint64_t from_a = low + ones * 0x3f;
    uint64_t past_z = low + ones * 0x25;
    uint64_t capital = (from_a ^ past_z) & ~word & ones * 0x80;
    return word | capital >> 2;
}

static inline __attribute__((always_inline)) uint64_t siphash(const uint8_t *data, size_t size,
                                                              uint64_t k0, uint64_t k1,
                                                              unsigned block_rounds,
                                                              unsigned final_rounds, bool nocase)
{
    struct sip s = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                    k1 ^ 0x7465646279746573u};
    const uint8_t *end = data + (size & ~(size_t)7);
    uint64_t tail = size ? load_tail(data, size) : 0;
    for (; data != end; data += 8) {
        uint64_t word = load8(data);
        if (nocase)
            word = lower_word(word);
        s.v3 ^= word;
        for (unsigned i = 0; i < block_rounds; i++)
            sip_round(&s);
        s.v0 ^= word;
    }
    if (nocase)
        tail = lower_word(tail);
    tail |= (uint64_t)size << 56;
    s.v3 ^= tail;
    for (unsigned i = 0; i < block_rounds; i++)
        sip_round(&s);
    s.v0 ^= tail;
    s.v2 ^= 0xff;
    for (unsigned i = 0; i < final_rounds; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

void hash_init(void)
{
    uint8_t key[16];
    random_secure(key, sizeof key);
    hash_init_with(key);
}

void hash_init_with(const uint8_t key[16])
{
    key_low = load8(key);
    key_high = load8(key + 8);
}

uint64_t hash_bytes(const void *data, size_t size)
{
    return siphash(data, size, key_low, key_high, 1, 3, false);
}

uint64_t hash_bytes_nocase(const void *data, size_t size)
{
    return siphash(data, size, key_low, key_high, 1, 3, true);
}

uint64_t hash_siphash13(const void *data, size_t size, const uint8_t key[16])
{
    return siphash(data, size, load8(key), load8(key + 8), 1, 3, false);
}

uint64_t hash_siphash(const void *data, size_t size, const uint8_t key[16], unsigned block_rounds,
                      unsigned final_rounds)
{
    return siphash(data, size, load8(key), load8(key + 8), block_rounds, final_rounds, false);
}
