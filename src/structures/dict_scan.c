/* Walking a dict: scan with a cursor, each entry, random entries, figures, and the checker.
 *
 * The cursor counts with its bits reversed, so that the buckets into which a visited bucket splits
 * or merges have been visited too, whatever happened to the size between two calls. One owner, any
 * thread.
 */
#include "base/assert.h"
#include "base/random.h"
#include "structures/dict.h"

enum {
    /* Chains longer than this are picked a little too seldom by dict_random. */
    RANDOM_CHAIN_ENTRIES = 16,
    RANDOM_TRIES_MAX = 1000,
    SAMPLE_STEPS_FACTOR = 10,
    WALK_AHEAD = 3 /* buckets whose entries are on their way */
};

static uint64_t reverse_bits(uint64_t value)
{
    value = ((value >> 1) & 0x5555555555555555ULL) | ((value & 0x5555555555555555ULL) << 1);
    value = ((value >> 2) & 0x3333333333333333ULL) | ((value & 0x3333333333333333ULL) << 2);
    value = ((value >> 4) & 0x0f0f0f0f0f0f0f0fULL) | ((value & 0x0f0f0f0f0f0f0f0fULL) << 4);
    return __builtin_bswap64(value);
}

static uint64_t next_cursor(uint64_t cursor, uint64_t mask)
{
    return reverse_bits(reverse_bits(cursor | ~mask) + 1);
}

static void visit_chain(const struct dict_bucket *bucket, void (*visit)(void *context, void *entry),
                        void *context)
{
    for (; bucket; bucket = dict_bucket_child(bucket))
        for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++)
            if (bucket->tags[i])
                visit(context, bucket->slots[i]);
}

uint64_t dict_scan(const struct dict *dict, uint64_t cursor,
                   void (*visit)(void *context, void *entry), void *context)
{
    if (dict_count(dict) == 0)
        return 0;
    if (!dict_is_rehashing(dict)) {
        visit_chain(&dict->tables[0][cursor & dict->masks[0]], visit, context);
        return next_cursor(cursor, dict->masks[0]);
    }
    unsigned small = dict->masks[0] > dict->masks[1];
    unsigned large = !small;
    visit_chain(&dict->tables[small][cursor & dict->masks[small]], visit, context);
    /* All buckets of the larger table that the smaller one's bucket stands for. */
    do {
        visit_chain(&dict->tables[large][cursor & dict->masks[large]], visit, context);
        cursor = next_cursor(cursor, dict->masks[large]);
    } while (cursor & (dict->masks[small] ^ dict->masks[large]));
    return cursor;
}

static const struct dict_bucket *bucket_at(const struct dict *dict, size_t index)
{
    size_t first = dict->masks[0] + 1;
    return index < first ? &dict->tables[0][index] : &dict->tables[1][index - first];
}

/* Backwards, because what is added goes to the newer table. One that begins meanwhile is not
 * visited at all. */
bool dict_walk(const struct dict *dict, size_t *left, size_t buckets,
               void (*visit)(void *context, void *entry), void *context)
{
    assert(dict->pauses > 0 && *left <= dict_bucket_count(dict));
    for (; *left > 0 && buckets > 0; buckets--) {
        if (*left > WALK_AHEAD) {
            const struct dict_bucket *ahead = bucket_at(dict, *left - 1 - WALK_AHEAD);
            for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++)
                __builtin_prefetch(ahead->slots[i]);
        }
        visit_chain(bucket_at(dict, --*left), visit, context);
    }
    return *left > 0;
}

void dict_each(struct dict *dict, void (*visit)(void *context, void *entry), void *context)
{
    dict_pause(dict);
    for (unsigned table = 0; table < 2 && dict->tables[table]; table++)
        for (size_t i = 0; i <= dict->masks[table]; i++)
            visit_chain(&dict->tables[table][i], visit, context);
    dict_resume(dict);
}

/* Bucket number `index` of all that can hold entries. */
static const struct dict_bucket *live_bucket(const struct dict *dict, size_t index)
{
    if (!dict_is_rehashing(dict))
        return &dict->tables[0][index];
    size_t left = dict->masks[0] + 1 - dict->rehash_index;
    return index < left ? &dict->tables[0][dict->rehash_index + index]
                        : &dict->tables[1][index - left];
}

static size_t live_buckets(const struct dict *dict)
{
    if (!dict->tables[0])
        return 0;
    if (!dict_is_rehashing(dict))
        return dict->masks[0] + 1;
    return dict->masks[0] + 1 - dict->rehash_index + dict->masks[1] + 1;
}

