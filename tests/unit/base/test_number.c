/* Numbers as text: limits, forms that Redis prints, and round trips of random values. */
#include "base/number.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

Test(number, parses_i64)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"7", 7},
                {"-1", -1},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        int64_t value = 99;
        cr_assert(number_parse_i64(bytes_of_text(good[i].text), &value), "%s", good[i].text);
        cr_assert_eq(value, good[i].value);
    }
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "-0",
                                      "00",
                                      "01",
                                      "-01",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "0x1",
                                      "--1",
                                      "1.0",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "100000000000000000000"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t value;
        cr_assert_not(number_parse_i64(bytes_of_text(bad[i]), &value), "%s", bad[i]);
    }
    int64_t value;
    cr_assert_not(number_parse_i64(BYTES_LITERAL("1\0"), &value));
}

Test(number, parses_u64)
{
    uint64_t value;
    cr_assert(number_parse_u64(BYTES_LITERAL("18446744073709551615"), &value));
    cr_assert_eq(value, UINT64_MAX);
    cr_assert(number_parse_u64(BYTES_LITERAL("0"), &value));
    cr_assert_eq(value, 0);
    cr_assert_not(number_parse_u64(BYTES_LITERAL("18446744073709551616"), &value));
    cr_assert_not(number_parse_u64(BYTES_LITERAL("-1"), &value));
    cr_assert_not(number_parse_u64(BYTES_LITERAL("03"), &value));
    cr_assert_not(number_parse_u64(BYTES_LITERAL(""), &value));
}

Test(number, integers_round_trip)
{
    struct random_state random;
    random_state_seed(&random, 5);
    for (int i = 0; i < 100000; i++) {
        int64_t value = (int64_t)(random_state_next(&random) >> (random_state_next(&random) % 64));
        if (i & 1)
            value = -value;
        char text[NUMBER_I64_TEXT_MAX];
        char expected[NUMBER_I64_TEXT_MAX];
        size_t size = number_format_i64(text, value);
        snprintf(expected, sizeof expected, "%" PRId64, value);
        cr_assert_str_eq(text, expected);
        cr_assert_eq(size, strlen(expected));
        int64_t back;
        cr_assert(number_parse_i64(bytes_of(text, size), &back));
        cr_assert_eq(back, value);
    }
    char text[NUMBER_I64_TEXT_MAX];
    number_format_i64(text, INT64_MIN);
    cr_assert_str_eq(text, "-9223372036854775808");
    number_format_u64(text, UINT64_MAX);
    cr_assert_str_eq(text, "18446744073709551615");
}

Test(number, parses_doubles)
{
    static const char *const good[] = {"0",
                                       "-0",
                                       "1.5",
                                       "-3.25",
                                       "+2",
                                       "1e3",
                                       "1E-3",
                                       ".5",
                                       "5.",
                                       "inf",
                                       "-inf",
                                       "+inf",
                                       "Infinity",
                                       "1234567890123456789012",
                                       "0.1",
                                       "1e-310",
                                       "123456789012345",
                                       "0.000000000000001",
                                       "179e306"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        double value;
        cr_assert(number_parse_double(bytes_of_text(good[i]), &value), "%s", good[i]);
        cr_assert_eq(value, strtod(good[i], NULL), "%s", good[i]);
    }
    static const char *const bad[] = {"",    " ",      " 1",     "1 ",  "nan",   "-nan",
                                      "abc", "1.2.3",  "--1",    "1e",  "1e400", "-",
                                      ".",   "1e-400", "-1e400", "1,5", "+-1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        double value;
        long double long_value;
        cr_assert_not(number_parse_double(bytes_of_text(bad[i]), &value), "%s", bad[i]);
        if (!strstr(bad[i], "400"))
            cr_assert_not(number_parse_long_double(bytes_of_text(bad[i]), &long_value), "%s",
                          bad[i]);
    }
    double value;
    cr_assert_not(number_parse_double(BYTES_LITERAL("1\0"), &value));
    cr_assert(number_parse_double(BYTES_LITERAL("-0"), &value) && signbit(value));
    long double long_value;
    cr_assert(number_parse_long_double(BYTES_LITERAL("3.0e3"), &long_value));
    cr_assert(long_value == 3000.0L);
    char long_text[NUMBER_DOUBLE_TEXT_MAX + 1];
    memset(long_text, '1', sizeof long_text);
    cr_assert_not(number_parse_long_double(bytes_of(long_text, sizeof long_text), &long_value));
}

Test(number, short_decimals_read_as_strtod_reads_them)
{
    struct random_state random;
    random_state_seed(&random, 6);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        uint64_t digits = random_state_next(&random) % 1000000000000000;
        digits >>= random_state_next(&random) % 50;
        int places = (int)(random_state_next(&random) % 15) + 1;
        snprintf(text, sizeof text, "%s%" PRIu64 ".%0*" PRIu64, i & 1 ? "-" : "", digits % 1000,
                 places, digits);
        double value;
        cr_assert(number_parse_double(bytes_of_text(text), &value));
        cr_assert_eq(value, strtod(text, NULL), "%s", text);
    }
}

static void check_double(double value, const char *expected)
{
    char text[128];
    size_t size = number_format_double(text, sizeof text, value);
    cr_assert_str_eq(text, expected);
    cr_assert_eq(size, strlen(expected));
}

