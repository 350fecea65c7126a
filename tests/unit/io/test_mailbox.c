/* The mailbox on one thread: order through ring and backlog, what publish says, who is woken. */
#include "io/mailbox.h"

#include "base/memory.h"
#include "base/random.h"
#include <criterion/criterion.h>
#include <poll.h>

TestSuite(mailbox, .init = mem_init);

static void send_number(struct mailbox *mailbox, uint64_t number)
{
    mailbox_send(mailbox, (struct message){.type = 16 + number % 5,
                                           .value = (uint32_t)number,
                                           .a = (void *)(uintptr_t)number});
}

static uint64_t receive(struct mailbox *mailbox, uint64_t next, uint64_t maximum)
{
    struct message message;
    while (maximum-- > 0 && mailbox_receive(mailbox, &message)) {
        cr_assert_eq(message.value, (uint32_t)next);
        cr_assert_eq((uintptr_t)message.a, next);
        cr_assert_eq(message.type, 16 + next % 5);
        next++;
    }
    mailbox_release(mailbox);
    return next;
}

Test(mailbox, visible_at_publish)
{
    struct mailbox mailbox;
    mailbox_init(&mailbox, NULL);
    send_number(&mailbox, 0);
    struct message message;
    cr_assert_not(mailbox_receive(&mailbox, &message));
    cr_assert(mailbox_is_empty(&mailbox));
    cr_assert(mailbox_publish(&mailbox));
    cr_assert_not(mailbox_is_empty(&mailbox));
    cr_assert_eq(receive(&mailbox, 0, 10), 1);
    cr_assert(mailbox_is_empty(&mailbox));
    cr_assert_eq(mailbox.signals, 0);
    mailbox_deinit(&mailbox);
}

Test(mailbox, more_than_the_ring_waits_in_order)
{
    struct mailbox mailbox;
    mailbox_init(&mailbox, NULL);
    enum { COUNT = 3 * MAILBOX_CAPACITY + 10 };
    for (uint64_t i = 0; i < COUNT; i++)
        send_number(&mailbox, i);
    cr_assert_not(mailbox_publish(&mailbox));
    uint64_t next = 0;
    unsigned rounds = 0;
    do {
        next = receive(&mailbox, next, UINT64_MAX);
        rounds++;
    } while (!mailbox_publish(&mailbox) || next < COUNT);
    cr_assert_eq(next, COUNT);
    cr_assert_eq(rounds, 4);
    cr_assert_eq(mailbox.backlog_count, 0);
    mailbox_deinit(&mailbox);
}

Test(mailbox, a_backlog_that_never_empties_stays_small)
{
    struct mailbox mailbox;
    mailbox_init(&mailbox, NULL);
    uint64_t sent = 0;
    uint64_t next = 0;
    while (sent < MAILBOX_CAPACITY + 500)
        send_number(&mailbox, sent++);
    for (int i = 0; i < 100000; i++) {
        send_number(&mailbox, sent++);
        cr_assert_not(mailbox_publish(&mailbox));
        next = receive(&mailbox, next, 1);
    }
    cr_assert_leq(mailbox.backlog_capacity, 4096);
    while (next < sent) {
        (void)mailbox_publish(&mailbox);
        next = receive(&mailbox, next, UINT64_MAX);
    }
    cr_assert(mailbox_publish(&mailbox));
    mailbox_deinit(&mailbox);
}

Test(mailbox, model)
{
    struct random_state random;
    random_state_seed(&random, 3);
    struct mailbox mailbox;
    mailbox_init(&mailbox, NULL);
    uint64_t sent = 0;
    uint64_t next = 0;
    for (int i = 0; i < 2000; i++) {
        for (uint64_t count = random_state_next(&random) % 900; count > 0; count--)
            send_number(&mailbox, sent++);
        if (random_state_next(&random) % 4)
            (void)mailbox_publish(&mailbox);
        next = receive(&mailbox, next, random_state_next(&random) % 900);
        cr_assert_leq(next, sent);
    }
    while (next < sent) {
        (void)mailbox_publish(&mailbox);
        next = receive(&mailbox, next, UINT64_MAX);
    }
    cr_assert_eq(next, sent);
    mailbox_deinit(&mailbox);
}

Test(mailbox, wakes_a_sleeper_once_and_counts_it)
{
    struct wakeup wakeup;
    int result = wakeup_init(&wakeup);
    cr_assert_eq(result, 0);
    struct mailbox mailbox;
    mailbox_init(&mailbox, &wakeup);
    cr_assert(mailbox_publish(&mailbox));
    send_number(&mailbox, 0);
    cr_assert(mailbox_publish(&mailbox));
    cr_assert_eq(mailbox.signals, 0, "nobody sleeps");
    wakeup_announce_sleep(&wakeup);
    cr_assert(mailbox_publish(&mailbox));
    cr_assert_eq(mailbox.signals, 0, "nothing new");
    send_number(&mailbox, 1);
    send_number(&mailbox, 2);
    cr_assert(mailbox_publish(&mailbox));
    cr_assert_eq(mailbox.signals, 1);
    struct pollfd slot = {.fd = wakeup.fd, .events = POLLIN};
    cr_assert_eq(poll(&slot, 1, 0), 1);
    mailbox_deinit(&mailbox);
    wakeup_deinit(&wakeup);
}
