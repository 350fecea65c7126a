/* The orders of the wake-up protocol, checked one by one.
 *
 * On x86 most weakened orders change nothing: an exchange is a full fence there whatever its order,
 * loads are not moved past loads, and what is left (a store passed by a later load) shows in one
 * run of millions. So here the code of io/wakeup.c and io/spsc.h itself is compiled with its
 * atomics replaced by a model of C11's memory, in which a load may return any value that its orders
 * do not forbid, and a sequentially consistent exchange is no fence (nor is it one on ARM). All
 * interleavings with at most so many switches away from a thread that could go on are tried, and in
 * each all values that may be read.
 *
 * The model: a location is the list of what was stored, in order; a thread has a view, the oldest
 * store of each location that it may still read; release and acquire hand views on, fences join a
 * common one. Left out: loads that return what is stored later (so the release of spsc_free is not
 * looked at), stores into the middle of the list.
 *
 * Properties: no consumer sleeps for ever with a message published, and what is taken is what was
 * put in.
 */
#include <stdio.h>

#ifdef __SANITIZE_THREAD__
/* One thread of its own making; and ThreadSanitizer is shown another variant of the code. */
int main(void)
{
    puts("0 passed, 0 failed");
    return 0;
}
#else

#include "base/assert.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <ucontext.h>
#include <unistd.h>

static uint64_t model_load(const void *address, int order);
static void model_store(const void *address, uint64_t value, int order);
static uint64_t model_exchange(const void *address, uint64_t value, int order);
static void model_fence(int order);
static ssize_t model_signal(void);

/* The real ones are not used from here on. */
#define __atomic_load_n(address, order)         ((__typeof__(+*(address)))model_load((address), (order)))
#define __atomic_store_n(address, value, order) model_store((address), (uint64_t)(value), (order))
#define __atomic_exchange_n(address, value, order)                                                 \
    ((__typeof__(+*(address)))model_exchange((address), (uint64_t)(value), (order)))
#define __atomic_thread_fence(order) model_fence(order)
#define write(fd, data, size)        ((void)(data), model_signal())

#include "io/spsc.h"
#include "io/wakeup.c"

enum {
    THREADS_MAX = 3,
    LOCATIONS_MAX = 16,
    STORES_MAX = 32,
    STEPS_MAX = 400,
    STACK_SIZE = 64 * 1024,
    CAPACITY = 4
};

struct view {
    uint8_t at[LOCATIONS_MAX]; /* index of the oldest store that may be read */
};

struct store {
    uint64_t value;
    struct view view; /* what an acquiring reader gets to know */
};

struct location {
    const void *address;
    bool is_quiet; /* no interleaving depends on it: see find() */
    struct store stores[STORES_MAX];
    int count;
};

struct thread {
    ucontext_t context;
    char *stack;
    void (*run)(struct thread *thread);
    int number;
    bool is_done;
    bool is_asleep;
    struct view now;
    struct view acquired; /* by relaxed loads; counts from the next acquiring fence on */
    struct view released; /* at the last releasing fence */
};

static struct {
    ucontext_t scheduler;
    struct thread threads[THREADS_MAX];
    int thread_count;
    struct thread *running;
    struct location locations[LOCATIONS_MAX];
    int location_count;
    struct view fences;
    unsigned signals; /* in the eventfd */
    struct view signal_view;
    int switches_left;
    const char *failure;
    /* -- the choices of this run: a path of the tree of all -- */
    uint8_t chosen[STEPS_MAX];
    uint8_t offered[STEPS_MAX];
    int depth;
    int replayed;
} model;

/* What the threads work on: made anew for each run. */
static struct {
    struct spsc rings[THREADS_MAX];
    uint64_t slots[THREADS_MAX][CAPACITY];
    struct wakeup wakeup;
    int producers;
    uint64_t messages; /* of each producer */
} work;

/* -- choices -- */

static int choose(int count)
{
    assert(count > 0 && count < 256);
    if (count == 1)
        return 0;
    assert(model.depth < STEPS_MAX);
    int depth = model.depth++;
    if (depth >= model.replayed) {
        model.chosen[depth] = 0;
        model.offered[depth] = (uint8_t)count;
    }
    assert(model.offered[depth] == count);
    return model.chosen[depth];
}

/* The next path; false when there is none. */
static bool next_path(void)
{
    while (model.depth > 0) {
        int last = model.depth - 1;
        if (++model.chosen[last] < model.offered[last]) {
            model.replayed = model.depth;
            return true;
        }
        model.depth--;
    }
    return false;
}

