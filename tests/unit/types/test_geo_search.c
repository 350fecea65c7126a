/* Searches against a walk over all members. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "types/geo_search.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MEMBERS_MAX = 400 };

static struct type_settings settings = {.zset_max_listpack_entries = 128,
                                        .zset_max_listpack_value = 64};

static void setup(void)
{
    static const uint8_t key[16] = {4};
    hash_init_with(key);
}

TestSuite(geo_search, .init = setup);

struct world {
    struct value zset;
    size_t count;
    double scores[MEMBERS_MAX];
};

static double uniform(struct random_state *random, double limit)
{
    return ((double)(random_state_next(random) >> 11) / 9007199254740992.0 * 2 - 1) * limit;
}

static void make_world(struct world *world, struct random_state *random, size_t count)
{
    world->zset = zset_create(&settings, 0, 0);
    world->count = count;
    for (size_t i = 0; i < count; i++) {
        char name[32];
        /* Integers are kept as such; some positions are shared. */
        int size = snprintf(name, sizeof(name), i % 2 ? "m%zu" : "%zu", i);
        struct geo_position position = {uniform(random, 179), uniform(random, 70)};
        world->scores[i] = i % 7 == 6 ? world->scores[i - 1] : geo_score(position);
        zset_add(&world->zset, &settings, bytes_of(name, (size_t)size), &world->scores[i], 0);
    }
}

static size_t number_of(struct bytes member)
{
    char text[32];
    size_t skip = member.data[0] == 'm';
    memcpy(text, member.data + skip, member.size - skip);
    text[member.size - skip] = '\0';
    return (size_t)strtoul(text, NULL, 10);
}

static void expect_all_found(const struct world *world, const struct geo_search *search,
                             const struct geo_area *area)
{
    bool seen[MEMBERS_MAX] = {false};
    for (size_t i = 0; i < search->count; i++) {
        size_t number = number_of(search->points[i].member);
        cr_assert_lt(number, world->count);
        cr_assert_not(seen[number]);
        seen[number] = true;
        cr_assert_eq(search->points[i].score, world->scores[number]);
    }
    for (size_t i = 0; i < world->count; i++) {
        double distance;
        cr_assert_eq(geo_area_has(area, geo_position_of(world->scores[i]), &distance), seen[i]);
    }
}

static void expect_order(const struct geo_search *search, enum geo_order order, size_t wanted)
{
    double sign = order == GEO_NEAREST_FIRST ? 1 : -1;
    for (size_t i = 1; i < search->count; i++) {
        /* In order up to there, and nothing behind belongs before it. */
        size_t before = i < wanted ? i - 1 : wanted - 1;
        cr_assert(sign * search->points[before].distance <= sign * search->points[i].distance);
    }
}

Test(geo_search, finds_and_orders_as_a_walk_over_all)
{
    struct random_state random;
    random_state_seed(&random, 1);
    for (int round = 0; round < 300; round++) {
        struct world world;
        make_world(&world, &random, random_state_next(&random) % MEMBERS_MAX);
        struct geo_area area = {.center = {uniform(&random, 90), uniform(&random, 50)},
                                .is_box = round % 2,
                                .metres = 1000,
                                .radius = 100 + (double)(random_state_next(&random) % 2500)};
        area.width = area.radius * 2;
        area.height = area.radius;
        struct geo_search search;
        geo_search_run(&search, world.zset, &area, 0);
        expect_all_found(&world, &search, &area);
        enum geo_order order = round % 3 ? GEO_NEAREST_FIRST : GEO_FARTHEST_FIRST;
        size_t wanted = search.count ? random_state_next(&random) % search.count + 1 : 1;
        geo_search_order(&search, order, wanted);
        expect_order(&search, order, wanted);
        size_t all = search.count;
        geo_search_deinit(&search);
        geo_search_run(&search, world.zset, &area, 3);
        cr_assert_eq(search.count, all < 3 ? all : 3);
        geo_search_deinit(&search);
        value_free(world.zset);
    }
}
