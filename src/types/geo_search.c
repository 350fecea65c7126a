/* Searching an area square by square. Members at the same distance keep the order that the
 * reference gives them: by its walk over the squares, and where only the first few are wanted, by
 * its partial quicksort (Bentley and McIlroy's, without the parts outside of what is wanted). */
#include "types/geo_search.h"

#include "base/memory.h"
#include <stdlib.h>

/* -- finding -- */

/* The member for as long as the search lives. */
static struct bytes keep(struct geo_search *search, const struct zset_walk *walk,
                         struct bytes member)
{
    if (member.data != walk->scratch)
        return member;
    if (search->text_count == search->text_capacity) {
        search->text_capacity = search->text_capacity ? search->text_capacity * 2 : 16;
        search->texts =
            mem_realloc(search->texts, search->text_capacity * sizeof(search->texts[0]));
    }
    char *text = mem_dup(member.data, member.size);
    search->texts[search->text_count++] = text;
    return bytes_of(text, member.size);
}

static struct geo_point *next_point(struct geo_search *search)
{
    if (search->count == search->capacity) {
        search->capacity = search->capacity ? search->capacity * 2 : 32;
        search->points = mem_realloc(search->points, search->capacity * sizeof(search->points[0]));
    }
    return &search->points[search->count];
}

static void search_square(struct geo_search *search, struct value zset, const struct geo_area *area,
                          struct geo_square square, size_t limit)
{
    struct zset_score_range range = {.excludes_maximum = true};
    geo_square_scores(square, &range.minimum, &range.maximum);
    struct zset_slice slice = zset_slice_by_score(zset, &range);
    struct zset_walk walk;
    struct zset_item item;
    zset_walk_slice(&walk, zset, slice, false);
    for (size_t i = 0; i < slice.count && zset_walk_next(&walk, &item); i++) {
        struct geo_point *point = next_point(search);
        point->position = geo_position_of(item.score);
        if (!geo_area_has(area, point->position, &point->distance))
            continue;
        point->member = keep(search, &walk, item.member);
        point->score = item.score;
        search->count++;
        if (limit && search->count >= limit)
            return;
    }
}

void geo_search_run(struct geo_search *search, struct value zset, const struct geo_area *area,
                    size_t limit)
{
    struct geo_square squares[GEO_COVER_MAX];
    *search = (struct geo_search){0};
    geo_area_cover(area, squares);
    size_t last = 0; /* searched; the reference does not compare with the first one */
    for (size_t i = 0; i < GEO_COVER_MAX; i++) {
        if (squares[i].step == 0 && squares[i].bits == 0)
            continue;
        /* In areas as large as the earth neighbours are the same square. */
        if (last && squares[i].bits == squares[last].bits && squares[i].step == squares[last].step)
            continue;
        if (limit && search->count >= limit)
            break;
        search_square(search, zset, area, squares[i], limit);
        last = i;
    }
}

void geo_search_deinit(struct geo_search *search)
{
    for (size_t i = 0; i < search->text_count; i++)
        mem_free(search->texts[i]);
    mem_free(search->texts);
    mem_free(search->points);
}

/* -- ordering -- */

static int nearest_first(const void *a, const void *b)
{
    double x = ((const struct geo_point *)a)->distance;
    double y = ((const struct geo_point *)b)->distance;
    return x > y ? 1 : x == y ? 0 : -1;
}

static int farthest_first(const void *a, const void *b)
{
    return nearest_first(b, a);
}

typedef int compare_points(const void *a, const void *b);

static void swap_points(struct geo_point *a, struct geo_point *b)
{
    struct geo_point kept = *a;
    *a = *b;
    *b = kept;
}

static void swap_blocks(struct geo_point *a, struct geo_point *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        swap_points(&a[i], &b[i]);
}

