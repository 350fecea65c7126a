/* The tracking table and prefixes against a matrix of who read what. */
#include "base/background.h"
#include "pubsub/tracking.h"
#include "push_rig.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 6, KEYS = 20 };

static struct tracking tracking;

static void setup(void)
{
    create_clients(CLIENTS);
    tracking_init(&tracking, &push, table);
    for (int i = 0; i < CLIENTS; i++)
        clients[i]->protocol = 3;
}

static void teardown(void)
{
    for (int i = 0; i < CLIENTS; i++)
        tracking_disable(&tracking, clients[i]);
    tracking_deinit(&tracking);
    destroy_clients(CLIENTS);
}

TestSuite(tracking, .init = setup, .fini = teardown);

#define INVALIDATE ">2\r\n$10\r\ninvalidate\r\n"

Test(tracking, running_client_hears_behind_its_reply)
{
    tracking_enable(&tracking, clients[0], 0, 0, NULL, 0);
    tracking_remember(&tracking, clients[0], BYTES_LITERAL("k"));
    push_begin_command(&push, clients[0]);
    tracking_invalidate(&tracking, BYTES_LITERAL("k"), true);
    reply_begin(&clients[0]->reply, 3, NULL);
    reply_ok(&clients[0]->reply);
    tracking_end_command(&tracking);
    push_end_command(&push, clients[0]);
    expect_sent(clients[0], "+OK\r\n" INVALIDATE "*1\r\n$1\r\nk\r\n");
    cr_assert_eq(tracking.items, 0);
}

Test(tracking, broadcast_in_order_of_names_without_ones_own)
{
    struct bytes prefixes[] = {BYTES_LITERAL("b"), BYTES_LITERAL("a")};
    tracking_enable(&tracking, clients[0], 0, TRACKING_BCAST | TRACKING_NOLOOP, prefixes, 2);
    tracking_enable(&tracking, clients[1], 0, TRACKING_BCAST, NULL, 0);
    tracking_invalidate(&tracking, BYTES_LITERAL("b2"), false);
    tracking_invalidate(&tracking, BYTES_LITERAL("a1"), false);
    tracking_invalidate(&tracking, BYTES_LITERAL("b1"), false);
    push_begin_command(&push, clients[0]);
    tracking_invalidate(&tracking, BYTES_LITERAL("b2"), true);
    tracking_invalidate(&tracking, BYTES_LITERAL("c"), true);
    push_end_command(&push, clients[0]);
    tracking_broadcast(&tracking);
    tracking_broadcast(&tracking);
    expect_sent(clients[0], INVALIDATE "*1\r\n$2\r\na1\r\n" INVALIDATE "*1\r\n$2\r\nb1\r\n");
    expect_sent(clients[1], INVALIDATE "*4\r\n$2\r\na1\r\n$2\r\nb1\r\n$2\r\nb2\r\n$1\r\nc\r\n");
    tracking_check(&tracking);
}

Test(tracking, overlapping_prefixes)
{
    struct bytes one;
    struct bytes other;
    bool is_existing;
    struct bytes own[] = {BYTES_LITERAL("foo")};
    struct bytes fine[] = {BYTES_LITERAL("bar"), BYTES_LITERAL("baz")};
    struct bytes within[] = {BYTES_LITERAL("x"), BYTES_LITERAL("xy")};
    struct bytes with_own[] = {BYTES_LITERAL("fo")};
    tracking_enable(&tracking, clients[0], 0, TRACKING_BCAST, own, 1);
    cr_assert_not(tracking_prefixes_overlap(clients[0], fine, 2, &one, &other, &is_existing));
    cr_assert(tracking_prefixes_overlap(clients[0], within, 2, &one, &other, &is_existing));
    cr_assert_not(is_existing);
    cr_assert(tracking_prefixes_overlap(clients[0], with_own, 1, &one, &other, &is_existing));
    cr_assert(is_existing);
    cr_assert(bytes_equal(other, own[0]));
    cr_assert_not(tracking_prefixes_overlap(clients[1], with_own, 1, &one, &other, &is_existing));
}

