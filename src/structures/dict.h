/* A hash table of pointers to entries. The entries know their keys; the caller brings the hash.
 *
 * Buckets are one cache line: seven slots and, for each, eight bits of the hash, so a lookup reads
 * the bucket and then, nearly always, only the entry it wants.
 *
 *   bucket  │ tag 0..6 │ chained │ slot 0 │ slot 1 │ … │ slot 6 │      64 bytes
 *                                                       └─▶ child bucket, when chained (tag 6 is 0)
 *
 * A tag of 0 is a free slot. The bucket is chosen by the low bits of the hash, the tag is its top
 * byte. The table grows (mean load above seven) and shrinks (below an eighth) incrementally: two
 * tables exist for a while, each write moves two buckets, dict_rehash moves more. dict_scan visits
 * every entry that is there from its beginning to its end at least once, whatever is resized
 * meanwhile.
 *
 * One owner, any thread.
 */
#ifndef STRUCTURES_DICT_H
#define STRUCTURES_DICT_H

#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DICT_BUCKET_SLOTS = 7 };

struct dict_bucket {
    uint8_t tags[DICT_BUCKET_SLOTS];
    uint8_t is_chained;
    void *slots[DICT_BUCKET_SLOTS];
} __attribute__((aligned(64)));

struct dict_type {
    uint64_t (*hash)(const void *entry);
    bool (*matches)(const void *entry, struct bytes key);
    void (*free)(void *entry); /* for dict_clear and dict_deinit; may be NULL */
};

enum dict_resize { DICT_RESIZE_ALLOWED, DICT_RESIZE_AVOIDED };

struct dict {
    const struct dict_type *type;
    struct dict_bucket
        *tables[2]; /* [1] only while rehashing; both NULL when nothing was added yet */
    size_t masks[2];
    size_t counts[2];
    size_t rehash_index; /* buckets of tables[0] below it are empty; SIZE_MAX: not rehashing */
    size_t children;     /* chained buckets allocated */
    uint32_t pauses;     /* > 0: entries stay in their tables and slots */
    uint32_t resize;     /* enum dict_resize */
};

void dict_init(struct dict *dict, const struct dict_type *type);
/* Frees entries (when the type says how) and tables. */
void dict_deinit(struct dict *dict);
/* As dict_deinit, and usable afterwards. */
void dict_clear(struct dict *dict);

/* The slot that holds the key's entry, or NULL. The caller may replace the entry by one with the
 * same key. Valid until the next call that writes. */
void **dict_find_slot(const struct dict *dict, uint64_t hash, struct bytes key);
void *dict_find(const struct dict *dict, uint64_t hash, struct bytes key);
/* The key must be absent. */
void dict_add(struct dict *dict, uint64_t hash, void *entry);
/* Takes the entry out and returns it, NULL when absent. */
void *dict_remove(struct dict *dict, uint64_t hash, struct bytes key);
/* Takes out what the slot (of dict_find_slot, same hash) holds. */
void *dict_remove_slot(struct dict *dict, uint64_t hash, void **slot);

static inline size_t dict_count(const struct dict *dict)
{
    return dict->counts[0] + dict->counts[1];
}

static inline bool dict_is_rehashing(const struct dict *dict)
{
    return dict->rehash_index != SIZE_MAX;
}

/* Makes room for `count` entries at once. */
void dict_reserve(struct dict *dict, size_t count);
/* Moves up to `buckets` buckets; true while more are left. Does nothing when paused. */
bool dict_rehash(struct dict *dict, size_t buckets);
/* Starts a resize when the load asks for one (after mass removal; dict_add and dict_remove do it
 * themselves). */
void dict_resize_if_needed(struct dict *dict);
void dict_set_resize(struct dict *dict, enum dict_resize resize);
void dict_pause(struct dict *dict);
void dict_resume(struct dict *dict);

/* Visits the entries of some buckets; returns the next cursor, 0 when all are visited. An entry may
 * be visited twice. `visit` must not change the table. */
uint64_t dict_scan(const struct dict *dict, uint64_t cursor,
                   void (*visit)(void *context, void *entry), void *context);
/* For a dict that stays paused from the first call to the last: visits `buckets` buckets more, in
 * the order of memory, backwards. *left is dict_bucket_count at first; false when it is 0. Every
 * key that stays is visited once; one that is removed and added again meanwhile not more than once.
 * `visit` as in dict_scan. */
