/* The table itself: adding, removing, resizing. Iteration, sampling and the checker are in
 * dict_scan.c; finding is inline in dict.h. One owner, any thread.
 *
 * Invariants (dict_check): an entry lies in the chain that its hash chooses, under its tag; buckets
 * of tables[0] below rehash_index are empty; in a chain only the last bucket uses slot 6 for an
 * entry.
 */
#include "structures/dict.h"
#include "base/assert.h"
#include "base/memory.h"

enum {
    LAST_SLOT = DICT_BUCKET_SLOTS - 1,
    /* Shrinking begins below one entry in SHRINK_DIVISOR slots. */
    SHRINK_DIVISOR = 8,
    /* With resizing avoided, growing begins at this many times the usual load. */
    AVOIDED_LOAD_FACTOR = 5,
    /* Two tables exist for as short as possible: they cost memory and every lookup. */
    BUCKETS_PER_WRITE = 2,
    /* Empty buckets that a rehash step may skip for each that it was asked to move. */
    REHASH_EMPTY_MAX = 10,
    /* A large table's pages go as it is moved: all at once at its end they would cost many ms. */
    DISCARD_BUCKETS = 32768,
    DISCARD_TABLE_MIN = 2 * DISCARD_BUCKETS
};

_Static_assert(sizeof(struct dict_bucket) == 64, "a bucket is a cache line");

void dict_init(struct dict *dict, const struct dict_type *type)
{
    *dict = (struct dict){.type = type, .rehash_index = SIZE_MAX};
}

/* Large tables come zeroed from the system, page by page as they are used. */
static struct dict_bucket *table_create(size_t buckets)
{
    size_t size = buckets * sizeof(struct dict_bucket);
    assert(size / sizeof(struct dict_bucket) == buckets);
    if (size >= 64 * 1024) {
        void *table = mem_calloc(1, size);
        if (((uintptr_t)table & 63) == 0)
            return table;
        mem_free(table);
    }
    void *table = mem_alloc_aligned(64, size);
    memset(table, 0, size);
    return table;
}

static size_t bucket_entries(const struct dict_bucket *bucket)
{
    size_t count = 0;
    for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++)
        count += bucket->tags[i] != 0;
    return count;
}

static void chain_free(struct dict *dict, struct dict_bucket *bucket)
{
    struct dict_bucket *child = dict_bucket_child(bucket);
    while (child) {
        struct dict_bucket *next = dict_bucket_child(child);
        mem_free(child);
        dict->children--;
        child = next;
    }
    bucket->is_chained = 0;
    bucket->slots[LAST_SLOT] = NULL;
}

static void chain_free_entries(struct dict *dict, struct dict_bucket *bucket)
{
    for (; bucket; bucket = dict_bucket_child(bucket))
        for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++)
            if (bucket->tags[i])
                dict->type->free(bucket->slots[i]);
}

static void table_free(struct dict *dict, unsigned table, bool with_entries)
{
    struct dict_bucket *buckets = dict->tables[table];
    if (!buckets)
        return;
    if (dict->counts[table] || dict->children) {
        for (size_t i = 0; i <= dict->masks[table]; i++) {
            if (with_entries)
                chain_free_entries(dict, &buckets[i]);
            if (buckets[i].is_chained)
                chain_free(dict, &buckets[i]);
        }
    }
    mem_free(buckets);
    dict->tables[table] = NULL;
    dict->masks[table] = 0;
    dict->counts[table] = 0;
}

void dict_deinit(struct dict *dict)
{
    assert(dict->pauses == 0);
    table_free(dict, 0, dict->type->free != NULL);
    table_free(dict, 1, dict->type->free != NULL);
    dict->rehash_index = SIZE_MAX;
    assert(dict->children == 0);
}

void dict_clear(struct dict *dict)
{
    dict_deinit(dict);
}

void **dict_find_slot(const struct dict *dict, uint64_t hash, struct bytes key)
{
    return dict_find_slot_with(dict, hash, key, dict->type->matches);
}

void *dict_find(const struct dict *dict, uint64_t hash, struct bytes key)
{
    void **slot = dict_find_slot(dict, hash, key);
    return slot ? *slot : NULL;
}

/* -- one chain -- */

static void chain_add(struct dict *dict, struct dict_bucket *bucket, uint8_t tag, void *entry)
{
    for (;;) {
        uint64_t free_slots = dict_bucket_match(bucket, 0);
        if (bucket->is_chained)
            free_slots &= ~(0x80ULL << (8 * LAST_SLOT));
        if (free_slots) {
            unsigned slot = (unsigned)__builtin_ctzll(free_slots) >> 3;
            bucket->tags[slot] = tag;
            bucket->slots[slot] = entry;
            return;
        }
        if (!bucket->is_chained) {
            struct dict_bucket *child = table_create(1);
            dict->children++;
            child->tags[0] = bucket->tags[LAST_SLOT];
            child->slots[0] = bucket->slots[LAST_SLOT];
            bucket->tags[LAST_SLOT] = 0;
            bucket->slots[LAST_SLOT] = child;
            bucket->is_chained = 1;
        }
        bucket = dict_bucket_child(bucket);
    }
}

