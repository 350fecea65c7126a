/* Sums of the counters of several I/O threads. [X] Any thread: the counters are read relaxed, each
 * on its own, so a sum is a snapshot without an instant.
 */
#include "io/io_stats.h"
#include "base/assert.h"
#include <stddef.h>

_Static_assert(sizeof(struct io_stats) % sizeof(uint64_t) == 0, "only 64-bit counters");

/* The counters in order, as one vector (padding up to the alignment is zero and harmless). */
enum { COUNTER_COUNT = sizeof(struct io_stats) / sizeof(uint64_t) };

void io_stats_sum(struct io_stats *to, const struct io_stats *from)
{
    assert(to != from);
    uint64_t *sums = (uint64_t *)(void *)to;
    const uint64_t *counters = (const uint64_t *)(const void *)from;
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        sums[i] += io_stat_read(counters[i]);
}
