/* The line of MONITOR. */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "pubsub/monitors.h"
#include <criterion/criterion.h>

static void expect_line(const struct monitored *command, int64_t us, const char *expected)
{
    struct buffer line;
    buffer_init(&line, 4096);
    monitors_format(command, us, &line);
    cr_assert_str_eq(line.data, expected);
    buffer_deinit(&line);
}

Test(monitors, lines)
{
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
    struct client *client = client_create_internal();
    client->peer = mem_strdup("127.0.0.1:1234");
    struct bytes argv[] = {BYTES_LITERAL("auth"), BYTES_LITERAL("a\r\n\"\\\x01"),
                           BYTES_LITERAL("")};
    struct monitored command = {.client = client, .argv = argv, .argc = 3, .db = 3};
    expect_line(&command, 1700000000000042,
                "+1700000000.000042 [3 127.0.0.1:1234] \"auth\" \"a\\r\\n\\\"\\\\\\x01\" \"\"\r\n");
    command.redacted = 2;
    expect_line(&command, 1, "+0.000001 [3 127.0.0.1:1234] \"auth\" \"(redacted)\" \"\"\r\n");
    command.is_script = true;
    command.argc = 1;
    expect_line(&command, 1, "+0.000001 [3 lua] \"auth\"\r\n");
    command.is_script = false;
    client->flags |= CLIENT_UNIX_SOCKET;
    client_set_text(&client->peer, BYTES_LITERAL("/tmp/x.sock:0"));
    expect_line(&command, 1, "+0.000001 [3 unix:/tmp/x.sock] \"auth\"\r\n");
    client_destroy(NULL, client);
}

Test(monitors, added_once_and_removed)
{
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
    struct push_queue push;
    struct monitors monitors;
    push_queue_init(&push, NULL);
    monitors_init(&monitors, &push);
    struct client *clients[6];
    for (int i = 0; i < 6; i++) {
        clients[i] = client_create_internal();
        cr_assert(monitors_add(&monitors, clients[i]));
        cr_assert_not(monitors_add(&monitors, clients[i]));
    }
    monitors_remove(&monitors, clients[2]);
    monitors_remove(&monitors, clients[2]);
    cr_assert_eq(monitors.count, 5);
    struct bytes argv[] = {BYTES_LITERAL("ping")};
    monitors_feed(&monitors, &(struct monitored){.client = clients[0], .argv = argv, .argc = 1});
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(clients[i]->reply.chain.size > 0, i != 2);
        monitors_remove(&monitors, clients[i]);
        push_forget(&push, clients[i]);
        client_destroy(NULL, clients[i]);
    }
    monitors_deinit(&monitors);
    push_queue_deinit(&push);
}
