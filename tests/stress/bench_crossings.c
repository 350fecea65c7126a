/* What a crossing costs, per primitive: nanoseconds an item through the ring, a message through the
 * mailbox, a look at the flag of a consumer that is awake, and the whole of a sleep and wake-up. */
#include "base/clock.h"
#include "io/mailbox.h"
#include "stress.h"

struct ring_run {
    struct spsc ring;
    uint64_t count;
    uint32_t batch;
};

static void *produce_items(void *argument)
{
    struct ring_run *run = argument;
    for (uint64_t next = 0; next < run->count;) {
        for (uint32_t i = 0; i < run->batch && next < run->count; i++) {
            uint64_t *slot = spsc_reserve(&run->ring);
            if (!slot)
                break;
            *slot = next++;
            spsc_push(&run->ring);
        }
        spsc_publish(&run->ring);
    }
    return NULL;
}

static void bench_ring(uint32_t batch)
{
    struct ring_run run = {.count = 20000000, .batch = batch};
    spsc_init(&run.ring, 4096, sizeof(uint64_t));
    int64_t begin_ns = clock_read_ns();
    pthread_t producer = stress_start(produce_items, &run);
    for (uint64_t next = 0; next < run.count;) {
        uint64_t before = next;
        while (spsc_peek(&run.ring)) {
            spsc_pop(&run.ring);
            next++;
        }
        if (next != before)
            spsc_free(&run.ring);
    }
    pthread_join(producer, NULL);
    printf("ring, published by %-3u            %7.1f ns an item\n", batch,
           (double)(clock_read_ns() - begin_ns) / (double)run.count);
    spsc_deinit(&run.ring);
}

struct mail_run {
    struct mailbox mailbox;
    struct wakeup wakeup;
    uint64_t count;
    uint32_t batch;
};

static void *produce_messages(void *argument)
{
    struct mail_run *run = argument;
    for (uint64_t next = 0; next < run->count;) {
        for (uint32_t i = 0; i < run->batch && next < run->count; i++)
            mailbox_send(&run->mailbox, (struct message){.type = 1, .value = (uint32_t)next++});
        while (!mailbox_publish(&run->mailbox))
            sched_yield();
    }
    return NULL;
}

static void bench_mailbox(uint32_t batch)
{
    struct mail_run run = {.count = 10000000, .batch = batch};
    int error = wakeup_init(&run.wakeup);
    assert(error == 0);
    mailbox_init(&run.mailbox, &run.wakeup);
    int64_t begin_ns = clock_read_ns();
    pthread_t producer = stress_start(produce_messages, &run);
    for (uint64_t next = 0; next < run.count;) {
        uint64_t before = next;
        struct message message;
        while (mailbox_receive(&run.mailbox, &message))
            next++;
        if (next != before)
            mailbox_release(&run.mailbox);
    }
    pthread_join(producer, NULL);
    printf("mailbox, published by %-3u         %7.1f ns a message\n", batch,
           (double)(clock_read_ns() - begin_ns) / (double)run.count);
    mailbox_deinit(&run.mailbox);
    wakeup_deinit(&run.wakeup);
}

static void bench_signal_awake(void)
{
    enum { COUNT = 20000000 };
    struct wakeup wakeup;
    int error = wakeup_init(&wakeup);
    assert(error == 0);
    int64_t begin_ns = clock_read_ns();
    uint64_t calls = 0;
    for (int i = 0; i < COUNT; i++)
        calls += wakeup_signal(&wakeup);
    assert(calls == 0);
    printf("signal to one that is awake        %7.1f ns\n",
           (double)(clock_read_ns() - begin_ns) / COUNT);
    wakeup_deinit(&wakeup);
}

struct ping_run {
    struct wakeup ping;
    struct wakeup pong;
    struct spsc to;
    struct spsc from;
    uint64_t count;
};

static void pass(struct spsc *ring, struct wakeup *wakeup)
{
    (void)spsc_reserve(ring);
    spsc_push(ring);
    spsc_publish(ring);
    (void)wakeup_signal(wakeup);
}

static void await(struct spsc *ring, struct wakeup *wakeup)
{
    while (!spsc_peek(ring)) {
        wakeup_announce_sleep(wakeup);
        if (spsc_is_empty(ring))
            (void)stress_sleep(wakeup, LOST_WAKEUP_MS);
        else
            wakeup_end_sleep(wakeup);
    }
    spsc_pop(ring);
    spsc_free(ring);
}

static void *answer(void *argument)
{
    struct ping_run *run = argument;
    for (uint64_t i = 0; i < run->count; i++) {
        await(&run->to, &run->ping);
        pass(&run->from, &run->pong);
    }
    return NULL;
}

static void bench_round_trip(void)
{
    struct ping_run run = {.count = 100000};
    int error = wakeup_init(&run.ping) | wakeup_init(&run.pong);
    assert(error == 0);
    spsc_init(&run.to, 64, sizeof(uint64_t));
    spsc_init(&run.from, 64, sizeof(uint64_t));
    int64_t begin_ns = clock_read_ns();
    pthread_t other = stress_start(answer, &run);
    for (uint64_t i = 0; i < run.count; i++) {
        pass(&run.to, &run.ping);
        await(&run.from, &run.pong);
    }
    pthread_join(other, NULL);
    printf("there and back, both asleep        %7.1f ns\n",
           (double)(clock_read_ns() - begin_ns) / (double)run.count);
    spsc_deinit(&run.to);
    spsc_deinit(&run.from);
    wakeup_deinit(&run.ping);
    wakeup_deinit(&run.pong);
}

int main(void)
{
    static const uint32_t batches[] = {1, 16, 128};
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++)
        bench_ring(batches[i]);
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++)
        bench_mailbox(batches[i]);
    bench_signal_awake();
    bench_round_trip();
    return 0;
}
