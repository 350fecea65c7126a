/* Subscriptions against a matrix of who listens to what, and the bytes of messages. */
#include "base/text.h"
#include "pubsub/channels.h"
#include "push_rig.h"
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 9, NAMES = 7 };

static struct channels channels;

/* Names of channels, and patterns: the same words serve as both. */
static const char *const names[NAMES] = {"", "a", "ab", "abc", "a*", "?b*", "[ab]"};

static void setup(void)
{
    create_clients(CLIENTS);
    channels_init(&channels, &push);
    for (int i = 0; i < CLIENTS; i++)
        clients[i]->protocol = i % 2 ? 3 : 2;
}

static void teardown(void)
{
    for (int i = 0; i < CLIENTS; i++)
        channels_remove_client(&channels, clients[i]);
    channels_deinit(&channels);
    destroy_clients(CLIENTS);
}

TestSuite(channels, .init = setup, .fini = teardown);

Test(channels, messages_in_both_protocols)
{
    struct bytes one = BYTES_LITERAL("one");
    channels_subscribe(&channels, clients[0], CHANNEL_PLAIN, one);
    channels_subscribe(&channels, clients[1], CHANNEL_PLAIN, one);
    channels_subscribe(&channels, clients[1], CHANNEL_PATTERN, BYTES_LITERAL("o*"));
    channels_subscribe(&channels, clients[1], CHANNEL_SHARD, one);
    cr_assert_eq(channels_publish(&channels, CHANNEL_PLAIN, one, BYTES_LITERAL("hi\r\n")), 3);
    expect_sent(clients[0], "*3\r\n$7\r\nmessage\r\n$3\r\none\r\n$4\r\nhi\r\n\r\n");
    expect_sent(clients[1], ">3\r\n$7\r\nmessage\r\n$3\r\none\r\n$4\r\nhi\r\n\r\n"
                            ">4\r\n$8\r\npmessage\r\n$2\r\no*\r\n$3\r\none\r\n$4\r\nhi\r\n\r\n");
    cr_assert_eq(channels_publish(&channels, CHANNEL_SHARD, one, BYTES_LITERAL("")), 1);
    expect_sent(clients[1], ">3\r\n$8\r\nsmessage\r\n$3\r\none\r\n$0\r\n\r\n");
}

Test(channels, a_large_message_is_shared)
{
    struct bytes name = BYTES_LITERAL("x");
    for (int i = 0; i < CLIENTS; i++)
        channels_subscribe(&channels, clients[i], CHANNEL_PLAIN, name);
    char *text = mem_calloc(1, 100000);
    channels_publish(&channels, CHANNEL_PLAIN, name, bytes_of(text, 100000));
    mem_free(text);
    struct shared_bytes *first = clients[0]->reply.chain.head->shared;
    cr_assert_not_null(first);
    cr_assert_eq(first->references, (CLIENTS + 1) / 2, "RESP2 clients");
    cr_assert_eq(clients[2]->reply.chain.head->shared, first);
    cr_assert_neq(clients[1]->reply.chain.head->shared, first);
    for (int i = 0; i < CLIENTS; i++)
        mem_free(take(clients[i]));
}

Test(channels, who_is_closing_gets_nothing)
{
    struct bytes name = BYTES_LITERAL("x");
    channels_subscribe(&channels, clients[0], CHANNEL_PLAIN, name);
    channels_subscribe(&channels, clients[1], CHANNEL_PLAIN, name);
    clients[0]->flags |= CLIENT_CLOSING;
    cr_assert_eq(channels_publish(&channels, CHANNEL_PLAIN, name, name), 1);
    expect_sent(clients[0], "");
    mem_free(take(clients[1]));
}

Test(channels, oldest_first_when_all_are_ended)
{
    struct bytes name;
    for (int i = 1; i < NAMES; i++)
        channels_subscribe(&channels, clients[0], CHANNEL_PATTERN, bytes_of_text(names[i]));
    for (int i = 1; i < NAMES; i++) {
        cr_assert(channels_first(clients[0], CHANNEL_PATTERN, &name));
        cr_assert(bytes_equal(name, bytes_of_text(names[i])));
        channels_unsubscribe(&channels, clients[0], CHANNEL_PATTERN, bytes_of_text(names[i]));
    }
    cr_assert_not(channels_first(clients[0], CHANNEL_PATTERN, &name));
    cr_assert_eq(clients[0]->flags & CLIENT_PUBSUB, 0);
}

