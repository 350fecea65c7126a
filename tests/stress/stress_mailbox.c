/* Two threads with a mailbox each way, as main and an I/O thread have them: one sends numbered
 * messages, the other sends each back. Batches of random size up to beyond the ring's capacity (so
 * that the backlog works), both sides sleep when nothing is left. Every message comes back exactly
 * once, in order, with the block of memory that it carries. */
#include "base/memory.h"
#include "io/mailbox.h"
#include "stress.h"
#include <string.h>

enum { BATCH_MAX = 3 * MAILBOX_CAPACITY, IN_FLIGHT_MAX = 6 * MAILBOX_CAPACITY, BACKLOG_MS = 1 };

enum { MESSAGE_DATA = 100, MESSAGE_END };

struct side {
    struct wakeup wakeup;
    struct mailbox inbox; /* the other side sends */
};

struct run {
    struct side here;
    struct side there;
    uint64_t count;
    uint32_t batch_max;
    uint64_t seed;
};

/* Sleeps unless there is something to take. A backlog must be published soon: a short sleep then.
 */
static void sleep_if_idle(struct side *own, bool is_published)
{
    wakeup_announce_sleep(&own->wakeup);
    if (!mailbox_is_empty(&own->inbox)) {
        wakeup_end_sleep(&own->wakeup);
        return;
    }
    bool was_woken = stress_sleep(&own->wakeup, is_published ? LOST_WAKEUP_MS : BACKLOG_MS);
    STRESS_CHECK(was_woken || !is_published, "lost wake-up");
}

/* The other side: sends everything back. */
static void *reflect(void *argument)
{
    struct run *run = argument;
    uint64_t random = run->seed + 1;
    bool has_ended = false;
    bool is_published = true;
    while ((!has_ended || !is_published) && !stress_must_end()) {
        uint32_t batch = stress_random_size(&random, run->batch_max);
        uint32_t count = 0;
        struct message message;
        while (count < batch && mailbox_receive(&run->there.inbox, &message)) {
            count++;
            has_ended |= message.type == MESSAGE_END;
            mailbox_send(&run->here.inbox, message);
        }
        mailbox_release(&run->there.inbox);
        is_published = mailbox_publish(&run->here.inbox);
        if (count == 0 && !has_ended)
            sleep_if_idle(&run->there, is_published);
    }
    return NULL;
}

static struct message make_message(uint64_t number)
{
    uint64_t *block = mem_alloc(sizeof(*block));
    *block = number;
    return (struct message){.type = MESSAGE_DATA, .value = (uint32_t)number, .a = block};
}

static uint64_t take(struct run *run, uint64_t next, bool *has_ended)
{
    struct message message;
    while (mailbox_receive(&run->here.inbox, &message)) {
        if (message.type == MESSAGE_END) {
            *has_ended = true;
            continue;
        }
        STRESS_CHECK(!*has_ended, "a message behind the last");
        uint64_t *block = message.a;
        STRESS_CHECK(*block == next && message.value == (uint32_t)next, "got %llu instead of %llu",
                     (unsigned long long)*block, (unsigned long long)next);
        mem_free(block);
        next++;
    }
    mailbox_release(&run->here.inbox);
    return next;
}

static void drive(struct run *run)
{
    uint64_t random = run->seed + 2;
    uint64_t sent = 0;
    uint64_t back = 0;
    bool has_ended = false;
    bool was_end_sent = false;
    while (!has_ended && !stress_must_end()) {
        uint32_t batch = stress_random_size(&random, run->batch_max);
        uint32_t count = 0;
        while (count < batch && sent < run->count && sent - back < IN_FLIGHT_MAX) {
            mailbox_send(&run->there.inbox, make_message(sent++));
            count++;
        }
        if (sent == run->count && !was_end_sent) {
            mailbox_send(&run->there.inbox, (struct message){.type = MESSAGE_END});
            was_end_sent = true;
        }
        bool is_published = mailbox_publish(&run->there.inbox);
        uint64_t before = back;
        back = take(run, back, &has_ended);
        if (back == before && count == 0 && !has_ended)
            sleep_if_idle(&run->here, is_published);
    }
    STRESS_CHECK(back == run->count, "%llu of %llu came back", (unsigned long long)back,
                 (unsigned long long)run->count);
}

static void test(uint32_t batch_max, uint64_t count)
{
    struct run run = {
        .count = count, .batch_max = batch_max, .seed = 0x9e3779b97f4a7c15u + batch_max};
    int error = wakeup_init(&run.here.wakeup) | wakeup_init(&run.there.wakeup);
    assert(error == 0);
    mailbox_init(&run.here.inbox, &run.here.wakeup);
    mailbox_init(&run.there.inbox, &run.there.wakeup);
    pthread_t other = stress_start(reflect, &run);
    drive(&run);
    pthread_join(other, NULL);
    mailbox_deinit(&run.here.inbox);
    mailbox_deinit(&run.there.inbox);
    wakeup_deinit(&run.here.wakeup);
    wakeup_deinit(&run.there.wakeup);
    char name[64];
    snprintf(name, sizeof(name), "batches up to %u", batch_max);
    stress_end_test(name);
}

int main(void)
{
    test(1, 100000 / STRESS_DIVISOR);
    test(16, 400000 / STRESS_DIVISOR);
    test(1000, 1000000 / STRESS_DIVISOR);
    test(BATCH_MAX, 2000000 / STRESS_DIVISOR);
    return stress_report();
}
