/* Two threads and one ring: every value arrives once, in order and whole, for small and large
 * rings, batches of random size, a producer that meets a full ring and a consumer that meets an
 * empty one. */
#include "io/spsc.h"
#include "stress.h"

/* Every word is derived from the first: a slot read before it was written shows. */
struct slot {
    uint64_t number;
    uint64_t inverse;
    uint32_t low;
};

struct run {
    struct spsc ring;
    uint32_t capacity;
    uint64_t count;
    bool publishes_each; /* else once per batch */
};

static void *produce(void *argument)
{
    struct run *run = argument;
    uint64_t random = 88172645463325252u + run->capacity;
    uint64_t next = 0;
    while (next < run->count && !stress_must_end()) {
        uint32_t batch = stress_random_size(&random, run->capacity * 2);
        while (batch-- > 0 && next < run->count) {
            struct slot *slot = spsc_reserve(&run->ring);
            if (!slot)
                break;
            *slot = (struct slot){.number = next, .inverse = ~next, .low = (uint32_t)next};
            spsc_push(&run->ring);
            next++;
            if (run->publishes_each)
                spsc_publish(&run->ring);
        }
        if (spsc_has_unpublished(&run->ring))
            spsc_publish(&run->ring);
        if (batch != UINT32_MAX)
            sched_yield();
    }
    return NULL;
}

static void consume(struct run *run)
{
    uint64_t random = 2463534242u + run->capacity;
    uint64_t next = 0;
    while (next < run->count && !stress_must_end()) {
        uint32_t batch = stress_random_size(&random, run->capacity * 2);
        bool is_empty = false;
        while (batch-- > 0) {
            struct slot *slot = spsc_peek(&run->ring);
            if (!slot) {
                is_empty = true;
                break;
            }
            STRESS_CHECK(slot->number == next, "got %llu instead of %llu",
                         (unsigned long long)slot->number, (unsigned long long)next);
            STRESS_CHECK(slot->inverse == ~next && slot->low == (uint32_t)next, "torn slot");
            spsc_pop(&run->ring);
            next++;
        }
        spsc_free(&run->ring);
        if (is_empty)
            sched_yield();
    }
    STRESS_CHECK(spsc_is_empty(&run->ring), "more arrived than was sent");
}

static void test(uint32_t capacity, uint64_t count, bool publishes_each, uint32_t first_index)
{
    struct run run = {.capacity = capacity, .count = count, .publishes_each = publishes_each};
    spsc_init(&run.ring, capacity, sizeof(struct slot));
    /* Indices run freely: near the wrap they must do so as well. */
    run.ring.head = run.ring.tail = run.ring.head_seen = run.ring.tail_seen = first_index;
    run.ring.head_published = run.ring.tail_published = first_index;
    pthread_t producer = stress_start(produce, &run);
    consume(&run);
    pthread_join(producer, NULL);
    spsc_deinit(&run.ring);
    char name[64];
    snprintf(name, sizeof(name), "capacity %u, publishes %s, from %u", capacity,
             publishes_each ? "each" : "batches", first_index);
    stress_end_test(name);
}

int main(void)
{
    static const uint32_t capacities[] = {1, 2, 8, 64, 4096};
    for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
        uint64_t count = (capacities[i] < 8 ? 200000 : 3000000) / STRESS_DIVISOR;
        test(capacities[i], count, true, 0);
        test(capacities[i], count, false, 0);
        test(capacities[i], count, false, UINT32_MAX - 1000);
    }
    return stress_report();
}
