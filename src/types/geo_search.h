/* Members of a sorted set inside of an area of the map; their scores are positions (geohash.h).
 * Main thread. */
#ifndef TYPES_GEO_SEARCH_H
#define TYPES_GEO_SEARCH_H

#include "structures/geohash.h"
#include "types/zset_ranges.h"

struct geo_point {
    struct bytes member; /* points into the set, or is the search's own */
    double score;
    double distance; /* from the area's center, metres */
    struct geo_position position;
};

struct geo_search {
    struct geo_point *points;
    size_t count;
    size_t capacity;
    char **texts; /* of members that the set keeps as integers */
    size_t text_count;
    size_t text_capacity;
};

enum geo_order { GEO_UNORDERED, GEO_NEAREST_FIRST, GEO_FARTHEST_FIRST };

/* Finds the members in the reference's order; stops when `limit` (0: none) are found. The set must
 * not change until geo_search_deinit. */
void geo_search_run(struct geo_search *search, struct value zset, const struct geo_area *area,
                    size_t limit);
/* Orders the first `wanted` points; what follows them is in any order. */
void geo_search_order(struct geo_search *search, enum geo_order order, size_t wanted);
void geo_search_deinit(struct geo_search *search);

#endif
