/* The 24 bits that remember how an entry was used: seconds of last access (LRU), or the minute of
 * the last decay and a logarithmic counter (LFU). Main thread.
 */
#include "base/random.h"
#include "keyspace/keyspace_internal.h"

enum { LFU_INITIAL = 5, LRU_BITS_MAX = (1 << 24) - 1 };

static uint32_t lfu_minutes(void)
{
    return (uint32_t)(clock_wall_ms() / 60000) & 0xffff;
}

unsigned keyspace_lfu_counter(const struct keyspace *keyspace, const struct entry *entry)
{
    uint32_t last = entry->access >> 8;
    unsigned counter = entry->access & 255;
    if (keyspace->settings->lfu_decay_time == 0)
        return counter;
    uint32_t elapsed = (lfu_minutes() - last) & 0xffff;
    int64_t periods = elapsed / keyspace->settings->lfu_decay_time;
    return periods >= counter ? 0 : counter - (unsigned)periods;
}

static unsigned lfu_increment(const struct keyspace *keyspace, unsigned counter)
{
    if (counter == 255)
        return counter;
    double base = counter > LFU_INITIAL ? counter - LFU_INITIAL : 0;
    double probability = 1.0 / (base * (double)keyspace->settings->lfu_log_factor + 1);
    return random_unit() < probability ? counter + 1 : counter;
}

uint32_t keyspace_access_initial(const struct keyspace *keyspace)
{
    return keyspace->is_lfu ? lfu_minutes() << 8 | LFU_INITIAL : keyspace->access_clock;
}

void keyspace_touch(struct keyspace *keyspace, struct entry *entry)
{
    if (keyspace->no_touch || keyspace->resize_is_avoided)
        return;
    if (!keyspace->is_lfu) {
        if (entry->access != keyspace->access_clock)
            entry->access = keyspace->access_clock & LRU_BITS_MAX;
        return;
    }
    unsigned counter = lfu_increment(keyspace, keyspace_lfu_counter(keyspace, entry));
    entry->access = (lfu_minutes() << 8 | counter) & LRU_BITS_MAX;
}

uint64_t keyspace_idle_seconds(const struct keyspace *keyspace, const struct entry *entry)
{
    return (keyspace->access_clock - entry->access) & LRU_BITS_MAX;
}

unsigned keyspace_frequency(const struct keyspace *keyspace, const struct entry *entry)
{
    return keyspace_lfu_counter(keyspace, entry);
}

void keyspace_set_idle(struct keyspace *keyspace, struct entry *entry, uint64_t seconds)
{
    if (!keyspace->is_lfu && seconds <= LRU_BITS_MAX)
        entry->access = (keyspace->access_clock - (uint32_t)seconds) & LRU_BITS_MAX;
}

void keyspace_set_frequency(struct keyspace *keyspace, struct entry *entry, unsigned frequency)
{
    if (keyspace->is_lfu && frequency <= 255)
        entry->access = (lfu_minutes() << 8 | frequency) & LRU_BITS_MAX;
}
