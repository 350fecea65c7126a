/* Random numbers. random_u64 is a per-thread generator seeded from the kernel: fast, for sampling.
 * random_secure is the kernel's, for identities and keys. Any thread. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

uint64_t random_u64(void);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(uint64_t bound);
/* Uniform in [0, 1). */
double random_unit(void);
/* Fixes this thread's generator (tests). */
void random_seed(uint64_t seed);
/* Fills from getrandom(2); aborts if the kernel has none. */
void random_secure(void *destination, size_t size);
/* `size` hexadecimal digits and a NUL: run ids and the like. */
void random_hex(char *destination, size_t size);

/* A generator with its own state, for reproducible tests. */
struct random_state {
    uint64_t s[4];
};
void random_state_seed(struct random_state *state, uint64_t seed);
uint64_t random_state_next(struct random_state *state);

#endif
