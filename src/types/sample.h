/* Drawing at random without repetition, for the RANDMEMBER family. Main thread. */
#ifndef TYPES_SAMPLE_H
#define TYPES_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers (or addresses) that were seen; as many as it was made for. */
struct distinct {
    uint64_t *slots; /* value + 1, 0 is free */
    size_t mask;
    size_t count;
    size_t capacity;
};

void distinct_init(struct distinct *distinct, size_t capacity);
void distinct_deinit(struct distinct *distinct);
/* False when it is there already. UINT64_MAX is no value. */
bool distinct_add(struct distinct *distinct, uint64_t value);

/* `count` different numbers below `bound` (count <= bound), each set of them equally likely, in
 * ascending order. The caller frees them. */
uint64_t *sample_indexes(uint64_t bound, size_t count);

#endif
