/* See keys.h. */
#include "tools/benchmark/keys.h"

#include "base/assert.h"
#include <math.h>

void key_source_init(struct key_source *source, const struct options *options, uint64_t seed)
{
    *source =
        (struct key_source){.pattern = options->key_pattern, .space = (uint64_t)options->key_space};
    random_state_seed(&source->random, seed);
}

/* From -1 to 1. */
static double draw_unit(struct key_source *source)
{
    return (double)(random_state_next(&source->random) >> 11) * 0x1p-52 - 1;
}

/* Marsaglia's polar method; what falls outside of three deviations is drawn again. */
static uint64_t draw_gaussian(struct key_source *source)
{
    for (;;) {
        double x = draw_unit(source);
        double y = draw_unit(source);
        double square = x * x + y * y;
        if (square >= 1 || square == 0)
            continue;
        double deviations = x * sqrt(-2 * log(square) / square);
        double place = (0.5 + deviations / 6) * (double)source->space;
        if (place >= 0 && place < (double)source->space)
            return (uint64_t)place;
    }
}

uint64_t key_source_next(struct key_source *source, uint64_t position)
{
    if (source->space == 0)
        return 0;
    if (source->pattern == KEYS_SEQUENTIAL)
        return position % source->space;
    if (source->pattern == KEYS_GAUSSIAN)
        return draw_gaussian(source);
    return random_state_next(&source->random) % source->space;
}

uint64_t key_source_between(struct key_source *source, uint64_t min, uint64_t max)
{
    assert(min <= max);
    return min + random_state_next(&source->random) % (max - min + 1);
}
