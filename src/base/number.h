/* Numbers as text, exactly as Redis reads and prints them. Any thread. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

enum { NUMBER_I64_TEXT_MAX = 21, NUMBER_DOUBLE_TEXT_MAX = 5 * 1024 };

/* Strict decimal: optional '-', no '+', no leading zero, no space, fits. False otherwise. */
bool number_parse_i64(struct bytes text, int64_t *value);
bool number_parse_u64(struct bytes text, uint64_t *value);
/* As Redis getDoubleFromObject: strtod syntax incl. inf, whole text used, no leading space, no nan.
 */
bool number_parse_double(struct bytes text, double *value);
bool number_parse_long_double(struct bytes text, long double *value);
/* "100", "10mb", "1g", "5k", "512b": k=1000, kb=1024, and so on. Overflow and negative are refused.
 */
bool number_parse_memory(struct bytes text, uint64_t *bytes);

/* Writes decimal digits (and a NUL) into destination[NUMBER_I64_TEXT_MAX]; returns their number. */
size_t number_format_i64(char *destination, int64_t value);
size_t number_format_u64(char *destination, uint64_t value);
/* Shortest text that reads back as the same double ("3", "0.1", "inf", "-inf", "nan"), 128 bytes.
 */
size_t number_format_double(char *destination, size_t capacity, double value);
/* INCRBYFLOAT's form: up to 17 digits after the point, trailing zeroes removed, no exponent. */
size_t number_format_long_double_human(char *destination, size_t capacity, long double value);
/* "1.50M" style of INFO's *_human fields. */
size_t number_format_memory(char *destination, size_t capacity, uint64_t bytes);

static inline unsigned number_digits_u64(uint64_t value)
{
    unsigned digits = 1;
    while (value >= 10) {
        value /= 10;
        digits++;
    }
    return digits;
}

#endif
