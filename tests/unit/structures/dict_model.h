/* The trivial model of a dict: an array of all possible keys. Included by the tests of dict. */
#ifndef DICT_MODEL_H
#define DICT_MODEL_H

#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "structures/dict.h"
#include <criterion/criterion.h>

enum { KEYS = 5000 };

struct item {
    uint32_t id;
    uint32_t seen;
};

static struct item items[KEYS];
static bool present[KEYS];
static size_t frees;
/* Few distinct hashes make long chains. */
static uint64_t hash_mask;

static inline uint64_t hash_of_id(uint32_t id)
{
    uint64_t hash = hash_bytes(&id, sizeof(id));
    return hash & hash_mask;
}

static inline uint64_t item_hash(const void *entry)
{
    return hash_of_id(((const struct item *)entry)->id);
}

static inline bool item_matches(const void *entry, struct bytes key)
{
    return memcmp(&((const struct item *)entry)->id, key.data, sizeof(uint32_t)) == 0;
}

static inline void item_free(void *entry)
{
    (void)entry;
    frees++;
}

static const struct dict_type item_type = {item_hash, item_matches, item_free};

static inline void setup(void)
{
    mem_init();
    hash_init_with((const uint8_t[16]){1, 2, 3});
    random_seed(42);
    hash_mask = UINT64_MAX;
    frees = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        items[i] = (struct item){.id = i};
        present[i] = false;
    }
}

static inline struct bytes key_of_id(const uint32_t *id)
{
    return bytes_of(id, sizeof(*id));
}

static inline size_t present_count(void)
{
    size_t count = 0;
    for (int i = 0; i < KEYS; i++)
        count += present[i];
    return count;
}

static inline void toggle(struct dict *dict, uint32_t id, bool wanted)
{
    uint64_t hash = hash_of_id(id);
    if (wanted && !present[id]) {
        cr_assert_null(dict_find(dict, hash, key_of_id(&id)));
        dict_add(dict, hash, &items[id]);
    } else if (!wanted) {
        void *removed = dict_remove(dict, hash, key_of_id(&id));
        cr_assert_eq(removed, present[id] ? &items[id] : NULL);
    }
    present[id] = wanted;
}

static inline void expect_same(const struct dict *dict)
{
    dict_check(dict);
    cr_assert_eq(dict_count(dict), present_count());
    for (uint32_t i = 0; i < KEYS; i++)
        cr_assert_eq(dict_find(dict, hash_of_id(i), key_of_id(&i)), present[i] ? &items[i] : NULL);
}

static inline void random_operations(struct dict *dict, int steps)
{
    for (int step = 0; step < steps; step++) {
        /* The share of additions changes, so that the table grows and shrinks several times. */
        unsigned share = (step / (steps / 8)) % 2 == 0 ? 90 : 10;
        toggle(dict, (uint32_t)random_below(KEYS), random_below(100) < share);
        if (step % 997 == 0)
            expect_same(dict);
        if (step % 1500 == 0) {
            dict_pause(dict);
            for (int i = 0; i < 50; i++)
                toggle(dict, (uint32_t)random_below(KEYS), random_below(100) < share);
            dict_resume(dict);
        }
    }
    expect_same(dict);
}

#endif
