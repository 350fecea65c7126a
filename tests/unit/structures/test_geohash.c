/* Squares against arithmetic on slices; covers of areas against all positions. */
#include "base/random.h"
#include "structures/geohash.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static double uniform(struct random_state *random, double limit)
{
    return ((double)(random_state_next(random) >> 11) / 9007199254740992.0 * 2 - 1) * limit;
}

static struct geo_position anywhere(struct random_state *random)
{
    return (struct geo_position){uniform(random, GEO_LONGITUDE_MAX),
                                 uniform(random, GEO_LATITUDE_MAX)};
}

Test(geohash, a_position_is_inside_of_its_square)
{
    struct random_state random;
    random_state_seed(&random, 1);
    for (int i = 0; i < 20000; i++) {
        struct geo_position position = anywhere(&random);
        uint8_t step = (uint8_t)(random_state_next(&random) % GEO_STEP_MAX + 1);
        struct geo_square square = geo_square_of(position, step);
        struct geo_bounds bounds = geo_square_bounds(square);
        cr_assert(position.longitude >= bounds.minimum.longitude - 1e-9 &&
                  position.longitude <= bounds.maximum.longitude + 1e-9);
        cr_assert(position.latitude >= bounds.minimum.latitude - 1e-9 &&
                  position.latitude <= bounds.maximum.latitude + 1e-9);
        double minimum;
        double maximum;
        geo_square_scores(square, &minimum, &maximum);
        double score = geo_score(position);
        cr_assert(score >= minimum && score < maximum);
        struct geo_position back = geo_position_of(score);
        cr_assert(geo_distance(position, back) < 0.6, "%f", geo_distance(position, back));
    }
}

Test(geohash, neighbours_touch_and_wrap_around)
{
    struct random_state random;
    random_state_seed(&random, 2);
    for (int i = 0; i < 5000; i++) {
        uint8_t step = (uint8_t)(random_state_next(&random) % GEO_STEP_MAX + 1);
        struct geo_square square = geo_square_of(anywhere(&random), step);
        struct geo_square east = geo_square_move(square, 1, 0);
        struct geo_square north = geo_square_move(square, 0, 1);
        double edge = geo_square_bounds(square).maximum.longitude;
        double next = geo_square_bounds(east).minimum.longitude;
        cr_assert(fabs(edge - next) < 1e-9 || fabs(edge - next - 360) < 1e-9);
        edge = geo_square_bounds(square).maximum.latitude;
        next = geo_square_bounds(north).minimum.latitude;
        cr_assert(fabs(edge - next) < 1e-9 || fabs(edge - next - 2 * GEO_LATITUDE_MAX) < 1e-9);
        cr_assert_eq(geo_square_move(east, -1, 0).bits, square.bits);
        cr_assert_eq(geo_square_move(north, 0, -1).bits, square.bits);
    }
}

static bool covers(const struct geo_square *squares, struct geo_position position)
{
    double score = geo_score(position);
    for (int i = 0; i < GEO_COVER_MAX; i++) {
        double minimum;
        double maximum;
        if (squares[i].step == 0)
            continue;
        geo_square_scores(squares[i], &minimum, &maximum);
        if (score >= minimum && score < maximum)
            return true;
    }
    return false;
}

/* Positions near the center, up to somewhat more than the radius away. */
static struct geo_position nearby(struct random_state *random, struct geo_position center,
                                  double metres)
{
    double reach = metres / 111000 * 1.3;
    struct geo_position position = {center.longitude +
                                        uniform(random, reach / cos(center.latitude * M_PI / 180)),
                                    center.latitude + uniform(random, reach)};
    if (position.longitude > 180)
        position.longitude -= 360;
    if (position.longitude < -180)
        position.longitude += 360;
    return position;
}

Test(geohash, squares_cover_the_area)
{
    struct random_state random;
    random_state_seed(&random, 3);
    size_t inside = 0;
    for (int i = 0; i < 3000; i++) {
        struct geo_area area = {.center = {uniform(&random, 150), uniform(&random, 60)},
                                .is_box = i % 2,
                                .metres = i % 4 < 2 ? 1 : 1000};
        area.radius = exp(uniform(&random, 6) + 6.5) / area.metres;
        area.width = area.radius;
        area.height = area.radius / (i % 3 + 1);
        struct geo_square squares[GEO_COVER_MAX];
        geo_area_cover(&area, squares);
        cr_assert_eq(squares[0].bits, geo_square_of(area.center, squares[0].step).bits);
        for (int k = 0; k < 30; k++) {
            struct geo_position position = nearby(&random, area.center, area.radius * area.metres);
            double distance;
            if (!geo_is_valid(position) || !geo_area_has(&area, position, &distance))
                continue;
            inside++;
            cr_assert(covers(squares, position), "area %d", i);
            cr_assert(fabs(distance - geo_distance(area.center, position)) < 1e-6);
        }
    }
    cr_assert_gt(inside, 10000);
}

/* What is inside by the formula is inside, though far latitudes are left out before. */
Test(geohash, a_circle_has_what_is_near_enough)
{
    struct random_state random;
    random_state_seed(&random, 4);
    for (int i = 0; i < 50000; i++) {
        struct geo_area area = {.center = anywhere(&random), .metres = 1};
        area.radius = exp(uniform(&random, 8) + 8);
        struct geo_position position = nearby(&random, area.center, area.radius);
        double distance;
        if (!geo_is_valid(position))
            continue;
        bool has = geo_area_has(&area, position, &distance);
        cr_assert_eq(has, geo_distance(area.center, position) <= area.radius);
    }
}

Test(geohash, the_standard_text)
{
    char text[GEO_TEXT_SIZE + 1];
    geo_text(geo_position_of(geo_score((struct geo_position){13.361389, 38.115556})), text);
    cr_assert_str_eq(text, "sqc8b49rny0");
    geo_text(geo_position_of(geo_score((struct geo_position){15.087269, 37.502669})), text);
    cr_assert_str_eq(text, "sqdtr74hyu0");
}

Test(geohash, any_score_is_a_position)
{
    static const double scores[] = {-1,
                                    -1e300,
                                    1e300,
                                    INFINITY,
                                    -INFINITY,
                                    1e18,
                                    9223372036854775808.0,
                                    18446744073709551616.0,
                                    0.5,
                                    4503599627370496,
                                    -0.0};
    for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++)
        cr_assert(geo_is_valid(geo_position_of(scores[i])));
    cr_assert_eq(geo_score_bits(-1), UINT64_MAX);
    cr_assert_eq(geo_score_bits(INFINITY), 0);
    cr_assert_eq(geo_score_bits(-INFINITY), (uint64_t)1 << 63);
    cr_assert_eq(geo_score_bits(9223372036854775808.0), (uint64_t)1 << 63);
}
