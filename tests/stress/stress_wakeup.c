/* A consumer that sleeps whenever it can and producers that publish at any moment: none of the
 * wake-ups may be lost. A lost one shows as a sleep that outlasts LOST_WAKEUP_MS with work at hand.
 */
#include "io/spsc.h"
#include "stress.h"

enum { PRODUCERS_MAX = 3, CAPACITY = 64 };

struct producer {
    struct spsc ring;
    struct run *run;
    uint64_t count;
    uint64_t signals;
    uint32_t pause_max; /* how long it lingers between batches */
    bool waits;         /* until the consumer has taken everything: it then sleeps each time */
};

struct run {
    struct wakeup wakeup;
    struct producer producers[PRODUCERS_MAX];
    int producer_count;
    uint64_t taken __attribute__((aligned(64))); /* by the consumer, in all */
};

static void linger(uint64_t *random, uint32_t maximum)
{
    for (uint32_t i = maximum ? stress_random(random) % maximum : 0; i > 0; i--)
        __asm__ __volatile__("" ::: "memory");
}

static void *produce(void *argument)
{
    struct producer *producer = argument;
    struct run *run = producer->run;
    uint64_t random = (uint64_t)(producer - run->producers) * 77777 + 362436069;
    uint64_t next = 0;
    while (next < producer->count && !stress_must_end()) {
        uint32_t batch = producer->waits ? 1 : stress_random_size(&random, CAPACITY);
        uint64_t *slot;
        while (batch > 0 && next < producer->count && (slot = spsc_reserve(&producer->ring))) {
            *slot = next++;
            spsc_push(&producer->ring);
            batch--;
        }
        if (spsc_has_unpublished(&producer->ring)) {
            spsc_publish(&producer->ring);
            producer->signals += wakeup_signal(&run->wakeup);
        }
        if (batch > 0)
            sched_yield(); /* full */
        while (producer->waits && __atomic_load_n(&run->taken, __ATOMIC_ACQUIRE) < next &&
               !stress_must_end())
            continue;
        linger(&random, producer->pause_max);
    }
    return NULL;
}

static bool is_all_empty(struct run *run)
{
    for (int i = 0; i < run->producer_count; i++)
        if (!spsc_is_empty(&run->producers[i].ring))
            return false;
    return true;
}

static uint64_t take(struct run *run, uint64_t *next)
{
    uint64_t count = 0;
    for (int i = 0; i < run->producer_count; i++) {
        struct spsc *ring = &run->producers[i].ring;
        uint64_t *slot;
        while ((slot = spsc_peek(ring))) {
            STRESS_CHECK(*slot == next[i], "out of order");
            next[i]++;
            spsc_pop(ring);
            count++;
        }
        spsc_free(ring);
    }
    return count;
}

static uint64_t consume(struct run *run, uint64_t wanted)
{
    uint64_t next[PRODUCERS_MAX] = {0};
    uint64_t taken = 0;
    uint64_t sleeps = 0;
    while (taken < wanted && !stress_must_end()) {
        taken += take(run, next);
        __atomic_store_n(&run->taken, taken, __ATOMIC_RELEASE);
        if (taken == wanted)
            break;
        wakeup_announce_sleep(&run->wakeup);
        if (!is_all_empty(run)) {
            wakeup_end_sleep(&run->wakeup);
            continue;
        }
        sleeps++;
        bool was_woken = stress_sleep(&run->wakeup, LOST_WAKEUP_MS);
        STRESS_CHECK(was_woken, "lost wake-up after %llu of %llu", (unsigned long long)taken,
                     (unsigned long long)wanted);
    }
    return sleeps;
}

static void test(const char *name, int producers, uint64_t count, uint32_t pause_max, bool waits)
{
    struct run run = {.producer_count = producers};
    int error = wakeup_init(&run.wakeup);
    assert(error == 0);
    pthread_t threads[PRODUCERS_MAX];
    for (int i = 0; i < producers; i++) {
        struct producer *producer = &run.producers[i];
        *producer =
            (struct producer){.run = &run, .count = count, .pause_max = pause_max, .waits = waits};
        spsc_init(&producer->ring, CAPACITY, sizeof(uint64_t));
    }
    for (int i = 0; i < producers; i++)
        threads[i] = stress_start(produce, &run.producers[i]);
    uint64_t sleeps = consume(&run, count * (uint64_t)producers);
    uint64_t signals = 0;
    for (int i = 0; i < producers; i++) {
        pthread_join(threads[i], NULL);
        signals += run.producers[i].signals;
        spsc_deinit(&run.producers[i].ring);
    }
    /* One system call a sleep; a signal may also meet an announcement that was taken back. */
    STRESS_CHECK(signals <= count * (uint64_t)producers, "more signals than messages");
    STRESS_CHECK(!waits || sleeps > 0, "the consumer never slept: nothing was tested");
    wakeup_deinit(&run.wakeup);
    stress_end_test(name);
}

int main(void)
{
    test("one producer that waits for each", 1, 200000 / STRESS_DIVISOR, 0, true);
    test("one producer that waits a moment", 1, 400000 / STRESS_DIVISOR, 60, true);
    test("one producer that waits and lingers", 1, 100000 / STRESS_DIVISOR, 3000, true);
    test("one producer in batches", 1, 2000000 / STRESS_DIVISOR, 100, false);
    test("one slow producer", 1, 300000 / STRESS_DIVISOR, 5000, false);
    test("three producers", 3, 300000 / STRESS_DIVISOR, 2000, false);
    return stress_report();
}
