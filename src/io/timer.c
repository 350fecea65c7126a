/* The timer wheel: 1024 slots of one millisecond, a bitmap of the slots in use.
 *
 * A timer sits in the slot of its deadline modulo the wheel; one whose deadline is a further round
 * away is looked at once a round and left. Every timer that is active and not being expired has a
 * deadline of at least `now_ms`, the last tick that was processed, so nothing can be overtaken. The
 * due timers of a slot are first moved to `expiring` and then run one by one, so that a callback
 * may stop any of them; slots are visited in the order of time. One thread, that of the loop.
 */
#include "io/timer.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include <stddef.h>

enum { SLOT_COUNT = 1024, SLOT_MASK = SLOT_COUNT - 1, WORD_COUNT = SLOT_COUNT / 64 };

struct timers {
    struct timer *slots[SLOT_COUNT];
    uint64_t used[WORD_COUNT]; /* a bit per slot that is not empty */
    struct timer *expiring;
    int64_t now_ms; /* ticks before this one were processed */
    uint64_t count;
};

struct timers *timers_create(void)
{
    struct timers *timers = mem_calloc(1, sizeof(*timers));
    timers->now_ms = clock_ms();
    return timers;
}

void timers_destroy(struct timers *timers)
{
    mem_free(timers);
}

void timer_init(struct timer *timer, void (*on_expired)(struct timer *timer))
{
    assert(on_expired != NULL);
    *timer = (struct timer){.on_expired = on_expired};
}

static unsigned slot_of(int64_t deadline_ms)
{
    return (unsigned)((uint64_t)deadline_ms & SLOT_MASK);
}

static void push(struct timer **head, struct timer *timer)
{
    timer->previous = NULL;
    timer->next = *head;
    if (*head != NULL)
        (*head)->previous = timer;
    *head = timer;
}

static void unlink_from(struct timer **head, struct timer *timer)
{
    if (timer->previous != NULL)
        timer->previous->next = timer->next;
    else
        *head = timer->next;
    if (timer->next != NULL)
        timer->next->previous = timer->previous;
    timer->next = NULL;
    timer->previous = NULL;
}

static void unlink_from_slot(struct timers *timers, unsigned slot, struct timer *timer)
{
    unlink_from(&timers->slots[slot], timer);
    if (timers->slots[slot] == NULL)
        timers->used[slot / 64] &= ~(1ULL << (slot % 64));
}

void timer_start(struct timers *timers, struct timer *timer, int64_t delay_ms)
{
    timer_stop(timers, timer);
    int64_t deadline_ms = clock_ms() + (delay_ms > 0 ? delay_ms : 0);
    /* A tick that is over would be met again only a round later. */
    timer->deadline_ms = deadline_ms > timers->now_ms ? deadline_ms : timers->now_ms;
    unsigned slot = slot_of(timer->deadline_ms);
    push(&timers->slots[slot], timer);
    timers->used[slot / 64] |= 1ULL << (slot % 64);
    timer->is_active = true;
    timers->count++;
}

void timer_stop(struct timers *timers, struct timer *timer)
{
    if (!timer->is_active)
        return;
    assert(timers->count > 0);
    unsigned slot = slot_of(timer->deadline_ms);
    if (timer->previous == NULL && timers->expiring == timer)
        unlink_from(&timers->expiring, timer);
    else if (timer->previous == NULL)
        unlink_from_slot(timers, slot, timer);
    else
        unlink_from(&timer->previous->next, timer); /* the head is not touched */
    timer->is_active = false;
    timers->count--;
}

/* Slots from `slot` on, around the wheel, to the first that is in use. The wheel is not empty. */
static unsigned distance_to_used(const struct timers *timers, unsigned slot)
{
    unsigned word = slot / 64;
    uint64_t bits = timers->used[word] & (~0ULL << (slot % 64));
    for (unsigned i = 0; i <= WORD_COUNT; i++) {
        if (bits != 0) {
            unsigned found = word * 64 + (unsigned)__builtin_ctzll(bits);
            return (found - slot) & SLOT_MASK;
        }
        word = (word + 1) % WORD_COUNT;
        bits = timers->used[word];
    }
    panic("timer wheel: %llu timers, no slot in use", (unsigned long long)timers->count);
}

int64_t timers_next_ms(struct timers *timers)
{
    if (timers->count == 0)
        return -1;
    int64_t tick_ms = timers->now_ms + distance_to_used(timers, slot_of(timers->now_ms));
    int64_t left_ms = tick_ms - clock_ms();
    return left_ms > 0 ? left_ms : 0;
}

/* Moves what is due in the slot to `expiring`, in the order of starting. */
static void collect_slot(struct timers *timers, unsigned slot, int64_t now_ms)
{
    struct timer *timer = timers->slots[slot];
    while (timer != NULL) {
        struct timer *next = timer->next;
        if (timer->deadline_ms <= now_ms) {
            unlink_from_slot(timers, slot, timer);
            push(&timers->expiring, timer);
        }
        timer = next;
    }
}

static unsigned run_expiring(struct timers *timers)
{
    unsigned done = 0;
    while (timers->expiring != NULL) {
        struct timer *timer = timers->expiring;
        timer_stop(timers, timer);
        done++;
        timer->on_expired(timer);
    }
    return done;
}

unsigned timers_run(struct timers *timers)
{
    int64_t now_ms = clock_ms();
    assert(timers->expiring == NULL);
    assert(now_ms >= timers->now_ms);
    /* After a long pause one round visits every slot. */
    int64_t end_ms = now_ms;
    if (end_ms - timers->now_ms >= SLOT_COUNT)
        end_ms = timers->now_ms + SLOT_COUNT - 1;
    unsigned done = 0;
    int64_t tick_ms = timers->now_ms;
    while (timers->count > 0 && tick_ms <= end_ms) {
        unsigned distance = distance_to_used(timers, slot_of(tick_ms));
        if (distance > end_ms - tick_ms)
            break;
        tick_ms += distance;
        collect_slot(timers, slot_of(tick_ms), now_ms);
        done += run_expiring(timers);
        tick_ms++;
    }
    timers->now_ms = now_ms;
    return done;
}
