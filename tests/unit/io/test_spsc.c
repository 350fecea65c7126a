/* The ring, on one thread: full, empty, publishing and freeing in batches, indices that wrap;
 * against a counter model. Two threads meet in tests/stress. */
#include "io/spsc.h"

#include "base/memory.h"
#include "base/random.h"
#include <criterion/criterion.h>
#include <signal.h>

TestSuite(spsc, .init = mem_init);

Test(spsc, nothing_is_visible_before_publish)
{
    struct spsc ring;
    spsc_init(&ring, 4, sizeof(uint64_t));
    cr_assert(spsc_is_empty(&ring));
    cr_assert_null(spsc_peek(&ring));
    cr_assert_not(spsc_has_unpublished(&ring));
    uint64_t *slot = spsc_reserve(&ring);
    *slot = 7;
    spsc_push(&ring);
    cr_assert(spsc_has_unpublished(&ring));
    cr_assert_null(spsc_peek(&ring));
    cr_assert(spsc_is_empty(&ring));
    spsc_publish(&ring);
    cr_assert_not(spsc_has_unpublished(&ring));
    cr_assert_not(spsc_is_empty(&ring));
    slot = spsc_peek(&ring);
    cr_assert_eq(*slot, 7);
    cr_assert_eq((void *)slot, spsc_peek(&ring), "peeking takes nothing");
    spsc_pop(&ring);
    cr_assert_null(spsc_peek(&ring));
    cr_assert(spsc_is_empty(&ring));
    spsc_free(&ring);
    spsc_deinit(&ring);
}

Test(spsc, a_slot_is_reused_only_after_free)
{
    struct spsc ring;
    spsc_init(&ring, 2, sizeof(uint64_t));
    for (uint64_t i = 0; i < 2; i++) {
        *(uint64_t *)spsc_reserve(&ring) = i;
        spsc_push(&ring);
    }
    cr_assert_null(spsc_reserve(&ring));
    spsc_publish(&ring);
    (void)spsc_peek(&ring);
    spsc_pop(&ring);
    cr_assert_null(spsc_reserve(&ring), "the consumer may still read it");
    spsc_free(&ring);
    cr_assert_not_null(spsc_reserve(&ring));
    spsc_push(&ring);
    cr_assert_null(spsc_reserve(&ring));
    spsc_deinit(&ring);
}

static void run_model(uint32_t capacity, uint32_t first_index, uint64_t seed)
{
    struct random_state random;
    random_state_seed(&random, seed);
    struct spsc ring;
    spsc_init(&ring, capacity, sizeof(uint64_t));
    ring.head = ring.tail = ring.head_seen = ring.tail_seen = first_index;
    ring.head_published = ring.tail_published = first_index;
    uint64_t pushed = 0;
    uint64_t published = 0;
    uint64_t popped = 0;
    uint64_t freed = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t *slot;
        switch (random_state_next(&random) % 6) {
        case 0:
        case 1:
            slot = spsc_reserve(&ring);
            cr_assert_eq(slot != NULL, pushed - freed < capacity);
            if (slot) {
                *slot = pushed++;
                spsc_push(&ring);
            }
            break;
        case 2:
            spsc_publish(&ring);
            published = pushed;
            break;
        case 3:
        case 4:
            cr_assert_eq(spsc_is_empty(&ring), popped == published);
            slot = spsc_peek(&ring);
            cr_assert_eq(slot != NULL, popped < published);
            if (slot) {
                cr_assert_eq(*slot, popped);
                spsc_pop(&ring);
                popped++;
            }
            break;
        case 5:
            spsc_free(&ring);
            freed = popped;
            break;
        }
        cr_assert_eq(spsc_has_unpublished(&ring), pushed != published);
    }
    cr_assert_gt(popped, 0);
    spsc_deinit(&ring);
}

Test(spsc, model)
{
    for (uint32_t capacity = 1; capacity <= 64; capacity *= 2) {
        run_model(capacity, 0, capacity);
        run_model(capacity, UINT32_MAX - 100, capacity + 1);
    }
}

Test(spsc, capacity_is_a_power_of_two, .signal = SIGABRT)
{
    struct spsc ring;
    spsc_init(&ring, 3, 8);
}

Test(spsc, popping_what_was_not_peeked_is_a_mistake, .signal = SIGABRT)
{
    struct spsc ring;
    spsc_init(&ring, 4, 8);
    spsc_pop(&ring);
}
