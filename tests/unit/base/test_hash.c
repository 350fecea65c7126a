/* SipHash against its published vectors and a byte-by-byte implementation written from the paper.
 */
#include "base/hash.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/hash_internal.h"
#include "base/random.h"
#include "base/text.h"

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

static void round_once(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13);
    v[3] = rotate(v[3], 16);
    v[1] ^= v[0];
    v[3] ^= v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17);
    v[3] = rotate(v[3], 21);
    v[1] ^= v[2];
    v[3] ^= v[0];
    v[2] = rotate(v[2], 32);
}

/* Pads the message to whole blocks, its size in the last byte, and takes every byte one by one. */
static uint64_t naive(const unsigned char *data, size_t size, const uint8_t key[16], int c, int d)
{
    uint64_t k[2] = {0, 0};
    for (int i = 0; i < 16; i++)
        k[i / 8] |= (uint64_t)key[i] << (8 * (i % 8));
    const char *constant = "somepseudorandomlygeneratedbytes";
    uint64_t v[4] = {0, 0, 0, 0};
    for (int i = 0; i < 32; i++)
        v[i / 8] = v[i / 8] << 8 | (unsigned char)constant[i];
    for (int i = 0; i < 4; i++)
        v[i] ^= k[i % 2];
    for (size_t block = 0; block <= size / 8; block++) {
        uint64_t m = 0;
        for (size_t i = 0; i < 8; i++) {
            size_t at = block * 8 + i;
            unsigned char byte = at < size ? data[at] : 0;
            if (block == size / 8 && i == 7)
                byte = (unsigned char)size;
            m |= (uint64_t)byte << (8 * i);
        }
        v[3] ^= m;
        for (int i = 0; i < c; i++)
            round_once(v);
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < d; i++)
        round_once(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

Test(hash, published_vector)
{
    /* Appendix A of the paper: key 00..0f, message 00..0e. */
    uint8_t key[16];
    uint8_t message[15];
    for (unsigned i = 0; i < 16; i++)
        key[i] = (uint8_t)i;
    for (unsigned i = 0; i < 15; i++)
        message[i] = (uint8_t)i;
    cr_assert_eq(hash_siphash(message, 15, key, 2, 4), 0xa129ca6149be45e5);
    cr_assert_eq(naive(message, 15, key, 2, 4), 0xa129ca6149be45e5);
    /* The first of the reference implementation's vectors: the empty message. */
    cr_assert_eq(hash_siphash(message, 0, key, 2, 4), 0x726fdb47dd0e0e31);
}

Test(hash, every_size_and_alignment)
{
    struct random_state random;
    random_state_seed(&random, 3);
    unsigned char block[160];
    uint8_t key[16];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (unsigned char)random_state_next(&random);
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)random_state_next(&random);
    hash_init_with(key);
    for (size_t size = 0; size <= 140; size++) {
        for (size_t offset = 0; offset < 9; offset++) {
            const unsigned char *data = block + offset;
            uint64_t expected = naive(data, size, key, 1, 3);
            cr_assert_eq(hash_siphash13(data, size, key), expected, "%zu %zu", size, offset);
            cr_assert_eq(hash_bytes(data, size), expected);
            cr_assert_eq(hash_siphash(data, size, key, 2, 4), naive(data, size, key, 2, 4));
        }
    }
    cr_assert_eq(hash_bytes(NULL, 0), naive(block, 0, key, 1, 3));
}

Test(hash, nocase_is_the_hash_of_lower_case)
{
    struct random_state random;
    random_state_seed(&random, 4);
    for (int round = 0; round < 20000; round++) {
        char text[41];
        char lowered[41];
        size_t size = random_state_next(&random) % sizeof text;
        for (size_t i = 0; i < size; i++)
            text[i] = (char)random_state_next(&random);
        memcpy(lowered, text, size);
        text_lower(lowered, size);
        cr_assert_eq(hash_bytes_nocase(text, size), hash_bytes(lowered, size));
    }
    /* The neighbours of the letters, and letters with the top bit, stay what they are. */
    for (unsigned c = 0; c < 256; c++) {
        char byte = (char)c;
        char lower = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        cr_assert_eq(hash_bytes_nocase(&byte, 1), hash_bytes(&lower, 1), "%u", c);
    }
}

Test(hash, init_takes_a_new_key)
{
    hash_init();
    uint64_t first = hash_bytes("key", 3);
    cr_assert_eq(hash_bytes("key", 3), first);
    hash_init();
    cr_assert_neq(hash_bytes("key", 3), first);
}