/* -- against the matrix -- */

static bool model[CLIENTS][CHANNEL_KINDS][NAMES];

static bool listens(int client)
{
    for (int kind = 0; kind < CHANNEL_KINDS; kind++)
        for (int name = 0; name < NAMES; name++)
            if (model[client][kind][name])
                return true;
    return false;
}

static int count_of(int client, int kind)
{
    int count = 0;
    for (int name = 0; name < NAMES; name++)
        count += model[client][kind][name];
    return count;
}

static int listeners_of(int kind, int name)
{
    int count = 0;
    for (int i = 0; i < CLIENTS; i++)
        count += model[i][kind][name];
    return count;
}

static void compare(void)
{
    channels_check(&channels);
    uint64_t subscribers = 0;
    for (int i = 0; i < CLIENTS; i++) {
        subscribers += listens(i);
        cr_assert_eq((clients[i]->flags & CLIENT_PUBSUB) != 0, listens(i));
        for (int kind = 0; kind < CHANNEL_KINDS; kind++)
            cr_assert_eq(clients[i]->subscribed[kind], count_of(i, kind));
    }
    cr_assert_eq(channels.subscribers, subscribers);
    for (int kind = 0; kind < CHANNEL_KINDS; kind++) {
        size_t existing = 0;
        for (int name = 0; name < NAMES; name++) {
            existing += listeners_of(kind, name) > 0;
            cr_assert_eq(channels_subscriber_count(&channels, kind, bytes_of_text(names[name])),
                         listeners_of(kind, name));
        }
        cr_assert_eq(channels_count(&channels, kind), existing);
    }
}

static void publish(int kind, int name)
{
    struct bytes text = bytes_of_text(names[name]);
    int expected[CLIENTS];
    uint64_t sum = 0;
    for (int i = 0; i < CLIENTS; i++) {
        expected[i] = model[i][kind][name];
        for (int p = 0; kind == CHANNEL_PLAIN && p < NAMES; p++)
            expected[i] += model[i][CHANNEL_PATTERN][p] &&
                           text_glob_match(bytes_of_text(names[p]), text, false);
        sum += (uint64_t)expected[i];
    }
    cr_assert_eq(channels_publish(&channels, kind, text, BYTES_LITERAL("#")), sum);
    for (int i = 0; i < CLIENTS; i++) {
        char *sent = take(clients[i]);
        int count = 0;
        for (const char *at = sent; (at = strchr(at, '#')); at++)
            count++;
        mem_free(sent);
        cr_assert_eq(count, expected[i]);
    }
}

Test(channels, random_operations_against_a_matrix)
{
    memset(model, 0, sizeof(model));
    srandom(11);
    for (int round = 0; round < 20000; round++) {
        int i = (int)(random() % CLIENTS);
        int kind = (int)(random() % CHANNEL_KINDS);
        int name = (int)(random() % NAMES);
        struct bytes text = bytes_of_text(names[name]);
        switch (random() % 8) {
        case 0:
        case 1:
        case 2:
            cr_assert_eq(channels_subscribe(&channels, clients[i], kind, text),
                         !model[i][kind][name]);
            model[i][kind][name] = true;
            break;
        case 3:
        case 4:
            cr_assert_eq(channels_unsubscribe(&channels, clients[i], kind, text),
                         model[i][kind][name]);
            model[i][kind][name] = false;
            break;
        case 5:
            if (random() % 8 == 0) {
                channels_remove_client(&channels, clients[i]);
                memset(model[i], 0, sizeof(model[i]));
            }
            break;
        default:
            publish(random() % 2 ? CHANNEL_PLAIN : CHANNEL_SHARD, name);
        }
        if (round % 50 == 0)
            compare();
    }
    compare();
}
