/* Numbers as text. Parsing is strict; formatting gives what Redis 8 prints. */
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

/* Powers of ten that a double holds exactly. */
static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* -- parsing -- */

bool number_parse_u64(struct bytes text, uint64_t *value)
{
    if (text.size == 0 || text.size > 20)
        return false;
    unsigned first = (unsigned char)text.data[0] - '0';
    if (first > 9 || (first == 0 && text.size > 1))
        return false;
    uint64_t result = first;
    for (size_t i = 1; i < text.size; i++) {
        unsigned digit = (unsigned char)text.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(result, 10, &result) ||
            __builtin_add_overflow(result, digit, &result))
            return false;
    }
    *value = result;
    return true;
}

bool number_parse_i64(struct bytes text, int64_t *value)
{
    if (text.size == 0)
        return false;
    bool is_negative = text.data[0] == '-';
    uint64_t magnitude;
    if (!number_parse_u64(bytes_of(text.data + is_negative, text.size - is_negative), &magnitude))
        return false;
    if (is_negative) {
        if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1)
            return false;
        *value = (int64_t)-magnitude;
        return true;
    }
    if (magnitude > INT64_MAX)
        return false;
    *value = (int64_t)magnitude;
    return true;
}

/* The usual case without strtod: at most 15 digits and a point. Both the digits and the power of
 * ten are exact doubles, so one correctly rounded division gives the nearest double. */
static bool parse_short_decimal(struct bytes text, double *value)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    uint64_t digits = 0;
    size_t count = 0;
    size_t point = SIZE_MAX;
    for (size_t i = is_negative; i < text.size; i++) {
        unsigned digit = (unsigned char)text.data[i] - '0';
        if (digit <= 9) {
            digits = digits * 10 + digit;
            count++;
        } else if (text.data[i] == '.' && point == SIZE_MAX) {
            point = count;
        } else {
            return false;
        }
        if (count > 15)
            return false;
    }
    if (count == 0)
        return false;
    double result = (double)digits;
    if (point != SIZE_MAX)
        result /= powers_of_ten[count - point];
    *value = is_negative ? -result : result;
    return true;
}

/* strtod wants a terminated text. False when it is too long, empty or begins with a space. */
static bool copy_terminated(char copy[NUMBER_DOUBLE_TEXT_MAX], struct bytes text)
{
    if (text.size == 0 || text.size >= NUMBER_DOUBLE_TEXT_MAX ||
        isspace((unsigned char)text.data[0]))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return true;
}

bool number_parse_double(struct bytes text, double *value)
{
    if (parse_short_decimal(text, value))
        return true;
    char copy[NUMBER_DOUBLE_TEXT_MAX];
    if (!copy_terminated(copy, text))
        return false;
    char *end;
    errno = 0;
    double result = strtod(copy, &end);
    if (end != copy + text.size || isnan(result) ||
        (errno == ERANGE && (isinf(result) || fpclassify(result) == FP_ZERO)))
        return false;
    *value = result;
    return true;
}

bool number_parse_long_double(struct bytes text, long double *value)
{
    char copy[NUMBER_DOUBLE_TEXT_MAX];
    if (!copy_terminated(copy, text))
        return false;
    char *end;
    errno = 0;
    long double result = strtold(copy, &end);
    if (end != copy + text.size || isnan(result) ||
        (errno == ERANGE && (isinf(result) || fpclassify(result) == FP_ZERO)))
        return false;
    *value = result;
    return true;
}

bool number_parse_memory(struct bytes text, uint64_t *bytes)
{
    static const struct {
        const char *name;
        uint64_t factor;
    } units[] = {{"", 1},
                 {"b", 1},
                 {"k", 1000},
                 {"kb", 1024},
                 {"m", 1000 * 1000},
                 {"mb", 1024 * 1024},
                 {"g", 1000 * 1000 * 1000},
                 {"gb", 1024 * 1024 * 1024}};
    size_t digits = 0;
    uint64_t number = 0;
    while (digits < text.size && isdigit((unsigned char)text.data[digits])) {
        uint64_t digit = (uint64_t)(text.data[digits] - '0');
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digit, &number))
            return false;
        digits++;
    }
    if (digits == 0)
        return false;
    struct bytes unit = bytes_of(text.data + digits, text.size - digits);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (bytes_is(unit, units[i].name))
            return !__builtin_mul_overflow(number, units[i].factor, bytes);
    return false;
}

/* -- formatting -- */

