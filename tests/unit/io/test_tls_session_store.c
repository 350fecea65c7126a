/* The session store against a trivial model, with random operations. */
#include "base/memory.h"
#include "base/random.h"
#include "io/tls_session_store.h"
#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

enum { IDS = 200, OPERATIONS = 20000 };

struct model_entry {
    bool is_there;
    uint64_t order;
    int64_t expires_s;
    char value[24];
    size_t size;
};

static struct model_entry model[IDS];
static struct random_state random_numbers;

static uint64_t below(uint64_t bound)
{
    return random_state_next(&random_numbers) % bound;
}

static void make_id(size_t index, unsigned char id[TLS_SESSION_ID_MAX])
{
    memset(id, (int)(index * 7), TLS_SESSION_ID_MAX);
    id[0] = (unsigned char)(index % 4); /* long chains */
    id[31] = (unsigned char)index;
}

static size_t model_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < IDS; i++)
        count += model[i].is_there;
    return count;
}

static size_t model_oldest(void)
{
    size_t oldest = IDS;
    for (size_t i = 0; i < IDS; i++)
        if (model[i].is_there && (oldest == IDS || model[i].order < model[oldest].order))
            oldest = i;
    return oldest;
}

static void put(struct tls_session_store *store, size_t index, uint64_t order, int64_t now_s,
                size_t count_max)
{
    unsigned char id[TLS_SESSION_ID_MAX];
    make_id(index, id);
    struct model_entry *entry = &model[index];
    entry->is_there = false;
    while (count_max > 0 && model_count() >= count_max)
        model[model_oldest()].is_there = false;
    entry->is_there = true;
    entry->order = order;
    entry->expires_s = now_s + 50; /* all live equally long, as sessions do */
    entry->size = below(sizeof(entry->value));
    memset(entry->value, (int)order, sizeof(entry->value));
    tls_session_store_put(store, id, sizeof(id), entry->value, entry->size, entry->expires_s,
                          count_max);
}

static void get(struct tls_session_store *store, size_t index, int64_t now_s)
{
    unsigned char id[TLS_SESSION_ID_MAX];
    make_id(index, id);
    while (model_count() > 0 && model[model_oldest()].expires_s <= now_s)
        model[model_oldest()].is_there = false;
    const struct model_entry *entry = &model[index];
    size_t size = 0;
    char *value = tls_session_store_get(store, id, sizeof(id), now_s, &size);
    cr_assert_eq(value != NULL, entry->is_there);
    if (value) {
        cr_assert_eq(size, entry->size);
        cr_assert_eq(memcmp(value, entry->value, size), 0);
        mem_free_secret(value, size);
    }
}

static void run(size_t count_max)
{
    struct tls_session_store *store = tls_session_store_create();
    memset(model, 0, sizeof(model));
    for (uint64_t i = 0; i < OPERATIONS; i++) {
        int64_t now_s = (int64_t)(i / 10);
        size_t index = below(IDS);
        unsigned char id[TLS_SESSION_ID_MAX];
        switch (below(8)) {
        case 0:
        case 1:
        case 2:
            put(store, index, i, now_s, count_max);
            break;
        case 3:
            make_id(index, id);
            model[index].is_there = false;
            tls_session_store_remove(store, id, sizeof(id));
            break;
        default:
            get(store, index, now_s);
            break;
        }
        cr_assert_eq(tls_session_store_count(store), model_count());
    }
    tls_session_store_clear(store);
    cr_assert_eq(tls_session_store_count(store), 0);
    tls_session_store_destroy(store);
}

TestSuite(tls_session_store, .init = mem_init);

Test(tls_session_store, behaves_as_the_model)
{
    random_state_seed(&random_numbers, 11);
    run(0);
    run(50);
    run(1);
}

Test(tls_session_store, grows)
{
    struct tls_session_store *store = tls_session_store_create();
    for (uint64_t i = 0; i < 5000; i++)
        tls_session_store_put(store, &i, sizeof(i), &i, sizeof(i), 10, 0);
    cr_assert_eq(tls_session_store_count(store), 5000);
    for (uint64_t i = 0; i < 5000; i++) {
        size_t size = 0;
        uint64_t *value = tls_session_store_get(store, &i, sizeof(i), 9, &size);
        cr_assert(value && size == sizeof(i) && *value == i);
        mem_free(value);
    }
    tls_session_store_destroy(store);
}

Test(tls_session_store, refuses_what_is_out_of_bounds)
{
    struct tls_session_store *store = tls_session_store_create();
    char big[TLS_SESSION_SIZE_MAX + 1] = {0};
    size_t size = 0;
    tls_session_store_put(store, big, TLS_SESSION_ID_MAX + 1, "x", 1, 10, 0);
    tls_session_store_put(store, big, 0, "x", 1, 10, 0);
    tls_session_store_put(store, big, 8, big, sizeof(big), 10, 0);
    cr_assert_eq(tls_session_store_count(store), 0);
    cr_assert_null(tls_session_store_get(store, big, TLS_SESSION_ID_MAX + 1, 0, &size));
    tls_session_store_remove(store, big, 0);
    tls_session_store_destroy(store);
}