bool dict_walk(const struct dict *dict, size_t *left, size_t buckets,
               void (*visit)(void *context, void *entry), void *context);
/* Visits every entry once. `visit` may remove the visited entry (only that one); nothing may be
 * added. */
void dict_each(struct dict *dict, void (*visit)(void *context, void *entry), void *context);
/* An entry, each with the same probability; NULL when empty. */
void *dict_random(const struct dict *dict);
/* Up to `count` entries from neighbouring buckets at a random place: cheap, distinct, not fair. */
size_t dict_sample(const struct dict *dict, void **entries, size_t count);

/* Bytes of tables and child buckets. */
size_t dict_memory(const struct dict *dict);
/* Slots of the table(s), for load figures. */
size_t dict_capacity(const struct dict *dict);
size_t dict_bucket_count(const struct dict *dict);
/* Aborts when an invariant does not hold. */
void dict_check(const struct dict *dict);

/* -- hot path, inline -- */

#define DICT_TAG_LOWS  0x0101010101010101ULL
#define DICT_TAG_HIGHS 0x0080808080808080ULL

static inline uint8_t dict_tag(uint64_t hash)
{
    uint8_t tag = (uint8_t)(hash >> 56);
    return (uint8_t)(tag + !tag);
}

/* The high bit of each byte i < 7 whose tag equals. Exact, no false positives. */
static inline uint64_t dict_bucket_match(const struct dict_bucket *bucket, uint8_t tag)
{
    uint64_t tags;
    memcpy(&tags, bucket, sizeof(tags));
    uint64_t differs = tags ^ (DICT_TAG_LOWS * tag);
    uint64_t low7 = 0x7f7f7f7f7f7f7f7fULL;
    return ~(((differs & low7) + low7) | differs) & DICT_TAG_HIGHS;
}

static inline struct dict_bucket *dict_bucket_child(const struct dict_bucket *bucket)
{
    return bucket->is_chained ? (struct dict_bucket *)bucket->slots[DICT_BUCKET_SLOTS - 1] : NULL;
}

static inline __attribute__((always_inline)) void **
dict_find_slot_with(const struct dict *dict, uint64_t hash, struct bytes key,
                    bool (*matches)(const void *entry, struct bytes key))
{
    uint8_t tag = dict_tag(hash);
    for (unsigned table = 0; table < 2 && dict->tables[table]; table++) {
        struct dict_bucket *bucket = &dict->tables[table][hash & dict->masks[table]];
        do {
            uint64_t hits = dict_bucket_match(bucket, tag);
            for (; hits; hits &= hits - 1) {
                void **slot = &bucket->slots[(unsigned)__builtin_ctzll(hits) >> 3];
                if (__builtin_expect(matches(*slot, key), 1))
                    return slot;
            }
            bucket = dict_bucket_child(bucket);
        } while (__builtin_expect(bucket != NULL, 0));
    }
    return NULL;
}

/* Always inline: gcc takes a function that only prefetches for one without effect, and drops the
 * call. */
#define DICT_PREFETCH static inline __attribute__((always_inline)) void

/* First phase: the bucket's line. */
DICT_PREFETCH dict_prefetch_bucket(const struct dict *dict, uint64_t hash)
{
    for (unsigned table = 0; table < 2 && dict->tables[table]; table++)
        __builtin_prefetch(&dict->tables[table][hash & dict->masks[table]]);
}

/* Second phase: the entries that may be the one. */
DICT_PREFETCH dict_prefetch_entry(const struct dict *dict, uint64_t hash)
{
    uint8_t tag = dict_tag(hash);
    for (unsigned table = 0; table < 2 && dict->tables[table]; table++) {
        const struct dict_bucket *bucket = &dict->tables[table][hash & dict->masks[table]];
        uint64_t hits = dict_bucket_match(bucket, tag);
        for (; hits; hits &= hits - 1) {
            const char *entry = bucket->slots[(unsigned)__builtin_ctzll(hits) >> 3];
            __builtin_prefetch(entry);
            __builtin_prefetch(entry + 64);
        }
        const struct dict_bucket *child = dict_bucket_child(bucket);
        if (child)
            __builtin_prefetch(child);
    }
}

#endif
