/* Which numbers replace __rand_int__: random, one after the other, or around the middle. One
 * thread. */
#ifndef TOOLS_BENCHMARK_KEYS_H
#define TOOLS_BENCHMARK_KEYS_H

#include "base/random.h"
#include "tools/benchmark/options.h"

struct key_source {
    enum key_pattern pattern;
    uint64_t space; /* 0: every number is 0 */
    struct random_state random;
};

void key_source_init(struct key_source *source, const struct options *options, uint64_t seed);
/* Below the space. `position` is how many numbers were given before, over all threads: it decides
 * when keys are sequential. */
uint64_t key_source_next(struct key_source *source, uint64_t position);
/* Evenly from min to max. */
uint64_t key_source_between(struct key_source *source, uint64_t min, uint64_t max);

#endif