/* Frees the last bucket of a chain when what is left of it fits into its parent's slot 6. */
static void chain_trim(struct dict *dict, struct dict_bucket *parent, struct dict_bucket *last)
{
    size_t left = bucket_entries(last);
    if (left > 1)
        return;
    parent->is_chained = 0;
    parent->slots[LAST_SLOT] = NULL;
    for (unsigned i = 0; left && i < DICT_BUCKET_SLOTS; i++)
        if (last->tags[i]) {
            parent->tags[LAST_SLOT] = last->tags[i];
            parent->slots[LAST_SLOT] = last->slots[i];
        }
    mem_free(last);
    dict->children--;
}

/* Fills the hole at (bucket, slot) from the end of its chain, which is then trimmed. */
static void chain_compact(struct dict *dict, struct dict_bucket *head, struct dict_bucket *bucket,
                          unsigned slot)
{
    struct dict_bucket *parent = head;
    struct dict_bucket *last = dict_bucket_child(head);
    while (last->is_chained) {
        parent = last;
        last = dict_bucket_child(last);
    }
    if (bucket != last) {
        for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++)
            if (last->tags[i]) {
                bucket->tags[slot] = last->tags[i];
                bucket->slots[slot] = last->slots[i];
                last->tags[i] = 0;
                last->slots[i] = NULL;
                break;
            }
    }
    chain_trim(dict, parent, last);
}

/* -- resizing -- */

static void start_resize(struct dict *dict, size_t buckets)
{
    assert(!dict_is_rehashing(dict) && (buckets & (buckets - 1)) == 0);
    if (!dict->tables[0] || dict->counts[0] == 0) {
        if (dict->tables[0] && dict->pauses)
            return;
        table_free(dict, 0, false);
        dict->tables[0] = table_create(buckets);
        dict->masks[0] = buckets - 1;
        return;
    }
    dict->tables[1] = table_create(buckets);
    dict->masks[1] = buckets - 1;
    dict->rehash_index = 0;
}

static size_t buckets_for(size_t entries)
{
    size_t buckets = 1;
    while (buckets * DICT_BUCKET_SLOTS < entries)
        buckets *= 2;
    return buckets;
}

static void grow_if_needed(struct dict *dict)
{
    if (dict_is_rehashing(dict))
        return;
    if (!dict->tables[0]) {
        start_resize(dict, 1);
        return;
    }
    size_t slots = (dict->masks[0] + 1) * DICT_BUCKET_SLOTS;
    size_t limit = dict->resize == DICT_RESIZE_AVOIDED ? slots * AVOIDED_LOAD_FACTOR : slots;
    if (__builtin_expect(dict->counts[0] >= limit, 0))
        start_resize(dict, buckets_for(dict->counts[0] + 1));
}

static void shrink_if_needed(struct dict *dict)
{
    size_t buckets = dict->masks[0] + 1;
    if (dict_is_rehashing(dict) || buckets == 1 || dict->pauses ||
        dict->resize == DICT_RESIZE_AVOIDED)
        return;
    if (dict->counts[0] < buckets * DICT_BUCKET_SLOTS / SHRINK_DIVISOR)
        start_resize(dict, buckets_for(dict->counts[0] * 2));
}

void dict_resize_if_needed(struct dict *dict)
{
    if (!dict->tables[0])
        return;
    grow_if_needed(dict);
    shrink_if_needed(dict);
}

static void move_entry(struct dict *dict, size_t index, uint8_t tag, void *entry)
{
    /* Shrinking keeps the low bits that it needs in the index itself. */
    size_t target = dict->masks[1] <= dict->masks[0] ? index & dict->masks[1]
                                                     : dict->type->hash(entry) & dict->masks[1];
    chain_add(dict, &dict->tables[1][target], tag, entry);
    dict->counts[0]--;
    dict->counts[1]++;
}

static void move_bucket(struct dict *dict, size_t index)
{
    struct dict_bucket *head = &dict->tables[0][index];
    for (struct dict_bucket *bucket = head; bucket; bucket = dict_bucket_child(bucket))
        for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++)
            __builtin_prefetch(bucket->slots[i]);
    for (struct dict_bucket *bucket = head; bucket; bucket = dict_bucket_child(bucket))
        for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++)
            if (bucket->tags[i])
                move_entry(dict, index, bucket->tags[i], bucket->slots[i]);
    if (head->is_chained)
        chain_free(dict, head);
    memset(head, 0, sizeof(*head));
}