Test(number, formats_doubles)
{
    check_double(3, "3");
    check_double(0, "0");
    check_double(-0.0, "-0");
    check_double(0.1, "0.1");
    check_double(-2.5, "-2.5");
    check_double(INFINITY, "inf");
    check_double(-INFINITY, "-inf");
    check_double(NAN, "nan");
    check_double(0.30000000000000004, "0.30000000000000004");
    check_double(1.0 / 3, "0.3333333333333333");
    check_double(3.141592653589793, "3.141592653589793");
    check_double(1234567.125, "1234567.125");
    check_double(9007199254740993, "9007199254740992");
    check_double(1e16, "10000000000000000");
    check_double(1e18, "1000000000000000000");
    check_double(1e19, "1e+19");
    check_double(1e20, "1e+20");
    check_double(-1.5e300, "-1.5e+300");
    check_double(12345678901234567890.0, "12345678901234567000");
    check_double(1.7976931348623157e308, "1.7976931348623157e+308");
    check_double(5e-324, "5e-324");
    check_double(2.2250738585072014e-308, "2.2250738585072014e-308");
    check_double(0.000001, "0.000001");
    check_double(0.0000012, "1.2e-6");
    check_double(0.0000001, "1e-7");
    check_double(0.0012345678, "0.0012345678");
    check_double(0.00012345678, "1.2345678e-4");
    check_double(0.00012, "0.00012");
    check_double(1.2345678e-6, "1.2345678e-6");
}

/* No shorter text reads back as the value. */
static bool is_shortest(const char *text, double value)
{
    unsigned digits = 0;
    const char *from = text + strspn(text, "-0.");
    for (const char *c = from; *c && *c != 'e'; c++)
        digits += *c != '.';
    if (digits <= 1 || !strpbrk(text, ".e"))
        return true;
    char shorter[64];
    snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, value);
    return strtod(shorter, NULL) != value;
}

Test(number, doubles_round_trip_in_the_shortest_form)
{
    struct random_state random;
    random_state_seed(&random, 8);
    for (int i = 0; i < 60000; i++) {
        double value;
        uint64_t bits = random_state_next(&random);
        if (i % 3 == 0)
            memcpy(&value, &bits, sizeof value);
        else if (i % 3 == 1)
            value = (double)(int64_t)(bits >> (bits % 40 + 20)) / pow(10, (double)(bits % 9));
        else
            value = (double)bits * 0x1p-64;
        if (isnan(value) || isinf(value))
            continue;
        char text[128];
        number_format_double(text, sizeof text, value);
        cr_assert_eq(strtod(text, NULL), value, "%s is not %.17g", text, value);
        cr_assert(is_shortest(text, value), "%s for %.17g", text, value);
    }
}

static void check_human(long double value, const char *expected)
{
    char text[NUMBER_DOUBLE_TEXT_MAX];
    cr_assert_eq(number_format_long_double_human(text, sizeof text, value), strlen(expected));
    cr_assert_str_eq(text, expected);
}

Test(number, formats_long_doubles)
{
    check_human(3.0L, "3");
    check_human(10.5L, "10.5");
    check_human(-0.0L, "0");
    check_human(-1e-30L, "0");
    check_human(0.1L, "0.1");
    check_human(100.0L, "100");
    check_human(5e3L, "5000");
    check_human(1e27L, "1000000000000000000000000000");
    check_human((long double)INFINITY, "inf");
    check_human(-(long double)INFINITY, "-inf");
    char text[NUMBER_DOUBLE_TEXT_MAX];
    cr_assert_gt(number_format_long_double_human(text, sizeof text, 1e4932L), 4900);
}

Test(number, parses_memory)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"100", 100},
                {"512b", 512},
                {"5k", 5000},
                {"5KB", 5120},
                {"10mb", 10485760},
                {"1m", 1000000},
                {"1g", 1000000000},
                {"2Gb", 2147483648},
                {"007", 7},
                {"18446744073709551615", UINT64_MAX}};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        uint64_t bytes = 1;
        cr_assert(number_parse_memory(bytes_of_text(good[i].text), &bytes), "%s", good[i].text);
        cr_assert_eq(bytes, good[i].bytes, "%s", good[i].text);
    }
    static const char *const bad[] = {"",
                                      "kb",
                                      "-1",
                                      "-1mb",
                                      "1 mb",
                                      "1mbb",
                                      "1tb",
                                      "x",
                                      "1.5g",
                                      "18446744073709551616",
                                      "18446744073709551615kb"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint64_t bytes;
        cr_assert_not(number_parse_memory(bytes_of_text(bad[i]), &bytes), "%s", bad[i]);
    }
}

Test(number, formats_memory)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {{0, "0B"},
                {512, "512B"},
                {1023, "1023B"},
                {1024, "1.00K"},
                {1572864, "1.50M"},
                {1048575, "1024.00K"},
                {1073741824, "1.00G"},
                {1ull << 40, "1.00T"},
                {1ull << 50, "1.00P"},
                {1ull << 62, "4611686018427387904B"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[64];
        size_t size = number_format_memory(text, sizeof text, rows[i].bytes);
        cr_assert_str_eq(text, rows[i].text);
        cr_assert_eq(size, strlen(text));
    }
}
