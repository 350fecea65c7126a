/* Drawing members. From an intset or a listpack by index; from a table by its own fair draw, or by
 * shuffling all of it when a good part is wanted. Main thread. */
#include "types/set_random.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "types/sample.h"

enum {
    /* When more than one member in so many is wanted from a table, all are listed and shuffled. */
    SHUFFLE_DIVISOR = 3
};

struct listpack_value set_random(struct value set, char scratch[SET_MEMBER_SCRATCH])
{
    if (set.encoding == ENCODING_HASHTABLE) {
        struct bytes text = set_member_text(dict_random(set_table(set)), scratch);
        return (struct listpack_value){.data = text.data, .size = text.size};
    }
    uint64_t index = random_below(set_count(set));
    if (set.encoding == ENCODING_INTSET)
        return (struct listpack_value){.integer = intset_get(set_ints(set), (uint32_t)index)};
    return listpack_get(set_pack(set), listpack_seek(set_pack(set), (int64_t)index));
}

/* -- different members -- */

typedef void visit_function(void *context, struct listpack_value member);

static void visit_entry(const void *entry, visit_function *visit, void *context)
{
    char scratch[SET_MEMBER_SCRATCH];
    struct bytes text = set_member_text(entry, scratch);
    visit(context, (struct listpack_value){.data = text.data, .size = text.size});
}

struct listing {
    void **entries;
    size_t count;
};

static void list_entry(void *context, void *entry)
{
    struct listing *listing = context;
    listing->entries[listing->count++] = entry;
}

static void table_shuffled(struct dict *table, size_t count, visit_function *visit, void *context)
{
    struct listing listing = {.entries = mem_alloc((dict_count(table) + 1) * sizeof(void *))};
    dict_each(table, list_entry, &listing);
    for (size_t i = 0; i < count; i++) {
        size_t drawn = i + random_below(listing.count - i);
        void *entry = listing.entries[drawn];
        listing.entries[drawn] = listing.entries[i];
        visit_entry(entry, visit, context);
    }
    mem_free(listing.entries);
}

static void table_drawn(const struct dict *table, size_t count, visit_function *visit,
                        void *context)
{
    struct distinct seen;
    distinct_init(&seen, count);
    while (seen.count < count) {
        const void *entry = dict_random(table);
        if (distinct_add(&seen, (uint64_t)(uintptr_t)entry))
            visit_entry(entry, visit, context);
    }
    distinct_deinit(&seen);
}

/* The members at ascending indexes of an intset or a listpack. */
static void visit_indexes(struct value set, const uint64_t *indexes, size_t count,
                          visit_function *visit, void *context)
{
    if (set.encoding == ENCODING_INTSET) {
        for (size_t i = 0; i < count; i++) {
            int64_t integer = intset_get(set_ints(set), (uint32_t)indexes[i]);
            visit(context, (struct listpack_value){.integer = integer});
        }
        return;
    }
    const struct listpack *pack = set_pack(set);
    uint32_t at = listpack_first(pack);
    uint64_t index = 0;
    for (size_t i = 0; i < count; i++) {
        for (; index < indexes[i]; index++)
            at = listpack_next(pack, at);
        visit(context, listpack_get(pack, at));
    }
}

void set_random_distinct(struct value set, size_t count, visit_function *visit, void *context)
{
    size_t present = set_count(set);
    assert(count <= present);
    if (set.encoding != ENCODING_HASHTABLE) {
        uint64_t *indexes = sample_indexes(present, count);
        visit_indexes(set, indexes, count, visit, context);
        mem_free(indexes);
    } else if (count > present / SHUFFLE_DIVISOR) {
        table_shuffled(set_table(set), count, visit, context);
    } else {
        table_drawn(set_table(set), count, visit, context);
    }
}

/* -- removing -- */

static void table_pop(struct dict *table, visit_function *visit, void *context)
{
    char scratch[SET_MEMBER_SCRATCH];
    void *entry = dict_random(table);
    struct bytes text = set_member_text(entry, scratch);
    visit(context, (struct listpack_value){.data = text.data, .size = text.size});
    void *removed = dict_remove(table, hash_bytes(text.data, text.size), text);
    assert(removed == entry);
    set_member_free(entry);
}

static void remove_indexes(struct value *set, const uint64_t *indexes, size_t count)
{
    if (set->encoding == ENCODING_INTSET) {
        struct intset *ints = set_ints(*set);
        while (count-- > 0)
            intset_remove_at(&ints, (uint32_t)indexes[count]);
        set->pointer = ints;
        return;
    }
    struct listpack *pack = set_pack(*set);
    uint32_t at = listpack_first(pack);
    uint64_t index = 0;
    for (size_t i = 0; i < count; i++) {
        for (; index < indexes[i]; index++)
            at = listpack_next(pack, at);
        listpack_delete(&pack, at);
        index++;
    }
    set->pointer = pack;
}

void set_pop_random(struct value *set, size_t count, visit_function *visit, void *context)
{
    size_t present = set_count(*set);
    assert(count <= present);
    if (set->encoding == ENCODING_HASHTABLE) {
        while (count-- > 0)
            table_pop(set_table(*set), visit, context);
        return;
    }
    if (count == 1) {
        uint64_t index = random_below(present);
        visit_indexes(*set, &index, 1, visit, context);
        remove_indexes(set, &index, 1);
        return;
    }
    uint64_t *indexes = sample_indexes(present, count);
    visit_indexes(*set, indexes, count, visit, context);
    remove_indexes(set, indexes, count);
    mem_free(indexes);
}
