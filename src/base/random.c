/* Random numbers: xoshiro256** (Blackman and Vigna 2018) for sampling, the kernel for secrets. */
#include "base/random.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/random.h>

#include "base/assert.h"

static __thread struct random_state own;
static __thread bool is_seeded;

static inline uint64_t rotate_left(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

uint64_t random_state_next(struct random_state *state)
{
    uint64_t *s = state->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* The four words come from splitmix64, which never yields four zeroes. */
void random_state_seed(struct random_state *state, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        state->s[i] = z ^ z >> 31;
    }
}

void random_seed(uint64_t seed)
{
    random_state_seed(&own, seed);
    is_seeded = true;
}

uint64_t random_u64(void)
{
    if (__builtin_expect(!is_seeded, 0)) {
        uint64_t seed;
        random_secure(&seed, sizeof seed);
        random_seed(seed);
    }
    return random_state_next(&own);
}

/* Multiplication instead of division, with rejection so that every result is equally likely
 * (Lemire 2019). */
uint64_t random_below(uint64_t bound)
{
    assert(bound > 0);
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)random_u64() * bound;
    if ((uint64_t)product < bound) {
        uint64_t threshold = -bound % bound;
        while ((uint64_t)product < threshold)
            product = (wide)random_u64() * bound;
    }
    return (uint64_t)(product >> 64);
}

double random_unit(void)
{
    return (double)(random_u64() >> 11) * 0x1p-53;
}

void random_secure(void *destination, size_t size)
{
    char *next = destination;
    while (size > 0) {
        ssize_t got = getrandom(next, size, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            panic("getrandom failed: errno %d", errno);
        }
        next += got;
        size -= (size_t)got;
    }
}

void random_hex(char *destination, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    random_secure(destination, size);
    for (size_t i = 0; i < size; i++)
        destination[i] = digits[(unsigned char)destination[i] & 15];
    destination[size] = '\0';
}
