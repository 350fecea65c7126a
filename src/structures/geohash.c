/* Squares, distances and areas on the map. */
#include "structures/geohash.h"

#include "base/assert.h"
#include <math.h>
#include <string.h>

static const double earth_radius = 6372797.560856; /* metres */
static const double mercator_max = 20037726.37;    /* metres, half of the equator on the map */

static double radians(double degrees)
{
    return degrees * (M_PI / 180.0);
}

static double degrees(double angle)
{
    return angle / (M_PI / 180.0);
}

/* -- interleaving -- */

static uint64_t spread_bits(uint32_t value)
{
    uint64_t bits = value;
    bits = (bits | bits << 16) & 0x0000ffff0000ffff;
    bits = (bits | bits << 8) & 0x00ff00ff00ff00ff;
    bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0f;
    bits = (bits | bits << 2) & 0x3333333333333333;
    return (bits | bits << 1) & 0x5555555555555555;
}

static uint32_t gather_bits(uint64_t bits)
{
    bits &= 0x5555555555555555;
    bits = (bits | bits >> 1) & 0x3333333333333333;
    bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0f;
    bits = (bits | bits >> 4) & 0x00ff00ff00ff00ff;
    bits = (bits | bits >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(bits | bits >> 16);
}

static uint32_t slice_of(double value, double limit, uint8_t step)
{
    double share = (value + limit) / (limit + limit);
    return (uint32_t)(share * (double)(1ull << step));
}

static uint64_t interleave(struct geo_position position, double latitude_max, uint8_t step)
{
    return spread_bits(slice_of(position.latitude, latitude_max, step)) |
           spread_bits(slice_of(position.longitude, GEO_LONGITUDE_MAX, step)) << 1;
}

/* -- squares -- */

struct geo_square geo_square_of(struct geo_position position, uint8_t step)
{
    assert(step >= 1 && step <= GEO_STEP_MAX && geo_is_valid(position));
    return (struct geo_square){interleave(position, GEO_LATITUDE_MAX, step), step};
}

static double edge(uint64_t slice, double limit, uint8_t step)
{
    return -limit + ((double)slice * 1.0 / (double)(1ull << step)) * (limit + limit);
}

struct geo_bounds geo_square_bounds(struct geo_square square)
{
    uint32_t latitude = gather_bits(square.bits);
    uint32_t longitude = gather_bits(square.bits >> 1);
    /* Counted in 32 bits, as what is stored may have any. */
    return (struct geo_bounds){
        .minimum = {edge(longitude, GEO_LONGITUDE_MAX, square.step),
                    edge(latitude, GEO_LATITUDE_MAX, square.step)},
        .maximum = {edge(longitude + 1u, GEO_LONGITUDE_MAX, square.step),
                    edge(latitude + 1u, GEO_LATITUDE_MAX, square.step)},
    };
}

struct geo_square geo_square_move(struct geo_square square, int east, int north)
{
    uint32_t mask = (uint32_t)((1ull << square.step) - 1);
    uint32_t latitude = gather_bits(square.bits);
    uint32_t longitude = gather_bits(square.bits >> 1);
    /* The map's last line has a number of its own, one bit longer, which is left by moving alone.
     */
    if (north)
        latitude = (latitude + (uint32_t)north) & mask;
    if (east)
        longitude = (longitude + (uint32_t)east) & mask;
    return (struct geo_square){spread_bits(latitude) | spread_bits(longitude) << 1, square.step};
}

void geo_square_scores(struct geo_square square, double *minimum, double *maximum)
{
    unsigned shift = 2u * (GEO_STEP_MAX - square.step);
    *minimum = (double)(square.bits << shift);
    *maximum = (double)((square.bits + 1) << shift);
}

double geo_score(struct geo_position position)
{
    return (double)geo_square_of(position, GEO_STEP_MAX).bits;
}

uint64_t geo_score_bits(double score)
{
    static const double two_63 = 9223372036854775808.0;
    if (score >= two_63)
        return score < 2 * two_63 ? (uint64_t)score : 0;
    return score > -two_63 ? (uint64_t)(int64_t)score : (uint64_t)1 << 63;
}

static double clamp(double value, double limit)
{
    return value > limit ? limit : value < -limit ? -limit : value;
}

struct geo_position geo_position_of(double score)
{
    struct geo_bounds bounds =
        geo_square_bounds((struct geo_square){geo_score_bits(score), GEO_STEP_MAX});
    return (struct geo_position){
        clamp((bounds.minimum.longitude + bounds.maximum.longitude) / 2, GEO_LONGITUDE_MAX),
        clamp((bounds.minimum.latitude + bounds.maximum.latitude) / 2, GEO_LATITUDE_MAX),
    };
}

void geo_text(struct geo_position position, char text[GEO_TEXT_SIZE + 1])
{
    static const char alphabet[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t bits = interleave(position, 90.0, GEO_STEP_MAX);
    /* 52 bits are ten characters and two bits; the last character is always zero. */
    for (unsigned i = 0; i < GEO_TEXT_SIZE - 1; i++)
        text[i] = alphabet[bits >> (52 - (i + 1) * 5) & 31];
    text[GEO_TEXT_SIZE - 1] = '0';
    text[GEO_TEXT_SIZE] = '\0';
}

/* -- distances -- */

static double latitude_distance(double a, double b)
{
    return earth_radius * fabs(radians(b) - radians(a));
}

/* The haversine formula. */
double geo_distance(struct geo_position a, struct geo_position b)
{
    double v = sin((radians(b.longitude) - radians(a.longitude)) / 2);
    if (v == 0.0)
        return latitude_distance(a.latitude, b.latitude);
    double latitude_a = radians(a.latitude);
    double latitude_b = radians(b.latitude);
    double u = sin((latitude_b - latitude_a) / 2);
    double h = u * u + cos(latitude_a) * cos(latitude_b) * v * v;
    return 2.0 * earth_radius * asin(sqrt(h));
}

static bool circle_has(const struct geo_area *area, struct geo_position position, double *distance)
{
    /* Nothing is nearer than its latitude is; what rounding may add is far less than this share. */
    static const double surely = 1 + 1e-9;
    double radius = area->radius * area->metres;
    if (latitude_distance(area->center.latitude, position.latitude) > radius * surely + 1e-3)
        return false;
    *distance = geo_distance(area->center, position);
    return !(*distance > radius);
}

static bool box_has(const struct geo_area *area, struct geo_position position, double *distance)
{
    double width = area->width * area->metres;
    double height = area->height * area->metres;
    struct geo_position same_latitude = {area->center.longitude, position.latitude};
    if (latitude_distance(position.latitude, area->center.latitude) > height / 2 ||
        geo_distance(position, same_latitude) > width / 2)
        return false;
    *distance = geo_distance(area->center, position);
    return true;
}

bool geo_area_has(const struct geo_area *area, struct geo_position position, double *distance)
{
    return area->is_box ? box_has(area, position, distance) : circle_has(area, position, distance);
}

/* -- covering an area -- */

static struct geo_bounds bounds_of(const struct geo_area *area)
{
    struct geo_position center = area->center;
    double height = area->metres * (area->is_box ? area->height / 2 : area->radius);
    double width = area->metres * (area->is_box ? area->width / 2 : area->radius);
    double up = degrees(height / earth_radius);
    /* The side that is nearer to a pole spans more degrees. */
    double far = center.latitude < 0 ? center.latitude - up : center.latitude + up;
    double aside = degrees(width / earth_radius / cos(radians(far)));
    return (struct geo_bounds){{center.longitude - aside, center.latitude - up},
                               {center.longitude + aside, center.latitude + up}};
}

/* The finest step at which nine squares around the center probably cover the radius. */
static uint8_t estimate_step(double metres, double latitude)
{
    if (metres == 0)
        return GEO_STEP_MAX;
    int step = 1;
    while (metres < mercator_max) {
        metres *= 2;
        step++;
    }
    step -= 2;
    /* Squares are narrow near the poles. */
    if (latitude > 66 || latitude < -66)
        step -= latitude > 80 || latitude < -80 ? 2 : 1;
    return (uint8_t)(step < 1 ? 1 : step > GEO_STEP_MAX ? GEO_STEP_MAX : step);
}

static bool is_covered(struct geo_square square, const struct geo_bounds *bounds)
{
    return geo_square_bounds(geo_square_move(square, 0, 1)).maximum.latitude >=
               bounds->maximum.latitude &&
           geo_square_bounds(geo_square_move(square, 0, -1)).minimum.latitude <=
               bounds->minimum.latitude &&
           geo_square_bounds(geo_square_move(square, 1, 0)).maximum.longitude >=
               bounds->maximum.longitude &&
           geo_square_bounds(geo_square_move(square, -1, 0)).minimum.longitude <=
               bounds->minimum.longitude;
}

void geo_area_cover(const struct geo_area *area, struct geo_square squares[GEO_COVER_MAX])
{
    static const struct {
        int east;
        int north;
    } moves[GEO_COVER_MAX] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                              {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
    struct geo_bounds bounds = bounds_of(area);
    double reach =
        area->is_box
            ? sqrt((area->width / 2) * (area->width / 2) + (area->height / 2) * (area->height / 2))
            : area->radius;
    uint8_t step = estimate_step(reach * area->metres, area->center.latitude);
    struct geo_square center = geo_square_of(area->center, step);
    if (step > 1 && !is_covered(center, &bounds))
        center = geo_square_of(area->center, --step);
    struct geo_bounds inner = geo_square_bounds(center);
    for (size_t i = 0; i < GEO_COVER_MAX; i++) {
        bool is_needless =
            (moves[i].north < 0 && inner.minimum.latitude < bounds.minimum.latitude) ||
            (moves[i].north > 0 && inner.maximum.latitude > bounds.maximum.latitude) ||
            (moves[i].east < 0 && inner.minimum.longitude < bounds.minimum.longitude) ||
            (moves[i].east > 0 && inner.maximum.longitude > bounds.maximum.longitude);
        squares[i] = step >= 2 && is_needless
                         ? (struct geo_square){0, 0}
                         : geo_square_move(center, moves[i].east, moves[i].north);
    }
}
