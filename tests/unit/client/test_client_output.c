/* Output limits: hard at once, soft after its time, by class; strangers have a small fixed one. */
#include "client/client_output.h"

#include "base/clock.h"
#include "base/memory.h"
#include <criterion/criterion.h>

static struct client *client;
static struct client_settings settings;

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
    client = client_create_internal();
    settings = (struct client_settings){0};
}

static void tear_down(void)
{
    client->flags = CLIENT_INTERNAL;
    client_destroy(NULL, client);
}

TestSuite(client_output, .init = set_up, .fini = tear_down);

static void owe(uint64_t size)
{
    client->output_published = 5000 + size;
    client->meters.bytes_out = 5000;
}

Test(client_output, size_is_what_was_not_sent)
{
    owe(10);
    cr_assert_eq(exchange_output_size(client), 10);
    client->meters.bytes_out = 6000; /* read a moment later than the other */
    cr_assert_eq(exchange_output_size(client), 0);
}

Test(client_output, classes)
{
    cr_assert_eq(client_class_of(client), CLIENT_CLASS_NORMAL);
    client->flags |= CLIENT_PUBSUB;
    cr_assert_eq(client_class_of(client), CLIENT_CLASS_PUBSUB);
    client->flags |= CLIENT_REPLICA;
    cr_assert_eq(client_class_of(client), CLIENT_CLASS_REPLICA);
}

Test(client_output, no_limit_is_no_limit)
{
    owe(1ull << 40);
    cr_assert_not(client_output_is_over(&settings, client));
}

Test(client_output, the_hard_limit_of_the_class)
{
    settings.output_limits[CLIENT_CLASS_PUBSUB].hard_bytes = 1000;
    owe(1000);
    cr_assert_not(client_output_is_over(&settings, client));
    client->flags |= CLIENT_PUBSUB;
    cr_assert(client_output_is_over(&settings, client));
    owe(999);
    cr_assert_not(client_output_is_over(&settings, client));
}

Test(client_output, the_soft_limit_counts_time_without_a_break)
{
    settings.output_limits[CLIENT_CLASS_NORMAL] =
        (struct client_output_limit){.soft_bytes = 100, .soft_seconds = 10};
    owe(100);
    cr_assert_not(client_output_is_over(&settings, client));
    cr_assert_gt(client->output_soft_since_us, 0);
    client->output_soft_since_us -= 9000000;
    cr_assert_not(client_output_is_over(&settings, client));
    owe(99);
    cr_assert_not(client_output_is_over(&settings, client));
    cr_assert_eq(client->output_soft_since_us, 0, "below the limit the time begins anew");
    owe(100);
    cr_assert_not(client_output_is_over(&settings, client));
    client->output_soft_since_us -= 10000001;
    cr_assert(client_output_is_over(&settings, client));
}

Test(client_output, strangers)
{
    client->flags &= ~(uint32_t)CLIENT_AUTHENTICATED;
    owe(CLIENT_UNAUTHENTICATED_OUTPUT_MAX);
    cr_assert_not(client_output_is_over(&settings, client));
    owe(CLIENT_UNAUTHENTICATED_OUTPUT_MAX + 1);
    cr_assert(client_output_is_over(&settings, client));
}