static void finish_rehash(struct dict *dict)
{
    assert(dict->counts[0] == 0);
    mem_free(dict->tables[0]);
    dict->tables[0] = dict->tables[1];
    dict->masks[0] = dict->masks[1];
    dict->counts[0] = dict->counts[1];
    dict->tables[1] = NULL;
    dict->masks[1] = 0;
    dict->counts[1] = 0;
    dict->rehash_index = SIZE_MAX;
}

static bool bucket_is_empty(const struct dict_bucket *bucket)
{
    uint64_t tags;
    memcpy(&tags, bucket, sizeof(tags));
    return tags == 0;
}

/* The bucket before rehash_index is done with. */
static void step_over(struct dict *dict)
{
    size_t next = ++dict->rehash_index;
    if (__builtin_expect(next % DISCARD_BUCKETS == 0, 0) && dict->masks[0] + 1 >= DISCARD_TABLE_MIN)
        mem_discard_zeroes(&dict->tables[0][next - DISCARD_BUCKETS],
                           DISCARD_BUCKETS * sizeof(struct dict_bucket));
}

bool dict_rehash(struct dict *dict, size_t buckets)
{
    if (!dict_is_rehashing(dict))
        return false;
    if (dict->pauses)
        return true;
    size_t empties = buckets * REHASH_EMPTY_MAX;
    size_t end = dict->masks[0] + 1;
    while (buckets && dict->rehash_index < end) {
        if (bucket_is_empty(&dict->tables[0][dict->rehash_index])) {
            step_over(dict);
            if (--empties == 0)
                break;
            continue;
        }
        move_bucket(dict, dict->rehash_index);
        step_over(dict);
        buckets--;
    }
    if (dict->rehash_index < end)
        return true;
    finish_rehash(dict);
    return false;
}

void dict_reserve(struct dict *dict, size_t count)
{
    size_t buckets = buckets_for(count);
    if (dict_is_rehashing(dict) || (dict->tables[0] && dict->masks[0] + 1 >= buckets))
        return;
    start_resize(dict, buckets);
}

void dict_set_resize(struct dict *dict, enum dict_resize resize)
{
    dict->resize = resize;
}

void dict_pause(struct dict *dict)
{
    dict->pauses++;
}

void dict_resume(struct dict *dict)
{
    assert(dict->pauses > 0);
    dict->pauses--;
}

/* -- adding and removing -- */

/* Each write moves a bucket on, unless moving is avoided and the load can still bear it. */
static inline void write_step(struct dict *dict)
{
    if (__builtin_expect(!dict_is_rehashing(dict), 1))
        return;
    size_t slots = (dict->masks[1] + 1) * DICT_BUCKET_SLOTS;
    if (dict->resize == DICT_RESIZE_ALLOWED || dict->counts[1] > slots * AVOIDED_LOAD_FACTOR)
        dict_rehash(dict, BUCKETS_PER_WRITE);
}

void dict_add(struct dict *dict, uint64_t hash, void *entry)
{
    assert(entry != NULL);
    write_step(dict);
    grow_if_needed(dict);
    unsigned table = dict_is_rehashing(dict);
    chain_add(dict, &dict->tables[table][hash & dict->masks[table]], dict_tag(hash), entry);
    dict->counts[table]++;
}

static struct dict_bucket *chain_head_of(const struct dict *dict, uint64_t hash,
                                         const struct dict_bucket *bucket, unsigned *table)
{
    for (*table = 0; *table < 2 && dict->tables[*table]; ++*table) {
        struct dict_bucket *head = &dict->tables[*table][hash & dict->masks[*table]];
        for (struct dict_bucket *at = head; at; at = dict_bucket_child(at))
            if (at == bucket)
                return head;
    }
    panic("dict: the slot does not belong to the hash");
}

void *dict_remove_slot(struct dict *dict, uint64_t hash, void **slot)
{
    struct dict_bucket *bucket =
        (struct dict_bucket *)(void *)((char *)slot - ((uintptr_t)slot & 63));
    unsigned index = (unsigned)(slot - bucket->slots);
    unsigned table;
    struct dict_bucket *head = chain_head_of(dict, hash, bucket, &table);
    assert(index < DICT_BUCKET_SLOTS && bucket->tags[index] != 0);
    void *entry = *slot;
    bucket->tags[index] = 0;
    *slot = NULL;
    dict->counts[table]--;
    if (head->is_chained && dict->pauses == 0)
        chain_compact(dict, head, bucket, index);
    write_step(dict);
    shrink_if_needed(dict);
    return entry;
}

void *dict_remove(struct dict *dict, uint64_t hash, struct bytes key)
{
    void **slot = dict_find_slot(dict, hash, key);
    return slot ? dict_remove_slot(dict, hash, slot) : NULL;
}