static struct geo_point *median(struct geo_point *a, struct geo_point *b, struct geo_point *c,
                                compare_points *compare)
{
    if (compare(a, b) < 0)
        return compare(b, c) < 0 ? b : compare(a, c) < 0 ? c : a;
    return compare(b, c) > 0 ? b : compare(a, c) < 0 ? a : c;
}

static struct geo_point *choose_pivot(struct geo_point *points, size_t count,
                                      compare_points *compare)
{
    enum { MEDIAN_OF_THREE_FROM = 8, MEDIAN_OF_NINE_FROM = 41 };
    struct geo_point *left = points;
    struct geo_point *middle = points + count / 2;
    struct geo_point *right = points + count - 1;
    if (count < MEDIAN_OF_THREE_FROM)
        return middle;
    if (count >= MEDIAN_OF_NINE_FROM) {
        size_t part = count / 8;
        left = median(left, left + part, left + 2 * part, compare);
        middle = median(middle - part, middle, middle + part, compare);
        right = median(right - 2 * part, right - part, right, compare);
    }
    return median(left, middle, right, compare);
}

/* Puts what is less than a chosen point to the left, what is greater to the right; sets how many.
 */
static void partition(struct geo_point *points, size_t count, compare_points *compare, size_t *less,
                      size_t *greater)
{
    swap_points(points, choose_pivot(points, count, compare));
    /* equal [0, a) | less [a, b) | unknown [b, c] | greater (c, d] | equal (d, count) */
    ptrdiff_t a = 1;
    ptrdiff_t b = 1;
    ptrdiff_t c = (ptrdiff_t)count - 1;
    ptrdiff_t d = c;
    for (;;) {
        int order;
        while (b <= c && (order = compare(&points[b], points)) <= 0) {
            if (order == 0)
                swap_points(&points[a++], &points[b]);
            b++;
        }
        while (b <= c && (order = compare(&points[c], points)) >= 0) {
            if (order == 0)
                swap_points(&points[c], &points[d--]);
            c--;
        }
        if (b > c)
            break;
        swap_points(&points[b++], &points[c--]);
    }
    size_t left = (size_t)(a < b - a ? a : b - a);
    swap_blocks(points, &points[b - (ptrdiff_t)left], left);
    ptrdiff_t behind = (ptrdiff_t)count - d - 1;
    size_t right = (size_t)(d - c < behind ? d - c : behind);
    swap_blocks(&points[b], &points[count - right], right);
    *less = (size_t)(b - a);
    *greater = (size_t)(d - c);
}

static void insertion_sort(struct geo_point *points, size_t count, compare_points *compare)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && compare(&points[k - 1], &points[k]) > 0; k--)
            swap_points(&points[k], &points[k - 1]);
}

/* The first `wanted` of the points get their place. The smaller part is done by a call of its own,
 * so calls nest as deep as the logarithm of the count. */
static void sort_first(struct geo_point *points, size_t count, size_t wanted,
                       compare_points *compare)
{
    enum { INSERTION_BELOW = 7 };
    while (wanted > 0 && count > 1) {
        if (count < INSERTION_BELOW) {
            insertion_sort(points, count, compare);
            return;
        }
        size_t less;
        size_t greater;
        partition(points, count, compare, &less, &greater);
        size_t upper = count - greater;
        size_t upper_wanted = wanted > upper ? wanted - upper : 0;
        if (less < greater) {
            sort_first(points, less, wanted, compare);
            points += upper;
            count = greater;
            wanted = upper_wanted;
        } else {
            sort_first(points + upper, greater, upper_wanted, compare);
            count = less;
        }
    }
}

void geo_search_order(struct geo_search *search, enum geo_order order, size_t wanted)
{
    compare_points *compare = order == GEO_NEAREST_FIRST ? nearest_first : farthest_first;
    if (order == GEO_UNORDERED || search->count < 2)
        return;
    if (wanted >= search->count)
        qsort(search->points, search->count, sizeof(search->points[0]), compare);
    else
        sort_first(search->points, search->count, wanted, compare);
}
