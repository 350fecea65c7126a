/* Slices of sorted sets: finding, walking, removing. Main thread. */
#include "types/zset_ranges.h"
#include "base/assert.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- parsing -- */

/* As strtod takes it: blanks may lead, nothing at all is 0, too large is infinite, and what follows
 * a NUL does not count. */
bool zset_parse_score_end(struct bytes text, double *score, bool *is_excluded)
{
    *is_excluded = text.size > 0 && text.data[0] == '(';
    if (*is_excluded)
        text = bytes_of(text.data + 1, text.size - 1);
    char copy[320];
    if (text.size >= sizeof copy)
        return number_parse_double(text, score);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    char *end;
    *score = strtod(copy, &end);
    return *end == '\0' && !isnan(*score);
}

bool zset_parse_score_range(struct bytes minimum, struct bytes maximum,
                            struct zset_score_range *range)
{
    return zset_parse_score_end(minimum, &range->minimum, &range->excludes_minimum) &&
           zset_parse_score_end(maximum, &range->maximum, &range->excludes_maximum);
}

static bool parse_lex_end(struct bytes text, struct zset_lex_end *end)
{
    char first = text.size ? text.data[0] : '\0';
    *end = (struct zset_lex_end){.kind = LEX_MEMBER, .is_excluded = first == '('};
    if (first == '(' || first == '[') {
        end->member = bytes_of(text.data + 1, text.size - 1);
        return true;
    }
    end->kind = first == '-' ? LEX_BELOW_ALL : LEX_ABOVE_ALL;
    return text.size == 1 && (first == '-' || first == '+');
}

bool zset_parse_lex_range(struct bytes minimum, struct bytes maximum, struct zset_lex_range *range)
{
    return parse_lex_end(minimum, &range->minimum) && parse_lex_end(maximum, &range->maximum);
}

/* -- slices -- */

static size_t pack_rank_of_bound(const struct listpack *pack, const struct ranked_bound *bound)
{
    size_t rank = 0;
    for (uint32_t position = listpack_first(pack); position; rank++) {
        uint32_t score_position = listpack_next(pack, position);
        if (bound->by == RANKED_BY_MEMBER) {
            char scratch[NUMBER_I64_TEXT_MAX];
            int order = bytes_compare(listpack_text(pack, position, scratch), bound->member);
            if (order > 0 || (order == 0 && !bound->is_after))
                break;
        } else {
            double score = zset_pack_score(pack, score_position);
            if (score > bound->score || (score == bound->score && !bound->is_after))
                break;
        }
        position = listpack_next(pack, score_position);
    }
    return rank;
}

static size_t rank_of_bound(struct value zset, const struct ranked_bound *bound)
{
    if (zset.encoding == ENCODING_LISTPACK)
        return pack_rank_of_bound(zset_pack(zset), bound);
    return ranked_tree_rank_of_bound(&zset_tree(zset)->order, bound);
}

static struct zset_slice slice_between(size_t first, size_t end)
{
    return (struct zset_slice){first, end > first ? end - first : 0};
}

struct zset_slice zset_slice_by_rank(struct value zset, int64_t start, int64_t stop)
{
    int64_t count = (int64_t)zset_count(zset);
    if (start < 0)
        start = start + count < 0 ? 0 : start + count;
    if (stop < 0)
        stop += count;
    if (stop >= count)
        stop = count - 1;
    if (start > stop || start >= count)
        return (struct zset_slice){0, 0};
    return (struct zset_slice){(size_t)start, (size_t)(stop - start + 1)};
}

struct zset_slice zset_slice_by_score(struct value zset, const struct zset_score_range *range)
{
    struct ranked_bound first = {
        .by = RANKED_BY_SCORE, .score = range->minimum, .is_after = range->excludes_minimum};
    struct ranked_bound end = {
        .by = RANKED_BY_SCORE, .score = range->maximum, .is_after = !range->excludes_maximum};
    if (range->minimum > range->maximum)
        return (struct zset_slice){0, 0};
    return slice_between(rank_of_bound(zset, &first), rank_of_bound(zset, &end));
}

