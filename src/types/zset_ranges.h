/* Ranges of sorted sets. Every range - of ranks, scores or members - is a slice: a first rank and a
 * count, so counting, walking either way, limits and removal are the same for all. Main thread.
 */
#ifndef TYPES_ZSET_RANGES_H
#define TYPES_ZSET_RANGES_H

#include "types/zset_type.h"

struct zset_slice {
    size_t first; /* rank */
    size_t count;
};

struct zset_score_range {
    double minimum;
    double maximum;
    bool excludes_minimum;
    bool excludes_maximum;
};

/* One end of a range of members. */
struct zset_lex_end {
    enum { LEX_BELOW_ALL, LEX_MEMBER, LEX_ABOVE_ALL } kind; /* "-", "[x" or "(x", "+" */
    struct bytes member;
    bool is_excluded;
};

struct zset_lex_range {
    struct zset_lex_end minimum;
    struct zset_lex_end maximum;
};

/* Ranks as ZRANGE gives them: from 0, or backwards from -1; both ends belong to it. */
struct zset_slice zset_slice_by_rank(struct value zset, int64_t start, int64_t stop);
struct zset_slice zset_slice_by_score(struct value zset, const struct zset_score_range *range);
/* Makes sense when all scores are equal. */
struct zset_slice zset_slice_by_lex(struct value zset, const struct zset_lex_range *range);
/* The same slice of ranks counted from the highest score. */
struct zset_slice zset_slice_reversed(struct value zset, struct zset_slice slice);
/* LIMIT: leaves out `offset` from the side where walking begins (none is left when negative), and
 * keeps `limit` at most (negative: all). */
struct zset_slice zset_slice_limit(struct zset_slice slice, bool is_reverse, int64_t offset,
                                   int64_t limit);

/* "5", "(5", "-inf": false when it is none. */
bool zset_parse_score_end(struct bytes text, double *score, bool *is_excluded);
bool zset_parse_score_range(struct bytes minimum, struct bytes maximum,
                            struct zset_score_range *range);
/* "[x", "(x", "-", "+"; members point into the texts. */
bool zset_parse_lex_range(struct bytes minimum, struct bytes maximum, struct zset_lex_range *range);

void zset_remove_slice(struct value *zset, struct zset_slice slice);

/* -- walking; the set must not change meanwhile -- */

struct zset_item {
    struct bytes member; /* valid until the next step */
    double score;
};

struct zset_walk {
    const struct listpack *pack; /* NULL: the tree */
    struct ranked_cursor cursor;
    uint32_t position; /* 0: the end */
    bool is_reverse;
    char scratch[NUMBER_I64_TEXT_MAX];
};

/* Beginning at a rank, upwards or downwards. */
void zset_walk_from(struct zset_walk *walk, struct value zset, size_t rank, bool is_reverse);
/* Over a slice: the caller takes slice.count items. */
static inline void zset_walk_slice(struct zset_walk *walk, struct value zset,
                                   struct zset_slice slice, bool is_reverse)
{
    size_t rank = is_reverse && slice.count ? slice.first + slice.count - 1 : slice.first;
    zset_walk_from(walk, zset, rank, is_reverse);
}
/* False at the end. */
bool zset_walk_next(struct zset_walk *walk, struct zset_item *item);

#endif
