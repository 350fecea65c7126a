/* Sorted sets as values: a listpack of member, score, member, score in order while small, else a
 * table of elements by member and a tree of the same elements by rank (OBJECT ENCODING: skiplist).
 *
 * Functions that change take the value by pointer: its encoding and pointer may change, and the
 * owner stores them again. Ranges and walking are in zset_ranges.h. Main thread, except `free`.
 */
#ifndef TYPES_ZSET_TYPE_H
#define TYPES_ZSET_TYPE_H

#include "base/bytes.h"
#include "structures/dict.h"
#include "structures/listpack.h"
#include "structures/ranked_tree.h"
#include "types/type_options.h"
#include "types/value.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value behind ENCODING_SKIPLIST; both hold the same elements, the tree owns them. */
struct zset {
    struct dict members;
    struct ranked_tree order;
};

enum zset_add_flag {
    ZSET_ONLY_ABSENT = 1 << 0,  /* NX */
    ZSET_ONLY_PRESENT = 1 << 1, /* XX */
    ZSET_ONLY_GREATER = 1 << 2, /* GT: of members that are present */
    ZSET_ONLY_LESS = 1 << 3,    /* LT */
    ZSET_INCREMENT = 1 << 4     /* the score is added to the present one */
};

enum zset_add_result {
    ZSET_ADDED,
    ZSET_UPDATED,
    ZSET_SAME,    /* present with this very score */
    ZSET_REFUSED, /* by a flag */
    ZSET_NAN      /* the sum of infinities is no number; nothing was changed */
};

/* Empty, in the encoding for `count` members, the first of `member_size` bytes. */
struct value zset_create(const struct type_settings *settings, size_t count, size_t member_size);
/* Leaves the listpack when `count` more members are known not to fit. */
void zset_expect(struct value *zset, const struct type_settings *settings, size_t count);
/* Returns to a listpack when it would fit again (results of algebra). */
void zset_compact(struct value *zset, const struct type_settings *settings);

/* *score (not NaN) becomes the member's score unless the result is REFUSED or NAN. */
enum zset_add_result zset_add(struct value *zset, const struct type_settings *settings,
                              struct bytes member, double *score, unsigned flags);
/* False when absent. An empty set stays a value: its owner deletes the key. */
bool zset_remove(struct value *zset, struct bytes member);

size_t zset_count(struct value zset);
/* False when absent. */
bool zset_score(struct value zset, struct bytes member, double *score);
/* Rank from the lowest score, with the score; false when absent. */
bool zset_rank(struct value zset, struct bytes member, size_t *rank, double *score);

/* Aborts when an invariant does not hold. */
void zset_check(struct value zset);

/* For the table of types. */
extern const struct value_ops zset_value_ops;

/* -- shared with zset_ranges.c -- */

static inline struct listpack *zset_pack(struct value zset)
{
    assert(zset.encoding == ENCODING_LISTPACK);
    return (struct listpack *)zset.pointer;
}

static inline struct zset *zset_tree(struct value zset)
{
    assert(zset.encoding == ENCODING_SKIPLIST);
    return (struct zset *)zset.pointer;
}

/* The score at a position of a listpack. */
double zset_pack_score(const struct listpack *pack, uint32_t position);
/* Takes an element out of a large set and frees it. */
void zset_drop_element(struct zset *zset, struct ranked_element *element);

#endif