static size_t rank_of_lex_end(struct value zset, const struct zset_lex_end *end, bool is_minimum)
{
    if (end->kind == LEX_BELOW_ALL)
        return 0;
    if (end->kind == LEX_ABOVE_ALL)
        return zset_count(zset);
    struct ranked_bound bound = {
        .by = RANKED_BY_MEMBER, .member = end->member, .is_after = is_minimum == end->is_excluded};
    return rank_of_bound(zset, &bound);
}

struct zset_slice zset_slice_by_lex(struct value zset, const struct zset_lex_range *range)
{
    return slice_between(rank_of_lex_end(zset, &range->minimum, true),
                         rank_of_lex_end(zset, &range->maximum, false));
}

struct zset_slice zset_slice_reversed(struct value zset, struct zset_slice slice)
{
    if (slice.count == 0)
        return slice;
    return (struct zset_slice){zset_count(zset) - slice.first - slice.count, slice.count};
}

struct zset_slice zset_slice_limit(struct zset_slice slice, bool is_reverse, int64_t offset,
                                   int64_t limit)
{
    if (offset < 0 || (uint64_t)offset >= slice.count || limit == 0)
        return (struct zset_slice){slice.first, 0};
    slice.count -= (size_t)offset;
    if (!is_reverse)
        slice.first += (size_t)offset;
    if (limit > 0 && (uint64_t)limit < slice.count) {
        if (is_reverse)
            slice.first += slice.count - (size_t)limit;
        slice.count = (size_t)limit;
    }
    return slice;
}

void zset_remove_slice(struct value *zset, struct zset_slice slice)
{
    if (slice.count == 0)
        return;
    assert(slice.first + slice.count <= zset_count(*zset));
    if (zset->encoding == ENCODING_LISTPACK) {
        struct listpack *pack = zset_pack(*zset);
        uint32_t position = listpack_seek(pack, (int64_t)slice.first * 2);
        listpack_delete_range(&pack, position, (uint32_t)slice.count * 2);
        zset->pointer = pack;
        return;
    }
    struct zset *set = zset_tree(*zset);
    for (size_t i = 0; i < slice.count; i++)
        zset_drop_element(set, ranked_tree_at(&set->order, slice.first));
}

/* -- walking -- */

void zset_walk_from(struct zset_walk *walk, struct value zset, size_t rank, bool is_reverse)
{
    walk->is_reverse = is_reverse;
    walk->position = 0;
    if (zset.encoding == ENCODING_LISTPACK) {
        walk->pack = zset_pack(zset);
        if (rank < zset_count(zset))
            walk->position = listpack_seek(walk->pack, (int64_t)rank * 2);
    } else {
        walk->pack = NULL;
        walk->cursor = ranked_tree_cursor(&zset_tree(zset)->order, rank);
    }
}

bool zset_walk_next(struct zset_walk *walk, struct zset_item *item)
{
    if (!walk->pack) {
        const struct ranked_element *element = walk->is_reverse
                                                   ? ranked_cursor_previous(&walk->cursor)
                                                   : ranked_cursor_next(&walk->cursor);
        if (!element)
            return false;
        *item = (struct zset_item){ranked_element_member(element), element->score};
        return true;
    }
    if (!walk->position)
        return false;
    uint32_t score_position = listpack_next(walk->pack, walk->position);
    item->member = listpack_text(walk->pack, walk->position, walk->scratch);
    item->score = zset_pack_score(walk->pack, score_position);
    if (!walk->is_reverse) {
        walk->position = listpack_next(walk->pack, score_position);
    } else {
        uint32_t previous = listpack_previous(walk->pack, walk->position);
        walk->position = previous ? listpack_previous(walk->pack, previous) : 0;
    }
    return true;
}
