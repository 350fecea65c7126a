/* Positions on the earth as numbers: longitude and latitude are cut into 2^step slices each, and
 * the bits of both are interleaved (longitude in the odd ones), so that a square of the map is a
 * range of numbers. With 26 steps a position is a number below 2^53, which a score holds. Latitudes
 * end where the Mercator map does, at 85.05 degrees.
 *
 * Everything is computed in the reference's order of operations, so that distances and positions
 * are the same to the last bit. Any thread.
 */
#ifndef STRUCTURES_GEOHASH_H
#define STRUCTURES_GEOHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEO_LONGITUDE_MAX 180.0
#define GEO_LATITUDE_MAX  85.05112878

enum { GEO_STEP_MAX = 26, GEO_TEXT_SIZE = 11 };

struct geo_position {
    double longitude;
    double latitude;
};

/* A square of the map. */
struct geo_square {
    uint64_t bits;
    uint8_t step; /* 0: none */
};

struct geo_bounds {
    struct geo_position minimum;
    struct geo_position maximum;
};

static inline bool geo_is_valid(struct geo_position position)
{
    return position.longitude >= -GEO_LONGITUDE_MAX && position.longitude <= GEO_LONGITUDE_MAX &&
           position.latitude >= -GEO_LATITUDE_MAX && position.latitude <= GEO_LATITUDE_MAX;
}

/* The square with the position, which is valid. */
struct geo_square geo_square_of(struct geo_position position, uint8_t step);
struct geo_bounds geo_square_bounds(struct geo_square square);
/* The square that is so many squares further east and north, around the edges. */
struct geo_square geo_square_move(struct geo_square square, int east, int north);
/* The scores in it: from *minimum to below *maximum. */
void geo_square_scores(struct geo_square square, double *minimum, double *maximum);

/* A valid position as a score. */
double geo_score(struct geo_position position);
/* Any score as a position: the middle of its square, inside of the limits. */
struct geo_position geo_position_of(double score);
/* The number that a score stands for; what is none counts as 0 or 2^63, as processors have it. */
uint64_t geo_score_bits(double score);

/* Metres, on a sphere. */
double geo_distance(struct geo_position a, struct geo_position b);

/* The standard text of a position (its latitudes end at 90): eleven characters and a NUL. */
void geo_text(struct geo_position position, char text[GEO_TEXT_SIZE + 1]);

/* -- areas -- */

struct geo_area {
    struct geo_position center;
    bool is_box;
    double radius; /* or width and height; in units of `metres` */
    double width;
    double height;
    double metres; /* of one unit */
};

/* Whether the position is inside; *distance is from the center, in metres, if it is. */
bool geo_area_has(const struct geo_area *area, struct geo_position position, double *distance);

enum { GEO_COVER_MAX = 9 };

/* The squares that cover the area, in the order of searching: the one with the center, then those
 * around it. Squares without use have step 0. */
void geo_area_cover(const struct geo_area *area, struct geo_square squares[GEO_COVER_MAX]);

#endif
