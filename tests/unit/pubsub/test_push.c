/* Where pushes go: into the receiver's reply, or aside for the client whose command runs. */
#include "base/clock.h"
#include "pubsub/push.h"
#include "reply_text.h"
#include <criterion/criterion.h>

static struct push_queue queue;
static struct client *client;

static void setup(void)
{
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
    push_queue_init(&queue, NULL);
    client = client_create_internal();
    reply_begin(&client->reply, 2, NULL);
}

static void teardown(void)
{
    push_queue_deinit(&queue);
    client_destroy(NULL, client);
}

TestSuite(push, .init = setup, .fini = teardown);

static void say(const char *text)
{
    struct reply *reply = push_begin(&queue, client);
    if (!reply)
        return;
    reply_simple(reply, text);
    push_end(&queue, client, reply);
}

static void expect(const char *expected)
{
    char *text = reply_text(&client->reply.chain);
    cr_assert_str_eq(text, expected);
    mem_free(text);
}

Test(push, behind_what_was_answered)
{
    reply_simple(&client->reply, "one");
    say("pushed");
    reply_simple(&client->reply, "two");
    expect("+one\r\n+pushed\r\n+two\r\n");
    cr_assert(push_is_pending(&queue));
}

Test(push, the_running_client_gets_it_behind_the_reply)
{
    push_begin_command(&queue, client);
    reply_array(&client->reply, 2);
    say("pushed");
    reply_simple(&client->reply, "one");
    say("again");
    reply_simple(&client->reply, "two");
    push_end_command(&queue, client);
    expect("*2\r\n+one\r\n+two\r\n+pushed\r\n+again\r\n");
    push_begin_command(&queue, client);
    push_end_command(&queue, client);
    say("later");
    expect("*2\r\n+one\r\n+two\r\n+pushed\r\n+again\r\n+later\r\n");
}

Test(push, a_muted_reply_stays_muted)
{
    client->reply.is_discarded = true;
    say("pushed");
    reply_simple(&client->reply, "muted");
    expect("+pushed\r\n");
}

Test(push, who_is_about_to_be_closed_gets_nothing)
{
    client->flags |= CLIENT_CLOSE_AFTER_REPLY;
    say("pushed");
    expect("");
    cr_assert_not(push_is_pending(&queue));
    client->flags &= ~(uint32_t)CLIENT_CLOSE_AFTER_REPLY;
    push_begin_command(&queue, client);
    say("aside");
    client->flags |= CLIENT_CLOSE_AFTER_REPLY; /* QUIT */
    push_end_command(&queue, client);
    expect("");
}

static int looked;

static void look(void *context, struct client *one)
{
    cr_assert_eq(one, client);
    cr_assert_eq(context, &looked);
    looked++;
}

Test(push, once_a_turn_and_forgotten_when_gone)
{
    say("one");
    say("two");
    cr_assert_eq(queue.waiting_count, 1);
    push_flush(&queue, look, &looked);
    cr_assert_not(push_is_pending(&queue));
    say("three");
    push_forget(&queue, client);
    cr_assert_not(push_is_pending(&queue));
    push_flush(&queue, look, &looked);
}