Test(tracking, the_limit_drops_random_keys_and_tells)
{
    tracking_enable(&tracking, clients[0], 0, 0, NULL, 0);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "key%d", i);
        tracking_remember(&tracking, clients[0], bytes_of_text(name));
    }
    tracking_limit(&tracking, 0);
    cr_assert_eq(dict_count(&tracking.keys), 1000);
    tracking_limit(&tracking, 100); /* a bounded part each time, a larger one the next */
    cr_assert_eq(dict_count(&tracking.keys), 900);
    tracking_limit(&tracking, 100);
    cr_assert_eq(dict_count(&tracking.keys), 700);
    for (int i = 0; i < 10; i++)
        tracking_limit(&tracking, 100);
    cr_assert_eq(dict_count(&tracking.keys), 100);
    tracking_check(&tracking);
    mem_free(take(clients[0]));
}

static bool has_read[CLIENTS][KEYS];

static void expect_invalidations(int key)
{
    char expected[64];
    char name[8];
    int size = snprintf(name, sizeof(name), "%d", key);
    snprintf(expected, sizeof(expected), INVALIDATE "*1\r\n$%d\r\n%s\r\n", size, name);
    for (int i = 0; i < CLIENTS; i++) {
        bool is_told = has_read[i][key] && clients[i]->flags & CLIENT_TRACKING_ON;
        expect_sent(clients[i], is_told ? expected : "");
        has_read[i][key] = false;
    }
}

Test(tracking, random_operations_against_a_matrix)
{
    memset(has_read, 0, sizeof(has_read));
    srandom(7);
    for (int round = 0; round < 20000; round++) {
        int i = (int)(random() % CLIENTS);
        int key = (int)(random() % KEYS);
        char name[8];
        int size = snprintf(name, sizeof(name), "%d", key);
        struct bytes text = bytes_of(name, (size_t)size);
        switch (random() % 8) {
        case 0:
            tracking_enable(&tracking, clients[i], 0, 0, NULL, 0);
            break;
        case 1:
            tracking_disable(&tracking, clients[i]);
            break;
        case 2:
        case 3:
        case 4:
            if (clients[i]->flags & CLIENT_TRACKING_ON) {
                tracking_remember(&tracking, clients[i], text);
                has_read[i][key] = true;
            }
            break;
        case 5:
            if (random() % 50 == 0) {
                tracking_flush(&tracking);
                memset(has_read, 0, sizeof(has_read));
                for (int c = 0; c < CLIENTS; c++)
                    expect_sent(clients[c],
                                clients[c]->flags & CLIENT_TRACKING_ON ? INVALIDATE "_\r\n" : "");
            }
            break;
        default:
            tracking_invalidate(&tracking, text, true);
            expect_invalidations(key);
        }
        uint64_t items = 0;
        for (int c = 0; c < CLIENTS; c++)
            for (int k = 0; k < KEYS; k++)
                items += has_read[c][k];
        cr_assert_eq(tracking.items, items);
    }
    tracking_check(&tracking);
}

static void remember_many(int count)
{
    char name[32];
    for (int i = 0; i < count; i++) {
        int size = snprintf(name, sizeof(name), "key:%d", i);
        tracking_remember(&tracking, clients[i % CLIENTS], bytes_of(name, (size_t)size));
    }
}

Test(tracking, a_large_table_is_freed_by_the_worker)
{
    tracking.background = background_create(NULL, NULL);
    tracking_enable(&tracking, clients[0], 0, 0, NULL, 0);
    for (int round = 0; round < 3; round++) {
        remember_many(5000);
        cr_assert_eq(tracking.items, 5000);
        tracking_flush(&tracking);
        cr_assert_eq(tracking.items, 0);
        cr_assert_eq(dict_count(&tracking.keys), 0);
        remember_many(10);
        tracking_check(&tracking);
        expect_sent(clients[0], INVALIDATE "_\r\n");
        while (background_pending(tracking.background, BACKGROUND_FREE))
            sched_yield();
        cr_assert_eq(background_reap(tracking.background), 1);
        tracking_flush(&tracking); /* a small one is not worth it */
        cr_assert_eq(background_pending(tracking.background, BACKGROUND_FREE), 0);
        expect_sent(clients[0], INVALIDATE "_\r\n");
    }
    background_destroy(tracking.background);
}