size_t number_format_u64(char *destination, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    size_t size = number_digits_u64(value);
    char *next = destination + size;
    *next = '\0';
    while (value >= 100) {
        next -= 2;
        memcpy(next, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(destination, pairs + value * 2, 2);
    else
        destination[0] = (char)('0' + value);
    return size;
}

size_t number_format_i64(char *destination, int64_t value)
{
    if (value >= 0)
        return number_format_u64(destination, (uint64_t)value);
    destination[0] = '-';
    return 1 + number_format_u64(destination + 1, -(uint64_t)value);
}

/* A decimal number: 0.d1d2d3... would need a point; here value = digits * 10^exponent. */
struct decimal {
    char digits[24]; /* no leading or trailing zero */
    int count;
    int exponent;
};

static void decimal_from_u64(struct decimal *decimal, uint64_t digits, int exponent)
{
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    decimal->count = (int)number_format_u64(decimal->digits, digits);
    decimal->exponent = exponent;
}

/* Few digits after the point, the usual case: if a whole number of at most 15 digits divided by a
 * power of ten gives back the value, its digits are the shortest ones, because no two decimals of
 * 15 digits read as the same double. */
static bool shortest_by_division(double value, struct decimal *decimal)
{
    for (int places = 1; places <= 8; places++) {
        double scaled = nearbyint(value * powers_of_ten[places]);
        if (scaled >= 1e15)
            return false;
        if (scaled > 0 && scaled / powers_of_ten[places] == value) {
            decimal_from_u64(decimal, (uint64_t)scaled, -places);
            return true;
        }
    }
    return false;
}

/* Shortest digits that read back as `value`, which is positive and finite. */
static void shortest_digits(double value, struct decimal *decimal)
{
    if (shortest_by_division(value, decimal))
        return;
    char text[40];
    /* 15 digits always survive in a normal double; a subnormal one holds fewer. */
    int precision = value < 0x1p-1022 ? 1 : 15;
    for (; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, value);
        if (strtod(text, NULL) == value)
            break;
    }
    const char *exponent = strchr(text, 'e');
    assert(exponent);
    uint64_t digits = 0;
    int after_point = -1;
    for (const char *c = text; c != exponent; c++) {
        if (*c == '.')
            continue;
        digits = digits * 10 + (uint64_t)(*c - '0');
        after_point++;
    }
    decimal_from_u64(decimal, digits, (int)strtol(exponent + 1, NULL, 10) - after_point);
}

/* Lays the digits out as Redis 8 does: plain while that needs few added zeroes, else d.ddde+xx. */
static size_t layout_decimal(char *out, size_t capacity, const struct decimal *decimal)
{
    const char *digits = decimal->digits;
    int count = decimal->count;
    int exponent = decimal->exponent;
    int magnitude = exponent + count - 1; /* of the first digit */
    int distance = magnitude < 0 ? -magnitude : magnitude;
    int size;
    if (exponent >= 0 && distance < count + 7) {
        size = snprintf(out, capacity, "%s%.*s", digits, exponent, "00000000");
    } else if (exponent < 0 && (exponent > -7 || distance < 4)) {
        int whole = count + exponent;
        if (whole <= 0)
            size = snprintf(out, capacity, "0.%.*s%s", -whole, "00000000", digits);
        else
            size = snprintf(out, capacity, "%.*s.%s", whole, digits, digits + whole);
    } else {
        size = snprintf(out, capacity, "%c%s%se%c%d", digits[0], count > 1 ? "." : "", digits + 1,
                        magnitude < 0 ? '-' : '+', distance);
    }
    assert(size > 0 && (size_t)size < capacity);
    return (size_t)size;
}

static size_t copy_word(char *destination, size_t capacity, const char *word)
{
    size_t size = strlen(word);
    assert(size < capacity);
    memcpy(destination, word, size + 1);
    return size;
}

size_t number_format_double(char *destination, size_t capacity, double value)
{
    assert(capacity >= 32);
    if (isnan(value))
        return copy_word(destination, capacity, "nan");
    if (isinf(value))
        return copy_word(destination, capacity, value > 0 ? "inf" : "-inf");
    if (value == 0)
        return copy_word(destination, capacity, signbit(value) ? "-0" : "0");
    /* Whole numbers print all their digits while they surely fit. */
    if (fabs(value) <= 0x1p62 && (double)(int64_t)value == value)
        return number_format_i64(destination, (int64_t)value);
    size_t sign = value < 0;
    if (sign)
        destination[0] = '-';
    struct decimal decimal;
    shortest_digits(fabs(value), &decimal);
    return sign + layout_decimal(destination + sign, capacity - sign, &decimal);
}

size_t number_format_long_double_human(char *destination, size_t capacity, long double value)
{
    if (isnan(value))
        return copy_word(destination, capacity, "nan");
    if (isinf(value))
        return copy_word(destination, capacity, value > 0 ? "inf" : "-inf");
    int written = snprintf(destination, capacity, "%.17Lf", value);
    assert(written > 0 && (size_t)written < capacity);
    size_t size = (size_t)written;
    while (destination[size - 1] == '0')
        size--;
    if (destination[size - 1] == '.')
        size--;
    destination[size] = '\0';
    if (strcmp(destination, "-0") == 0)
        return copy_word(destination, capacity, "0");
    return size;
}

size_t number_format_memory(char *destination, size_t capacity, uint64_t bytes)
{
    static const char units[] = "KMGTP";
    int written;
    unsigned unit = 0;
    while (unit < 5 && bytes >> (10 * (unit + 1)) >= 1024)
        unit++;
    if (bytes < 1024 || unit == 5)
        written = snprintf(destination, capacity, "%lluB", (unsigned long long)bytes);
    else
        written = snprintf(destination, capacity, "%.2f%c",
                           (double)bytes / (double)(1ull << (10 * (unit + 1))), units[unit]);
    assert(written > 0 && (size_t)written < capacity);
    return (size_t)written;
}