/* -- the memory -- */

static void join(struct view *view, const struct view *other)
{
    for (int i = 0; i < LOCATIONS_MAX; i++) {
        if (view->at[i] < other->at[i])
            view->at[i] = other->at[i];
    }
}

static bool acquires(int order)
{
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static bool releases(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static int find(const void *address)
{
    int i = 0;
    while (i < model.location_count && model.locations[i].address != address)
        i++;
    assert(i < model.location_count);
    return i;
}

/* A quiet location's accesses need no place of their own in the interleaving: a slot has one writer
 * and is read behind its index alone. */
static void add_location(const void *address, bool is_quiet)
{
    assert(model.location_count < LOCATIONS_MAX);
    struct location *location = &model.locations[model.location_count++];
    memset(location, 0, sizeof(*location));
    location->address = address;
    location->is_quiet = is_quiet;
    location->count = 1; /* zero, known to all */
}

/* Lets others run first, perhaps. */
static void step(void)
{
    struct thread *self = model.running;
    if (swapcontext(&self->context, &model.scheduler) != 0)
        abort();
}

static struct location *access_location(const void *address, int *index)
{
    *index = find(address);
    if (!model.locations[*index].is_quiet)
        step();
    return &model.locations[*index];
}

static void take_over(struct thread *self, const struct store *store, int order)
{
    join(acquires(order) ? &self->now : &self->acquired, &store->view);
}

static void append(struct thread *self, int index, uint64_t value, int order,
                   const struct store *before)
{
    struct location *location = &model.locations[index];
    assert(location->count < STORES_MAX);
    struct store *store = &location->stores[location->count];
    self->now.at[index] = (uint8_t)location->count++;
    store->value = value;
    store->view = releases(order) ? self->now : self->released;
    store->view.at[index] = self->now.at[index];
    if (before != NULL)
        join(&store->view, &before->view); /* an exchange goes on with what was released */
}

static uint64_t model_load(const void *address, int order)
{
    int index;
    const struct location *location = access_location(address, &index);
    struct thread *self = model.running;
    int oldest = self->now.at[index];
    int chosen = location->count - 1 - choose(location->count - oldest);
    self->now.at[index] = (uint8_t)chosen;
    take_over(self, &location->stores[chosen], order);
    return location->stores[chosen].value;
}

static void model_store(const void *address, uint64_t value, int order)
{
    int index;
    (void)access_location(address, &index);
    append(model.running, index, value, order, NULL);
}

static uint64_t model_exchange(const void *address, uint64_t value, int order)
{
    int index;
    const struct location *location = access_location(address, &index);
    const struct store *newest = &location->stores[location->count - 1];
    take_over(model.running, newest, order);
    append(model.running, index, value, order, newest);
    return newest->value;
}

static void model_fence(int order)
{
    step();
    struct thread *self = model.running;
    if (acquires(order))
        join(&self->now, &self->acquired);
    if (order == __ATOMIC_SEQ_CST) {
        join(&self->now, &model.fences);
        model.fences = self->now;
    }
    if (releases(order))
        self->released = self->now;
}

/* -- the eventfd: the kernel orders what comes before a write before what follows its read -- */

static ssize_t model_signal(void)
{
    step();
    model.signals++;
    join(&model.signal_view, &model.running->now);
    return 8;
}

static void model_sleep(void)
{
    struct thread *self = model.running;
    self->is_asleep = true;
    step();
    self->is_asleep = false;
    model.signals = 0;
    join(&self->now, &model.signal_view);
}

/* -- the threads -- */

static void fail(const char *what)
{
    if (model.failure == NULL)
        model.failure = what;
}

static void produce(struct thread *thread)
{
    struct spsc *ring = &work.rings[thread->number - 1];
    for (uint64_t i = 1; i <= work.messages; i++) {
        uint64_t *slot = spsc_reserve(ring);
        assert(slot != NULL);
        __atomic_store_n(slot, i, __ATOMIC_RELAXED);
        spsc_push(ring);
        spsc_publish(ring);
        (void)wakeup_signal(&work.wakeup);
    }
}

static uint64_t take(uint64_t *next)
{
    uint64_t count = 0;
    for (int i = 0; i < work.producers; i++) {
        const uint64_t *slot;
        while ((slot = spsc_peek(&work.rings[i])) != NULL) {
            if (__atomic_load_n(slot, __ATOMIC_RELAXED) != ++next[i])
                fail("a message was taken before it was written");
            spsc_pop(&work.rings[i]);
            count++;
        }
    }
    return count;
}

static bool is_all_empty(void)
{
    for (int i = 0; i < work.producers; i++) {
        if (!spsc_is_empty(&work.rings[i]))
            return false;
    }
    return true;
}

static void consume(struct thread *thread)
{
    uint64_t next[THREADS_MAX] = {0};
    uint64_t wanted = work.messages * (uint64_t)work.producers;
    (void)thread;
    for (uint64_t taken = take(next); taken < wanted; taken += take(next)) {
        wakeup_announce_sleep(&work.wakeup);
        if (is_all_empty())
            model_sleep();
        wakeup_end_sleep(&work.wakeup);
    }
}

/* -- runs -- */

static void begin_thread(unsigned number)
{
    struct thread *thread = &model.threads[number];
    thread->run(thread);
    thread->is_done = true;
    step();
}

static void prepare(int producers, uint64_t messages, int switches)
{
    memset(&work, 0, sizeof(work));
    work.producers = producers;
    work.messages = messages;
    model.location_count = 0;
    add_location(&work.wakeup.is_sleeping, false);
    for (int i = 0; i < producers; i++) {
        work.rings[i].slots = work.slots[i];
        work.rings[i].slot_size = sizeof(uint64_t);
        work.rings[i].mask = CAPACITY - 1;
        add_location(&work.rings[i].tail_published, false);
        for (uint64_t k = 0; k < messages; k++)
            add_location(&work.slots[i][k], true);
    }
    memset(&model.fences, 0, sizeof(model.fences));
    memset(&model.signal_view, 0, sizeof(model.signal_view));
    model.signals = 0;
    model.switches_left = switches;
    model.failure = NULL;
    model.depth = 0;
    model.thread_count = producers + 1;
    for (int i = 0; i < model.thread_count; i++) {
        struct thread *thread = &model.threads[i];
        char *stack = thread->stack != NULL ? thread->stack : malloc(STACK_SIZE);
        memset(thread, 0, sizeof(*thread));
        thread->stack = stack;
        thread->number = i;
        thread->run = i == 0 ? consume : produce;
        if (stack == NULL || getcontext(&thread->context) != 0)
            abort();
        thread->context.uc_stack.ss_sp = stack;
        thread->context.uc_stack.ss_size = STACK_SIZE;
        makecontext(&thread->context, (void (*)(void))begin_thread, 1, (unsigned)i);
    }
}

static bool may_run(const struct thread *thread)
{
    return !thread->is_done && (!thread->is_asleep || model.signals > 0);
}

/* One run along the path of choices. */
static void run_once(void)
{
    struct thread *last = NULL;
    while (model.failure == NULL) {
        struct thread *able[THREADS_MAX];
        int count = 0;
        if (last != NULL && may_run(last))
            able[count++] = last;
        bool must_switch = count == 0;
        for (int i = 0; i < model.thread_count && (must_switch || model.switches_left > 0); i++) {
            if (&model.threads[i] != last && may_run(&model.threads[i]))
                able[count++] = &model.threads[i];
        }
        if (count == 0)
            break;
        int chosen = choose(count);
        if (!must_switch && chosen > 0)
            model.switches_left--;
        last = model.running = able[chosen];
        if (swapcontext(&model.scheduler, &last->context) != 0)
            abort();
    }
    if (model.failure == NULL && !model.threads[0].is_done)
        fail("the consumer sleeps with a message published");
}

static bool test(const char *name, int producers, uint64_t messages, int switches)
{
    uint64_t runs = 0;
    model.replayed = 0;
    do {
        prepare(producers, messages, switches);
        run_once();
        runs++;
        if (model.failure != NULL) {
            printf("FAILED: %s: %s (run %llu)\n", name, model.failure, (unsigned long long)runs);
            return false;
        }
    } while (next_path());
    printf("  %s: %llu runs\n", name, (unsigned long long)runs);
    return true;
}

int main(void)
{
    int passed = 0;
    passed += test("one message, all interleavings", 1, 1, 1000);
    passed += test("two messages", 1, 2, 5);
    passed += test("three messages", 1, 3, 3);
    passed += test("two producers", 2, 1, 3);
    printf("%d passed, %d failed\n", passed, 4 - passed);
    for (int i = 0; i < THREADS_MAX; i++)
        free(model.threads[i].stack);
    return passed == 4 ? 0 : 1;
}
#endif
