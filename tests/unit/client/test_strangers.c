/* Strangers: counted by address, against a trivial model. */
#include "client/strangers.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "client/client_table.h"
#include <criterion/criterion.h>
#include <stdio.h>

static struct client_table *table;

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
    table = client_table_create();
}

static void tear_down(void)
{
    client_table_destroy(table);
}

TestSuite(strangers, .init = set_up, .fini = tear_down);

static struct client *client_from(const char *peer)
{
    struct client *client = client_create(table);
    client->peer = mem_strdup(peer);
    return client;
}

static bool add(struct client *client, int64_t max)
{
    return strangers_add(table->strangers, client, max);
}

Test(strangers, each_address_has_its_own_maximum)
{
    static const char *const peers[] = {"10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1", "[::1]:7"};
    struct client *clients[4];
    for (int i = 0; i < 4; i++)
        clients[i] = client_from(peers[i]);
    cr_assert(add(clients[0], 1));
    cr_assert(add(clients[0], 1), "counted once");
    cr_assert_not(add(clients[1], 1));
    cr_assert(add(clients[2], 1));
    cr_assert(add(clients[3], 1));
    strangers_remove(table->strangers, clients[0]);
    strangers_remove(table->strangers, clients[0]);
    cr_assert(add(clients[1], 1));
    cr_assert(add(clients[0], 0), "no limit");
    cr_assert_eq(strangers_sources(table->strangers), 3);
    for (int i = 0; i < 4; i++)
        client_destroy(table, clients[i]);
    cr_assert_eq(strangers_sources(table->strangers), 0);
}

/* Whether the second is refused when one is the most. */
static bool are_one_source(const char *first, const char *second)
{
    struct client *one = client_from(first);
    struct client *other = client_from(second);
    cr_assert(add(one, 1));
    bool is_refused = !add(other, 1);
    client_destroy(table, one);
    client_destroy(table, other);
    return is_refused;
}

Test(strangers, what_one_source_is)
{
    cr_assert(are_one_source("1.2.3.4:1", "1.2.3.4:65535"));
    cr_assert_not(are_one_source("1.2.3.4:1", "1.2.3.5:1"));
    cr_assert(are_one_source("[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:1"), "the same /64");
    cr_assert_not(are_one_source("[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1"));
    cr_assert(are_one_source("[::ffff:1.2.3.4]:1", "1.2.3.4:5"));
    static const char *const nobodies[] = {"?:0", "/run/redis.sock:0", "", ":", "[]:1", "nonsense"};
    for (size_t i = 0; i < sizeof(nobodies) / sizeof(nobodies[0]); i++)
        cr_assert_not(are_one_source(nobodies[i], nobodies[i]), "%s", nobodies[i]);
    struct client *client = client_create(table);
    cr_assert(add(client, 1), "no address at all");
    client_destroy(table, client);
}

Test(strangers, random_against_a_model)
{
    enum { CLIENTS = 200, ADDRESSES = 9, MAX = 12 };
    struct client *clients[CLIENTS];
    int counts[ADDRESSES] = {0};
    bool is_counted[CLIENTS] = {false};
    struct random_state random;
    random_state_seed(&random, 5);
    for (int i = 0; i < CLIENTS; i++) {
        char peer[64];
        snprintf(peer, sizeof(peer), i % ADDRESSES % 2 ? "10.1.1.%d:%d" : "[fe80:%d::1]:%d",
                 i % ADDRESSES, 1000 + i);
        clients[i] = client_from(peer);
    }
    for (int step = 0; step < 20000; step++) {
        int i = (int)(random_state_next(&random) % CLIENTS);
        int *count = &counts[i % ADDRESSES];
        if (random_state_next(&random) % 3) {
            bool is_free = is_counted[i] || *count < MAX;
            cr_assert_eq(add(clients[i], MAX), is_free);
            *count += is_free && !is_counted[i];
            is_counted[i] |= is_free;
        } else {
            strangers_remove(table->strangers, clients[i]);
            *count -= is_counted[i];
            is_counted[i] = false;
        }
        size_t sources = 0;
        for (int k = 0; k < ADDRESSES; k++)
            sources += counts[k] > 0;
        cr_assert_eq(strangers_sources(table->strangers), sources);
    }
    for (int i = 0; i < CLIENTS; i++)
        client_destroy(table, clients[i]);
}
