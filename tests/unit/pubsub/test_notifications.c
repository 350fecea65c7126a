/* Which classes are told, and on which channels. */
#include "base/clock.h"
#include "base/hash.h"
#include "keyspace/keyspace.h"
#include "pubsub/notifications.h"
#include "reply_text.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static struct push_queue push;
static struct channels channels;
static struct client *client;
static struct db db;

static void expect(unsigned classes, unsigned class, const char *expected)
{
    const struct key_event event = {.kinds = KEY_NOTIFY,
                                    .notify_class = class,
                                    .notify_name = "set",
                                    .db = &db,
                                    .key = BYTES_LITERAL("k")};
    notifications_publish(&channels, classes, &event);
    char *text = reply_take(&client->reply.chain);
    cr_assert_str_eq(text, expected);
    mem_free(text);
}

#define KEYSPACE "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$16\r\n__keyspace@7__:k\r\n$3\r\nset\r\n"
#define KEYEVENT "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$18\r\n__keyevent@7__:set\r\n$1\r\nk\r\n"

Test(notifications, classes)
{
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    hash_init_with((const uint8_t[16]){5});
    clock_update();
    push_queue_init(&push, NULL);
    channels_init(&channels, &push);
    client = client_create_internal();
    db.index = 7;
    unsigned k = KEY_CLASS_KEYSPACE;
    unsigned e = KEY_CLASS_KEYEVENT;
    expect(k | e | KEY_CLASS_STRING, KEY_CLASS_STRING, ""); /* nobody listens */
    channels_subscribe(&channels, client, CHANNEL_PATTERN, BYTES_LITERAL("*"));
    expect(k | e | KEY_CLASS_STRING, KEY_CLASS_STRING, KEYSPACE KEYEVENT);
    expect(k | KEY_CLASS_STRING, KEY_CLASS_STRING, KEYSPACE);
    expect(e | KEY_CLASS_STRING, KEY_CLASS_STRING, KEYEVENT);
    expect(KEY_CLASS_STRING, KEY_CLASS_STRING, "");
    expect(k | e | KEY_CLASS_LIST, KEY_CLASS_STRING, "");
    channels_remove_client(&channels, client);
    push_forget(&push, client);
    client_destroy(NULL, client);
    channels_deinit(&channels);
    push_queue_deinit(&push);
}

Test(notifications, interest)
{
    cr_assert_eq(notifications_interest(KEY_CLASS_STRING), 0);
    cr_assert_eq(notifications_interest(KEY_CLASS_STRING | KEY_CLASS_KEYEVENT), KEY_NOTIFY);
    cr_assert_eq(notifications_interest(KEY_CLASS_KEY_MISS | KEY_CLASS_KEYSPACE),
                 KEY_NOTIFY | KEY_MISSED);
}
