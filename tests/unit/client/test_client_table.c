/* The table against an array: ids, order of arrival, a cursor that survives removals. */
#include "client/client_table.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include <criterion/criterion.h>

static void set_up(void)
{
    mem_init();
    thread_role_enter(THREAD_INDEX_MAIN, "main");
    clock_update();
}

TestSuite(client_table, .init = set_up);

enum { MODEL_MAX = 1000 };

struct model {
    struct client *clients[MODEL_MAX]; /* in order of arrival */
    int count;
    uint64_t last_id;
};

static void check(const struct client_table *table, const struct model *model)
{
    cr_assert_eq(table->count, (size_t)model->count);
    const struct client *client = table->first;
    for (int i = 0; i < model->count; i++) {
        cr_assert_eq(client, model->clients[i]);
        cr_assert_eq(client->previous, i ? model->clients[i - 1] : NULL);
        client = client->next;
    }
    cr_assert_null(client);
    cr_assert_eq(table->last, model->count ? model->clients[model->count - 1] : NULL);
}

static void remove_at(struct client_table *table, struct model *model, int at)
{
    uint64_t id = model->clients[at]->id;
    client_destroy(table, model->clients[at]);
    model->count--;
    for (int i = at; i < model->count; i++)
        model->clients[i] = model->clients[i + 1];
    cr_assert_null(client_table_find(table, id));
}

Test(client_table, model)
{
    size_t used = mem_used();
    struct random_state random;
    random_state_seed(&random, 9);
    struct client_table *table = client_table_create();
    struct model model = {0};
    for (int i = 0; i < 20000; i++) {
        bool grows = i < 8000; /* then it shrinks again */
        if (random_state_next(&random) % 10 < (grows ? 6 : 4) && model.count < MODEL_MAX) {
            struct client *client = client_create(table);
            cr_assert_eq(client->id, ++model.last_id);
            model.clients[model.count++] = client;
        } else if (model.count > 0) {
            remove_at(table, &model, (int)(random_state_next(&random) % (uint64_t)model.count));
        }
        if (model.count > 0) {
            struct client *any = model.clients[random_state_next(&random) % (uint64_t)model.count];
            cr_assert_eq(client_table_find(table, any->id), any);
        }
        cr_assert_null(client_table_find(table, model.last_id + 1));
        cr_assert_null(client_table_find(table, 0));
        if (i % 100 == 0)
            check(table, &model);
    }
    while (model.count > 0)
        remove_at(table, &model, model.count - 1);
    client_table_destroy(table);
    cr_assert_eq(mem_used(), used);
}

Test(client_table, steps_go_round)
{
    struct client_table *table = client_table_create();
    cr_assert_null(client_table_step(table));
    struct client *clients[3];
    for (int i = 0; i < 3; i++)
        clients[i] = client_create(table);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(client_table_step(table), clients[i % 3]);
    /* The next of the walk goes: the walk moves on to the one behind it. */
    client_destroy(table, clients[1]);
    cr_assert_eq(client_table_step(table), clients[2]);
    client_destroy(table, clients[0]);
    cr_assert_eq(client_table_step(table), clients[2]);
    client_destroy(table, clients[2]);
    cr_assert_null(client_table_step(table));
    client_table_destroy(table);
}

Test(client_table, every_client_is_met_though_others_go)
{
    struct random_state random;
    random_state_seed(&random, 10);
    struct client_table *table = client_table_create();
    struct model model = {0};
    for (int i = 0; i < 500; i++)
        model.clients[model.count++] = client_create(table);
    struct client *last = model.clients[499];
    int steps = 0;
    while (client_table_step(table) != last) {
        cr_assert_lt(++steps, 500);
        int at = (int)(random_state_next(&random) % (uint64_t)model.count);
        if (model.clients[at] != last)
            remove_at(table, &model, at);
    }
    while (model.count > 0)
        remove_at(table, &model, 0);
    client_table_destroy(table);
}