/* The n-th entry of a chain, NULL when it is shorter. */
static void *chain_entry(const struct dict_bucket *bucket, uint64_t n)
{
    for (; bucket; bucket = dict_bucket_child(bucket))
        for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++)
            if (bucket->tags[i] && n-- == 0)
                return bucket->slots[i];
    return NULL;
}

void *dict_random(const struct dict *dict)
{
    if (dict_count(dict) == 0)
        return NULL;
    size_t buckets = live_buckets(dict);
    /* Rejection makes it fair: each (bucket, position) is as likely as any other. */
    for (unsigned tries = 0; tries < RANDOM_TRIES_MAX; tries++) {
        const struct dict_bucket *bucket = live_bucket(dict, random_below(buckets));
        void *entry = chain_entry(bucket, random_below(RANDOM_CHAIN_ENTRIES));
        if (entry)
            return entry;
    }
    /* Very sparse: the first entry from a random place on. */
    size_t start = random_below(buckets);
    for (size_t i = 0; i < buckets; i++) {
        void *entry = chain_entry(live_bucket(dict, (start + i) % buckets), 0);
        if (entry)
            return entry;
    }
    panic("dict: entries counted but not found");
}

struct sample {
    void **entries;
    size_t count;
    size_t max;
};

static void sample_take(void *context, void *entry)
{
    struct sample *sample = context;
    if (sample->count < sample->max)
        sample->entries[sample->count++] = entry;
}

size_t dict_sample(const struct dict *dict, void **entries, size_t count)
{
    if (dict_count(dict) == 0)
        return 0;
    struct sample sample = {.entries = entries, .max = count};
    size_t buckets = live_buckets(dict);
    size_t steps = count * SAMPLE_STEPS_FACTOR;
    if (steps > buckets)
        steps = buckets;
    size_t at = random_below(buckets);
    for (size_t i = 0; i < steps && sample.count < count; i++) {
        visit_chain(live_bucket(dict, at), sample_take, &sample);
        at = at + 1 == buckets ? 0 : at + 1;
    }
    if (sample.count == 0)
        sample_take(&sample, dict_random(dict));
    return sample.count;
}

/* -- figures -- */

size_t dict_bucket_count(const struct dict *dict)
{
    size_t buckets = 0;
    for (unsigned table = 0; table < 2 && dict->tables[table]; table++)
        buckets += dict->masks[table] + 1;
    return buckets;
}

size_t dict_capacity(const struct dict *dict)
{
    return dict_bucket_count(dict) * DICT_BUCKET_SLOTS;
}

size_t dict_memory(const struct dict *dict)
{
    return (dict_bucket_count(dict) + dict->children) * sizeof(struct dict_bucket);
}

/* -- checker -- */

static void check_chain(const struct dict *dict, unsigned table, size_t index, size_t *entries,
                        size_t *children)
{
    const struct dict_bucket *bucket = &dict->tables[table][index];
    for (; bucket; bucket = dict_bucket_child(bucket)) {
        assert(((uintptr_t)bucket & 63) == 0);
        if (bucket->is_chained) {
            ++*children;
            assert(bucket->tags[DICT_BUCKET_SLOTS - 1] == 0);
            assert(bucket->slots[DICT_BUCKET_SLOTS - 1] != NULL);
        }
        for (unsigned i = 0; i < DICT_BUCKET_SLOTS; i++) {
            if (!bucket->tags[i])
                continue;
            uint64_t hash = dict->type->hash(bucket->slots[i]);
            assert(bucket->tags[i] == dict_tag(hash));
            assert((hash & dict->masks[table]) == index);
            ++*entries;
        }
    }
}

void dict_check(const struct dict *dict)
{
    size_t children = 0;
    assert(dict_is_rehashing(dict) == (dict->tables[1] != NULL));
    for (unsigned table = 0; table < 2; table++) {
        size_t entries = 0;
        size_t buckets = dict->tables[table] ? dict->masks[table] + 1 : 0;
        assert((buckets & (buckets - 1)) == 0);
        for (size_t i = 0; i < buckets; i++) {
            size_t before = entries;
            check_chain(dict, table, i, &entries, &children);
            if (table == 0 && dict_is_rehashing(dict) && i < dict->rehash_index)
                assert(entries == before);
        }
        assert(entries == dict->counts[table]);
    }
    assert(children == dict->children);
}
